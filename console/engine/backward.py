"""The way back: hold, step down, abort, rollback, switch back, flag kill; for anyone with the role, at once, with or without records."""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from console.engine import records, step, systems, ways
from console.engine.lowering import known_weight, lower_weight
from console.engine.parts import Parts
from console.engine.planning import is_release, sides_now, timing_of
from console.engine.records import By
from console.engine.state import LiveRollout, LiveTarget
from console.model.commands import Answer, Command, Decision
from console.model.errors import ConsoleError, NotAllowed, StoreError
from console.model.plan import Step, StepKind
from console.model.rollout import Actor, Outcome, Phase, StepRow, StepState
from console.model.stores import RolloutChange, TargetChange
from console.model.target import Side
from console.model.verbs import Verb
from console.policy.planning import make_flag_plan, step_down_step

LOG = logging.getLogger(__name__)

YES = Decision(True)


@dataclass(frozen=True, slots=True)
class Move:
    """A backward move: its steps, and what it makes of the rollout.

    `mark` is written as soon as the first intent is durable and on its way, `good` when every step was read back; `stable` is the side
    that is stable afterwards where that changes.
    """

    verb: Verb
    steps: tuple[Step, ...]
    actor: Actor
    reason: str
    mark: RolloutChange | None = None
    good: RolloutChange | None = None
    stable: Side = ""

    @property
    def by(self) -> By:
        """Return who moves, by what verb, and why."""
        return By(self.actor, self.verb.value, self.reason)


class Backward:
    """Starts backward moves; each runs in a task of its own and ends with every step confirmed, or says which is not."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
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
        if record is not None and record.going_back and record.backward is not None:
            return Answer(YES, record.id, "It is going back already.")
        move = self._way_back(record, command) if record is not None else None
        if record is None or move is None or not move.steps:
            record, stable = await ways.open_way_back(self._parts, live, command)
            move = replace(self._ending(record.rollout.plan.steps, command, Phase.ROLLED_BACK), stable=stable)
        await self._start(live, record, move, ends=True)
        return Answer(YES, record.id)

    def by_itself(self, live: LiveTarget, record: LiveRollout, reason: str) -> None:
        """Take a rollout back after its countdown or for a freeze; another system at the router's address stops it and asks a person."""
        actor = Actor("engine", self._parts.around.actor.console)
        if systems.other_system(live):
            error = systems.wrong_system(live, systems.other_system(live))
            what = RolloutChange(clear_auto_back=True, note=str(error))
            record.epoch += 1
            asking = asyncio.ensure_future(records.change_anyhow(self._parts, live, record, what, By(actor, Verb.ROLLBACK.value, reason)))
            record.backward = asyncio.create_task(self._then_free(record, asking))
            return
        move = self._way_back(record, Command(Verb.ROLLBACK, live.name, actor, reason, rollout=record.id))
        self._start(live, record, move, ends=True)

    async def _hold(self, live: LiveTarget, record: LiveRollout, command: Command) -> Answer:
        by, phase = command.actor, record.rollout.phase
        if record.going_back:
            return Answer(Decision(False, ("Traffic is already going back to stable.",), cannot_act=True), record.id)
        record.epoch += 1
        if phase is Phase.STOPPED or record.rollout.auto_back_at is not None:
            what = RolloutChange(clear_auto_back=True, note=f"{record.rollout.note} Held by {by.name}: the countdown was stopped.")
        else:
            what = RolloutChange(phase=Phase.HELD, note=f"Held by {by.name}.", raise_token=not record.mine)
        await records.change_anyhow(self._parts, live, record, what, By(by, Verb.HOLD.value, command.reason))
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
        await self._start(live, opened, self._ending(plan.steps, command, Phase.ROLLED_BACK), ends=True)
        return Answer(YES, opened.id)

    def _way_back(self, record: LiveRollout, command: Command) -> Move:
        """Return the way back of a rollout under way: the whole of it, or its traffic alone for abort and switch back."""
        plan = record.rollout.plan
        steps = plan.rollback or tuple(each for each in plan.steps if each.direction.value == "backward")
        if command.verb is Verb.ROLLBACK:
            return self._ending(steps, command, Phase.ROLLED_BACK)
        return self._ending(tuple(each for each in steps if each.kind is StepKind.WEIGHT), command, Phase.ABORTED)

    def _ending(self, steps: tuple[Step, ...], command: Command, ends: Phase) -> Move:
        note = f"{command.verb.value} by {command.actor.name}" + (f": {command.reason}" if command.reason else "")
        mark = RolloutChange(phase=Phase.ABORTING, raise_token=True, note=note, clear_auto_back=True, asked_weight=0)
        return Move(command.verb, steps, command.actor, command.reason, mark, RolloutChange(phase=ends, note=note))

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
        try:
            rows = await self._steps(live, record, move, told)
            await self._ended(live, record, move, rows)
        except ConsoleError as error:
            await self._failed(live, record, move, str(error))
        except Exception as error:
            LOG.exception("%s of %s broke", move.verb.value, record.id)
            await self._failed(live, record, move, f"The console made an error: {type(error).__name__}. See the log.")
        finally:
            self._is_over(record, asyncio.current_task())
            if not told.done():
                told.set_result(None)
            record.wake.set()
            self._parts.touch(live, record)

    def _is_over(self, record: LiveRollout, move: "asyncio.Task[None] | None") -> None:
        """Note the end of a move; one that began before it or after it may still be under way."""
        others = [each for each in self._under_way.pop(record.id, ()) if each is not move]
        if others:
            self._under_way[record.id] = others
        record.backward = others[-1] if others else None

    async def _steps(self, live: LiveTarget, record: LiveRollout, move: Move, told: "asyncio.Future[None]") -> Sequence[StepRow]:
        rows = []
        for number, each in enumerate(move.steps):
            step_id = f"{record.id}.b{each.seq}.{uuid.uuid4().hex[:8]}"
            order = step.Order(each, step_id, move.actor, move.reason, stop=partial(_less_was_asked, record, move))
            running = asyncio.ensure_future(step.backward(self._parts.around, live, record, order, told if number == 0 else None))
            if number == 0:
                waiting: set[asyncio.Future[Any]] = {told, running}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                await self._mark(live, record, move)
            row = await running
            rows.append(row)
            records.settled(self._parts, live, record, row, f"{each.verb.value}: {systems.words(each.kind, each.want)}")
        return rows

    async def _mark(self, live: LiveTarget, record: LiveRollout, move: Move) -> None:
        if move.mark is None or _less_was_asked(record, move):
            return
        await records.change_anyhow(self._parts, live, record, move.mark, move.by)
        if move.mark.stage is not None:
            record.gates.open_stage()

    async def _ended(self, live: LiveTarget, record: LiveRollout, move: Move, rows: Sequence[StepRow]) -> None:
        around = self._parts.around
        bad = [row for row in rows if row.state is not StepState.CONFIRMED]
        if bad:
            words = "; ".join(f"{row.step.system}: {row.state.value}. {row.detail}" for row in bad)
            await self._failed(live, record, move, words)
            return
        live.confirmed_other = ""
        if len(self._under_way.get(record.id, ())) <= 1:  # else the last one to end does it: what the others send is not left open
            await self._reconcile(live, record)
        stable = move.stable or _swapped_too_soon(live, record, move)
        if stable:
            live.row = replace(live.row, stable=stable)
            try:
                change, words = TargetChange(stable=stable), f"stable is {stable} again"
                live.row = await around.store.targets.amend(live.name, change, move.actor, words, around.clock.now())
            except (StoreError, NotAllowed) as error:
                record.unrecorded = error.message
            live.last_done = None if move.stable else live.last_done
        if move.good is not None:
            what = replace(move.good, ended_at=around.clock.now())
            await records.change_anyhow(self._parts, live, record, what, move.by)

    async def _reconcile(self, live: LiveTarget, record: LiveRollout) -> None:
        """Settle what was not known of earlier steps, now that the target was read back and is as the way back wants it."""
        around = self._parts.around
        for row in [row for row in record.rows_in_order() if row.state in {StepState.SENT, StepState.UNKNOWN}]:
            looked = await step.look_again(around, live, record, row, "Read back after the way back.")
            if looked.state is not StepState.CONFIRMED:
                detail = f"{looked.detail} The way back was taken since."
                outcome = Outcome(
                    row.id, StepState.FAILED, around.clock.now(), looked.accepted_at, looked.read_back_at, looked.seen, detail
                )
                looked = await step.settle(around, record, looked, outcome)
            records.settled(self._parts, live, record, looked, f"{row.step.verb.value}: {looked.state.value}")

    async def _failed(self, live: LiveTarget, record: LiveRollout, move: Move, words: str) -> None:
        if _less_was_asked(record, move):
            return
        what = RolloutChange(note=f"{move.verb.value} is not confirmed: {words}")
        await records.change_anyhow(self._parts, live, record, what, move.by)

    async def _then_free(self, record: LiveRollout, work: "asyncio.Future[None]") -> None:
        await work
        if record.backward is asyncio.current_task():
            record.backward = None


def _less_was_asked(record: LiveRollout, move: Move) -> str:
    """Return why a step down may not be sent any more: sent again, it would raise what a later move lowered; "" when it may."""
    if move.verb is not Verb.STEP_DOWN or move.mark is None or move.mark.asked_weight is None:
        return ""
    later = record.going_back or record.rollout.asked_weight < move.mark.asked_weight
    return "a later move asked for less" if later else ""


def _swapped_too_soon(live: LiveTarget, record: LiveRollout, move: Move) -> Side:
    """Return the side that is stable after all, where a release was taken back between the swap of stable and its end; "" elsewhere."""
    plan = record.rollout.plan
    return plan.stable if move.good is not None and is_release(plan) and live.row.stable == plan.canary else ""
