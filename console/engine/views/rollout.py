"""A rollout as it stands now: the sentence top left, the strip, the evidence, and the way back."""

from dataclasses import replace

from console.engine.ending import skipped_words
from console.engine.readiness import seconds_of
from console.engine.records import STATE_OF_PHASE
from console.engine.rowmoves import moves_of
from console.engine.state import LiveRollout, LiveTarget
from console.engine.versions import canary_of
from console.engine.views.alerts import alerts_view
from console.engine.views.charts import charts_of, marker_words, weight_of
from console.engine.views.gates import auto_act, gate_views, loss_of, worst_gate
from console.engine.views.rows import BackRows, instructions_of, send_rows
from console.engine.views.strip import strip_of
from console.engine.views.verbs import BAR, STEERING, Decide, verb_views
from console.engine.way import states_of, way_steps, way_verb
from console.model.links import timed
from console.model.plan import PlanKind, Step
from console.model.rollout import Phase, Rollout
from console.model.target import Target
from console.model.verbs import STATE_OF_VERDICT, Direction, State, Verdict
from console.model.views import Fact, Marker, RolloutView, SendView, WeightView, WheelView


def rollout_view(live: LiveTarget, record: LiveRollout, decide: Decide) -> RolloutView:
    """Return a rollout's view; only the target's newest one has live charts and verbs."""
    rollout, newest = record.rollout, live.rollout is record
    plan, lost = rollout.plan, None if rollout.phase.over else record.lost
    return RolloutView(
        id=rollout.id,
        target=live.name,
        title=title_of(live.target, rollout),
        environment=live.target.environment,
        phase=rollout.phase,
        state=_state(live, record),
        headline=headline(live, record),
        subline=subline(rollout) + _pace(live.target),
        plan_hash=plan.hash,
        stable_version=plan.stable_version,
        canary_version=canary_of(plan),
        started_at=rollout.started_at,
        started_by=rollout.started_by.name,
        reason=rollout.reason,
        ended_at=rollout.ended_at,
        stages=strip_of(record, live.target.speed),
        weight=weight_of(live, plan.canary) if newest else _last_weight(record),
        gates=gate_views(record),
        charts=charts_of(live, rollout) if newest else (),
        markers=_markers(record),
        loss=loss_of(live, record),
        auto_act=auto_act(record),
        sends=_sends(live, record),
        next_sends=() if rollout.phase.forward_closed else send_rows(next_steps(rollout)),
        unknowns=tuple(record.unknowns.values()),
        wheel=WheelView(record.lease, record.mine),
        verbs=verb_views(live, record, (*BAR, *STEERING), decide) if newest else {},
        pipeline=record.pipeline,
        log=tuple(record.log),
        changes=record.changes,
        steps=record.rows_in_order(),
        note=_note(record),
        absence=record.absence,
        lost_holder="" if lost is None else lost.holder.name,
        lost_since=None if lost is None else lost.since,
        bake=_bakes(rollout),
        alerts=alerts_view(live) if newest else None,
        dashboards=tuple(timed(link, rollout.started_at, rollout.ended_at) for link in live.target.dashboards),
    )


def _markers(record: LiveRollout) -> tuple[Marker, ...]:
    canary = record.rollout.plan.canary
    return tuple(replace(marker, text=marker_words(marker.text, canary)) for marker in record.markers)


def _sends(live: LiveTarget, record: LiveRollout) -> tuple[SendView, ...]:
    """Return the rows of the way back as they stand."""
    sent = tuple(row for row in record.rows_in_order() if row.step.direction is Direction.BACKWARD)
    return send_rows(way_steps(record, way_verb(record)), sent, _back_rows(live, record))


def _pace(target: Target) -> str:
    return "" if target.speed == 1 else f" · its time runs {target.speed:g} times as fast"


def _bakes(rollout: Rollout) -> bool:
    return 0 <= rollout.stage < len(rollout.plan.stages) and rollout.plan.stages[rollout.stage].bake


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
    sides = f"canary {canary_of(plan)} against stable {plan.stable_version}"
    return f"{sides} · started by {rollout.started_by.name} · plan {plan.hash[:4]} {plan.hash[4:8]}"


def headline(live: LiveTarget, record: LiveRollout) -> str:
    """Return the sentence that says what is wrong, or that nothing is: the first that has something to say."""
    return next(sentence for say in _SENTENCES if (sentence := say(live, record)))


def _way_back_stopped(live: LiveTarget, record: LiveRollout) -> str:
    stopped = record.rollout.phase is Phase.BACK_STOPPED
    return f"{title_of(live.target, record.rollout)}: {_stop_place(record.rollout)}" if stopped else ""


def _unknown(_: LiveTarget, record: LiveRollout) -> str:
    if not record.unknowns or record.rollout.phase.over:
        return ""
    count, read = len(record.unknowns), next(iter(record.unknowns.values())).read
    return f"{count} action{'' if count == 1 else 's'} unknown: {read}"


def _drift(live: LiveTarget, record: LiveRollout) -> str:
    return f"Drift on {live.target.title}: {live.drift}" if _drifts(live, record) else ""


def _lost(live: LiveTarget, record: LiveRollout) -> str:
    if record.lost is None or record.rollout.phase not in {Phase.PLANNED, Phase.RUNNING, Phase.HELD, Phase.UNKNOWN}:
        return ""
    return f"{record.lost.holder.name}'s console is lost: {title_of(live.target, record.rollout)} stands at {record.rollout.asked_weight} %"


def _failing(live: LiveTarget, record: LiveRollout) -> str:
    if record.rollout.phase is not Phase.STOPPED:
        return ""
    place, fails = live.target.environment.value, [each for each in record.judged.values() if each.verdict is Verdict.FAIL]
    if fails and not any(judged.acts for judged in fails):
        return f"Canary or site: something fails in {place}"
    return f"{title_of(live.target, record.rollout)} is failing in {place}"


def _no_release(live: LiveTarget, record: LiveRollout) -> str:
    """Say where a plan stands that brings no release; "" for those that do."""
    plan, phase, title = record.rollout.plan, record.rollout.phase, live.target.title
    rehearsed = "done" if phase is Phase.ROLLED_BACK else phase.value
    sentences = {
        PlanKind.FLAG: f"Flag {plan.release} of {title}: {phase.value}",
        PlanKind.REHEARSAL: f"Rehearsal of the way back on {title}: {rehearsed}",
        PlanKind.WORKLOADS: f"{plan.release[:1].upper()}{plan.release[1:]} of {title}: {rehearsed}",
        PlanKind.RECONCILERS: f"Resume {plan.release} of {title}: {phase.value}",
    }
    return sentences.get(plan.kind, "")


def _where(live: LiveTarget, record: LiveRollout) -> str:
    rollout, name = record.rollout, title_of(live.target, record.rollout)
    before = rollout.plan.stable_version
    skipped = skipped_words(way_steps(record, way_verb(record)), record).rstrip(".").lower()
    skipped = f";{skipped}" if skipped else ""
    sentences = {
        Phase.PLANNED: f"{name} is about to start",
        Phase.RUNNING: f"{name} is on its way: {rollout.asked_weight} %" if rollout.stage >= 0 else f"{name} is on its way",
        Phase.HELD: f"{name} is held at {rollout.asked_weight} %",
        Phase.UNKNOWN: f"{name}: the outcome of a step is unknown",
        Phase.ABORTING: f"{name} is going back to {before}",
        Phase.DONE: f"{name} is stable in {live.target.environment.value}",
        Phase.ROLLED_BACK: f"{name} was rolled back: traffic is on {before}{skipped}",
        Phase.ABORTED: f"{name} was aborted: traffic is on {before}",
    }
    return sentences[rollout.phase]


_SENTENCES = (_way_back_stopped, _unknown, _drift, _lost, _failing, _no_release, _where)
"""What may be said on top, the most urgent first; the last one always has something to say."""


def _drifts(live: LiveTarget, record: LiveRollout) -> bool:
    return bool(live.drift) and live.rollout is record and record.rollout.phase in {Phase.RUNNING, Phase.HELD}


def _stop_place(rollout: Rollout) -> str:
    """Return where a way back stopped, without the details that its row shows."""
    place, _, rest = rollout.note.partition(": ")
    return f"{place}: {rest.split(':')[0]}" if rest else place


def _state(live: LiveTarget, record: LiveRollout) -> State:
    phase = record.rollout.phase
    if record.unknowns and not phase.over and phase is not Phase.BACK_STOPPED:
        return State.UNKNOWN
    if _drifts(live, record):
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
