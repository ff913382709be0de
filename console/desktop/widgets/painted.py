"""What painted widgets share: they repaint when the theme changes, and write text by role and ink (a colour token)."""

from collections.abc import Iterable
from functools import cache

from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from console.desktop import theme

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
CENTRE = Qt.AlignmentFlag.AlignCenter
_CHANGES = {QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange}

Piece = tuple[str, str, str]
"""Words with the role of their font and their ink."""


class Painted(QWidget):
    """A widget with one paint method, which is told what to show and drops what it cached when the theme changes."""

    def changeEvent(self, event: QEvent) -> None:
        """Drop caches and repaint in the new theme."""
        super().changeEvent(event)
        if event.type() in _CHANGES:
            self.forget()
            self.updateGeometry()
            self.update()

    def forget(self) -> None:
        """Drop whatever was cached in the old theme."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint with a painter that ends in every case."""
        painter = QPainter(self)
        try:
            self.paint(painter)
        finally:
            painter.end()

    def paint(self, painter: QPainter) -> None:
        """Paint the widget."""
        raise NotImplementedError


@cache
def metrics(role: str) -> QFontMetricsF:
    """Return the metrics of a role's font."""
    return QFontMetricsF(theme.font(role))


def width_of(words: str, role: str) -> float:
    """Return how wide words are in a role's font, in px."""
    return metrics(role).horizontalAdvance(words)


def write(
    painter: QPainter, rect: QRectF, piece: Piece, align: Qt.AlignmentFlag = LEFT, *, elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight
) -> float:
    """Write one line of plain text into a rectangle, elided where it does not fit, and return how wide it is."""
    words, role, ink = piece
    fits = metrics(role).horizontalAdvance(words)
    if fits > rect.width() + 0.5:
        words = metrics(role).elidedText(words, elide, rect.width())
        fits = rect.width()
    painter.setFont(theme.font(role))
    painter.setPen(theme.colour(ink))
    painter.drawText(rect, align | Qt.TextFlag.TextSingleLine, words)
    return fits


def write_run(painter: QPainter, rect: QRectF, pieces: Iterable[Piece], gap: float = 6.0) -> float:
    """Write pieces of different weight on one baseline, from the left, and return the x where they end."""
    pieces = [piece for piece in pieces if piece[0]]
    if not pieces:
        return rect.left()
    tallest = max((metrics(role) for _, role, _ in pieces), key=lambda found: found.ascent())
    baseline = rect.center().y() + (tallest.ascent() - tallest.descent()) / 2
    x = rect.left()
    for words, role, ink in pieces:
        room = rect.right() - x
        if room < 8:
            break
        fit = metrics(role).elidedText(words, Qt.TextElideMode.ElideRight, room)
        painter.setFont(theme.font(role))
        painter.setPen(theme.colour(ink))
        painter.drawText(QPointF(x, baseline), fit)
        x += metrics(role).horizontalAdvance(fit) + gap
    return x - gap


def hairline(painter: QPainter, x1: float, y1: float, x2: float, y2: float, ink: str = "line") -> None:
    """Draw a line of 1 px on half pixels."""
    pen = QPen(theme.colour(ink))
    pen.setWidthF(1.0)
    painter.setPen(pen)
    painter.drawLine(QLineF(round(x1) + 0.5, round(y1) + 0.5, round(x2) + 0.5, round(y2) + 0.5))


def card(painter: QPainter, rect: QRectF, ground: QColor, edge: QColor | None = None, radius: float = 6.0, line: float = 1.0) -> None:
    """Fill a rounded card and draw its edge inside the rectangle."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(ground)
    painter.setPen(QPen(edge, line) if edge is not None else Qt.PenStyle.NoPen)
    inset = line / 2 if edge is not None else 0.0
    painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), radius, radius)
    painter.restore()


def hatch(painter: QPainter, area: QPainterPath, ink: QColor, period: float = 6.0) -> None:
    """Draw lines at 45 degrees inside an area; Qt's pattern brushes do not follow the pixel ratio."""
    painter.save()
    painter.setClipPath(area)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(ink, period / 2 / 1.414))
    box = area.boundingRect()
    x = box.left() - box.height()
    lines = []
    while x < box.right():
        lines.append(QLineF(x, box.bottom(), x + box.height(), box.top()))
        x += period
    painter.drawLines(lines)
    painter.restore()
