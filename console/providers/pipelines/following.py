"""How a run in another system is followed: looked at when that system says that something changed, and every so often anyway."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from console.model.clock import Clock
from console.model.errors import ConsoleError, Malformed, OutcomeUnknown, Refused, RemoteError, TooLarge, Unreachable
from console.model.readings import LogLine, PipelineRun
from console.model.text import clean

QUIET_S = 0.2
"""A run is looked at no sooner than this after the last look, however much it tells."""

GARBAGE_LIMIT = 5
"""So many answers in a row that are no answer of this system end the following."""

BACKOFF_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as it stands now, and the lines that it printed since it was last looked at."""

    run: PipelineRun
    lines: Sequence[LogLine] = ()


@dataclass(frozen=True, slots=True)
class Watched:
    """A run that can be looked at and stopped; `wake` is set where something tells that it changed.

    `every_s` gives the seconds until it is looked at again when nothing tells so.
    """

    look: Callable[[], Awaitable[Seen]]
    stop: Callable[[str], Awaitable[None]]
    every_s: Callable[[], float]
    wake: asyncio.Event = field(default_factory=asyncio.Event)


async def follow(watched: Watched, limit_s: float, clock: Clock) -> AsyncIterator[PipelineRun | LogLine]:
    """Yield the run at each change and each line, its end last.

    A system that does not answer, fails or asks to wait is asked again, more and more seldom, and the run's `note` says so meanwhile. A run
    that takes longer than `limit_s` is stopped. Raises what a look raises where asking again cannot help, or when the limit is over.
    """
    until = clock.elapsed() + limit_s
    last: PipelineRun | None = None
    trouble = Trouble()
    while True:
        began = clock.elapsed()
        watched.wake.clear()
        try:
            seen = await watched.look()
            if seen.run.state == "running" and clock.elapsed() >= until:
                await watched.stop(f"it took longer than {limit_s / 60:g} min")
                until += limit_s
        except (RemoteError, OutcomeUnknown) as error:
            wait_s = trouble.after(error)
            if clock.elapsed() >= until:
                raise
            if last is not None:
                yield replace(last, note=f"It cannot be read now: {error.message}")
            await asyncio.sleep(wait_s)
            continue
        troubled, trouble = bool(trouble.count), Trouble()
        over = seen.run.state != "running"
        if not over and (troubled or seen.run != last):
            yield seen.run
        for line in seen.lines:
            yield line
        if over:
            yield seen.run
            return
        last = seen.run
        await _pause(watched.wake, watched.every_s(), QUIET_S - (clock.elapsed() - began))


class Trouble:
    """Counts what went wrong in a row."""

    def __init__(self) -> None:
        self.count = 0
        self._garbage = 0

    def after(self, error: ConsoleError) -> float:
        """Return the seconds to wait before the next try. Raises the error where another try cannot help."""
        self.count += 1
        self._garbage += isinstance(error, Malformed | TooLarge)
        if self._garbage >= GARBAGE_LIMIT or not _may_pass(error):
            raise error
        asked = error.retry_after_s if isinstance(error, Refused) else None
        if asked is not None:
            return max(asked, QUIET_S)
        return min(BACKOFF_LIMIT_S, 0.25 * 2.0 ** min(self.count, 10)) * (0.5 + random.random() / 2)  # noqa: S311 - spreads tries


def _may_pass(error: ConsoleError) -> bool:
    if isinstance(error, Refused):
        return error.retry_after_s is not None or error.status in {408, 409, 425, 429} or (error.status or 0) >= 500
    return isinstance(error, Unreachable | Malformed | TooLarge | OutcomeUnknown)


async def _pause(wake: asyncio.Event, every_s: float, least_s: float) -> None:
    if least_s > 0:
        await asyncio.sleep(least_s)
    try:
        async with asyncio.timeout(every_s):
            await wake.wait()
    except TimeoutError:
        return


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that can be shown and told apart: cleaned, and numbered where one comes again."""
    counts: dict[str, int] = {}
    found = []
    for name in names:
        shown = clean(name, 80) or "step"
        counts[shown] = counts.get(shown, 0) + 1
        found.append(shown if counts[shown] == 1 else f"{shown} ({counts[shown]})")
    return tuple(found)
