"""What a person asks the engine to do, and what the engine answers."""

from dataclasses import dataclass

from console.model.rollout import Actor
from console.model.verbs import Verb


@dataclass(frozen=True, slots=True)
class OnWorkload:
    """The workload that a verb acts on, with what that verb needs besides: an image for a container, or the revision to go back to.

    An empty `container` is the only one; revision 0 is the one before.
    """

    name: str
    image: str = ""
    container: str = ""
    revision: int = 0
    seen: str = ""
    """The pod template's digest that the person looked at: where it is another one by now, nothing goes forward."""


@dataclass(frozen=True, slots=True)
class Command:
    """A verb with what it acts on. `rollout` for verbs on a running rollout; `side` for switches; `release` and `plan_hash` for a start."""

    verb: Verb
    target: str
    actor: Actor
    reason: str = ""
    rollout: str = ""
    release: str = ""
    plan_hash: str = ""
    side: str = ""
    weight: int | None = None
    signs_no_way_back: bool = False
    """The actor signs, with the reason, that what the plan names cannot be taken back."""
    train: str = ""
    """The train whose member is started."""
    workload: OnWorkload | None = None
    """What a verb on a workload acts on."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a move may happen, with the reasons in words; the first reason is the one to show.

    `allowed_instead` says what would be allowed. `cannot_act` marks a verb that has nothing to act on, as opposed to one refused.
    """

    allowed: bool
    reasons: tuple[str, ...] = ()
    allowed_instead: str = ""
    cannot_act: bool = False
    asks: bool = False
    """Asked for again, the move goes: the reasons are what the person has to have read first."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command: `decision` by the policy, and the rollout that it started or moved."""

    decision: Decision
    rollout: str = ""
    detail: str = ""
