"""The rows of a way back: mark, what, system, seconds; what a row waits for or would lose; and the moves on a stopped one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from console.desktop import theme
from console.desktop.pages import back_words as words
from console.desktop.pages.laying import fill
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label, plain_tip
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import RIGHT, Painted, hairline, width_of, write
from console.desktop.widgets.sends import PLAIN, fitting
from console.model.verbs import State
from console.model.views import SendView

MOVES = (("retry", "Retry", "act"), ("sign", "Sign …", "act"), ("skip", "Skip …", "plain"), ("stop", "Stop …", "plain"))
"""Each move with the words and the kind of its button; the likeliest way on comes first."""
INDENT = 26


class BackLine(Painted):
    """The first line of a row; while its step runs a bar of 2 px fills with its predicted seconds."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row: SendView | None = None
        self._seconds, self._share = "", 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_row(self, shown: SendView, seconds: str, share: float) -> None:
        """Show a row with its seconds in words, and how much of them has gone, 0 to 1."""
        if (shown, seconds, share) != (self._row, self._seconds, self._share):
            self._row, self._seconds, self._share = shown, seconds, share
            self.update()

    def sizeHint(self) -> QSize:
        """Return the room for one line."""
        return QSize(300, theme.size("plan_row") - 2)

    def minimumSizeHint(self) -> QSize:
        """Return the room for one line, narrow."""
        return QSize(180, self.sizeHint().height())

    def paint(self, painter: QPainter) -> None:
        """Paint hairline, mark or number, name, system with value, seconds."""
        shown = self._row
        if shown is None:
            return
        wide, high = self.width(), self.height()
        hairline(painter, 0, 0, wide, 0)
        if self._share:
            painter.fillRect(QRectF(0, high - 2, wide * self._share, 2), theme.colour("back"))
        if shown.state in {None, State.PLANNED}:
            write(painter, QRectF(0, 0, 20, high), (str(shown.number), "small", "text.3"))
        else:
            paint_mark(painter, shown.state or State.PLANNED, QRectF(0, high / 2 - 6.5, 13, 13))
        settled = shown.state in PLAIN or shown.state is None
        right = wide - max(52.0, width_of(self._seconds, "small") + 14)
        most = max(60.0, right - INDENT - min(width_of(shown.what, "body.medium"), 190) - 12)
        value = fitting(replace(shown, detail=""), most - 2)
        room = min(width_of(value, "mono") + 2, most)
        ink = "text.2" if settled else theme.state_token(shown.state or State.PLANNED)
        write(painter, QRectF(right - room, 0, room, high), (value, "mono", ink), RIGHT, elide=Qt.TextElideMode.ElideLeft)
        write(painter, QRectF(INDENT, 0, right - room - INDENT - 10, high), (shown.what, "body.medium", "text"))
        write(painter, QRectF(right, 0, wide - right, high), (self._seconds, "small", "text.2"), RIGHT)


class BackRow(QWidget):
    """One row; `moved` carries its `seq` and the move that a person chose."""

    moved = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._seq = -1
        self.line = BackLine()
        self.detail, self.note = Label("", "small", "text.2", wrap=True), Label("", "caption", "text.3", wrap=True)
        self.buttons = {move: Button(text, kind) for move, text, kind in MOVES}
        for move, button in self.buttons.items():
            button.clicked.connect(lambda _=False, chosen=move: self.moved.emit(self._seq, chosen))
        self._moves = QWidget()
        fill(QHBoxLayout(self._moves), [*self.buttons.values(), -1], 8)
        inset = QWidget()
        fill(below := QVBoxLayout(inset), [self.detail, self.note, self._moves], 3)
        below.setContentsMargins(INDENT, 0, 0, 6)
        self._below = inset
        fill(QVBoxLayout(self), [self.line, inset], 0)

    @property
    def waits(self) -> bool:
        """Tell whether this row waits for a person."""
        return not self._moves.isHidden()

    def show_row(self, shown: SendView, rows: Sequence[SendView], started: Mapping[int, datetime], now: datetime) -> None:
        """Show a row among all rows."""
        self._seq = shown.seq
        share = words.share_gone(shown, started, now)
        self.line.show_row(shown, words.seconds_words(shown, started, now), share)
        loss = words.loss_words(shown)
        waits = words.waits_words(shown, rows)
        self.detail.setText(shown.detail)
        plain = shown.state in PLAIN or shown.state is None
        self.detail.set_ink("text.3" if plain else theme.state_token(shown.state or State.PLANNED))
        told_more = bool(shown.detail) and shown.state is not State.HEALTHY
        self.detail.setVisible(told_more)
        self.note.setText("  ·  ".join(part for part in (waits, loss) if part))
        self.note.set_ink("look" if loss and shown.state not in words.SETTLED else "text.3")
        self.note.setVisible(bool(waits or loss))
        self._moves.setVisible(bool(shown.moves))
        for move, button in self.buttons.items():
            button.setVisible(move in shown.moves)
            button.setAccessibleName(f"{button.text().removesuffix(' …')} step {shown.number}, {shown.what}")
        self._below.setVisible(bool(told_more or waits or loss or shown.moves))
        told = words.aloud(shown, rows)
        self.setAccessibleName(told)
        self.line.setToolTip(plain_tip(told))


class BackRows(QWidget):
    """All rows of a way back; `moved` carries a step's `seq` and the move chosen on it."""

    moved = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[BackRow] = []
        self._column = QVBoxLayout(self)
        fill(self._column, [], 0)

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Return every button, in the order of Tab."""
        return tuple(button for row in self.rows for button in row.buttons.values())

    @property
    def first_move(self) -> Button | None:
        """Return the first button on the first row that waits for a person."""
        shown = (
            button for row in self.rows if not row.isHidden() for button in row.buttons.values() if row.waits and not button.isHidden()
        )
        return next(shown, None)

    def show_rows(self, rows: Sequence[SendView], started: Mapping[int, datetime], now: datetime) -> None:
        """Show rows; widgets are kept from one call to the next."""
        while len(self.rows) < len(rows):
            made = BackRow()
            made.moved.connect(self.moved)
            self.rows.append(made)
            self._column.addWidget(made)
        for index, made in enumerate(self.rows):
            made.setVisible(index < len(rows))
            if index < len(rows):
                made.show_row(rows[index], rows, started, now)
