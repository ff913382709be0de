"""From Settings a team's database is tried and chosen, the history moved into it, and the team left again."""

import pytest
from PySide6.QtCore import Qt

from console.desktop.pages.dialog import Asking, AskingWhy
from console.desktop.pages.settings import SettingsPage
from console.desktop.pages.team_dialogs import JoinDialog, MoveDialog, leave_words, tried_rows
from console.model.errors import StoreError
from tests.desktop import samples
from tests.desktop.clipping import clipped

CLICK = Qt.MouseButton.LeftButton
ADDRESS = "postgresql://rita@db.example/releases"


@pytest.fixture
def page(shown, qtbot):
    """Open the Settings page and wait until the records were read."""
    made = shown(SettingsPage)
    qtbot.waitUntil(lambda: made.team._view is not None)
    return made


def look_again(page, desk, qtbot, **changes):
    desk.kept = samples.team_records(**changes)
    page.team.load()
    qtbot.waitUntil(lambda: page.team._view is desk.kept)


def question(page, kind):
    (found,) = page.window().findChildren(kind)
    return found


def joining(page, qtbot):
    qtbot.mouseClick(page.team.join, CLICK)
    dialog = question(page, JoinDialog)
    dialog.address.setText(ADDRESS)
    dialog.password.setText("open sesame")
    return dialog


def test_a_database_is_tried_before_it_can_be_chosen(page, desk, qtbot):
    dialog = joining(page, qtbot)
    assert not dialog.answer.isEnabled()
    qtbot.mouseClick(dialog.test, CLICK)
    assert dialog.bar.isVisible()
    qtbot.waitUntil(dialog.answer.isEnabled)
    assert desk.called("team_try") == [(ADDRESS, "open sesame")]
    assert dialog.state.accessibleName() == "It answers"
    assert dialog.facts.isVisible()
    assert not dialog.bar.isVisible()
    dialog.address.setText(ADDRESS + "2")
    assert not dialog.answer.isEnabled()
    assert not dialog.facts.isVisible()


def test_what_was_tried_is_used_from_the_next_start_and_the_page_says_so(page, desk, qtbot):
    dialog = joining(page, qtbot)
    qtbot.mouseClick(dialog.test, CLICK)
    qtbot.waitUntil(dialog.answer.isEnabled)
    qtbot.mouseClick(dialog.answer, CLICK)
    qtbot.waitUntil(page.team.next.isVisible)
    assert desk.called("team_use") == [(ADDRESS, "open sesame")]
    assert page.team.next.text() == "From the next start on, records are kept in releases on db.example:5432 as rita."
    assert page.heard["told"][-1].title == "Chosen for the next start"
    assert page.team.leave.isVisible()


def test_a_database_that_does_not_answer_is_told_in_words(page, desk, qtbot):
    desk.errors["team_try"] = StoreError("The server does not accept this login.", means="Nothing was changed.", advice="Check it.")
    dialog = joining(page, qtbot)
    qtbot.mouseClick(dialog.test, CLICK)
    qtbot.waitUntil(dialog._problem.isVisible)
    assert "does not accept this login" in dialog._problem.text()
    assert not dialog.answer.isEnabled()
    assert dialog.address.isEnabled()
    assert desk.called("team_use") == []


def test_a_login_without_a_role_is_told_before_it_is_chosen(page, desk, qtbot):
    desk.tried = samples.tried(roles=(), may=())
    dialog = joining(page, qtbot)
    qtbot.mouseClick(dialog.test, CLICK)
    qtbot.waitUntil(dialog.facts.isVisible)
    assert dialog.state.accessibleName() == "It gives you no role"
    assert ("Role", "none: an administrator of the team has to add you") in tried_rows(desk.tried)


def test_the_history_is_moved_with_a_reason_and_progress(page, desk, qtbot):
    assert not page.team.move_here.isVisible()
    look_again(page, desk, qtbot, unmoved=412)
    assert page.team.move_here.text() == "Move this computer's 412 records …"
    qtbot.mouseClick(page.team.move_here, CLICK)
    dialog = question(page, MoveDialog)
    assert not dialog.answer.isEnabled()
    dialog.reason.setText("one history")
    steps = []
    dialog._stepped.connect(lambda done, total: steps.append((done, total)))
    qtbot.mouseClick(dialog.answer, CLICK)
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    assert desk.called("team_move") == [("one history",)]
    assert steps == [(206, 412)]
    assert page.heard["told"][-1].text == "412 records, 3 rollouts, 2 targets, 1 freeze window, 0 stops, verified there."
    qtbot.waitUntil(page.team.move_here.isHidden)


def test_a_move_that_runs_is_stopped_by_cancel_and_can_go_on(page, desk, qtbot):
    look_again(page, desk, qtbot, unmoved=412)
    qtbot.mouseClick(page.team.move_here, CLICK)
    dialog = question(page, MoveDialog)
    dialog.reason.setText("one history")
    dialog._stop.clear = dialog._stop.set  # as if Stop was pressed before the first portion
    qtbot.mouseClick(dialog.answer, CLICK)
    assert dialog.cancel.text() == "Stop"
    dialog.reject()
    assert dialog.isVisible()
    qtbot.waitUntil(dialog._problem.isVisible)
    assert "206 of 412 are in the team's records." in dialog._problem.text()
    assert dialog.cancel.text() == "Cancel"
    assert dialog.answer.isEnabled()
    dialog.reject()
    assert not dialog.isVisible()


def test_a_database_that_is_gone_takes_no_history(page, desk, qtbot):
    look_again(page, desk, qtbot, unmoved=412, problem="It does not answer.")
    assert page.team.move_here.isVisible()
    assert not page.team.move_here.isEnabled()


def test_a_team_is_left_after_a_question_that_says_what_waits(page, desk, qtbot):
    look_again(page, desk, qtbot, waiting=3)
    qtbot.mouseClick(page.team.leave, CLICK)
    dialog = question(page, Asking)
    assert desk.called("team_leave") == []
    assert "3 records wait in this computer's journal" in leave_words(desk.kept)
    qtbot.mouseClick(dialog.answer, CLICK)
    qtbot.waitUntil(lambda: page.team.next.text() == "From the next start on, records are kept in your own folder.")
    assert desk.called("team_leave") == [()]


def test_leaving_without_anything_that_waits_says_nothing_of_it():
    assert "wait" not in leave_words(samples.team_records())


def test_a_question_grows_with_what_it_has_to_show(page, desk, qtbot):
    dialog = joining(page, qtbot)
    before = dialog.height()
    qtbot.mouseClick(dialog.test, CLICK)
    qtbot.waitUntil(lambda: dialog.height() > before)
    assert clipped(dialog) == []
    desk.errors["team_use"] = StoreError("The server went away. " * 12, means="Nothing was changed.", advice="Try again.")
    qtbot.mouseClick(dialog.answer, CLICK)
    qtbot.waitUntil(lambda: dialog._problem.isVisible() and clipped(dialog) == [])


def test_what_is_missing_for_an_answer_stands_beside_the_shut_button(qtbot):
    question = AskingWhy("Skip step 4?", "It stays as it is.", "Skip this step")
    qtbot.addWidget(question)
    assert (question.answer.isEnabled(), question.missing.text()) == (False, "needs a reason")
    question.reason.setText("it was done by hand")
    assert (question.answer.isEnabled(), question.missing.text()) == (True, "")
