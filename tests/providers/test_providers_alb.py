"""An AWS load balancer, against the API's own description: botocore checks every request and answer, and nothing here is AWS."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import botocore.exceptions as aws_errors
import pytest
from botocore.stub import ANY, Stubber
from clock import FakeClock

from console.model.errors import Malformed, OutcomeUnknown, Refused, Unreachable
from console.model.readings import SplitChange
from console.model.systems import AlbTraffic
from console.providers.clients import aws
from console.providers.clients.aws import AwsClient
from console.providers.traffic.alb import AlbRouter

pytestmark = pytest.mark.anyio

HEAD = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:"
LISTENER = f"{HEAD}listener/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2"
RULE = f"{HEAD}listener-rule/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee"
GROUPS = {side: f"{HEAD}targetgroup/shop-{side}/73e2d6bc24d8a067" for side in ("blue", "green")}


def change(green: int, *, backward: bool = False) -> SplitChange:
    return SplitChange({"blue": 100 - green, "green": green}, key="step-1", backward=backward)


def actions(blue: int, green: int, *, sticky_s: int = 0, more: dict[str, int] | None = None) -> list[dict[str, Any]]:
    weights = {GROUPS["blue"]: blue, GROUPS["green"]: green} | (more or {})
    sticky = {"Enabled": bool(sticky_s)} | ({"DurationSeconds": sticky_s} if sticky_s else {})
    groups = [{"TargetGroupArn": group, "Weight": weight} for group, weight in weights.items()]
    return [{"Type": "forward", "Order": 1, "ForwardConfig": {"TargetGroups": groups, "TargetGroupStickinessConfig": sticky}}]


class Aws:
    """An AWS of canned answers, in the order in which they are given."""

    def __init__(self) -> None:
        self.client = AwsClient("eu-central-1", "", 2.0)
        self.stubs: dict[str, Stubber] = {}
        for name in ("elbv2", "cloudwatch"):
            made = boto3.client(name, region_name="eu-central-1", aws_access_key_id="an-id", aws_secret_access_key="a-secret")
            self.client._made[name] = made
            self.stubs[name] = Stubber(made)
            self.stubs[name].activate()

    def has(self, blue: int, green: int, **more: Any) -> None:
        """Answer one reading of the rule."""
        self.stubs["elbv2"].add_response(
            "describe_rules", {"Rules": [{"RuleArn": RULE, "Actions": actions(blue, green, **more)}]}, {"RuleArns": [RULE]}
        )

    def healthy(self, *sides: str, state: str = "healthy") -> None:
        for side in sides:
            health = {"TargetHealthDescriptions": [{"Target": {"Id": "i-1"}, "TargetHealth": {"State": state}}]}
            self.stubs["elbv2"].add_response("describe_target_health", health, {"TargetGroupArn": GROUPS[side]})

    def takes(self, blue: int, green: int, **more: Any) -> None:
        """Take one change to these weights and no other."""
        wanted = actions(blue, green, **more)
        answer = {"Rules": [{"RuleArn": RULE, "Actions": wanted}]}
        self.stubs["elbv2"].add_response("modify_rule", answer, {"RuleArn": RULE, "Actions": wanted})

    def refuses(self, operation: str, code: str, status: int) -> None:
        self.stubs["elbv2"].add_client_error(operation, code, "because", http_status_code=status)


@pytest.fixture
def cloud() -> Iterator[Aws]:
    made = Aws()
    yield made
    for stub in made.stubs.values():
        stub.assert_no_pending_responses()


def router_of(cloud: Aws, clock: FakeClock, rule: str = RULE) -> AlbRouter:
    cloud.client._threads._max_workers = 1  # canned answers come in one order
    return AlbRouter(AlbTraffic(rule, GROUPS), cloud.client, clock)


async def test_weights_are_read_as_shares_with_what_else_the_rule_says(cloud: Aws, fake_clock: FakeClock) -> None:
    cloud.has(90, 10, sticky_s=600, more={f"{HEAD}targetgroup/violet/0123": 100})
    split = await router_of(cloud, fake_clock).split()
    assert split.weights == {"blue": 45, "green": 5}
    assert "customers may stay on a side for 600 s" in split.note
    assert "violet takes traffic too" in split.note


async def test_a_change_writes_both_weights_and_keeps_the_rest_of_the_rule(cloud: Aws, fake_clock: FakeClock) -> None:
    cloud.has(100, 0, sticky_s=600)
    cloud.has(100, 0, sticky_s=600)
    cloud.healthy("blue", "green")
    cloud.takes(95, 5, sticky_s=600)
    router = router_of(cloud, fake_clock)
    await router.split()
    await router.set_split(change(5))


async def test_a_rule_that_somebody_else_changed_since_is_a_conflict(cloud: Aws, fake_clock: FakeClock) -> None:
    cloud.has(100, 0)
    cloud.has(60, 40)
    cloud.healthy("blue", "green")
    router = router_of(cloud, fake_clock)
    await router.split()
    with pytest.raises(Refused, match="shop-blue 100, shop-green 0 then, shop-blue 60, shop-green 40 now"):
        await router.set_split(change(5))


async def test_no_traffic_is_sent_where_nothing_is_healthy(cloud: Aws, fake_clock: FakeClock) -> None:
    cloud.has(100, 0)
    cloud.healthy("blue")
    cloud.healthy("green", state="unhealthy")
    with pytest.raises(Refused, match="No target of green is healthy"):
        await router_of(cloud, fake_clock).set_split(change(5))


async def test_going_back_asks_for_no_health_and_goes_on_when_the_rule_cannot_be_read(cloud: Aws, fake_clock: FakeClock) -> None:
    cloud.has(50, 50)
    cloud.refuses("describe_rules", "Throttling", 400)
    cloud.takes(100, 0)
    router = router_of(cloud, fake_clock)
    await router.split()
    await router.set_split(change(0, backward=True))


async def test_a_listener_s_default_action_is_changed_with_its_login_kept(cloud: Aws, fake_clock: FakeClock) -> None:
    oidc = {
        "Issuer": "https://login.example.com",
        "AuthorizationEndpoint": "https://login.example.com/a",
        "TokenEndpoint": "https://login.example.com/t",
        "UserInfoEndpoint": "https://login.example.com/u",
        "ClientId": "shop",
    }
    login = {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": oidc}
    written = {**login, "AuthenticateOidcConfig": {**oidc, "UseExistingClientSecret": True}}
    stub = cloud.stubs["elbv2"]
    stub.add_response("describe_listeners", {"Listeners": [{"DefaultActions": [login, *actions(100, 0)]}]}, {"ListenerArns": [LISTENER]})
    stub.add_response("modify_listener", {}, {"ListenerArn": LISTENER, "DefaultActions": [written, *actions(50, 50)]})
    await router_of(cloud, fake_clock, LISTENER).set_split(change(50, backward=True))


@pytest.mark.parametrize(
    ("code", "status", "wanted"),
    [
        ("AccessDenied", 403, 403),
        ("UnauthorizedOperation", 403, 403),
        ("ExpiredToken", 403, 401),
        ("Throttling", 400, 429),
        ("RuleNotFound", 400, 400),
    ],
)
async def test_a_no_is_told_with_its_status_and_advice(cloud: Aws, fake_clock: FakeClock, code: str, status: int, wanted: int) -> None:
    cloud.has(50, 50)
    cloud.refuses("modify_rule", code, status)
    with pytest.raises(Refused) as caught:
        await router_of(cloud, fake_clock).set_split(change(0, backward=True))
    assert caught.value.status == wanted
    assert caught.value.means == "Nothing was changed."
    assert caught.value.advice


async def test_a_failure_of_aws_after_a_change_leaves_it_open(cloud: Aws, fake_clock: FakeClock) -> None:
    cloud.has(50, 50)
    cloud.refuses("modify_rule", "InternalFailure", 500)
    with pytest.raises(OutcomeUnknown):
        await router_of(cloud, fake_clock).set_split(change(0, backward=True))


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (aws_errors.EndpointConnectionError(endpoint_url="https://aws"), False),
        (aws_errors.ConnectTimeoutError(endpoint_url="https://aws"), False),
        (aws_errors.ReadTimeoutError(endpoint_url="https://aws"), True),
        (aws_errors.ConnectionClosedError(endpoint_url="https://aws"), True),
    ],
)
async def test_a_cut_tells_whether_the_change_may_have_gone_out(
    cloud: Aws, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch, error: Exception, sent: bool
) -> None:
    cloud.has(50, 50)

    def fails(**arguments: Any) -> None:
        raise error

    monkeypatch.setattr(cloud.client._made["elbv2"], "modify_rule", fails)
    with pytest.raises(Unreachable) as caught:
        await router_of(cloud, fake_clock).set_split(change(0, backward=True))
    assert caught.value.sent == sent
    assert caught.value.means


async def test_missing_credentials_and_a_missing_library_are_told_with_what_helps(
    monkeypatch: pytest.MonkeyPatch, fake_clock: FakeClock
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(Refused, match="no credentials") as caught:
        await AlbRouter(AlbTraffic(RULE, GROUPS), AwsClient("eu-central-1", "", 5.0), fake_clock).split()
    assert "aws sso login" in caught.value.advice
    with pytest.raises(Refused, match="no credentials"):
        await AlbRouter(AlbTraffic(RULE, GROUPS), AwsClient("eu-central-1", "of-nobody", 5.0), fake_clock).split()

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(aws.importlib, "import_module", missing)
    with pytest.raises(Refused, match="boto3") as caught:
        await AlbRouter(AlbTraffic(RULE, GROUPS), AwsClient("eu-central-1", "", 5.0), fake_clock).split()
    assert "release-console[aws]" in caught.value.advice


async def test_a_call_that_hangs_is_given_up_at_its_deadline(fake_clock: FakeClock) -> None:
    client, go_on = AwsClient("eu-central-1", "", 0.1), threading.Event()

    class Hangs:
        def describe_rules(self, **arguments: Any) -> None:
            go_on.wait(10)

    client._made["elbv2"] = Hangs()
    try:
        with pytest.raises(Unreachable) as caught:
            await AlbRouter(AlbTraffic(RULE, GROUPS), client, fake_clock).split()
    finally:
        go_on.set()
    assert caught.value.sent
    await asyncio.sleep(0)


async def test_who_answers_is_the_rule_of_a_load_balancer(cloud: Aws, fake_clock: FakeClock) -> None:
    found = {"LoadBalancers": [{"LoadBalancerName": "shop", "CreatedTime": datetime(2026, 1, 1, tzinfo=UTC)}]}
    for _ in range(2):
        cloud.stubs["elbv2"].add_response(
            "describe_load_balancers", found, {"LoadBalancerArns": [f"{HEAD}loadbalancer/app/shop/50dc6c495c0c9188"]}
        )
    first = await router_of(cloud, fake_clock).identity()
    assert first.fingerprint.startswith("alb shop 9683b2d02a6cabee ")
    assert first.incarnation == "created 2026-01-01T00:00:00+00:00"
    assert (await router_of(cloud, fake_clock, LISTENER).identity()).fingerprint != first.fingerprint


async def test_requests_are_counted_by_the_minute_and_only_grow(cloud: Aws, fake_clock: FakeClock) -> None:
    minute = fake_clock.now().replace(second=0, microsecond=0)

    def counts(*sums: int) -> None:
        for total in sums:
            points = [{"Timestamp": minute, "Sum": float(total), "Unit": "Count"}]
            wanted = dict.fromkeys(("StartTime", "EndTime", "Dimensions"), ANY)
            wanted |= {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount", "Period": 60, "Statistics": ["Sum"]}
            cloud.stubs["cloudwatch"].add_response("get_metric_statistics", {"Datapoints": points}, wanted)

    counts(100, 5, 120, 6)
    router = router_of(cloud, fake_clock)
    assert (await router.measured()).counts == {"blue": 100, "green": 5}
    assert (await router.measured()).counts == {"blue": 100, "green": 5}  # no second question so soon
    fake_clock.advance(40)
    assert (await router.measured()).counts == {"blue": 120, "green": 6}
    for _ in range(40):  # minutes that are settled are kept as their sum
        fake_clock.advance(120)
        minute += timedelta(seconds=120)
        counts(10, 1)
        latest = (await router.measured()).counts
    assert latest == {"blue": 520, "green": 46}
    assert all(len(minutes) < 20 for minutes in router._minutes.values())


@pytest.mark.parametrize("rule", [{}, {"Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]}])
async def test_a_rule_that_forwards_nowhere_is_an_error(cloud: Aws, fake_clock: FakeClock, rule: dict[str, Any]) -> None:
    cloud.stubs["elbv2"].add_response("describe_rules", {"Rules": [rule]}, {"RuleArns": [RULE]})
    with pytest.raises(Malformed):
        await router_of(cloud, fake_clock).split()


async def test_a_group_that_the_rule_does_not_lead_to_is_named(cloud: Aws, fake_clock: FakeClock) -> None:
    groups = {"TargetGroups": [{"TargetGroupArn": GROUPS["blue"], "Weight": 1}]}
    cloud.stubs["elbv2"].add_response(
        "describe_rules", {"Rules": [{"Actions": [{"Type": "forward", "ForwardConfig": groups}]}]}, {"RuleArns": [RULE]}
    )
    with pytest.raises(Refused, match="does not forward to shop-green"):
        await router_of(cloud, fake_clock).split()
