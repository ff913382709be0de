"""A system that tells of its changes is read at once instead of when its next reading is due."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from clock import FakeClock

from console.engine.watch import SETTLE_S, Watch

pytestmark = pytest.mark.anyio


class Router:
    """Tells of a change when the test says so."""

    def __init__(self) -> None:
        self.told = asyncio.Event()
        self.breaks = False

    async def changed(self) -> None:
        await self.told.wait()
        self.told.clear()
        if self.breaks:
            raise ValueError("a bug")


def watch(router: object, slept: list[float]) -> Watch:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds > 1:
            await asyncio.Event().wait()

    around: Any = SimpleNamespace(clock=FakeClock(), sleep=sleep, now=datetime.now(UTC))
    live: Any = SimpleNamespace(name="shop", connections=SimpleNamespace(router=router, workloads=object()))
    return Watch(around, live, lambda split: None, lambda reading: asyncio.sleep(0), lambda identity: None)


async def test_a_change_ends_the_pause_after_a_moment_in_which_others_may_come() -> None:
    router, slept = Router(), list[float]()
    pausing = asyncio.create_task(watch(router, slept)._pause("traffic", 60.0))
    await asyncio.sleep(0)
    assert not pausing.done()
    router.told.set()
    await asyncio.wait_for(pausing, 5)
    assert slept == [60.0, SETTLE_S]


async def test_without_a_change_the_next_reading_comes_when_it_is_due() -> None:
    slept = list[float]()
    await asyncio.wait_for(watch(Router(), slept)._pause("traffic", 0.5), 5)
    assert slept == [0.5]


async def test_a_system_that_tells_of_nothing_is_polled() -> None:
    slept = list[float]()
    await asyncio.wait_for(watch(Router(), slept)._pause("workloads", 0.5), 5)
    assert slept == [0.5]


async def test_a_bug_in_telling_does_not_stop_the_poll() -> None:
    router, slept = Router(), list[float]()
    router.breaks = True
    router.told.set()
    await asyncio.wait_for(watch(router, slept)._pause("traffic", 60.0), 5)
    assert slept[0] == 60.0
