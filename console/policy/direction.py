"""The one table of verbs with the way each one moves."""

from collections.abc import Mapping
from types import MappingProxyType

from console.model.systems import Side
from console.model.verbs import Direction, Verb

DIRECTIONS: Mapping[Verb, Direction | None] = MappingProxyType(
    {
        Verb.START: Direction.FORWARD,
        Verb.PROMOTE: Direction.FORWARD,
        Verb.RESUME: Direction.FORWARD,
        Verb.STEP_UP: Direction.FORWARD,
        Verb.SWITCH: None,
        Verb.FLAG_UP: Direction.FORWARD,
        Verb.MIGRATE: Direction.FORWARD,
        Verb.CONTRACT: Direction.FORWARD,
        Verb.RUN_PIPELINE: Direction.FORWARD,
        Verb.RESUME_RECONCILER: Direction.FORWARD,
        Verb.HOLD: Direction.BACKWARD,
        Verb.STEP_DOWN: Direction.BACKWARD,
        Verb.ABORT: Direction.BACKWARD,
        Verb.SWITCH_BACK: Direction.BACKWARD,
        Verb.ROLLBACK: Direction.BACKWARD,
        Verb.FLAG_KILL: Direction.BACKWARD,
        Verb.UNDO: Direction.BACKWARD,
        Verb.PAUSE_RECONCILER: Direction.BACKWARD,
    }
)
"""Every verb with its direction; None where the side that it moves to decides."""


def direction(verb: Verb, *, side: Side = "", stable: Side = "") -> Direction:
    """Return which way a verb moves; a switch to the stable side is backward, to any other side (or to one unknown) forward."""
    listed = DIRECTIONS[verb]
    if listed is not None:
        return listed
    return Direction.BACKWARD if side and side == stable else Direction.FORWARD
