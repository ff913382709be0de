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
        Verb.UNDO_WORKLOAD: Direction.BACKWARD,
        Verb.PAUSE_WORKLOAD: Direction.BACKWARD,
        Verb.RESUME_WORKLOAD: Direction.FORWARD,
        Verb.RESTART_WORKLOAD: Direction.FORWARD,
        Verb.SET_IMAGE: Direction.FORWARD,
        Verb.RETRY_WORKLOAD: Direction.FORWARD,
    }
)
"""Every verb with its direction; None where the side that it moves to decides."""


def direction(verb: Verb, *, side: Side = "", stable: Side = "", bad: bool = False) -> Direction:
    """Return which way a verb moves; a switch to the stable side is backward, to any other side (or to one unknown) forward.

    `bad` says that the version it leads to is quarantined: an undo to that one is no way back, however long it ran before.
    """
    listed = DIRECTIONS[verb]
    if bad and verb is Verb.UNDO_WORKLOAD:
        return Direction.FORWARD
    if listed is not None:
        return listed
    return Direction.BACKWARD if side and side == stable else Direction.FORWARD
