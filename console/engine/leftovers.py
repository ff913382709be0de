"""Settles what nobody is left to settle: steps of a console that is gone, whose rollout went on or ended without them."""

import asyncio
import logging

from console.engine import records, systems, underway
from console.engine.parts import Parts
from console.engine.pipeline import key_of
from console.engine.state import LiveTarget
from console.model.errors import BadFile, ConsoleError, NotAllowed, StoreError
from console.model.plan import StepKind
from console.model.ports import FindsRuns
from console.model.rollout import Outcome, Rollout, StepRow, StepState
from console.policy.planning import traffic_name

LOG = logging.getLogger(__name__)

LOOK_S = 5.0


class Leftovers:
    """Looks every few seconds for steps that stay open in the records although no console works on them and no person is asked."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._next_s = 0.0

    async def look(self) -> None:
        """Read back what was left and settle it: confirmed when it is as wanted, failed when it is not. Raises StoreError."""
        around = self._parts.around
        for each in tuple(self._parts.targets.values()):
            self._show_open(each)
        if around.clock.elapsed() < self._next_s:
            return
        self._next_s = around.clock.elapsed() + LOOK_S
        for row in await around.store.journal.unsettled():
            if self._is_left(row):
                rollout = await self._rollout(row)
                live = self._live(row, rollout)
                if live is not None:
                    await self._settle(live, row, rollout)

    def _show_open(self, live: LiveTarget) -> None:
        """Bring the newest rollout that is not over in sight of its target: one that nobody sees would keep every release from starting."""
        if live.rollout is not None and not live.rollout.rollout.phase.over:
            return
        records = [each for each in live.rollouts.values() if not each.rollout.phase.over]
        if records:
            live.rollout = max(records, key=lambda each: each.rollout.started_at)
            self._parts.touch(live, live.rollout)

    def _is_left(self, row: StepRow) -> bool:
        """Tell whether nobody works on a step: a person is asked about those of a rollout under way that nobody drives."""
        around, record = self._parts.around, self._parts.records.get(row.rollout)
        if row.actor.console == around.actor.console:
            working = record is not None and (record.backward is not None or record.driver_works)
            return not working and (record is None or record.rollout.phase.over)
        if self._parts.alive(row.actor) and (around.clock.now() - row.sent_at).total_seconds() < underway.longest_s(row):
            return False
        if record is None or record.rollout.phase.over:
            return True
        return record.mine and record.backward is None and row.state is StepState.SENT

    async def _rollout(self, row: StepRow) -> Rollout | None:
        """Return the rollout of a step; None when it could not be recorded itself."""
        record = self._parts.records.get(row.rollout)
        if record is not None:
            return record.rollout
        try:
            return await self._parts.around.store.journal.rollout(row.rollout)
        except BadFile:
            return None

    def _live(self, row: StepRow, rollout: Rollout | None) -> LiveTarget | None:
        """Return the target of a step: its rollout's, or the only one that has the step's system."""
        targets = self._parts.targets
        if rollout is not None:
            return targets.get(rollout.plan.target)
        fitting = [live for live in targets.values() if row.step.system == traffic_name(live.target) or _flag_of(live) == row.step.system]
        return fitting[0] if len(fitting) == 1 else None

    async def _settle(self, live: LiveTarget, row: StepRow, rollout: Rollout | None) -> None:
        around, step = self._parts.around, row.step
        try:
            async with asyncio.timeout(min(LOOK_S, step.deadline_s)):
                outcome = await (self._run_left(live, row, rollout) if step.kind is StepKind.PIPELINE else self._read_back(live, row))
        except (ConsoleError, TimeoutError):
            return  # it stays open, and is looked at again
        try:
            settled = await around.store.journal.settle(row, outcome)
        except (StoreError, NotAllowed) as error:
            LOG.info("%s was not settled: %s", row.id, error)
            return
        record = self._parts.records.get(row.rollout)
        if record is not None and rollout is not None:
            record.rows[row.id] = settled
            records.settled(self._parts, live, record, settled, f"{step.verb.value}: {settled.state.value}")

    async def _read_back(self, live: LiveTarget, row: StepRow) -> Outcome:
        step, now = row.step, self._parts.around.clock.now
        found = await systems.read(live, step)
        if systems.as_wanted(step, found.values):
            state, detail = StepState.CONFIRMED, "Found as wanted after its console was gone."
        else:
            seen, wanted = systems.words(step.kind, found.values), systems.words(step.kind, step.want)
            state = StepState.FAILED
            detail = f"Read back {seen}, wanted {wanted}: its console is gone, and the rollout went on without it."
        return Outcome(row.id, state, now(), row.accepted_at, found.at, found.values, detail)

    async def _run_left(self, live: LiveTarget, row: StepRow, rollout: Rollout | None) -> Outcome:
        """End what a run that nobody follows would still do, for that is forward; one that its console ran itself ended with it."""
        detail, pipeline = "Its console is gone, and the rollout went on without it", live.connections.pipeline
        if rollout is not None and pipeline is not None and isinstance(pipeline, FindsRuns):
            run = await pipeline.find(key_of(rollout, row.id))
            if run is not None:
                await pipeline.cancel(run, "the console that started it is gone, and its rollout is over")
                detail += f"; its run {run} was cancelled"
        return Outcome(row.id, StepState.FAILED, self._parts.around.clock.now(), row.accepted_at, detail=f"{detail}.")


def _flag_of(live: LiveTarget) -> str:
    return "" if live.target.flag is None else f"flag {live.target.flag.name}"
