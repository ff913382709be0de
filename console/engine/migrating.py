"""A migration on its way forward: run once, before traffic moves, and confirmed only by a read of the tool's own table."""

import asyncio

from console.engine import step as steps
from console.engine import systems, undoing
from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget
from console.engine.step import Order, Sent
from console.model.errors import OutcomeUnknown
from console.model.hooks import reach
from console.model.rollout import Outcome, StepRow, StepState

HEED_S = 0.25
"""How soon a command is ended after its rollout goes back: what it would still do is forward (I4)."""

SEEN_S = 5.0
"""So long the table is read after a command has ended; it says so at once, or the command did not do it."""


async def migrate(parts: Parts, live: LiveTarget, record: LiveRollout, order: Order) -> StepRow:
    """Run a migration and return its settled row; where it is applied already nothing is run.

    Raises NotAllowed, StaleWrite or CannotRecord before anything is run. What cannot be read is FAILED before the command, UNKNOWN after.
    """
    row = await steps.intend_forward(parts.around, record, order)
    outcome = await _outcome(parts, live, record, order, row)
    live.touch()
    return await steps.settle(parts.around, record, row, outcome)


async def _outcome(parts: Parts, live: LiveTarget, record: LiveRollout, order: Order, row: StepRow) -> Outcome:
    around = parts.around
    reach("before-read")
    found, problem = await undoing.look(live, order.step)
    if found is None:
        return Outcome(row.id, StepState.FAILED, around.clock.now(), detail=f"Nothing was run. {problem}")
    if systems.as_wanted(order.step, found.values):
        detail = f"It was done already ({found.values.get('detail', 'applied')})."
        return Outcome(row.id, StepState.CONFIRMED, around.clock.now(), None, found.at, found.values, detail)
    if (why := order.stop()) != "":
        return Outcome(row.id, StepState.FAILED, around.clock.now(), detail=f"Nothing was run: {why}.")
    reach("before-send")
    sent = await _sent(parts, live, record, order)
    reach("after-send")
    return await undoing.read_back(around, live, order, row, sent, around.clock.elapsed() + SEEN_S)


async def _sent(parts: Parts, live: LiveTarget, record: LiveRollout, order: Order) -> Sent:
    """Run the command to its end, or until the rollout goes back: then it is ended with all that it started."""
    running = asyncio.ensure_future(steps.send_once(parts.around, live, order, backward_=False))
    heeding = asyncio.ensure_future(_until_over(parts, record))
    try:
        await asyncio.wait({running, heeding}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
    finally:
        for task in (running, heeding):
            task.cancel()
        await asyncio.gather(running, heeding, return_exceptions=True)
    return Sent(error=OutcomeUnknown("It was ended, since the rollout goes back."), maybe=True)


async def _until_over(parts: Parts, record: LiveRollout) -> None:
    while not record.going_back and not record.rollout.phase.forward_closed:
        await parts.around.sleep(HEED_S)
