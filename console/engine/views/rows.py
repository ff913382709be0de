"""Rows of plans: what will be sent, and the stages to come."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from console.model.plan import Plan, Step, StepKind
from console.model.rollout import StepRow, StepState
from console.model.target import Target
from console.model.verbs import Direction, State, Verb
from console.model.views import SendView, StageView
from console.policy.wayback import DECLARED
from console.policy.workloads import verb_words, workload_words

STATE_OF_STEP = {
    StepState.PLANNED: State.PLANNED,
    StepState.SENT: State.IN_ROLLOUT,
    StepState.CONFIRMED: State.HEALTHY,
    StepState.FAILED: State.FAILED,
    StepState.UNKNOWN: State.UNKNOWN,
    StepState.SKIPPED: State.WAIVED,
}

UNDO_WORDS = {
    StepKind.CODE: "Put back the code",
    StepKind.MIGRATION: "Undo the migration",
    StepKind.CACHE: "Clear the cache",
    StepKind.EXTERNAL: "Put right",
    StepKind.MANUAL: "By hand",
}


@dataclass(frozen=True, slots=True)
class BackRows:
    """What only the rows of a way back show: what a person can do with each now, what they do by hand, and what was measured, by `seq`."""

    moves: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    instructions: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[int, float] = field(default_factory=dict)


PLAIN = BackRows()


def send_rows(steps: Iterable[Step], rows: Iterable[StepRow] = (), back: BackRows = PLAIN) -> tuple[SendView, ...]:
    """Return steps as rows of "what will be sent", each with what became of it where it was sent already."""
    newest = {(row.step.seq, row.step.kind): row for row in rows}
    return tuple(_send_row(number, each, newest.get((each.seq, each.kind)), back) for number, each in enumerate(steps, 1))


def instructions_of(target: Target) -> Mapping[str, str]:
    """Return what a person does in each manual step, by its name."""
    return {step.name: step.instructions for step in target.undo if step.instructions}


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


def _send_row(number: int, each: Step, row: StepRow | None, back: BackRows) -> SendView:
    return SendView(
        number=number,
        what=what_of(each),
        system=each.system,
        value=value_of(each),
        predicted_s=back.seconds.get(each.seq, each.predicted_s),
        state=None if row is None else STATE_OF_STEP[row.state],
        took_s=None if row is None else _took_s(row),
        detail="" if row is None else _detail(row),
        stage=each.stage,
        seq=each.seq,
        name=each.name,
        kind=each.kind.value,
        after=each.after,
        reversibility=each.reversibility.value,
        loses=each.loses,
        instructions=back.instructions.get(each.name, "") if each.kind is StepKind.MANUAL else "",
        moves=back.moves.get(each.seq, ()),
    )


def _took_s(row: StepRow) -> float | None:
    """Return how long a step took: a manual one, how long it waited for the person who signed it."""
    if row.step.kind is StepKind.MANUAL and row.seen is not None and "took_s" in row.seen:
        return float(row.seen["took_s"])
    return None if row.read_back_at is None else max(0.0, (row.read_back_at - row.sent_at).total_seconds())


def what_of(each: Step) -> str:
    """Return what a step does, in words."""
    if each.kind is StepKind.PIPELINE:
        return f"Run the pipeline for {each.want.get('version', '')}".strip()
    if each.kind is StepKind.RECONCILER:
        return f"{'Pause' if each.verb is Verb.PAUSE_RECONCILER else 'Resume'} {each.name}"
    if each.kind is StepKind.MIGRATION and each.direction is Direction.FORWARD:
        return f"Run the migration: {each.name}"
    if each.kind in UNDO_WORDS:
        return f"{UNDO_WORDS[each.kind]}: {each.name}"
    if each.kind is StepKind.WORKLOAD:
        said = verb_words(each.verb, each.name)
        return f"{said[:1].upper()}{said[1:]}"
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


def value_of(each: Step) -> str:
    """Return what a step asks for, in words; "" where its name says it all."""
    kind, want = each.kind, each.want
    if kind in DECLARED:
        return ""
    if kind is StepKind.WEIGHT:
        return ", ".join(f"{side} {weight} %" for side, weight in want.items())
    if kind is StepKind.FLAG:
        return f"on for {want.get('percent')} %" if want.get("on") else "off"
    if kind is StepKind.WORKLOAD:
        return workload_words({key: value for key, value in want.items() if key != "uid"})
    return ", ".join(str(value) for value in want.values())


def _detail(row: StepRow) -> str:
    unrecorded = {"emergency": "Recorded in the emergency journal.", "not recorded": "Not recorded."}.get(row.recorded, "")
    return f"{row.detail} {unrecorded}".strip()
