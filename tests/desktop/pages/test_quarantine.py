"""A quarantine's ribbon stays until what was paused is resumed and the version is let go, each with a reason."""

from PySide6.QtCore import Qt

from console.desktop.pages.quarantine import QuarantineMoves
from console.model.commands import Decision
from tests.desktop import samples

CLICK = Qt.MouseButton.LeftButton


def links(inside):
    (ribbon,) = inside.ribbons.shown
    return ribbon, {link.text(): link for link in ribbon.links}


def asked(inside):
    return inside.findChild(QuarantineMoves).dialog


def test_the_ribbon_names_what_is_paused_and_what_is_in_quarantine(opened):
    inside = opened(samples.quarantined())
    ribbon, found = links(inside)
    assert ribbon.accessibleName() == ("Argo CD paused, 5.2b in quarantine. checkout-eu, rolled back 09:58:31 by Rita M.: payments fail.")
    assert list(found) == ["Lift …", "Resume …"]


def test_resume_asks_for_a_reason(opened, qtbot):
    inside = opened(samples.quarantined())
    qtbot.mouseClick(links(inside)[1]["Resume …"], CLICK)
    dialog = asked(inside)
    assert not dialog.answer.isEnabled()
    qtbot.keyClicks(dialog.reason, "git names 5.1 again")
    qtbot.mouseClick(dialog.answer, CLICK)
    assert inside.desk.called("resume_reconcilers") == [("checkout-eu", "git names 5.1 again")]


def test_a_refused_resume_says_why(opened, qtbot):
    inside = opened(samples.quarantined())
    inside.desk.decision = Decision(False, ("Sale weekend freezes it.",))
    qtbot.mouseClick(links(inside)[1]["Resume …"], CLICK)
    dialog = asked(inside)
    qtbot.keyClicks(dialog.reason, "git names 5.1 again")
    qtbot.mouseClick(dialog.answer, CLICK)
    qtbot.waitUntil(dialog._problem.isVisible)
    assert dialog._problem.text() == "Sale weekend freezes it."
    dialog.reject()


def test_lift_lets_the_version_go_with_a_reason(opened, qtbot):
    inside = opened(samples.quarantined())
    qtbot.mouseClick(links(inside)[1]["Lift …"], CLICK)
    dialog = asked(inside)
    qtbot.keyClicks(dialog.reason, "fixed by 5.2b-1 config")
    qtbot.mouseClick(dialog.answer, CLICK)
    assert inside.desk.called("lift_quarantine") == [("checkout-eu", "5.2b", "fixed by 5.2b-1 config")]


def test_a_lifted_version_keeps_the_ribbon_while_something_is_paused(opened):
    ribbon, found = links(opened(samples.quarantined(lifted=True)))
    assert ribbon.accessibleName().startswith("Argo CD paused. checkout-eu")
    assert list(found) == ["Resume …"]


def test_a_quarantine_without_a_pause_stands_over_its_own_target(opened):
    inside = opened(samples.quarantined(paused=()))
    assert inside.ribbons.shown == ()
    inside.steering.pick("checkout-eu")
    _, found = links(inside)
    assert list(found) == ["Lift …"]


def test_nothing_paused_and_nothing_held_shows_no_ribbon(opened):
    inside = opened(samples.quarantined(paused=(), lifted=True))
    inside.steering.pick("checkout-eu")
    assert inside.ribbons.shown == ()
