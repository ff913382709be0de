"""Draws the practice shop: customers, router, both versions, and the payments where it is judged."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import theme
from console.desktop.widgets.painted import CENTRE, Painted, write

_BOX = (96.0, 48.0)
_WIDE, _HIGH = 560.0, 190.0
_PLACES = {"customers": (6.0, 70.0), "router": (156.0, 70.0), "stable": (308.0, 26.0), "canary": (308.0, 114.0), "payments": (458.0, 70.0)}
_WORDS = {
    "customers": ("Customers", "13.3 a minute"),
    "router": ("Router", "Envoy"),
    "stable": ("Stable", "blue"),
    "canary": ("Canary", "green"),
    "payments": ("Payments", "judged here"),
}


class ShopPicture(Painted):
    """A fixed drawing; it scales with its width and says the same in words to a screen reader."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(124)
        self.setMaximumHeight(210)
        self.setAccessibleName(
            "Customers reach a router, which sends most of them to the stable version and 5 % to the canary; payments are judged"
        )

    def sizeHint(self) -> QSize:
        """Return the size of the drawing."""
        return QSize(int(_WIDE), int(_HIGH))

    def paint(self, painter: QPainter) -> None:
        """Draw the shop in the colours of the theme in force."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("bg.inset"))
        painter.drawRoundedRect(QRectF(self.rect()), theme.radius("card"), theme.radius("card"))
        scale = min(self.width() / _WIDE, self.height() / _HIGH, 1.0)
        painter.translate((self.width() - _WIDE * scale) / 2, (self.height() - _HIGH * scale) / 2)
        painter.scale(scale, scale)
        self._lines(painter)
        for name in _PLACES:
            self._box(painter, name)
        label = QRectF(258, 116, 44, 18)
        painter.fillRect(label.adjusted(6, 2, -6, -2), theme.colour("bg.inset"))
        write(painter, label, ("5 %", "caption.strong", "text"), CENTRE)

    def _lines(self, painter: QPainter) -> None:
        stable, canary = theme.colour("series.stable"), theme.colour("series.canary")
        _curve(painter, _right("customers"), _left("router"), _pen(stable, 6))
        _curve(painter, _right("router"), _left("stable"), _pen(stable, 6))
        _curve(painter, _left("payments"), _right("stable"), _pen(stable, 6))
        _curve(painter, _right("router"), _left("canary"), _pen(canary, 1.5))
        dashed = _pen(canary, 1.5)
        dashed.setDashPattern([4, 3])
        _curve(painter, _left("payments"), _right("canary"), dashed)

    def _box(self, painter: QPainter, name: str) -> None:
        box = QRectF(*_PLACES[name], *_BOX)
        pen = _pen(theme.colour("series.canary" if name == "canary" else "line.strong"), 1.5)
        if name == "canary":
            pen.setDashPattern([3, 2])
        painter.setPen(pen)
        painter.setBrush(theme.colour("bg.panel"))
        painter.drawRoundedRect(box, 4, 4)
        head, foot = _WORDS[name]
        for text, role, ink, top in ((head, "small.strong", "text", 7.0), (foot, "caption", "text.3", 24.0)):
            write(painter, QRectF(box.x(), box.y() + top, box.width(), 18), (text, role, ink), CENTRE)


def _pen(colour: QColor, width: float) -> QPen:
    return QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)


def _left(name: str) -> QPointF:
    x, y = _PLACES[name]
    return QPointF(x, y + _BOX[1] / 2)


def _right(name: str) -> QPointF:
    return _left(name) + QPointF(_BOX[0], 0)


def _curve(painter: QPainter, start: QPointF, end: QPointF, pen: QPen) -> None:
    path = QPainterPath(start)
    middle = (start.x() + end.x()) / 2
    path.cubicTo(QPointF(middle, start.y()), QPointF(middle, end.y()), end)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)
