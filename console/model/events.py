"""Facts in the past tense, as the engine tells them to whoever listens."""

from dataclasses import dataclass
from datetime import datetime

from console.model.rollout import Phase, StepRow
from console.model.verbs import Verdict


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a rollout."""

    at: datetime
    target: str
    rollout: str


@dataclass(frozen=True, slots=True)
class StepSettled(Event):
    """A step was sent and is confirmed, failed or unknown."""

    row: StepRow


@dataclass(frozen=True, slots=True)
class StageEntered(Event):
    """A stage began: its weight was read back."""

    stage: int
    weight: int


@dataclass(frozen=True, slots=True)
class StageJudged(Event):
    """A gate's verdict changed."""

    stage: int
    gate: str
    verdict: Verdict
    sentence: str


@dataclass(frozen=True, slots=True)
class PhaseChanged(Event):
    """A rollout is in another phase."""

    phase: Phase
    note: str


@dataclass(frozen=True, slots=True)
class DriftSeen(Event):
    """The router's weights are not what was asked, and nobody here changed them."""

    asked: str
    seen: str


@dataclass(frozen=True, slots=True)
class MoveRefused(Event):
    """A move was refused, with the reason in words."""

    verb: str
    reason: str


@dataclass(frozen=True, slots=True)
class HolderLost(Event):
    """Nothing was heard since then of the console that drives a rollout."""

    holder: str
    since: datetime
