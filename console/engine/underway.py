"""Whether another console is still sending a step."""

from console.engine.parts import Parts
from console.model.rollout import StepRow, StepState

LONGEST_S = 60.0
"""So long may a console that is not known to be gone be sending a step with a short deadline; after that it is read back by another one."""


def elsewhere(parts: Parts, row: StepRow) -> bool:
    """Tell whether another console may still be sending a step, and then settles it itself.

    The token that a way back raises keeps that console from sending more; it does not take back what is on the wire.
    """
    around = parts.around
    if row.state is not StepState.SENT or row.actor.console == around.actor.console or not parts.alive(row.actor):
        return False
    return (around.clock.now() - row.sent_at).total_seconds() < longest_s(row)


def longest_s(row: StepRow) -> float:
    """Return how long a step may be under way."""
    return max(LONGEST_S, 2 * row.step.deadline_s)
