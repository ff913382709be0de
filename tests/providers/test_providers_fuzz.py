"""Whatever a system answers, a provider gives a reading or one of our errors, and nothing else."""

import asyncio
import contextlib
import json
from pathlib import Path
from unittest.mock import AsyncMock

from hypothesis import given
from hypothesis import strategies as st
from servers.argocd_stand_in import ArgoCdStandIn

from console.model.clock import SystemClock
from console.model.errors import ConsoleError
from console.model.readings import SplitChange
from console.model.systems import (
    ArgoCdUndo,
    EnvoyTraffic,
    HaproxyTraffic,
    HttpFlag,
    HttpWorkloads,
    LaunchDarklyFlag,
    OpenMetricsSource,
    TraefikTraffic,
    UnleashFlag,
)
from console.providers.clients.haproxy import parse_address
from console.providers.clients.http import Reply
from console.providers.flags.httpflag import HttpFlags
from console.providers.flags.launchdarkly import LaunchDarklyFlags
from console.providers.flags.unleash import UnleashFlags
from console.providers.metrics.openmetrics import OpenMetricsScrape
from console.providers.traffic.envoy import EnvoyRouter
from console.providers.traffic.haproxy import HaproxyRouter
from console.providers.traffic.haproxy_tables import read_info, read_servers, read_sessions
from console.providers.traffic.traefik import TraefikRouter
from console.providers.undo.argocd import BACK, PAUSED, ArgoCdStep
from console.providers.workloads.http import HttpWorkloadVersions

KEYS = st.sampled_from(
    [
        *("entries", "routing.shop.blue", "routing.shop.green", "final_value", "stats", "name", "value", "node", "id", "cluster"),
        *(
            "command_line_options",
            "@type",
            "last_updated",
            "clusters",
            "weight",
            "runtime_key_prefix",
            "version",
            "healthy",
            "on",
            "percent",
        ),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**12)
    | st.floats(-10, 10)
    | st.sampled_from(["blue", "green", "95", "routing.shop"])
    | st.text(max_size=6)
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=40)
SERVER_LINES = st.lists(
    st.sampled_from(
        [
            "1",
            "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight",
            "3 shop 1 blue1 127.0.0.1 2 0 100 100",
            "3 shop 2 green1 127.0.0.1 2 1 0 100",
            "3 shop 2 green1 127.0.0.1 x 1 0 100",
            "3 shop",
            "",
        ]
    )
    | st.text(max_size=20),
    max_size=8,
)


def ours_or_nothing(coroutine) -> None:
    async def run() -> None:
        with contextlib.suppress(ConsoleError):
            await coroutine

    asyncio.run(run())


@given(VALUES)
def test_any_json_is_read_or_refused_by_every_http_provider(value: object) -> None:
    http = AsyncMock()
    http.send.return_value = Reply("Shop", json.dumps(value).encode(), "application/json")
    clock = SystemClock()
    envoy = EnvoyRouter(EnvoyTraffic("http://127.0.0.1:1", "routing.shop", {"blue": "blue", "green": "green"}), http, clock)
    flags = HttpFlags(HttpFlag("http://127.0.0.1:1/", "blue"), http, clock)
    for coroutine in (
        envoy.split(),
        envoy.identity(),
        envoy.measured(),
        envoy.set_split(SplitChange({"blue": 95, "green": 5}, "k", backward=False)),
        flags.state(),
        HttpWorkloadVersions(HttpWorkloads({"blue": "http://127.0.0.1:1/"}), http, clock).version("blue"),
    ):
        ours_or_nothing(coroutine)


GOOD = (
    {"weighted": {"services": [{"name": "blue", "weight": 95}, {"name": "green", "weight": 5}]}, "status": "enabled"},
    [{"name": "web", "address": ":80"}],
    {
        "name": "blue",
        "environment": "blue",
        "enabled": True,
        "strategies": [{"id": "1", "name": "flexibleRollout", "parameters": {"rollout": "5"}, "constraints": [], "segments": []}],
    },
    {"query": {"environment": "blue"}, "features": [{"name": "blue", "enabled": True, "strategies": []}]},
    {"events": [{"environment": "blue", "label": "on", "createdBy": "rita", "createdAt": "now"}]},
    {
        "key": "blue",
        "variations": [{"_id": "y", "value": True}, {"_id": "n", "value": False}],
        "environments": {
            "blue": {
                "on": True,
                "version": 1,
                "offVariation": 1,
                "fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 5000}, {"variation": 1, "weight": 95000}]}},
            }
        },
        "items": [{"date": 1, "member": {"email": "rita"}, "titleVerb": "on"}],
    },
    ArgoCdStandIn().value() | {"metadata": {"name": "blue", "annotations": {PAUSED: "{}", BACK: '{"from": "a", "to": "b"}'}}},
)


@st.composite
def nearly_good(draw: st.DrawFn) -> object:
    """A good answer in which one value, somewhere, is another one."""
    value = json.loads(json.dumps(draw(st.sampled_from(GOOD))))
    holder, key = [value], 0
    while isinstance(holder[key], list | dict) and holder[key] and draw(st.integers(0, 9)):
        holder = holder[key]
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
    top = holder[key] is value
    holder[key] = draw(VALUES)
    return holder[key] if top else value


@given(VALUES | nearly_good())
def test_any_json_is_read_or_refused_by_flag_services_and_what_watches_a_file(value: object) -> None:
    http = AsyncMock()
    http.send.return_value = Reply("Shop", json.dumps(value).encode(), "application/json")
    clock = SystemClock()
    traefik = TraefikRouter(TraefikTraffic("http://127.0.0.1:1", "none.yaml", "shop", {"blue": "blue"}), Path("/nowhere"), http, clock)
    unleash = UnleashFlags(UnleashFlag("http://127.0.0.1:1", "blue", "blue"), http, clock, client_token=AsyncMock(return_value="x"))
    dark = LaunchDarklyFlags(LaunchDarklyFlag("blue", "shop", "blue"), http, clock)
    argo = [ArgoCdStep(ArgoCdUndo("http://127.0.0.1:1", "blue", action), http, clock) for action in ("pause", "resume", "rollback", "sync")]
    change = SplitChange({"blue": 95, "green": 5}, "k", backward=False)
    for coroutine in (traefik.split(), traefik.identity(), traefik.measured(), traefik.set_split(change), unleash.state(), dark.state()):
        ours_or_nothing(coroutine)
    for flags in (unleash, dark):
        for on in (True, False):
            ours_or_nothing(flags.set_flag(on=on, percent=5, key="k"))
    for step in argo:
        ours_or_nothing(step.look())
        ours_or_nothing(step.run("k"))


@given(st.binary(max_size=300))
def test_any_metrics_body_is_read_or_refused(body: bytes) -> None:
    http = AsyncMock()
    http.send.return_value = Reply("Shop", body, "text/plain")
    ours_or_nothing(OpenMetricsScrape(OpenMetricsSource({"blue": "http://127.0.0.1:1/"}), http, SystemClock()).read())


@given(SERVER_LINES, st.booleans())
def test_any_answer_of_haproxy_is_read_or_refused(lines: list[str], backward: bool) -> None:
    router = HaproxyRouter(HaproxyTraffic("127.0.0.1:1", "shop", {"blue": ("blue1",), "green": ("green1",)}), SystemClock())
    router._client.ask = AsyncMock(return_value="\n".join(lines))
    for coroutine in (
        router.split(),
        router.identity(),
        router.measured(),
        router.set_split(SplitChange({"blue": 100, "green": 0}, "k", backward=backward)),
    ):
        ours_or_nothing(coroutine)


@given(st.text(max_size=200), st.sampled_from(["", "1\n# be_name srv_name\n", "# pxname,svname,stot,type\n", "Name: HAProxy\n"]))
def test_any_table_is_read_or_refused(text: str, head: str) -> None:
    for read in (
        lambda: read_servers(head + text, "shop", "H"),
        lambda: read_sessions(head + text, "shop", "H"),
        lambda: read_info(head + text, "H"),
    ):
        with contextlib.suppress(ConsoleError):
            read()


@given(st.text(max_size=40))
def test_any_address_is_one_or_a_mistake_in_the_file(text: str) -> None:
    with contextlib.suppress(ConsoleError):
        parse_address(text)
