"""Virtual time: an asyncio loop whose clock jumps to the next timer, and processes in it that can be stopped and killed."""

import asyncio
import os
import random
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


class _Jumping(selectors._BaseSelectorImpl):  # type: ignore[name-defined,misc]
    """Waits for nothing: the time that it should wait has passed when it returns."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing is left that could ever happen")
        if timeout > 0:
            self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs timers in their order without waiting; no thread and no socket may be used on it."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        self.ending = False
        self.parked: list[asyncio.Future[None]] = []
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class VirtualClock:
    """The loop's time as a clock. `suspend` lets both its clocks run on while no timer runs, as a computer that sleeps does."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: datetime = START) -> None:
        self._loop, self._start, self._began = loop, start, loop.time()
        self._slept = self._skew = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.passed() + self._skew)

    def elapsed(self) -> float:
        return self._began + self.passed()

    def passed(self) -> float:
        return self._loop.time() - self._began + self._slept

    def suspend(self, seconds: float) -> None:
        self._slept += seconds

    def skew(self, seconds: float) -> None:
        """Change the time of day alone, as a person or a time server does."""
        self._skew += seconds


class Crash(BaseException):
    """A process dies here."""


class Process:
    """A simulated process: what it awaits through `gate` never comes back once it is dead, and waits while it is stopped."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self._goes = asyncio.Event()
        self._goes.set()

    @property
    def stopped(self) -> bool:
        return not self._goes.is_set()

    def stop(self) -> None:
        self._goes.clear()

    def go_on(self) -> None:
        self._goes.set()

    def kill(self) -> None:
        self.dead = True

    async def gate(self) -> None:
        loop = asyncio.get_running_loop()
        while self.dead or self.stopped:
            if getattr(loop, "ending", False):
                raise asyncio.CancelledError
            if self.dead:
                await _never(loop)
            await self._goes.wait()

    async def sleep(self, seconds: float) -> None:
        await self.gate()
        await asyncio.sleep(max(0.0, seconds))
        await self.gate()


def _never(loop: asyncio.AbstractEventLoop) -> "asyncio.Future[None]":
    """Return what nobody ever fulfils; the loop keeps it, or whoever waits for it would be collected and so begin to tidy up."""
    waiting: asyncio.Future[None] = loop.create_future()
    loop.parked.append(waiting)  # type: ignore[attr-defined]
    return waiting


RUNS_IN: ContextVar[Process | None] = ContextVar("RUNS_IN", default=None)
"""The process that a piece of code runs in; None for the world around."""


def spawn(process: Process | None, work: Coroutine[Any, Any, Any], name: str = "") -> "asyncio.Task[Any]":
    """Start work in a process, so that everything it starts runs there too."""
    token = RUNS_IN.set(process)
    try:
        return asyncio.get_running_loop().create_task(work, name=name)
    finally:
        RUNS_IN.reset(token)


@contextmanager
def seeded(seed: int) -> Iterator[random.Random]:
    """Let ids come from a seed, and threads run at once, so that the same seed is the same history."""
    ids = random.Random(f"ids {seed}")

    async def at_once(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    with patch.object(os, "urandom", ids.randbytes), patch.object(asyncio, "to_thread", at_once):
        yield random.Random(f"world {seed}")


def run(work: Callable[[VirtualClock], Coroutine[Any, Any, Any]]) -> Any:
    """Run one coroutine on a loop of virtual time, and forget everything that still waits."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(work(VirtualClock(loop)))
    finally:
        loop.ending, left = True, asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(_gone(left))
        asyncio.set_event_loop(None)
        loop.close()


async def _gone(left: set["asyncio.Task[Any]"]) -> None:
    await asyncio.wait_for(asyncio.gather(*left, return_exceptions=True), 600) if left else None
