"""Whether the way back is open: a light with its reasons, predicted seconds, and the rehearsal that measured them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Light(StrEnum):
    """What the readiness light shows."""

    READY = "ready"
    CLOSING = "closing"
    """Still open, but something is missing or runs out."""
    SHUT = "shut"
    """Past the point of no return: hold is what is left."""
    UNKNOWN = "unknown"
    """Something that decides could not be read."""


@dataclass(frozen=True, slots=True)
class ReadyItem:
    """One reason: what was looked at, its light, a sentence, and when it was read."""

    name: str
    light: Light
    sentence: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A rollback that was run for practice: `predicted_s` before it, `took_s` as measured, each step's seconds by name."""

    at: datetime
    predicted_s: float
    took_s: float
    steps: Mapping[str, float] = field(default_factory=dict)
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Then:
    """What the way back is after the next thing that changes it: `name` says what does.

    `predicted_s` is how long it takes then; None means that hold is what is left. `at` is when, at the earliest, where that is known.
    `stage` is the number, from 1, of the stage whose opening does it; 0 where time alone does.
    """

    name: str
    predicted_s: float | None
    at: datetime | None = None
    stage: int = 0


@dataclass(frozen=True, slots=True)
class Readiness:
    """The light over a target's way back; the worst item comes first.

    `closes_at` is when it shuts, or takes as long as `then` says, where that is known.
    """

    light: Light
    items: tuple[ReadyItem, ...]
    predicted_s: float
    at: datetime
    closes_at: datetime | None = None
    rehearsal: Rehearsal | None = None
    then: Then | None = None
