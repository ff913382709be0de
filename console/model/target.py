"""What a target is: its traffic, workloads, pipeline, metrics, flags, gates and stages, as its file says."""

from dataclasses import dataclass, field
from enum import StrEnum

from console.model.alerts import AlertmanagerAlerts
from console.model.database import PostgresDatabase
from console.model.freeze import Blackout, FreezeWindow
from console.model.links import Link
from console.model.notes import Channel
from console.model.pipelines import PipelineSpec
from console.model.systems import FlagSpec, MetricsSpec, Side, TrafficSpec, UndoSpec, WorkloadsSpec, secrets_in


class Environment(StrEnum):
    """Where a target lives; it colours the window's frame."""

    PRODUCTION = "production"
    STAGING = "staging"
    PRACTICE = "practice"


class FreezeRule(StrEnum):
    """What a rollout in flight does when a freeze begins."""

    HOLD = "hold"
    ROLL_BACK = "roll back"


class Reversibility(StrEnum):
    """What undoing a step costs."""

    FREE = "free"
    LOSSY = "lossy"
    ONE_WAY = "one-way"


class UndoKind(StrEnum):
    """What a declared step of the way back puts right."""

    CODE = "code"
    MIGRATION = "migration"
    CACHE = "cache"
    EXTERNAL = "external"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a lossy step can be restored from: `check` answers done while there is one; older than `max_age_s` it counts as none."""

    check: UndoSpec
    max_age_s: float


@dataclass(frozen=True, slots=True)
class UndoStep:
    """A step of the way back beside traffic and flag, as the file declares it.

    `after` names the steps that must be confirmed first. `loses` says what undoing it would lose, "" when nothing. `instructions` are what
    a person does in a manual step.
    """

    name: str
    kind: UndoKind
    spec: UndoSpec | None = None
    after: tuple[str, ...] = ("traffic",)
    deadline_s: float = 60.0
    predicted_s: float = 5.0
    reversibility: Reversibility = Reversibility.FREE
    loses: str = ""
    snapshot: Snapshot | None = None
    instructions: str = ""
    from_stage: int = 0
    """The number, from 1, of the first stage of a rollout that makes it needed; 0 where it always is."""


@dataclass(frozen=True, slots=True)
class ReadyCheck:
    """Something that must hold for the way back to be open, read from outside: `name` such as "old version runs", done means it holds.

    `closes` says that without it there is no way back at all; otherwise the light turns amber, and `then_s` is how long the way back takes
    without it, None where it takes no longer.
    """

    name: str
    spec: UndoSpec
    closes: bool = False
    then_s: float | None = None


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Something that would bring a quarantined version back by itself: `pause` and `resume` are done and verified like undo steps."""

    name: str
    pause: UndoSpec
    resume: UndoSpec


@dataclass(frozen=True, slots=True)
class SessionGate:
    """A gate on resolved customer sessions, judged by the concurrent and the frozen-rate test.

    `ok` and `failed` name two monotone counters per side. `harm_to` is the success share, as a part of normal (0 to 1), that the plan must
    be able to see. `frozen_rate_acts` lets a fail of the frozen-rate test start the countdown. `resolved` is False where the target can
    only give attempts: then the bound on false stops does not hold, and the card says so.
    """

    name: str
    ok: str = "resolved_ok"
    failed: str = "resolved_failed"
    harm_to: float = 0.0
    frozen_rate_acts: bool = False
    resolved: bool = True


@dataclass(frozen=True, slots=True)
class ThresholdGate:
    """A gate on the canary's own number: counter `numerator` over counter `denominator` since the stage began, failing above `limit`.

    With no `denominator` the last value of `numerator` is judged. Fewer than `min_count` in the denominator is `watching`.
    """

    name: str
    numerator: str
    denominator: str | None
    limit: float
    min_count: int = 20


Gate = SessionGate | ThresholdGate


@dataclass(frozen=True, slots=True)
class Stage:
    """A traffic share with its wait and its gates; `bake` marks the watch before the holdback ends."""

    weight: int
    wait_s: float
    gates: tuple[str, ...]
    bake: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 100:
            raise ValueError(f"weight {self.weight} is not between 0 and 100")
        if not 0 <= self.wait_s < float("inf"):
            raise ValueError(f"wait {self.wait_s} is not a span of time")


class PanelKind(StrEnum):
    """How a chart's number comes from counters: per second, part of a whole, or a quantile of a histogram."""

    RATE = "rate"
    SHARE = "share"
    QUANTILE = "quantile"


@dataclass(frozen=True, slots=True)
class Panel:
    """A live chart, one line per side. RATE: `numerator` a second. SHARE: numerator / denominator. QUANTILE: of histogram `numerator`."""

    name: str
    kind: PanelKind
    numerator: str
    denominator: str | None = None
    quantile: float = 0.95
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Prices:
    """What a failed session costs, for the loss meter; `per_session` in `currency`, `sessions_per_min` of the whole site in shop time."""

    currency: str
    per_session: float
    sessions_per_min: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A deployed service that we act on, as its file says.

    `speed` is 1 except on the practice shop, where time runs faster: money and minutes are shown in shop time, waits are already divided.
    """

    name: str
    title: str
    environment: Environment
    sides: tuple[Side, Side]
    traffic: TrafficSpec
    workloads: WorkloadsSpec
    metrics: MetricsSpec | None = None
    pipeline: PipelineSpec | None = None
    flag: FlagSpec | None = None
    gates: tuple[Gate, ...] = ()
    panels: tuple[Panel, ...] = ()
    stages: tuple[Stage, ...] = ()
    rollback: tuple[str, ...] = ("traffic", "flag")
    undo: tuple[UndoStep, ...] = ()
    """The declared steps of the way back, in the file's order; traffic and flag go before them."""
    ready: tuple[ReadyCheck, ...] = ()
    reconcilers: tuple[Reconciler, ...] = ()
    alerts: AlertmanagerAlerts | None = None
    """Where the alerts are read that stand beside a release."""
    database: PostgresDatabase | None = None
    """The database whose schema is read, with the migrations of the release."""
    dashboards: tuple[Link, ...] = ()
    """Links that stand beside a release."""
    notify: tuple[Channel, ...] = ()
    """Who is told what happens here."""
    rehearse: bool = False
    """Whether the way back may be rehearsed on this target; the practice shop's always may."""
    freezes: tuple[FreezeWindow, ...] = ()
    blackout: Blackout | None = None
    freeze_rule: FreezeRule = FreezeRule.HOLD
    auto_rollback_after_s: float = 20.0
    return_if_lost_s: float | None = None
    """So long after the last sign of a driver that was lost traffic goes back to stable by itself; None holds."""
    prices: Prices | None = None
    owner: str = ""
    speed: float = 1.0
    path: str = ""
    digest: str = ""
    commands: tuple[str, ...] = field(default=())
    """Every command that this file would run, as shown in the trust prompt; `digest` (SHA-256 of the file) pins the answer."""

    @property
    def keyring_names(self) -> tuple[str, ...]:
        """Return the names of secrets that this file takes from the keyring, in order and each once."""
        first = (self.traffic, self.workloads, self.metrics, self.pipeline, self.flag)
        systems = (*first, self.undo, self.ready, self.reconcilers, self.notify, self.alerts, self.database)
        return tuple(sorted({ref.name for ref in secrets_in(systems) if ref.scheme == "keyring"}))

    def other(self, side: Side) -> Side:
        """Return the side that is not `side`."""
        return self.sides[1] if side == self.sides[0] else self.sides[0]
