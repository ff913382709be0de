"""Lucide icons, tinted with a colour token and kept as pixmaps."""

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from console.desktop import theme
from console.model.places import resource

STROKE = "1.7"
SOLID = {"pause", "rewind"}
"""Icons of the verbs that stand still or go back are filled, as their state marks are."""


@cache
def _source(name: str) -> str:
    text = resource("icons", name + ".svg").read_text(encoding="utf-8")
    if name in SOLID:
        text = text.replace('fill="none"', 'fill="currentColor"')
    return text.replace('stroke-width="2"', f'stroke-width="{STROKE}"')


@cache
def _tinted(name: str, size: int, colour: str, ratio: float) -> QPixmap:
    image = QPixmap(round(size * ratio), round(size * ratio))
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode())).render(painter, QRectF(image.rect()))
    painter.end()
    image.setDevicePixelRatio(ratio)
    return image


def pixmap(name: str, size: int, ink: str = "text.2") -> QPixmap:
    """Return an icon in the colour of an ink (a colour token), `size` px wide; rendered once per name, size, colour and pixel ratio."""
    app = QGuiApplication.instance()
    ratio = app.devicePixelRatio() if isinstance(app, QGuiApplication) else 1.0
    return _tinted(name, size, theme.colour(ink).name(), ratio)


def icon(name: str, size: int, ink: str = "text.2") -> QIcon:
    """Return a QIcon of `pixmap`, the same when disabled but in the colour of what is off."""
    made = QIcon(pixmap(name, size, ink))
    made.addPixmap(pixmap(name, size, "text.off"), QIcon.Mode.Disabled)
    return made
