"""The practice shop as a target of this console: started, taken in armed and trusted, and cleared away."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from console.app.files import read_target
from console.app.readings import Reads
from console.engine.engine import Engine
from console.files.folders import folders
from console.model.audit import Entry, RecordKind
from console.model.clock import Clock
from console.model.commands import Command
from console.model.errors import NotAllowed
from console.model.rollout import Actor, Outcome, Phase, StepState
from console.model.stores import RolloutChange, Store, TargetRow
from console.model.verbs import Verb

if TYPE_CHECKING:
    from console.demo.practice import PracticeShop

CLOSED = "The practice shop was closed."


class Practice:
    """At most one practice shop; `actor` tells who acts now."""

    def __init__(self, store: Store, engine: Engine, reads: Reads, actor: Callable[[], Actor], clock: Clock) -> None:
        self._store, self._engine, self._reads = store, engine, reads
        self._actor, self._clock = actor, clock
        self._shop: PracticeShop | None = None

    async def open(self, scenario: str, speed: float, *, start: bool, progress: Callable[[str], None] | None = None) -> str:
        """Start the practice shop, take its target in armed and trusted (we made it), and start its rollout where that is asked."""
        from console.demo.practice import PracticeShop  # noqa: PLC0415

        if self._store.person:
            raise NotAllowed(
                "The practice shop does not run on a team's records.",
                means="Nobody else could see its traffic.",
                advice="Open it on records of your own: `release-console demo`.",
            )
        await self.close()
        folder = folders().data / "practice"
        shop = PracticeShop(folder, scenario, speed)
        await shop.start(progress or (lambda _: None))
        self._shop = shop
        path = folder / "practice-shop.yaml"
        await asyncio.to_thread(path.write_text, shop.target_text, encoding="utf-8")
        target = await asyncio.to_thread(read_target, TargetRow("", str(path)))
        row = TargetRow(
            name=target.name,
            path=str(path),
            armed=True,
            trusted_digest=target.digest,
            stable=target.sides[0],
            practice=True,
            environment=target.environment.value,
        )
        await self._store.targets.put(row, self._actor(), "open the practice shop", self._clock.now())
        await self._engine.fleet.take_in(row)
        if start:
            await self._reads.read(target.name, 15.0)
            command = Command(Verb.START, target.name, self._actor(), f"practice: {scenario}", release=shop.release)
            answer = await self._engine.act(command)
            if not answer.decision.allowed:
                raise NotAllowed(f"The practice release was not started: {'; '.join(answer.decision.reasons)}")
        return target.name

    async def close(self) -> None:
        """Stop the practice shop and close what was on its way there; also what an earlier, killed console left of it."""
        shop, self._shop = self._shop, None
        for row in [] if self._store.person else await self._store.targets.rows():
            if row.practice:
                await self._engine.fleet.let_go(row.name)
                await close_rollouts(self._store, row.name, self._actor(), self._clock.now())
                await close_quarantines(self._store, row.name, self._actor(), self._clock.now())
                await self._store.targets.drop(row.name, self._actor(), self._clock.now())
        if shop is not None:
            await shop.stop()

    @property
    def runs(self) -> bool:
        """Tell whether the practice shop runs."""
        return self._shop is not None


async def close_rollouts(store: Store, target: str, actor: Actor, now: datetime) -> None:
    """Close every rollout of a practice shop that is gone; steps whose effect nobody can read any more stay unknown, on record."""
    rollouts = {rollout.id: rollout for rollout in await store.journal.rollouts(live=True, target=target)}
    for row in await store.journal.unsettled():
        if row.rollout in rollouts and row.state is StepState.SENT:
            await store.journal.settle(row, Outcome(row.id, StepState.UNKNOWN, now, detail=CLOSED))
    for rollout in rollouts.values():
        entry = Entry(RecordKind.PHASE, actor, now, "close", target, rollout.id, CLOSED, Phase.ABORTED.value, rollout.plan.hash)
        await store.journal.change(rollout, RolloutChange(phase=Phase.ABORTED, note=CLOSED, ended_at=now, raise_token=True), entry)


async def close_quarantines(store: Store, target: str, actor: Actor, now: datetime) -> None:
    """Lift what a practice shop that is gone had quarantined, and let go of what was paused there: the next shop begins anew."""
    rows = await store.ways.quarantines(target)
    for version in sorted({row.version for row in rows if not row.lifted}):
        await store.ways.lift(target, version, actor, CLOSED, now)
    if any(row.paused for row in rows):
        await store.ways.resumed(target, actor, CLOSED, now)
