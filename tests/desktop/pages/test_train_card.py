"""The train over its rollout: services in order with what they wait for, and one click that takes back all of it."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from console.desktop.pages.releases import ReleasesPage
from console.model.commands import Decision
from console.model.errors import Unreachable
from console.model.train import TrainPhase
from console.model.verbs import State
from console.model.views import Update
from tests.desktop import samples
from tests.desktop.pages.fake_desk import tell

CLICK = Qt.MouseButton.LeftButton


def with_train(update: Update, **more) -> Update:
    return replace(update, trains=(samples.train(**more),))


def test_it_shows_the_services_in_order_and_what_each_waits_for(shown):
    page = shown(ReleasesPage, with_train(samples.incident()))
    card = page.train
    assert card.isVisible()
    assert card.head.accessibleName().startswith("Autumn (T-3): 1 of 3 passed")
    words = [(row.number.text(), row.state.accessibleName(), row.name.text(), row.what.text(), row.fact.text()) for row in card.rows]
    assert words == [
        ("1", "done, ledger-eu", "ledger-eu", "Ledger 9.4, the next starts once its gates passed", ""),
        ("2", "under way, checkout-eu", "checkout-eu", "Checkout 5.2b, after ledger-eu", "canary 5 %"),
        ("3", "waiting, web-eu", "web-eu", "Web 31, after ledger-eu and checkout-eu", "waits for checkout-eu"),
    ]
    assert card.effect.text() == "Roll back takes back checkout-eu and ledger-eu"
    assert card.hold.toolTip() == "nothing starts, what runs stays"
    assert [row.link.isVisible() for row in card.rows] == [True, False, False], "the one below needs no link"


def test_a_rollout_of_its_own_shows_no_train(shown, around):
    page = shown(ReleasesPage, samples.incident())
    assert not page.train.isVisible()
    tell(page, around, Update(trains=(replace(samples.train(), members=samples.train().members[:1]),)))
    assert not page.train.isVisible()


def test_one_click_takes_all_of_it_back_without_a_question(shown, qtbot, desk):
    page = shown(ReleasesPage, with_train(samples.incident()))
    assert page.train.back.accessibleName() == "Roll back the train Autumn: takes back checkout-eu and ledger-eu"
    qtbot.mouseClick(page.train.back, CLICK)
    assert desk.called("roll_back_train") == [("T-3",)]


def test_hold_holds_all_and_a_held_train_resumes_with_a_reason(shown, qtbot, desk, around):
    page = shown(ReleasesPage, with_train(samples.incident()))
    assert not page.train.resume.isVisible()
    qtbot.mouseClick(page.train.hold, CLICK)
    assert desk.called("hold_train") == [("T-3",)]
    tell(page, around, with_train(Update(), phase=TrainPhase.HELD, state=State.HELD, note="Held by Rita M.: lunch."))
    assert (page.train.hold.isVisible(), page.train.resume.isVisible(), page.train.note.text()) == (False, True, "Held by Rita M.: lunch.")
    qtbot.mouseClick(page.train.resume, CLICK)
    dialog = page.train_moves.dialog
    dialog.reason.setText("back from lunch")
    dialog.answer.click()
    qtbot.waitUntil(lambda: desk.called("resume_train") == [("T-3", "back from lunch")])


def test_a_refusal_and_a_broken_line_are_told(shown, qtbot, desk):
    page = shown(ReleasesPage, with_train(samples.incident()))
    desk.decision = Decision(False, ("Nothing of T-3 is forward any more.",))
    qtbot.mouseClick(page.train.back, CLICK)
    qtbot.waitUntil(lambda: len(page.heard["told"]) == 1)
    assert page.heard["told"][0].text == "Nothing of T-3 is forward any more."
    desk.errors["roll_back_train"] = Unreachable("The records do not answer.", sent=False)
    qtbot.mouseClick(page.train.back, CLICK)
    qtbot.waitUntil(lambda: len(page.heard["told"]) == 2)
    assert "The records do not answer." in page.heard["told"][1].text


@pytest.mark.parametrize("phase", [TrainPhase.GOING_BACK, TrainPhase.STOPPED])
def test_while_it_goes_back_the_button_stays_to_send_it_once_more(shown, phase):
    page = shown(ReleasesPage, with_train(samples.incident(), phase=phase, state=State.ROLLING_BACK))
    assert (page.train.back.isVisible(), page.train.hold.isVisible()) == (True, False)


def test_a_member_is_one_click_away(shown, qtbot, around):
    update = with_train(samples.incident())
    other = replace(samples.healthy().rollouts[0], id="R-2288", target="ledger-eu", title="Ledger 9.4")
    page = shown(ReleasesPage, replace(update, rollouts=(*update.rollouts, other)))
    qtbot.mouseClick(page.train.rows[0].link, CLICK)
    assert page.shows_rollout("R-2288")
    assert [row.link.isVisible() for row in page.train.rows] == [False, True, False]
