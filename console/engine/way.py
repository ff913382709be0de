"""Runs the steps of one backward move: traffic first, then each as soon as what it waits for is confirmed or skipped."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from console.engine import quarantine, records, step, systems
from console.engine.parts import Parts
from console.engine.records import By
from console.engine.state import LiveRollout, LiveTarget
from console.engine.undoing import How, undo
from console.model.errors import ConsoleError
from console.model.plan import Step, StepKind
from console.model.rollout import Actor, Outcome, Phase, StepRow, StepState
from console.model.stores import RolloutChange
from console.model.systems import Side
from console.model.verbs import Direction, Verb
from console.policy.wayback import DECLARED, GOOD, runnable

LOG = logging.getLogger(__name__)

TRAFFIC_ONLY = frozenset({Verb.ABORT, Verb.SWITCH_BACK})
WAYS = TRAFFIC_ONLY | {Verb.ROLLBACK, Verb.UNDO, Verb.PAUSE_RECONCILER}
"""Verbs of steps that belong to a way back."""


@dataclass(frozen=True, slots=True)
class Move:
    """A backward move: its steps, and what it makes of the rollout.

    `mark` is written as soon as the first intent is durable and on its way, `good` when every step was confirmed or skipped; `stable` is
    the side that is stable afterwards where that changes. `states` are those of steps that this move does not begin again. `signed` are
    lossy steps that a person lets run without a fresh snapshot, by `seq`. `measures` runs what is done already too. `person` says that
    somebody asked for it, not the console by itself.
    """

    verb: Verb
    steps: tuple[Step, ...]
    actor: Actor
    reason: str
    mark: RolloutChange | None = None
    good: RolloutChange | None = None
    stable: Side = ""
    states: Mapping[int, StepState] = field(default_factory=dict)
    signed: frozenset[int] = frozenset()
    measures: bool = False
    person: bool = True

    @property
    def by(self) -> By:
        """Return who moves, by what verb, and why."""
        return By(self.actor, self.verb.value, self.reason, self.person)


def back_rows(record: LiveRollout) -> dict[int, StepRow]:
    """Return the newest row of each step of the way back, by `seq`."""
    return {row.step.seq: row for row in record.rows_in_order() if row.step.direction is Direction.BACKWARD}


def way_verb(record: LiveRollout) -> Verb:
    """Return by what verb a rollout goes back: its last traffic step says whether traffic alone was meant."""
    rows = [row for row in record.rows_in_order() if row.step.seq >= 0 and row.step.kind is StepKind.WEIGHT]
    moved = [row.step.verb for row in rows if row.step.direction is Direction.BACKWARD]
    return moved[-1] if moved and moved[-1] in TRAFFIC_ONLY else Verb.ROLLBACK


def went_back(record: LiveRollout) -> bool:
    """Tell whether a rollout is on its way back: its phase says so, or its steps do, of a console that ended before saying so.

    Where it is not known what became of a step, that is shown first, and a person decides.
    """
    if record.rollout.phase is Phase.ABORTING or record.unknowns:
        return record.rollout.phase is Phase.ABORTING
    moved = False
    for row in record.rows_in_order():
        if row.step.seq >= 0:
            moved = row.step.direction is Direction.BACKWARD and (moved or row.step.verb in WAYS)
    return moved and not record.rollout.phase.over and record.rollout.phase is not Phase.BACK_STOPPED


def way_steps(record: LiveRollout, verb: Verb) -> tuple[Step, ...]:
    """Return the steps of a rollout's way back: the whole of it, or the traffic alone for abort and switch back."""
    plan = record.rollout.plan
    own = tuple(each for each in plan.steps if each.direction is Direction.BACKWARD)
    if verb not in TRAFFIC_ONLY:
        return plan.rollback or own
    traffic = tuple(each for each in own or plan.rollback if each.kind is StepKind.WEIGHT)
    return tuple(replace(each, verb=verb) for each in traffic)


def states_of(steps: tuple[Step, ...], record: LiveRollout) -> dict[int, StepState]:
    """Return how far each step is, from what was recorded; what was sent and not settled is unknown."""
    rows = back_rows(record)
    found = {each.seq: rows[each.seq].state for each in steps if each.seq in rows and rows[each.seq].step.kind is each.kind}
    return {seq: StepState.UNKNOWN if state is StepState.SENT else state for seq, state in found.items()}


def left_to_do(steps: tuple[Step, ...], record: LiveRollout) -> dict[int, StepState]:
    """Return what need not be begun again when a way back is taken once more: absolute values are sent again, the rest where it is open."""
    again = {each.seq for each in steps if each.kind not in DECLARED}
    return {seq: state for seq, state in states_of(steps, record).items() if seq not in again and state in GOOD}


class Way:
    """One try at a way back. Steps that do not wait for each other run side by side; each runs once, unless a person lets it run again."""

    def __init__(self, parts: Parts, live: LiveTarget, record: LiveRollout, move: Move) -> None:
        self._parts, self._live, self._record, self.move = parts, live, record, move
        self.states: dict[int, StepState] = {each.seq: move.states.get(each.seq, StepState.PLANNED) for each in move.steps}
        self.problems: dict[int, str] = {}
        """Why a step broke by an error of the console, by `seq`."""
        self._signed = set(move.signed)
        self._running: dict[asyncio.Task[StepRow], Step] = {}
        self._notes: set[asyncio.Task[None]] = set()
        """What is being recorded beside the steps: no step waits for it."""
        self._changed = asyncio.Event()
        self.stopped = ""
        """Why no further step is begun, in words; "" while they are."""
        self.open = True
        """Whether a person's choice for a row is still taken up by this try."""

    async def run(self, told: "asyncio.Future[None]", stop: Callable[[], str]) -> None:
        """Run until nothing more can be begun; `told` is done when the first intent is durable and its step on its way."""
        while True:
            for each in () if self.stopped else runnable(self.move.steps, self.states):
                await self._begin(each, told, stop)
                if each.kind is StepKind.WEIGHT:
                    break  # what may begin now that the traffic was sent
            else:
                if not told.done():
                    told.set_result(None)
                if not self._running:
                    break
                await self._next()
        self.open = False
        await asyncio.gather(*self._notes)

    def again(self, seq: int, *, signed: bool = False) -> None:
        """Let a step run once more, unless it runs: a second click must not send it beside the first."""
        if signed:
            self._signed.add(seq)
        for task in [task for task, each in self._running.items() if each.seq == seq]:
            if not task.done():
                return
            self._take(task, self._running.pop(task))
        self.states[seq] = StepState.PLANNED
        self._changed.set()

    def missed(self, each: Step) -> bool:
        """Tell whether a traffic or flag step was tried and did not get through: absolute values, to be sent again at any time."""
        return each.kind not in DECLARED and self.states[each.seq] in {StepState.FAILED, StepState.UNKNOWN}

    def passed(self, seq: int, state: StepState) -> None:
        """Take up that a person skipped or signed a step."""
        self.states[seq] = state
        self._changed.set()

    def stop(self, why: str) -> None:
        """Begin no further step; the traffic is never held back."""
        self.stopped = why
        self._changed.set()

    def leave(self) -> None:
        """Begin no further step and wait for no declared one, for a console that closes: it is read back at the next start."""
        self.stop("the console was closed")
        for task, each in self._running.items():
            if each.kind in DECLARED:
                task.cancel()

    async def _begin(self, each: Step, told: "asyncio.Future[None]", stop: Callable[[], str]) -> None:
        """Begin a step; returns when it is on its way where it moves traffic, so that nothing overtakes it."""
        self.states[each.seq] = StepState.SENT
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._one(each, sent, stop), name=f"{self._record.id} {each.seq}")
        self._running[task] = each
        if each.kind in DECLARED:
            return
        waiting: set[asyncio.Future[object]] = {sent, task}  # type: ignore[arg-type]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not told.done():
            told.set_result(None)

    async def _next(self) -> None:
        """Wait until a step is over or a person chose something, and take it up."""
        changed = asyncio.ensure_future(self._changed.wait())
        waiting: set[asyncio.Future[object]] = {changed, *self._running}  # type: ignore[arg-type]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
        self._changed.clear()
        for task in [task for task in self._running if task.done()]:
            self._take(task, self._running.pop(task))

    def _take(self, task: "asyncio.Task[StepRow]", each: Step) -> None:
        """Take up how a step ended; an outer door: a bug in one step is logged and stops what waits for it, not the others."""
        if task.cancelled():
            self.states[each.seq] = StepState.UNKNOWN
            return
        error = task.exception()
        if error is None:
            self.states[each.seq] = task.result().state
            return
        if isinstance(error, ConsoleError):  # raised before anything is sent: what comes after it is in the step's row
            self.states[each.seq] = StepState.FAILED
            self.problems[each.seq] = str(error)
            return
        LOG.error("step %s of %s broke", each.seq, self._record.id, exc_info=error)
        self.states[each.seq] = StepState.UNKNOWN
        self.problems[each.seq] = f"The console made an error: {type(error).__name__}. See the log."

    async def _one(self, each: Step, sent: "asyncio.Future[None]", stop: Callable[[], str]) -> StepRow:
        parts, live, record, move = self._parts, self._live, self._record, self.move
        order = step.Order(each, f"{record.id}.b{each.seq}.{uuid.uuid4().hex[:8]}", move.actor, move.reason, stop=stop)
        if each.kind in DECLARED:
            how = How(anyway=move.measures, signed=each.seq in self._signed)
            row = await undo(parts.around, live, record, order, how)
        else:
            row = await step.backward(parts.around, live, record, order, sent)
        records.settled(parts, live, record, row, f"{each.verb.value}: {each.name or systems.words(each.kind, each.want)}")
        if each.kind is StepKind.RECONCILER and row.state is StepState.CONFIRMED:
            self._notes.add(asyncio.create_task(quarantine.paused(parts, live, record, each.name, move.by), name=f"paused {each.name}"))
        return row


async def pass_over(
    parts: Parts, live: LiveTarget, record: LiveRollout, each: Step, ended: tuple[StepState, str, Mapping[str, object] | None], by: By
) -> StepRow:
    """Record that a person skipped or signed a step: nothing is sent, and it counts as it is said to have ended."""
    state, detail, seen = ended
    order = step.Order(each, f"{record.id}.b{each.seq}.{uuid.uuid4().hex[:8]}", by.actor, by.reason)
    row = await step.intend_backward(parts.around, record, order)
    now = parts.around.clock.now()
    outcome = Outcome(row.id, state, now, None, now if state is StepState.CONFIRMED else None, seen, detail)
    row = await step.settle(parts.around, record, row, outcome)
    records.settled(parts, live, record, row, f"{each.name or each.kind.value}: {detail}")
    return row
