"""One step by the protocol: intent first, then send, then read back, then outcome; never lost, never sent twice blindly."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from console.engine import systems
from console.engine.state import LiveRollout, LiveTarget
from console.engine.surroundings import Surroundings
from console.engine.systems import Found
from console.model.errors import (
    ConsoleError,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    RemoteError,
    SecretsUnavailable,
    StaleWrite,
    StoreError,
    Unreachable,
)
from console.model.hooks import reach
from console.model.plan import Step, StepKind
from console.model.rollout import Actor, Intent, Outcome, StepRow, StepState
from console.model.stores import Guard
from console.model.views import Fact

LOOK_EVERY_S = 0.05
"""How soon a read-back that does not yet show what is wanted is repeated."""

LOOK_S = 5.0
"""A question what became of a step waits no longer for its answer, however long the step itself may take."""

AGAIN = frozenset({429, 500, 502, 503, 504})
"""HTTP answers after which an absolute value is sent again."""


@dataclass(frozen=True, slots=True)
class Order:
    """A step to run for somebody. `token` and `guard` are for forward steps; `step_id` is the idempotency key.

    `stop` is asked right before each sending and says in words why nothing may be sent any more, "" when it may. `again` is awaited before
    what was sent is sent once more.
    """

    step: Step
    step_id: str
    actor: Actor
    reason: str
    token: int | None = None
    guard: Guard | None = None
    stop: Callable[[], str] = str
    again: Callable[[], Awaitable[None]] | None = None


@dataclass(slots=True)
class Sent:
    """What is known after sending: when it was accepted, or why not; `maybe` says that it may have been applied."""

    accepted_at: datetime | None = None
    error: ConsoleError | None = None
    maybe: bool = False


async def forward(around: Surroundings, live: LiveTarget, record: LiveRollout, order: Order) -> StepRow:
    """Run a step that raises exposure, and return its settled row.

    Raises NotAllowed, StaleWrite or CannotRecord before anything is sent. What the target does wrong is in the row: drift and refusals
    are FAILED, a doubt is UNKNOWN.
    """
    row = await _intend(around, record, order)
    live.sending += 1
    try:
        outcome = await _forward_outcome(around, live, order, row)
    finally:
        live.sending -= 1
        live.touch()
    return await settle(around, record, row, outcome)


async def backward(around: Surroundings, live: LiveTarget, record: LiveRollout, order: Order, sent: asyncio.Future[None] | None) -> StepRow:
    """Run a step that lowers exposure, and return its settled row; `sent` is done as soon as the intent is durable.

    Absolute values: sent at once without waiting for a read, read back, and sent again a few times where the target does not answer.
    A store that cannot record does not stop it; the row then says "not recorded", and is recorded before it is sent again where it can be.
    """
    row = await intend_backward(around, record, order)

    async def record_again() -> None:
        if record.rows[row.id].recorded == "not recorded":
            with suppress(StaleWrite, NotAllowed):  # it was recorded after all
                await intend_backward(around, record, order)

    live.sending += 1
    try:
        outcome = await _backward_outcome(around, live, replace(order, again=record_again), row, sent)
    finally:
        live.sending -= 1
        live.touch()
    return await settle(around, record, record.rows[row.id], outcome)


async def look_again(around: Surroundings, live: LiveTarget, record: LiveRollout, row: StepRow, note: str) -> StepRow:
    """Read back the target of a step whose effect is not known, and settle it: confirmed when it is as wanted, else still unknown."""
    limit_s = min(LOOK_S, row.step.deadline_s)
    try:
        async with asyncio.timeout(limit_s):
            found = await systems.read(live, row.step)
    except (ConsoleError, TimeoutError) as error:
        why = str(error) if isinstance(error, ConsoleError) else f"No answer from {row.step.system} in {limit_s:g} s."
        detail = f"Cannot be read back: {why}"
        return await settle(around, record, row, Outcome(row.id, StepState.UNKNOWN, around.clock.now(), row.accepted_at, detail=detail))
    reach("after-read-back")
    good = systems.as_wanted(row.step, found.values)
    state = StepState.CONFIRMED if good else StepState.UNKNOWN
    detail = (
        note if good else f"Read back {systems.words(row.step.kind, found.values)}, wanted {systems.words(row.step.kind, row.step.want)}."
    )
    return await settle(around, record, row, Outcome(row.id, state, around.clock.now(), row.accepted_at, found.at, found.values, detail))


async def settle(around: Surroundings, record: LiveRollout, row: StepRow, outcome: Outcome) -> StepRow:
    """Record what became of a step; when the store cannot, the outcome is kept in memory and said to be unrecorded."""
    try:
        settled = await around.store.journal.settle(row, outcome)
    except (StoreError, StaleWrite) as error:
        kept = row.recorded if isinstance(error, StaleWrite) else "not recorded"
        record.unrecorded = record.unrecorded if isinstance(error, StaleWrite) else error.message
        settled = replace(
            row,
            state=outcome.state,
            accepted_at=outcome.accepted_at,
            read_back_at=outcome.read_back_at,
            seen=outcome.seen,
            detail=outcome.detail,
            recorded=kept,
        )
    record.rows[settled.id] = settled
    return settled


async def intend_forward(around: Surroundings, record: LiveRollout, order: Order) -> StepRow:
    """Record the intent of a forward step. Raises NotAllowed, StaleWrite or CannotRecord: nothing is sent then."""
    return await _intend(around, record, order)


async def _intend(around: Surroundings, record: LiveRollout, order: Order) -> StepRow:
    intent = Intent(record.rollout, order.step, order.step_id, order.actor, order.reason, order.token, around.clock.now())
    row = await around.store.journal.send(intent, order.guard)
    record.rows[row.id] = row
    return row


async def intend_backward(around: Surroundings, record: LiveRollout, order: Order) -> StepRow:
    """Record the intent of a backward step; a store that cannot record does not stop it, the row then says so."""
    try:
        row = await _intend(around, record, replace(order, token=None, guard=None))
    except StoreError as error:
        record.unrecorded = error.message
        row = StepRow(
            order.step_id,
            record.id,
            order.step,
            StepState.SENT,
            order.actor,
            around.clock.now(),
            detail=error.message,
            recorded="not recorded",
        )
        record.rows[row.id] = row
    if row.recorded == "not recorded":
        record.unrecorded = record.unrecorded or row.detail or "The record could not be written."
    return row


async def _forward_outcome(around: Surroundings, live: LiveTarget, order: Order, row: StepRow) -> Outcome:
    step = order.step
    reach("before-read")
    try:
        async with asyncio.timeout(step.deadline_s):
            if step.kind in {StepKind.WEIGHT, StepKind.WORKLOAD}:
                await systems.check_identity(live)
            found = await systems.read(live, step)
    except (ConsoleError, TimeoutError) as error:
        return Outcome(row.id, StepState.FAILED, around.clock.now(), detail=f"Nothing was sent. {say(error, step)}")
    if systems.as_wanted(step, found.values):
        detail = "It was already as wanted."
        return Outcome(row.id, StepState.CONFIRMED, around.clock.now(), None, found.at, found.values, detail)
    if step.precondition is not None and not systems.fits(step.kind, step.precondition, found.values):
        seen, expected = systems.words(step.kind, found.values), systems.words(step.kind, step.precondition)
        drift = f"{seen} was found where {expected} should be"
        live.drift = live.drift if step.kind is StepKind.WORKLOAD else drift
        detail = f"Drift: {drift}. Nothing was sent."
        return Outcome(row.id, StepState.FAILED, around.clock.now(), None, found.at, found.values, detail)
    sent = await _send(around, live, order, backward_=False)
    if sent.error is not None and not sent.maybe:
        found_after = await glance(live, step)
        values, at = (found_after.values, found_after.at) if found_after else (None, None)
        return Outcome(row.id, StepState.FAILED, around.clock.now(), None, at, values, say(sent.error, step))
    return await _read_back(around, live, order, row, sent)


async def _backward_outcome(
    around: Surroundings, live: LiveTarget, order: Order, row: StepRow, told: asyncio.Future[None] | None
) -> Outcome:
    tries, outcome = 5, Outcome(row.id, StepState.UNKNOWN, around.clock.now())
    for attempt in range(1, tries + 1):
        if attempt > 1 and order.again is not None:
            await order.again()
        sending = asyncio.ensure_future(_send(around, live, order, backward_=True))
        if told is not None and not told.done():
            told.set_result(None)
        sent = await sending
        outcome = await _read_back(around, live, order, row, sent)
        no = isinstance(sent.error, NotAllowed | SecretsUnavailable) or (
            isinstance(sent.error, Refused) and sent.error.status in {401, 403}
        )
        if outcome.state is StepState.CONFIRMED or no:
            break
        if attempt < tries:
            await around.sleep(around.backoff_s(attempt, 0.2, 2.0))
    return outcome


async def _send(around: Surroundings, live: LiveTarget, order: Order, *, backward_: bool) -> Sent:
    """Send within the deadline; an answer that asks for patience is retried, since the value is absolute."""
    step = order.step
    if (why := order.stop()) != "":
        return Sent(error=NotAllowed(f"Nothing was sent: {why}."))
    if step.kind is StepKind.WEIGHT:
        live.asked = Fact(_canary(live, step), around.clock.now())
        live.touch()
    reach("before-send")
    sent = Sent()
    for attempt in range(1, 4):
        if attempt > 1 and order.again is not None:
            await order.again()
        if attempt > 1 and order.stop() != "":
            break
        sent = await send_once(around, live, order, backward_=backward_)
        if not (isinstance(sent.error, Refused) and sent.error.status in AGAIN) or attempt == 3:
            break
        asked_s = sent.error.retry_after_s
        await around.sleep(min(step.deadline_s, asked_s) if asked_s is not None else around.backoff_s(attempt, 0.2, 1.0))
    reach("after-send")
    if sent.accepted_at is not None and step.kind is StepKind.WEIGHT:
        live.accepted = Fact(live.asked.value, sent.accepted_at)
        live.requests.forget()
        live.touch()
    return sent


async def send_once(around: Surroundings, live: LiveTarget, order: Order, *, backward_: bool) -> Sent:
    """Send within the deadline, and tell what is known then."""
    try:
        async with asyncio.timeout(order.step.deadline_s):
            await systems.send(live, order.step, order.step_id, backward=backward_)
    except Unreachable as error:
        return Sent(error=error, maybe=error.sent)
    except OutcomeUnknown as error:
        return Sent(error=error, maybe=True)
    except RemoteError as error:
        maybe = not isinstance(error, Refused)
        return Sent(error=error, maybe=maybe)
    except ConsoleError as error:
        return Sent(error=error)
    except TimeoutError:
        return Sent(error=_no_answer(order.step), maybe=True)
    return Sent(accepted_at=around.clock.now())


async def _read_back(around: Surroundings, live: LiveTarget, order: Order, row: StepRow, sent: Sent) -> Outcome:
    """Poll until the target is as wanted or the deadline is over, and say which."""
    step, found, error = order.step, None, sent.error
    ends = around.clock.elapsed() + step.deadline_s
    while True:
        try:
            async with asyncio.timeout(step.deadline_s):
                found = await systems.read(live, step)
        except (ConsoleError, TimeoutError) as unread:
            error = error or (unread if isinstance(unread, ConsoleError) else _no_answer(step))
        if found is not None and systems.as_wanted(step, found.values):
            reach("after-read-back")
            live.drift = ""
            live.took_s[systems.clock_name(step)] = max(0.0, (found.at - row.sent_at).total_seconds())
            return Outcome(row.id, StepState.CONFIRMED, around.clock.now(), sent.accepted_at, found.at, found.values)
        if around.clock.elapsed() + LOOK_EVERY_S >= ends or (sent.error is not None and not sent.maybe):
            break
        await around.sleep(LOOK_EVERY_S)
    if found is None and sent.error is not None and not sent.maybe:
        return Outcome(row.id, StepState.FAILED, around.clock.now(), detail=f"Nothing was sent. {say(sent.error, step)}")
    if found is None:
        detail = f"Sent, and cannot be read back. {say(error, step) if error else ''}".strip()
        return Outcome(row.id, StepState.UNKNOWN, around.clock.now(), sent.accepted_at, detail=detail)
    state = StepState.UNKNOWN if sent.maybe else StepState.FAILED
    detail = f"Read back {systems.words(step.kind, found.values)}, wanted {systems.words(step.kind, step.want)}."
    if sent.error is not None:
        detail = f"{say(sent.error, step)} {detail}"
    return Outcome(row.id, state, around.clock.now(), sent.accepted_at, found.at, found.values, detail)


async def glance(live: LiveTarget, step: Step) -> Found | None:
    """Read once, for the record; a half-applied change shows here."""
    try:
        async with asyncio.timeout(step.deadline_s):
            return await systems.read(live, step)
    except (ConsoleError, TimeoutError):
        return None


def _canary(live: LiveTarget, step: Step) -> float:
    return float(step.want.get(live.canary, 0))


def _no_answer(step: Step) -> ConsoleError:
    return Unreachable(f"No answer from {step.system} in {step.deadline_s:g} s.", sent=True)


def say(error: ConsoleError | TimeoutError, step: Step) -> str:
    """Return what went wrong in words."""
    return str(error) if isinstance(error, ConsoleError) else str(_no_answer(step))
