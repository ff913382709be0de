"""The Calendar page: what freezes now and next, the form with its mistakes inline, and the stop of the line."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from PySide6.QtCore import Qt

from console.desktop.pages.calendar import CalendarPage, headline
from console.desktop.pages.dialog import AskingWhy
from console.desktop.pages.line_dialogs import LiftDialog, StopDialog
from console.desktop.pages.peak_panel import peak_words
from console.desktop.pages.week_strip import bars, clock_changes
from console.model.errors import CannotRecord
from console.model.freeze import Occurrence, StopTheLine, TrafficNow
from console.model.verbs import State
from tests.desktop import samples
from tests.desktop.pages.fake_desk import tell

CLICK = Qt.MouseButton.LeftButton
BERLIN = ZoneInfo("Europe/Berlin")


def with_calendar(**changes):
    return replace(samples.incident(), calendar=replace(samples.calendar(), **changes))


def opened_form(shown, qtbot):
    page = shown(CalendarPage, samples.incident())
    qtbot.mouseClick(page.new, CLICK)
    return page, page.form


def test_an_empty_calendar_says_so_and_offers_the_form(shown, qtbot):
    page = shown(CalendarPage, samples.first_start())
    assert page._empty.isVisible()
    qtbot.mouseClick(page._empty._button, CLICK)
    assert page.form.isVisible()


def test_a_window_shows_its_next_three_in_its_zone_and_whom_it_covers(shown):
    page = shown(CalendarPage, samples.incident())
    assert [there.text() for there, _ in page.panel._next] == [
        "Fri 27 Nov 18:00 to Sat 28 Nov 06:00",
        "Fri 4 Dec 18:00 to Sat 5 Dec 06:00",
        "Fri 11 Dec 18:00 to Sat 12 Dec 06:00",
    ]
    assert page.panel._covers.text() == "Covers every target, now 1: checkout-eu"


def test_saving_an_empty_form_tells_each_mistake_at_its_field(shown, qtbot, desk):
    _, form = opened_form(shown, qtbot)
    form.owner.clear()
    qtbot.mouseClick(form.save, CLICK)
    told = {field for field, label in form._problems.items() if label.isVisible()}
    assert told == {"name", "owner", "reason"}
    assert not desk.called("add_freeze")


def test_a_zone_that_does_not_exist_is_told_while_typing(shown, qtbot):
    _, form = opened_form(shown, qtbot)
    form.zone.setCurrentText("Europe/Berlim")
    assert "No such time zone" in form._problems["zone"].text()
    assert form._next.text() == "shown once zone and time are right"


def test_a_weekly_window_shows_what_comes_before_it_is_saved(shown, qtbot, desk):
    page, form = opened_form(shown, qtbot)
    qtbot.keyClicks(form.name, "Nights")
    qtbot.keyClicks(form.reason, "nobody on call")
    form.zone.setCurrentText("America/New_York")
    qtbot.mouseClick(form.weekly, CLICK)
    assert form._problems["span"].isVisible()
    qtbot.mouseClick(form.days[4], CLICK)
    lines = form._next.text().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("Fri 27 Nov 18:00 to Sat 28 Nov 06:00 · here ")
    qtbot.mouseClick(form.save, CLICK)
    ((window,),) = desk.called("add_freeze")
    assert (window.name, window.span.days, window.targets, window.owner) == ("Nights", frozenset({4}), (), "Rita M.")
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    assert not form.isVisible()


def test_a_window_for_chosen_targets_covers_only_those(shown, qtbot, desk):
    _, form = opened_form(shown, qtbot)
    qtbot.keyClicks(form.name, "Ledger")
    qtbot.keyClicks(form.reason, "books close")
    form.scope.setCurrentIndex(1)
    assert form._covers.text() == "covers 0 targets"
    form.picker.item(0).setCheckState(Qt.CheckState.Checked)
    assert form._covers.text() == "covers 1 target: account-eu"
    qtbot.mouseClick(form.save, CLICK)
    assert desk.called("add_freeze")[0][0].targets == ("account-eu",)


def test_a_window_that_could_not_be_stored_stays_in_the_form(shown, qtbot, desk):
    desk.errors["add_freeze"] = CannotRecord("The disk is full.", advice="Free some space.")
    _, form = opened_form(shown, qtbot)
    qtbot.keyClicks(form.name, "Nights")
    qtbot.keyClicks(form.reason, "x")
    qtbot.mouseClick(form.save, CLICK)
    qtbot.waitUntil(form._failure.isVisible)
    assert form._failure.text() == "The disk is full. Free some space."
    assert form.name.text() == "Nights"


def test_a_console_made_window_is_removed_with_a_reason(shown, qtbot, desk):
    page = shown(CalendarPage, samples.incident())
    qtbot.mouseClick(page.panel.remove, CLICK)
    dialog = page.findChild(AskingWhy)
    qtbot.keyClicks(dialog.reason, "sale is over")
    qtbot.mouseClick(dialog.answer, CLICK)
    assert desk.called("remove_freeze") == [("w1", "sale is over")]


def test_a_window_of_a_file_is_changed_in_its_file(shown):
    view = samples.calendar()
    window = replace(view.rows[0].window, origin="file")
    page = shown(CalendarPage, with_calendar(rows=(replace(view.rows[0], window=window),)))
    assert not page.panel.remove.isVisible()
    assert page.panel._why_not.text() == "It stands in a target file: change it there."


def test_the_line_is_stopped_with_a_reason_and_an_end(shown, qtbot, desk):
    page = shown(CalendarPage, samples.incident())
    page.show_subject("checkout-eu")
    qtbot.mouseClick(page.stop, CLICK)
    dialog = page.findChild(StopDialog)
    assert not dialog.answer.isEnabled()
    qtbot.keyClicks(dialog.reason, "payments look odd")
    dialog.until.setCurrentIndex(2)
    dialog.scope.setCurrentIndex(1)
    qtbot.mouseClick(dialog.answer, CLICK)
    assert desk.called("stop_the_line") == [("payments look odd", samples.NOW + timedelta(hours=1), ("checkout-eu",))]


def test_a_stopped_line_is_said_first_and_can_be_lifted(shown, qtbot, desk):
    stop = StopTheLine("Rita M.", "payments look odd", samples.NOW, samples.NOW + timedelta(hours=1))
    page = shown(CalendarPage, with_calendar(stops=(stop,)))
    assert page._headline.text() == "The line is stopped"
    qtbot.mouseClick(page.stop, CLICK)
    dialog = page.findChild(LiftDialog)
    qtbot.keyClicks(dialog.reason, "was a false alarm")
    qtbot.mouseClick(dialog.answer, CLICK)
    assert desk.called("lift_the_line") == [("was a false alarm",)]


def test_a_broken_calendar_is_said_before_everything_else(shown):
    page = shown(CalendarPage, with_calendar(broken="shop.yaml: line 4 cannot be read"))
    assert page._headline.text() == "The calendar cannot be read"
    assert page._ribbons.isVisible()


def test_a_changed_calendar_keeps_the_form_that_is_being_filled(shown, qtbot, around):
    page, form = opened_form(shown, qtbot)
    qtbot.keyClicks(form.name, "Half typed")
    tell(page, around, with_calendar(rows=()))
    assert form.isVisible()
    assert form.name.text() == "Half typed"


def test_peak_traffic_that_was_not_measured_is_unknown_and_holds():
    unknown = TrafficNow(None, True, None, 2222.0)
    assert peak_words(unknown)[:2] == (State.NO_DATA, "Unknown")
    assert "forward is held" in peak_words(unknown)[2]


def test_peak_traffic_says_rate_and_thresholds():
    state, word, sentence = peak_words(TrafficNow(0.86, True, samples.NOW, 800.0, 0.85, 0.6))
    assert (state, word) == (State.FROZEN, "Closed")
    assert sentence == "86 % of 800 a minute; closes at 85 %, opens under 60 %"


def test_the_headline_counts_windows_in_force():
    view = samples.calendar()
    row = replace(view.rows[0], now=view.rows[0].upcoming[0])
    assert headline(replace(view, rows=(row, row))) == "2 freeze windows are in force"


def test_the_week_strip_places_a_window_that_began_before_it_at_its_left_edge():
    window = samples.calendar().rows[0].window
    long = Occurrence(window, samples.NOW - timedelta(days=3), samples.NOW + timedelta(days=40))
    (bar,) = bars([long], samples.NOW, BERLIN)
    assert (bar.left, bar.right, bar.running) == (0.0, 1.0, True)


def test_the_week_strip_marks_the_day_on_which_clocks_change():
    (change,) = clock_changes(datetime(2027, 3, 25, 12, tzinfo=UTC), BERLIN)
    assert change[1] == 1
    assert 3 / 7 < change[0] < 4 / 7
    assert clock_changes(samples.NOW, BERLIN) == ()


def test_the_week_strip_speaks_its_bars(shown):
    page = shown(CalendarPage, samples.incident())
    assert page.strip.accessibleDescription().startswith("Weekend, Fri 27 Nov")
