"""Forward moves that a person asks for: start, promote, resume, switch; each is decided by the policy first."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from console.engine import judging, lost, records, step, underway
from console.engine.backward import Backward
from console.engine.driver import Driver, Ride
from console.engine.feasible import ask_beforehand
from console.engine.gates import GateWatch
from console.engine.lowering import lowered_since, read_weight
from console.engine.parts import Parts
from console.engine.planning import history_of, make_plan, sides_now, start_obstacles, timing_of
from console.engine.records import By
from console.engine.schema import read_now
from console.engine.state import LiveRollout, LiveTarget
from console.model.audit import Entry, RecordKind
from console.model.commands import Answer, Command, Decision
from console.model.errors import NotAllowed, StaleWrite
from console.model.hooks import reach
from console.model.plan import Plan, Step, StepKind
from console.model.rollout import Outcome, Phase, Rollout, StepRow, StepState
from console.model.stores import RolloutChange
from console.model.target import Target
from console.model.verbs import Verb
from console.policy.planning import make_resume_plan, make_switch_plan
from console.policy.workloads import make_workload_plan

YES = Decision(True)

_UNSETTLED = frozenset({StepState.SENT, StepState.UNKNOWN})


def no(reason: str, instead: str = "") -> Decision:
    """Return a refusal."""
    return Decision(False, (reason,), instead)


def watch_of(target: Target, rollout: Rollout, asked_since: datetime) -> GateWatch:
    """Return the gates of a rollout as they are at its start."""
    interval_s = target.metrics.interval_s if target.metrics is not None else 15.0
    return GateWatch(rollout.plan, interval_s, rollout.history, asked_since, speed=target.speed)


class Forward:
    """Starts rollouts and lets them go on; keeps the plans that were made, by hash."""

    def __init__(self, parts: Parts, back: Backward) -> None:
        self._parts, self._back = parts, back
        self._plans: dict[str, Plan] = {}

    async def plan(self, live: LiveTarget, release: str) -> Plan:
        """Make a plan and keep it for its start."""
        plan = await make_plan(live, release, self._parts.around.clock.now())
        self._plans[plan.hash] = plan
        return plan

    def planned(self, plan_hash: str) -> Plan | None:
        """Return a kept plan by its whole hash."""
        return self._plans.get(plan_hash)

    def know(self, plan: Plan) -> None:
        """Keep a plan that was made elsewhere."""
        self._plans[plan.hash] = plan

    async def act(self, live: LiveTarget, command: Command) -> Answer:
        """Do a forward move that the policy allows."""
        if command.verb is Verb.START:
            return await self._start(live, command)
        if command.verb is Verb.SWITCH:
            if found := await ask_beforehand(live, [100]):
                return Answer(Decision(False, found, "Mend it and try again."))
            plan = make_switch_plan(live.target, sides_now(live), command.side, timing_of(live))
            return await self._open(live, plan, command)
        if command.verb is Verb.RESUME_RECONCILER:
            return await self._resume_reconcilers(live, command)
        record = live.rollout
        if record is None:
            return Answer(no("No rollout is on its way here."))
        if command.verb is Verb.PROMOTE:
            return await self._promote(live, record, command)
        if command.verb is Verb.RESUME:
            record.promote = False
            return await self._resume(live, record, command)
        return Answer(no(f"{command.verb.value} is part of a plan: start one."), record.id)

    async def workload(self, live: LiveTarget, command: Command, wanted: Step) -> Answer:
        """Do a verb on a workload, as a plan of its own."""
        return await self._open(live, make_workload_plan(live.target, sides_now(live), wanted), command)

    def drive(self, live: LiveTarget, record: LiveRollout, reason: str = "") -> None:
        """Drive a rollout in a task of its own, unless it is driven already; `reason` says why the wheel is taken."""
        if record.driver is None or record.driver.done():
            record.alone_since = record.leaving = None
            driver = Driver(Ride(self._parts, live, record, self._back.by_itself, reason))
            record.driver = asyncio.create_task(driver.run(), name=f"driver {record.id}")

    async def _start(self, live: LiveTarget, command: Command) -> Answer:
        signed = command.signs_no_way_back and bool(command.reason.strip())
        await ask_beforehand(live, [stage.weight for stage in live.target.stages])
        await read_now(live, self._parts.around.clock.now())
        found = start_obstacles(live, signed=signed)
        if found:
            return Answer(Decision(False, found, "Mend it and plan again."))
        plan = self._plans.get(command.plan_hash) if command.plan_hash else await self.plan(live, command.release)
        if plan is None:
            plan = await self.plan(live, command.release)
        stale = self._stale(live, plan, command)
        if stale:
            return Answer(no(stale, "Make the plan anew and look at it."))
        if plan.no_way_back:
            await self._sign(live, plan, command)
        return await self._open(live, plan, command)

    async def _sign(self, live: LiveTarget, plan: Plan, command: Command) -> None:
        """Record, before anything starts, that a person signs for what cannot be taken back. Raises CannotRecord."""
        now, detail = self._parts.around.clock.now(), {"signed": plan.no_way_back}
        entry = Entry(RecordKind.PLAN, command.actor, now, "sign no way back", live.name, "", command.reason, "signed", plan.hash, detail)
        await self._parts.around.store.audit.append(entry)

    async def _resume_reconcilers(self, live: LiveTarget, command: Command) -> Answer:
        """Let what a rollback paused run again, as a plan of its own."""
        names = sorted({name for row in live.quarantined for name in row.paused})
        known = {each.name for each in live.target.reconcilers}
        gone = [name for name in names if name not in known]
        if not names or gone == names:
            why = f"The file of {live.name} does not name {', '.join(gone)} any more." if gone else "Nothing is paused here."
            return Answer(no(why, "Resume it where it runs."))
        return await self._open(live, make_resume_plan(live.target, sides_now(live), names), command)

    def stale(self, live: LiveTarget, plan: Plan) -> str:
        """Return why a plan does not fit what stands on the target now, in words; "" when it does."""
        return self._stale(live, plan, Command(Verb.START, live.name, self._parts.around.actor))

    def _stale(self, live: LiveTarget, plan: Plan, command: Command) -> str:
        """Return why a plan does not fit what stands on the target now; "" when it does."""
        sides = sides_now(live)
        if command.plan_hash and plan.hash != command.plan_hash:
            return "This is not the plan that you saw: what stands on the target has changed since."
        if plan.target != live.name or plan.target_digest != live.target.digest:
            return "The target's file has changed since this plan was made."
        if (plan.stable, plan.stable_version, plan.canary_version) != (sides.stable, sides.stable_version, sides.canary_version):
            return "The versions on the target have changed since this plan was made."
        return ""

    async def _open(self, live: LiveTarget, plan: Plan, command: Command) -> Answer:
        now = self._parts.around.clock.now()
        rollout = await self._opened(plan, command)
        reach("plan-opened")
        rollout = replace(rollout, history=history_of(live, live.target) if plan.gates else None)
        record = LiveRollout(rollout, watch_of(live.target, rollout, now))
        if live.metrics.value is not None:
            record.gates.origin(live.metrics.value)
        live.drift = live.restarted = ""
        record.starting = True
        self._parts.keep(live, record)
        what = RolloutChange(history=dict(rollout.history or {}))
        await records.change(self._parts, live, record, what, By(command.actor, command.verb.value, command.reason, person=True))
        self.drive(live, record)
        record.starting = False
        return Answer(YES, record.id)

    async def _opened(self, plan: Plan, command: Command) -> Rollout:
        """Open a rollout, as a member of its train where it is one. Raises NotAllowed."""
        store, now = self._parts.around.store, self._parts.around.clock.now()
        if not command.train:
            return await store.journal.open(plan, command.actor, command.reason, now)
        train = await store.trains.train(command.train)
        return (await store.trains.board(train, plan.target, command.actor, command.reason, now))[1]

    async def _promote(self, live: LiveTarget, record: LiveRollout, command: Command) -> Answer:
        """Skip the rest of the wait: only where every gate's evidence suffices."""
        stage = record.rollout.stage
        if stage < 0:
            return Answer(no("The first stage has not begun."), record.id)
        lacking = judging.missing(record, stage, self._parts.around.clock.now(), skip_wait=True)
        if lacking:
            return Answer(Decision(False, lacking, "Only a pass of every gate goes on; hold and step down are open."), record.id)
        record.promote = True
        lost.found(record)
        if record.rollout.phase is Phase.HELD:
            return await self._resume(live, record, command)
        if record.driver is None or record.driver.done():
            self.drive(live, record)
        record.wake.set()
        return Answer(YES, record.id)

    async def _resume(self, live: LiveTarget, record: LiveRollout, command: Command) -> Answer:
        """Go on after a hold, or after an unknown step: that is read back first, and nothing is sent blindly."""
        asked_at = read_weight(live, record)
        await self._read_rows(record)
        if record.rollout.phase is Phase.UNKNOWN or record.unknowns or _doubtful(record):
            problem = await self._settle_unknown(live, record, command)
            if problem:
                return Answer(no(problem, "Roll back is open."), record.id)
        lowered = lowered_since(live, record, asked_at)
        if lowered:
            return Answer(no(lowered, "Look at the weights as they are now, and resume again to go on from there."), record.id)
        split = live.split.value
        record.assert_from = None if split is None else dict(split.weights)
        record.starting = True
        lost.found(record)
        if record.rollout.phase is not Phase.RUNNING:
            try:
                await self._let_run(live, record, command)
            except NotAllowed as error:
                record.starting = False
                records.overtaken(self._parts, live, record, await self._parts.around.store.journal.rollout(record.id))
                return Answer(no(error.message, error.advice), record.id)
        self.drive(live, record)
        record.starting = False
        record.wake.set()
        return Answer(YES, record.id)

    async def _read_rows(self, record: LiveRollout) -> None:
        """Take in steps that another console recorded meanwhile: what it left unknown is not known here either.

        What is known here alone, because it could not be recorded at its time, is recorded now. Raises StoreError.
        """
        journal, now = self._parts.around.store.journal, self._parts.around.clock.now()
        for row in await journal.steps(record.id):
            here = record.rows.get(row.id)
            if here is None or here.state in _UNSETTLED:
                record.rows[row.id] = row
            elif row.state in _UNSETTLED:
                late = Outcome(row.id, here.state, now, here.accepted_at, here.read_back_at, here.seen, here.detail)
                with suppress(StaleWrite):  # somebody else has just recorded it
                    record.rows[row.id] = await journal.settle(row, late)

    async def _let_run(self, live: LiveTarget, record: LiveRollout, command: Command) -> None:
        """Record that a rollout goes on, once more where somebody was first and left it as the person saw it. Raises NotAllowed."""
        before, by = record.rollout, By(command.actor, command.verb.value, command.reason, person=True)
        what = RolloutChange(phase=Phase.RUNNING, note="", clear_auto_back=True)
        try:
            await records.change(self._parts, live, record, what, by)
        except StaleWrite:
            fresh = await self._parts.around.store.journal.rollout(record.id)
            if not _as_seen(before, fresh):
                raise
            records.overtaken(self._parts, live, record, fresh)
            await records.change(self._parts, live, record, what, by)

    async def _settle_unknown(self, live: LiveTarget, record: LiveRollout, command: Command) -> str:
        """Read back every unknown step, and settle what is not as wanted as failed: the person goes on knowing it. Returns why not."""
        around = self._parts.around
        for row in _doubtful(record):
            if underway.elsewhere(self._parts, row):
                return f"{row.actor.name} is still sending {row.step.verb.value} on {row.step.system} from {row.actor.console}"
            looked = await step.look_again(around, live, record, row, "Found as wanted when a person resumed.")
            if looked.state is StepState.CONFIRMED:
                record.unknowns.pop(row.id, None)
                continue
            if looked.seen is None and row.step.kind is not StepKind.PIPELINE:
                return f"{row.step.system} cannot be read back: {looked.detail}"
            detail = f"{looked.detail} {command.actor.name} goes on from there."
            outcome = Outcome(row.id, StepState.FAILED, around.clock.now(), looked.accepted_at, looked.read_back_at, looked.seen, detail)
            await step.settle(around, record, looked, outcome)
            record.unknowns.pop(row.id, None)
        return ""


def _doubtful(record: LiveRollout) -> list[StepRow]:
    """Return the steps of which nobody here is finding out what became of them."""
    busy = record.driver_works or record.backward is not None
    return [row for row in record.rows_in_order() if row.state is StepState.UNKNOWN or (row.state is StepState.SENT and not busy)]


def _as_seen(before: Rollout, fresh: Rollout) -> bool:
    """Tell whether a resume still means what it meant: nobody held it anew, and it stands where it stood; a note may differ."""
    same = (fresh.token, fresh.stage, fresh.asked_weight) == (before.token, before.stage, before.asked_weight)
    return same and fresh.phase in {Phase.HELD, before.phase}
