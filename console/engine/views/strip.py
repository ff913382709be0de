"""The stage strip of a rollout: pipeline, each stage, done; one fact for what is over, the wait for what comes."""

from dataclasses import replace

from console.engine.state import LiveRollout
from console.engine.versions import canary_of
from console.engine.views.gates import worst_gate
from console.engine.views.rows import stage_rows
from console.model.plan import PlanKind, StepKind
from console.model.rollout import Phase, StepState
from console.model.verbs import STATE_OF_VERDICT, State, Verdict
from console.model.views import StageView

WORD = {
    Phase.HELD: (State.HELD, "Held"),
    Phase.STOPPED: (State.FAILED, "FAIL"),
    Phase.UNKNOWN: (State.UNKNOWN, "Unknown"),
    Phase.ABORTING: (State.ROLLING_BACK, "Going back"),
    Phase.BACK_STOPPED: (State.FAILED, "Rollback stopped"),
    Phase.ROLLED_BACK: (State.HELD, "Rolled back"),
    Phase.ABORTED: (State.HELD, "Aborted"),
}


def strip_of(record: LiveRollout, speed: float) -> tuple[StageView, ...]:
    """Return the cells in order of time."""
    rollout = record.rollout
    cells = [_stage(record, number, cell) for number, cell in enumerate(stage_rows(rollout.plan, speed))]
    pipeline = _pipeline(record)
    if pipeline is not None:
        cells.insert(0, pipeline)
    return (*cells, _last(record))


def _stage(record: LiveRollout, number: int, cell: StageView) -> StageView:
    rollout = record.rollout
    if number < rollout.stage or (rollout.phase is Phase.DONE and number <= rollout.stage):
        return replace(
            cell,
            state=State.HEALTHY,
            word="Passed",
            fact=f"{cell.gates} gate{'' if cell.gates == 1 else 's'} passed" if cell.gates else "waited",
        )
    if number > rollout.stage:
        return cell
    state, word = WORD.get(rollout.phase, (State.IN_ROLLOUT, "Running"))
    worst = worst_gate(record)
    if rollout.phase is Phase.RUNNING and worst is not None:
        state, word = STATE_OF_VERDICT[worst.verdict], worst.verdict.value.capitalize()
    elif rollout.phase is Phase.RUNNING and record.judged and worst is None:
        state, word = State.HEALTHY, Verdict.PASS.value.capitalize()
    return replace(cell, state=state, word=word, running=not rollout.phase.over, since=rollout.stage_since)


def _pipeline(record: LiveRollout) -> StageView | None:
    planned = next((each for each in record.rollout.plan.steps if each.kind is StepKind.PIPELINE), None)
    if planned is None:
        return None
    row = next((row for row in reversed(record.rows_in_order()) if row.step.kind is StepKind.PIPELINE), None)
    run = record.pipeline
    stages = "" if run is None else f"{sum(stage.state == 'passed' for stage in run.stages)} of {len(run.stages)} stages"
    if row is None:
        return StageView("Pipeline", None, State.PLANNED, "Planned", "")
    if row.state is StepState.CONFIRMED:
        took = "" if row.read_back_at is None else f", {(row.read_back_at - row.sent_at).total_seconds():.1f} s"
        return StageView("Pipeline", None, State.HEALTHY, "Passed", f"{stages or 'all stages'}{took}")
    if row.state is StepState.SENT:
        return StageView("Pipeline", None, State.IN_ROLLOUT, "Running", stages, running=True, since=row.sent_at)
    state, word = (State.FAILED, "Failed") if row.state is StepState.FAILED else (State.UNKNOWN, "Unknown")
    running = record.rollout.stage < 0 and not record.rollout.phase.over
    return StageView("Pipeline", None, state, word, row.detail or stages, running=running, since=row.sent_at)


def _last(record: LiveRollout) -> StageView:
    rollout = record.rollout
    name = "Done" if rollout.plan.kind is PlanKind.ROLLOUT else rollout.plan.kind.value.capitalize()
    if rollout.phase is Phase.DONE:
        return StageView(name, 100, State.HEALTHY, "Done", f"{canary_of(rollout.plan)} is stable")
    if not rollout.plan.stages and rollout.phase in WORD:
        state, word = WORD[rollout.phase]
        return StageView(name, None, state, word, "")
    return StageView(name, 100, State.PLANNED, "Planned", "100 %")
