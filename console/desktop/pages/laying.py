"""Small layouts that every page needs: rows, columns, an area that scrolls, an icon with words."""

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from console.desktop import icons, theme
from console.desktop.widgets.painted import Painted

Item = QWidget | QBoxLayout | int
"""A widget, a layout, a gap in px, or -1 for what stretches."""


def row(items: Iterable[Item], gap: int = 8) -> QHBoxLayout:
    """Lay things out from left to right."""
    made = QHBoxLayout()
    fill(made, items, gap)
    return made


def column(items: Iterable[Item], gap: int = 6) -> QVBoxLayout:
    """Lay things out from top to bottom."""
    made = QVBoxLayout()
    fill(made, items, gap)
    return made


def fill(layout: QLayout | None, items: Iterable[Item], gap: int) -> None:
    """Put things into a row or column without margins."""
    if not isinstance(layout, QBoxLayout):
        raise TypeError("only rows and columns can be filled")
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(gap)
    for item in items:
        if isinstance(item, QWidget):
            layout.addWidget(item)
        elif isinstance(item, QBoxLayout):
            layout.addLayout(item)
        elif item < 0:
            layout.addStretch(1)
        else:
            layout.addSpacing(item)


def page_layout(page: QWidget) -> QVBoxLayout:
    """Give a page its layout with the content's padding and gutter."""
    made = QVBoxLayout(page)
    high, wide = theme.pair("content_pad")
    made.setContentsMargins(wide, high, wide, high)
    made.setSpacing(theme.size("gutter"))
    return made


class Scrolled(QScrollArea):
    """An area that scrolls upright when its content is too high, and never sideways."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        content.setObjectName("scrolled")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(content)
        self.viewport().setAutoFillBackground(False)


class IconLabel(Painted):
    """A Lucide icon in an ink, without words of its own; what it means is said beside it."""

    def __init__(self, name: str, size: int = 15, ink: str = "text.2", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._size, self._ink = name, size, ink
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return the icon's size."""
        return QSize(self._size, self._size)

    def paint(self, painter: QPainter) -> None:
        """Draw the icon."""
        painter.drawPixmap(0, 0, icons.pixmap(self._name, self._size, self._ink))


class Card(QFrame):
    """A panel without a head, with wide padding and, where asked, an edge in a colour token."""

    def __init__(self, edge: str = "", pad: int = 24, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._edge = edge
        self.setObjectName("panel")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(pad, pad - 4, pad, pad - 4)
        self.body.setSpacing(8)

    def set_edge(self, edge: str) -> None:
        """Draw the edge in another token; empty for the usual line."""
        if edge != self._edge:
            self._edge = edge
            self.update()

    def changeEvent(self, event: QEvent) -> None:
        """Repaint the edge in the new theme."""
        super().changeEvent(event)
        self.update()

    def paintEvent(self, event: QEvent) -> None:
        """Draw Qt's panel, then our edge on it."""
        super().paintEvent(event)  # type: ignore[arg-type]
        if self._edge:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            pen = painter.pen()
            pen.setColor(theme.colour(self._edge))
            pen.setWidth(2)
            painter.setPen(pen)
            painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 6, 6)
            painter.end()
