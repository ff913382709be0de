"""Toasts: a notice repeated at the bottom right; at most three, 8 s, failures stay until read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPainterPath
from PySide6.QtWidgets import QVBoxLayout, QWidget

from console.desktop import theme
from console.desktop.widgets.button import Link
from console.desktop.widgets.label import plain_tip
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import Painted, card, width_of, write
from console.model.verbs import State

if TYPE_CHECKING:
    from console.model.views import Notice

MOST = 3
STAYS_MS = 8000
LINE = 16
LEVELS = {"ok": State.HEALTHY, "unknown": State.UNKNOWN, "fail": State.FAILED, "refused": State.MISCONFIGURED}


class Toast(Painted):
    """One notice, 360 by 56, or a line higher where its text needs two, with an edge of 4 px in its colour."""

    opened = Signal(object)
    ended = Signal(object)

    def __init__(self, notice: Notice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notice = notice
        wide, high = theme.pair("toast")
        self._room = wide - 44 - (58 if notice.target or notice.rollout else 12)
        self._lines = in_lines(notice.text, "small", self._room)
        self.setFixedSize(wide, high + (LINE if len(self._lines) > 1 else 0))
        self.setAccessibleName(f"{notice.title}. {notice.text}")
        self.setToolTip(plain_tip(f"{notice.title}\n{notice.text}"))
        self._link = Link("Open", self) if notice.target or notice.rollout else None
        if self._link is not None:
            self._link.move(self.width() - 48, (self.height() - 20) // 2)
            self._link.clicked.connect(self._open)
        if notice.level != "fail":
            QTimer.singleShot(STAYS_MS, self, lambda: self.ended.emit(self))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Take the toast away: it was read."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.ended.emit(self)

    def paint(self, painter: QPainter) -> None:
        """Paint card, edge, mark and two lines."""
        state = LEVELS.get(self.notice.level, State.PLANNED)
        box = QRectF(self.rect())
        card(painter, box, theme.colour("bg.raised"), theme.colour("line.strong"))
        edge = QPainterPath()
        edge.addRoundedRect(box, 6, 6)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipPath(edge)
        painter.fillRect(QRectF(0, 0, 4, box.height()), theme.state_colour(state))
        painter.restore()
        paint_mark(painter, state, QRectF(16, (box.height() - 16) / 2, 16, 16))
        write(painter, QRectF(42, 9, self._room, 19), (self.notice.title, "label", "text"))
        for at, line in enumerate(self._lines):
            write(painter, QRectF(42, 28 + at * LINE, self._room, 18), (line, "small", "text.2"))

    def _open(self) -> None:
        self.opened.emit(self.notice)
        self.ended.emit(self)


def in_lines(text: str, role: str, room: float) -> list[str]:
    """Return a text in one line, or in two broken between words: its first sentence where it is longer; the second may be elided."""
    if width_of(text, role) <= room:
        return [text]
    first, stop, _ = text.partition(". ")
    if stop and width_of(text, role) > 1.9 * room:
        text = f"{first}."
    words = text.split()
    fits = max((n for n in range(1, len(words)) if width_of(" ".join(words[:n]), role) <= room), default=0)
    return [" ".join(words[:fits]), " ".join(words[fits:])] if fits else [text]


class Toasts(QWidget):
    """The stack at the window's lower right, above the bottom bar; it follows its parent's size."""

    opened = Signal(object)
    """The Notice whose link was followed."""

    def __init__(self, parent: QWidget, above: int = 0) -> None:
        super().__init__(parent)
        self._above, self._home = above, parent
        self._toasts: list[Toast] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        parent.installEventFilter(self)
        self.hide()

    @property
    def shown(self) -> tuple[Notice, ...]:
        """Return the notices on screen, oldest first."""
        return tuple(toast.notice for toast in self._toasts)

    def show_notice(self, notice: Notice) -> None:
        """Show a notice; the oldest goes when there are too many, one that is no failure first."""
        if any((toast.notice.title, toast.notice.text) == (notice.title, notice.text) for toast in self._toasts):
            return
        if len(self._toasts) >= MOST:
            calm = [toast for toast in self._toasts if toast.notice.level != "fail"]
            self._end((calm or self._toasts)[0])
        toast = Toast(notice, self)
        toast.opened.connect(self.opened)
        toast.ended.connect(self._end)
        self._toasts.append(toast)
        self._column.addWidget(toast)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the parent's size."""
        if event.type() == QEvent.Type.Resize and watched is self.parent():
            self._place()
        return False

    def _end(self, toast: Toast) -> None:
        if toast in self._toasts:
            self._toasts.remove(toast)
            self._column.removeWidget(toast)
            toast.hide()
            toast.deleteLater()
            self._place()

    def _place(self) -> None:
        self.setVisible(bool(self._toasts))
        wide, _ = theme.pair("toast")
        tall = sum(toast.height() + 6 for toast in self._toasts) - 6
        home = self._home
        self.setGeometry(home.width() - wide - 16, home.height() - self._above - tall - 12, wide, max(0, tall))
        self.raise_()
