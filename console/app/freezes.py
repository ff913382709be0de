"""What freezes a target, asked without a rollout: for commands and CI."""

import asyncio
import secrets as randomness
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from console.app.files import read_target
from console.app.readings import Reads
from console.model.clock import Clock
from console.model.errors import BadFile, ConsoleError
from console.model.freeze import FreezeState, FreezeWindow, OneOff, Weekly
from console.model.stores import Store
from console.model.target import Target

FREEZE_S = 6.0
"""How long a question about a freeze waits for the traffic to be measured."""


class FreezeQuestions:
    """Windows, stops and measured peak traffic of the targets."""

    def __init__(self, store: Store, reads: Reads, clock: Clock) -> None:
        self._store, self._reads, self._clock = store, reads, clock

    async def all_windows(self) -> Sequence[FreezeWindow]:
        """Return every freeze window: those made in the console, and those of the targets' files that can be read, each for its target."""
        windows = list(await self._store.freezes.windows())
        for row in await self._store.targets.rows():
            with suppress(ConsoleError):  # a broken file is told by `target check`; its windows cannot be known
                own = (await asyncio.to_thread(read_target, row)).freezes
                windows += [window if window.targets else replace(window, targets=(row.name,)) for window in own]
        return windows

    async def state(self, target: str, at: datetime) -> FreezeState:
        """Return whether windows or a stop freeze a target at an instant. Raises BadFile when it or its file cannot be read.

        Peak traffic is known for now only: `now` asks for it too.
        """
        from console.policy.calendar import compiled  # noqa: PLC0415
        from console.policy.freezing import Restraints, freeze_state  # noqa: PLC0415

        await self._file_of(target)
        windows = [window for window in await self.all_windows() if window.covers(target)]
        return freeze_state(target, at, Restraints(compiled(tuple(windows), at, None), tuple(await self._store.freezes.stops())))

    async def now(self, target: str) -> FreezeState:
        """Return whether a target is frozen now, by measured peak traffic as well where its file declares a blackout."""
        if (await self._file_of(target)).blackout is None:
            return await self.state(target, self._clock.now())
        await self._reads.watching(target)
        return (await self._reads.read(target, FREEZE_S)).freeze

    async def _file_of(self, target: str) -> Target:
        rows = {row.name: row for row in await self._store.targets.rows()}
        if target not in rows:
            raise BadFile(f"there is no target named {target}", advice="release-console target list shows those that there are.")
        return await asyncio.to_thread(read_target, rows[target])


def new_window(name: str, owner: str, reason: str, zone: str, span: OneOff | Weekly, targets: tuple[str, ...]) -> FreezeWindow:
    """Return a window with an id of its own, not yet added."""
    return FreezeWindow(f"F-{randomness.token_hex(3)}", name, owner, reason, zone, span, targets)
