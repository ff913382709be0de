"""Reads what decides whether the way back is open, and gathers it for the policy's light."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from console.engine import systems
from console.engine.schema import ready_items
from console.engine.state import LiveRollout, LiveTarget, Seen
from console.model.errors import ConsoleError, Unreachable
from console.model.plan import Plan, Step
from console.model.ports import Undo
from console.model.readiness import Readiness
from console.model.readings import UndoState
from console.model.rollout import Phase, StepRow, StepState
from console.model.systems import Side
from console.model.target import Environment, Reversibility, Target
from console.model.verbs import Direction
from console.policy.nextstage import earliest, not_needed
from console.policy.planning import rollback_steps
from console.policy.readiness import Look, Standing, losses, readiness

READY_S = 2.0
"""How often what decides about the way back is read."""

OLD_S = 10.0
"""A reading that is older counts as none."""

LOOK_S = 4.0
"""No reading waits longer for its answer."""


def watched(live: LiveTarget) -> Mapping[str, Undo]:
    """Return the connections whose answers decide about the way back: checks, snapshots and one-way steps."""
    one_way = {step.name for step in live.target.undo if step.reversibility is Reversibility.ONE_WAY}
    return {name: undo for name, undo in live.connections.undo.items() if name in one_way or name.startswith(("ready ", "snapshot "))}


async def read(live: LiveTarget, now: datetime) -> None:
    """Read all of them, side by side; what cannot be read is kept as an error beside the last reading."""
    await asyncio.gather(*(_read_one(live.look(name), undo, now) for name, undo in watched(live).items()))


async def _read_one(seen: Seen[UndoState], undo: Undo, now: datetime) -> None:
    try:
        async with asyncio.timeout(LOOK_S):
            state = await undo.look()
    except TimeoutError:
        seen.missed(Unreachable(f"No answer in {LOOK_S:g} s.", sent=False), now)
    except ConsoleError as error:
        seen.missed(error, now)
    else:
        seen.took(state, state.at)


@dataclass(frozen=True, slots=True)
class _Back:
    """A way back: to which side and version, by what steps, at which stage of a rollout, and when its later stages open."""

    side: Side
    version: str
    steps: Sequence[Step]
    stage: int | None = None
    opens: Mapping[int, datetime] = field(default_factory=dict)


def readiness_of(live: LiveTarget, record: LiveRollout | None, now: datetime) -> Readiness:
    """Return the light over the way back of a rollout under way, or of the target as it stands."""
    if record is not None:
        plan = record.rollout.plan
        return _light(live, _Back(plan.stable, plan.stable_version, plan.rollback or plan.steps, stage_number(record), _opens(record)), now)
    done = live.last_done
    if done is not None and live.stable == done.plan.canary and live.stable != done.plan.stable:
        return _light(live, _Back(done.plan.stable, done.plan.stable_version, rollback_steps(live.target, done.plan.stable)), now)
    return _light(live, _Back(live.stable, "", rollback_steps(live.target, live.stable)), now)


def of_plan(live: LiveTarget, plan: Plan, now: datetime) -> Readiness:
    """Return the light over the way back of a plan that has not begun."""
    return _light(live, _Back(plan.stable, plan.stable_version, plan.rollback, 0 if plan.stages else None), now)


def stage_number(record: LiveRollout | None) -> int | None:
    """Return the number, from 1, of the stage that a rollout stands in, 0 before the first; None where no stage comes any more."""
    if record is None or record.rollout.phase.over or not record.rollout.plan.stages:
        return None
    return record.rollout.stage + 1


def losses_now(live: LiveTarget, now: datetime) -> tuple[str, ...]:
    """Return what going back would lose, by one-way steps that were just read to be past."""
    return losses(live.target, _looks(live, now))


def can_rehearse(target: Target, *, practice: bool) -> bool:
    """Tell whether the way back may be run for practice."""
    return target.rehearse or practice or target.environment is Environment.PRACTICE


def measured(live: LiveTarget) -> Mapping[str, float]:
    """Return how long declared steps and pauses took when they last ran, by the names that `Timing` wants."""
    return {name.removeprefix("undo "): took_s for name, took_s in live.took_s.items() if name.startswith("undo ")}


def learn(live: LiveTarget, rows: Sequence[StepRow]) -> None:
    """Take up from recorded steps how long each took; what was done already measures nothing."""
    for row in rows:
        if row.state is StepState.CONFIRMED and row.accepted_at is not None and row.read_back_at is not None:
            live.took_s[systems.clock_name(row.step)] = max(0.0, (row.read_back_at - row.sent_at).total_seconds())


def seconds_now(live: LiveTarget, record: LiveRollout | None, steps: Sequence[Step]) -> dict[int, float]:
    """Return what each step of a way back takes where that is another number than the plan's: as measured, none where not needed yet."""
    return {**seconds_of(live, steps), **not_needed(live.target, steps, stage_number(record))}


def seconds_of(live: LiveTarget, steps: Sequence[Step]) -> dict[int, float]:
    """Return what was measured of a way back's steps, by `seq`."""
    return {each.seq: live.took_s[systems.clock_name(each)] for each in steps if systems.clock_name(each) in live.took_s}


def _opens(record: LiveRollout) -> Mapping[int, datetime]:
    """Return when each later stage opens at the earliest; nothing is known of a rollout that does not go on by itself."""
    rollout = record.rollout
    return earliest(rollout.plan.stages, rollout.stage + 1, rollout.stage_since) if rollout.phase is Phase.RUNNING else {}


def _light(live: LiveTarget, way: _Back, now: datetime) -> Readiness:
    back = [each for each in way.steps if each.direction is Direction.BACKWARD]
    old = (live.workloads.value or {}).get(way.side)
    problem = ""
    if old is None or (now - old.at).total_seconds() > OLD_S:
        error = live.workloads.error
        problem = error.message.rstrip(".") if error is not None else "not read yet" if old is None else "not read for a while"
    standing = Standing(
        now=now,
        wanted_version=way.version,
        old=old,
        old_problem=problem,
        looks=_looks(live, now),
        rehearsal=live.rehearsal,
        can_rehearse=live.target.rehearse,
        more=ready_items(live, now),
        seconds=seconds_of(live, back),
        stage=way.stage,
        opens=way.opens,
    )
    return readiness(live.target, back, standing)


def _looks(live: LiveTarget, now: datetime) -> dict[str, Look]:
    return {name: Look(seen.value, _problem(seen, now)) for name, seen in live.looks.items()}


def _problem(seen: Seen[UndoState], now: datetime) -> str:
    if seen.error is not None:
        return seen.error.message
    return "not read for a while" if seen.value is not None and (now - seen.value.at).total_seconds() > OLD_S else ""
