"""Polling many targets leaves room for a click: nothing is searched for in vain, and pollers do not fall into step."""

import asyncio
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from clock import FakeClock

from console.engine.state import Seen
from console.engine.surroundings import Surroundings
from console.engine.watch import Watch
from console.model.rollout import Phase
from console.providers.clients.http import HttpClient

pytestmark = pytest.mark.anyio


def test_the_http_library_finds_at_once_that_an_optional_module_is_not_there() -> None:
    assert HttpClient
    assert "sniffio" in sys.modules


@pytest.mark.parametrize(("drawn", "first_s", "later_s"), [(0.0, 1.0, 1.8), (0.5, 2.0, 2.0), (1.0, 3.0, 2.2)])
async def test_pauses_between_readings_are_spread_by_chance(drawn: float, first_s: float, later_s: float) -> None:
    pauses: list[float] = []
    over = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            over.set()
        await asyncio.sleep(0)

    around = Surroundings(SimpleNamespace(), FakeClock(), SimpleNamespace(), sleep, lambda: drawn)  # type: ignore[arg-type]
    systems = SimpleNamespace(router=None, workloads=None)
    live = SimpleNamespace(name="shop", touch=lambda: None, was_read=lambda: None, under_way=False, sending=0, connections=systems)
    watch = Watch(around, live, lambda _: None, lambda _: None, lambda _: None)  # type: ignore[arg-type, return-value]
    seen: Seen[str] = Seen()

    async def once() -> None:
        seen.took("read", datetime.now(UTC))

    polling = asyncio.create_task(watch._poll("traffic", 2.0, once, seen))
    async with asyncio.timeout(30):
        await over.wait()
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    assert pauses[:3] == pytest.approx([first_s, later_s, later_s])


@pytest.mark.parametrize(
    ("crowd", "phase", "turns"), [(50, None, 1), (500, None, 10), (5000, None, 10), (500, Phase.DONE, 10), (500, Phase.RUNNING, 1)]
)
async def test_what_rests_is_read_less_often_where_there_are_many_targets(crowd: int, phase: Phase | None, turns: int) -> None:
    asleep = 0
    read: list[int] = []
    over = asyncio.Event()

    async def sleep(_: float) -> None:
        nonlocal asleep
        asleep += 1
        await asyncio.sleep(0)

    under_way, systems = phase is Phase.RUNNING, SimpleNamespace(router=None, workloads=None)
    live = SimpleNamespace(name="shop", touch=lambda: None, was_read=lambda: None, under_way=under_way, sending=0, connections=systems)
    around = Surroundings(SimpleNamespace(), FakeClock(), SimpleNamespace(), sleep, lambda: 0.5)  # type: ignore[arg-type]
    watch = Watch(around, live, lambda _: None, lambda _: None, lambda _: None, lambda: crowd)  # type: ignore[arg-type, return-value]
    seen: Seen[str] = Seen()

    async def once() -> None:
        seen.took("read", datetime.now(UTC))
        read.append(asleep)
        if len(read) == 3:
            over.set()

    polling = asyncio.create_task(watch._poll("identity", 2.0, once, seen))
    async with asyncio.timeout(30):
        await over.wait()
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    assert read == [0, turns, 2 * turns]
    assert live.stretch == turns
