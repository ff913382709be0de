"""Live charts; the only module that knows pyqtgraph, imported after the first paint because it is slow to load."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from console.analysis.decimate import decimate
from console.desktop import forms, theme
from console.desktop.widgets.age import AgeLabel
from console.desktop.widgets.chart_words import DASHES, Legend, legend_value, missing, rest_of, written
from console.desktop.widgets.evidence_chart import TICK_STEPS_S
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.painted import Painted, width_of
from console.model.verbs import State

if TYPE_CHECKING:
    from console.model.views import ChartView, Marker, SeriesView

pg.setConfigOptions(antialias=False, useOpenGL=False)

SMOOTH_BELOW = 500
LOW = 160
OLD_S = 15.0
AXIS_PX = 34
AXIS_HIGH = 18
TICK_PX = 56
MARKER_ROOM = 0.22
"""The part of a chart's height above its lines that is kept for the words of markers."""
LINES_APART = 5.0


class _TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """Seconds since the epoch as times of day in the window's zone."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        step = next((s for s in TICK_STEPS_S if (high - low) / s * TICK_PX <= size), TICK_STEPS_S[-1])
        first = math.ceil(low / step)
        return [(step, [step * n for n in range(first, math.floor(high / step) + 1)])]

    def tickStrings(self, values: list[float], _scale: float, spacing: float) -> list[str]:
        write = forms.minute if spacing >= 60 else forms.clock
        return [write(forms.epoch(value)) for value in values]


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """Lines by role with action markers; it never pans or zooms by itself, and shows exactly what it was told."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, axisItems={"bottom": _TimeAxis("bottom")}, background=None)
        self._lines: dict[str, Any] = {}
        self._markers: dict[float, Any] = {}
        self._seconds = False
        self._shown: tuple[tuple[SeriesView, ...], tuple[Marker, ...]] = ((), ())
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.getViewBox().disableAutoRange()
        item.setContentsMargins(0, 2, 2, 0)
        self.setFrameShape(self.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Tab would stop at each chart, and show nothing
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._dress()

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles that have a line."""
        return tuple(self._lines)

    @property
    def marker_words(self) -> tuple[str, ...]:
        """Return the words of the markers that are not hidden by others."""
        return tuple(line.label.format for line in self._markers.values() if line.label.isVisible())

    def show_lines(self, series: tuple[SeriesView, ...], markers: tuple[Marker, ...], unit: str = "") -> None:
        """Show one line per series and a dashed upright per action; parts of a second are numbered in ms, as the value beside them."""
        self._shown = (series, markers)
        self._seconds = unit.split(" ", 1)[0] == "s" if unit else self._seconds
        for role in set(self._lines) - {one.role for one in series}:
            self.removeItem(self._lines.pop(role))
        arrays = [(one.role, np.asarray(one.times, float), np.asarray(one.values, float)) for one in series]
        for role, times, values in arrays:
            self._draw(role, times, values)
        self._range([times for _, times, _ in arrays], [values for _, _, values in arrays])
        self._mark(markers)

    def set_small(self, small: bool) -> None:
        """Leave the axes' numbers out where they would take more room than the lines."""
        for side in ("left", "bottom"):
            self.getPlotItem().showAxis(side, not small)

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of the new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_lines"):
            self._dress()
            for item in (*self._lines.values(), *self._markers.values()):
                self.removeItem(item)
            self._lines, self._markers = {}, {}
            self.show_lines(*self._shown)

    def _draw(self, role: str, times: Any, values: Any) -> None:
        times, values = decimate(times, values, max(100, self.width() - AXIS_PX))
        line = self._lines.get(role)
        if line is None:
            line = pg.PlotCurveItem(connect="finite", skipFiniteCheck=False)
            self._lines[role] = line
            self.addItem(line)
        pen = pg.mkPen(theme.colour(f"series.{role}"), width=1)
        if role in DASHES:
            pen.setDashPattern(DASHES[role])
        smooth = role == "canary" and len(values) < SMOOTH_BELOW
        if smooth:
            pen.setWidthF(1.5)
        line.setData(times, values, pen=pen, antialias=smooth)

    def _range(self, times: list[Any], values: list[Any]) -> None:
        every = np.concatenate(values) if values else np.empty(0)
        every = every[np.isfinite(every)]
        spans = [(one[0], one[-1]) for one in times if len(one)]
        if not spans or not len(every):
            return
        low, high = nice_range(float(every.min()), float(every.max()))
        high += (high - low) * (self._word_room() if self._shown[1] else 0.0)
        start, end = min(first for first, _ in spans), max(last for _, last in spans)
        self.getPlotItem().getAxis("left").setScale(1000.0 if self._seconds and high < 1 else 1.0)
        self.getPlotItem().getViewBox().setRange(xRange=(start, max(end, start + 1)), yRange=(low, high), padding=0)

    def _mark(self, markers: tuple[Marker, ...]) -> None:
        wanted = {marker.at.timestamp(): marker for marker in markers}
        for at in set(self._markers) - set(wanted):
            self.removeItem(self._markers.pop(at))
        for at in set(wanted) - set(self._markers):
            pen = pg.mkPen(theme.colour("text.2"), width=1)
            pen.setDashPattern([2, 3])
            options = {
                "position": 0.94,
                "color": theme.colour("text.2"),
                "fill": theme.faded("bg.panel", 0.8),
                "anchors": [(0, 0.5), (0, 0.5)],
            }
            line = pg.InfiniteLine(at, angle=90, pen=pen, label=wanted[at].text, labelOpts=options)
            line.label.setFont(theme.font("caption"))
            self._markers[at] = line
            self.addItem(line)
        self._spread(wanted)

    def _spread(self, wanted: dict[float, Marker]) -> None:
        """Keep the words of markers that stand apart, the newest first; of lines that stand as one, the newest is left."""
        (start, end), _ = self.getPlotItem().getViewBox().viewRange()
        pixels = max(1.0, self.width() - AXIS_PX) / max(1e-9, end - start)
        free = line_at = math.inf
        for at in sorted(wanted, reverse=True):
            x, room = (at - start) * pixels, width_of(wanted[at].text, "caption") + 10
            apart = bool(line_at - x >= LINES_APART)
            fits = bool(apart and x >= 0 and x + room <= min(free, self.width() - AXIS_PX + 4))
            self._markers[at].setVisible(apart)
            self._markers[at].label.setVisible(fits)
            self._markers[at].label.setPosition(self._word_place())
            line_at = x if apart else line_at
            if fits:
                free = x

    def _word_share(self) -> float:
        """Return the part of the lines' height that a marker's word takes."""
        axis = AXIS_HIGH if self.getPlotItem().getAxis("bottom").isVisible() else 0
        return min(0.5, (theme.line_height("caption") + 1) / max(1.0, float(self.height()) - axis - 2.0))

    def _word_room(self) -> float:
        """Return how much of the values' span is left free above them, so that no word lies over a line."""
        share = self._word_share()
        return max(MARKER_ROOM, share / (1 - share))

    def _word_place(self) -> float:
        """Return how far up its line a marker's word stands, so that its top is not cut off in a low chart."""
        return min(0.94, 1 - self._word_share() / 2)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the words of markers whole and off the lines at the new height."""
        super().resizeEvent(event)
        if event is not None and hasattr(self, "_shown") and event.size().height() != event.oldSize().height():
            self.show_lines(*self._shown)

    def _dress(self) -> None:
        self.setBackground(theme.colour("bg.panel"))
        item = self.getPlotItem()
        item.showGrid(x=False, y=True, alpha=0.22)
        for side in ("left", "bottom"):
            axis = item.getAxis(side)
            axis.setPen(theme.colour("line"))
            axis.setTextPen(theme.colour("text.3"))
            axis.setStyle(tickFont=theme.font("caption"), tickLength=0, tickTextOffset=4, maxTickLevel=0)
        item.getAxis("left").setWidth(AXIS_PX)
        item.getAxis("bottom").setHeight(AXIS_HIGH)


def nice_range(low: float, high: float) -> tuple[float, float]:
    """Return an axis range: from zero where the values come near it, else around them, never empty."""
    if high - low < 1e-9:
        high = low + (abs(low) or 1.0) * 0.1
    room = (high - low) * 0.12
    return (0.0 if 0 <= low < 0.6 * high else low - room), high + room


class ChartCard(Painted):
    """Name and age, the newest value with its unit, the lines, and a legend with each role's value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._age = Label("", "label", elide=True), AgeLabel()
        self._value, self._unit = Label("", "title"), Label("", "small", "text.2", elide=True)
        self._value.setMinimumHeight(theme.line_height("title"))
        self._problem = MarkLabel("small.strong", 13)
        self._plot, self._legend = Plot(), Legend()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 9)
        column.setSpacing(2)
        head, value = QHBoxLayout(), QHBoxLayout()
        head.addWidget(self._name, 1)
        head.addWidget(self._age)
        value.setSpacing(7)
        value.addWidget(self._value)
        value.addWidget(self._unit, 1)
        column.addLayout(head)
        column.addLayout(value)
        column.addWidget(self._problem)
        column.addWidget(self._plot, 1)
        column.addWidget(self._legend)
        self._problem.hide()

    def sizeHint(self) -> QSize:
        """Return the size of a card in a row of four."""
        return QSize(204, 218)

    def minimumSizeHint(self) -> QSize:
        """Return the least size at which the lines can be read."""
        return QSize(150, 120)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give a low card's room to its lines."""
        super().resizeEvent(event)
        low = event.size().height() < LOW
        self._legend.setVisible(not low)
        self._plot.set_small(low)

    @property
    def roles(self) -> set[str]:
        """Return the roles that have a line."""
        return set(self._plot.roles)

    @property
    def marker_words(self) -> tuple[str, ...]:
        """Return the words of the markers that are not hidden by others."""
        return self._plot.marker_words

    def show_view(self, chart: ChartView, markers: tuple[Marker, ...] = (), state: State | None = None, *, idle: bool = False) -> None:
        """Show a chart; `state` FAILED writes its value in red, an old value fades; `idle` tells that the canary has no traffic."""
        self._name.setText(chart.name)
        self._age.show_age(chart.at, OLD_S)
        absent = missing(chart, idle=idle)
        self._value.setText(absent or written(chart.latest, chart.unit))
        self._value.set_role("section" if absent else "title")
        aside = " ".join(part for part in (rest_of(chart.unit), chart.latest_role if chart.latest is not None else "") if part)
        self._unit.setText(aside)
        self._value.set_ink("text.3" if self._age.old or absent else "fail" if state is State.FAILED else "text")
        self._problem.setVisible(bool(chart.problem))
        if chart.problem:
            self._problem.show_state(State.BLIND, chart.problem)
        self._plot.show_lines(chart.series, markers, chart.unit)
        self._legend.show_parts(tuple((one.role, legend_value(one, chart)) for one in chart.series))
        self.setAccessibleName(f"{chart.name}, {absent or written(chart.latest, chart.unit)} {aside}")

    def paint(self, painter: QPainter) -> None:
        """Paint the card."""
        card_rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(theme.colour("bg.panel"))
        painter.setPen(theme.colour("line"))
        painter.drawRoundedRect(card_rect, 6, 6)
