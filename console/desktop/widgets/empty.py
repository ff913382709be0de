"""What a page shows when there is nothing, not yet anything, or something wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from console.desktop import theme
from console.desktop.widgets.age import AgeLabel
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label, plain_tip
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.painted import Painted, card
from console.model.verbs import State

if TYPE_CHECKING:
    from console.model.errors import ConsoleError
    from console.model.views import Problem

FOREVER_S = 1e12


class EmptyState(QWidget):
    """One sentence and one button."""

    pressed = Signal()

    def __init__(self, sentence: str, button: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentence = Label(sentence, "body", "text.2", wrap=True)
        self._button = Button(button)
        self._button.setVisible(bool(button))
        self._button.clicked.connect(self.pressed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 4)
        column.setSpacing(8)
        column.addWidget(self._sentence)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)

    def show_sentence(self, sentence: str, button: str = "") -> None:
        """Show another sentence, with a button or without."""
        self._sentence.setText(sentence)
        self._button.setText(button)
        self._button.setVisible(bool(button))


class Loading(Painted):
    """Grey bars where rows will stand; only for what no cache holds."""

    def __init__(self, rows: int = 3, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self.setAccessibleName("Loading")

    def sizeHint(self) -> QSize:
        """Return the room for the rows."""
        return QSize(240, self._rows * 24)

    def paint(self, painter: QPainter) -> None:
        """Paint bars."""
        for row in range(self._rows):
            y = row * 24.0 + 7
            x = 0.0
            for share in (0.06, 0.42, 0.2, 0.2):
                wide = (self.width() - 32) * share
                card(painter, QRectF(x, y, wide, 10), theme.colour("grid"), radius=4.0)
                x += wide + 10


class ProblemPanel(Painted):
    """What went wrong, what stopped because of it, and where to mend it."""

    pressed = Signal()

    def __init__(self, state: State = State.BLIND, button: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._what, self._age = MarkLabel("label", 15), AgeLabel("problem")
        self._means, self._advice = Label("", "body", wrap=True), Label("", "body", "text.2", wrap=True)
        self._button = Button(button)
        self._button.setVisible(bool(button))
        self._button.clicked.connect(self.pressed)
        head = QHBoxLayout()
        head.addWidget(self._what, 1)
        head.addWidget(self._age)
        column = QVBoxLayout(self)
        column.setContentsMargins(13, 10, 13, 11)
        column.setSpacing(4)
        column.addLayout(head)
        for part in (self._means, self._advice):
            column.addWidget(part)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)

    def show_view(self, problem: Problem | None, state: State | None = None) -> None:
        """Show a problem in words; None hides the panel."""
        self.setVisible(problem is not None)
        if problem is not None:
            self._state = state or self._state
            self._say(problem.what, problem.means, problem.advice)
            self._age.show_age(problem.since, FOREVER_S)
            self._age.show()

    def show_error(self, error: ConsoleError, state: State = State.MISCONFIGURED) -> None:
        """Show an error in words."""
        self._state = state
        self._say(error.message, error.means, error.advice)
        self._age.hide()
        self.show()

    def paint(self, painter: QPainter) -> None:
        """Paint the tint of the state."""
        card(painter, QRectF(self.rect()), theme.state_tint(self._state), theme.colour("line"))

    def _say(self, what: str, means: str, advice: str) -> None:
        self._what.show_state(self._state, what)
        self._what.setToolTip(plain_tip(what))
        for label, text in ((self._means, means), (self._advice, advice)):
            label.setText(text)
            label.setVisible(bool(text))
        self.setAccessibleName(" ".join(part for part in (what, means, advice) if part))
        self.update()
