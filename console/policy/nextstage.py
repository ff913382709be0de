"""What becomes of the way back at the next stages of a rollout: which steps are not needed yet, and what it takes with them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from console.model.plan import Step
from console.model.readiness import Then
from console.model.target import Reversibility, Stage, Target, UndoStep
from console.policy.wayback import predicted_s


def is_needed(step: UndoStep, stage: int | None) -> bool:
    """Tell whether a declared step belongs to the way back at a stage, counted from 1; None is past all stages."""
    return stage is None or step.from_stage <= stage


def not_needed(target: Target, steps: Sequence[Step], stage: int | None) -> dict[int, float]:
    """Return no seconds for each step of a way back that its target's file needs at a later stage only, by `seq`."""
    later = {step.name for step in target.undo if not is_needed(step, stage)}
    return {each.seq: 0.0 for each in steps if each.name in later}


def earliest(stages: Sequence[Stage], stage: int, since: datetime | None) -> dict[int, datetime]:
    """Return when each later stage may open at the earliest, by its number from 1: when the waits before it are over.

    `stage` is the one that is open, `since` when it was opened; nothing is known while none is open.
    """
    found: dict[int, datetime] = {}
    if since is None or not 1 <= stage <= len(stages):
        return found
    at = since
    for number in range(stage, len(stages)):
        at += timedelta(seconds=stages[number - 1].wait_s)
        found[number + 1] = at
    return found


def next_change(target: Target, steps: Sequence[Step], seconds: Mapping[int, float], stage: int | None) -> Then | None:
    """Return what the next stage that changes the way back makes of it; None where none does. The instant is left open."""
    waiting = [step for step in target.undo if not is_needed(step, stage)]
    if not waiting:
        return None
    number = min(step.from_stage for step in waiting)
    due = [step for step in waiting if step.from_stage == number]
    name = " and ".join(step.name for step in due)
    if any(step.reversibility is Reversibility.ONE_WAY for step in due):
        return Then(name, None, stage=number)
    return Then(name, round(predicted_s(steps, {**seconds, **not_needed(target, steps, number)}), 1), stage=number)
