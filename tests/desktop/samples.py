"""Realistic batches for tests and renderings: the incident, a healthy stage, a freeze, an unknown outcome, a first start."""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from console import __version__
from console.model.database import SchemaLight, SchemaLine, SchemaView
from console.model.freeze import FreezeState, FreezeWindow, Occurrence, TrafficNow, Weekly
from console.model.plan import Step, StepKind
from console.model.readiness import Light, Readiness, ReadyItem, Rehearsal
from console.model.readings import LogLine, PipelineRun, PipelineStageRun
from console.model.rollout import Actor, Lease, Phase, StepRow, StepState
from console.model.stores import ConsoleSeen
from console.model.target import Environment
from console.model.team import RecordsView, TeamTried
from console.model.train import TrainPhase
from console.model.verbs import Direction, State, Verb, Verdict
from console.model.views import (
    AbsenceView,
    AutoActView,
    CalendarView,
    ChartView,
    ConnectionView,
    EvidenceView,
    Fact,
    FreezeRow,
    GateView,
    HandoverCard,
    LossView,
    Marker,
    MemberView,
    Notice,
    QuarantineView,
    RolloutView,
    SendView,
    SeriesView,
    StageView,
    TargetView,
    TrainView,
    UnknownView,
    Update,
    VerbView,
    WeightView,
    WheelView,
)

NOW = datetime(2026, 11, 24, 10, 10, 31, tzinfo=UTC)
ACTOR = Actor("Rita M.", "desk:4711:a1")
VERDICT_AT = NOW - timedelta(seconds=9)
STAGE_AT = NOW - timedelta(minutes=4, seconds=31)
STARTED_AT = NOW - timedelta(minutes=8, seconds=31)


class SampleClock:
    """A clock that stands still at NOW, or where it was put."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the instant."""
        return self.at

    def elapsed(self) -> float:
        """Return seconds since the epoch."""
        return self.at.timestamp()


def verbs(*, running: bool = True, reason: str = "no rollout runs") -> dict[Verb, VerbView]:
    """Return the four verbs of the bottom bar."""
    lines = {
        Verb.HOLD: ("stay at 5 %, at once", 0.0),
        Verb.STEP_DOWN: ("5 % to 1 %, 9 s", 9.0),
        Verb.ABORT: ("41 s, traffic in 9 s", 41.0),
        Verb.FLAG_KILL: ("checkout_v52, 1 s", 1.0),
    }
    return {
        verb: VerbView(verb, running, text if running else reason, () if running else (reason,), seconds if running else None)
        for verb, (text, seconds) in lines.items()
    }


def weight(asked: float = 5.0, measured: float | None = 4.9, *, drift: bool = False) -> WeightView:
    """Return the triple for a canary."""
    read = NOW - timedelta(seconds=1)
    return WeightView(
        asked=Fact(asked, STAGE_AT),
        accepted=Fact(asked, STAGE_AT + timedelta(milliseconds=200)),
        read_back=Fact(asked, read),
        measured=Fact(measured, read if measured is not None else None),
        drift=drift,
    )


def sends() -> tuple[SendView, ...]:
    """Return what a rollback sends."""
    return (
        SendView(1, "Traffic to stable", "envoy-eu", "canary 0", 9.0),
        SendView(2, "Flag checkout_v52 off", "shop flags", "toggle off", 1.0),
        SendView(3, "Code back to 5.1", "apps/checkout", "image 5.1", 18.0),
        SendView(4, "Purge payment tokens", "redis", "del pay:tok:*", 5.0),
        SendView(5, "Migration 118", "schema", "expand stays, compatible", 0.0),
        SendView(6, "Check against baseline", "metrics", "read only", 8.0),
    )


def series(level: float, spread: float, points: int = 300, *, start: int = 0, role: str = "baseline", seed: int = 1) -> SeriesView:
    """Return a noisy line that ends now."""
    rng = random.Random(seed)
    end = NOW.timestamp()
    times = tuple(end - (points - index) * 3.0 for index in range(points))
    values = tuple(math.nan if index < start else level + rng.gauss(0, spread) for index in range(points))
    return SeriesView("blue" if role == "baseline" else "green", role, times, values)


def chart(name: str, unit: str, base: float, canary: float, spread: float) -> ChartView:
    """Return a chart with a baseline and a canary that began at the stage."""
    lines = (series(base, spread, seed=hash(name) % 97), series(canary, spread if canary else 0.0, start=210, role="canary", seed=3))
    return ChartView(name, unit, lines, canary, "canary", NOW - timedelta(seconds=1))


def evidence(canary_ok: int = 0, canary_total: int = 3) -> EvidenceView:
    """Return the evidence of the incident: three blocks against the limit of this test."""
    at = STAGE_AT
    path = ((at, 1.0), (at + timedelta(seconds=84), 9.5), (at + timedelta(seconds=171), 102.0), (at + timedelta(seconds=262), 2480.0))
    return EvidenceView(
        test="concurrent",
        query="increase(payments_total{shop='eu'}[15s]) by (side, outcome)",
        canary_ok=canary_ok,
        canary_total=canary_total,
        baseline_ok=54,
        baseline_total=57,
        history_ok=240,
        history_total=252,
        evidence=2480.0,
        limit=2000.0,
        limit_means="false stop 0.05 % by this test",
        rule="concurrent mixture, rule 3",
        samples=17,
        path=path,
        at=VERDICT_AT,
    )


def gate(verdict: Verdict = Verdict.FAIL) -> GateView:
    """Return the payment gate with a verdict."""
    sentences = {
        Verdict.FAIL: "0 of 3 canary customers paid, baseline 54 of 57",
        Verdict.WATCHING: "0 of 1, needs 3 more, about 5 min",
        Verdict.PASS: "21 of 22 canary customers paid, baseline 436 of 459",
        Verdict.BLIND: "metrics answered 401, renew the token in Settings",
        Verdict.NO_DATA: "answers, but empty for 4 min",
        Verdict.STALE: "4 min old, wanted 30 s",
        Verdict.MISCONFIGURED: "no label side in query",
    }
    card = evidence()
    if verdict is Verdict.PASS:
        card = replace(card, canary_ok=21, canary_total=22, baseline_ok=436, baseline_total=459, evidence=0.4, path=card.path[:1])
    if verdict is Verdict.WATCHING:
        card = replace(card, canary_total=1, evidence=9.5, path=card.path[:2])
    missing = 3 if verdict is Verdict.WATCHING else None
    return GateView(
        "Payment completion", verdict, sentences[verdict], VERDICT_AT, NOW - timedelta(seconds=1), card, missing, 300.0 if missing else None
    )


def stages(running: State = State.FAILED, word: str = "FAIL at 4:22") -> tuple[StageView, ...]:
    """Return the stage strip of the incident."""
    return (
        StageView("Preflight", None, State.HEALTHY, "Passed", "14 of 15 rows"),
        StageView("Pipeline", None, State.HEALTHY, "Confirmed", "migration 118, 6.2 s"),
        StageView("Canary 5 %", 5, running, word, "", running=True, wait_s=900.0, since=STAGE_AT, gates=1),
        StageView("25 %", 25, State.PLANNED, "Planned", "30 min", wait_s=1800.0),
        StageView("50 %", 50, State.PLANNED, "Planned", "30 min", wait_s=1800.0),
        StageView("95 %", 95, State.PLANNED, "Planned", "20 min", wait_s=1200.0),
        StageView("Bake", 95, State.PLANNED, "Planned", "48 h", wait_s=172800.0),
        StageView("100 %", 100, State.PLANNED, "Planned", "holdback ends"),
    )


def wheel(*, mine: bool = True) -> WheelView:
    """Return who drives."""
    lease = Lease("R-2291", ACTOR, 14, NOW - timedelta(seconds=2), NOW + timedelta(seconds=13))
    return WheelView(lease, mine)


def pipeline() -> PipelineRun:
    """Return a pipeline that ran."""
    names = ("unit tests", "image", "migration 118")
    done = tuple(PipelineStageRun(n, "passed", STARTED_AT, STARTED_AT + timedelta(seconds=6), 0, 40) for n in names)
    return PipelineRun("p-1", "5.2b", "passed", done)


def log() -> tuple[LogLine, ...]:
    """Return a few lines of a pipeline."""
    words = ("collecting 412 tests", "412 passed in 5.8 s", "adding column orders.payment_ref", "migration 118 done in 6.2 s")
    return tuple(LogLine("migration 118", n + 1, text, STARTED_AT + timedelta(seconds=n)) for n, text in enumerate(words))


def incident_rollout() -> RolloutView:
    """Return the rollout of the incident at its verdict."""
    charts = (
        chart("Errors", "% whole site", 0.4, 0.4, 0.02),
        chart("Response time", "ms p95", 209.0, 212.0, 3.0),
        chart("Payments", "a minute", 12.4, 0.0, 0.4),
        chart("Key action /pay", "% errors", 5.0, 100.0, 0.3),
    )
    return RolloutView(
        id="R-2291",
        target="checkout-eu",
        title="Checkout 5.2b",
        environment=Environment.PRODUCTION,
        phase=Phase.STOPPED,
        state=State.FAILED,
        headline="Checkout 5.2b is failing in production",
        subline="canary 5.2b against stable 5.1  ·  started 10:02 by Rita M.  ·  8 min 31 s",
        plan_hash="7f3a91c2" + "0" * 56,
        stable_version="5.1",
        canary_version="5.2b",
        started_at=STARTED_AT,
        started_by="Rita M.",
        reason="payment references",
        ended_at=None,
        stages=stages(),
        weight=weight(),
        gates=(gate(),),
        charts=charts,
        markers=(Marker(STAGE_AT, "5 %", State.IN_ROLLOUT),),
        loss=LossView(3, "EUR", 112.5, 25.0, 500.0, 5, "3 x 37.50", assumption="13.33 sessions a minute at EUR 37.50"),
        auto_act=AutoActView(NOW + timedelta(seconds=11), 20.0),
        sends=sends(),
        next_sends=(),
        unknowns=(),
        wheel=wheel(),
        verbs=verbs(),
        pipeline=pipeline(),
        log=log(),
    )


def target(name: str = "checkout-eu", state: State = State.HEALTHY, **changes: object) -> TargetView:
    """Return a target of the production environment."""
    at = NOW - timedelta(seconds=1)
    systems = (("traffic", "Envoy"), ("workloads", "HTTP"), ("metrics", "OpenMetrics"), ("flags", "shop flags"), ("pipeline", "commands"))
    made = TargetView(
        name=name,
        title=name.split("-", maxsplit=1)[0].title(),
        environment=Environment.PRODUCTION,
        sides=("blue", "green"),
        stable="blue",
        canary="green",
        stable_version="5.1",
        canary_version="5.2b",
        armed=True,
        trusted=True,
        commands=(),
        path=f"targets/{name}.yaml",
        state=state,
        state_text="",
        weight=weight(0.0, 0.0),
        connections=tuple(ConnectionView(port, system, True, at, 10.0) for port, system in systems),
        freeze=FreezeState(False, next_start=NOW + timedelta(days=2, hours=7), next_name="Weekend"),
        traffic=TrafficNow(0.36, False, at, 2222.0),
        flag="checkout_v52",
        flag_on=True,
        verbs=verbs(running=False),
        requests=series(40.0, 3.0, 41),
        owner="checkout",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def incident_target() -> TargetView:
    """Return the incident's target."""
    return target(
        state=State.FAILED, state_text="0 of 3 customers paid", weight=weight(), verbs=verbs(), rollout="R-2291", release="Checkout 5.2b",
        gate_text="FAIL, 0 of 3",
    )  # fmt: skip


def notice(level: str = "fail") -> Notice:
    """Return a notice of a level."""
    return Notice(NOW, level, "Payment completion failed", "0 of 3, rolls back in 0:20", "checkout-eu", "R-2291")


def calendar() -> CalendarView:
    """Return two freeze windows with what comes of them."""
    night = FreezeWindow(
        "w1", "Weekend", "release management", "nobody on call", "Europe/Berlin", Weekly(frozenset({4}), time(18), time(6))
    )
    coming = tuple(Occurrence(night, NOW + timedelta(days=3 + 7 * n), NOW + timedelta(days=3 + 7 * n, hours=12)) for n in range(3))
    return CalendarView((FreezeRow(night, None, coming, ("checkout-eu",)),), (), coming[:1], {}, NOW)


def incident() -> Update:
    """Return the incident at its verdict, beside two calm targets."""
    return Update(
        targets=(incident_target(), target("account-eu"), target("basket-us", stable_version="3.39")),
        rollouts=(incident_rollout(),),
        calendar=calendar(),
    )


def healthy() -> Update:
    """Return a rollout at 5 % whose gate passed."""
    calm = replace(
        incident_rollout(), phase=Phase.RUNNING, state=State.IN_ROLLOUT, headline="Checkout 5.2b is at 5 %, and well",
        stages=stages(State.IN_ROLLOUT, "4 min 31 s"), gates=(gate(Verdict.PASS),), loss=None, auto_act=None,
        next_sends=(SendView(1, "Traffic to canary", "envoy-eu", "canary 25", 1.0),),
    )  # fmt: skip
    well = target(
        state=State.IN_ROLLOUT, weight=weight(), verbs=verbs(), rollout="R-2291", release="Checkout 5.2b", gate_text="pass, 21 of 22"
    )
    return Update(targets=(well, target("account-eu")), rollouts=(calm,), calendar=calendar())


def frozen() -> Update:
    """Return a rollout that a freeze holds at 5 %."""
    until = NOW + timedelta(hours=22)
    state = FreezeState(True, "window", "Sale weekend", "release management", "sale 27 to 30 Nov", until)
    held = replace(
        incident_rollout(), phase=Phase.HELD, state=State.FROZEN, headline="Checkout 5.2b is held at 5 % by a freeze",
        stages=stages(State.HELD, "Held by a freeze"), gates=(gate(Verdict.WATCHING),), loss=None, auto_act=None,
    )  # fmt: skip
    cold = target(
        state=State.FROZEN,
        state_text="until Wed 08:00",
        freeze=state,
        weight=weight(),
        verbs=verbs(),
        rollout="R-2291",
        release="Checkout 5.2b",
    )
    return Update(targets=(cold,), rollouts=(held,), calendar=calendar())


def unknown() -> Update:
    """Return a rollout whose last step has an unknown outcome."""
    lost = WeightView(Fact(30.0, STAGE_AT), Fact(None, None), Fact(None, None), Fact(None, None))
    step = UnknownView("s-17", "30 % to the canary", NOW - timedelta(seconds=6), "router does not answer", None)
    asks = replace(
        incident_rollout(), phase=Phase.UNKNOWN, state=State.UNKNOWN, headline="30 % was sent, and nobody knows whether it took effect",
        stages=stages(State.UNKNOWN, "Unknown outcome"), gates=(gate(Verdict.BLIND),), loss=None, auto_act=None, weight=lost,
        unknowns=(step,),
    )  # fmt: skip
    dark = target(
        state=State.UNKNOWN,
        state_text="sent 10:10:25, not confirmed",
        weight=lost,
        verbs=verbs(),
        rollout="R-2291",
        release="Checkout 5.2b",
    )
    return Update(targets=(dark,), rollouts=(asks,), calendar=calendar())


def first_start() -> Update:
    """Return a console that nothing was connected to yet."""
    return Update(calendar=CalendarView((), (), (), {}, NOW))


def fleet(count: int = 200) -> tuple[TargetView, ...]:
    """Return many calm targets."""
    return tuple(target(f"service-{index:03}") for index in range(count))


def way_back() -> tuple[SendView, ...]:
    """Return every kind of row that a coordinated way back has, before it runs."""
    return (
        SendView(1, "Traffic to stable", "envoy-eu", "canary 0", 9.0, seq=0, kind="weight"),
        SendView(2, "Flag checkout_v52 off", "shop flags", "toggle off", 1.0, seq=1, kind="flag", after=(0,)),
        SendView(3, "Code back to 5.1", "apps/checkout", "image 5.1", 18.0, seq=2, kind="code", after=(1,)),
        SendView(4, "Purge payment tokens", "redis", "del pay:tok:*", 5.0, seq=3, kind="cache", after=(2,)),
        SendView(
            5, "Migration 118 down", "orders-db", "down to 117", 12.0, seq=4, kind="migration", after=(2, 3), reversibility="lossy",
            loses="payment references of 31 orders since 10:02",
        ),
        SendView(
            6, "Tell the acquirer", "by hand", "mail and call", 300.0, seq=5, kind="manual", after=(0,),
            instructions="1. Call the acquirer's hotline, +49 30 5550 100.\n2. Say: settlement 2026-11-24 is void.\n3. Note the ticket.",
        ),
    )  # fmt: skip


def _row(send: SendView, state: State, took: float | None = None, detail: str = "", moves: tuple[str, ...] = ()) -> SendView:
    return replace(send, state=state, took_s=took, detail=detail, moves=moves)


def back_rollout(**changes: object) -> RolloutView:
    """Return the incident's rollout while it goes back: three steps confirmed, the fourth under way."""
    back = WeightView(Fact(0.0, NOW), Fact(0.0, NOW), Fact(0.0, NOW - timedelta(seconds=1)), Fact(0.0, NOW))
    one, two, three, four, *rest = way_back()
    rows = (
        _row(one, State.HEALTHY, 7.4), _row(two, State.HEALTHY, 0.8), _row(three, State.IN_ROLLOUT), _row(four, State.PLANNED),
        *(_row(row, State.PLANNED) for row in rest),
    )  # fmt: skip
    step = Step(2, StepKind.CODE, Verb.UNDO, Direction.BACKWARD, "apps/checkout", {"done": True}, predicted_s=18.0)
    sent = StepRow("s-31", "R-2291", step, StepState.SENT, ACTOR, NOW - timedelta(seconds=7))
    made = replace(
        incident_rollout(), phase=Phase.ABORTING, state=State.ROLLING_BACK, headline="Checkout 5.2b is going back",
        stages=stages(State.ROLLING_BACK, "Rolling back"), auto_act=None, weight=back, sends=rows, steps=(sent,),
        loss=LossView(3, "EUR", 112.5, 0.0, 500.0, 0, "3 x 37.50"),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def back_stopped_rollout() -> RolloutView:
    """Return a way back that stopped: a step failed, a manual one waits for a signature."""
    one, two, three, four, five, six = way_back()
    rows = (
        _row(one, State.HEALTHY, 7.4), _row(two, State.HEALTHY, 0.8), _row(three, State.HEALTHY, 16.1),
        _row(four, State.FAILED, None, "redis answered LOADING; 41,210 keys are left.", ("retry", "skip", "stop")),
        _row(five, State.PLANNED), _row(six, State.HELD, None, "waits for a person", ("sign", "skip")),
    )  # fmt: skip
    return back_rollout(
        phase=Phase.BACK_STOPPED,
        state=State.FAILED,
        headline="Rollback stopped at step 4: Purge payment tokens",
        sends=rows,
        steps=(),
        stages=stages(State.FAILED, "Rollback stopped"),
    )


def going_back(rollout: RolloutView | None = None) -> Update:
    """Return a target that goes back, or whose way back stopped."""
    shown = rollout or back_rollout()
    return Update(targets=(replace(incident_target(), state=shown.state, weight=shown.weight),), rollouts=(shown,), calendar=calendar())


def rehearsal(**changes: object) -> Rehearsal:
    """Return a rehearsal of six days ago."""
    return replace(Rehearsal(NOW - timedelta(days=6), 41.0, 38.2), **changes)  # type: ignore[arg-type]


def readiness(light: Light = Light.READY, **changes: object) -> Readiness:
    """Return a light with the reasons that such a light has."""
    read = NOW - timedelta(seconds=4)
    items = {
        Light.READY: ReadyItem("old version", Light.READY, "5.1 runs and is healthy.", read),
        Light.CLOSING: ReadyItem("orders", Light.CLOSING, "Its snapshot counts for 24 s more.", read),
        Light.SHUT: ReadyItem(
            "contract 118", Light.SHUT,
            "Past, and cannot be undone: going back would lose payment references of 31 orders. Hold is what is left.", read,
        ),
        Light.UNKNOWN: ReadyItem("token format", Light.UNKNOWN, "Cannot be read: redis did not answer within 5 s.", read),
    }  # fmt: skip
    shown = tuple(items[each] for each in dict.fromkeys((light, Light.READY)))
    closes = NOW + timedelta(seconds=24) if light is Light.CLOSING else None
    return replace(Readiness(light, shown, 41.0, read, closes, rehearsal()), **changes)  # type: ignore[arg-type]


def lit(light: Light) -> Update:
    """Return the incident with a light over its way back."""
    view = replace(incident_rollout(), readiness=readiness(light), sends=way_back())
    shown = replace(incident_target(), readiness=readiness(light), can_rehearse=True)
    return Update(targets=(shown, target("account-eu", readiness=readiness(), can_rehearse=True)), rollouts=(view,), calendar=calendar())


def held_rollout(**changes: object) -> RolloutView:
    """Return a rollout that stands held at 25 %."""
    at = NOW - timedelta(seconds=1)
    quarter = WeightView(Fact(25.0, STAGE_AT), Fact(25.0, STAGE_AT), Fact(25.0, at), Fact(24.8, at))
    made = replace(
        incident_rollout(), id="R-2301", title="Search 9.0", phase=Phase.HELD, state=State.HELD, headline="Search 9.0 is held at 25 %",
        stages=stages(State.HELD, "Held"), gates=(gate(Verdict.WATCHING),), loss=None, auto_act=None, weight=quarter,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def lease(name: str = "Ravi", token: int = 7, renewed_s: float = 27.0) -> Lease:
    """Return a lease that was renewed some seconds ago."""
    at = NOW - timedelta(seconds=renewed_s)
    return Lease("R-2301", Actor(name, f"{name.lower()}-desk:88:f0"), token, at, at + timedelta(seconds=15))


def driven(view: RolloutView) -> Update:
    """Return a target with a rollout that somebody else drives, or nobody."""
    shown = replace(incident_target(), state=view.state, weight=view.weight, rollout=view.id, release=view.title)
    return Update(targets=(shown,), rollouts=(view,), calendar=calendar())


def lost_driver() -> Update:
    """Return a rollout whose driver's console was lost 12 s ago."""
    gone = WheelView(lease(), mine=False)
    return driven(held_rollout(wheel=gone, lost_holder="Ravi", lost_since=NOW - timedelta(seconds=12)))


def handover(**changes: object) -> HandoverCard:
    """Return what a new driver of that rollout has to know."""
    view = held_rollout()
    step = UnknownView("s-40", "50 % to the canary", NOW - timedelta(seconds=40), "25 % read back 10:10:30", NOW)
    made = HandoverCard(
        view.id, view.plan_hash, "Ravi", 7, NOW - timedelta(seconds=27), view.weight, "stage 3 of 8, 25 %",
        "held: the driver's console is gone", view.gates, "waiting for the catalogue import, do not promote before 15:30", (step,),
        ("promote, asked 10:09:51 by Ravi, not confirmed",),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def away() -> Update:
    """Return a rollout at 5 % whose console slept for 61 minutes."""
    happened = ("Payment completion was not judged for 61 min.", "Traffic stayed at 5 %: 0 of 0 forward steps were sent.")
    absence = AbsenceView(NOW - timedelta(minutes=61), NOW, "traffic 5 %, nothing advanced", happened)
    (view,) = healthy().rollouts
    return replace(healthy(), rollouts=(replace(view, absence=absence),))


def quarantined(**changes: object) -> Update:
    """Return a calm target whose last version is in quarantine and whose reconciler is paused."""
    row = QuarantineView("5.2b", NOW - timedelta(minutes=12), "Rita M.", "payments fail", "R-2291", ("Argo CD",))
    return Update(targets=(target(quarantine=(replace(row, **changes),)), target("account-eu")), calendar=calendar())  # type: ignore[arg-type]


def seen(person: str, kind: str = "desktop", version: str = __version__, ago_s: float = 2.0) -> ConsoleSeen:
    """Return a process that was heard of some seconds ago."""
    return ConsoleSeen(f"{person.split()[0].lower()}-{kind}:88:f0", person, version, kind, NOW - timedelta(seconds=ago_s))


def records(**changes: object) -> RecordsView:
    """Return records on this computer, used by one console."""
    made = RecordsView(False, "/home/rita/.local/share/release-console", "Rita M.", NOW, consoles=(seen("Rita M."),))
    return replace(made, **changes)  # type: ignore[arg-type]


def team_records(**changes: object) -> RecordsView:
    """Return a team's records, shared by two consoles and an agent of an older version."""
    made = RecordsView(
        team=True,
        place="releases on db.example:5432 as rita",
        login="rita",
        at=NOW,
        identity="log 5f2c in database releases",
        protection="encrypted; the server proves its certificate and its name",
        roles=("operator", "approver"),
        environments=("production", "staging"),
        may=("starts, drives and takes back rollouts", "gives permits to others"),
        consoles=(seen("Ana R."), seen("Rita M."), seen("release-agent", "agent", "0.0.9", 4.0)),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def tried(**changes: object) -> TeamTried:
    """Return a team's database that answered to a login with two roles."""
    view = team_records()
    made = TeamTried(view.place, view.login, view.identity, view.roles, view.environments, view.may, view.protection)
    return replace(made, **changes)  # type: ignore[arg-type]


def train(phase: TrainPhase = TrainPhase.RUNNING, state: State = State.IN_ROLLOUT, note: str = "") -> TrainView:
    """Return a train of three services, the first of which is done."""
    going = phase in {TrainPhase.GOING_BACK, TrainPhase.STOPPED}
    members = (
        MemberView(1, "ledger-eu", "Ledger", "9.4", (), "gate", State.HEALTHY, "done", rollout="R-2288"),
        MemberView(2, "checkout-eu", "Checkout", "5.2b", ("ledger-eu",), "done", State.IN_ROLLOUT, "under way", "canary 5 %", "R-2291"),
        MemberView(3, "web-eu", "Web", "31", ("ledger-eu", "checkout-eu"), "done", State.PLANNED, "waiting", "waits for checkout-eu"),
    )
    if going:
        failed = replace(members[1], state=State.ROLLING_BACK, word="going back", fact="rollback by engine: Payment completion failed")
        members = (members[0], failed, members[2])
    headline = {
        TrainPhase.RUNNING: "Autumn (T-3): 1 of 3 passed, checkout-eu on the way",
        TrainPhase.HELD: "Autumn (T-3) is held at 1 of 3",
        TrainPhase.GOING_BACK: "Autumn (T-3) is going back: 0 of 2 back on stable",
        TrainPhase.STOPPED: "The rollback of Autumn (T-3) stopped: 1 of 2 back on stable",
    }[phase]
    verbs = {
        Verb.HOLD: VerbView(Verb.HOLD, phase is TrainPhase.RUNNING, "nothing starts, what runs stays"),
        Verb.RESUME: VerbView(Verb.RESUME, phase is TrainPhase.HELD, "what was held goes on"),
        Verb.ROLLBACK: VerbView(Verb.ROLLBACK, True, "takes back checkout-eu and ledger-eu"),
    }
    return TrainView("T-3", "Autumn", phase, state, headline, members, verbs, "Rita M.", "Rita M.", STARTED_AT, "autumn", "ab" * 32, note)


def schema(**changes: object) -> SchemaView:
    """Return the schema of a database in which one migration is pending and a column is not filled."""
    made = SchemaView(
        system="PostgreSQL shop on db.example.com:5432",
        tool="alembic",
        words="At 0042; something is wrong with it.",
        light=SchemaLight.WRONG,
        lines=(
            SchemaLine("0042", SchemaLight.GOOD, "expand: applied"),
            SchemaLine("0043", SchemaLight.PENDING, "contract, one-way: pending"),
            SchemaLine("orders.payment_ref", SchemaLight.WRONG, "is 3.1 % null (counted in 41,203 rows), and at most 1 % may be"),
            SchemaLine("not read", SchemaLight.UNKNOWN, "The login watcher may not read public.refunds."),
        ),
        at=NOW,
        identity="7438201122334455667/16384",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def with_database() -> Update:
    """Return a calm target whose database stands in its panel."""
    return Update(targets=(target("checkout-eu", schema=schema()),), calendar=calendar())
