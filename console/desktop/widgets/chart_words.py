"""What stands around a chart's lines: its newest value in words, and a legend with a piece of each line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from console.desktop import forms, theme
from console.desktop.widgets.painted import Painted, width_of, write_run

if TYPE_CHECKING:
    from console.model.views import ChartView, SeriesView

DASHES: dict[str, list[float]] = {"baseline": [5, 2], "stable": [1, 3]}


class Legend(Painted):
    """A piece of each line beside its role and newest value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: tuple[tuple[str, str], ...] = ()
        self.setFixedHeight(16)

    def show_parts(self, parts: tuple[tuple[str, str], ...]) -> None:
        """Show roles with values."""
        if parts != self._parts:
            self._parts = parts
            self.update()

    def paint(self, painter: QPainter) -> None:
        """Paint from the left."""
        x = 0.0
        for role, value in self._parts:
            pen = QPen(theme.colour(f"series.{role}"), 2)
            if role in DASHES:
                pen.setDashPattern([step / 2 for step in DASHES[role]])
            painter.setPen(pen)
            painter.drawLine(QPointF(x, 8), QPointF(x + 14, 8))
            room = QRectF(x + 19, 0, self.width() - x - 19, 16)
            write_run(painter, room, [(role, "caption", "text"), (value, "caption", "text.2")], 4.0)
            x += 19 + width_of(role, "caption") + 4 + width_of(value, "caption") + 12


def missing(chart: ChartView, *, idle: bool = False) -> str:
    """Say why there is no newest value, in two words; "" when there is one."""
    if chart.latest is not None and not math.isnan(chart.latest):
        return ""
    if chart.at is None or chart.problem:
        return "not read"
    return "no traffic" if idle and chart.latest_role == "canary" else "nothing counted"


def written(value: float | None, unit: str) -> str:
    """Return a chart's value with the first word of its unit where that is a sign: "212 ms", "0.4 %", "0"."""
    if value is None or math.isnan(value):
        return "not read"
    sign = unit.split(" ", 1)[0] if unit else ""
    if sign == "s" and abs(value) < 1:
        value, sign = 1000 * value, "ms"
    digits = 0 if value == round(value) or abs(value) >= 100 else 1 if abs(value) >= 0.095 else 3
    return f"{forms.number(value, digits)} {sign}".strip() if sign in {"%", "ms", "s"} else forms.number(value, digits)


def rest_of(unit: str) -> str:
    """Return the part of a unit that does not stand at the value itself."""
    first, _, rest = unit.partition(" ")
    return rest if first in {"%", "ms", "s"} else unit


def legend_value(series: SeriesView, chart: ChartView) -> str:
    """Return what a legend says of a line: nothing for the one whose value stands large."""
    last = _last(series)
    return "" if series.role == chart.latest_role or last is None else written(last, chart.unit)


def _last(series: SeriesView) -> float | None:
    return next((value for value in reversed(series.values) if not math.isnan(value)), None)
