"""An AWS Application Load Balancer as a router: a rule that forwards to two weighted target groups."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from console.model.clock import Clock
from console.model.errors import Refused, RemoteError, Unreachable
from console.model.readings import Identity, RequestCounts, Split, SplitChange
from console.model.systems import AlbTraffic, Side
from console.model.text import clean
from console.providers.clients.aws import AwsClient
from console.providers.clients.strict import field, malformed
from console.providers.traffic.shares import shares

_COUNT_EVERY = timedelta(seconds=30)
"""CloudWatch counts by the minute and is paid by the question."""

_SETTLED = timedelta(minutes=15)
"""A minute older than this is not counted anew by CloudWatch."""

Action = Mapping[str, Any]


class AlbRouter:
    """One forward action of a listener's rule, or of a listener itself where its ARN is given.

    AWS has no compare-and-set here: forward, the rule is read right before it is written, and what somebody changed since the weights
    were last read stops the change. Where the rule holds customers to a target group, some may stay for that time: the note says so.
    Protocol: docs.aws.amazon.com, "ModifyRule", "ModifyListener", "DescribeTargetHealth", CloudWatch metric RequestCount.
    """

    def __init__(self, spec: AlbTraffic, client: AwsClient, clock: Clock) -> None:
        self._spec = spec
        self._client = client
        self._clock = clock
        self._system = client.system
        self._is_rule = ":listener-rule/" in spec.rule
        self._seen: Sequence[Action] | None = None
        self._backs = 0
        self._counts: RequestCounts | None = None
        self._minutes: dict[Side, dict[datetime, float]] = {side: {} for side in spec.groups}
        self._since = clock.now()

    async def identity(self) -> Identity:
        """Return the rule with its load balancer and target groups; the incarnation is when the load balancer was created."""
        found = await self._client.ask("elbv2", "describe_load_balancers", LoadBalancerArns=[self._balancer])
        balancers = field(found, "LoadBalancers", list, self._system)
        if not balancers:
            raise malformed(self._system, "It names no load balancer.")
        digest = hashlib.sha256("\n".join((self._spec.rule, *self._spec.groups.values())).encode()).hexdigest()[:16]
        created = field(balancers[0], "CreatedTime", datetime, self._system)
        name = clean(field(balancers[0], "LoadBalancerName", str, self._system), 60)
        return Identity(f"alb {name} {clean(self._spec.rule.rpartition('/')[2], 40)} {digest}", f"created {created.isoformat()}")

    async def split(self) -> Split:
        """Return the weights of the two target groups as the rule has them."""
        at = self._clock.now()
        actions = await self._actions()
        self._seen = actions
        weights = self._weights(actions)
        notes = []
        if others := [group for group, weight in weights.items() if weight and group not in self._spec.groups.values()]:
            notes.append(f"{', '.join(_name(group) for group in others)} takes traffic too, and is no side of this target")
        sticky = _forward(actions, self._system)["ForwardConfig"].get("TargetGroupStickinessConfig") or {}
        if sticky.get("Enabled"):
            notes.append(f"customers may stay on a side for {sticky.get('DurationSeconds', 0)} s: its rule is sticky")
        if not sum(weights.values()):
            notes.append("no side has any weight: every request is answered 503")
        shared = shares(weights)
        return Split({side: shared[group] for side, group in self._spec.groups.items()}, at, "; ".join(notes))

    async def set_split(self, change: SplitChange) -> None:
        """Write both weights in one call, with everything else of the rule as it is."""
        if change.backward:
            self._backs += 1
            await self._modify(await self._last_known(), change)
            return
        backs, seen = self._backs, self._seen
        try:
            actions = await self._actions()
            await self._check_targets(change)
        except Unreachable as error:
            raise Unreachable(error.message, sent=False, means="Nothing was changed.", advice=error.advice) from None
        if seen is not None and actions != seen:
            then, now = _words(self._weights(seen)), _words(self._weights(actions))
            raise Refused(
                f"Somebody else changed the rule since it was read: {then} then, {now} now.",
                means="Nothing was written, so that their change is not lost.",
                advice="Look at the rule at AWS, then decide again.",
            )
        if backs != self._backs:
            raise Refused("The way back came first.", means="Nothing was changed.")
        await self._modify(actions, change)

    async def measured(self) -> RequestCounts:
        """Return the requests of each side since this console connected, as CloudWatch counts them: by the minute, some minutes late."""
        now = self._clock.now()
        if self._counts is not None and now - self._counts.at < _COUNT_EVERY:
            return self._counts
        balancer = self._balancer.partition(":loadbalancer/")[2]
        for side, group in self._spec.groups.items():
            dimensions = {"LoadBalancer": balancer, "TargetGroup": group.rpartition(":")[2]}
            await self._count(side, [{"Name": name, "Value": value} for name, value in dimensions.items()], now)
        self._counts = RequestCounts({side: sum(minutes.values()) for side, minutes in self._minutes.items()}, now)
        return self._counts

    async def _count(self, side: Side, dimensions: Sequence[Mapping[str, str]], now: datetime) -> None:
        answer = await self._client.ask(
            "cloudwatch",
            "get_metric_statistics",
            Namespace="AWS/ApplicationELB",
            MetricName="RequestCount",
            Dimensions=list(dimensions),
            StartTime=max(self._since, now - _SETTLED),
            EndTime=now,
            Period=60,
            Statistics=["Sum"],
        )
        minutes = self._minutes[side]
        for point in field(answer, "Datapoints", list, self._system):
            at, value = field(point, "Timestamp", datetime, self._system), field(point, "Sum", (int, float), self._system)
            minutes[at] = max(minutes.get(at, 0.0), float(value))
        settled = [at for at in minutes if now - at > 2 * _SETTLED]
        if settled:  # only their sum is kept, under the first of them
            minutes[settled[0]] = sum(minutes.pop(at) for at in settled)

    @property
    def _balancer(self) -> str:
        """Return the load balancer's ARN, which those of its listeners and rules hold."""
        head, _, rest = self._spec.rule.partition(":listener-rule/" if self._is_rule else ":listener/")
        return f"{head}:loadbalancer/{'/'.join(rest.split('/')[:3])}"

    async def _actions(self) -> Sequence[Action]:
        if self._is_rule:
            found = field(await self._client.ask("elbv2", "describe_rules", RuleArns=[self._spec.rule]), "Rules", list, self._system)
        else:
            asked = await self._client.ask("elbv2", "describe_listeners", ListenerArns=[self._spec.rule])
            found = field(asked, "Listeners", list, self._system)
        if len(found) != 1:
            raise malformed(self._system, "One rule was expected.")
        actions: Sequence[Action] = field(found[0], "Actions" if self._is_rule else "DefaultActions", list, self._system)
        self._weights(actions)
        return actions

    async def _last_known(self) -> Sequence[Action]:
        """Return the rule as it is, or as it was last read where AWS does not say: going back waits for no reading."""
        try:
            return await self._actions()
        except RemoteError:
            if self._seen is None:
                raise
            return self._seen

    def _weights(self, actions: Sequence[Action]) -> Mapping[str, int]:
        tuples = field(_forward(actions, self._system)["ForwardConfig"], "TargetGroups", list, self._system)
        weights = {
            field(each, "TargetGroupArn", str, self._system): 1 if each.get("Weight") is None else field(each, "Weight", int, self._system)
            for each in tuples
        }
        if missing := [group for group in self._spec.groups.values() if group not in weights]:
            raise Refused(
                f"The rule does not forward to {', '.join(_name(group) for group in missing)}.",
                means="Its weights are not those of this target.",
                advice="Let the rule forward to both target groups, or correct `groups` in the target file.",
            )
        return weights

    async def _modify(self, actions: Sequence[Action], change: SplitChange) -> None:
        wanted = {self._spec.groups[side]: weight for side, weight in change.weights.items()}
        changed = [_with_weights(action, wanted) for action in actions]
        if self._is_rule:
            answer = await self._client.ask("elbv2", "modify_rule", changes=True, RuleArn=self._spec.rule, Actions=changed)
            self._seen = answer["Rules"][0]["Actions"] if answer.get("Rules") else None
        else:
            answer = await self._client.ask("elbv2", "modify_listener", changes=True, ListenerArn=self._spec.rule, DefaultActions=changed)
            self._seen = answer["Listeners"][0]["DefaultActions"] if answer.get("Listeners") else None

    async def _check_targets(self, change: SplitChange) -> None:
        """Refuse to send traffic to a target group in which nothing is healthy; `unavailable` is one without health checks."""
        sides = [side for side, share in change.weights.items() if share]
        asked = [self._client.ask("elbv2", "describe_target_health", TargetGroupArn=self._spec.groups[side]) for side in sides]
        for side, found in zip(sides, await asyncio.gather(*asked), strict=True):
            targets = field(found, "TargetHealthDescriptions", list, self._system)
            if not any(each.get("TargetHealth", {}).get("State") in {"healthy", "unavailable"} for each in targets):
                raise Refused(
                    f"No target of {side} is healthy at {self._system}.",
                    means=f"{side} could not take its share, so nothing was changed.",
                    advice="Look at the health of its target group.",
                )


def _forward(actions: Sequence[Action], system: str) -> Action:
    for action in actions:
        if action.get("Type") == "forward" and isinstance(action.get("ForwardConfig"), dict):
            return action
    raise malformed(system, "The rule forwards to no target groups.")


def _with_weights(action: Action, wanted: Mapping[str, int]) -> Action:
    """Return an action as it is to be written; what AWS tells and does not take back is left out."""
    if action.get("Type") == "authenticate-oidc":  # the secret is never told, and stays
        return {**action, "AuthenticateOidcConfig": {**action["AuthenticateOidcConfig"], "UseExistingClientSecret": True}}
    if action.get("Type") != "forward" or "ForwardConfig" not in action:
        return action
    config = action["ForwardConfig"]
    groups = [{**each, "Weight": wanted.get(each["TargetGroupArn"], each.get("Weight", 1))} for each in config["TargetGroups"]]
    rest = {key: value for key, value in action.items() if key != "TargetGroupArn"}
    return {**rest, "ForwardConfig": {**config, "TargetGroups": groups}}


def _name(group: str) -> str:
    return clean(group.rpartition(":targetgroup/")[2].partition("/")[0] or group, 60)


def _words(weights: Mapping[str, int]) -> str:
    return ", ".join(f"{_name(group)} {weight}" for group, weight in weights.items())
