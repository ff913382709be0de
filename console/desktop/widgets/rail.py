"""The left rail: one item for each page, with the number of things there that need a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QVBoxLayout, QWidget

from console.desktop import icons, theme
from console.desktop.widgets.painted import CENTRE, width_of, write


class RailEntry(NamedTuple):
    """A page on the rail; `foot` puts it at the rail's foot."""

    key: str
    title: str
    icon: str
    foot: bool = False


class RailItem(QAbstractButton):
    """An icon over its caption; the active one has a bar of 3 px at its left."""

    def __init__(self, entry: RailEntry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry = entry
        self._badge = 0
        self.setCheckable(True)
        self.setText(entry.title)
        self.setAccessibleName(entry.title)
        self.setFixedSize(theme.size("rail"), theme.size("rail_item"))
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def set_badge(self, count: int) -> None:
        """Show how many things need a person; none takes the badge away."""
        if count != self._badge:
            self._badge = count
            self.setAccessibleName(f"{self.entry.title}, {count} need a person" if count else self.entry.title)
            self.update()

    def sizeHint(self) -> QSize:
        """Return the fixed size of an item."""
        return QSize(theme.size("rail"), theme.size("rail_item"))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint ground, bar, icon, caption and badge."""
        painter = QPainter(self)
        active = self.isChecked()
        if active or self.underMouse():
            painter.fillRect(self.rect().adjusted(0, 0, -1, 0), theme.colour("bg.selected" if active else "bg.hover"))
        if active:
            painter.fillRect(0, 0, 3, self.height(), theme.colour("accent"))
        size = 20
        painter.drawPixmap((self.width() - size) // 2, 9, icons.pixmap(self.entry.icon, size, "text" if active else "text.2"))
        caption = (self.entry.title, "caption.strong" if active else "caption", "text" if active else "text.2")
        write(painter, QRectF(0, 33, self.width(), 16), caption, CENTRE)
        if self._badge:
            self._paint_badge(painter)
        painter.end()

    def _paint_badge(self, painter: QPainter) -> None:
        words = str(self._badge) if self._badge < 100 else "99+"
        wide = max(16.0, width_of(words, "caption.strong") + 8)
        box = QRectF(self.width() / 2 + 5, 4, wide, 16)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("fail"))
        painter.drawRoundedRect(box, 8, 8)
        write(painter, box, (words, "caption.strong", "text.inverse"), CENTRE)


class Rail(QFrame):
    """The pages, top to bottom."""

    chosen = Signal(str)

    def __init__(self, entries: Sequence[RailEntry], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self.setFixedWidth(theme.size("rail"))
        self.setAccessibleName("Pages")
        self._group = QButtonGroup(self)
        self._items: dict[str, RailItem] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(0)
        for entry in sorted(entries, key=lambda one: one.foot):
            if entry.foot:
                column.addStretch(1)
            item = RailItem(entry, self)
            self._group.addButton(item)
            self._items[entry.key] = item
            item.clicked.connect(lambda _on=False, key=entry.key: self.chosen.emit(key))
            column.addWidget(item)
        if not any(entry.foot for entry in entries):
            column.addStretch(1)

    def select(self, key: str) -> None:
        """Mark a page as the one shown."""
        self._items[key].setChecked(True)

    def set_badge(self, key: str, count: int) -> None:
        """Show how many things on a page need a person."""
        self._items[key].set_badge(count)
