"""Which weight a step down goes to: one answer for what is shown, previewed and sent."""

from console.engine.state import LiveRollout, LiveTarget
from console.policy.planning import step_down_weight


def known_weight(live: LiveTarget, record: LiveRollout) -> float:
    """Return the canary's weight as read back, at most the one last asked; the one asked where nothing was read."""
    rollout, split = record.rollout, live.split.value
    asked = float(rollout.asked_weight)
    return asked if split is None else min(asked, split.weights.get(rollout.plan.canary, asked))


def lower_weight(live: LiveTarget, record: LiveRollout) -> int:
    """Return the next lower weight of the plan; never one above what was asked, also where nothing was read."""
    return step_down_weight(record.rollout.plan.stages, known_weight(live, record))
