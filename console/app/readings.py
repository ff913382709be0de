"""Waits for what the engine reads of a target, as commands need it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from console.app.files import read_target
from console.engine.engine import Engine
from console.model.clock import Clock
from console.model.desk import Cancel
from console.model.errors import BadFile, StoreError
from console.model.stores import Store, TargetRow
from console.model.views import TargetView, Update

WAY_BACK_S = 1.5
"""A way back waits no longer than this for readings, whatever is dead."""


class Tells(Protocol):
    """Whatever tells updates."""

    @property
    def listen(self) -> Callable[[Callable[[Update], None]], Cancel]:
        """Call back with each batch of changes."""
        ...


class Reads:
    """Questions about targets that are answered once they were read."""

    def __init__(self, store: Store, engine: Engine, clock: Clock) -> None:
        self._store, self._engine, self._clock = store, engine, clock
        self.listen = engine.listen

    async def watching(self, target: str) -> None:
        """Connect to a target that was not named at the opening. Raises BadFile when there is none."""
        rows = {row.name: row for row in await self._store.targets.rows()}
        if target not in rows:
            raise BadFile(f"there is no target named {target}", advice="release-console target list shows those that there are.")
        await self._engine.fleet.take_in(rows[target])
        if target in self._engine.fleet.broken:
            raise self._engine.fleet.broken[target][1]

    async def watch_new(self) -> tuple[str, ...]:
        """Connect to targets that were added since the opening, and return their names."""
        fleet = self._engine.fleet
        found = [row for row in await self._store.targets.rows() if not fleet.knows(row.name)]
        for row in found:
            await fleet.take_in(row)
        return tuple(row.name for row in found)

    async def read(self, target: str, timeout_s: float, *, forward: bool = True) -> TargetView:
        """Return a target's view once its weights, versions and who answers were read, or as it is when the time is over.

        `forward` also waits for the traffic of now where the file declares a blackout: two metric readings, in addition to the time given.
        """
        ends = self._clock.elapsed() + timeout_s
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._engine.identified(target)
        view = await view_when(self, target, _was_read, max(0.1, ends - self._clock.elapsed()))
        if not forward or view.traffic is None:
            return view
        source = (await asyncio.to_thread(read_target, TargetRow(target, view.path))).metrics
        return await view_when(self, target, _traffic_is_known, 2.0 + (2 * source.interval_s if source is not None else 0.0))

    async def look_before_a_way_back(self, target: str) -> None:
        """Wait a little for readings where no rollout is on its way: what was finished goes back only to a side known to be well."""
        with suppress(StoreError):
            if not await self._store.journal.rollouts(live=True, target=target):
                await self.read(target, WAY_BACK_S, forward=False)

    async def is_stable(self, target: str, side: str) -> bool:
        """Tell whether a side is known to be stable, from the records alone."""
        return any(row.name == target and row.stable == side for row in await self._store.targets.rows())

    async def flag_named(self, target: str, flag: str) -> None:
        """Check that a target's flag has this name. Raises BadFile."""
        view = await view_when(self, target, lambda _: True, 5.0)
        if view.flag != flag:
            known = f"its flag is {view.flag}" if view.flag else "it declares no flag"
            raise BadFile(f"{target} has no flag {flag}; {known}.", advice="Only a flag of the target's file can be killed here.")


def _was_read(view: TargetView) -> bool:
    return bool(view.stable_version and view.canary_version) and view.weight.read_back.at is not None


def _traffic_is_known(view: TargetView) -> bool:
    return view.traffic is None or view.traffic.share is not None


async def view_when(tells: Tells, name: str, ready: Callable[[TargetView], bool], timeout_s: float) -> TargetView:
    """Return a target's view once `ready` holds of it, or as it is when the time is over. Raises BadFile when there is no such target."""
    found: dict[str, TargetView] = {}
    told = asyncio.Event()

    def on_update(update: Update) -> None:
        found.update({view.name: view for view in update.targets})
        if name in found and ready(found[name]):
            told.set()

    cancel = tells.listen(on_update)
    try:
        async with asyncio.timeout(timeout_s):
            await told.wait()
    except TimeoutError:
        pass  # what was read so far is shown, each part with its age
    finally:
        cancel()
    if name not in found:
        raise BadFile(f"there is no target named {name}", advice="release-console target list shows those that there are.")
    return found[name]
