"""A declared step of the way back: run only where a read says that it is not done yet, and verified by a read."""

import asyncio
from dataclasses import dataclass

from console.engine import step as steps
from console.engine import systems
from console.engine.state import LiveRollout, LiveTarget
from console.engine.step import Order, Sent
from console.engine.surroundings import Surroundings
from console.engine.systems import Found
from console.model.errors import ConsoleError, NotAllowed
from console.model.hooks import reach
from console.model.plan import Step, StepKind
from console.model.readings import UndoState
from console.model.rollout import Outcome, StepRow, StepState
from console.model.target import Reversibility, Snapshot
from console.model.verbs import Direction
from console.policy.readiness import no_snapshot

LOOK_S = 5.0
"""A question whether a step is done waits no longer for its answer."""

FIRST_LOOK_S, LAST_LOOK_S = 0.05, 1.0
"""How soon a read-back that does not yet show what is wanted is repeated, at first and at last."""


@dataclass(frozen=True, slots=True)
class How:
    """`anyway` runs a step that is done already, to measure it; `signed` runs a lossy one without a fresh snapshot."""

    anyway: bool = False
    signed: bool = False


async def undo(around: Surroundings, live: LiveTarget, record: LiveRollout, order: Order, how: How) -> StepRow:
    """Do a declared step and return its settled row; it is sent at most once, and a store that cannot record does not stop it."""
    row = await steps.intend_backward(around, record, order)
    live.touch()
    await _until_forward_ended(around, record, order)
    outcome = await _outcome(around, live, order, row, how)
    live.touch()
    return await steps.settle(around, record, row, outcome)


async def _until_forward_ended(around: Surroundings, record: LiveRollout, order: Order) -> None:
    """Wait until a migration that still runs forward here was ended: before that nothing can tell whether it has to be taken back."""
    ends = around.clock.elapsed() + order.step.deadline_s
    while order.step.kind is StepKind.MIGRATION and record.driver_works and around.clock.elapsed() < ends:
        if not any(_runs_forward(row) for row in record.rows_in_order()):
            return
        await around.sleep(FIRST_LOOK_S)


def _runs_forward(row: StepRow) -> bool:
    return row.step.kind is StepKind.MIGRATION and row.step.direction is Direction.FORWARD and row.state is StepState.SENT


async def _outcome(around: Surroundings, live: LiveTarget, order: Order, row: StepRow, how: How) -> Outcome:
    wanted = order.step
    reach("before-read")
    found, problem = await look(live, wanted)
    if found is not None and systems.as_wanted(wanted, found.values) and not how.anyway:
        detail = f"It was done already{_said(found)}."
        return Outcome(row.id, StepState.CONFIRMED, around.clock.now(), None, found.at, found.values, detail)
    if wanted.reversibility is Reversibility.ONE_WAY:
        return _passed_over(around, order, row, found, problem)
    if wanted.reversibility is Reversibility.LOSSY and not how.signed:
        unsafe = await _unsafe(around, live, wanted)
        if unsafe:
            detail = f"Nothing was run: it would lose {wanted.loses}, and {unsafe}."
            return Outcome(row.id, StepState.FAILED, around.clock.now(), detail=detail)
    if (why := order.stop()) != "":
        return Outcome(row.id, StepState.FAILED, around.clock.now(), detail=f"Nothing was sent: {why}.")
    ends = around.clock.elapsed() + wanted.deadline_s
    reach("before-send")
    sent = await steps.send_once(around, live, order, backward_=True)
    reach("after-send")
    return await read_back(around, live, order, row, sent, ends)


def _passed_over(around: Surroundings, order: Order, row: StepRow, found: Found | None, problem: str) -> Outcome:
    """Settle a one-way step, which is never run: past, it is passed over; where nobody can tell, a person decides."""
    now, wanted = around.clock.now(), order.step
    if found is None:
        return Outcome(row.id, StepState.UNKNOWN, now, detail=f"It is one-way and never run; whether it is past cannot be read: {problem}")
    detail = f"It is one-way and was not run{_said(found)}: going back loses {wanted.loses or 'what it changed'}."
    return Outcome(row.id, StepState.SKIPPED, now, None, found.at, found.values, detail)


async def _unsafe(around: Surroundings, live: LiveTarget, wanted: Step) -> str:
    """Return why a lossy step may not run by itself, in words; "" when a fresh snapshot is there, or a person signed for having none."""
    snapshot = _snapshot_of(live, wanted)
    if snapshot is None:
        return ""
    name = f"snapshot {wanted.name}"
    reader = live.connections.undo.get(name)
    if reader is None:
        return "nothing can tell whether there is a snapshot"
    try:
        async with asyncio.timeout(LOOK_S):
            state: UndoState = await reader.look()
    except TimeoutError:
        return f"its snapshot did not answer in {LOOK_S:g} s"
    except ConsoleError as error:
        return f"its snapshot cannot be read: {error.message.rstrip('.')}"
    live.look(name).took(state, state.at)
    return no_snapshot(snapshot, state, around.clock.now())


def _snapshot_of(live: LiveTarget, wanted: Step) -> Snapshot | None:
    return next((each.snapshot for each in live.target.undo if each.name == wanted.name), None)


async def look(live: LiveTarget, wanted: Step) -> tuple[Found | None, str]:
    """Read once; None and why where it cannot be read."""
    try:
        async with asyncio.timeout(min(LOOK_S, wanted.deadline_s)):
            return await systems.read(live, wanted), ""
    except TimeoutError:
        return None, f"No answer in {min(LOOK_S, wanted.deadline_s):g} s."
    except ConsoleError as error:
        return None, str(error)


async def read_back(around: Surroundings, live: LiveTarget, order: Order, row: StepRow, sent: Sent, ends: float) -> Outcome:
    """Look until it is done or the step's time is over, and say which; what was refused is looked at once, for the record."""
    wanted, pause_s = order.step, FIRST_LOOK_S
    refused = sent.error is not None and not sent.maybe
    while True:
        found, problem = await look(live, wanted)
        if found is not None and systems.as_wanted(wanted, found.values):
            reach("after-read-back")
            if sent.accepted_at is not None:
                live.took_s[systems.clock_name(wanted)] = max(0.0, (found.at - row.sent_at).total_seconds())
            detail = found.values.get("detail", "")
            return Outcome(row.id, StepState.CONFIRMED, around.clock.now(), sent.accepted_at, found.at, found.values, detail)
        if refused or around.clock.elapsed() + pause_s >= ends:
            break
        await around.sleep(pause_s)
        pause_s = min(LAST_LOOK_S, pause_s * 1.5)
    return _not_done(around, order, row, sent, found, problem)


def _not_done(around: Surroundings, order: Order, row: StepRow, sent: Sent, found: Found | None, problem: str) -> Outcome:
    """Settle a step that was not seen to be done: failed where that is known, else unknown."""
    now, wanted, error = around.clock.now(), order.step, sent.error
    said = "" if error is None else steps.say(error, wanted)
    if isinstance(error, NotAllowed) or (error is not None and not sent.maybe and found is None):
        return Outcome(row.id, StepState.FAILED, now, detail=f"{said} {problem}".strip())
    if found is None:
        return Outcome(
            row.id, StepState.UNKNOWN, now, sent.accepted_at, detail=f"It was run, and cannot be read back. {said} {problem}".strip()
        )
    state = StepState.UNKNOWN if sent.maybe else StepState.FAILED
    detail = f"{said} It reads {systems.words(wanted.kind, found.values)}.".strip()
    if error is None:
        detail = f"It was run, and reads {systems.words(wanted.kind, found.values)} after {wanted.deadline_s:g} s."
    return Outcome(row.id, state, now, sent.accepted_at, found.at, found.values, detail)


def _said(found: Found) -> str:
    return f" ({found.values['detail']})" if found.values.get("detail") else ""
