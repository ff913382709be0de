"""The frame around the client area, in the colour of the target that the bottom bar acts on."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QWidget

from console.desktop import theme
from console.desktop.widgets.painted import Painted, hatch

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
