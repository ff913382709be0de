"""Runs a plan's pipeline step: the declared commands, with live stages and logs."""

import asyncio
import logging

from console.engine import step
from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget
from console.model.errors import ConsoleError
from console.model.hooks import reach
from console.model.ports import Pipeline
from console.model.readings import LogLine, PipelineRun
from console.model.rollout import Intent, Outcome, StepRow, StepState

LOG = logging.getLogger(__name__)

LOOK_S = 0.25
"""How soon a run is cancelled after its rollout goes back."""


async def run_pipeline(parts: Parts, live: LiveTarget, record: LiveRollout, order: step.Order) -> StepRow:
    """Start the pipeline under the step's id, follow it to its end, and return the settled row.

    Raises NotAllowed, StaleWrite or CannotRecord before anything was started. A run that failed or was cancelled is FAILED.
    """
    around = parts.around
    intent = Intent(record.rollout, order.step, order.step_id, order.actor, order.reason, order.token, around.clock.now())
    row = await around.store.journal.send(intent, order.guard)
    record.rows[row.id] = row
    pipeline, why = live.connections.pipeline, order.stop()
    if pipeline is None or why:
        detail = f"Nothing was started: {why or f'{live.name} has no pipeline'}."
        return await step.settle(around, record, row, Outcome(row.id, StepState.FAILED, around.clock.now(), detail=detail))
    reach("before-send")
    accepted_at = None
    try:
        run = await pipeline.start(str(order.step.want["version"]), order.step_id)
        accepted_at = around.clock.now()
        reach("after-send")
        await _follow(parts, live, record, run)
    except ConsoleError as error:
        state = StepState.FAILED if accepted_at is None else StepState.UNKNOWN
        return await step.settle(around, record, row, Outcome(row.id, state, around.clock.now(), accepted_at, detail=str(error)))
    reach("after-read-back")
    ended = record.pipeline
    passed = ended is not None and ended.state == "passed"
    now = around.clock.now()
    live.took_s[order.step.kind.value] = (now - row.sent_at).total_seconds()
    seen = {"version": ended.version if ended else "", "state": ended.state if ended else "unknown"}
    detail = "" if passed else f"The pipeline {seen['state']}. {ended.reason if ended else ''}".strip()
    state = StepState.CONFIRMED if passed else StepState.FAILED
    return await step.settle(around, record, row, Outcome(row.id, state, now, accepted_at, now, seen, detail))


async def _follow(parts: Parts, live: LiveTarget, record: LiveRollout, run: str) -> None:
    """Follow a run to its end, and cancel it once the rollout goes back: what it would still do is forward (I4)."""
    pipeline = live.connections.pipeline
    assert pipeline is not None  # noqa: S101 - it has just started the run
    heeding = asyncio.ensure_future(_cancel_when_over(parts, record, pipeline, run))
    try:
        async for news in pipeline.follow(run):
            _take(parts, live, record, news)
    finally:
        heeding.cancel()
        await asyncio.gather(heeding, return_exceptions=True)


async def _cancel_when_over(parts: Parts, record: LiveRollout, pipeline: Pipeline, run: str) -> None:
    while not record.going_back and not record.rollout.phase.forward_closed:
        await parts.around.sleep(LOOK_S)
    try:
        await pipeline.cancel(run, "the rollout goes back")
    except ConsoleError as error:
        LOG.warning("%s was not cancelled: %s", run, error)


def _take(parts: Parts, live: LiveTarget, record: LiveRollout, news: PipelineRun | LogLine) -> None:
    if isinstance(news, LogLine):
        record.log.append(news)
    else:
        record.pipeline = news
    parts.touch(live, record)
