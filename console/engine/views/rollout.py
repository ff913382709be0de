"""A rollout as it stands now: the sentence top left, the strip, the evidence, and the way back."""

from dataclasses import replace

from console.engine.ending import skipped_words
from console.engine.readiness import seconds_of
from console.engine.records import STATE_OF_PHASE
from console.engine.rowmoves import moves_of
from console.engine.state import LiveRollout, LiveTarget
from console.engine.views.charts import charts_of, marker_words, weight_of
from console.engine.views.gates import auto_act, gate_views, loss_of, worst_gate
from console.engine.views.rows import BackRows, instructions_of, send_rows
from console.engine.views.strip import strip_of
from console.engine.views.verbs import BAR, STEERING, Decide, verb_views
from console.engine.way import states_of, way_steps, way_verb
from console.model.plan import PlanKind, Step
from console.model.rollout import Phase, Rollout
from console.model.target import Target
from console.model.verbs import STATE_OF_VERDICT, State, Verdict
from console.model.views import Fact, RolloutView, WeightView, WheelView


def rollout_view(live: LiveTarget, record: LiveRollout, decide: Decide) -> RolloutView:
    """Return a rollout's view; only the target's newest one has live charts and verbs."""
    rollout, newest = record.rollout, live.rollout is record
    plan = rollout.plan
    backward_rows = tuple(row for row in record.rows_in_order() if row.step.direction.value == "backward")
    return RolloutView(
        id=rollout.id,
        target=live.name,
        title=title_of(live.target, rollout),
        environment=live.target.environment,
        phase=rollout.phase,
        state=_state(live, record),
        headline=headline(live, record),
        subline=subline(rollout) + ("" if live.target.speed == 1 else f" · its time runs {live.target.speed:g} times as fast"),
        plan_hash=plan.hash,
        stable_version=plan.stable_version,
        canary_version=plan.canary_version,
        started_at=rollout.started_at,
        started_by=rollout.started_by.name,
        reason=rollout.reason,
        ended_at=rollout.ended_at,
        stages=strip_of(record, live.target.speed),
        weight=weight_of(live, plan.canary) if newest else _last_weight(record),
        gates=gate_views(record),
        charts=charts_of(live, rollout) if newest else (),
        markers=tuple(replace(marker, text=marker_words(marker.text, plan.canary)) for marker in record.markers),
        loss=loss_of(live, record),
        auto_act=auto_act(record),
        sends=send_rows(way_steps(record, way_verb(record)), backward_rows, _back_rows(live, record)),
        next_sends=() if rollout.phase.forward_closed else send_rows(next_steps(rollout)),
        unknowns=tuple(record.unknowns.values()),
        wheel=WheelView(record.lease, record.mine),
        verbs=verb_views(live, record, (*BAR, *STEERING), decide) if newest else {},
        pipeline=record.pipeline,
        log=tuple(record.log),
        steps=record.rows_in_order(),
        note=_note(record),
        absence=record.absence,
        lost_holder=record.lost.holder.name if record.lost is not None and not rollout.phase.over else "",
        lost_since=record.lost.since if record.lost is not None and not rollout.phase.over else None,
        bake=0 <= rollout.stage < len(plan.stages) and plan.stages[rollout.stage].bake,
    )


def _back_rows(live: LiveTarget, record: LiveRollout) -> BackRows:
    """Return what the rows of the way back show beside their state; only the newest rollout's rows can be acted on."""
    steps = way_steps(record, way_verb(record))
    states = states_of(steps, record)
    moves = {each.seq: moves_of(record, each, states) for each in steps} if live.rollout is record else {}
    return BackRows(moves, instructions_of(live.target), {} if record.rollout.phase.over else seconds_of(live, steps))


def title_of(target: Target, rollout: Rollout) -> str:
    """Return what a rollout is called: `Checkout 5.2b`."""
    return f"{target.title} {rollout.plan.release}".strip()


def next_steps(rollout: Rollout) -> tuple[Step, ...]:
    """Return the forward steps that come next: those of the next stage, or the last ones to all traffic."""
    plan, number = rollout.plan, rollout.stage + 1
    if number < len(plan.stages):
        return tuple(each for each in plan.steps if each.stage == number)
    first = next((each.seq for each in plan.steps if each.stage >= 0), -1)
    return tuple(each for each in plan.steps if each.stage < 0 and each.seq > first)


def subline(rollout: Rollout) -> str:
    """Return what runs against what, who started it, and the plan's first signs."""
    plan = rollout.plan
    sides = f"canary {plan.canary_version} against stable {plan.stable_version}"
    return f"{sides} · started by {rollout.started_by.name} · plan {plan.hash[:4]} {plan.hash[4:8]}"


def headline(live: LiveTarget, record: LiveRollout) -> str:
    """Return the sentence that says what is wrong, or that nothing is."""
    rollout, name = record.rollout, title_of(live.target, record.rollout)
    place, phase = live.target.environment.value, record.rollout.phase
    if phase is Phase.BACK_STOPPED:
        return f"{name}: {_stop_place(rollout)}"
    if record.unknowns and not phase.over:
        count = len(record.unknowns)
        read = next(iter(record.unknowns.values())).read
        return f"{count} action{'' if count == 1 else 's'} unknown: {read}"
    if live.drift and live.rollout is record and phase in {Phase.RUNNING, Phase.HELD}:
        return f"Drift on {live.target.title}: {live.drift}"
    if record.lost is not None and phase in {Phase.PLANNED, Phase.RUNNING, Phase.HELD, Phase.UNKNOWN}:
        return f"{record.lost.holder.name}'s console is lost: {name} stands at {rollout.asked_weight} %"
    if phase is Phase.STOPPED:
        alarm = next((judged for judged in record.judged.values() if judged.verdict is Verdict.FAIL and not judged.acts), None)
        acting = any(judged.verdict is Verdict.FAIL and judged.acts for judged in record.judged.values())
        return f"Canary or site: something fails in {place}" if alarm is not None and not acting else f"{name} is failing in {place}"
    if rollout.plan.kind is PlanKind.FLAG:
        return f"Flag {rollout.plan.release} of {live.target.title}: {phase.value}"
    if rollout.plan.kind is PlanKind.REHEARSAL:
        return f"Rehearsal of the way back on {live.target.title}: {'done' if phase is Phase.ROLLED_BACK else phase.value}"
    if rollout.plan.kind is PlanKind.RECONCILERS:
        return f"Resume {rollout.plan.release} of {live.target.title}: {phase.value}"
    skipped = skipped_words(way_steps(record, way_verb(record)), record).rstrip(".").lower()
    skipped = f";{skipped}" if skipped else ""
    sentences = {
        Phase.PLANNED: f"{name} is about to start",
        Phase.RUNNING: f"{name} is on its way: {rollout.asked_weight} %" if rollout.stage >= 0 else f"{name} is on its way",
        Phase.HELD: f"{name} is held at {rollout.asked_weight} %",
        Phase.UNKNOWN: f"{name}: the outcome of a step is unknown",
        Phase.ABORTING: f"{name} is going back to {rollout.plan.stable_version}",
        Phase.DONE: f"{name} is stable in {place}",
        Phase.ROLLED_BACK: f"{name} was rolled back: traffic is on {rollout.plan.stable_version}{skipped}",
        Phase.ABORTED: f"{name} was aborted: traffic is on {rollout.plan.stable_version}",
    }
    return sentences[phase]


def _stop_place(rollout: Rollout) -> str:
    """Return where a way back stopped, without the details that its row shows."""
    place, _, rest = rollout.note.partition(": ")
    return f"{place}: {rest.split(':')[0]}" if rest else place


def _state(live: LiveTarget, record: LiveRollout) -> State:
    phase = record.rollout.phase
    if record.unknowns and not phase.over and phase is not Phase.BACK_STOPPED:
        return State.UNKNOWN
    if live.drift and live.rollout is record and phase in {Phase.RUNNING, Phase.HELD}:
        return State.DRIFT
    worst = worst_gate(record)
    if phase is Phase.RUNNING and worst is not None and worst.verdict is not Verdict.WATCHING and record.rollout.stage >= 0:
        return STATE_OF_VERDICT[worst.verdict]
    return STATE_OF_PHASE[phase]


def _last_weight(record: LiveRollout) -> WeightView:
    """Return the weight that a finished rollout left, from its last step that was read back."""
    rollout, nothing = record.rollout, Fact(None, None)
    for row in reversed(record.rows_in_order()):
        if row.seen is not None and rollout.plan.canary in row.seen:
            asked = Fact(float(row.step.want.get(rollout.plan.canary, 0)), row.sent_at)
            return WeightView(
                asked, Fact(asked.value, row.accepted_at), Fact(float(row.seen[rollout.plan.canary]), row.read_back_at), nothing
            )
    return WeightView(nothing, nothing, nothing, nothing)


def _note(record: LiveRollout) -> str:
    unrecorded = f"Not everything could be recorded: {record.unrecorded}" if record.unrecorded else ""
    return " ".join(part for part in (record.rollout.note.replace(" by engine:", " by itself:"), unrecorded) if part)
