"""Sends the notes of one channel one after the other: a bounded queue, retries with back-off, and what became of them."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime

from console.engine.surroundings import Surroundings
from console.model.errors import ConsoleError, Malformed, OutcomeUnknown, Refused, SecretsUnavailable, Unreachable
from console.model.notes import Channel, ChannelTried, ChannelView, Note, Notifier

LOG = logging.getLogger(__name__)

MOST_WAITING = 100
"""Notes that wait in one channel; when one more comes, the oldest is dropped."""

LIFE_S = 900.0
"""So long after it happened a note is tried; later it would mislead."""

FIRST_S = 1.0
MOST_S = 60.0
ATTEMPT_S = 60.0
"""One attempt takes no longer, the fetching of its secret included."""

_AGAIN = frozenset({408, 425, 429})


class Teller:
    """One channel of one target. Nobody waits for it: `put` returns at once, and a task of its own sends while something waits."""

    def __init__(self, around: Surroundings, target: str, channel: Channel, notifier: Notifier, touched: Callable[[], None]) -> None:
        self._around, self._target, self.channel, self._notifier, self._touched = around, target, channel, notifier, touched
        self._waiting: deque[tuple[Note, float]] = deque()
        self._in_hand = self._leaves = False
        self.task: asyncio.Task[None] | None = None
        self._told = self._dropped = 0
        self._last_at: datetime | None = None
        self._error: ConsoleError | None = None
        self._since: datetime | None = None

    @property
    def left(self) -> int:
        """Return how many notes are not told yet."""
        return len(self._waiting) + self._in_hand

    def wants(self, note: Note) -> bool:
        """Tell whether a note is for this channel."""
        return note.kind in self.channel.on

    def put(self, note: Note) -> None:
        """Take a note; what waits longest is dropped where too many wait."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append((note, self._around.clock.elapsed() + LIFE_S))
        self._start()
        self._touched()

    def leave(self) -> None:
        """Let go of the connections as soon as everything was told, or was tried for long enough."""
        self._leaves = True
        self._start()

    async def end(self) -> None:
        """Let go of the connections now; what waits is not told any more."""
        task = self.task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._notifier.aclose()

    async def try_now(self, note: Note, limit_s: float) -> ChannelTried:
        """Send a note once, beside what waits, and return what became of it."""
        begun = self._around.clock.elapsed()
        error = await self._attempt(note, limit_s)
        took_s = self._around.clock.elapsed() - begun
        if error is None:
            return ChannelTried(self.channel.name, self.channel.system, accepted=True, took_s=took_s)
        return ChannelTried(
            self.channel.name, self.channel.system, accepted=False, took_s=took_s, problem=error.message, advice=error.advice
        )

    def view(self) -> ChannelView:
        """Return how the channel stands."""
        error = self._error
        return ChannelView(
            name=self.channel.name,
            system=self.channel.system,
            on=tuple(kind.value for kind in self.channel.on),
            last_at=self._last_at,
            problem=error.message if error is not None else "",
            advice=error.advice if error is not None else "",
            since=self._since,
            waiting=self.left,
            told=self._told,
            dropped=self._dropped,
        )

    def _start(self) -> None:
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run(), name=f"notify {self._target} {self.channel.name}")

    async def _run(self) -> None:
        """Send what waits, the oldest first; an outer door: a note that breaks something here is dropped and logged, the others go on."""
        while self._waiting:
            note, ends = self._waiting.popleft()
            self._in_hand = True
            try:
                await self._deliver(note, ends)
            except Exception:
                LOG.exception("telling %s of %s broke", self.channel.name, self._target)
                self._dropped += 1
            finally:
                self._in_hand = False
                self._touched()
        if self._leaves:
            await self._notifier.aclose()

    async def _deliver(self, note: Note, ends: float) -> None:
        failures = 0
        while True:
            error = await self._attempt(note, ATTEMPT_S)
            if error is None:
                self._told += 1
                return
            failures += 1
            asked = error.retry_after_s or 0.0 if isinstance(error, Refused) else 0.0
            wait_s = max(asked, self._around.backoff_s(failures, FIRST_S, MOST_S))
            if not may_pass(error) or self._around.clock.elapsed() + wait_s > ends:
                self._dropped += 1
                return
            await self._around.sleep(wait_s)

    async def _attempt(self, note: Note, limit_s: float) -> ConsoleError | None:
        """Send a note once and keep how it went."""
        error: ConsoleError | None = None
        try:
            async with asyncio.timeout(limit_s):
                await self._notifier.tell(note)
        except ConsoleError as caught:
            error = caught
        except TimeoutError:
            error = Unreachable(f"The channel {self.channel.name} did not take a note in {limit_s:g} s.", sent=True, advice="Look at it.")
        self._note(error)
        self._touched()
        return error

    def _note(self, error: ConsoleError | None) -> None:
        """Keep the last result; the log has the first of a row of failures, and their end."""
        now, before = self._around.clock.now(), self._error
        self._error = error
        if error is None:
            self._last_at, self._since = now, None
            if before is not None:
                LOG.info("the channel %s of %s takes notes again; %d were dropped", self.channel.name, self._target, self._dropped)
            return
        if before is None:
            self._since = now
            LOG.warning("the channel %s of %s takes no notes: %s", self.channel.name, self._target, error.message)


def may_pass(error: ConsoleError) -> bool:
    """Tell whether the same note may be taken later: a channel that is busy or away, not one that says no."""
    if isinstance(error, Refused):
        return error.status in _AGAIN or (error.status or 0) >= 500
    return isinstance(error, Unreachable | OutcomeUnknown | Malformed | SecretsUnavailable)
