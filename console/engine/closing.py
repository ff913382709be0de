"""What becomes of a step under way when its console lets go of the target."""

import asyncio

from console.engine.surroundings import Surroundings
from console.model.rollout import StepRow

CLOSE_S = 5.0
"""A step under way gets its outcome within so many seconds; else it is left open, and read back by whoever goes on."""


async def end(around: Surroundings, running: "asyncio.Future[StepRow]", *, at_once: bool) -> None:
    """Return when a step has ended; `at_once` is for one that only watches what lives on without this console.

    Nobody waits for the step any more, but its connections and the records close next: what still ran then would open new ones.
    """
    if at_once:
        running.cancel()
    patience: asyncio.Future[None] = asyncio.ensure_future(around.sleep(CLOSE_S))
    waiting: set[asyncio.Future[object]] = {running, patience}  # type: ignore[arg-type]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        running.cancel()
        patience.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
