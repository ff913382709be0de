"""The live targets: each with its connections, its watch and its rollouts; and what other processes made of them meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from console.engine import judging, records
from console.engine.drifting import Drifts
from console.engine.leftovers import Leftovers
from console.engine.parts import Parts
from console.engine.recovery import Recovery
from console.engine.rings import Charts
from console.engine.state import LiveTarget
from console.engine.watch import Watch
from console.model.errors import ConsoleError, NotAllowed, StoreError
from console.model.ports import Connections
from console.model.readings import MetricReading, Split
from console.model.stores import TargetChange, TargetRow
from console.model.target import Target
from console.policy.freezing import traffic_now

LOG = logging.getLogger(__name__)

LOOK_S = 0.5
"""How often the records are asked whether another process changed them."""

Connect = Callable[[Target, TargetRow], Connections]
LoadTarget = Callable[[TargetRow], Target]


class Fleet:
    """Takes targets in and lets them go; every target is watched by tasks of its own."""

    def __init__(self, parts: Parts, recovery: Recovery, connect: Connect, load_target: LoadTarget) -> None:
        self._parts, self._recovery = parts, recovery
        self._connect, self._load_target = connect, load_target
        self._watches: dict[str, Watch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._version = self._head = -1
        self._leftovers = Leftovers(parts)
        self._drifts = Drifts(parts)
        self.on_change: Callable[[], None] = lambda: None
        """Called whenever another process changed the records."""
        self.broken: dict[str, tuple[TargetRow, ConsoleError]] = {}
        """Targets whose file cannot be used, with the reason."""

    async def take_in(self, row: TargetRow) -> None:
        """Connect a target and watch it, anew where it was connected before; a file that cannot be used is shown, not raised."""
        await self.let_go(row.name)
        try:
            target = self._load_target(row)
            connections = self._connect(target, row)
        except ConsoleError as error:
            self.broken[row.name] = (row, error)
            self._parts.outbox.touch_target(row.name)
            return
        live = LiveTarget(row, target, connections, Charts(target.panels, target.sides), self._touch)
        self._parts.targets[row.name] = live
        self._parts.notes.take_in(live)
        if target.blackout is not None:
            live.traffic = traffic_now(target.blackout, None, None, self._parts.around.clock.now())
        live.freeze = self._parts.asking.freeze(live)
        watch = Watch(self._parts.around, live, self._on_split(live), self._on_metrics(live), self._on_identity(live), self._crowd(live))
        watch.on_notice = self._parts.outbox.notice
        self._watches[row.name] = watch
        try:
            await self._recovery.load(live)
        except StoreError as error:
            self._parts.asking.trouble(error)
        watch.start()
        self._parts.outbox.touch_calendar()
        live.touch()
        if row.environment != target.environment.value:
            self._soon(live, TargetChange(environment=target.environment.value), f"environment is {target.environment.value}")

    def knows(self, name: str) -> bool:
        """Tell whether a target was taken in, its file good or not."""
        return name in self._parts.targets or name in self.broken

    async def let_go(self, name: str) -> None:
        """Stop watching a target and close its connections; rollouts of it that run here are left held by their lease running out."""
        self.broken.pop(name, None)
        watch, live = self._watches.pop(name, None), self._parts.targets.pop(name, None)
        if watch is not None:
            await watch.stop()
        if live is None:
            return
        for record in [record for record in self._parts.records.values() if record.rollout.plan.target == name]:
            await _end(record.driver)
            if record.leave is not None:
                record.leave()
            while record.backward is not None and not record.backward.done():
                await _finish(record.backward)
            self._parts.records.pop(record.id, None)
        self._parts.notes.let_go(name)
        await live.connections.close()

    async def close(self) -> None:
        """Let every target go."""
        for name in list(self._watches):
            await self.let_go(name)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _crowd(self, live: LiveTarget) -> Callable[[], int]:
        return lambda: len(self._parts.targets) if self._parts.in_crowd(live) else 0

    def trusts(self, name: str, digest: str) -> bool:
        """Tell whether a person allowed the commands of a connected target's file, as the file with this digest has them."""
        live = self._parts.targets.get(name)
        return live is not None and bool(digest) and live.row.trusted_digest == digest

    async def remember(self, name: str, change: TargetChange, verb: str) -> None:
        """Change single fields of a target's row, and use the row from now on. Raises StoreError, NotAllowed."""
        around = self._parts.around
        row = await around.store.targets.amend(name, change, around.actor, verb, around.clock.now())
        live = self._parts.targets.get(name)
        if live is not None:
            live.row = row
            live.touch()

    async def follow(self) -> None:
        """Look for ever what other processes changed, and whether a freeze began; an outer door: a bug here is logged."""
        while True:
            try:
                await self._look()
            except StoreError as error:
                self._parts.asking.trouble(error)
                self._parts.outbox.wake()
            except Exception:
                LOG.exception("following the records broke")
            await self._until_next()

    async def _until_next(self) -> None:
        """Wait until the store tells of a change, or for the time after which it is asked anyway."""
        around = self._parts.around
        waits = [asyncio.ensure_future(around.sleep(LOOK_S)), asyncio.ensure_future(around.store.changed())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _look(self) -> None:
        version = await self._parts.around.store.version()
        if version != self._version:
            self._version = version
            await self._reread()
            self.on_change()
        for live in tuple(self._parts.targets.values()):
            await self._recovery.look_for_orphans(live)
            freeze = self._parts.asking.freeze(live)
            if freeze != live.freeze:
                live.freeze = freeze
                self._parts.outbox.touch_calendar()
                live.touch()
        await self._leftovers.look()
        await self._parts.around.store.ready()
        for record in tuple(self._parts.records.values()):
            if record.unwritten and (driven := self._parts.targets.get(record.rollout.plan.target)) is not None:
                await records.write_late(self._parts, driven, record)
        if self._parts.asking.store_problem is not None:
            self._parts.asking.trouble(None)
            self._parts.outbox.wake()

    async def _reread(self) -> None:
        """Take in what changed: all of it where something was recorded; a lease that was renewed or a sample changes no record."""
        head = await self._parts.around.store.audit.head()
        if head == self._head and not any(live.failed_to_keep for live in self._parts.targets.values()):
            await self._recovery.reread_driven()
            return
        self._head = -1
        if await self._parts.asking.refresh():
            self._parts.outbox.touch_calendar()
        await self._reread_rows()
        await self._recovery.reread()
        if self._version != -1 and self._parts.asking.freezes_known:
            self._head = head

    async def _reread_rows(self) -> None:
        """Use the rows as they stand in the records; one that was changed here while they were read is newer, and is read again."""
        before = {name: live.row for name, live in self._parts.targets.items()}
        rows: Sequence[TargetRow] = await self._parts.around.store.targets.rows()
        for row in rows:
            live = self._parts.targets.get(row.name)
            if live is None or row == live.row or row.path != live.row.path:
                continue
            if live.row is not before.get(row.name):
                self._version = -1
                continue
            live.row = row
            live.touch()

    def _touch(self, name: str) -> None:
        self._parts.outbox.touch_target(name)
        live = self._parts.targets.get(name)
        if live is not None and live.rollout is not None:
            self._parts.outbox.touch_rollout(live.rollout.id)

    def _on_split(self, live: LiveTarget) -> Callable[[Split], None]:
        def take(split: Split) -> None:
            if not live.row.stable:
                fullest = max(live.target.sides, key=lambda side: split.weights.get(side, 0.0))
                self._soon(live, TargetChange(stable=fullest, first=True), f"stable is {fullest}")
            if live.sending == 0:
                self._drifts.look(live, split)
            if live.restarted and (live.rollout is None or live.rollout.rollout.phase.over) and not split.weights.get(live.canary):
                live.restarted = ""

        return take

    def _on_metrics(self, live: LiveTarget) -> Callable[[MetricReading | ConsoleError], Awaitable[None]]:
        async def take(reading: MetricReading | ConsoleError) -> None:
            now = self._parts.around.clock.now()
            if live.target.blackout is not None and live.target.metrics is not None:
                per_min = live.rate.per_min(now, max(30.0, 3 * live.target.metrics.interval_s))
                rate = None if per_min is None else per_min / live.target.speed
                live.traffic = traffic_now(live.target.blackout, live.traffic, rate, now)
                self._parts.outbox.touch_calendar()
            if live.rollout is not None:
                await judging.take(self._parts, live.rollout, reading)

        return take

    def _on_identity(self, live: LiveTarget) -> Callable[[str], None]:
        def take(fingerprint: str) -> None:
            if live.row.armed and not live.row.fingerprint:
                self._soon(live, TargetChange(fingerprint=fingerprint, first=True), "pinned")

        return take

    def _soon(self, live: LiveTarget, change: TargetChange, verb: str) -> None:
        """Use what was read at once, and store it in the background."""
        live.row = replace(
            live.row,
            stable=live.row.stable or change.stable or "",
            fingerprint=live.row.fingerprint or change.fingerprint or "",
            environment=change.environment or live.row.environment,
        )
        task = asyncio.create_task(self._remember_quietly(live.name, change, verb))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _remember_quietly(self, name: str, change: TargetChange, verb: str) -> None:
        try:
            await self.remember(name, change, verb)
        except (StoreError, NotAllowed) as error:
            LOG.warning("%s of %s was not stored: %s", verb, name, error)


async def _end(task: "asyncio.Task[None] | None") -> None:
    if task is not None and not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _finish(task: "asyncio.Task[None] | None") -> None:
    """Let a backward move end; it is bounded by its own deadlines, and goes on where nobody waits for it any more."""
    if task is not None and not task.done():
        await asyncio.wait({task})
