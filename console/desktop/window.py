"""The main window: an empty frame with rail, bars and room for pages; what they show comes after the first paint, from `inside`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QMainWindow, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from console.desktop import theme
from console.desktop.widgets.bottombar import BottomBar
from console.desktop.widgets.frame import EnvironmentFrame
from console.desktop.widgets.rail import Rail, RailEntry
from console.desktop.widgets.topbar import TopBar

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QCloseEvent

    from console.desktop.page import PageEntry


_LEAST_PAGE = (1000, 520)
"""With less room than this the pages scroll."""


class Window(QMainWindow):
    """Rail and bars can be read at the first paint; everything slow to load is left out here."""

    closing = Signal()

    def __init__(self, pages: tuple[PageEntry, ...]) -> None:
        super().__init__()
        self.asks_first: Callable[[], bool] | None = None
        """Asked before the window closes; True keeps it open."""
        self.entries = {entry.key: entry for entry in pages}
        self.frame, self.top, self.bottom, self.stack = EnvironmentFrame(), TopBar(), BottomBar(), QStackedWidget()
        self.rail = Rail([RailEntry(entry.key, entry.title, entry.icon, entry.foot) for entry in pages])
        self.over_pages = QVBoxLayout()
        """Room for ribbons above the page."""
        self._small_screen = self._least_size() != theme.pair("window_min")
        self._lay_out()
        self.rail.select(next(iter(self.entries)))
        self.setWindowTitle("release-console")
        self.setMinimumSize(*(self._least_size() if self._small_screen else theme.pair("window_min")))
        self.resize(*theme.pair("design"))

    def come_forward(self) -> None:
        """Come to the front without taking the keyboard, and ask for attention."""
        if self.isMinimized():
            self.setWindowState(self.windowState() & ~self.windowState().WindowMinimized)
        self.raise_()
        QApplication.alert(self)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask whether it may close, and tell before the widgets go."""
        if self.asks_first is not None and self.asks_first():
            event.ignore()
            return
        self.closing.emit()
        super().closeEvent(event)

    def _least_size(self) -> tuple[int, int]:
        """Return the least size: a small screen, or large text on it, leaves less room than the pages want."""
        room, (wide, high) = self.screen().availableSize(), theme.pair("window_min")
        return min(wide, room.width()), min(high, room.height())

    def _scrolled(self, pages: QStackedWidget) -> QScrollArea:
        """Return the pages in an area that scrolls where they want more room than there is; rail and bars stay."""
        pages.setMinimumSize(*_LEAST_PAGE)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it scrolls to what has the focus, and needs none itself
        area.setWidget(pages)
        return area

    def _lay_out(self) -> None:
        self.setCentralWidget(self.frame)
        column, middle, right = QVBoxLayout(self.frame), QHBoxLayout(), QVBoxLayout()
        for layout in (column, middle, right, self.over_pages):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
        column.addWidget(self.top)
        column.addLayout(middle, 1)
        column.addWidget(self.bottom)
        middle.addWidget(self.rail)
        middle.addLayout(right, 1)
        right.addLayout(self.over_pages)
        right.addWidget(self._scrolled(self.stack) if self._small_screen else self.stack, 1)
        self.stack.addWidget(QWidget())
