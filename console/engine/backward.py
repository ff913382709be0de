"""The way back: hold, step down, abort, rollback, switch back, flag kill; for anyone with the role, at once, with or without records."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from console.engine import ending, quarantine, records, systems, ways
from console.engine.lowering import known_weight, lower_weight
from console.engine.parts import Parts
from console.engine.planning import sides_now, timing_of
from console.engine.readiness import losses_now
from console.engine.records import By
from console.engine.state import LiveRollout, LiveTarget
from console.engine.way import TRAFFIC_ONLY, Move, Way, back_rows, left_to_do, states_of, way_steps, way_verb, went_back
from console.model.commands import Answer, Command, Decision
from console.model.errors import ConsoleError
from console.model.plan import Plan, PlanKind, Step
from console.model.rollout import Actor, Phase, StepState
from console.model.stores import RolloutChange
from console.model.verbs import Direction, Verb
from console.policy.planning import make_flag_plan, step_down_step
from console.policy.wayback import open_steps
from console.policy.workloads import Wanted, make_workload_plan

LOG = logging.getLogger(__name__)

YES = Decision(True)


class Backward:
    """Starts backward moves; each runs in a task of its own and ends with every step confirmed, or says at which it stopped."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ways: dict[str, Way] = {}
        self._under_way: dict[str, list[asyncio.Task[None]]] = {}
        """The moves of each rollout that are not over; the latest is the rollout's `backward`."""

    async def act(self, live: LiveTarget, command: Command) -> Answer:
        """Do a backward move that the policy allows; returns when it is recorded and on the wire."""
        record = live.rollout if live.rollout is not None and not live.rollout.rollout.phase.over else None
        if command.verb is Verb.HOLD and record is not None:
            return await self._hold(live, record, command)
        if command.verb is Verb.STEP_DOWN and record is not None:
            return await self._step_down(live, record, command)
        if command.verb is Verb.FLAG_KILL:
            return await self._kill_flag(live, record, command)
        if record is not None and record.rollout.plan.kind is PlanKind.WORKLOADS:
            await self._leave_workload(live, record, command)
            if command.verb is Verb.ABORT:
                return Answer(YES, record.id)
            record = None
        if record is not None and record.rollout.plan.kind is PlanKind.REHEARSAL:
            self._leave_rehearsal(record)
            record = None
        if record is not None and record.going_back and record.backward is not None:
            return Answer(YES, record.id, self._once_more(record))
        move = self._way_back(record, command) if record is not None else None
        if record is None or move is None or not move.steps:
            record, stable = await ways.open_way_back(self._parts, live, command)
            move = replace(_ending(record.rollout.plan.steps, command, Phase.ROLLED_BACK), stable=stable)
        await self._start(live, record, move, ends=True)
        return Answer(YES, record.id)

    async def workload(self, live: LiveTarget, command: Command, found: Wanted, wanted: Step) -> Answer:
        """Do a verb on a workload that holds or goes back: within the rollout under way, or as a plan of its own."""
        record = live.rollout if live.rollout is not None and not live.rollout.rollout.phase.over else None
        if record is not None:
            await self._start(live, record, Move(command.verb, (replace(wanted, seq=-3),), command.actor, command.reason), ends=False)
        else:
            plan = make_workload_plan(live.target, sides_now(live), wanted)
            record = await ways.opened(self._parts, live, plan, command)
            await self._start(live, record, _ending(plan.steps, command, Phase.ROLLED_BACK), ends=True)
        await quarantine.undone(self._parts, live, record, found.undone, By(command.actor, command.verb.value, command.reason))
        return Answer(YES, record.id)

    async def _leave_workload(self, live: LiveTarget, record: LiveRollout, command: Command) -> None:
        """End a verb on a workload that did not get through: there is nothing of it to take back."""
        record.epoch += 1
        record.going_back = True
        note = f"Left by {command.actor.name}: what it sent stays as it was read back."
        what = RolloutChange(phase=Phase.ABORTED, note=note, raise_token=True, ended_at=self._parts.around.clock.now())
        await records.change_anyhow(self._parts, live, record, what, By(command.actor, command.verb.value, command.reason, person=True))
        record.wake.set()

    async def rehearse(self, live: LiveTarget, plan: Plan, command: Command) -> LiveRollout:
        """Open a rehearsal and let it run, also over what is done already."""
        record = await ways.opened(self._parts, live, plan, command)
        await self._start(live, record, replace(_ending(plan.steps, command, Phase.ROLLED_BACK), measures=True), ends=True)
        return record

    def by_itself(self, live: LiveTarget, record: LiveRollout, reason: str) -> None:
        """Take a rollout back after its countdown or for a freeze.

        Another system at the router's address, and a one-way step that is past, stop it and ask a person.
        """
        actor = Actor("engine", self._parts.around.actor.console)
        lost = losses_now(live, self._parts.around.clock.now())
        if systems.other_system(live) or lost:
            words = str(systems.wrong_system(live, systems.other_system(live))) if systems.other_system(live) else _ask(lost)
            held = Phase.HELD if record.rollout.phase is Phase.RUNNING else None  # else a driver in a freeze would ask again at once
            what = RolloutChange(phase=held, clear_auto_back=True, note=words)
            record.epoch += 1
            asking = asyncio.ensure_future(records.change_anyhow(self._parts, live, record, what, By(actor, Verb.ROLLBACK.value, reason)))
            record.backward = asyncio.create_task(self._then_free(record, asking))
            return
        move = self._way_back(record, Command(Verb.ROLLBACK, live.name, actor, reason, rollout=record.id))
        self._start(live, record, replace(move, person=False), ends=True)

    async def again(self, live: LiveTarget, record: LiveRollout, by: By, seq: int | None, *, signed: bool = False) -> None:
        """Go on with a way back that stopped: with one row once more, or (None) with what may begin after a row was skipped or signed."""
        way = self._ways.get(record.id)
        if way is not None and way.open and record.backward is not None:
            self._take_up(way, record, seq, signed=signed)
            return
        if record.backward is not None:
            await asyncio.wait({record.backward})  # who asks may give up: the move goes on
        verb = way_verb(record)
        steps = way_steps(record, verb)
        states = states_of(steps, record)
        if seq is not None:
            states.pop(seq, None)
        move = replace(
            self._again(record, verb, By(by.actor, verb.value, by.reason)),
            states=states,
            signed=frozenset({seq} if signed and seq is not None else ()),
        )
        await self._start(live, record, move, ends=True)

    async def stop(self, live: LiveTarget, record: LiveRollout, by: By) -> None:
        """Begin no further step of a way back, and leave it where it is."""
        words = f"Stopped by {by.actor.name}: {by.reason}".rstrip(": ") + "."
        way = self._ways.get(record.id)
        if way is not None and way.open and record.backward is not None:
            way.stop(words)
            return
        verb = way_verb(record)
        steps = way_steps(record, verb)
        move = self._again(record, verb, by)
        await ending.stopped(self._parts, live, record, move, states_of(steps, record), words)

    async def recovered(self, live: LiveTarget, record: LiveRollout) -> None:
        """Say where a way back stands whose console is gone, once its open steps were read back; nothing is sent."""
        if not went_back(record) or record.backward is not None:
            return
        verb = way_verb(record)
        steps = way_steps(record, verb)
        states = states_of(steps, record)
        move = replace(self._again(record, verb, By(self._parts.around.actor, verb.value, "found after a restart")), person=False)
        if record.rollout.phase is not Phase.ABORTING and move.mark is not None:
            await records.change_anyhow(self._parts, live, record, move.mark, move.by)  # it ended before it could say that it goes back
        if open_steps(steps, states):
            await ending.stopped(self._parts, live, record, move, states, "Its console was gone; nothing was sent since.")
        else:
            await ending.done(self._parts, live, record, move)

    def _leave_rehearsal(self, record: LiveRollout) -> None:
        """Let a rehearsal begin nothing more: a real way back is asked for, and does not wait for it."""
        way = self._ways.get(record.id)
        if way is not None:
            way.stop("a real way back was asked for.")

    def _once_more(self, record: LiveRollout) -> str:
        """Send once more what did not get through of a way back under way, beside what still runs, and say so."""
        way = self._ways.get(record.id)
        again = [] if way is None or not way.open else [each.seq for each in way.move.steps if way.missed(each)]
        for seq in again:
            self._ways[record.id].again(seq)
        return "It is going back already; what did not get through is sent once more." if again else "It is going back already."

    def _take_up(self, way: Way, record: LiveRollout, seq: int | None, *, signed: bool) -> None:
        if seq is not None:
            way.again(seq, signed=signed)
            return
        for passed, row in back_rows(record).items():
            if row.state in {StepState.SKIPPED, StepState.CONFIRMED} and passed in way.states:
                way.passed(passed, row.state)

    async def _hold(self, live: LiveTarget, record: LiveRollout, command: Command) -> Answer:
        by, phase = command.actor, record.rollout.phase
        if record.going_back:
            return Answer(Decision(False, ("Traffic is already going back to stable.",), cannot_act=True), record.id)
        record.epoch += 1
        if phase is Phase.STOPPED or record.rollout.auto_back_at is not None:
            what = RolloutChange(clear_auto_back=True, note=f"{record.rollout.note} Held by {by.name}: the countdown was stopped.")
        else:
            what = RolloutChange(phase=Phase.HELD, note=f"Held by {by.name}.", raise_token=not record.mine)
        await records.change_anyhow(self._parts, live, record, what, By(by, Verb.HOLD.value, command.reason, person=True))
        return Answer(YES, record.id)

    async def _step_down(self, live: LiveTarget, record: LiveRollout, command: Command) -> Answer:
        rollout, now_at = record.rollout, known_weight(live, record)
        weight = command.weight if command.weight is not None else lower_weight(live, record)
        if weight >= max(1.0, now_at):
            return Answer(Decision(False, (f"{weight} % is not lower than {now_at:g} %.",), "Name a lower weight."), record.id)
        below = [number for number, stage in enumerate(rollout.plan.stages) if stage.weight <= weight]
        held = None if rollout.phase is Phase.STOPPED else Phase.HELD
        note = None if held is None else f"Stepped down to {weight} % by {command.actor.name}."
        mark = RolloutChange(
            phase=held,
            note=note,
            stage=max(below, default=-1),
            stage_since=self._parts.around.clock.now(),
            asked_weight=weight,
            raise_token=not record.mine,
            clear_auto_back=False,
        )
        steps = (step_down_step(live.target, rollout.plan.stable, weight, timing_of(live)),)
        await self._start(live, record, Move(command.verb, steps, command.actor, command.reason, mark), ends=False)
        return Answer(YES, record.id)

    async def _kill_flag(self, live: LiveTarget, record: LiveRollout | None, command: Command) -> Answer:
        plan = make_flag_plan(live.target, sides_now(live), on=False, timing=timing_of(live))
        if record is not None:
            steps = tuple(replace(each, seq=-2) for each in plan.steps)
            await self._start(live, record, Move(command.verb, steps, command.actor, command.reason), ends=False)
            return Answer(YES, record.id)
        opened = await ways.opened(self._parts, live, plan, command)
        await self._start(live, opened, _ending(plan.steps, command, Phase.ROLLED_BACK), ends=True)
        return Answer(YES, opened.id)

    def _way_back(self, record: LiveRollout, command: Command) -> Move:
        """Return the way back of a rollout under way: the whole of it, or its traffic alone for abort and switch back."""
        verb = command.verb if command.verb in TRAFFIC_ONLY else Verb.ROLLBACK
        steps = way_steps(record, verb)
        ends = Phase.ABORTED if verb in TRAFFIC_ONLY else Phase.ROLLED_BACK
        return replace(_ending(steps, command, ends), states=left_to_do(steps, record))

    def _again(self, record: LiveRollout, verb: Verb, by: By) -> Move:
        """Return the way back that a rollout is on, to go on with it."""
        plan = record.rollout.plan
        forward = any(each.direction is Direction.FORWARD for each in plan.steps)
        ends = Phase.ABORTED if verb in TRAFFIC_ONLY and forward else Phase.ROLLED_BACK
        return _ending(way_steps(record, verb), Command(verb, plan.target, by.actor, by.reason), ends)

    def _start(self, live: LiveTarget, record: LiveRollout, move: Move, *, ends: bool) -> "asyncio.Future[None]":
        """Start a move; the future is done when its first intent is durable and on its way."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        record.epoch += 1
        record.going_back = record.going_back or ends
        record.backward = asyncio.create_task(self._run(live, record, move, told), name=f"{move.verb.value} {record.id}")
        self._under_way.setdefault(record.id, []).append(record.backward)
        return told

    async def _run(self, live: LiveTarget, record: LiveRollout, move: Move, told: "asyncio.Future[None]") -> None:
        """Run a move to its end; an outer door: a bug here is logged and shown, and the move can be asked for again."""
        way = Way(self._parts, live, record, move)
        try:
            await self._walk(live, record, way, told)
        except ConsoleError as error:
            await self._broke(live, record, way, str(error))
        except Exception as error:
            LOG.exception("%s of %s broke", move.verb.value, record.id)
            await self._broke(live, record, way, f"The console made an error: {type(error).__name__}. See the log.")
        finally:
            way.open = False
            self._is_over(record, way)
            if not told.done():
                told.set_result(None)
            record.wake.set()
            self._parts.touch(live, record)

    def _is_over(self, record: LiveRollout, way: Way) -> None:
        """Note the end of a move; one that began before it or after it may still be under way."""
        others = [each for each in self._under_way.pop(record.id, ()) if each is not asyncio.current_task()]
        if others:
            self._under_way[record.id] = others
        record.backward = others[-1] if others else None
        if self._ways.get(record.id) is way:
            del self._ways[record.id]
            record.leave = None

    async def _walk(self, live: LiveTarget, record: LiveRollout, way: Way, told: "asyncio.Future[None]") -> None:
        """Run the steps, and write what they make of the rollout beside them: no record holds a step back."""
        move = way.move
        if move.good is not None:
            self._ways[record.id], record.leave = way, way.leave
        running = asyncio.ensure_future(way.run(told, _stop(live, record, move)))
        waiting: set[asyncio.Future[None]] = {told, running}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await self._mark(live, record, move)
        await running
        if not open_steps(move.steps, way.states):
            alone = len(self._under_way.get(record.id, ())) <= 1
            await ending.done(self._parts, live, record, move, alone=alone)
        elif not _less_was_asked(record, move):
            await self._stopped(live, record, way)

    async def _mark(self, live: LiveTarget, record: LiveRollout, move: Move) -> None:
        if move.mark is None or _less_was_asked(record, move):
            return
        fails = record.rollout.phase is Phase.STOPPED or move.actor.name != "engine"
        await records.change_anyhow(self._parts, live, record, move.mark, move.by)
        if move.mark.stage is not None:
            record.gates.open_stage(move.mark.stage_since or self._parts.around.clock.now())
        if move.good is not None and fails:
            await quarantine.begin(self._parts, live, record, move.by)

    async def _stopped(self, live: LiveTarget, record: LiveRollout, way: Way, why: str = "") -> None:
        why = " ".join(part for part in (*way.problems.values(), way.stopped, why) if part)
        if way.move.good is not None:
            await ending.stopped(self._parts, live, record, way.move, way.states, why)
            return
        words = ending.stop_words(way.move.verb, way.move.steps, way.states, back_rows(record), why)
        await records.change_anyhow(self._parts, live, record, RolloutChange(note=words), way.move.by)

    async def _broke(self, live: LiveTarget, record: LiveRollout, way: Way, words: str) -> None:
        if not _less_was_asked(record, way.move):
            await self._stopped(live, record, way, words)

    async def _then_free(self, record: LiveRollout, work: "asyncio.Future[None]") -> None:
        await work
        if record.backward is asyncio.current_task():
            record.backward = None


def _ending(steps: tuple[Step, ...], command: Command, ends: Phase) -> Move:
    note = f"{command.verb.value} by {command.actor.name}" + (f": {command.reason}" if command.reason else "")
    mark = RolloutChange(phase=Phase.ABORTING, raise_token=True, note=note, clear_auto_back=True, asked_weight=0)
    return Move(command.verb, steps, command.actor, command.reason, mark, RolloutChange(phase=ends, note=note))


def _ask(lost: tuple[str, ...]) -> str:
    return f"Nothing goes back by itself past the point of no return: {' '.join(lost)} Hold, or roll back all the same."


def _stop(live: LiveTarget, record: LiveRollout, move: Move) -> Callable[[], str]:
    return lambda: "a real way back was asked for" if move.measures and live.rollout is not record else _less_was_asked(record, move)


def _less_was_asked(record: LiveRollout, move: Move) -> str:
    """Return why a step down may not be sent any more: sent again, it would raise what a later move lowered; "" when it may."""
    if move.verb is not Verb.STEP_DOWN or move.mark is None or move.mark.asked_weight is None:
        return ""
    later = record.going_back or record.rollout.asked_weight < move.mark.asked_weight
    return "a later move asked for less" if later else ""
