"""You were away: the card lies over the release page until it is read, and is said aloud at once."""

from PySide6.QtCore import Qt

from console.desktop import aloud
from console.desktop.pages import absence_card
from console.desktop.pages.releases import ReleasesPage
from tests.desktop import samples

CLICK = Qt.MouseButton.LeftButton


def test_the_card_says_how_long_what_stands_and_what_happened(shown):
    page = shown(ReleasesPage, samples.away())
    card = page.rollout.absence
    assert card.head.accessibleName() == "You were away 61 min: traffic 5 %, nothing advanced"
    assert "not judged for 61 min" in card.meanwhile.text()
    assert card.width() == page.rollout.width()
    assert card.geometry().bottom() >= page.rollout.strip.geometry().bottom()


def test_it_is_announced_once(shown, around, monkeypatch):
    said = []
    monkeypatch.setattr(absence_card, "announce", lambda _widget, text: said.append(text))
    page = shown(ReleasesPage, samples.away())
    page.show_update(samples.away())
    assert len(said) == 1
    assert said[0].startswith("You were away 61 min: traffic 5 %, nothing advanced")


def test_one_button_goes_on_reading(shown, qtbot, desk):
    page = shown(ReleasesPage, samples.away())
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    qtbot.mouseClick(page.rollout.absence.go_on, CLICK)
    assert not page.rollout.absence.isVisible()
    assert desk.called("seen_absence") == [("R-2291",)]


def test_without_an_absence_nothing_lies_over_the_page(shown):
    page = shown(ReleasesPage, samples.healthy())
    assert not page.rollout.absence.isVisible()


def test_a_short_absence_is_told_in_seconds():
    away = samples.AbsenceView(samples.NOW, samples.NOW + samples.timedelta(seconds=40), "")
    assert absence_card.absence_words(away) == "You were away 40 s"


def test_an_announcement_reaches_screen_readers(qtbot):
    from PySide6.QtWidgets import QWidget

    widget = QWidget()
    qtbot.addWidget(widget)
    aloud.announce(widget, "You were away")
