"""What is known when somebody asks whether a move may happen."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from console.model.freeze import FreezeState
from console.model.rollout import Actor, Lease, Phase
from console.model.systems import Side
from console.model.verbs import Direction, Verb
from console.model.views import QuarantineView
from console.policy.clocks import NO_SKEW, ClockSkew
from console.policy.direction import direction
from console.policy.permit import Permit


class SystemSeen(StrEnum):
    """Whether the system at the target's address is the one that was pinned (I11)."""

    SAME = "same"
    NOT_PINNED = "not pinned"
    UNREADABLE = "unreadable"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class TargetNow:
    """A target as it stands: `weight` is the trial side's, None when it was not read.

    `trusted` is also True where the file declares no commands. `can_go_back` says that the other side holds a version that was stable here
    within its retention, so that a rollback has somewhere to go although all traffic is on stable. `flag_on` None: not known.
    """

    name: str
    armed: bool
    trusted: bool = True
    stable: Side = ""
    weight: float | None = None
    can_go_back: bool = False
    has_flag: bool = False
    flag_on: bool | None = None
    seen: SystemSeen = SystemSeen.SAME
    quarantined: tuple[QuarantineView, ...] = ()
    """Versions that may not go forward here, and what is paused for them."""
    losses: tuple[str, ...] = ()
    """One-way steps that are past, by what was read just now, each with what going back would lose."""


@dataclass(frozen=True, slots=True)
class RolloutNow:
    """The rollout that the move belongs to or would meet; `token` is the fencing token that the asker holds, None when it holds none.

    `away` says that the asker's console was away while it drove, until a person has read that. `counts_down` is a way back that comes by
    itself, so that there is something to hold.
    """

    id: str
    phase: Phase
    plan_hash: str = ""
    lease: Lease | None = None
    token: int | None = None
    away: str = ""
    counts_down: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A move that somebody wants to make.

    `side` is where a switch goes. `weight` is the trial side's share wanted. `plan_hash` is the plan asked for. `in_plan` marks a step of
    the rollout that is on its way, as opposed to a person's command. `recordable` False: the records cannot be written. `skew` is of the
    clocks. `identity_confirmed` is a person's answer that a system that looks different is right (backward only). `obstacles` are the
    preflight's findings that forbid a start. `zone` is the reader's, for times in words;
    left out, the freeze window's own.
    """

    verb: Verb
    target: TargetNow
    actor: Actor
    at: datetime
    freeze: FreezeState
    rollout: RolloutNow | None = None
    side: Side = ""
    weight: int | None = None
    plan_hash: str = ""
    in_plan: bool = False
    permits: tuple[Permit, ...] = ()
    recordable: bool = True
    unsigned: str = ""
    """Why the move cannot be recorded with a signature where it must be, in words."""
    skew: ClockSkew = field(default=NO_SKEW)
    identity_confirmed: bool = False
    obstacles: tuple[str, ...] = ()
    zone: str = ""
    versions: tuple[str, ...] = ()
    """The version and the release that the move would bring forward."""
    loss_confirmed: bool = False
    """A person was told what going back would lose, and asks again."""
    cannot: str = ""
    """Why the verb cannot act on the workload that it names, in words: nothing to do there, or our account may not."""

    @property
    def direction(self) -> Direction:
        """Return which way the move goes."""
        return direction(self.verb, side=self.side, stable=self.target.stable, bad=self.bad is not None)

    @property
    def bad(self) -> QuarantineView | None:
        """Return the quarantine of a version that the move would bring, None where there is none."""
        return next((row for row in self.target.quarantined if not row.lifted and row.version in self.versions), None)
