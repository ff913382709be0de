"""The shape of a target file: its sections, keys and defaults."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, WithJsonSchema

from console.files.fields import (
    Age,
    Amount,
    Call,
    Day,
    Harm,
    Limit,
    Metric,
    PeakShare,
    Positive,
    Quantile,
    Secret,
    Section,
    SideName,
    Slug,
    Span,
    Text,
    Wait,
    Weight,
    Whole,
    YesNo,
    usual,
)
from console.files.sections.alerts import AlertsSection
from console.files.sections.argocd import ArgoCdSection, ArgoCdStepSection
from console.files.sections.dashboards import DashboardSection
from console.files.sections.database import DatabaseSection
from console.files.sections.flags import FlagSection
from console.files.sections.metrics import MetricsSection
from console.files.sections.notify import NotifySection
from console.files.sections.pipelines import PipelineSection
from console.files.sections.traffic import TrafficSection
from console.files.sections.workloads import WorkloadsSection


class SessionGateSection(Section):
    """A gate on customer sessions, judged against the baseline."""

    name: Text
    kind: Literal["sessions"]
    ok: Metric = "resolved_ok"
    """The counter of sessions that ended well."""
    failed: Metric = "resolved_failed"
    """The counter of sessions that failed or timed out."""
    must_see: Harm = usual(0.0, "total failure")
    """The harm that a pass must have been able to see: total failure, or the share of normal that success falls to."""
    frozen_rate_acts: YesNo = usual(False, "false")
    """Let a fail of the frozen-rate test alone start the countdown."""
    counts: Literal["sessions", "attempts"] = "sessions"
    """`attempts` where the service can't count sessions; the bound on false stops does not hold then."""


class ThresholdGateSection(Section):
    """A gate on the canary's own number."""

    name: Text
    kind: Literal["threshold"]
    numerator: Metric
    denominator: Metric | None = None
    """Left out, the last value of the numerator is judged."""
    limit: Limit
    """The gate fails above it."""
    min_count: Whole = usual(20, "20")
    """Fewer than this in the denominator is no verdict yet."""


class StageSection(Section):
    """A traffic share with its wait and its gates."""

    weight: Weight
    wait: Wait
    gates: Annotated[list[Text], Field(max_length=50)] | None = None
    """The gates judged here, by name; left out: all of them."""
    bake: YesNo = usual(False, "false")
    """The watch before the holdback ends."""


class PanelSection(Section):
    """A live chart, one line a side."""

    name: Text
    kind: Literal["rate", "share", "quantile"]
    numerator: Metric
    denominator: Metric | None = None
    quantile: Quantile = usual(0.95, "0.95")
    unit: Text | None = None


class SnapshotSection(Section):
    """What a lossy step can be restored from."""

    check: Call
    """Answers done while there is a snapshot: an address, or a command that exits 0."""
    max_age: Age
    """An older snapshot counts as none."""


class UndoSection(Section):
    """A step of the way back beside traffic and flag."""

    name: Text
    """The name that `after` and commands use."""
    kind: Literal["code", "migration", "cache", "external", "manual"]
    run: Call | None = None
    """Does it: an address that is sent a POST, or a command. Doing it twice must do no harm."""
    check: Call | None = None
    """Tells whether it is done: an address that gives {"done": true, "detail": "…"}, or a command that exits 0 when it is, 1 when not."""
    argocd: ArgoCdStepSection | None = None
    """In place of `run` and `check`: what is done with an Argo CD application."""
    migration: Text | None = None
    """In place of `run` and `check`: a migration of `database`, taken back by its `undo` and done when the tool's table says so."""
    after: Annotated[list[Text], Field(max_length=50)] = usual(["traffic"], ["traffic"])
    """The steps that must be confirmed first."""
    timeout: Span = usual(60.0, "1 min")
    """When it counts as failed; for a manual step, when it counts as overdue."""
    expected: Span = usual(5.0, "5 s")
    """How long it takes, until it was measured."""
    from_stage: Whole | None = None
    """The first stage, counted from 1, that makes it needed: before that there is nothing to undo, and going back takes less time."""
    reversibility: Literal["free", "lossy", "one-way"] = Field(default="free", alias="class")
    """What doing it costs: nothing, what `loses` says, or it cannot be done at all once `check` says that it is not."""
    loses: Text | None = None
    """What would be lost, in words."""
    snapshot: SnapshotSection | None = None
    """Needed for a lossy step, or else `no_way_back`."""
    no_way_back: Literal["signed"] | None = None
    """A lossy step without a snapshot: a person signs before the start that what it loses stays lost."""
    instructions: Text | None = None
    """What a person does in a manual step, before signing it."""
    token: Secret | None = None
    """Where the bearer token is found: keyring:NAME, env:NAME or cmd:COMMAND."""


class ReadySection(Section):
    """Something that must hold for the way back to be open."""

    name: Text
    check: Call | None = None
    """Tells whether it holds: an address that gives {"done": true}, or a command that exits 0."""
    argocd: ArgoCdSection | None = None
    """In place of `check`: an Argo CD application that must be healthy."""
    closes: YesNo = usual(False, "false")
    """Without it there is no way back at all; otherwise the light turns amber."""
    then: Span | None = None
    """How long the way back takes without it, where that is longer. A check may give an instant `until`, when it ceases to hold."""
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""
    token: Secret | None = None
    """Where the bearer token is found: keyring:NAME, env:NAME or cmd:COMMAND."""


class CallSection(Section):
    """One thing to do, and how it is seen that it is done."""

    run: Call
    check: Call


class ReconcilerSection(Section):
    """Something that would bring a version back by itself, and is paused while the version is quarantined."""

    name: Text
    pause: CallSection | None = None
    resume: CallSection | None = None
    argocd: ArgoCdSection | None = None
    """In place of `pause` and `resume`: an Argo CD application, whose auto-sync is paused and restored as it was."""
    timeout: Span = usual(30.0, "30 s")
    """How long to wait for each."""
    token: Secret | None = None
    """Where the bearer token is found: keyring:NAME, env:NAME or cmd:COMMAND."""


def _entry_kind(value: Any) -> str:
    return "step" if isinstance(value, (dict, UndoSection)) else "word"


BackEntry = Annotated[
    Annotated[Literal["traffic", "flag"], Tag("word")] | Annotated[UndoSection, Tag("step")],
    Discriminator(_entry_kind),
]
"""`traffic` and `flag` as words, other steps as mappings."""


class AfterAFailSection(Section):
    """What happens once a gate has failed."""

    roll_back_after: Wait = usual(20.0, "20 s")
    """Traffic goes back by itself after this; Hold cancels."""


class LostDriverSection(Section):
    """What happens when the console that drives is lost while traffic is split."""

    then: Literal["hold", "return to stable"] = "hold"
    """`return to stable` needs another console or an agent that is alive; Hold or a takeover stops it."""
    after: Wait = usual(60.0, "60 s")
    """Counted from the last sign of the driver; at least 20 s."""


class WindowSection(Section):
    """A freeze window, in the local time of its zone: once, or on days of the week."""

    name: Text
    zone: Text
    """An IANA zone such as Europe/Berlin."""
    start: Text = Field(alias="from")
    """Once: 2026-11-26 18:00. With `days`: 22:00."""
    end: Text = Field(alias="until")
    """As `from`; a day alone is taken whole. With `days`, a time at or before `from` ends on the next day."""
    days: Annotated[list[Day], Field(min_length=1, max_length=7)] | None = None
    """The days of the week on which it begins."""
    owner: Text | None = None
    """Who can be asked."""
    reason: Text | None = None


class BlackoutSection(Section):
    """No forward move while traffic is near its peak."""

    metric: Metric
    """The counter whose rate, over both sides, is the traffic."""
    peak_per_min: Positive
    """Its rate a minute at the declared peak."""
    close_at: PeakShare = usual(0.8, "80 %")
    open_at: PeakShare = usual(0.7, "70 %")


class FreezeSection(Section):
    """When nothing may raise exposure. Going back is never stopped by a freeze."""

    in_flight: Literal["hold", "roll back"] = "hold"
    """What a rollout on its way does when a freeze begins."""
    windows: Annotated[list[WindowSection], Field(max_length=1000)] = Field(default_factory=list)
    blackout: BlackoutSection | None = None


class LossSection(Section):
    """What failed sessions cost, for the loss meter."""

    currency: Text
    per_session: Amount
    sessions_per_min: Positive | None = None
    """Of the whole site."""


class TargetFile(Section):
    """A target of release-console."""

    format: Annotated[Literal["1"], WithJsonSchema({"enum": [1, "1"]})]
    """The version of this format."""
    name: Slug
    """The name that commands use."""
    title: Text | None = None
    """The name that screens show."""
    environment: Literal["production", "staging", "practice"]
    owner: Text | None = None
    sides: Annotated[list[SideName], Field(min_length=2, max_length=2)]
    """The two sides that share the traffic."""
    traffic: TrafficSection
    workloads: WorkloadsSection
    metrics: MetricsSection | None = None
    pipeline: PipelineSection | None = None
    flag: FlagSection | None = None
    gates: Annotated[list[Annotated[SessionGateSection | ThresholdGateSection, Field(discriminator="kind")]], Field(max_length=50)] = Field(
        default_factory=list
    )
    stages: Annotated[list[StageSection], Field(max_length=50)] = Field(default_factory=list)
    panels: Annotated[list[PanelSection], Field(max_length=50)] = Field(default_factory=list)
    rollback: Annotated[list[BackEntry], Field(max_length=50)] = usual(["traffic", "flag"], ["traffic", "flag"])
    """The way back, traffic first. Without one nothing starts, unless a person signs that there is no way back."""
    ready: Annotated[list[ReadySection], Field(max_length=50)] = Field(default_factory=list)
    """What must hold for the way back to be open."""
    reconcilers: Annotated[list[ReconcilerSection], Field(max_length=20)] = Field(default_factory=list)
    """What is paused by a rollback until a person lets it run again."""
    database: DatabaseSection | None = None
    """The database whose schema is read, with the migrations of the release."""
    alerts: AlertsSection | None = None
    """The alerts that stand beside a release."""
    dashboards: Annotated[list[DashboardSection], Field(max_length=20)] = Field(default_factory=list)
    """Links that stand beside a release."""
    notify: Annotated[list[NotifySection], Field(max_length=20)] = Field(default_factory=list)
    """Who is told what happens to rollouts here. What a console had not told yet when it was killed is lost."""
    rehearse: YesNo = usual(False, "false")
    """Let people run the way back for practice here."""
    after_a_fail: AfterAFailSection = Field(default_factory=AfterAFailSection)
    if_the_driver_is_lost: LostDriverSection = Field(default_factory=LostDriverSection)
    freeze: FreezeSection = Field(default_factory=FreezeSection)
    loss: LossSection | None = None
    speed: Positive = usual(1.0, "1")
    """Only on the practice shop: how much faster than real its time runs."""
