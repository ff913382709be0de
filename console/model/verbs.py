"""What a person or the engine can do to a target, and which way each verb moves."""

from enum import StrEnum


class Direction(StrEnum):
    """Whether a move raises exposure of a version that was not stable here, or lowers it."""

    FORWARD = "forward"
    BACKWARD = "backward"


class Verb(StrEnum):
    """Every move the console knows; `policy.direction` says which way each one goes."""

    START = "start"
    PROMOTE = "promote"
    RESUME = "resume"
    STEP_UP = "step up"
    SWITCH = "switch"
    FLAG_UP = "flag up"
    MIGRATE = "migrate"
    CONTRACT = "contract"
    RUN_PIPELINE = "run pipeline"
    RESUME_RECONCILER = "resume reconciler"
    HOLD = "hold"
    STEP_DOWN = "step down"
    ABORT = "abort"
    SWITCH_BACK = "switch back"
    ROLLBACK = "rollback"
    FLAG_KILL = "flag kill"
    UNDO = "undo"
    """A declared step of the way back: code, migration, cache, external, manual."""
    PAUSE_RECONCILER = "pause reconciler"
    UNDO_WORKLOAD = "undo workload"
    """Put a workload back on a revision that it ran before."""
    PAUSE_WORKLOAD = "pause workload"
    RESUME_WORKLOAD = "resume workload"
    RESTART_WORKLOAD = "restart workload"
    SET_IMAGE = "set image"
    RETRY_WORKLOAD = "retry workload"
    """Begin the steps of an aborted Argo Rollout again."""


ON_WORKLOADS = frozenset(
    {
        Verb.UNDO_WORKLOAD,
        Verb.PAUSE_WORKLOAD,
        Verb.RESUME_WORKLOAD,
        Verb.RESTART_WORKLOAD,
        Verb.SET_IMAGE,
        Verb.RETRY_WORKLOAD,
    }
)
"""Verbs that act on one Deployment or Rollout of a target, beside its traffic."""


class Verdict(StrEnum):
    """What the judge says of a gate; only PASS advances a rollout."""

    PASS = "pass"  # noqa: S105
    WATCHING = "watching"
    NO_DATA = "no data"
    STALE = "stale"
    BLIND = "blind"
    MISCONFIGURED = "misconfigured"
    FAIL = "fail"


class State(StrEnum):
    """The sixteen states that a screen can show, each with a mark of its own."""

    HEALTHY = "healthy"
    WATCHING = "watching"
    NO_DATA = "no_data"
    STALE = "stale"
    BLIND = "blind"
    MISCONFIGURED = "misconfigured"
    FAILED = "failed"
    FROZEN = "frozen"
    HELD = "held"
    ROLLING_BACK = "rolling_back"
    UNKNOWN = "unknown_outcome"
    DRIFT = "drift"
    IN_ROLLOUT = "in_rollout"
    HANGING = "hanging"
    WAIVED = "waived"
    PLANNED = "planned"


STATE_OF_VERDICT = {
    Verdict.PASS: State.HEALTHY,
    Verdict.WATCHING: State.WATCHING,
    Verdict.NO_DATA: State.NO_DATA,
    Verdict.STALE: State.STALE,
    Verdict.BLIND: State.BLIND,
    Verdict.MISCONFIGURED: State.MISCONFIGURED,
    Verdict.FAIL: State.FAILED,
}
