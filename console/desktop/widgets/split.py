"""The traffic split: what was measured as fill, what was asked as tick, unknown as an empty dashed outline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.painted import Painted

if TYPE_CHECKING:
    from console.model.views import WeightView

CALM_PX = 2


def seen_share(weight: WeightView) -> float | None:
    """Return the share that can be shown as seen: measured where requests were counted, else read back; None when neither was read."""
    if weight.read_back.value is None:
        return None
    return weight.read_back.value if weight.measured.value is None else weight.measured.value


def describe(weight: WeightView) -> str:
    """Return the split in words: "4.9 % of 5 %"."""
    asked = "nothing" if weight.asked.value is None else forms.per_cent(weight.asked.value)
    seen = seen_share(weight)
    return f"{'unknown' if seen is None else forms.per_cent(seen)} of {asked} asked"


def paint_split(painter: QPainter, rect: QRectF, weight: WeightView, *, calm: bool = False) -> None:
    """Paint a split into a rectangle; a calm row gets a line of 2 px."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if calm:
        middle = rect.center().y()
        painter.fillRect(QRectF(rect.left(), middle - CALM_PX / 2, rect.width(), CALM_PX), theme.colour("line"))
        painter.restore()
        return
    seen = seen_share(weight)
    if seen is None:
        pen = QPen(theme.colour("unknown"), 1.0)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.faded("series.stable", 0.45))
        painter.drawRoundedRect(rect, 2, 2)
        painter.setBrush(theme.colour("series.canary"))
        painter.drawRoundedRect(QRectF(rect.left(), rect.top(), rect.width() * min(100.0, seen) / 100, rect.height()), 2, 2)
    if weight.asked.value is not None:
        x = rect.left() + (rect.width() - 2) * min(100.0, weight.asked.value) / 100
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.fillRect(QRectF(round(x), rect.top() - 3, 2, rect.height() + 6), theme.colour("text"))
    painter.restore()


class SplitBar(Painted):
    """The split of a target's traffic, as wide as its panel."""

    def __init__(self, *, small: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._weight: WeightView | None = None
        self._bar = theme.pair("split_bar_row")[1] if small else theme.size("split_bar")
        self.setFixedHeight(self._bar + 6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_view(self, weight: WeightView | None) -> None:
        """Show a split; None shows nothing."""
        if weight == self._weight:
            return
        self._weight = weight
        self.setAccessibleName("" if weight is None else f"Traffic on the canary: {describe(weight)}")
        self.setToolTip("" if weight is None else describe(weight))
        self.update()

    def sizeHint(self) -> QSize:
        """Return a width that a panel will stretch."""
        return QSize(120, self._bar + 6)

    def paint(self, painter: QPainter) -> None:
        """Paint the bar with room for the tick above and below."""
        if self._weight is not None:
            paint_split(painter, QRectF(0, 3, self.width(), self._bar), self._weight)
