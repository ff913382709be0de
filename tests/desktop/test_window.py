"""The whole window around a fake desk: its colour, its bars, its keys, and what it says when something fails."""

from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from console.desktop import standing
from console.desktop.leaving import Leaving
from console.desktop.widgets.ring import FocusRing
from console.model.commands import Decision
from console.model.errors import CannotRecord
from console.model.target import Environment
from console.model.verbs import State, Verb
from console.model.views import Problem, Update
from tests.desktop import samples


def key(qtbot, inside, which, modifier=Qt.KeyboardModifier.NoModifier):
    inside.window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is inside.window)
    qtbot.keyClick(inside.window, which, modifier)


def acted(inside):
    return [command.verb for (command,) in inside.desk.called("act")]


def test_the_title_begins_with_the_environment(opened):
    inside = opened(samples.incident())
    assert inside.window.windowTitle() == "PRODUCTION, checkout-eu - release-console"


@pytest.mark.parametrize("environment", list(Environment))
def test_frame_and_tab_show_the_targets_environment(opened, environment):
    inside = opened(Update(targets=(samples.target(environment=environment),)))
    assert inside.window.top.tab.word == environment.upper()
    token = {"production": "#F0569F", "staging": "#3FB3B8", "practice": "#A3B44D"}[environment]
    image = inside.window.frame.grab().toImage()
    seen = {image.pixelColor(x, image.height() - 2).name().upper() for x in range(200, 260)}
    assert token in seen
    assert (len(seen) > 1) == (environment is Environment.PRACTICE), "only the practice frame is hatched"


def test_without_a_target_the_tab_says_so(opened):
    inside = opened(samples.first_start())
    assert inside.window.top.tab.word == "NO TARGET"
    assert inside.window.windowTitle() == "release-console"


def test_before_a_person_chose_the_worst_target_is_shown(opened):
    inside = opened(samples.incident())
    assert inside.steering.target.name == "checkout-eu"
    assert standing.acts_on(inside.steering.target) == "checkout-eu, 5 % canary"


def test_a_chosen_target_stays_chosen_when_another_one_fails(opened):
    inside = opened(samples.healthy())
    inside.steering.pick("account-eu")
    inside.around.bridge.updated.emit(samples.incident())
    assert inside.steering.target.name == "account-eu"


def test_the_engine_is_told_which_target_the_window_is_for_once(qtbot, opened):
    inside = opened(samples.healthy())
    inside.steering.pick("account-eu")
    inside.steering.refresh()
    qtbot.waitUntil(lambda: inside.desk.called("look_at")[-1:] == [("account-eu",)])
    looked_at = [name for (name,) in inside.desk.called("look_at") if name]
    assert looked_at == ["checkout-eu", "account-eu"]


def test_f8_acts_at_once_while_a_gate_fails(qtbot, opened):
    inside = opened(samples.incident())
    key(qtbot, inside, Qt.Key.Key_F8)
    qtbot.waitUntil(lambda: acted(inside) == [Verb.ABORT])


def test_f8_shows_a_preview_first_and_enter_sends(qtbot, opened):
    inside = opened(samples.healthy())
    key(qtbot, inside, Qt.Key.Key_F8)
    qtbot.waitUntil(lambda: bool(inside.desk.called("preview")))
    assert acted(inside) == []
    button = inside.window.bottom.buttons[Verb.ROLLBACK]
    assert button.hasFocus()
    qtbot.keyClick(button, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: acted(inside) == [Verb.ABORT])


def test_escape_leaves_the_preview_unsent(qtbot, opened):
    inside = opened(samples.healthy())
    key(qtbot, inside, Qt.Key.Key_F6)
    qtbot.waitUntil(lambda: bool(inside.desk.called("preview")))
    qtbot.keyClick(inside.window.bottom.buttons[Verb.HOLD], Qt.Key.Key_Escape)
    assert not inside.steering.previewing
    assert acted(inside) == []


def test_a_click_on_roll_back_acts_with_the_rollout_it_is_in(qtbot, opened):
    inside = opened(samples.healthy())
    qtbot.mouseClick(inside.window.bottom.buttons[Verb.ROLLBACK], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: acted(inside) == [Verb.ABORT])
    (command,) = inside.desk.called("act")[0]
    assert (command.target, command.rollout, command.actor) == ("checkout-eu", "R-2291", samples.ACTOR)


def test_a_refusal_is_told_with_what_would_be_allowed(qtbot, opened):
    inside = opened(samples.healthy())
    inside.desk.decision = Decision(False, ("Sale weekend freezes it.",), "Hold and roll back stay open.")
    inside.steering.act(Verb.HOLD)
    qtbot.waitUntil(lambda: bool(inside.toasts.shown))
    assert inside.toasts.shown[0].text == "Sale weekend freezes it. Hold and roll back stay open."


def test_an_error_is_told_in_words(qtbot, opened):
    inside = opened(samples.healthy())
    inside.desk.errors["act"] = CannotRecord("The disk is full.", means="Nothing new is recorded.", advice="Free some space.")
    inside.steering.act(Verb.HOLD)
    qtbot.waitUntil(lambda: bool(inside.toasts.shown))
    assert inside.toasts.shown[0].text == "The disk is full. Nothing new is recorded. Free some space."


def test_a_failure_brings_an_alarm_when_the_window_is_out_of_sight(qtbot, opened):
    alarms = []
    inside = opened(samples.healthy(), alarm=alarms.append)
    inside.window.hide()
    qtbot.waitUntil(lambda: not inside.window.isActiveWindow())
    inside.around.bridge.updated.emit(Update(notices=(samples.notice("fail"),)))
    assert [notice.title for notice in alarms] == ["Payment completion failed"]


def test_a_freeze_stands_over_every_page(opened):
    inside = opened(samples.frozen())
    found = standing.ribbons(inside.steering.target, inside.steering.rollout, None, samples.NOW)
    assert [ribbon.state for ribbon in found] == [State.FROZEN]
    assert "Backward moves are open." in found[0].text
    assert inside.ribbons.isVisible()


def test_at_most_three_ribbons_stand_the_worst_on_top(opened):
    inside = opened(samples.unknown())
    worst = replace(
        inside.steering.target, armed=False, freeze=samples.frozen().targets[0].freeze, weight=samples.weight(drift=True), rollout="R-2291"
    )
    store = Problem("The disk is full.", "Nothing new is recorded.", "Free some space.", samples.NOW)
    inside.around.bridge.updated.emit(Update(targets=(worst,), store_problem=store))
    names = [ribbon.accessibleName() for ribbon in inside.ribbons.shown]
    assert len(names) == 3
    assert names[0].startswith("The disk is full.")


def test_pages_are_made_when_they_are_first_shown(opened):
    inside = opened(samples.incident())
    assert inside.pages == {}
    inside.go("audit")
    assert list(inside.pages) == ["audit"]


def test_ctrl_and_a_number_open_a_page(qtbot, opened):
    inside = opened(samples.incident())
    key(qtbot, inside, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert inside.page is inside.pages["releases"]


def test_the_palette_opens_by_ctrl_k_and_rolls_back_by_ctrl_enter(qtbot, opened):
    from console.desktop.widgets.palette import Palette

    inside = opened(samples.healthy())
    key(qtbot, inside, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = inside.window.findChild(Palette)
    qtbot.keyClicks(palette.field, "roll checkout")
    assert palette.chosen().text == "Roll back checkout-eu"
    qtbot.keyClick(palette.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: acted(inside) == [Verb.ABORT])


def test_the_focus_ring_follows_the_keyboard(qtbot, qapp, opened):
    inside = opened(samples.healthy())
    ring = FocusRing(qapp, inside.window)
    inside.window.activateWindow()
    qtbot.waitUntil(inside.window.isActiveWindow)
    button = inside.window.bottom.buttons[Verb.HOLD]
    button.setFocus(Qt.FocusReason.TabFocusReason)
    assert ring.around is button


def test_at_the_smallest_size_everything_still_fits(qtbot, opened):
    inside = opened(samples.incident(), size=(1180, 680))
    inside.go("releases", "R-2291")
    assert inside.window.size().width() == 1180
    assert inside.window.bottom.buttons[Verb.FLAG_KILL].geometry().right() < 1180


def test_closing_on_a_rollout_that_we_drive_asks_first(qtbot, opened):
    inside = opened(samples.healthy())
    assert not inside.window.close()
    question = inside.window.findChild(Leaving)
    assert question.isVisible()
    qtbot.mouseClick(question.stay, Qt.MouseButton.LeftButton)
    assert inside.window.isVisible()
    inside.window.close()
    inside.window.findChildren(Leaving)[-1].leave.click()
    qtbot.waitUntil(lambda: not inside.window.isVisible())


def test_closing_without_a_rollout_of_ours_closes(opened):
    inside = opened(samples.first_start())
    assert inside.window.close()


def test_the_lease_shows_who_drives(opened):
    inside = opened(samples.healthy())
    assert inside.window.top.wheel.accessibleName() == "You lease 14"


def test_an_old_lease_is_named(opened):
    calm = samples.healthy()
    other = replace(calm.rollouts[0], wheel=samples.wheel(mine=False))
    inside = opened(replace(calm, rollouts=(other,)))
    assert inside.window.top.wheel.accessibleName() == "Rita M. you read only"


def test_a_silent_system_is_counted(opened):
    view = samples.target()
    late = replace(view.connections[0], ok=False, last_at=samples.NOW - timedelta(seconds=41))
    inside = opened(Update(targets=(replace(view, connections=(late, *view.connections[1:])),)))
    assert inside.window.top.connections.accessibleName() == "4 of 5 oldest 41 s"


def test_tab_goes_from_the_way_back_to_the_evidence_to_the_panels_and_last_to_the_bottom_bar(opened):
    inside = opened(samples.incident())
    window = inside.window
    inside.go("releases")
    pane = inside.pages["releases"].rollout
    chain, here = [], window.nextInFocusChain()
    while here is not window:
        chain.append(here)
        here = here.nextInFocusChain()
    wanted = [pane.act.button, pane.gates.card.link, pane.pipeline.tabs[0], *window.bottom.buttons.values()]
    assert [chain.index(each) for each in wanted] == sorted(chain.index(each) for each in wanted)


def test_a_page_that_opens_by_itself_gives_no_button_the_keyboard(qtbot, opened):
    inside = opened(samples.healthy())
    inside.window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is inside.window)
    inside.go("targets")
    inside.pages["targets"].table.filter.setFocus()
    qtbot.waitUntil(inside.pages["targets"].table.filter.hasFocus)
    inside.go("releases")
    assert inside.pages["releases"].hasFocus()
    qtbot.keyClick(inside.window, Qt.Key.Key_Return)
    qtbot.keyClick(inside.window, Qt.Key.Key_Space)
    assert acted(inside) == []
