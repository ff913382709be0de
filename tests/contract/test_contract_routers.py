"""What every router promises, on real routers: weights are read back, cuts are told honestly, halves are seen."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from faults.proxy import Fault, FaultProxy, fault_proxy
from servers.envoy_process import EnvoyServer
from servers.haproxy_process import HaproxyServer
from servers.traefik_process import TraefikServer

from console.model.clock import SystemClock
from console.model.errors import ConsoleError, Malformed, OutcomeUnknown, RemoteError, TooLarge, Unreachable
from console.model.ports import TrafficRouter
from console.model.readings import SplitChange
from console.providers.clients.http import HttpClient
from console.providers.traffic.envoy import EnvoyRouter
from console.providers.traffic.haproxy import HaproxyRouter
from console.providers.traffic.traefik import TraefikRouter

pytestmark = pytest.mark.anyio

Server = EnvoyServer | HaproxyServer | TraefikServer


@dataclass
class Rig:
    """A real router, its provider, and the same provider through a proxy that can go wrong."""

    kind: str
    server: Server
    router: TrafficRouter
    faulty: TrafficRouter
    proxy: FaultProxy
    is_change: Callable[[bytes], bool]

    @property
    def keeps_weights(self) -> bool:
        """Tell whether the weights outlive a restart."""
        return self.kind == "traefik"


def change(green: int, *, backward: bool = False) -> SplitChange:
    return SplitChange({"blue": 100 - green, "green": green}, key="step-1", backward=backward)


SENT, WATCHED = ([pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in kinds] for kinds in (("envoy", "haproxy"), ("traefik",)))
"""Routers to which a change is sent, and those that watch a file: there is no answer that could be cut; test_providers_traefik.py."""


@pytest.fixture(params=[*SENT, *WATCHED])
def server(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture
async def rig(server: Server):
    http, clock = HttpClient(), SystemClock()
    if isinstance(server, EnvoyServer):
        async with fault_proxy(server.admin) as proxy:
            spec = replace(server.spec, timeout_s=2.0)
            faulty = EnvoyRouter(replace(spec, admin=proxy.url, timeout_s=0.6), http, clock)
            yield Rig("envoy", server, EnvoyRouter(spec, http, clock), faulty, proxy, lambda asked: b"runtime_modify" in asked)
    elif isinstance(server, TraefikServer):
        async with fault_proxy(server.api) as proxy:
            spec = replace(server.spec, timeout_s=2.0)
            faulty = TraefikRouter(replace(spec, api=proxy.url, timeout_s=0.6), Path(), http, clock)
            yield Rig("traefik", server, TraefikRouter(spec, Path(), http, clock), faulty, proxy, lambda asked: False)
    else:
        async with fault_proxy(server.spec.address) as proxy:
            spec = replace(server.spec, timeout_s=2.0)
            faulty = HaproxyRouter(replace(spec, address=proxy.address, timeout_s=0.6), clock)
            yield Rig("haproxy", server, HaproxyRouter(spec, clock), faulty, proxy, lambda asked: asked.startswith(b"set "))
    await http.aclose()


async def weights(router: TrafficRouter) -> Mapping[str, float]:
    return {side: round(share, 6) for side, share in (await router.split()).weights.items()}


async def weights_become(router: TrafficRouter, green: float) -> None:
    """Read back until the weights are as wanted: accepted is not yet in effect."""
    async with asyncio.timeout(5):
        while await weights(router) != {"blue": 100 - green, "green": green}:
            await asyncio.sleep(0.01)


async def test_weights_are_read_back_as_they_were_set(rig: Rig) -> None:
    for green in (5, 25, 50, 95, 100, 0):
        await rig.router.set_split(change(green))
        await weights_become(rig.router, green)


async def test_weights_before_the_first_change_are_the_configured_ones(rig: Rig) -> None:
    assert await weights(rig.router) == {"blue": 100, "green": 0}


async def test_going_back_and_forward_again_moves_the_traffic_each_time(rig: Rig) -> None:
    for green, backward in ((25, False), (0, True), (5, False), (100, False), (0, True), (50, False)):
        await rig.router.set_split(change(green, backward=backward))
        await weights_become(rig.router, green)


async def test_who_answers_stays_the_same_while_it_runs(rig: Rig) -> None:
    first = await rig.router.identity()
    await rig.router.set_split(change(25))
    assert await rig.router.identity() == first


async def test_a_restart_changes_the_incarnation_and_nothing_else_of_the_identity(rig: Rig) -> None:
    before = await rig.router.identity()
    await rig.router.set_split(change(25))
    await weights_become(rig.router, 25)
    if rig.kind == "haproxy":
        await asyncio.sleep(1.0)  # its start is told in whole seconds; the process id may be used again
    await asyncio.to_thread(rig.server.child.restart)
    after = await rig.router.identity()
    assert after.fingerprint == before.fingerprint
    assert after.incarnation != before.incarnation
    assert await weights(rig.router) == ({"blue": 75, "green": 25} if rig.keeps_weights else {"blue": 100, "green": 0})


async def test_requests_are_counted_for_the_side_that_got_them(rig: Rig) -> None:
    async def ask() -> None:
        reader, writer = await asyncio.open_connection(*rig.server.url.removeprefix("http://").split(":"))
        writer.write(b"GET / HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")
        await reader.read()
        writer.close()

    before = (await rig.router.measured()).counts
    await rig.router.set_split(change(100))
    await weights_become(rig.router, 100)
    for _ in range(5):
        await ask()
    after = (await rig.router.measured()).counts
    assert after["green"] - before["green"] == 5
    assert after["blue"] == before["blue"]


@pytest.mark.parametrize("server", SENT, indirect=True)
@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HANG_BEFORE, Fault.HANG_AFTER])
@pytest.mark.parametrize("backward", [False, True])
async def test_a_change_that_is_cut_or_hangs_is_told_as_perhaps_applied_and_reading_back_tells(
    rig: Rig, fault: Fault, backward: bool
) -> None:
    await rig.router.set_split(change(50))
    rig.proxy.set(fault, lambda asked, number: rig.is_change(asked))
    with pytest.raises((Unreachable, OutcomeUnknown)) as caught:
        await rig.faulty.set_split(change(0 if backward else 95, backward=backward))
    assert not isinstance(caught.value, Unreachable) or caught.value.sent
    assert caught.value.advice
    seen = await weights(rig.router)
    if fault in {Fault.CUT_BEFORE, Fault.HANG_BEFORE}:
        assert seen["green"] == 50
    elif backward:
        assert seen["green"] == 0
    elif rig.kind == "envoy":
        assert seen["green"] == 95
    else:
        assert 0 < seen["green"] < 95  # forward stops at the first command without an answer


async def test_nothing_was_sent_when_nobody_listens(rig: Rig) -> None:
    await asyncio.to_thread(rig.server.child.stop)
    for backward in (False, True)[: 1 if rig.keeps_weights else 2]:
        with pytest.raises(Unreachable) as caught:
            await rig.router.set_split(change(0, backward=backward))
        assert not caught.value.sent


async def test_a_router_that_stands_still_is_given_up_at_the_deadline(rig: Rig) -> None:
    rig.server.child.freeze()
    began = time.monotonic()
    try:
        with pytest.raises(Unreachable) as caught:
            await rig.faulty.split()
    finally:
        rig.server.child.thaw()
    assert time.monotonic() - began < 2.5
    assert caught.value.means


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (Fault.GARBAGE, (Malformed, Unreachable)),
        (Fault.DRIP, Unreachable),
        (Fault.OVERSIZE, (TooLarge, Unreachable)),
        (Fault.CUT_AFTER, Unreachable),
    ],
)
async def test_a_reading_that_goes_wrong_is_an_error_with_advice_and_never_a_value(
    rig: Rig, fault: Fault, wanted: type[RemoteError] | tuple[type[RemoteError], ...]
) -> None:
    rig.proxy.set(fault)
    rig.proxy.drip_s = 0.1
    for reading in (rig.faulty.split, rig.faulty.identity, rig.faulty.measured):
        with pytest.raises(wanted) as caught:
            await reading()
        assert caught.value.message
        assert caught.value.advice


@pytest.mark.parametrize("server", SENT, indirect=True)
@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.OVERSIZE])
async def test_a_change_that_gets_nonsense_for_an_answer_is_never_taken_for_done(rig: Rig, fault: Fault) -> None:
    rig.proxy.set(fault, lambda asked, number: rig.is_change(asked))
    with pytest.raises(ConsoleError):
        await rig.faulty.set_split(change(95))


async def test_weights_changed_by_somebody_else_are_seen(rig: Rig) -> None:
    await rig.router.set_split(change(5))
    await weights_become(rig.router, 5)
    if isinstance(rig.server, TraefikServer):
        rig.server.set(90, 90)
    elif isinstance(rig.server, EnvoyServer):
        rig.server.modify("routing.shop.green=95")
    else:
        rig.server.ask("set weight shop/green1 190")
    split = await rig.router.split()
    assert split.weights["green"] == pytest.approx(50, abs=0.5)
    assert sum(split.weights.values()) == pytest.approx(100)
