"""State is never told by colour alone: the marks differ in black and white."""

import itertools

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from console.desktop.widgets.mark import Chip, MarkLabel, mark_path, mark_pixmap, paint_mark
from console.model.verbs import State, Verdict

SIZE = 15
LEAST = 0.14


def one_bit(state, size=SIZE):
    """Return a mark as black and white pixels."""
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    paint_mark(painter, state, QRectF(0, 0, size, size), QColor("black"))
    painter.end()
    return [image.pixelColor(x, y).lightness() < 128 for y in range(size) for x in range(size)]


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(State, 2)))
def test_any_two_marks_differ_in_one_bit(first, second):
    different = sum(a != b for a, b in zip(one_bit(first), one_bit(second), strict=True))
    assert different / SIZE**2 >= LEAST, f"{first} and {second} differ in {100 * different / SIZE**2:.0f} % of the square"


@pytest.mark.parametrize("state", list(State))
def test_a_mark_stays_inside_its_box(state):
    assert QRectF(0, 0, 24, 24).contains(mark_path(state).boundingRect())


def test_a_mark_is_rendered_once_per_colour():
    assert mark_pixmap(State.FAILED, 13).cacheKey() == mark_pixmap(State.FAILED, 13).cacheKey()
    assert mark_pixmap(State.FAILED, 13).cacheKey() != mark_pixmap(State.FAILED, 13, "text").cacheKey()


def test_a_mark_has_its_word_for_screen_readers(qtbot):
    label = MarkLabel()
    qtbot.addWidget(label)
    label.show_state(State.UNKNOWN, subject="30 % to the canary")
    assert label.accessibleName() == "Unknown outcome, 30 % to the canary"


@pytest.mark.parametrize(("verdict", "word"), [(Verdict.FAIL, "FAIL"), (Verdict.PASS, "PASS"), (Verdict.NO_DATA, "no data")])
def test_only_settled_verdicts_are_written_in_capitals(qtbot, verdict, word):
    chip = Chip()
    qtbot.addWidget(chip)
    chip.show_verdict(verdict)
    assert chip.accessibleName() == word
