"""The engine's small parts: its thread, charts' numbers, comparisons, views, and pollers that do not wait for each other."""

import asyncio
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from engine_fakes import BLUE, GREEN, SHOP, world

from console.engine.rings import Charts, Rate, Requests, quantile
from console.engine.systems import fits, words
from console.engine.thread import EngineThread
from console.engine.views.charts import marker_words
from console.engine.views.rows import send_rows, span, stage_rows
from console.engine.views.verbs import short
from console.model.errors import BadFile, Unreachable
from console.model.plan import StepKind
from console.model.readings import MetricReading, RequestCounts
from console.model.stores import TargetRow
from console.model.target import Panel, PanelKind
from console.model.verbs import State, Verb
from console.policy.planning import SidesNow, make_rollout_plan

START = datetime(2026, 11, 24, 10, tzinfo=UTC)


def reading(second: float, blue: dict[str, float], buckets: dict | None = None) -> MetricReading:
    return MetricReading({BLUE: blue}, {BLUE: buckets or {}}, START + timedelta(seconds=second), "scrape", {GREEN: "down"})


def test_the_thread_runs_coroutines_and_ends() -> None:
    thread = EngineThread()
    thread.start()
    try:

        async def six() -> int:
            await asyncio.sleep(0)
            return 6

        assert thread.submit(six()).result(5) == 6
        assert thread.running
    finally:
        assert thread.stop()
    work = six()
    with pytest.raises(RuntimeError):
        thread.submit(work)
    assert thread.stop()


def test_the_thread_cancels_what_still_runs_when_it_stops() -> None:
    thread = EngineThread()
    thread.start()
    started, ended = asyncio.Event(), []

    async def long() -> None:
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("ended")

    future = thread.submit(long())
    thread.submit(asyncio.sleep(0)).result(5)
    assert thread.stop()
    assert ended == ["ended"]
    assert future.cancelled() or future.done()


def test_a_rate_is_reckoned_from_the_counter_and_survives_its_restart() -> None:
    panel = Panel("Requests", PanelKind.RATE, "requests")
    charts = Charts((panel,), (BLUE, GREEN))
    for second, count in enumerate([100, 110, 120, 130, 3, 13]):
        charts.take(reading(second, {"requests": count}))
    values = charts.rings["Requests", BLUE].values
    assert values[1] == 10.0
    assert all(value >= 0 for value in list(values)[1:])
    assert all(math.isnan(value) for value in charts.rings["Requests", GREEN].values)


def test_a_share_without_events_is_no_number() -> None:
    panel = Panel("Completion", PanelKind.SHARE, "ok", "all")
    charts = Charts((panel,), (BLUE, GREEN))
    charts.take(reading(0, {"ok": 5.0, "all": 10.0}))
    charts.take(reading(1, {"ok": 5.0, "all": 10.0}))
    charts.take(reading(2, {"ok": 8.0, "all": 14.0}))
    values = list(charts.rings["Completion", BLUE].values)
    assert math.isnan(values[1])
    assert values[2] == 0.75


def test_a_chart_is_bounded() -> None:
    charts = Charts((Panel("Requests", PanelKind.RATE, "requests"),), (BLUE, GREEN))
    for second in range(1000):
        charts.take(reading(second, {"requests": float(second)}))
    assert len(charts.rings["Requests", BLUE].values) == 600


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.5, 0.1), (0.95, 0.19), (1.0, 0.2)],
)
def test_a_quantile_is_interpolated_within_its_bucket(share: float, expected: float) -> None:
    before = ((0.1, 10.0), (0.2, 10.0), (math.inf, 10.0))
    after = ((0.1, 60.0), (0.2, 110.0), (math.inf, 110.0))
    assert quantile(before, after, share) == pytest.approx(expected)


def test_a_quantile_in_the_open_bucket_is_its_lower_edge() -> None:
    assert quantile((), ((0.1, 0.0), (math.inf, 5.0)), 0.9) == 0.1
    assert math.isnan(quantile((), (), 0.9))


def test_the_measured_share_counts_requests_since_the_weights_changed() -> None:
    requests = Requests()
    requests.take(RequestCounts({BLUE: 0, GREEN: 0}, START))
    requests.take(RequestCounts({BLUE: 95, GREEN: 5}, START + timedelta(seconds=1)))
    assert requests.share(GREEN) == (5.0, START + timedelta(seconds=1))
    requests.forget()
    assert requests.share(GREEN) is None
    requests.take(RequestCounts({BLUE: 170, GREEN: 30}, START + timedelta(seconds=2)))
    assert requests.share(GREEN) == (25.0, START + timedelta(seconds=2))
    requests.take(RequestCounts({BLUE: 3, GREEN: 1}, START + timedelta(seconds=3)))
    assert requests.share(GREEN) is None, "the router began to count anew"


def test_a_rate_that_is_old_or_missing_a_side_is_unknown() -> None:
    rate = Rate()
    now = START + timedelta(seconds=60)
    for second in (0, 60):
        rate.take(MetricReading({BLUE: {"r": second}, GREEN: {"r": second}}, {}, START + timedelta(seconds=second), "", {}), "r")
    assert rate.per_min(now, 30) == pytest.approx(120)
    assert rate.per_min(now + timedelta(seconds=31), 30) is None
    rate.take(reading(61, {"r": 1e9}), "r")
    assert rate.per_min(now, 30) == pytest.approx(120)


@pytest.mark.parametrize(
    ("want", "seen", "fit"),
    [
        ({GREEN: 5, BLUE: 95}, {GREEN: 5.08, BLUE: 94.92}, True),
        ({GREEN: 5, BLUE: 95}, {GREEN: 7.0, BLUE: 93.0}, False),
        ({GREEN: 0, BLUE: 100}, {GREEN: 0.4, BLUE: 99.6}, False),
        ({GREEN: 5, BLUE: 95}, {GREEN: 5.0, BLUE: 100.0}, False),
        ({GREEN: 5, BLUE: 95}, {GREEN: 5.0}, False),
    ],
)
def test_weights_may_round_but_nothing_and_all_must_be_exact(want: dict, seen: dict, *, fit: bool) -> None:
    assert fits(StepKind.WEIGHT, want, seen) is fit


def test_a_killed_flag_may_keep_its_percentage() -> None:
    assert fits(StepKind.FLAG, {"on": False, "percent": 0}, {"on": False, "percent": 100.0})
    assert not fits(StepKind.FLAG, {"on": True, "percent": 100}, {"on": True, "percent": 10.0})
    assert words(StepKind.FLAG, {"on": False, "percent": 100.0}) == "off"


def test_a_row_of_what_will_be_sent_names_the_weight_that_it_brings_and_its_stage() -> None:
    plan = make_rollout_plan(SHOP, "5.2b", SidesNow(BLUE, "5.1", "5.2b", {BLUE: 100.0, GREEN: 0.0}))
    rows = [row for row in send_rows(plan.steps) if row.what.startswith("Traffic")]
    assert [row.what for row in rows[:2]] == ["Traffic to 5 %", "Traffic to 25 %"]
    assert [row.stage for row in rows[:2]] == [0, 1]


def test_waits_are_shown_in_the_shops_own_time() -> None:
    plan = make_rollout_plan(SHOP, "5.2b", SidesNow(BLUE, "5.1", "5.2b", {BLUE: 100.0, GREEN: 0.0}))
    assert stage_rows(plan, 20.0)[0].fact == "15 min, 2 gates"
    assert stage_rows(plan, 20.0)[0].wait_s == 900.0
    assert [span(seconds) for seconds in (9, 262, 7500)] == ["9 s", "4 min", "2 h 5 min"]


@pytest.mark.anyio
async def test_a_target_whose_file_is_broken_is_shown_with_the_reason(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()

        def broken(row: TargetRow):
            raise BadFile("line 3: stages: found nothing", advice="Mend it.")

        desk.engine.fleet._load_target = broken
        await w.time.through(desk.engine.fleet.take_in(TargetRow("shop", "shop.yaml")))
        view = desk.target
        assert view.state is State.MISCONFIGURED
        assert view.problem is not None
        assert view.problem.what == "line 3: stages: found nothing"
        assert not any(verb.enabled for verb in view.verbs.values())


@pytest.mark.anyio
async def test_errors_are_shown_with_the_age_of_the_last_reading_and_polled_less_often(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        read_at = desk.target.weight.read_back.at
        w.shop.router.deaf = Unreachable("connection refused", sent=False)
        await w.time.advance(60)
        view = desk.target
        assert view.weight.read_back.at is not None
        assert read_at is not None
        assert (w.time.clock.now() - view.weight.read_back.at).total_seconds() >= 59
        traffic = next(each for each in view.connections if each.port == "traffic")
        assert not traffic.ok
        assert traffic.problem is not None
        assert view.state is State.BLIND
        assert desk.engine._parts.targets["shop"].split.failures < 12
        w.shop.router.deaf = None
        await w.time.advance(40)
        assert desk.target.state is State.HEALTHY


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("step up: blue 95 %, green 5 %", "5 %"),
        ("rollback: blue 100 %, green 0 %", "0 %"),
        ("flag up: on for 100 %", "flag on"),
        ("flag kill: off", "flag off"),
        ("stopped", "FAIL"),
        ("aborting", "going back"),
        ("held", "held"),
        ("step up: failed after a restart", "step up: failed after a restart"),
    ],
)
def test_a_marker_says_in_one_word_what_was_done(text: str, said: str) -> None:
    assert marker_words(text, GREEN) == said


def test_a_refusal_fits_the_bottom_bar_and_what_is_not_known_stays_whole() -> None:
    said = ["The flag is off already.", "shop declares no flag.", "shop is observe-only: the console reads it and never writes."]
    assert [short(reason) for reason in said] == ["the flag is off", "no flag is declared", "observe-only"]
    assert short("Somebody stopped the line.") == "Somebody stopped the line."


@pytest.mark.anyio
async def test_updates_come_at_most_ten_times_a_second_and_hold_only_what_changed(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        await desk.start()
        desk.updates.clear()
        await w.time.advance(10)
        assert 5 < len(desk.updates) <= 100
        assert all(update.targets or update.rollouts or update.calendar or update.notices for update in desk.updates)


@pytest.mark.anyio
async def test_the_bottom_bar_says_what_each_verb_would_do_or_why_it_cannot(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        quiet = desk.target.verbs
        assert list(quiet) == [Verb.HOLD, Verb.STEP_DOWN, Verb.ROLLBACK, Verb.FLAG_KILL]
        assert not quiet[Verb.HOLD].enabled
        assert quiet[Verb.HOLD].second == "no rollout runs"
        assert quiet[Verb.HOLD].reasons == ("No rollout is on its way here.",)
        assert quiet[Verb.FLAG_KILL].enabled
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        busy = desk.target.verbs
        assert all(verb.enabled for verb in busy.values())
        assert busy[Verb.HOLD].second == "stay at 25 %, at once"
        assert busy[Verb.STEP_DOWN].second.startswith("25 % to 5 %")
        assert busy[Verb.ROLLBACK].predicted_s is not None


@pytest.mark.anyio
async def test_a_preview_says_what_a_switch_would_send_and_sends_nothing(tmp_path: Path) -> None:
    from console.model.commands import Command

    async with world(tmp_path) as w:
        desk = await w.desk()
        decision, rows = await w.time.really(desk.engine.preview(Command(Verb.SWITCH, "shop", desk.actor, side=GREEN)))
        assert decision.allowed
        assert [(row.system, row.value) for row in rows] == [("Envoy 127.0.0.1:1", "green 100 %, blue 0 %")]
        assert w.shop.router.sent == []


@pytest.mark.anyio
async def test_the_plan_says_what_is_found_and_its_hash_stays_the_same_a_minute_later(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        first = await w.time.really(desk.engine.plan("shop", "5.2b"))
        await w.time.advance(60)
        second = await w.time.really(desk.engine.plan("shop", "5.2b"))
        assert first.plan_hash == second.plan_hash
        assert first.decision.allowed, first.decision.reasons
        assert "total failure is found in about" in first.found
        assert [row.weight for row in first.detect] == [5, 25, 50, 95, 95]
        assert first.rollback[0].what == "Traffic to stable"


@pytest.mark.anyio
async def test_a_start_by_a_hash_that_does_not_fit_any_more_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        plan = await w.time.really(desk.engine.plan("shop", "5.2b"))
        w.shop.workloads.versions[GREEN] = "5.3"
        await w.time.advance(6)
        answer = await desk.act(Verb.START, release="5.2b", plan_hash=plan.plan_hash)
        assert not answer.decision.allowed
        assert "have changed" in answer.decision.reasons[0]


@pytest.mark.anyio
async def test_a_cancelled_pipeline_holds_the_rollout(tmp_path: Path) -> None:
    from engine_fakes import WITH_PIPELINE

    async with world(tmp_path, WITH_PIPELINE) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await w.time.advance(1)
        await w.time.really(desk.engine.cancel_pipeline(rollout, "not now"))
        view = await desk.until_phase(rollout, "held")
        assert "cancelled" in view.note


@pytest.mark.anyio
async def test_untrusted_commands_keep_a_start_shut(tmp_path: Path) -> None:
    async with world(tmp_path, replace(SHOP, commands=("make deploy",), digest="d1")) as w:
        desk = await w.desk()
        live = desk.engine._parts.targets["shop"]
        live.row = replace(live.row, trusted_digest="")
        answer = await desk.act(Verb.START, release="5.2b")
        assert "commands that nobody has allowed" in answer.decision.reasons[0]
        await w.time.through(desk.engine.trust("shop"))
        await w.time.advance(6)
        assert (await desk.act(Verb.START, release="5.2b")).decision.allowed


@pytest.mark.anyio
async def test_fifty_switches_leave_only_the_newest_at_hand(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        for _ in range(25):
            for side in (GREEN, BLUE):
                answer = await desk.act(Verb.SWITCH, side=side)
                assert answer.decision.allowed, answer.decision.reasons
                await w.time.through(desk.engine.ended(answer.rollout))
                await w.time.advance(0.6)
        assert w.shop.router.sent == [100, 0] * 25
        whole: list = []
        desk.engine.listen(whole.append)
        await w.time.advance(0.3)
        assert 20 <= len(whole[0].rollouts) <= 32
