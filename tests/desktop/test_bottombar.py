"""Hold, step down, roll back, kill flag: a click acts at once, a key asks first unless a gate fails, a stray key does nothing."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from console.desktop.widgets.bottombar import ORDER, BottomBar
from console.model.verbs import Verb
from tests.desktop import samples


@pytest.fixture
def bar(qtbot):
    made = BottomBar()
    qtbot.addWidget(made)
    made.resize(1440, 60)
    made.heard = []
    made.acted.connect(lambda verb: made.heard.append(("act", verb)))
    made.asked.connect(lambda verb: made.heard.append(("ask", verb)))
    made.refused.connect(lambda why: made.heard.append(("refuse", why)))
    made.show()
    return made


def test_the_four_verbs_stand_in_their_order(bar):
    assert [button.name for button in bar.buttons.values()] == ["Hold", "Step down", "Roll back", "Kill flag"]
    assert [key for _, _, key, _ in ORDER] == ["F6", "F7", "F8", "F9"]


def test_they_are_never_hidden(bar):
    bar.show_verbs("", {}, failing=False)
    assert all(button.isVisible() and not button.isEnabled() for button in bar.buttons.values())
    assert {button.second for button in bar.buttons.values()} == {"needs a rollout"}


def test_a_click_acts_at_once(qtbot, bar):
    bar.show_verbs("checkout-eu", samples.verbs(), failing=False)
    qtbot.mouseClick(bar.buttons[Verb.ROLLBACK], Qt.MouseButton.LeftButton)
    assert bar.heard == [("act", Verb.ABORT)]


def test_a_key_asks_first_and_enter_sends(qtbot, bar):
    bar.show_verbs("checkout-eu", samples.verbs(), failing=False)
    bar.press_key(Verb.ROLLBACK)
    assert bar.heard == [("ask", Verb.ABORT)]
    qtbot.keyClick(bar.buttons[Verb.ROLLBACK], Qt.Key.Key_Return)
    assert bar.heard[1:] == [("act", Verb.ABORT)]


def test_a_second_press_of_the_key_still_sends_nothing(bar):
    bar.show_verbs("checkout-eu", samples.verbs(), failing=False)
    bar.press_key(Verb.HOLD)
    bar.press_key(Verb.HOLD)
    assert bar.heard == [("ask", Verb.HOLD)] * 2


def test_a_key_acts_at_once_while_a_gate_fails(bar):
    bar.show_verbs("checkout-eu", samples.verbs(), failing=True)
    bar.press_key(Verb.ROLLBACK)
    assert bar.heard == [("act", Verb.ABORT)]


def test_a_key_of_a_verb_that_cannot_act_says_why(bar):
    bar.show_verbs("checkout-eu", samples.verbs(running=False), failing=True)
    bar.press_key(Verb.STEP_DOWN)
    assert bar.heard == [("refuse", "Step down: no rollout runs")]


def test_only_roll_back_turns_solid_in_a_failure(bar):
    bar.show_verbs("checkout-eu", samples.verbs(), failing=True)
    assert [button.name for button in bar.buttons.values() if button.solid] == ["Roll back"]
    bar.show_verbs("checkout-eu", samples.verbs(), failing=False)
    assert not any(button.solid for button in bar.buttons.values())


def test_the_whole_undo_is_preferred_where_it_is_told(bar):
    told = samples.verbs()
    told[Verb.ROLLBACK] = replace(told[Verb.ABORT], verb=Verb.ROLLBACK, second="back to 5.1, 44 s")
    bar.show_verbs("checkout-eu", told, failing=True)
    assert bar.buttons[Verb.ROLLBACK].second == "back to 5.1, 44 s"
    bar.press_key(Verb.ROLLBACK)
    assert bar.heard == [("act", Verb.ROLLBACK)]


def test_a_verb_says_its_prediction_to_screen_readers(bar):
    bar.show_verbs("checkout-eu", samples.verbs(), failing=False)
    assert bar.buttons[Verb.ROLLBACK].accessibleName() == "Roll back, 41 s, traffic in 9 s"


def test_the_verbs_get_narrower_in_a_narrow_window(qtbot, bar):
    bar.resize(1180, 60)
    qtbot.waitUntil(lambda: bar.buttons[Verb.HOLD].width() == 170)
