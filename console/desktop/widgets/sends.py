"""What will be sent, and once it runs, what became of it: rows of system, value and seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.label import plain_tip
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import RIGHT, Painted, hairline, width_of, write
from console.model.verbs import State

if TYPE_CHECKING:
    from console.model.views import SendView

SECONDS_PX = 52
PLAIN = {State.PLANNED, State.HEALTHY}


class SendList(Painted):
    """Numbered rows; a running row has its state's mark in place of the number and observed seconds in place of predicted ones."""

    def __init__(self, *, small: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[SendView, ...] = ()
        self._row = theme.size("plan_row_small" if small else "plan_row")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_small(self, small: bool) -> None:
        """Take lower rows, for small windows."""
        self._row = theme.size("plan_row_small" if small else "plan_row")
        self.updateGeometry()
        self.update()

    def show_view(self, rows: tuple[SendView, ...]) -> None:
        """Show rows."""
        if rows == self._rows:
            return
        longer = len(rows) != len(self._rows)
        self._rows = rows
        self.setAccessibleName("What will be sent: " + "; ".join(_aloud(row) for row in rows))
        self.setToolTip(plain_tip("\n".join(_aloud(row) for row in rows)))
        if longer:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room for all rows."""
        return QSize(300, max(1, len(self._rows)) * self._row)

    def minimumSizeHint(self) -> QSize:
        """Return the room for all rows, narrow."""
        return QSize(180, self.sizeHint().height())

    def paint(self, painter: QPainter) -> None:
        """Paint each row under a hairline."""
        for index, row in enumerate(self._rows):
            top = index * self._row
            hairline(painter, 0, top, self.width(), top)
            self._paint_row(painter, QRectF(0, top + 1, self.width(), self._row - 1), row)

    def _paint_row(self, painter: QPainter, box: QRectF, row: SendView) -> None:
        if row.state is None or row.state is State.PLANNED:
            write(painter, QRectF(box.left(), box.top(), 20, box.height()), (str(row.number), "small", "text.3"))
        else:
            paint_mark(painter, row.state, QRectF(box.left(), box.center().y() - 6.5, 13, 13))
        ink = theme.state_token(row.state) if row.state is not None and row.state not in PLAIN else "text.2"
        right = box.right() - SECONDS_PX
        most = max(60.0, right - 26 - min(width_of(row.what, "body.medium"), 150) - 12)
        value = fitting(row, most - 2)
        room = min(width_of(value, "mono") + 2, most)
        write(painter, QRectF(right - room, box.top(), room, box.height()), (value, "mono", ink), RIGHT, elide=Qt.TextElideMode.ElideLeft)
        write(painter, QRectF(26, box.top(), right - room - 26 - 10, box.height()), (row.what, "body.medium", "text"))
        write(painter, QRectF(right, box.top(), SECONDS_PX, box.height()), (_seconds(row), "small", "text.2"), RIGHT)


def fitting(row: SendView, room: float) -> str:
    """Return system and value as far as there is room: the system's address goes first, then its name; the value stays."""
    value = row.detail or row.value
    choices = (f"{row.system}: {value}", f"{row.system.split(' ')[0]}: {value}") if row.system and value else ()
    return next((words for words in choices if width_of(words, "mono") <= room), value or row.system)


def rows_in_words(rows: tuple[SendView, ...]) -> Iterator[str]:
    """Return each row as one sentence."""
    return (_aloud(row) for row in rows)


def _seconds(row: SendView) -> str:
    return forms.span(row.predicted_s) if row.took_s is None else f"{row.took_s:.1f} s"


def _aloud(row: SendView) -> str:
    state = f", {theme.state_word(row.state)}" if row.state is not None else ""
    return f"{row.number} {row.what}, {row.system} {row.detail or row.value}, {_seconds(row)}{state}"
