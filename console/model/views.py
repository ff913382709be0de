"""What a screen or a command shows: frozen pictures of the engine's state, made in the engine and only read elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from console.model.alerts import AlertsView
from console.model.database import SchemaView
from console.model.freeze import FreezeState, FreezeWindow, Occurrence, StopTheLine, TrafficNow
from console.model.links import Link
from console.model.notes import ChannelView
from console.model.readiness import Readiness
from console.model.readings import LogLine, PipelineRun, RunChange
from console.model.rollout import Lease, Phase, StepRow
from console.model.systems import Side
from console.model.target import Environment
from console.model.train import TrainPhase
from console.model.verbs import State, Verb, Verdict


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in words: what happened, what it means for the release, what to do next."""

    what: str
    means: str
    advice: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Fact:
    """A value with the instant at which it was true; `at` None means that it was never read."""

    value: float | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """One of a target's systems: `port` traffic, workloads, metrics, flags or pipeline. `limit_s` is the age at which it counts as old."""

    port: str
    system: str
    ok: bool
    last_at: datetime | None
    limit_s: float
    problem: Problem | None = None
    notes: tuple[str, ...] = ()
    """What the system said beside its answer, in words: warnings, counters that began again."""


@dataclass(frozen=True, slots=True)
class VerbView:
    """Whether a verb can act now. `second` is the line under its name: the prediction, or why it can't act."""

    verb: Verb
    enabled: bool
    second: str
    reasons: tuple[str, ...] = ()
    predicted_s: float | None = None


@dataclass(frozen=True, slots=True)
class SendView:
    """A row of "what will be sent": system, value, predicted seconds; once it runs, the state and what was observed."""

    number: int
    what: str
    system: str
    value: str
    predicted_s: float
    state: State | None = None
    took_s: float | None = None
    detail: str = ""
    stage: int = -1
    """The number of the stage that it opens, or -1."""
    seq: int = -1
    """The step's `seq` in its plan, to name it in a move on this row."""
    name: str = ""
    kind: str = ""
    after: tuple[int, ...] = ()
    reversibility: str = "free"
    loses: str = ""
    instructions: str = ""
    """What a person does in a manual step."""
    moves: tuple[str, ...] = ()
    """What a person can do with this row now: any of retry, skip, sign, stop."""


@dataclass(frozen=True, slots=True)
class SeriesView:
    """A chart's line: instants in seconds since the epoch, values NaN where nothing was read; `role` is canary, baseline or stable."""

    side: Side
    role: str
    times: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Marker:
    """An action on a chart's time axis."""

    at: datetime
    text: str
    state: State


@dataclass(frozen=True, slots=True)
class ChartView:
    """A live chart. `latest` is the canary's value now (stable's when no rollout runs), with its age in `at`."""

    name: str
    unit: str
    series: tuple[SeriesView, ...]
    latest: float | None
    latest_role: str
    at: datetime | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """The evidence card of a verdict. `path` is (instant, E) for the chart; `limit` is 1/a for this test, `limit_means` in words."""

    test: str
    query: str
    canary_ok: int
    canary_total: int
    baseline_ok: int
    baseline_total: int
    history_ok: int
    history_total: int
    evidence: float
    limit: float
    limit_means: str
    rule: str
    samples: int
    path: tuple[tuple[datetime, float], ...]
    at: datetime | None
    speed: float = 1.0
    """How much faster than real the target's time runs: spans are shown in its time, instants as they are."""
    canary_counting: int | None = None
    """How many of the canary's sessions count for the stage: those that came before its first reading do not."""


@dataclass(frozen=True, slots=True)
class GateView:
    """A gate of the running stage with its verdict; `sentence` says counts first. `needs_more` sessions are missing for a pass."""

    name: str
    verdict: Verdict
    sentence: str
    judged_at: datetime | None
    sample_at: datetime | None
    evidence: EvidenceView | None = None
    needs_more: int | None = None
    needs_about_s: float | None = None
    alarm: str = ""
    """The frozen-rate alarm "canary or site" where it stands beside a verdict that it did not change."""


@dataclass(frozen=True, slots=True)
class StageView:
    """A cell of the stage strip: `state` and `word` are its mark and word, `fact` the one fact of a done cell, the wait of a coming one.

    `wait_s` is in the target's own time, which runs `speed` times as fast as the clock (1 but on the practice shop).
    """

    name: str
    weight: int | None
    state: State
    word: str
    fact: str
    running: bool = False
    wait_s: float = 0.0
    since: datetime | None = None
    gates: int = 0
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class WeightView:
    """The triple: asked, accepted, read back, each with its time; the measured share stands under the third, in per cent."""

    asked: Fact
    accepted: Fact
    read_back: Fact
    measured: Fact
    drift: bool = False


@dataclass(frozen=True, slots=True)
class LossView:
    """The loss meter. `saved` is against the article's case, after a rollback; `assumption` says how it is reckoned."""

    customers_hit: int
    currency: str
    lost: float
    per_min_now: float
    per_min_full: float
    weight: int
    factor: str
    saved: float | None = None
    assumption: str = ""


@dataclass(frozen=True, slots=True)
class AutoActView:
    """The countdown after a fail: at `at` traffic goes back by itself."""

    at: datetime
    total_s: float


@dataclass(frozen=True, slots=True)
class UnknownView:
    """A step whose effect is not known: what was sent when, and what was read since."""

    step_id: str
    what: str
    sent_at: datetime
    read: str
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class WheelView:
    """Who drives. `mine` is true when this process holds the lease; `lease` None means nobody."""

    lease: Lease | None
    mine: bool


@dataclass(frozen=True, slots=True)
class HandoverCard:
    """What a new driver has to know: the step it stands at and why, open gates, the last note, and what is not known."""

    rollout: str
    plan_hash: str
    holder: str
    token: int
    renewed_at: datetime | None
    weight: WeightView
    step: str
    why: str
    gates: tuple[GateView, ...]
    note: str
    unknowns: tuple[UnknownView, ...]
    queued: tuple[str, ...] = ()
    """Moves asked for and not confirmed, in words with their times."""


@dataclass(frozen=True, slots=True)
class AbsenceView:
    """This console was away (asleep, stopped): from when to when, what the traffic is now, and what happened meanwhile in words."""

    since: datetime
    until: datetime
    sentence: str
    meanwhile: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuarantineView:
    """A version that was rolled back and may not go forward again; reconcilers in `paused` stay so until a person resumes them."""

    version: str
    since: datetime
    by: str
    reason: str
    rollout: str
    paused: tuple[str, ...] = ()
    lifted: bool = False
    """A person lets the version go forward again; the row stays as long as something is paused."""


@dataclass(frozen=True, slots=True)
class TargetView:
    """A target as it stands now. `verbs` holds the bottom bar's four verbs, always."""

    name: str
    title: str
    environment: Environment
    sides: tuple[Side, Side]
    stable: Side
    canary: Side
    stable_version: str
    canary_version: str
    armed: bool
    trusted: bool
    commands: tuple[str, ...]
    path: str
    state: State
    state_text: str
    weight: WeightView
    connections: tuple[ConnectionView, ...]
    freeze: FreezeState
    traffic: TrafficNow | None
    flag: str
    flag_on: bool | None
    verbs: Mapping[Verb, VerbView]
    requests: SeriesView | None
    rollout: str = ""
    release: str = ""
    gate_text: str = ""
    problem: Problem | None = None
    enforced_by: str = "console"
    practice: bool = False
    owner: str = ""
    has_pipeline: bool = False
    secrets: tuple[str, ...] = ()
    """Names of secrets that its file takes from the keyring; never their values."""
    readiness: Readiness | None = None
    quarantine: tuple[QuarantineView, ...] = ()
    can_rehearse: bool = False
    channels: tuple[ChannelView, ...] = ()
    alerts: AlertsView | None = None
    """None where the file names no source of alerts."""
    dashboards: tuple[Link, ...] = ()
    schema: SchemaView | None = None
    """None where the file names no database."""
    has_workloads: bool = False
    """Its Deployments, or its Argo Rollout, can be looked at closely and acted on."""


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A rollout as it stands now. `headline` is the sentence top left: what is wrong, or that nothing is.

    `sends` are the rollback's rows before and while it runs; `next_sends` those of the next forward step, for its preview.
    """

    id: str
    target: str
    title: str
    environment: Environment
    phase: Phase
    state: State
    headline: str
    subline: str
    plan_hash: str
    stable_version: str
    canary_version: str
    started_at: datetime
    started_by: str
    reason: str
    ended_at: datetime | None
    stages: tuple[StageView, ...]
    weight: WeightView
    gates: tuple[GateView, ...]
    charts: tuple[ChartView, ...]
    markers: tuple[Marker, ...]
    loss: LossView | None
    auto_act: AutoActView | None
    sends: tuple[SendView, ...]
    next_sends: tuple[SendView, ...]
    unknowns: tuple[UnknownView, ...]
    wheel: WheelView
    verbs: Mapping[Verb, VerbView]
    pipeline: PipelineRun | None = None
    log: tuple[LogLine, ...] = ()
    changes: tuple[RunChange, ...] = ()
    steps: tuple[StepRow, ...] = ()
    note: str = ""
    bake: bool = False
    readiness: Readiness | None = None
    absence: AbsenceView | None = None
    lost_holder: str = ""
    """Who drove until their console was lost, with traffic split and nobody driving; "" when nobody is missed."""
    lost_since: datetime | None = None
    alerts: AlertsView | None = None
    """What fires beside the target's newest rollout; None for older ones, and where the file names no source of alerts."""
    dashboards: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class FreezeRow:
    """A freeze window with what it does now and its next three occurrences."""

    window: FreezeWindow
    now: Occurrence | None
    upcoming: tuple[Occurrence, ...]
    covers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CalendarView:
    """All freeze windows, blackouts and stops; `week` holds the occurrences of the coming week for the strip."""

    rows: tuple[FreezeRow, ...]
    stops: tuple[StopTheLine, ...]
    week: tuple[Occurrence, ...]
    blackouts: Mapping[str, TrafficNow]
    at: datetime
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should notice; a page shows the same fact, a toast repeats it. `level` is ok, unknown or fail."""

    at: datetime
    level: str
    title: str
    text: str
    target: str = ""
    rollout: str = ""


@dataclass(frozen=True, slots=True)
class MemberView:
    """A service of a train. `number` is its place in the order; `fact` says what it waits for or what is wrong."""

    number: int
    target: str
    title: str
    version: str
    after: tuple[str, ...]
    until: str
    state: State
    word: str
    fact: str = ""
    rollout: str = ""
    back: str = ""
    """The rollout that takes it back, where that is one of its own."""


@dataclass(frozen=True, slots=True)
class TrainView:
    """A train as it stands now. `verbs` holds hold, resume and rollback, each for all of it."""

    id: str
    name: str
    phase: TrainPhase
    state: State
    headline: str
    members: tuple[MemberView, ...]
    verbs: Mapping[Verb, VerbView]
    driver: str
    started_by: str
    started_at: datetime
    reason: str
    plan_hash: str
    note: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """One batch from the engine, at most every 100 ms: only what changed since the last one; `gone` names targets let go."""

    targets: tuple[TargetView, ...] = ()
    rollouts: tuple[RolloutView, ...] = ()
    calendar: CalendarView | None = None
    notices: tuple[Notice, ...] = ()
    gone: tuple[str, ...] = ()
    store_problem: Problem | None = field(default=None)
    trains: tuple[TrainView, ...] = ()
