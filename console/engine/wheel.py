"""Holds the wheel of a rollout while this process drives it."""

import asyncio

from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget
from console.model.errors import ConsoleError, NotAllowed, StoreError
from console.model.hooks import reach

TTL_S = 15.0
RENEW_S = 3.0
STOP_S = 6.0
"""With less of the lease left than this, by our own clock, nothing more is sent."""

MARGIN_S = 5.0
"""A new holder waits so much longer than the lease of the one before, unless that one is known to be gone or let it go."""

QUIET_S = TTL_S + MARGIN_S
"""So long after the last renewal of a console that was lost its wheel is free: what it sent last is on no wire any more."""

PATIENCE_S = QUIET_S + 10.0
"""How long to wait for a wheel whose holder does not renew it any more."""


class Wheel:
    """The lease as its holder keeps it; expiry is counted from before each renewal was sent."""

    def __init__(self, parts: Parts, live: LiveTarget, record: LiveRollout, reason: str = "") -> None:
        self._parts, self._live, self._record, self._reason = parts, live, record, reason
        self._renewed = 0.0
        self._renewing: asyncio.Task[None] | None = None
        self._free = False
        self.lost = ""
        """Why the wheel is lost, in words; "" while it is held."""

    async def take(self) -> None:
        """Take the wheel, waiting for a dead holder's lease to run out; then renew it until `let_go`.

        Raises NotAllowed when somebody else keeps driving, or when forward is over meanwhile.
        """
        around, record = self._parts.around, self._record
        ends = around.clock.elapsed() + PATIENCE_S
        while True:
            seen = await around.store.wheel.seen(record.id)
            quiet_s = QUIET_S if seen.lease is None or self._parts.alive(seen.lease.holder) else 0.0
            self._renewed = around.clock.elapsed()
            try:
                lease = await around.store.wheel.take(record.id, around.actor, TTL_S, self._reason, quiet_s)
                break
            except NotAllowed:
                if around.clock.elapsed() >= ends or record.rollout.phase.over:
                    raise
                record.lease = seen.live
                self._parts.touch(self._live, record)
                await around.sleep(1.0)
        reach("wheel-taken")
        record.lease = record.last_lease = lease
        record.mine, record.held_token, record.handover = True, lease.token, None
        record.rollout = await around.store.journal.rollout(record.id)
        self._renewing = asyncio.create_task(self._renew(), name=f"wheel {record.id}")
        self._parts.touch(self._live, record)

    @property
    def left_s(self) -> float:
        """Return how many seconds of the lease remain by our own clock, which runs through sleep."""
        return self._renewed + TTL_S - self._parts.around.clock.elapsed()

    def stop_reason(self) -> str:
        """Return why nothing forward may be sent any more; "" when it may."""
        if self.lost:
            return self.lost
        if self._free:
            return "the wheel was let go"
        return "" if self.left_s >= STOP_S else "the wheel could not be renewed in time"

    def send_no_more(self) -> None:
        """Let nothing more be sent forward: the wheel is let go next."""
        self._free = True

    async def let_go(self) -> None:
        """Stop renewing and let the wheel go, with the note of a handover where there is one, as far as the store can."""
        self.send_no_more()
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        record = self._record
        lease, record.lease, record.mine = record.lease, None, False
        note, to = record.leaving or ("", "")
        if lease is not None and not self.lost and lease.holder.console == self._parts.around.actor.console:
            try:
                await self._parts.around.store.wheel.release(lease, note, to)
            except ConsoleError as error:
                record.unrecorded = error.message
        record.leaving = None
        self._parts.touch(self._live, record)

    async def _renew(self) -> None:
        around = self._parts.around
        while self._record.lease is not None:
            await around.sleep(RENEW_S)
            asked = around.clock.elapsed()
            if self.left_s <= 0:
                self.lost = f"the console was away for {self._away(asked)}"
                break
            try:
                self._record.lease = self._record.last_lease = await around.store.wheel.renew(self._record.lease, TTL_S)
            except NotAllowed as error:
                self.lost = error.message
                break
            except StoreError:
                continue
            self._renewed = asked
            self._parts.touch(self._live, self._record)
        self._record.wake.set()

    def _away(self, now: float) -> str:
        return span(now - self._renewed)


def span(seconds: float) -> str:
    """Return how long something lasted, in words: `61 min`, `12 s`."""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(0.0, seconds):.0f} s"
