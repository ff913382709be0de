"""Runs a plan's pipeline step: started once, followed with live stages and logs, and found again after a console was away."""

import asyncio
import logging
from dataclasses import replace

from console.engine import step
from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget
from console.model.audit import Entry, RecordKind
from console.model.clock import iso
from console.model.errors import ConsoleError, NotAllowed, OutcomeUnknown, Unreachable
from console.model.hooks import reach
from console.model.plan import StepKind
from console.model.ports import ApprovesGates, FindsRuns, Pipeline, TellsChanges
from console.model.readings import LogLine, PipelineRun
from console.model.rollout import Intent, Outcome, Rollout, StepRow, StepState
from console.model.verbs import Verb

LOG = logging.getLogger(__name__)

LOOK_S = 0.25
"""How soon a run is cancelled after its rollout goes back."""

CHANGES_S = 5.0
CHANGES_KEPT = 100

CANCEL_AGAIN_S = 2.0
"""How soon a cancel is tried again that did not reach its system."""


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
        key = key_of(record.rollout, order.step_id)
        run = await _left(pipeline, record, order) or await pipeline.start(str(order.step.want["version"]), key)
        accepted_at = around.clock.now()
        reach("after-send")
        await _learn_changes(pipeline, record, run)
        await _follow(parts, live, record, run)
    except ConsoleError as error:
        state = StepState.UNKNOWN if accepted_at is not None or _perhaps(error) else StepState.FAILED
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


async def approve(parts: Parts, live: LiveTarget, record: LiveRollout, gate: str, reason: str) -> None:
    """Let a stage go on that waits for a person. Raises NotAllowed without a reason, where going forward is shut, or nothing waits there.

    The intent is recorded before anything is sent, and what became of it after.
    """
    run, around = record.pipeline, parts.around
    pipeline: object = live.connections.pipeline
    waiting = [] if run is None else [stage.name for stage in run.stages if stage.gate and stage.gate == gate]
    if run is None or not waiting or not isinstance(pipeline, ApprovesGates):
        raise NotAllowed(f"Nothing of {record.id} waits at this gate.", advice="Look at the pipeline's stages: it may have gone on.")
    if not reason or reason.isspace():
        raise NotAllowed("A gate is approved with a reason only.", advice="Say why it may go on.")
    await parts.asking.refresh()
    decision = parts.asking.goes_on(live, record, Verb.RUN_PIPELINE)
    if not decision.allowed:
        raise NotAllowed(f"The gate was not approved: {' '.join(decision.reasons)}", advice=decision.allowed_instead)
    told = {"run": run.id, "stage": waiting[0]}
    entry = Entry(RecordKind.INTENT, around.actor, around.clock.now(), "approve gate", live.name, record.id, reason, detail=told)
    await around.store.audit.append(entry)
    result = "accepted"
    try:
        await pipeline.approve(run.id, gate, reason)
    except ConsoleError as error:
        result = error.message
        raise
    finally:
        await around.note(replace(entry, kind=RecordKind.OUTCOME, at=around.clock.now(), result=result))


async def _learn_changes(pipeline: Pipeline, record: LiveRollout, run: str) -> None:
    """Ask what a run builds, where its system tells; nothing waits long for it, and a release goes on without."""
    if not isinstance(pipeline, TellsChanges):
        return
    try:
        async with asyncio.timeout(CHANGES_S):
            record.changes = tuple(await pipeline.changes(run))[:CHANGES_KEPT]
    except (ConsoleError, TimeoutError) as error:
        LOG.info("what %s builds is not known: %s", run, error)


def key_of(rollout: Rollout, step_id: str) -> str:
    """Return the key of a run: records of another console may number their rollouts alike, so the instant of the start goes with it."""
    return f"{step_id}@{iso(rollout.started_at)}"


def _perhaps(error: ConsoleError) -> bool:
    """Tell whether a start that went wrong may have started something."""
    return isinstance(error, OutcomeUnknown) or (isinstance(error, Unreachable) and error.sent)


async def _left(pipeline: Pipeline, record: LiveRollout, order: step.Order) -> str | None:
    """Return the run of an earlier try of this step whose end nobody saw, as when a console died: it is followed, not started anew."""
    if not isinstance(pipeline, FindsRuns):
        return None
    for row in reversed(record.rows_in_order()):
        if row.step.kind is StepKind.PIPELINE and row.id != order.step_id and not row.seen:
            return await pipeline.find(key_of(record.rollout, row.id))
    return None


async def _follow(parts: Parts, live: LiveTarget, record: LiveRollout, run: str) -> None:
    """Follow a run to its end, and cancel it once the rollout goes back: what it would still do is forward (I4).

    Where the console closes, a run that lives on is left alone; one that ends with the console is cancelled here, so that its end is known.
    """
    pipeline = live.connections.pipeline
    assert pipeline is not None  # noqa: S101 - it has just started the run
    heeding = asyncio.ensure_future(_cancel_when_over(parts, record, pipeline, run))
    try:
        async for news in pipeline.follow(run):
            _take(parts, live, record, news)
    except asyncio.CancelledError:
        if isinstance(pipeline, FindsRuns):
            raise
        await pipeline.cancel(run, "the console lets go of this target")
        record.pipeline = [news async for news in pipeline.follow(run) if isinstance(news, PipelineRun)][-1]
    finally:
        heeding.cancel()
        await asyncio.gather(heeding, return_exceptions=True)


async def _cancel_when_over(parts: Parts, record: LiveRollout, pipeline: Pipeline, run: str) -> None:
    while not record.going_back and not record.rollout.phase.forward_closed:
        await parts.around.sleep(LOOK_S)
    while True:
        try:
            await pipeline.cancel(run, "the rollout goes back")
        except ConsoleError as error:
            LOG.warning("%s was not cancelled: %s", run, error)
            await parts.around.sleep(CANCEL_AGAIN_S)
        else:
            return


def _take(parts: Parts, live: LiveTarget, record: LiveRollout, news: PipelineRun | LogLine) -> None:
    if isinstance(news, LogLine):
        record.log.append(news)
    else:
        record.pipeline = news
    parts.touch(live, record)
