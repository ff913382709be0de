"""The frame around the client area, in the colour of the target that the bottom bar acts on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, Qt, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QApplication, QFocusFrame, QWidget
from shiboken6 import isValid

from console.desktop import theme
from console.desktop.widgets.painted import Painted, hatch

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

FRAME = 3


class EnvironmentFrame(Painted):
    """The window's central widget: 3 px in the environment's colour, hatched for practice, neutral without a target."""

    painted = Signal()
    """The first paint is done; what is slow to import may come now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._environment: str | None = None
        self._first = True
        self.setContentsMargins(FRAME, FRAME, FRAME, FRAME)

    def show_environment(self, environment: str | None) -> None:
        """Show whose frame it is; None without a target."""
        if environment != self._environment:
            self._environment = environment
            self.update()

    def paint(self, painter: QPainter) -> None:
        """Paint ground and frame."""
        painter.fillRect(self.rect(), theme.colour("bg.window"))
        frame = QPainterPath()
        frame.addRect(QRectF(self.rect()))
        inner = QPainterPath()
        inner.addRect(QRectF(self.rect()).adjusted(FRAME, FRAME, -FRAME, -FRAME))
        edge = frame - inner
        colour = theme.colour(theme.environment_token(self._environment))
        if self._environment == "practice":
            hatch(painter, edge, colour, 8.0)
        else:
            painter.fillPath(edge, colour)
        if self._first:
            self._first = False
            self.painted.emit()


class _Ring(QFocusFrame):
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.colour("focus"), 2.0))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        painter.end()


class FocusRing(QObject):
    """The ring of 2 px around whatever has the keyboard, 2 px outside of it: one frame that follows the focus through a window."""

    def __init__(self, app: QApplication, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._ring: _Ring | None = None
        app.focusChanged.connect(self._follow)

    @property
    def around(self) -> QWidget | None:
        """Return the control that the ring is drawn around."""
        return self._ring.widget() if self._ring is not None and isValid(self._ring) and self._ring.isVisible() else None

    def _follow(self, _before: QWidget | None, now: QWidget | None) -> None:
        by_mouse = QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton
        if now is None or by_mouse or now is self._window or not self._window.isAncestorOf(now):
            if self._ring is not None and isValid(self._ring):
                self._ring.hide()
            return
        if self._ring is None or not isValid(self._ring):
            self._ring = _Ring(self._window)
        self._ring.setWidget(now)
        self._ring.show()
