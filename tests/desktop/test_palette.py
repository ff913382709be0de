"""The palette finds by words, at word starts first, and never lets a refused line be chosen."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from console.desktop.scoring import match
from console.desktop.widgets.palette import GROUPS, MOST, Choice, Palette, ranked
from tests.desktop import samples

BACKWARD, FORWARD, OPEN = GROUPS


def nothing():
    pass


@pytest.mark.parametrize(
    ("typed", "text", "at"),
    [
        ("roll", "Roll back checkout-eu", (0, 1, 2, 3)),
        ("check r", "Roll back checkout-eu", (0, 10, 11, 12, 13, 14)),
        ("eu", "Roll back checkout-eu", (19, 20)),
        ("rbk", "Roll back", (0, 5, 8)),
        ("", "anything", ()),
    ],
)
def test_letters_that_fit_are_marked(typed, text, at):
    assert match(typed, text).at == at


@pytest.mark.parametrize(("typed", "text"), [("promote", "Roll back"), ("roll zzz", "Roll back"), ("z", "Roll back")])
def test_what_does_not_fit_is_not_found(typed, text):
    assert match(typed, text) is None


def test_a_word_start_beats_the_inside_of_a_word_and_scattered_letters():
    scores = [match("back", text).score for text in ("Roll back", "Feedback", "Bring a clock")]
    assert scores == sorted(scores, reverse=True)


def test_backward_verbs_come_first_and_refused_ones_last():
    choices = [
        Choice(OPEN, "checkout-eu", nothing),
        Choice(FORWARD, "Promote checkout-eu", nothing, refusal="refused: gate is watching"),
        Choice(FORWARD, "Switch checkout-eu now", nothing),
        Choice(BACKWARD, "Hold checkout-eu", nothing),
    ]
    assert [choice.text for choice, _ in ranked(choices, "checkout")] == [
        "Hold checkout-eu",
        "Switch checkout-eu now",
        "Promote checkout-eu",
        "checkout-eu",
    ]
    assert "Promote checkout-eu" not in [choice.text for choice, _ in ranked(choices, "")]


def test_at_most_fifty_lines_are_shown():
    choices = [Choice(OPEN, f"service-{number}", nothing) for number in range(1284)]
    assert len(ranked(choices, "service")) == MOST


@pytest.fixture
def palette(qtbot):
    home = QWidget()
    home.resize(1440, 900)
    qtbot.addWidget(home)
    home.show()
    made = Palette(home)
    made.log = []
    made.home = home
    return made


def test_arrows_pass_over_what_is_refused(qtbot, palette):
    palette.open_with(
        [
            Choice(BACKWARD, "Hold it", lambda: palette.log.append("hold")),
            Choice(FORWARD, "Promote it", lambda: palette.log.append("promote"), refusal="refused: gate is watching"),
            Choice(OPEN, "Open it", lambda: palette.log.append("open")),
        ]
    )
    qtbot.keyClicks(palette.field, "it")
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert palette.log == ["open"]


def test_ctrl_enter_sends_backward_verbs_only(qtbot, palette):
    lines = [
        Choice(
            BACKWARD, "Roll back", lambda: palette.log.append("preview"), send=lambda: palette.log.append("sent"), sends=samples.sends()
        ),
        Choice(OPEN, "Audit", lambda: palette.log.append("open")),
    ]
    for typed in ("roll", "audit"):
        palette.open_with(lines)
        qtbot.keyClicks(palette.field, typed)
        qtbot.keyClick(palette.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert palette.log == ["sent", "open"]


def test_escape_takes_it_away_and_does_nothing(qtbot, palette):
    palette.open_with([Choice(BACKWARD, "Hold", lambda: palette.log.append("hold"))])
    qtbot.keyClick(palette.field, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert palette.log == []
