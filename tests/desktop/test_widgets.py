"""Widgets show frozen views: ages that grow old, the triple, counts first, toasts, logs, and the countdown."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

from console.desktop.widgets.age import AgeLabel, ticker
from console.desktop.widgets.autoact import AutoActCard
from console.desktop.widgets.badges import EnforcementBadge, WheelBadge
from console.desktop.widgets.chart import ChartCard, nice_range
from console.desktop.widgets.chart_words import written
from console.desktop.widgets.confirm import ForwardPreview
from console.desktop.widgets.counts import Counts
from console.desktop.widgets.evidence_chart import MOST_POINTS, steps_to_label, thinned
from console.desktop.widgets.log_view import LogView
from console.desktop.widgets.loss import LossMeter
from console.desktop.widgets.readiness import ReadinessLight
from console.desktop.widgets.sends import SendList
from console.desktop.widgets.split import SplitBar
from console.desktop.widgets.strip import StageStrip
from console.desktop.widgets.toast import MOST, Toasts
from console.desktop.widgets.verdict import VerdictCard
from console.model.readings import LogLine
from console.model.rollout import Phase
from console.model.verbs import State, Verdict
from console.model.views import Fact, Marker
from tests.desktop import samples


@pytest.fixture
def put(qtbot):
    def show(widget, size=(848, 338)):
        qtbot.addWidget(widget)
        widget.resize(*size)
        widget.show()
        return widget

    return show


def later(seconds):
    ticker().set_clock(samples.SampleClock(samples.NOW + timedelta(seconds=seconds)))


def test_an_age_grows_and_turns_old_past_its_limit(put):
    label = put(AgeLabel("traffic"))
    label.show_age(samples.NOW, 5.0)
    assert (label.accessibleName(), label.old) == ("traffic 0 s old", False)
    later(6)
    assert (label.accessibleName(), label.old) == ("traffic 6 s old, too old", True)


def test_what_was_never_read_says_so(put):
    label = put(AgeLabel())
    label.show_age(None, 5.0)
    assert label.old
    assert label.accessibleName() == "not read"


def test_the_running_stage_reads_the_triple_aloud(put):
    strip = put(StageStrip(), (1330, 84))
    strip.show_view(samples.incident_rollout())
    running = next(cell for cell in strip.cells if cell.view.running)
    assert "asked 5 %" in running.accessibleName()
    assert "read back 5 %" in running.accessibleName()
    assert running.width() > 2 * strip.cells[0].width()


def test_what_was_not_read_back_is_never_a_number(put):
    strip = put(StageStrip(), (1330, 84))
    strip.show_view(samples.unknown().rollouts[0])
    running = next(cell for cell in strip.cells if cell.view.running)
    assert "read back not read" in running.accessibleName()


def test_an_unread_split_is_unknown(put):
    bar = put(SplitBar(), (240, 26))
    bar.show_view(samples.weight())
    assert bar.accessibleName() == "Traffic on the canary: 4.9 % of 5 % asked"
    bar.show_view(replace(samples.weight(30.0), read_back=Fact(None, None), measured=Fact(None, None)))
    assert bar.accessibleName() == "Traffic on the canary: unknown of 30 % asked"


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_verdict_is_read_with_its_counts(put, verdict):
    card = put(VerdictCard())
    gate = samples.gate(verdict)
    card.show_view(gate)
    assert gate.sentence in card.accessibleName()
    assert not card.grab().isNull()


def test_a_verdict_without_counts_shows_its_sentence(put):
    card = put(VerdictCard())
    card.show_view(replace(samples.gate(Verdict.STALE), evidence=None))
    assert not card.findChild(Counts).isVisible()


def test_only_a_fail_has_an_edge_in_its_colour(put):
    def edge(verdict):
        card = put(VerdictCard())
        card.show_view(samples.gate(verdict))
        return card.grab().toImage().pixelColor(0, 200).name()

    assert edge(Verdict.FAIL) == "#ff6f6a"
    assert edge(Verdict.PASS) != "#45c486"


def test_counts_say_canary_and_baseline_and_what_came_before(put):
    counts = put(Counts(), (262, 220))
    counts.show_view(samples.evidence(), "fail")
    assert counts.accessibleName().startswith("0 of 3 on the canary, 54 of 57 on the baseline, same 4 min 22 s")


@pytest.mark.parametrize(
    ("verdict", "counting", "said"),
    [
        (Verdict.WATCHING, 4, "4 count for this stage, 1 came before it"),
        (Verdict.WATCHING, 1, "1 counts for this stage, 4 came before it"),
        (Verdict.WATCHING, 0, "none count for this stage, 5 came before it"),
        (Verdict.WATCHING, 5, ""),
        (Verdict.PASS, 4, ""),
    ],
)
def test_counts_say_how_many_count_for_the_stage_where_more_are_needed(put, verdict, counting, said):
    card = put(VerdictCard())
    gate = replace(samples.gate(verdict), evidence=replace(samples.evidence(5, 5), canary_counting=counting))
    card.show_view(gate)
    assert ("count" in card._counts.accessibleName()) == bool(said)
    assert card._counts.accessibleName().endswith(said)


def test_a_long_path_of_evidence_keeps_its_peaks_and_its_newest_point():
    points = [(float(n), 1.0 + (n == 4321) * 999.0) for n in range(10_000)]
    kept = thinned(points)
    assert len(kept) <= MOST_POINTS
    assert (4321.0, 1000.0) in kept
    assert kept[-1] == points[-1]


def test_the_largest_rises_and_the_newest_point_are_labelled():
    assert steps_to_label([(0.0, 1.0), (1.0, 9.5), (2.0, 9.6), (3.0, 102.0), (4.0, 2480.0)]) == [1, 3, 4]
    assert steps_to_label([(0.0, 1.0)]) == [0]
    assert steps_to_label([(0.0, 1.0), (1.0, 711.0), (2.0, 8293.0), (9.0, 8293.0)]) == [1, 3]


def test_the_countdown_empties_and_offers_both_ways(qtbot, put):
    card = put(AutoActCard(), (470, 338))
    card.show_view(samples.incident_rollout())
    heard = []
    card.roll_back.connect(lambda: heard.append("back"))
    card.hold.connect(lambda: heard.append("hold"))
    assert card.button.text() == "Roll back now"
    assert card.countdown == "0:11"
    later(8)
    assert card.countdown == "0:03"
    qtbot.mouseClick(card.button, Qt.MouseButton.LeftButton)
    assert heard == ["back"]


def test_without_a_failure_the_way_back_is_calm(put):
    card = put(AutoActCard(), (470, 338))
    card.show_view(samples.healthy().rollouts[0])
    assert card.button.property("kind") == "plain"
    assert card.countdown == ""


def test_after_a_rollback_nothing_is_offered_any_more(put):
    card = put(AutoActCard(), (470, 338))
    card.show_view(replace(samples.incident_rollout(), phase=Phase.ROLLED_BACK, auto_act=None))
    assert not card.button.isVisible()
    assert not card.findChild(ReadinessLight).isVisible()
    assert card.findChild(SendList).isVisible()


def test_markers_that_lie_on_each_other_keep_the_newest_words(put):
    card = put(ChartCard(), (204, 218))
    at = samples.STAGE_AT
    markers = tuple(Marker(at + timedelta(seconds=n), f"step {n}", State.IN_ROLLOUT) for n in range(4))
    card.show_view(samples.incident_rollout().charts[0], markers)
    assert card.marker_words == ("step 3",)


def test_a_running_row_shows_what_was_observed(put):
    rows = put(SendList(), (470, 60))
    rows.show_view((replace(samples.sends()[0], state=State.HEALTHY, took_s=1.8), samples.sends()[1]))
    assert "1 Traffic to stable, envoy-eu canary 0, 1.8 s, Healthy" in rows.accessibleName()


def test_the_loss_is_counted_first_and_rounded(put):
    meter = put(LossMeter(), (500, 44))
    meter.show_view(samples.incident_rollout().loss)
    assert meter.accessibleName().startswith("3 customers hit; EUR 113 lost so far, 3 x 37.50")
    meter.show_view(replace(samples.incident_rollout().loss, saved=44887.0))
    assert meter.accessibleName().endswith("EUR 44,887 saved against the 90 min case")


def test_badges_always_have_their_word(put):
    enforced, wheel, light = put(EnforcementBadge()), put(WheelBadge()), put(ReadinessLight())
    enforced.show_view("console")
    wheel.show_view(samples.wheel())
    light.show_view(None)
    assert enforced.accessibleName().startswith("This console only")
    assert wheel.accessibleName() == "You, lease 14, 13 s left"
    assert light.accessibleName() == "Nothing to roll back"


def test_a_lost_lease_says_since_when(put):
    wheel = put(WheelBadge())
    wheel.show_view(samples.wheel(mine=False))
    later(25)
    assert wheel.accessibleName() == "Rita M. lost, 0:12 ago"


def test_at_most_three_toasts_and_failures_stay(put):
    home = put(QWidget(), (1440, 900))
    toasts = Toasts(home, 60)
    for number in range(3):
        toasts.show_notice(replace(samples.notice("ok"), title=f"ok {number}"))
    toasts.show_notice(samples.notice("fail"))
    toasts.show_notice(samples.notice("fail"))
    assert [notice.title for notice in toasts.shown] == ["ok 1", "ok 2", "Payment completion failed"]
    assert len(toasts.shown) == MOST
    assert toasts.geometry().bottom() < 900 - 60


def test_a_toast_that_was_read_goes(qtbot, put):
    home = put(QWidget(), (1440, 900))
    toasts = Toasts(home)
    toasts.show_notice(samples.notice("fail"))
    toast = toasts.layout().itemAt(0).widget()
    qtbot.mouseClick(toast, Qt.MouseButton.LeftButton, pos=QPoint(100, 20))
    assert toasts.shown == ()


def test_a_log_is_bounded_and_takes_each_line_once(put):
    view = put(LogView(limit=100))
    lines = [LogLine("build", number, f"line {number}", samples.NOW) for number in range(1, 251)]
    view.show_lines(lines[:200])
    view.show_lines(lines)
    assert view.blockCount() == 100
    assert view.toPlainText().endswith("line 249\nline 250")


def test_production_wants_the_targets_name_typed(qtbot, put):
    preview = ForwardPreview(put(QWidget(), (1440, 900)))
    sent = []
    preview.sent.connect(lambda: sent.append(True))
    preview.open_for("Promote to 25 %", samples.sends()[:1], "production", "checkout-eu")
    qtbot.keyClick(preview.field, Qt.Key.Key_Return)
    assert sent == []
    assert not preview.button.isEnabled()
    qtbot.keyClicks(preview.field, "checkout-eu")
    qtbot.mouseClick(preview.button, Qt.MouseButton.LeftButton)
    assert sent == [True]


def test_practice_sends_at_one_button(qtbot, put):
    preview = ForwardPreview(put(QWidget(), (1440, 900)))
    sent = []
    preview.sent.connect(lambda: sent.append(True))
    preview.open_for("Promote to 25 %", samples.sends()[:1], "practice", "shop")
    assert not preview.field.isVisible()
    qtbot.mouseClick(preview.button, Qt.MouseButton.LeftButton)
    assert sent == [True]


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(0.4, "% whole site", "0.4 %"), (212.3, "ms p95", "212 ms"), (0.0412, "s", "41.2 ms"), (0.0, "a minute", "0")],
)
def test_a_charts_value_has_its_sign(value, unit, words):
    assert written(value, unit) == words


def test_what_was_not_read_is_no_number():
    assert written(None, "ms") == "not read"
    assert written(math.nan, "ms") == "not read"


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (5.0, 5.0), (-3.0, 2.0), (209.0, 215.0), (0.0, 100.0)])
def test_an_axis_is_never_empty_and_holds_its_values(low, high):
    bottom, top = nice_range(low, high)
    assert bottom <= low
    assert top > high


def test_a_chart_shows_a_line_for_each_role(put):
    card = put(ChartCard(), (204, 218))
    card.show_view(samples.incident_rollout().charts[0], samples.incident_rollout().markers)
    assert card.roles == {"baseline", "canary"}
    assert card.accessibleName().startswith("Errors, 0.4 %")


def test_a_chart_without_any_value_is_drawn_empty(put):
    card = put(ChartCard(), (204, 218))
    empty = replace(samples.incident_rollout().charts[0], series=(), latest=None, at=None, problem="metrics answered 401")
    card.show_view(empty)
    assert card.roles == set()
    assert not card.grab().isNull()


def test_a_release_that_is_done_has_a_way_back_and_nothing_was_sent_back(put):
    card = put(AutoActCard(), (470, 338))
    done = replace(samples.healthy().rollouts[0], phase=Phase.DONE, auto_act=None)
    card.show_view(done)
    assert card._words.text() == "The way back"
    card.show_view(replace(done, phase=Phase.ROLLED_BACK))
    assert card._words.text() == "What was sent back"
