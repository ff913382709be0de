"""Switching all traffic under load fails no request, on every router."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from servers.load import under_load

from console.model.clock import SystemClock
from console.model.ports import TrafficRouter
from console.model.readings import SplitChange
from console.providers.clients.http import HttpClient
from console.providers.traffic.envoy import EnvoyRouter
from console.providers.traffic.haproxy import HaproxyRouter
from console.providers.traffic.traefik import TraefikRouter

pytestmark = pytest.mark.anyio


def router_of(kind: str, spec: Any, http: HttpClient) -> TrafficRouter:
    if kind == "haproxy":
        return HaproxyRouter(spec, SystemClock())
    if kind == "traefik":
        return TraefikRouter(spec, Path(), http, SystemClock())
    return EnvoyRouter(spec, http, SystemClock())


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in ("envoy", "haproxy", "traefik")])
async def test_a_few_switches_under_load_fail_no_request(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(f"{kind}_server")
    http = HttpClient()
    router = router_of(kind, server.spec, http)

    async def switch(number: int) -> None:
        green = 0 if number % 2 else 100
        await router.set_split(SplitChange({"blue": 100 - green, "green": green}, key=f"step-{number}", backward=green == 0))
        async with asyncio.timeout(5):
            while (await router.split()).weights["green"] != green:
                await asyncio.sleep(0.01)

    load = await under_load(server.url, switch, switches=6, requests=4_000)
    await http.aclose()
    assert load.failed == 0, load.failures
    assert set(load.sides) == {"blue", "green"}


@pytest.mark.haproxy
async def test_lowering_before_raising_is_what_fails_requests(haproxy_server) -> None:
    """The order matters: the opposite one, sent past the console, leaves a moment with nobody to answer."""

    async def switch(number: int) -> None:
        up, down = (("green1",), ("blue1", "blue2")) if number % 2 == 0 else (("blue1", "blue2"), ("green1",))
        for name in down:
            await asyncio.to_thread(haproxy_server.ask, f"set weight shop/{name} 0")
        await asyncio.sleep(0.02)
        for name in up:
            await asyncio.to_thread(haproxy_server.ask, f"set weight shop/{name} 100")

    load = await under_load(haproxy_server.url, switch, switches=4, requests=4_000)
    assert load.failures["status 503"] > 0
