"""Drives one rollout forward while this process holds its wheel: pipeline, stages, bake, done."""

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from console.engine import closing, judging, quarantine, records, step, systems
from console.engine.contention import Contention
from console.engine.migrating import migrate
from console.engine.parts import Parts
from console.engine.pipeline import run_pipeline
from console.engine.planning import is_release
from console.engine.records import By
from console.engine.state import LiveRollout, LiveTarget
from console.engine.wheel import Wheel
from console.model.errors import ConsoleError, NotAllowed, StaleWrite, StoreError
from console.model.events import MoveRefused, StageEntered
from console.model.plan import Plan, PlanKind, Step, StepKind
from console.model.rollout import Phase, StepRow, StepState
from console.model.stores import RolloutChange, TargetChange
from console.model.systems import Side
from console.model.target import FreezeRule
from console.model.verbs import Verb

LOG = logging.getLogger(__name__)

TICK_S = 0.5

COUNTS_DOWN = frozenset({Phase.STOPPED, Phase.HELD, Phase.UNKNOWN})
"""Phases in which traffic may go back by itself: after a fail, and after the driver was lost where the plan says so."""

GoBack = Callable[[LiveTarget, LiveRollout, str], None]
"""Starts the way back of a rollout by itself, with the reason in words."""


class Over(Exception):
    """Forward is over for this driver."""


@dataclass(frozen=True, slots=True)
class Ride:
    """What a driver works on, how traffic goes back by itself, and why the wheel is taken."""

    parts: Parts
    live: LiveTarget
    record: LiveRollout
    go_back: GoBack
    reason: str = ""


class Driver:
    """Walks the plan's steps in order; holds where something is in doubt, and never raises by itself what somebody else lowered."""

    def __init__(self, ride: Ride) -> None:
        self._parts, self._live, self._record, self._go_back = ride.parts, ride.live, ride.record, ride.go_back
        self._wheel = Wheel(ride.parts, ride.live, ride.record, ride.reason)
        self._contention = Contention(ride.parts.around)
        self._due: tuple[datetime, float] | None = None
        """When traffic goes back by itself: the instant as recorded, and the same on the clock that never jumps."""

    async def run(self) -> None:
        """Drive until the rollout is over, goes back, or the wheel is lost; an outer door: a bug here holds the rollout and is logged."""
        try:
            await self._wheel.take()
            await self._walk()
        except Over:
            LOG.info("%s: forward is over here", self._record.id)
        except ConsoleError as error:
            await self._hold_anyhow(error.message)
        except Exception as error:
            LOG.exception("driving %s broke", self._record.id)
            await self._hold_anyhow(f"The console made an error: {type(error).__name__}. See the log.")
        finally:
            if self._wheel.lost and not await self._is_theirs():
                await self._hold_anyhow(f"{self._wheel.lost}: nothing advanced")
            await self._wheel.let_go()

    async def _walk(self) -> None:
        plan, record = self._record.rollout.plan, self._record
        self._check_over()
        if record.rollout.phase is Phase.PLANNED:
            await self._change(RolloutChange(phase=Phase.RUNNING, note=""), "start")
        before, after = _outside_stages(plan)
        for each in before:
            if not _confirmed(record, each):
                await self._confirm(each)
        await self._climb(plan)
        for each in after:
            await self._confirm(each)
        await self._finish()

    async def _climb(self, plan: Plan) -> None:
        """Go through the stages until the last one has passed; after a step down, from where that led to."""
        while True:
            number = self._record.rollout.stage
            if number >= 0 and not await self._watch_stage(number):
                continue
            if number + 1 >= len(plan.stages):
                return
            opened = [await self._confirm(each) for each in plan.steps if each.stage == number + 1]
            if all(opened):
                await self._enter(number + 1)

    async def _confirm(self, wanted: Step) -> bool:
        """Run a step until it is confirmed; anything else holds and waits for a person to resume. False: stepped down meanwhile."""
        stage = self._record.rollout.stage
        while True:
            await self._ready()
            if self._record.rollout.stage != stage:
                return False
            self._record.moving = wanted.kind is StepKind.WEIGHT
            row = await self._run_step(wanted)
            if row is not None and row.state is StepState.CONFIRMED:
                return True
            self._record.moving = False
            if row is None:
                continue
            if self._record.rollout.plan.kind is PlanKind.WORKLOADS and row.state is StepState.FAILED:
                ended = RolloutChange(phase=Phase.ABORTED, ended_at=self._parts.around.clock.now(), note=row.detail)
                await self._change(ended, wanted.verb.value)  # there is nothing to hold: a person looks, and asks again
                raise Over
            phase = Phase.UNKNOWN if row.state is StepState.UNKNOWN else Phase.HELD
            if self._record.rollout.phase is Phase.RUNNING:
                await self._change(RolloutChange(phase=phase, note=row.detail), wanted.verb.value)

    async def _run_step(self, wanted: Step) -> StepRow | None:
        """Run a step once; None when it was refused, after telling why.

        A step under way is not cut off where its console closes, so that it gets its outcome; it sends nothing more. A run is left alone.
        """
        epoch, lease = self._record.epoch, self._record.lease
        if lease is None:
            raise Over

        def stop() -> str:
            return "a backward move came first" if self._record.epoch != epoch else self._wheel.stop_reason()

        if wanted.kind is StepKind.WEIGHT and self._record.assert_from is not None:
            wanted, self._record.assert_from = replace(wanted, precondition=self._record.assert_from), None
        guard = self._parts.asking.guard(self._live, self._record, wanted, lease.token)
        attempt = 1 + sum(row.step.seq == wanted.seq and row.step.direction is wanted.direction for row in self._record.rows.values())
        actor = self._parts.around.actor
        order = step.Order(wanted, f"{self._record.id}.{wanted.seq}.{attempt}", actor, "", lease.token, guard, stop)
        running = asyncio.ensure_future(_run(self._parts, self._live, self._record, order))
        try:
            row = await asyncio.shield(running)
        except asyncio.CancelledError:
            self._wheel.send_no_more()
            await closing.end(self._parts.around, running, at_once=wanted.kind is StepKind.PIPELINE)
            raise
        except NotAllowed as refused:
            await self._refused(wanted, refused)
            return None
        self._contention.won()
        records.settled(self._parts, self._live, self._record, row, f"{wanted.verb.value}: {systems.words(wanted.kind, wanted.want)}")
        return row

    async def _refused(self, wanted: Step, refused: NotAllowed) -> None:
        """Hold after a refusal at the moment of running; going back or another holder ends the drive instead."""
        around, record = self._parts.around, self._record
        records.overtaken(self._parts, self._live, record, await around.store.journal.rollout(record.id))
        record.rows = {row.id: row for row in await around.store.journal.steps(record.id)}
        if isinstance(refused, StaleWrite):
            self._check_over()
            await self._contention.lost(record.id, refused)
            return
        self._parts.outbox.tell(MoveRefused(around.clock.now(), self._live.name, record.id, wanted.verb.value, refused.message))
        if self._wheel.stop_reason() or record.rollout.phase.forward_closed:
            raise Over from refused
        if record.rollout.phase is Phase.RUNNING:
            await self._change(RolloutChange(phase=Phase.HELD, note=refused.message), wanted.verb.value)

    async def _enter(self, number: int) -> None:
        around, record = self._parts.around, self._record
        weight = record.rollout.plan.stages[number].weight
        record.gates.open_stage(around.clock.now())
        record.judged.clear()
        record.promote = False
        while record.rollout.stage != number:
            change = RolloutChange(stage=number, stage_since=around.clock.now(), asked_weight=weight)
            self._check_over()
            await self._change(change, f"stage {number + 1}")
        self._check_over()
        record.moving = False
        self._parts.outbox.tell(StageEntered(around.clock.now(), self._live.name, record.id, number, weight))

    async def _watch_stage(self, number: int) -> bool:
        """Judge until every gate passes after the wait, or a person promotes on gates that pass. False: stepped down meanwhile."""
        while True:
            await self._ready()
            if self._record.rollout.stage != number:
                return False
            if self._record.assert_from is not None:
                await self._assert_weight(number)
            elif judging.passed(self._record, number, self._parts.around.clock.now()):
                return True
            await _tick(self._parts, self._record)

    async def _assert_weight(self, number: int) -> None:
        """Send a stage's weight again after a person saw another one and resumed; as it should be, nothing is sent."""
        split = self._live.split.value
        for each in self._record.rollout.plan.steps:
            own = each.stage == number and each.kind is StepKind.WEIGHT
            if own and (split is None or not systems.as_wanted(each, split.weights)):
                await self._confirm(each)
        self._record.assert_from, self._record.moving = None, False
        self._live.drift = self._live.restarted = ""

    async def _ready(self) -> None:
        """Return when forward may go on; meanwhile judge, hold in a freeze or drift, and take traffic back when its time has come.

        Raises Over when this driver has nothing more to do.
        """
        while True:
            self._check_over()
            record = self._record
            await judging.judge(self._parts, self._live, record)
            self._check_over()
            if record.rollout.phase is Phase.RUNNING and record.backward is None and not await self._held_back():
                return
            if record.rollout.phase in COUNTS_DOWN and record.backward is None and self._is_due():
                self._go_back(self._live, record, record.rollout.note)
            await _tick(self._parts, self._record)

    def _is_due(self) -> bool:
        """Tell whether the countdown is over, by the time of day or by the time that passed: a clock that is set back delays nothing."""
        clock, at = self._parts.around.clock, self._record.rollout.auto_back_at
        if at is None:
            return False
        if self._due is None or self._due[0] != at:
            self._due = (at, clock.elapsed() + (at - clock.now()).total_seconds())
        return clock.now() >= at or clock.elapsed() >= self._due[1]

    def _check_over(self) -> None:
        phase = self._record.rollout.phase
        if (
            phase.over
            or phase in {Phase.ABORTING, Phase.BACK_STOPPED}
            or self._record.going_back
            or self._wheel.lost
            or self._record.leaving is not None
        ):
            raise Over
        if self._record.adopted and phase in {Phase.PLANNED, Phase.RUNNING}:
            raise Over  # watched here only: whoever was asked to go on drives it
        if self._record.mine and self._record.rollout.token != self._record.held_token:
            raise Over  # somebody raised the token meanwhile: what is written now would be theirs to write

    async def _held_back(self) -> bool:
        """Tell whether something keeps a running rollout from going on, and hold it or take it back for that."""
        live, record = self._live, self._record
        freeze = self._parts.asking.holds_in_flight(live)
        if freeze is not None:
            reason = f"{freeze.name or freeze.kind}: {freeze.reason or 'frozen'}"
            if record.rollout.plan.freeze_rule is FreezeRule.ROLL_BACK and record.rollout.stage >= 0:
                self._go_back(live, record, f"frozen by {reason}")
            else:
                await self._change(RolloutChange(phase=Phase.HELD, note=f"Frozen by {reason}"), Verb.HOLD.value)
            return True
        if live.drift and record.assert_from is None:
            note = f"Drift: {live.drift}. Somebody else changed it, so nothing goes on by itself."
            await self._change(RolloutChange(phase=Phase.HELD, note=note), Verb.HOLD.value)
            return True
        return bool(self._wheel.stop_reason())

    async def _finish(self) -> None:
        """Swap the stable side, then close the rollout: a crash between the two is found and closed at the next start."""
        around, record, plan = self._parts.around, self._record, self._record.rollout.plan
        if plan.kind is PlanKind.RECONCILERS:
            await quarantine.resumed(self._parts, self._live, record.rollout)
        while not self._is_done():
            await self._ready()
            if is_release(plan):
                await self._stand_on(plan.canary)
            await self._change(
                RolloutChange(phase=Phase.DONE, ended_at=around.clock.now(), note="", asked_weight=100 if is_release(plan) else None),
                "done",
            )
            if not self._is_done() and is_release(plan):
                await self._stand_on(plan.stable)  # somebody was first: nothing was finished, so nothing was swapped
        record.moving = False

    def _is_done(self) -> bool:
        return self._record.rollout.phase is Phase.DONE

    async def _stand_on(self, side: Side) -> None:
        around = self._parts.around
        change, words = TargetChange(stable=side), f"stable is now {side}"
        self._live.row = await around.store.targets.amend(self._live.name, change, around.actor, words, around.clock.now())

    async def _change(self, what: RolloutChange, verb: str) -> None:
        """Change the rollout's row; when a person was first, take what they made of it and go on from there, a moment later.

        Raises NotAllowed when somebody is first again and again.
        """
        try:
            await records.change(self._parts, self._live, self._record, what, By(self._parts.around.actor, verb))
        except NotAllowed as error:
            records.overtaken(self._parts, self._live, self._record, await self._parts.around.store.journal.rollout(self._record.id))
            await self._contention.lost(self._record.id, error)
        else:
            self._contention.won()

    async def _is_theirs(self) -> bool:
        """Tell whether somebody else raised the token since: the rollout then stands as they left it, and is not held for them."""
        around, record, lease = self._parts.around, self._record, self._record.lease
        try:
            fresh = await around.store.journal.rollout(record.id)
        except StoreError as error:
            record.unrecorded = error.message
            return False
        if lease is None or fresh.token == lease.token:
            return False
        records.overtaken(self._parts, self._live, record, fresh)
        return True

    async def _hold_anyhow(self, note: str) -> None:
        """Hold a running rollout for a trouble of this driver; what somebody else made of it meanwhile stays."""
        try:
            fresh = await self._parts.around.store.journal.rollout(self._record.id)
        except StoreError as error:
            self._record.unrecorded = error.message
        else:
            if fresh.revision != self._record.rollout.revision:  # else what could not be recorded stands here only
                records.overtaken(self._parts, self._live, self._record, fresh)
        if self._record.rollout.phase in {Phase.PLANNED, Phase.RUNNING}:
            what = RolloutChange(phase=Phase.HELD, note=note)
            await records.change_anyhow(self._parts, self._live, self._record, what, By(self._parts.around.actor, Verb.HOLD.value))


async def _run(parts: Parts, live: LiveTarget, record: LiveRollout, order: step.Order) -> StepRow:
    if order.step.kind is StepKind.PIPELINE:
        return await run_pipeline(parts, live, record, order)
    if order.step.kind is StepKind.MIGRATION:
        return await migrate(parts, live, record, order)
    return await step.forward(parts.around, live, record, order)


def _outside_stages(plan: Plan) -> tuple[list[Step], list[Step]]:
    """Return the steps before the first one that opens a stage, and those after it that open none."""
    first = next((each.seq for each in plan.steps if each.stage >= 0), math.inf)
    outside = [each for each in plan.steps if each.stage < 0]
    return [each for each in outside if each.seq < first], [each for each in outside if each.seq > first]


def _confirmed(record: LiveRollout, wanted: Step) -> bool:
    return any(row.step == wanted and row.state is StepState.CONFIRMED for row in record.rows.values())


async def _tick(parts: Parts, record: LiveRollout) -> None:
    """Wait for half a second, or until something happened."""
    record.wake.clear()
    ticking = asyncio.ensure_future(parts.around.sleep(TICK_S))
    waking = asyncio.ensure_future(record.wake.wait())
    try:
        await asyncio.wait({ticking, waking}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ticking.cancel()
        waking.cancel()
