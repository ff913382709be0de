"""Turns answers into a target: which part is on which side, what is sensible by default, and what is still missing."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from console.model.kubernetes import ArgoRollout, ArgoWorkloads, KubeCluster, KubeDeployments, KubeRoute, KubeService
from console.model.systems import EnvoyTraffic, HaproxyTraffic, PrometheusSource, TrafficSpec, WorkloadsSpec
from console.model.target import Environment, SessionGate, Stage, Target
from console.model.wizard import CANARY, NEITHER, STABLE, Part, Reach, Route, Success, TargetDraft

_PAIRS = (("blue", "green"), ("stable", "canary"), ("a", "b"), ("primary", "canary"), ("main", "canary"), ("old", "new"), ("v1", "v2"))
"""Names that tell sides, the usually stable one first."""

GATE = "Customers succeed"
_SLUG = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name: letters and digits apart, so that `shop-blue1` gives shop, blue, 1; versions such as v2 stay whole."""
    return tuple(re.findall(r"v\d+(?![a-z0-9])|[a-z]+|\d+", name.lower()))


def guess_sides(names: Sequence[str]) -> tuple[tuple[str, str], tuple[int, ...]]:
    """Return the sides' names and the side of each name, by the pair of words that the names tell; all on neither where none fits."""
    told = [words_of(name) for name in names]
    for first, second in _PAIRS:
        sides = tuple(STABLE if first in words else CANARY if second in words else NEITHER for words in told)
        if {STABLE, CANARY} <= set(sides):
            return (first, second), sides
    if len(names) == 2:
        return _PAIRS[0], (STABLE, CANARY)
    return _PAIRS[0], (NEITHER,) * len(names)


def sides_of(route: Route) -> tuple[str, str]:
    """Return the names of the sides that a route's parts tell."""
    return guess_sides([part.name for part in route.parts])[0] if route.parts else ("blue", "green")


def guessed(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return parts with their sides guessed from their names."""
    kept = tuple(parts)
    _, sides = guess_sides([part.name for part in kept])
    return tuple(replace(part, side=side) for part, side in zip(kept, sides, strict=True))


def placed(route: Route, sides: Mapping[str, int]) -> Route:
    """Return a route whose parts are on the sides that a person chose, by name."""
    return replace(route, parts=tuple(replace(part, side=sides.get(part.name, part.side)) for part in route.parts))


def swapped(route: Route) -> Route:
    """Return a route whose sides are exchanged."""
    other = {STABLE: CANARY, CANARY: STABLE, NEITHER: NEITHER}
    return replace(route, parts=tuple(replace(part, side=other[part.side]) for part in route.parts))


def traffic_of(reach: Reach, route: Route, sides: tuple[str, str]) -> TrafficSpec | None:
    """Return the router that answers describe, None while a side has no part or more than it may have."""
    names = {side: tuple(part.name for part in route.parts if part.side == at) for at, side in enumerate(sides)}
    if route.kind == "argo-rollout":
        return ArgoRollout(cluster_of(reach), reach.namespace, route.name)
    if not all(names.values()):
        return None
    if route.kind == "haproxy":
        return HaproxyTraffic(reach.address, route.name, names)
    if any(len(each) != 1 for each in names.values()):
        return None
    one = {side: each[0] for side, each in names.items()}
    if route.kind == "envoy":
        return EnvoyTraffic(reach.address, route.label, one)
    if route.kind == "kubernetes-service":
        return KubeService(cluster_of(reach), reach.namespace, route.name, route.label, one)
    return KubeRoute(cluster_of(reach), reach.namespace, route.name, one)


def kube_workloads_of(reach: Reach, route: Route, sides: tuple[str, str]) -> WorkloadsSpec | None:
    """Return what runs on each side in Kubernetes, None where no Deployment is known for one of them."""
    if route.kind == "argo-rollout":
        return ArgoWorkloads(cluster_of(reach), reach.namespace, route.name)
    found = {side: next((part.workload for part in route.parts if part.side == at), "") for at, side in enumerate(sides)}
    return KubeDeployments(cluster_of(reach), reach.namespace, found) if all(found.values()) else None


def cluster_of(reach: Reach) -> KubeCluster:
    """Return the cluster that answers name."""
    return KubeCluster(context=reach.context, kubeconfig=reach.kubeconfig, login=reach.login)


def hints_of(draft: TargetDraft, route: Route | None) -> Mapping[str, tuple[str, ...]]:
    """Return by what names each side may be told apart elsewhere: addresses and names of its parts, its workload, its own name."""
    found: dict[str, tuple[str, ...]] = {}
    for at, side in enumerate(draft.sides):
        mine = [part for part in (route.parts if route is not None else ()) if part.side == at]
        hints = [hint for part in mine for hint in (part.address, part.workload, part.name) if hint]
        found[side] = (*dict.fromkeys(hints), side)
    return found


def usual_stages(environment: Environment, traffic: TrafficSpec | None) -> tuple[Stage, ...]:
    """Return stages that suit where a target lives; a selector knows no weights, so it has one stage of everything."""
    hour = 3600.0
    if isinstance(traffic, KubeService):
        return (Stage(100, hour if environment is Environment.PRODUCTION else 600, (), bake=True),)
    last = 100 if isinstance(traffic, ArgoRollout) else 95
    if environment is Environment.PRODUCTION:
        return (Stage(5, 900, ()), Stage(25, 900, ()), Stage(50, 900, ()), Stage(last, hour, (), bake=True))
    return (Stage(10, 300, ()), Stage(50, 300, ()), Stage(last, 600, (), bake=True))


def with_success(draft: TargetDraft, source: PrometheusSource, success: Success | None) -> TargetDraft:
    """Return a draft whose gate rests on two counters, or that has no gate."""
    if success is None:
        return replace(draft, metrics=None, gates=())
    gate = SessionGate(GATE, success.ok, success.failed, resolved=success.sessions)
    return replace(draft, metrics=replace(source, queries=success.queries), gates=(gate,))


def missing(draft: TargetDraft) -> tuple[str, ...]:
    """Return in words what keeps a draft from being a target."""
    told = []
    if not _SLUG.fullmatch(draft.name):
        told.append("The name needs small letters, digits, dots or dashes, such as checkout-eu.")
    if draft.traffic is None:
        told.append("Where traffic splits is not known: each side needs a part.")
    if draft.workloads is None:
        told.append("Where each side tells its version is not known.")
    if not draft.stages:
        told.append("There is no stage.")
    return tuple(told)


def target_of(draft: TargetDraft) -> Target:
    """Return the target that a draft describes. Raises ValueError while something is missing."""
    if draft.traffic is None or draft.workloads is None or missing(draft):
        raise ValueError(" ".join(missing(draft)))
    names = tuple(gate.name for gate in draft.gates)
    return Target(
        name=draft.name,
        title=draft.title or draft.name,
        environment=draft.environment,
        owner=draft.owner,
        sides=draft.sides,
        traffic=draft.traffic,
        workloads=draft.workloads,
        metrics=draft.metrics,
        pipeline=draft.pipeline,
        flag=draft.flag,
        gates=draft.gates,
        stages=tuple(replace(stage, gates=stage.gates or names) for stage in draft.stages),
        rollback=("traffic", "flag") if draft.flag is not None else ("traffic",),
        freeze_rule=draft.freeze_rule,
        auto_rollback_after_s=draft.auto_rollback_after_s,
    )
