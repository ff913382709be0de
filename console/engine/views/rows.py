"""Rows of plans: what will be sent, and the stages to come."""

from collections.abc import Iterable, Mapping

from console.model.plan import Plan, Step, StepKind
from console.model.rollout import StepRow, StepState
from console.model.verbs import State, Verb
from console.model.views import SendView, StageView

STATE_OF_STEP = {
    StepState.PLANNED: State.PLANNED,
    StepState.SENT: State.IN_ROLLOUT,
    StepState.CONFIRMED: State.HEALTHY,
    StepState.FAILED: State.FAILED,
    StepState.UNKNOWN: State.UNKNOWN,
}


def send_rows(steps: Iterable[Step], rows: Iterable[StepRow] = ()) -> tuple[SendView, ...]:
    """Return steps as rows of "what will be sent", each with what became of it where it was sent already."""
    newest = {(row.step.seq, row.step.kind): row for row in rows}
    return tuple(_send_row(number, each, newest.get((each.seq, each.kind))) for number, each in enumerate(steps, 1))


def stage_rows(plan: Plan, speed: float) -> tuple[StageView, ...]:
    """Return the stages of a plan before its start; waits are shown in the target's own time."""
    cells = [
        StageView(
            name="Bake" if stage.bake else f"{stage.weight} %",
            weight=stage.weight,
            state=State.PLANNED,
            word="Planned",
            fact=f"{span(stage.wait_s * speed)}, {len(stage.gates)} gate{'' if len(stage.gates) == 1 else 's'}",
            wait_s=stage.wait_s * speed,
            speed=speed,
            gates=len(stage.gates),
        )
        for stage in plan.stages
    ]
    return tuple(cells)


def span(seconds: float) -> str:
    """Return a span of time in words: `9 s`, `4 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _send_row(number: int, each: Step, row: StepRow | None) -> SendView:
    took = None if row is None or row.read_back_at is None else max(0.0, (row.read_back_at - row.sent_at).total_seconds())
    return SendView(
        number=number,
        what=_what(each),
        system=each.system,
        value=_value(each.kind, each.want),
        predicted_s=each.predicted_s,
        state=None if row is None else STATE_OF_STEP[row.state],
        took_s=took,
        detail="" if row is None else _detail(row),
        stage=each.stage,
    )


def _what(each: Step) -> str:
    if each.kind is StepKind.PIPELINE:
        return f"Run the pipeline for {each.want.get('version', '')}".strip()
    if each.kind is StepKind.FLAG:
        return f"Flag {'on' if each.want.get('on') else 'off'}"
    if each.verb in {Verb.ROLLBACK, Verb.SWITCH_BACK, Verb.ABORT}:
        return "Traffic to stable"
    if each.verb is Verb.STEP_DOWN:
        return f"Traffic down to {min(each.want.values(), default=0):g} %"
    if each.verb is Verb.SWITCH:
        return f"All traffic to {max(each.want, key=lambda side: each.want[side])}"
    before = each.precondition or {}
    return f"Traffic to {each.want[max(each.want, key=lambda side: each.want[side] - before.get(side, 0))]:g} %"


def _value(kind: StepKind, want: Mapping[str, object]) -> str:
    if kind is StepKind.WEIGHT:
        return ", ".join(f"{side} {weight} %" for side, weight in want.items())
    if kind is StepKind.FLAG:
        return f"on for {want.get('percent')} %" if want.get("on") else "off"
    return ", ".join(str(value) for value in want.values())


def _detail(row: StepRow) -> str:
    unrecorded = {"emergency": "Recorded in the emergency journal.", "not recorded": "Not recorded."}.get(row.recorded, "")
    return f"{row.detail} {unrecorded}".strip()
