"""Plans of their own for the way back, for when no rollout is on its way; kept in memory where they cannot be recorded."""

import uuid
from dataclasses import replace

from console.engine.asking import goes_back_to
from console.engine.gates import GateWatch
from console.engine.parts import Parts
from console.engine.planning import sides_now, timing_of
from console.engine.state import LiveRollout, LiveTarget
from console.model.commands import Command
from console.model.errors import StoreError
from console.model.plan import Plan
from console.model.rollout import Phase, Rollout
from console.model.systems import Side
from console.model.verbs import Verb
from console.policy.planning import make_rollback_plan, make_switch_plan


async def open_way_back(parts: Parts, live: LiveTarget, command: Command) -> tuple[LiveRollout, Side]:
    """Open the way back to stable, or to the version before a finished release; returns the side that is stable then, "" if unchanged."""
    sides, back_to = sides_now(live), goes_back_to(live)
    if command.verb is Verb.ROLLBACK and back_to:
        sides = replace(sides, stable=back_to, stable_version=sides.canary_version, canary_version=sides.stable_version)
    if command.verb is Verb.ROLLBACK:
        plan = make_rollback_plan(live.target, sides, timing_of(live))
    else:
        plan = make_switch_plan(live.target, sides, sides.stable, timing_of(live))
    return await opened(parts, live, plan, command), sides.stable if sides.stable != live.stable else ""


async def opened(parts: Parts, live: LiveTarget, plan: Plan, command: Command) -> LiveRollout:
    """Open a rollout for a backward plan; when it cannot be recorded it is kept in memory, and the screen says so."""
    now, problem = parts.around.clock.now(), ""
    try:
        rollout = await parts.around.store.journal.open(plan, command.actor, command.reason, now)
    except StoreError as error:
        problem = error.message
        rollout = Rollout(f"R-unrecorded-{uuid.uuid4().hex[:6]}", plan, Phase.PLANNED, 0, 0, command.actor, command.reason, now)
    record = LiveRollout(rollout, GateWatch(plan, 15.0, None, now), in_memory=bool(problem), unrecorded=problem)
    parts.keep(live, record)
    return record
