"""What we read from outside systems, each reading with the instant at which it was true."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from console.model.systems import Side


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answered: `fingerprint` stays the same over a restart of the same system, `incarnation` changes with each restart or reload."""

    fingerprint: str
    incarnation: str


@dataclass(frozen=True, slots=True)
class Split:
    """The weights that the router's configuration says now, in per cent of traffic; `at` is when they were read.

    Weights may fail to add up to 100 when somebody or a half-applied change left them so. `note` is what else the router said.
    """

    weights: Mapping[Side, float]
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class SplitChange:
    """Absolute weights wanted, in per cent, with the step's id as idempotency key where the system takes one.

    `backward` lets a router choose its safest order: raise stable first, and still lower the canary when the raise fails.
    """

    weights: Mapping[Side, int]
    key: str
    backward: bool


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """Requests (or sessions) that each side has been given so far, monotone while the router lives."""

    counts: Mapping[Side, float]
    at: datetime


@dataclass(frozen=True, slots=True)
class MetricNames:
    """Which metrics are read, by the names that the target's file has for them, and what for.

    `counters` only grow, `values` count as they stand last, `histograms` have buckets. Gates rest on those in `judged`. `pairs` are
    counters of one process: when one of two began again, so did the other.
    """

    counters: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    histograms: tuple[str, ...] = ()
    judged: frozenset[str] = frozenset()
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MetricReading:
    """All samples of each side by metric name (labels summed), and histogram buckets by name as (upper edge, cumulative count).

    `at` is when the newest of the numbers were true.
    """

    values: Mapping[Side, Mapping[str, float]]
    buckets: Mapping[Side, Mapping[str, tuple[tuple[float, float], ...]]]
    at: datetime
    query: str
    errors: Mapping[Side, str]
    """Sides that could not be read, with the reason in words; such a side is absent from `values`."""
    since: Mapping[Side, datetime] = field(default_factory=dict)
    """When the numbers of a side were true, where that is not `at`."""
    notes: tuple[str, ...] = ()
    """What else the source said, in words: warnings, counters that began again."""

    def at_of(self, side: Side) -> datetime:
        """Return when the numbers of a side were true."""
        return self.since.get(side, self.at)


@dataclass(frozen=True, slots=True)
class FlagState:
    """A flag as its service says it is; `in_effect` tells whether those who evaluate it have seen it so, None where nobody can tell.

    `note` is what else the service said: who changed it last, and what the percentage does not tell.
    """

    name: str
    on: bool
    percent: float
    in_effect: bool | None
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class UndoState:
    """Whether a declared step is done, as its system says now; `detail` in words.

    `since` is when it became so, `until` when it ceases to be so, where that is told.
    """

    done: bool
    at: datetime
    detail: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SideVersion:
    """Which version a side runs, and whether it says it is healthy."""

    version: str
    healthy: bool
    at: datetime
    detail: str = ""
    """Why it is not healthy, in words."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a router's system says beforehand of weights that are still to be asked for, in words."""

    obstacles: tuple[str, ...] = ()
    """What would be refused, or could not take effect."""
    warnings: tuple[str, ...] = ()
    """What a person should know."""


@dataclass(frozen=True, slots=True)
class PipelineStageRun:
    """One stage of a run: `state` is planned, waiting (for a person), running, passed, skipped, failed or cancelled.

    `exit_code` is None until it ended, and where the system tells none. `link` is its page there. `gate` names what a person may approve
    so that a waiting stage goes on; it is empty where nothing waits, and where it cannot be approved from here.
    """

    name: str
    state: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    lines: int = 0
    link: str = ""
    gate: str = ""


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """A run of a pipeline; `state` is running, passed, failed or cancelled.

    `reason` says why it failed or was cancelled, and where. `link` is its page in the system that runs it. `note` says what it waits for
    now, or what keeps it from being read.
    """

    id: str
    version: str
    state: str
    stages: tuple[PipelineStageRun, ...]
    reason: str = ""
    link: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class RunChange:
    """A change that a run builds: its revision, who wrote it, the first line of what they said, and its page where it has one."""

    revision: str
    author: str
    title: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a pipeline stage printed, cleaned of control characters and cut at a bound."""

    stage: str
    number: int
    text: str
    at: datetime
