"""Makes plans from what was read of a target, and says what they can see."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from console.analysis.history import NO_HISTORY, History
from console.analysis.planner import Detectability, Setting
from console.analysis.shares import share_alpha
from console.analysis.tally import NEVER_PASSES
from console.engine.feasible import ask_beforehand
from console.engine.foresight import foresee, needs
from console.engine.readiness import of_plan, seconds_of
from console.engine.schema import read_now, start_problems, start_warnings
from console.engine.state import LiveTarget
from console.engine.versions import unhealthy_words
from console.engine.views.rows import BackRows, instructions_of, send_rows, stage_rows
from console.model.commands import Decision
from console.model.desk import DetectRow, PlanView
from console.model.errors import ConsoleError, NotAllowed
from console.model.plan import Plan, PlanKind
from console.model.target import SessionGate, Target
from console.policy.planning import SidesNow, Timing, make_rollout_plan
from console.policy.preflight import obstacles, warnings

COARSE = 200
"""Measured history is rounded to so many sessions for a plan, so that a plan made again a minute later has the same hash."""

READ_S = 5.0
"""A plan waits no longer for what it reads."""

NOTHING_FOUND = "No gate counts customer sessions, so nothing is found by itself."

SESSIONS_PER_MIN = 1200 / 90
"""Taken where neither the file nor a measurement says how busy the site is: the incident's rate."""


def sides_now(live: LiveTarget) -> SidesNow:
    """Return what stands on a target as last read."""
    weights = {} if live.split.value is None else dict(live.split.value.weights)
    return SidesNow(live.stable, live.version(live.stable), live.version(live.canary), weights)


def timing_of(live: LiveTarget) -> Timing:
    """Return how long steps took when they were last run here, rounded up to tenths; whole defaults where they never ran."""
    undo_s = {name.removeprefix("undo "): _rounded(took_s, 1.0) for name, took_s in live.took_s.items() if name.startswith("undo ")}
    return Timing(_rounded(live.took_s.get("weight"), 1.0), _rounded(live.took_s.get("flag"), 1.0), 60.0, undo_s)


def history_of(live: LiveTarget, target: Target) -> dict[str, tuple[int, int]]:
    """Return stable's resolved sessions before the start by session gate, as (ok, failed); a gate without counters is left out."""
    reading = live.metrics.value
    values = {} if reading is None else reading.values.get(live.stable, {})
    found = {}
    for gate in target.gates:
        if isinstance(gate, SessionGate) and gate.ok in values and gate.failed in values:
            ok, failed = values[gate.ok], values[gate.failed]
            if 0 <= ok < 1e15 and 0 <= failed < 1e15:
                found[gate.name] = (int(ok), int(failed))
    return found


async def make_plan(live: LiveTarget, release: str, now: datetime) -> Plan:
    """Plan a release on a target as it stands now; n_pass is simulated off the loop. Raises NotAllowed when too little can be read."""
    await _read_now(live)
    _check_read(live)
    await ask_beforehand(live, [stage.weight for stage in live.target.stages])
    await read_now(live, now)
    history, needed = history_of(live, live.target), {}
    for gate in _session_gates(live.target):
        setting = setting_of(live, history.get(gate.name))
        if setting is None:
            continue
        needed[gate.name] = _by_stage(live.target, await needs(setting, min(gate.harm_to, 0.98)))
    fixed = Timing()
    return make_rollout_plan(live.target, release, sides_now(live), needed, fixed)


async def _read_now(live: LiveTarget) -> None:
    """Read weights and versions anew; where that fails, what was read last stands, with its age."""
    sides, connections = live.target.sides, live.connections
    try:
        async with asyncio.timeout(READ_S):
            split = await connections.router.split()
            versions = await asyncio.gather(*(connections.workloads.version(side) for side in sides))
    except (ConsoleError, TimeoutError):
        return
    live.split.took(split, split.at)
    live.workloads.took(dict(zip(sides, versions, strict=True)), max(version.at for version in versions))


async def view_plan(live: LiveTarget, plan: Plan, decision: Decision, now: datetime) -> PlanView:
    """Return a plan as a screen shows it, with what each stage can and cannot see."""
    history = history_of(live, live.target)
    gates = _session_gates(live.target)
    setting = setting_of(live, history.get(gates[0].name)) if gates else None
    found = list(await foresee(setting)) if setting is not None else []
    rows = tuple(
        DetectRow(int(each.weight), each.wait_min * 60, None if each.smallest is None else each.smallest * 100, each.sentence)
        for each in found
    )
    warned = (*unhealthy_words(live), *live.foreseen.warnings, *start_warnings(live), *warnings(live.target), *_unpromised(plan))
    return PlanView(
        target=live.name,
        release=plan.release,
        plan_hash=plan.hash,
        stages=stage_rows(plan, live.target.speed),
        sends=send_rows(plan.steps),
        rollback=send_rows(
            plan.rollback, back=BackRows(instructions=instructions_of(live.target), seconds=seconds_of(live, plan.rollback))
        ),
        detect=rows,
        found=f"{rows[0].sentence.partition(';')[0].rstrip('.')}." if rows else NOTHING_FOUND,
        not_seen=_not_seen(found),
        warnings=warned,
        decision=decision,
        readiness=of_plan(live, plan, now),
        no_way_back=plan.no_way_back,
        total_s=sum(stage.wait_s for stage in plan.stages) * live.target.speed + sum(each.predicted_s for each in plan.steps),
    )


def setting_of(live: LiveTarget, history: tuple[int, int] | None) -> Setting | None:
    """Return what the planner needs to know; None where no stage is judged. Rates are in real time, as the sessions come."""
    target = live.target
    stages = tuple((float(stage.weight), stage.wait_s) for stage in target.stages if stage.weight > 0)
    if not stages:
        return None
    shop_rate = target.prices.sessions_per_min if target.prices is not None and target.prices.sessions_per_min else SESSIONS_PER_MIN
    sessions = max(1, len(_session_gates(target)))
    return Setting(
        stages=stages,
        sessions_per_min=shop_rate * target.speed,
        history=_coarse(history),
        poll_s=target.metrics.interval_s if target.metrics is not None else 15.0,
        share=share_alpha(metrics=sessions),
        speed=target.speed,
    )


def start_obstacles(live: LiveTarget, *, signed: bool = False) -> tuple[str, ...]:
    """Return what forbids a start now; `signed` tells that a person signs for what cannot be taken back."""
    return (*obstacles(live.target, sides_now(live), signed=signed), *live.foreseen.obstacles, *start_problems(live))


def is_release(plan: Plan) -> bool:
    """Tell whether a plan moves the stable side when it is done."""
    return plan.kind in {PlanKind.ROLLOUT, PlanKind.SWITCH}


def _coarse(history: tuple[int, int] | None) -> History:
    if history is None or sum(history) == 0:
        return NO_HISTORY
    ok, total = history[0], sum(history)
    return History(round(ok / total * COARSE), COARSE)


def _by_stage(target: Target, found: Sequence[int | None]) -> tuple[int, ...]:
    """Return n_pass for every stage of the file; a stage without traffic judges nothing and needs nothing."""
    numbers = iter(found)
    return tuple((next(numbers) or NEVER_PASSES) if stage.weight > 0 else 0 for stage in target.stages)


def _session_gates(target: Target) -> list[SessionGate]:
    return [gate for gate in target.gates if isinstance(gate, SessionGate)]


def _check_read(live: LiveTarget) -> None:
    if live.split.value is None or not live.version(live.canary) or not live.version(live.stable):
        missing = "its router" if live.split.value is None else "the versions of its sides"
        error = live.split.error or live.workloads.error
        raise NotAllowed(
            f"{live.name} cannot be planned for: {missing} was not read yet.",
            means=error.message if error is not None else "",
            advice="Wait for the first reading, or look at its connections.",
        )


def _unpromised(plan: Plan) -> tuple[str, ...]:
    return tuple(
        f"{name} cannot be promised to be seen at all within a day: this plan will not pass by itself."
        for name, counts in (plan.needed or {}).items()
        if max(counts, default=0) >= NEVER_PASSES
    )


def _not_seen(found: list[Detectability]) -> str:
    blind = [each for each in found if each.smallest is None]
    chosen = blind[0] if blind else found[0] if found else None
    if chosen is None:
        return ""
    seen, _, missed = chosen.sentence.partition(";")
    missed = missed.strip() or seen
    return missed[:1].upper() + missed[1:]


def _rounded(seconds: float | None, default: float) -> float:
    return default if seconds is None else max(0.1, round(seconds + 0.05, 1))
