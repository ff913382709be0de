"""Evidence against the canary on a log axis, with the limit that stops the release as a dashed line with its meaning."""

from __future__ import annotations

import math
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import CENTRE, RIGHT, Painted, hairline, width_of, write
from console.model.verbs import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.model.views import EvidenceView

AXIS_LEFT, AXIS_BOTTOM, TOP = 52, 22, 18
MOST_POINTS = 400
SHORTEST_S = 20
LABELLED = 3
NOTHING_YET = "E = 1: no block of sessions has closed yet"
TICK_STEPS_S = (10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400)


class _Scale(NamedTuple):
    """Maps instants and evidence to pixels; `low` and `high` are powers of ten."""

    plot: QRectF
    start: float
    end: float
    low: int
    high: float

    def x(self, seconds: float) -> float:
        return self.plot.left() + (seconds - self.start) / max(1e-9, self.end - self.start) * self.plot.width()

    def y(self, value: float) -> float:
        power = math.log10(max(value, 10.0**self.low))
        return self.plot.bottom() - (power - self.low) / max(1e-9, self.high - self.low) * self.plot.height()


class EvidenceChart(Painted):
    """The path of the evidence to its newest value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view: EvidenceView | None = None
        self._failed = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_view(self, view: EvidenceView | None, *, failed: bool) -> None:
        """Show a path; `failed` marks its end as the verdict."""
        if (view, failed) == (self._view, self._failed):
            return
        self._view, self._failed = view, failed
        if view is not None:
            limit = forms.short(view.limit)
            self.setAccessibleName(f"Evidence against the canary {forms.short(view.evidence)}, limit {limit}, {view.limit_means}")
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size that the card will stretch."""
        return QSize(320, 180)

    def paint(self, painter: QPainter) -> None:
        """Paint axes, limit, path and labels."""
        view = self._view
        if view is None:
            return
        points = thinned([(at.timestamp(), value) for at, value in view.path])
        if points and view.at is not None and view.at.timestamp() > points[-1][0]:
            points.append((view.at.timestamp(), view.evidence))
        scale = self._scale(view, points)
        self._paint_axes(painter, scale)
        self._paint_limit(painter, scale, view)
        taken: list[QRectF] = []
        if points:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_path(painter, scale, points)
            taken += self._paint_labels(painter, scale, points)
        else:
            self._paint_nothing(painter, scale)
        self._paint_meaning(painter, scale, view, [*taken, *strokes(scale, points)])

    def _scale(self, view: EvidenceView, points: Sequence[tuple[float, float]]) -> _Scale:
        plot = QRectF(AXIS_LEFT, TOP, self.width() - AXIS_LEFT - 20, self.height() - TOP - AXIS_BOTTOM)
        values = [value for _, value in points if value > 0] or [1.0]
        high = math.log10(max([view.limit, *values])) + 0.12
        low = max(-3, min(0, math.floor(math.log10(min(values)))))
        now = view.at.timestamp() if view.at is not None else 0.0
        start = points[0][0] if points else now - SHORTEST_S
        end = max(points[-1][0] if points else now, now, start + SHORTEST_S)
        return _Scale(plot, start, end + (end - start) * 0.06, low, high)

    def _paint_axes(self, painter: QPainter, scale: _Scale) -> None:
        powers = range(scale.low, math.floor(scale.high) + 1)
        apart = max(1, math.ceil(16 * (scale.high - scale.low) / max(1.0, scale.plot.height())))
        for power in powers[::apart]:
            y = scale.y(10.0**power)
            hairline(painter, scale.plot.left(), y, scale.plot.right(), y, "grid")
            write(painter, QRectF(0, y - 8, AXIS_LEFT - 8, 16), (power_of_ten(power), "caption", "text.2"), RIGHT)
        room = max(1.0, scale.plot.width() / 64)
        step = next((s for s in TICK_STEPS_S if (scale.end - scale.start) / s <= room), TICK_STEPS_S[-1])
        tick = math.ceil(scale.start / step) * step
        while tick <= scale.end and scale.x(tick) + 28 <= self.width():
            at = forms.epoch(tick)
            words = forms.minute(at) if step >= 60 else forms.clock(at)
            x = scale.x(tick)
            hairline(painter, x, scale.plot.bottom(), x, scale.plot.bottom() + 3, "line.strong")
            write(painter, QRectF(x - 30, scale.plot.bottom() + 5, 60, 15), (words, "caption", "text.2"), CENTRE)
            tick += step

    def _paint_limit(self, painter: QPainter, scale: _Scale, view: EvidenceView) -> None:
        y = scale.y(view.limit)
        pen = QPen(theme.colour("series.limit"), 1.0)
        pen.setDashPattern([6, 4])
        painter.setPen(pen)
        painter.drawLine(QPointF(scale.plot.left(), round(y) + 0.5), QPointF(scale.plot.right(), round(y) + 0.5))

    def _paint_meaning(self, painter: QPainter, scale: _Scale, view: EvidenceView, taken: Sequence[QRectF]) -> None:
        """Say what the limit means where nothing else stands: above its line, else below it, else in fewer words."""
        short = f"limit {forms.short(view.limit)}"
        for words in (f"{short}: {view.limit_means[:1].lower()}{view.limit_means[1:]}", short):
            wide, y = width_of(words, "caption") + 4, scale.y(view.limit)
            if wide > scale.plot.width() - 6:
                continue
            spots = [QRectF(x, top, wide, 15) for top in (y - 17, y + 3) for x in (scale.plot.left() + 6, scale.plot.right() - wide)]
            free = next((box for box in spots if not any(box.intersects(other) for other in taken)), None)
            if free is not None:
                write(painter, free, (words, "caption", "text.2"))
                return

    def _paint_nothing(self, painter: QPainter, scale: _Scale) -> None:
        """Say why there is no path yet: evidence is reckoned block by block, and begins at 1."""
        y = scale.y(1.0)
        painter.setPen(QPen(theme.colour("series.evidence"), 2.0))
        painter.drawLine(QPointF(scale.plot.left(), y), QPointF(scale.plot.right(), y))
        write(painter, QRectF(scale.plot.left() + 6, y - 20, scale.plot.width() - 6, 16), (NOTHING_YET, "caption", "text.2"))

    def _paint_path(self, painter: QPainter, scale: _Scale, points: Sequence[tuple[float, float]]) -> None:
        line = QPainterPath(QPointF(scale.x(points[0][0]), scale.y(points[0][1])))
        last = points[0][1]
        for seconds, value in points[1:]:
            line.lineTo(scale.x(seconds), scale.y(last))
            line.lineTo(scale.x(seconds), scale.y(value))
            last = value
        area = QPainterPath(line)
        area.lineTo(area.currentPosition().x(), scale.plot.bottom())
        area.lineTo(scale.x(points[0][0]), scale.plot.bottom())
        painter.fillPath(area, theme.faded("series.evidence", 0.10))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("series.evidence"), 2.0))
        painter.drawPath(line)

    def _paint_labels(self, painter: QPainter, scale: _Scale, points: Sequence[tuple[float, float]]) -> list[QRectF]:
        """Label the newest value first, then those before it that have room; return where words and marks stand."""
        taken: list[QRectF] = []
        for index in reversed(steps_to_label(points)):
            seconds, value = points[index]
            end = index == len(points) - 1
            spot = QPointF(scale.x(seconds), scale.y(value))
            ink = "fail" if end and self._failed else "text"
            if end and self._failed:
                paint_mark(painter, State.FAILED, QRectF(spot.x() - 8, spot.y() - 8, 16, 16))
            else:
                painter.setPen(QPen(theme.colour("series.evidence"), 2.0))
                painter.setBrush(theme.colour("bg.panel"))
                painter.drawEllipse(spot, 3.5, 3.5)
            taken.append(QRectF(spot.x() - 8, spot.y() - 8, 16, 16))
            box = self._room_for(forms.short(value), spot, taken, from_left=end and self._failed)
            if box is not None:
                write(painter, box, (forms.short(value), "small.strong", ink))
                taken.append(box)
        return taken

    def _room_for(self, words: str, spot: QPointF, taken: Sequence[QRectF], *, from_left: bool) -> QRectF | None:
        """Return where a value can stand beside its point without lying on another, or None."""
        wide = width_of(words, "small.strong") + 2
        right, left = spot.x() + 9, spot.x() - wide - 9
        beside = (left, right) if from_left else (right, left)
        spots = [QRectF(x, y, wide, 15) for y in (spot.y() - 20, spot.y() + 5) for x in beside]
        room = QRectF(AXIS_LEFT, 0, self.width() - AXIS_LEFT, self.height() - AXIS_BOTTOM)
        return next((box for box in spots if room.contains(box) and not any(box.intersects(other) for other in taken)), None)


def power_of_ten(power: int) -> str:
    """Return a power of ten in few signs: 0.01, 100, 10,000, 100 k, 10 M; 1e9 from there on."""
    if power <= 4:
        return f"{10.0**power:,.{max(0, -power)}f}"
    if power >= 9:
        return f"1e{power}"
    return f"{10 ** (power % 3)} {'k' if power < 6 else 'M'}"


def strokes(scale: _Scale, points: Sequence[tuple[float, float]]) -> list[QRectF]:
    """Return the path as thin rectangles, so that words can keep off it."""
    found = []
    for (began, low), (ended, high) in pairwise(points):
        x1, x2, y1, y2 = scale.x(began), scale.x(ended), scale.y(low), scale.y(high)
        found += [QRectF(x1, y1 - 1, max(1.0, x2 - x1), 2), QRectF(x2 - 1, min(y1, y2), 2, max(1.0, abs(y2 - y1)))]
    return found


def steps_to_label(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the newest point and the largest rises before it, in order of time; a value said again says nothing."""
    rises = sorted(
        (index for index in range(1, len(points) - 1) if points[index - 1][1] * 1.5 < points[index][1] != points[-1][1]),
        key=lambda index: points[index][1] / max(1e-12, points[index - 1][1]),
    )
    return sorted([*rises[-(LABELLED - 1) :], *([len(points) - 1] if points else [])])


def thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return at most MOST_POINTS points; in each run of points the highest stays, and the newest always."""
    if len(points) <= MOST_POINTS:
        return points
    run = math.ceil(len(points) / (MOST_POINTS - 1))
    kept = [max(points[at : at + run], key=lambda point: point[1]) for at in range(0, len(points), run)]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def span_of(view: EvidenceView) -> float:
    """Return over how many seconds of the target's own time the evidence was gathered."""
    end: datetime | None = view.at or (view.path[-1][0] if view.path else None)
    return max(0.0, (end - view.path[0][0]).total_seconds()) * view.speed if view.path and end is not None else 0.0
