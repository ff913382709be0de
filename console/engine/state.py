"""What the engine knows of each target and rollout now; only the engine's loop touches it."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from console.engine.by import By
from console.engine.gates import GateWatch, Judged
from console.engine.rings import Charts, Rate, Requests
from console.model.alerts import AlertsNow, Silence
from console.model.database import SchemaState
from console.model.errors import ConsoleError
from console.model.freeze import FreezeState, TrafficNow
from console.model.ports import Connections
from console.model.readiness import Rehearsal
from console.model.readings import (
    FlagState,
    Foreseen,
    Identity,
    LogLine,
    MetricReading,
    PipelineRun,
    RunChange,
    SideVersion,
    Split,
    UndoState,
)
from console.model.rollout import Actor, Lease, Rollout, StepRow
from console.model.stores import Handover, RolloutChange, TargetRow
from console.model.systems import Side
from console.model.target import Target
from console.model.views import AbsenceView, Fact, Marker, QuarantineView, UnknownView
from console.model.workloads import WorkloadsNow

T = TypeVar("T")

LOG_LINES = 400
MARKERS = 100
NEVER_READ = Fact(None, None)
OPEN = FreezeState(frozen=False)


@dataclass(slots=True)
class Seen(Generic[T]):
    """The newest reading of one of a target's systems, and the error since, if any."""

    value: T | None = None
    at: datetime | None = None
    error: ConsoleError | None = None
    error_since: datetime | None = None
    failures: int = 0

    def took(self, value: T, at: datetime) -> None:
        """Keep a reading."""
        self.value, self.at = value, at
        self.error = self.error_since = None
        self.failures = 0

    def missed(self, error: ConsoleError, at: datetime) -> None:
        """Keep an error beside the last reading."""
        self.error_since = self.error_since or at
        self.error = error
        self.failures += 1


@dataclass(slots=True)
class Quiet:
    """The silence of alerts for a rollout.

    `held` once it was accepted, `failed` when it was told that it was not, `ending` once its end was asked for.
    """

    rollout: str
    held: Silence | None = None
    failed: bool = False
    ending: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """A holder of whom nothing was heard since."""

    holder: Actor
    since: datetime


@dataclass(slots=True)
class LiveRollout:
    """A rollout as this process knows it. `lease` is the wheel as last seen; `mine` says that this process drives."""

    rollout: Rollout
    gates: GateWatch
    rows: dict[str, StepRow] = field(default_factory=dict)
    judged: dict[str, Judged] = field(default_factory=dict)
    lease: Lease | None = None
    mine: bool = False
    last_lease: Lease | None = None
    """The newest lease that was seen, run out or not: who drove last."""
    held_token: int | None = None
    """The last token under which this process drove."""
    adopted: bool = False
    """This process took the wheel by itself, to watch what a lost driver left; a person may have it for the asking."""
    stays: bool = False
    """This command stays at its terminal until the rollout is over, and watches it although somebody else held it."""
    lost: Lost | None = None
    """Whose console was lost while it drove, until somebody drives again."""
    asked_seq: int = 0
    """The newest request for the wheel that was answered here."""
    counted: Lost | None = None
    """The loss for which a countdown to stable was begun here."""
    leaving: tuple[str, str] | None = None
    """The wheel is being handed over: the note, and to whom."""
    handover: Handover | None = None
    """How the wheel was let go last."""
    absence: AbsenceView | None = None
    """This console was away while it drove; until a person has read it, nothing goes forward from here."""
    judged_until: datetime | None = None
    """The newest sample of another console that was given to the judge here."""
    pipeline: PipelineRun | None = None
    changes: tuple[RunChange, ...] = ()
    """What the pipeline's run builds, where its system tells."""
    log: deque[LogLine] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    markers: deque[Marker] = field(default_factory=lambda: deque(maxlen=MARKERS))
    unknowns: dict[str, UnknownView] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    promote: bool = False
    """A person asked for the next stage now."""
    epoch: int = 0
    """Raised by every backward move, so that a forward step under way sends nothing more."""
    going_back: bool = False
    """A move that ends the rollout is under way or over."""
    assert_from: dict[str, float] | None = None
    """The weights that a person saw when they resumed: the precondition of the next weight step, in place of the plan's."""
    moving: bool = False
    """A forward weight was sent and its stage is not recorded yet, so that what is read meanwhile is no drift."""
    starting: bool = False
    """A person's start or resume is being recorded; its driver comes next."""
    alone_since: float | None = None
    """Since when, on the clock that never jumps back, nobody was seen to hold the wheel of this rollout."""
    driver: asyncio.Task[None] | None = None
    backward: asyncio.Task[None] | None = None
    leave: Callable[[], None] | None = None
    """Lets a way back under way begin no further step, for a console that closes."""
    in_memory: bool = False
    """The rollout itself could not be recorded; only its steps are, where they can be."""
    judge_after: float = 0.0
    """When, on the clock that never jumps, the judge may be rebuilt again from what another console recorded."""
    judge_late: bool = False
    """Samples of another console wait to be judged."""
    unwritten: list[tuple[RolloutChange, By, datetime]] = field(default_factory=list)
    """What was changed in memory while nothing could be written, and is written when that goes again."""
    unrecorded: str = ""
    """Why something of this rollout could not be recorded, in words."""

    @property
    def id(self) -> str:
        """Return the rollout's id."""
        return self.rollout.id

    @property
    def driver_works(self) -> bool:
        """Tell whether this process drives, or is about to."""
        return self.starting or (self.driver is not None and not self.driver.done())

    def rows_in_order(self) -> tuple[StepRow, ...]:
        """Return every step that was ever sent, in order of sending."""
        return tuple(self.rows.values())


@dataclass(slots=True)
class LiveTarget:
    """A target with its connections and everything that was read of it."""

    row: TargetRow
    target: Target
    connections: Connections
    charts: Charts
    touched: Callable[[str], None]
    """Called with the target's name whenever something changed that a screen shows."""
    split: Seen[Split] = field(default_factory=Seen)
    identity: Seen[Identity] = field(default_factory=Seen)
    metrics: Seen[MetricReading] = field(default_factory=Seen)
    flag: Seen[FlagState] = field(default_factory=Seen)
    alerts: Seen[AlertsNow] = field(default_factory=Seen)
    work: Seen[WorkloadsNow] = field(default_factory=Seen)
    """What runs, as it was looked at closely last; nobody reads it by the way."""
    templates: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What workloads were configured as by the digests of their pod templates, those of late: to say what changed since a person looked."""
    schema: Seen[SchemaState] = field(default_factory=Seen)
    silencing: Seen[None] = field(default_factory=Seen)
    """Whether the last look after a silence went well."""
    quiet: Quiet | None = None
    """The silence that this console keeps for the rollout that it drives or takes back."""
    workloads: Seen[dict[Side, SideVersion]] = field(default_factory=Seen)
    requests: Requests = field(default_factory=Requests)
    rate: Rate = field(default_factory=Rate)
    traffic: TrafficNow | None = None
    freeze: FreezeState = OPEN
    asked: Fact = NEVER_READ
    accepted: Fact = NEVER_READ
    drift: str = ""
    """What was seen instead of what was asked, in words; "" when all is as asked."""
    restarted: str = ""
    """That the router's process restarted, in words, until a person acts."""
    stretch: float = 1.0
    """How many times longer than usual it takes until this target's calm systems are read again, where there are many targets."""
    rollout: LiveRollout | None = None
    rollouts: dict[str, LiveRollout] = field(default_factory=dict)
    """Every rollout of this target that is at hand."""
    last_done: Rollout | None = None
    """The release or switch that was finished last, to which a rollback goes back before it."""
    took_s: dict[str, float] = field(default_factory=dict)
    """How long the last step took, by kind, for predictions."""
    confirmed_other: str = ""
    """The fingerprint of another system for which a person was asked, so that asking again goes on."""
    sending: int = 0
    """Steps under way: what is read meanwhile is no drift."""
    foreseen: Foreseen = field(default_factory=Foreseen)
    """What the router's system said beforehand of the weights of the plan made or started last."""
    looks: dict[str, Seen[UndoState]] = field(default_factory=dict)
    """What was read last of each declared step and check, by the names that its connections have."""
    quarantined: tuple[QuarantineView, ...] = ()
    unkept: dict[tuple[str, str], tuple[QuarantineView, Actor]] = field(default_factory=dict)
    """Quarantines that are not recorded yet, by rollout and version, and who they are by: they stand in memory until they are."""
    failed_to_keep: set[tuple[str, str]] = field(default_factory=set)
    """Those of them that are to be recorded again."""
    rehearsal: Rehearsal | None = None
    confirmed_loss: tuple[str, ...] = ()
    """What a person was told that going back would lose, so that asking again goes on."""
    changes: int = 0
    """How often `touch` told of a change."""

    @property
    def clock_ahead_s(self) -> float | None:
        """Return how far the clock of the target's systems is ahead of ours, None where none of them tells."""
        return self.connections.ahead_s()

    @property
    def name(self) -> str:
        """Return the target's name."""
        return self.row.name

    @property
    def stable(self) -> Side:
        """Return the side that is stable; the file's first one until it was read."""
        return self.row.stable or self.target.sides[0]

    @property
    def canary(self) -> Side:
        """Return the side on trial."""
        return self.target.other(self.stable)

    def look(self, name: str) -> Seen[UndoState]:
        """Return where the readings of a declared step or check are kept."""
        return self.looks.setdefault(name, Seen())

    @property
    def under_way(self) -> bool:
        """Tell whether a rollout is on its way, or something of one is being sent."""
        return self.sending > 0 or (self.rollout is not None and not self.rollout.rollout.phase.over)

    def touch(self) -> None:
        """Tell that something changed, and not only its age."""
        self.changes += 1
        self.touched(self.name)

    def was_read(self) -> None:
        """Tell that something was read anew; whether it differs from what was read before is looked at when it is shown."""
        self.touched(self.name)

    def version(self, side: Side) -> str:
        """Return which version a side runs, "" when it was never read."""
        versions = self.workloads.value or {}
        return versions[side].version if side in versions else ""
