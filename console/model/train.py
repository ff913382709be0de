"""A train: the rollouts of several targets as one release, in the order of what they wait for."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from console.model.plan import Plan
from console.model.rollout import Actor


class Until(StrEnum):
    """When those that wait for a member may start."""

    DONE = "done"
    """Its rollout is done, its bake included: what is meant where a file says nothing."""
    GATE = "gate"
    """Its last gated stage before the bake has passed; it goes on while the next one starts."""


@dataclass(frozen=True, slots=True)
class Member:
    """One service of a train: the release of one target, started once every target in `after` has come as far as its `until` says."""

    target: str
    version: str
    after: tuple[str, ...] = ()
    until: Until = Until.DONE


class TrainPhase(StrEnum):
    """Where a train stands; the last two are its ends."""

    RUNNING = "running"
    HELD = "held"
    """No member starts: a person held all, or a start was refused; the note says why."""
    GOING_BACK = "going back"
    """What started is taken back, in reverse order."""
    STOPPED = "rollback stopped"
    """Everything that could go back did or stands stopped: a person chooses at the member that the note names."""
    DONE = "done"
    ROLLED_BACK = "rolled back"

    @property
    def over(self) -> bool:
        """Tell whether nothing more happens by itself; a train that is done can still be taken back."""
        return self in {TrainPhase.DONE, TrainPhase.ROLLED_BACK}


class MemberState(StrEnum):
    """How a member stands, told by the rollouts of its target alone."""

    WAITING = "waiting"
    UNDER_WAY = "under way"
    STUCK = "held"
    """Its rollout is held, failed a gate, or has a step whose effect is not known."""
    PASSED = "passed its gates"
    DONE = "done"
    GOING_BACK = "going back"
    BACK_STOPPED = "rollback stopped"
    BACK = "back on stable"
    LEFT = "has a newer release"
    """A later release went forward on its target: it is no more this train's to take back."""


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """What a train will do: its members in a valid order. `signs_no_way_back` says that a person signed for what cannot be taken back."""

    name: str
    members: tuple[Member, ...]
    signs_no_way_back: bool = False

    def text(self) -> str:
        """Return the plan as JSON with sorted keys; equal plans give equal text."""
        members = [{"target": m.target, "version": m.version, "after": list(m.after), "until": m.until.value} for m in self.members]
        whole = {"name": self.name, "members": members, "signs_no_way_back": self.signs_no_way_back}
        return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def member(self, target: str) -> Member:
        """Return the member on a target. Raises KeyError."""
        for each in self.members:
            if each.target == target:
                return each
        raise KeyError(target)


def train_hash(plan: TrainPlan, plans: Mapping[str, str]) -> str:
    """Return the SHA-256 of a train's plan with the hash of each member's plan: what is approved when it starts."""
    whole = json.dumps([plan.text(), sorted(plans.items())], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Train:
    """A train on its way. `revision` is compared and raised at each change (I3); `driver` starts what comes next.

    `plans` is each member's plan as it was approved, by target; `rollouts` the rollout of each that has started; `held` the rollouts that
    were held together with the train, to go on with it.
    """

    id: str
    plan: TrainPlan
    plans: Mapping[str, Plan]
    phase: TrainPhase
    revision: int
    driver: Actor
    started_by: Actor
    reason: str
    started_at: datetime
    rollouts: Mapping[str, str] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    note: str = ""
    ended_at: datetime | None = None

    @property
    def hash(self) -> str:
        """Return the hash of the train's plan and its members' plans."""
        return train_hash(self.plan, {target: plan.hash for target, plan in self.plans.items()})
