"""A plan on its way: where it stands, what was sent, and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from console.model.plan import Plan, Step
from console.model.verbs import Direction


class Phase(StrEnum):
    """Where a rollout stands. The last three absorb: no forward step follows them without a new plan."""

    PLANNED = "planned"
    RUNNING = "running"
    HELD = "held"
    STOPPED = "stopped"
    """A gate failed: forward is over, traffic goes back after the countdown or at a click."""
    UNKNOWN = "unknown"
    """A step was sent and its effect is not known; a person chooses resume or roll back after the read-back."""
    ABORTING = "aborting"
    """Going back; the holder stops, anyone with the role may drive it."""
    BACK_STOPPED = "rollback stopped"
    """The way back stopped at a step that failed, is not known or waits for a person: retry, skip with a reason, sign, or stop."""
    DONE = "done"
    ROLLED_BACK = "rolled back"
    ABORTED = "aborted"

    @property
    def over(self) -> bool:
        """Tell whether nothing more will happen in this rollout."""
        return self in {Phase.DONE, Phase.ROLLED_BACK, Phase.ABORTED}

    @property
    def forward_closed(self) -> bool:
        """Tell whether no forward step may follow (I4)."""
        return self.absorbs or self is Phase.STOPPED

    @property
    def absorbs(self) -> bool:
        """Tell whether it goes back or is over, so that nothing holds, stops or counts down in it any more."""
        return self.over or self in {Phase.ABORTING, Phase.BACK_STOPPED}


class StepState(StrEnum):
    """What is known of a step; a step is never lost: it is planned, sent, confirmed, failed or unknown."""

    PLANNED = "planned"
    SENT = "sent"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    """A person passed over a step of the way back, with a reason."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as recorded: `name` a person (or "engine"), `console` the process, as host:pid:mark."""

    name: str
    console: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """A plan on its way. `revision` is compared and raised at each change (I3). `token` is the wheel's fencing token it runs under.

    `stage` is -1 before the first stage. `asked_weight` is the canary's weight last asked. `auto_back_at` is when traffic returns by
    itself after a fail. `history` is the baseline before the start, as (ok, failed) by session gate.
    """

    id: str
    plan: Plan
    phase: Phase
    revision: int
    token: int
    started_by: Actor
    reason: str
    started_at: datetime
    stage: int = -1
    stage_since: datetime | None = None
    asked_weight: int = 0
    note: str = ""
    auto_back_at: datetime | None = None
    ended_at: datetime | None = None
    history: Mapping[str, tuple[int, int]] | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step as the journal knows it; `id` is the idempotency key. `recorded` is `journal`, `emergency` or `not recorded`."""

    id: str
    rollout: str
    step: Step
    state: StepState
    actor: Actor
    sent_at: datetime
    accepted_at: datetime | None = None
    read_back_at: datetime | None = None
    seen: Mapping[str, Any] | None = None
    detail: str = ""
    recorded: str = "journal"


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be done, recorded before it is done (I1). `token` is required for forward steps."""

    rollout: Rollout
    step: Step
    step_id: str
    actor: Actor
    reason: str
    token: int | None
    at: datetime

    @property
    def backward(self) -> bool:
        """Tell whether this step lowers exposure."""
        return self.step.direction is Direction.BACKWARD


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step: `state` is CONFIRMED, FAILED, UNKNOWN or SKIPPED; `seen` is the state read back, in the shape of `want`."""

    step_id: str
    state: StepState
    at: datetime
    accepted_at: datetime | None = None
    read_back_at: datetime | None = None
    seen: Mapping[str, Any] | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """The wheel of a rollout: who drives it, under which token, until when by the store's clock; `renewed_at` is the last renewal."""

    rollout: str
    holder: Actor
    token: int
    renewed_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class GateSample:
    """Increments of resolved sessions since the sample before, kept so that the judge can be rebuilt after a restart."""

    rollout: str
    gate: str
    at: datetime
    weight: int
    baseline_ok: int
    baseline_failed: int
    canary_ok: int
    canary_failed: int
