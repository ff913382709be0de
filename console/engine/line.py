"""Freeze windows and the stop-the-line, as a person changes them in the console."""

from datetime import datetime

from console.engine.parts import Parts
from console.model.errors import BadFile
from console.model.freeze import FreezeWindow, StopTheLine
from console.policy.calendar import window_problem


class Line:
    """Passes changes of the calendar to the records, and uses them at once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def add_freeze(self, window: FreezeWindow) -> None:
        """Add a freeze window. Raises BadFile when it cannot be used, CannotRecord."""
        problem = window_problem(window)
        if problem:
            raise BadFile(f"The window {window.name} cannot be used: {problem}.", advice="Mend it and add it again.")
        around = self._parts.around
        await around.store.freezes.add(window, around.actor, around.clock.now())
        await self._use()

    async def remove_freeze(self, window_id: str, reason: str) -> None:
        """Remove a freeze window that was made in the console."""
        around = self._parts.around
        await around.store.freezes.remove(window_id, around.actor, reason, around.clock.now())
        await self._use()

    async def stop_the_line(self, reason: str, until: datetime | None, targets: tuple[str, ...]) -> None:
        """Stop every forward move, on some targets or on all."""
        around = self._parts.around
        await around.store.freezes.stop(StopTheLine(around.actor.name, reason, around.clock.now(), until, targets), around.actor)
        await self._use()

    async def lift_the_line(self, reason: str) -> None:
        """Lift every stop."""
        around = self._parts.around
        await around.store.freezes.lift(around.actor, reason, around.clock.now())
        await self._use()

    async def _use(self) -> None:
        await self._parts.asking.refresh()
        self._parts.outbox.touch_calendar()
        for live in self._parts.targets.values():
            live.freeze = self._parts.asking.freeze(live)
            if live.rollout is not None:
                live.rollout.wake.set()
            live.touch()
