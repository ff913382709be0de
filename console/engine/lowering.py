"""Which weight a step down goes to: one answer for what is shown, previewed and sent."""

from console.engine.state import LiveRollout, LiveTarget
from console.engine.systems import NEAR
from console.policy.planning import step_down_weight


def known_weight(live: LiveTarget, record: LiveRollout) -> float:
    """Return the canary's weight as read back, at most the one last asked; the one asked where nothing was read."""
    rollout, split = record.rollout, live.split.value
    asked = float(rollout.asked_weight)
    return asked if split is None else min(asked, split.weights.get(rollout.plan.canary, asked))


def read_weight(live: LiveTarget, record: LiveRollout) -> float | None:
    """Return the canary's weight as it was last read; None where it was not."""
    split = live.split.value
    return None if split is None else split.weights.get(record.rollout.plan.canary)


def lowered_since(live: LiveTarget, record: LiveRollout, seen: float | None) -> str:
    """Return in words that the canary's weight is lower than it was when a person asked, and so saw; "" when it is not."""
    now = read_weight(live, record)
    if seen is None or now is None or now > seen - NEAR:
        return ""
    canary = record.rollout.plan.canary
    return f"Somebody else set {canary} from {seen:g} % to {now:g} % while this was asked; nothing was sent."


def lower_weight(live: LiveTarget, record: LiveRollout) -> int:
    """Return the next lower weight of the plan; never one above what was asked, also where nothing was read."""
    return step_down_weight(record.rollout.plan.stages, known_weight(live, record))
