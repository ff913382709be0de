"""A target as it stands now."""

from datetime import datetime
from typing import Any

from console.engine import systems
from console.engine.asking import target_now
from console.engine.readiness import can_rehearse
from console.engine.silencing import LOOK_S
from console.engine.state import LiveRollout, LiveTarget, Seen
from console.engine.versions import unhealthy_words
from console.engine.views.alerts import alerts_view
from console.engine.views.charts import sparkline, weight_of
from console.engine.views.gates import worst_gate
from console.engine.views.schema import schema_view
from console.engine.views.verbs import BAR, Decide, verb_views, weight_now
from console.engine.watch import FLAG_S, IDENTITY_S, ROUTER_S, WORKLOADS_S
from console.model.errors import ConsoleError
from console.model.freeze import FreezeState
from console.model.notes import ChannelView
from console.model.readings import FlagState
from console.model.rollout import Phase
from console.model.stores import TargetRow
from console.model.target import Environment, Target
from console.model.verbs import State
from console.model.views import ConnectionView, Fact, Problem, TargetView, VerbView, WeightView
from console.policy.metering import alerts_name, metrics_name
from console.policy.planning import database_name, traffic_name, workloads_name

IN_ROLLOUT = {
    Phase.PLANNED: State.IN_ROLLOUT,
    Phase.RUNNING: State.IN_ROLLOUT,
    Phase.HELD: State.HELD,
    Phase.STOPPED: State.FAILED,
    Phase.UNKNOWN: State.UNKNOWN,
    Phase.ABORTING: State.ROLLING_BACK,
    Phase.BACK_STOPPED: State.FAILED,
}


def target_view(live: LiveTarget, decide: Decide, channels: tuple[ChannelView, ...] = ()) -> TargetView:
    """Return a target's view; the bottom bar's four verbs are always in it."""
    record = live.rollout if live.rollout is not None and not live.rollout.rollout.phase.over else None
    state, words = _state(live, record)
    flag = live.flag.value
    worst = worst_gate(record) if record is not None and record.rollout.stage >= 0 else None
    return TargetView(
        name=live.name,
        title=live.target.title,
        environment=live.target.environment,
        sides=live.target.sides,
        stable=live.stable,
        canary=live.canary,
        stable_version=live.version(live.stable),
        canary_version=live.version(live.canary),
        armed=live.row.armed,
        trusted=target_now(live).trusted,
        commands=live.target.commands,
        path=live.row.path,
        state=state,
        state_text=words,
        weight=weight_of(live, live.canary),
        connections=connections_of(live),
        freeze=live.freeze,
        traffic=live.traffic,
        flag=live.target.flag.name if live.target.flag is not None else "",
        flag_on=None if flag is None else flag.on,
        verbs=verb_views(live, record, BAR, decide),
        requests=sparkline(live),
        rollout=live.rollout.id if live.rollout is not None else "",
        release=record.rollout.plan.release if record is not None else "",
        gate_text="" if worst is None else f"{worst.name}: {worst.sentence}",
        problem=_problem(live),
        practice=live.row.practice,
        owner=live.target.owner,
        has_workloads=live.connections.work is not None,
        has_pipeline=live.target.pipeline is not None,
        secrets=live.target.keyring_names,
        quarantine=live.quarantined,
        can_rehearse=can_rehearse(live.target, practice=live.row.practice),
        channels=channels,
        alerts=alerts_view(live),
        dashboards=live.target.dashboards,
        schema=schema_view(live),
    )


def broken_view(row: TargetRow, error: ConsoleError, now: datetime) -> TargetView:
    """Return the view of a target whose file cannot be used; it counts as production until it can be read."""
    nothing = Fact(None, None)
    second = "its file cannot be read"
    return TargetView(
        name=row.name,
        title=row.name,
        environment=Environment.PRODUCTION,
        sides=("", ""),
        stable=row.stable,
        canary="",
        stable_version="",
        canary_version="",
        armed=row.armed,
        trusted=False,
        commands=(),
        path=row.path,
        state=State.MISCONFIGURED,
        state_text="Its file cannot be used",
        weight=WeightView(nothing, nothing, nothing, nothing),
        connections=(),
        freeze=FreezeState(frozen=False),
        traffic=None,
        flag="",
        flag_on=None,
        verbs={verb: VerbView(verb, enabled=False, second=second, reasons=(error.message,)) for verb in BAR},
        requests=None,
        problem=Problem(error.message, error.means, error.advice, now),
        practice=row.practice,
    )


def _state(live: LiveTarget, record: LiveRollout | None) -> tuple[State, str]:
    """Return a target's state with its words, the worst first."""
    if systems.other_system(live):
        return State.DRIFT, "Another system answers at the router's address"
    if record is not None:
        return _in_rollout(live, record)
    if live.split.error is not None:
        return State.BLIND, live.split.error.message
    if live.split.value is None:
        return State.NO_DATA, "not read yet"
    if live.drift or live.restarted:
        return State.DRIFT, live.drift or f"{live.restarted}: its weights may be lost"
    weight = weight_now(live)
    if weight:
        return State.DRIFT, f"{live.canary} has {weight:.4g} %, and no rollout is on its way"
    if live.freeze.frozen:
        return State.FROZEN, f"{live.freeze.name}; backward is open"
    if not live.row.armed:
        return State.HEALTHY, "observe-only: the console never writes here"
    return State.HEALTHY, ""


def _in_rollout(live: LiveTarget, record: LiveRollout) -> tuple[State, str]:
    phase, rollout = record.rollout.phase, record.rollout
    if live.drift and phase not in {Phase.ABORTING, Phase.BACK_STOPPED}:
        return State.DRIFT, live.drift
    if record.unknowns and phase is not Phase.BACK_STOPPED:
        count = len(record.unknowns)
        return State.UNKNOWN, f"{count} action{'' if count == 1 else 's'} unknown"
    words = {
        Phase.RUNNING: f"{rollout.asked_weight} % on {rollout.plan.release}",
        Phase.HELD: f"held at {rollout.asked_weight} %",
        Phase.STOPPED: rollout.note,
        Phase.UNKNOWN: rollout.note,
        Phase.ABORTING: f"going back to {rollout.plan.stable_version}",
        Phase.BACK_STOPPED: rollout.note,
    }
    return IN_ROLLOUT.get(phase, State.IN_ROLLOUT), words.get(phase, phase.value)


def connections_of(live: LiveTarget) -> tuple[ConnectionView, ...]:
    """Return how each of a target's systems answers, and when it was read last."""
    target: Target = live.target
    split, flag = live.split.value, live.flag.value
    traffic, versions = traffic_name(target), workloads_name(target)
    found = [
        _connection("traffic", traffic, live.split, 2 * ROUTER_S, _notes("" if split is None else split.note)),
        _connection("workloads", versions, live.workloads, 2 * WORKLOADS_S * live.stretch, unhealthy_words(live)),
    ]
    if live.identity.error is not None:
        found.append(_connection("identity", traffic, live.identity, 2 * IDENTITY_S * live.stretch))
    if target.metrics is not None:
        notes = live.metrics.value.notes if live.metrics.value is not None else ()
        found.append(_connection("metrics", metrics_name(target.metrics), live.metrics, 2 * target.metrics.interval_s, notes))
    if target.flag is not None:
        said = () if flag is None else _flag_notes(flag)
        found.append(_connection("flags", f"flag {target.flag.name}", live.flag, 2 * FLAG_S * live.stretch, said))
    found += _alerts(live)
    if target.database is not None:
        found.append(_connection("schema", database_name(target), live.schema, 2 * target.database.poll_s * live.stretch))
    return tuple(found)


def _notes(*notes: str) -> tuple[str, ...]:
    return tuple(note for note in notes if note)


def _flag_notes(flag: FlagState) -> tuple[str, ...]:
    """Return what a flag's service says of it: asked and in effect are two things."""
    seen = {True: "those who evaluate it see it so", False: "those who evaluate it do not see it so yet", None: ""}[flag.in_effect]
    return _notes(f"on for {flag.percent:.4g} %" if flag.on else "off", seen, flag.note)


def _alerts(live: LiveTarget) -> list[ConnectionView]:
    """Return where alerts are read, and that they cannot be silenced where that is so."""
    source = live.target.alerts
    if source is None:
        return []
    found = [_connection("alerts", alerts_name(source), live.alerts, 2 * source.poll_s)]
    return found + ([_connection("silence", alerts_name(source), live.silencing, 2 * LOOK_S)] if live.silencing.error is not None else [])


def _connection(port: str, system: str, seen: Seen[Any], limit_s: float, notes: tuple[str, ...] = ()) -> ConnectionView:
    problem = None
    if seen.error is not None and seen.error_since is not None:
        problem = Problem(seen.error.message, seen.error.means, seen.error.advice, seen.error_since)
    ok = seen.error is None and seen.at is not None
    return ConnectionView(port, system, ok=ok, last_at=seen.at, limit_s=limit_s, problem=problem, notes=notes)


def _problem(live: LiveTarget) -> Problem | None:
    """Return the router's error, since without it nothing moves; the others stand with their connections."""
    error, since = live.split.error, live.split.error_since
    return None if error is None or since is None else Problem(error.message, error.means, error.advice, since)
