"""Holds the wheel of a rollout while this process drives it."""

import asyncio
from datetime import timedelta

from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget
from console.model.errors import ConsoleError, NotAllowed, StoreError
from console.model.hooks import reach
from console.model.rollout import Lease

TTL_S = 15.0
RENEW_S = 3.0
STOP_S = 6.0
"""With less of the lease left than this, by our own clock, nothing more is sent."""

MARGIN_S = 5.0
"""A new holder waits so much longer than the lease of the one before, unless that one is known to be gone or let it go."""

PATIENCE_S = 2 * TTL_S
"""How long to wait for a wheel whose holder does not renew it any more."""


class Wheel:
    """The lease as its holder keeps it; expiry is counted from before each renewal was sent."""

    def __init__(self, parts: Parts, live: LiveTarget, record: LiveRollout) -> None:
        self._parts, self._live, self._record = parts, live, record
        self._renewed = 0.0
        self._renewing: asyncio.Task[None] | None = None
        self.lost = ""
        """Why the wheel is lost, in words; "" while it is held."""

    async def take(self) -> None:
        """Take the wheel, waiting for a dead holder's lease to run out; then renew it until `let_go`.

        Raises NotAllowed when somebody else keeps driving, or when forward is over meanwhile.
        """
        around, ends = self._parts.around, self._parts.around.clock.elapsed() + PATIENCE_S
        before = self._record.lease
        while True:
            if before is not None and await self._too_soon(before):
                await around.sleep(1.0)
                continue
            self._renewed = around.clock.elapsed()
            try:
                lease = await around.store.wheel.take(self._record.id, around.actor, TTL_S)
                break
            except NotAllowed:
                if around.clock.elapsed() >= ends or self._record.rollout.phase.over:
                    raise
                self._record.lease = await around.store.wheel.show(self._record.id)
                self._parts.touch(self._live, self._record)
                await around.sleep(1.0)
        reach("wheel-taken")
        self._record.lease, self._record.mine = lease, True
        self._record.rollout = await around.store.journal.rollout(self._record.id)
        self._renewing = asyncio.create_task(self._renew(), name=f"wheel {self._record.id}")
        self._parts.touch(self._live, self._record)

    async def _too_soon(self, before: Lease) -> bool:
        """Tell whether another console's lease ran out so lately that a step of its may still be on the wire; let go, it may be taken."""
        around = self._parts.around
        if before.holder.console == around.actor.console or not self._parts.alive(before.holder):
            return False
        now = around.clock.now()
        if not before.expires_at <= now < before.renewed_at + timedelta(seconds=TTL_S + MARGIN_S):
            return False
        return await around.store.wheel.show(self._record.id) is None

    @property
    def left_s(self) -> float:
        """Return how many seconds of the lease remain by our own clock, which runs through sleep."""
        return self._renewed + TTL_S - self._parts.around.clock.elapsed()

    def stop_reason(self) -> str:
        """Return why nothing forward may be sent any more; "" when it may."""
        if self.lost:
            return self.lost
        return "" if self.left_s >= STOP_S else "the wheel could not be renewed in time"

    async def let_go(self) -> None:
        """Stop renewing and let the wheel go, as far as the store can."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        lease, self._record.lease, self._record.mine = self._record.lease, None, False
        if lease is not None and not self.lost:
            try:
                await self._parts.around.store.wheel.release(lease)
            except ConsoleError as error:
                self._record.unrecorded = error.message
        self._parts.touch(self._live, self._record)

    async def _renew(self) -> None:
        around = self._parts.around
        while self._record.lease is not None:
            await around.sleep(RENEW_S)
            asked = around.clock.elapsed()
            if self.left_s <= 0:
                self.lost = f"the console was away for {self._away(asked)}"
                break
            try:
                self._record.lease = await around.store.wheel.renew(self._record.lease, TTL_S)
            except NotAllowed as error:
                self.lost = error.message
                break
            except StoreError:
                continue
            self._renewed = asked
            self._parts.touch(self._live, self._record)
        self._record.wake.set()

    def _away(self, now: float) -> str:
        away_s = now - self._renewed
        return f"{away_s / 60:.0f} min" if away_s >= 90 else f"{away_s:.0f} s"
