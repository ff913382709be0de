"""The wheel on screen: who drives, a lost driver, the handover card, and a window whose own lease is over."""

from dataclasses import replace

from PySide6.QtCore import Qt

from console.desktop.pages.handover import card_rows
from console.desktop.pages.releases import ReleasesPage
from console.model.commands import Decision
from console.model.errors import Unreachable
from console.model.rollout import Phase
from console.model.views import Update, WheelView
from tests.desktop import samples
from tests.desktop.pages.fake_desk import tell

CLICK = Qt.MouseButton.LeftButton


def taken_over():
    (view,) = samples.healthy().rollouts
    return Update(rollouts=(replace(view, wheel=WheelView(samples.lease("Ana R.", 15, 2.0), mine=False)),))


def test_the_driver_sees_lease_and_seconds_and_can_hand_over(shown):
    page = shown(ReleasesPage, samples.healthy())
    card = page.rollout.wheel
    assert card.badge.accessibleName() == "You, lease 14, 13 s left"
    assert card.hand_over.isVisible()
    assert not card.take.isVisible()


def test_a_lost_driver_is_told_by_a_ribbon_over_every_page(opened, qtbot):
    inside = opened(samples.lost_driver())
    inside.go("calendar")
    ribbon = inside.ribbons.shown[0]
    assert ribbon.accessibleName() == "Ravi's console lost 0:12 ago. Search 9.0 held at 25 %."
    (link,) = ribbon.links
    assert link.text() == "Take the wheel"
    qtbot.mouseClick(link, CLICK)
    dialog = inside.pages["releases"].wheel.dialog
    assert dialog.isVisible()
    assert inside.desk.called("take_wheel") == []
    dialog.reject()


def test_the_top_bar_says_that_the_driver_is_lost(opened):
    inside = opened(samples.lost_driver())
    assert inside.window.top.wheel.accessibleName() == "Ravi lost 0:12 ago"


def test_taking_the_wheel_shows_the_handover_card_first(shown, qtbot, desk):
    page = shown(ReleasesPage, samples.lost_driver())
    qtbot.mouseClick(page.rollout.wheel.take, CLICK)
    dialog = page.wheel.dialog
    qtbot.waitUntil(dialog.facts.isVisible)
    assert dialog.reason.text() == "Ravi's console lost 0:12 ago"
    qtbot.mouseClick(dialog.answer, CLICK)
    assert desk.called("take_wheel") == [("R-2301", "Ravi's console lost 0:12 ago")]
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    assert page.heard["told"][0].title == "You have the wheel"


def test_the_handover_card_says_everything_a_new_driver_has_to_know():
    rows = dict(card_rows(samples.handover(), samples.NOW))
    assert rows["Plan"] == "7f3a 91c2"
    assert rows["Driver"] == "Ravi, lease 7, last heard 10:10:04 (27 s ago)"
    assert rows["Traffic"] == "25 % asked, 25 % read back 10:10:30"
    assert rows["Gate"] == "Payment completion: watching. 0 of 1, needs 3 more, about 5 min (9 s ago)"
    assert rows["Note"].startswith("waiting for the catalogue import")
    assert rows["Unknown"] == "50 % to the canary, sent 10:09:51: 25 % read back 10:10:30"
    assert rows["Queued"] == "promote, asked 10:09:51 by Ravi, not confirmed"
    bare = dict(card_rows(samples.handover(holder="", note="", unknowns=(), queued=(), gates=()), samples.NOW))
    assert bare["Driver"] == "nobody"
    assert bare["Note"] == "no note was left"
    assert "Unknown" not in bare


def test_a_refused_takeover_says_why_and_keeps_the_dialog(shown, qtbot, desk):
    desk.decision = Decision(False, ("Ravi renewed the lease 1 s ago.",), "Ask Ravi to hand over.")
    page = shown(ReleasesPage, samples.lost_driver())
    qtbot.mouseClick(page.rollout.wheel.take, CLICK)
    dialog = page.wheel.dialog
    qtbot.mouseClick(dialog.answer, CLICK)
    qtbot.waitUntil(dialog._problem.isVisible)
    assert dialog._problem.text() == "Ravi renewed the lease 1 s ago. Ask Ravi to hand over."
    assert page.heard["told"] == []
    dialog.reject()


def test_a_card_that_cannot_be_read_locks_nobody_out(shown, qtbot, desk):
    desk.errors["handover_card"] = Unreachable("The records do not answer.", sent=False)
    page = shown(ReleasesPage, samples.lost_driver())
    qtbot.mouseClick(page.rollout.wheel.take, CLICK)
    dialog = page.wheel.dialog
    qtbot.waitUntil(dialog._trouble.isVisible)
    assert "do not answer" in dialog._trouble.text()
    assert dialog.answer.isEnabled()
    dialog.reject()


def test_handing_over_needs_a_note_and_names_whom(shown, qtbot, desk):
    page = shown(ReleasesPage, samples.healthy())
    qtbot.mouseClick(page.rollout.wheel.hand_over, CLICK)
    dialog = page.wheel.dialog
    assert not dialog.answer.isEnabled()
    qtbot.keyClicks(dialog.note, "promote after 15:30")
    dialog.to.setCurrentText("Ana R.")
    qtbot.mouseClick(dialog.answer, CLICK)
    assert desk.called("hand_over") == [("R-2291", "promote after 15:30", "Ana R.")]


def test_handing_over_to_whoever_takes_it_names_nobody(shown, qtbot, desk):
    page = shown(ReleasesPage, samples.healthy())
    qtbot.mouseClick(page.rollout.wheel.hand_over, CLICK)
    qtbot.keyClicks(page.wheel.dialog.note, "going home")
    qtbot.mouseClick(page.wheel.dialog.answer, CLICK)
    assert desk.called("hand_over") == [("R-2291", "going home", "")]


def test_the_old_holder_is_told_who_drives_since_when_and_that_the_lease_is_over(opened):
    inside = opened(samples.healthy())
    inside.go("releases")
    inside.around.bridge.updated.emit(taken_over())
    card = inside.pages["releases"].rollout.wheel
    assert card.words.text() == "Wheel with Ana R. since 10:10, your lease 14 is over."
    assert not card.hand_over.isVisible()
    assert any("The wheel is with Ana R. since 10:10" in ribbon.accessibleName() for ribbon in inside.ribbons.shown)


def test_a_window_that_never_drove_is_told_of_no_lease(shown, around):
    page = shown(ReleasesPage, taken_over())
    assert page.rollout.wheel.words.text() == ""
    assert around.known.lost_wheel(around.known.rollouts["R-2291"]) is None


def test_a_rollout_that_nobody_drives_offers_the_wheel(shown):
    page = shown(ReleasesPage, samples.driven(samples.held_rollout(wheel=WheelView(None, mine=False))))
    assert page.rollout.wheel.take.isVisible()
    assert "Nobody drives" in page.rollout.wheel.words.text()


def test_a_rollout_that_is_over_has_no_wheel(shown, around):
    page = shown(ReleasesPage, samples.healthy())
    (view,) = samples.healthy().rollouts
    tell(page, around, Update(rollouts=(replace(view, phase=Phase.DONE),)))
    assert not page.rollout.wheel.isVisible()
