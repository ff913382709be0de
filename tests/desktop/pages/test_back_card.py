"""The way back on screen: each row says where it stands, a stopped one offers its moves, and there is never a dead end."""

from dataclasses import replace
from datetime import timedelta

from PySide6.QtCore import Qt

from console.desktop.pages import back_words as words
from console.desktop.pages.releases import ReleasesPage
from console.desktop.widgets.age import ticker
from console.model.errors import Unreachable
from console.model.rollout import Phase
from console.model.verbs import State
from console.model.views import Fact
from tests.desktop import samples
from tests.desktop.pages.fake_desk import tell

CLICK = Qt.MouseButton.LeftButton


def stopped(shown):
    return shown(ReleasesPage, samples.going_back(samples.back_stopped_rollout()))


def buttons(page, number):
    row = page.rollout.back.rows.rows[number - 1]
    return [move for move, button in row.buttons.items() if button.isVisible()]


def test_while_it_goes_back_the_card_says_which_step_runs_and_how_long_it_still_takes(shown):
    page = shown(ReleasesPage, samples.going_back())
    card = page.rollout.back
    assert card.isVisible()
    assert not page.rollout.act.isVisible()
    assert card.head.accessibleName() == "Rolling back, step 3 of 6, checkout-eu"
    assert card._aside.text() == "5 min 28 s left"
    assert card.safe.text() == "Traffic is back on stable 5.1: 0 % read back 10:10:30."


def test_seconds_of_the_running_step_move_with_the_clock(shown):
    view = samples.back_rollout()
    started = words.since(view)
    running = view.sends[2]
    assert words.seconds_words(running, started, samples.NOW) == "7 s of 18 s"
    page = shown(ReleasesPage, samples.going_back(view))
    ticker().set_clock(samples.SampleClock(samples.NOW + timedelta(seconds=3)))
    assert page.rollout.back._aside.text() == "5 min 25 s left"


def test_every_row_says_what_it_waits_for_and_what_it_would_lose(shown):
    page = shown(ReleasesPage, samples.going_back())
    rows = page.rollout.back.rows.rows
    assert rows[3].note.text() == "waits for 3"
    assert rows[4].note.text() == "waits for 3 and 4  ·  lossy, loses payment references of 31 orders since 10:02"
    assert not rows[0].note.isVisible()
    assert "under way" in rows[2].accessibleName()


def test_a_stopped_row_offers_exactly_its_moves(shown):
    page = stopped(shown)
    assert buttons(page, 4) == ["retry", "skip", "stop"]
    assert buttons(page, 6) == ["sign", "skip"]
    assert all(buttons(page, number) == [] for number in (1, 2, 3, 5))
    assert page.rollout.back.head.accessibleName() == "Rollback stopped at step 4: Purge payment tokens, checkout-eu"
    assert "3 of 6 done" in page.rollout.back.advice.text()


def test_retry_goes_at_one_click(shown, qtbot, desk):
    page = stopped(shown)
    qtbot.mouseClick(page.rollout.back.rows.rows[3].buttons["retry"], CLICK)
    assert [call[:3] for call in desk.called("move_step")] == [("R-2291", 3, "retry")]


def test_when_it_stops_the_keyboard_is_on_the_first_move(shown, qtbot, around, desk):
    page = shown(ReleasesPage, samples.going_back())
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    tell(page, around, samples.going_back(samples.back_stopped_rollout()))
    retry = page.rollout.back.rows.rows[3].buttons["retry"]
    assert retry.hasFocus()
    qtbot.keyClick(retry, Qt.Key.Key_Tab)
    assert page.rollout.back.rows.rows[3].buttons["skip"].hasFocus()
    qtbot.keyClick(retry, Qt.Key.Key_Return)
    assert len(desk.called("move_step")) == 1


def test_a_skip_needs_a_reason(shown, qtbot, desk):
    page = stopped(shown)
    qtbot.mouseClick(page.rollout.back.rows.rows[3].buttons["skip"], CLICK)
    dialog = page.moves.dialog
    assert not dialog.answer.isEnabled()
    qtbot.keyClicks(dialog.reason, "tokens expire in 10 min anyway")
    qtbot.mouseClick(dialog.answer, CLICK)
    assert desk.called("move_step") == [("R-2291", 3, "skip", "tokens expire in 10 min anyway")]


def test_a_manual_step_shows_its_instructions_and_is_signed_by_name(shown, qtbot, desk):
    page = stopped(shown)
    qtbot.mouseClick(page.rollout.back.rows.rows[5].buttons["sign"], CLICK)
    dialog = page.moves.dialog
    assert dialog.answer.text() == "Sign as Rita M."
    assert "settlement" in dialog.body.itemAt(0).widget().text()
    qtbot.keyClicks(dialog.reason, "ticket 4711")
    qtbot.mouseClick(dialog.answer, CLICK)
    assert desk.called("move_step") == [("R-2291", 5, "sign", "ticket 4711")]


def test_a_lossy_step_without_a_snapshot_is_signed_as_lost(shown, qtbot, desk):
    view = samples.back_stopped_rollout()
    rows = tuple(replace(row, moves=("retry", "sign", "skip", "stop")) if row.seq == 4 else row for row in view.sends)
    page = shown(ReleasesPage, samples.going_back(replace(view, sends=rows)))
    qtbot.mouseClick(page.rollout.back.rows.rows[4].buttons["sign"], CLICK)
    dialog = page.moves.dialog
    assert "loses payment references of 31 orders" in dialog.body.itemAt(0).widget().text()
    assert dialog.asks.text() == "Reason"
    dialog.reject()


def test_a_move_that_is_refused_leaves_the_dialog_open_with_the_reason(shown, qtbot, desk):
    desk.errors["move_step"] = Unreachable("The records cannot be written.", sent=False)
    page = stopped(shown)
    qtbot.mouseClick(page.rollout.back.rows.rows[3].buttons["stop"], CLICK)
    dialog = page.moves.dialog
    qtbot.keyClicks(dialog.reason, "redis is being moved")
    qtbot.mouseClick(dialog.answer, CLICK)
    qtbot.waitUntil(dialog._problem.isVisible)
    assert "cannot be written" in dialog._problem.text()
    dialog.reject()


def test_a_retry_that_fails_is_told(shown, qtbot, desk):
    desk.errors["move_step"] = Unreachable("The records cannot be written.", sent=False)
    page = stopped(shown)
    qtbot.mouseClick(page.rollout.back.rows.rows[3].buttons["retry"], CLICK)
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    assert page.heard["told"][0].title == "Step 4 could not be tried again"


def test_traffic_that_is_not_back_is_said_first(shown):
    view = samples.back_stopped_rollout()
    late = replace(view, weight=replace(view.weight, read_back=Fact(5.0, samples.NOW)))
    assert words.safe_words(late) == ("Traffic is not back yet: 5 % canary read back 10:10:31.", "fail")
    unread = replace(view, weight=replace(view.weight, read_back=Fact(None, None)))
    assert words.safe_words(unread)[1] == "unknown"


def test_a_way_back_that_a_person_stopped_still_says_how_to_go_on(shown):
    view = samples.back_stopped_rollout()
    rows = tuple(replace(row, moves=()) for row in view.sends)
    page = shown(ReleasesPage, samples.going_back(replace(view, sends=rows)))
    assert "Roll back (F8)" in page.rollout.back.advice.text()


def test_a_finished_way_back_names_what_was_skipped_and_how_long_it_took(shown):
    rows = tuple(replace(row, state=State.HEALTHY, took_s=row.predicted_s) for row in samples.way_back())
    rows = (*rows[:3], replace(rows[3], state=State.WAIVED, took_s=None, detail="skipped by Rita M.: tokens expire"), *rows[4:])
    view = samples.back_rollout(phase=Phase.ROLLED_BACK, sends=rows, steps=(), ended_at=samples.NOW)
    page = shown(ReleasesPage, samples.going_back(view))
    assert page.rollout.back.head.accessibleName() == "Rolled back, 1 step skipped, checkout-eu"
    assert page.rollout.back._aside.text() == "5 min 40 s, predicted 5 min 45 s"


def test_the_bottom_bar_keeps_roll_back_after_a_stop(opened):
    inside = opened(samples.going_back(samples.back_stopped_rollout()))
    assert inside.window.bottom.button_of(samples.Verb.ABORT).isEnabled()


def test_no_toast_lies_over_the_rollout_that_is_on_screen(opened):
    inside = opened(samples.going_back(samples.back_stopped_rollout()))
    inside.go("releases")
    inside.tell(samples.notice())
    assert inside.toasts.shown == ()
    inside.go("calendar")
    inside.tell(samples.notice())
    assert len(inside.toasts.shown) == 1
