"""Draws the coming seven days as one line of time, with freeze windows as bars, clock changes and the present instant."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import pairwise

from PySide6.QtCore import QEvent, QRectF, QSize
from PySide6.QtGui import QHelpEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.label import plain_tip
from console.desktop.widgets.painted import RIGHT, Painted, card, hairline, write
from console.model.freeze import Occurrence

_HEAD, _LANE, _GAP, _FOOT = 30, 22, 4, 8
_LANES = 5
_DAYS = 7


@dataclass(frozen=True, slots=True)
class Bar:
    """A window's occurrence on the strip: `left` and `right` are shares of the week (0 to 1)."""

    occurrence: Occurrence
    lane: int
    left: float
    right: float
    running: bool


def midnights(now: datetime, zone: tzinfo | None = None) -> tuple[datetime, ...]:
    """Return the eight local midnights that bound the coming seven days, as UTC instants; days with a clock change last 23 or 25 h."""
    here = now.astimezone(zone)
    days = [here.date() + timedelta(days=n) for n in range(_DAYS + 1)]
    walls = [datetime.combine(day, time(), zone) for day in days]
    return tuple(wall.astimezone(UTC) for wall in walls)


def bars(week: Iterable[Occurrence], now: datetime, zone: tzinfo | None = None) -> tuple[Bar, ...]:
    """Place occurrences on lanes, one lane for each window, in the order in which they begin."""
    edges = midnights(now, zone)
    start, end = edges[0], edges[-1]
    whole = (end - start).total_seconds()
    lanes: dict[str, int] = {}
    placed: list[Bar] = []
    for found in sorted(week, key=lambda o: (o.start, o.window.name)):
        if found.end <= start or found.start >= end:
            continue
        lane = lanes.setdefault(found.window.id, len(lanes))
        left = max(0.0, (found.start - start).total_seconds() / whole)
        right = min(1.0, (found.end - start).total_seconds() / whole)
        placed.append(Bar(found, lane, left, right, found.start <= now < found.end))
    return tuple(placed)


def clock_changes(now: datetime, zone: tzinfo | None = None) -> tuple[tuple[float, int], ...]:
    """Return the days of the week in which clocks change, as (share of the week at the day's middle, hours gained or lost)."""
    edges = midnights(now, zone)
    whole = (edges[-1] - edges[0]).total_seconds()
    found = []
    for first, last in pairwise(edges):
        hours = (last - first).total_seconds() / 3600
        if hours != 24:
            middle = (first - edges[0]).total_seconds() + (last - first).total_seconds() / 2
            found.append((middle / whole, round(24 - hours)))
    return tuple(found)


class WeekStrip(Painted):
    """The coming week; it is told occurrences and the instant."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: tuple[Bar, ...] = ()
        self._edges: tuple[datetime, ...] = ()
        self._now: datetime | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Coming week")

    def show_week(self, week: Iterable[Occurrence], now: datetime) -> None:
        """Show these occurrences around an instant."""
        self._bars = bars(week, now)
        self._edges = midnights(now)
        self._now = now
        self.setAccessibleDescription("; ".join(bar_words(bar.occurrence) for bar in self._bars) or "no freeze in the coming week")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size that holds a lane for each window, at most five."""
        lanes = min(_LANES, max((bar.lane + 1 for bar in self._bars), default=1))
        return QSize(600, _HEAD + lanes * (_LANE + _GAP) + _FOOT)

    def minimumSizeHint(self) -> QSize:
        """Return the least size: as high as the hint."""
        return QSize(320, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        """Tell in a tooltip what the bar under the pointer is."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            under = next((bar for bar in self._bars if self._rect(bar).contains(event.pos().toPointF())), None)
            QToolTip.showText(event.globalPos(), plain_tip(bar_words(under.occurrence)) if under else "", self)
            return True
        return super().event(event)

    def paint(self, painter: QPainter) -> None:
        """Draw days, bars, clock changes and the present instant."""
        if self._now is None:
            return
        self._days(painter, self._now)
        for share, hours in clock_changes(self._now):
            box = QRectF(share * self.width(), 0, self.width() / _DAYS / 2 - 6, _HEAD)
            write(painter, box, (f"clocks {hours:+d} h", "caption.strong", "look"), RIGHT)
        for bar in self._bars:
            if bar.lane < _LANES:
                self._bar(painter, bar)
        hidden = len({bar.lane for bar in self._bars if bar.lane >= _LANES})
        if hidden:
            foot = QRectF(8, self.height() - 14, self.width() - 16, 14)
            write(painter, foot, (f"{hidden} more in the list below", "caption", "text.3"), RIGHT)
        x = int(self._x(self._now))
        painter.setPen(QPen(theme.colour("accent"), 2))
        painter.drawLine(x, _HEAD - 6, x, self.height())

    def _x(self, at: datetime) -> float:
        whole = (self._edges[-1] - self._edges[0]).total_seconds()
        return (at - self._edges[0]).total_seconds() / whole * self.width()

    def _rect(self, bar: Bar) -> QRectF:
        top = _HEAD + _GAP + bar.lane * (_LANE + _GAP)
        left, right = bar.left * self.width(), bar.right * self.width()
        return QRectF(left + 1, top, max(4.0, right - left - 2), _LANE)

    def _days(self, painter: QPainter, now: datetime) -> None:
        today = forms.local(now).date()
        for first, last in pairwise(self._edges):
            left, right = self._x(first), self._x(last)
            day = forms.local(first)
            if left > 0:
                hairline(painter, left, 0, left, self.height())
            ink = "accent" if day.date() == today else "text"
            write(painter, QRectF(left + 8, 0, right - left - 10, _HEAD), (f"{day:%a} {day.day} {day:%b}", "small.strong", ink))
        hairline(painter, 0, _HEAD, self.width(), _HEAD)

    def _bar(self, painter: QPainter, bar: Bar) -> None:
        box = self._rect(bar)
        card(painter, box, theme.colour("ice.bg"), theme.colour("ice"), 3, 2 if bar.running else 1)
        inner = box.adjusted(7, 0, -5, 0)
        if bar.running and self._now is not None:
            inner.setLeft(min(inner.right(), max(inner.left(), self._x(self._now) + 7)))  # right of the line of the present instant
        if inner.width() > 24:
            words = ("now: " if bar.running else "") + bar.occurrence.window.name
            write(painter, inner, (words, "caption.strong" if bar.running else "caption", "text"))


def bar_words(found: Occurrence) -> str:
    """Say an occurrence in the window's time: name, start, end."""
    start, end = forms.local(found.start), forms.local(found.end)
    return f"{found.window.name}, {start:%a} {start.day} {start:%b %H:%M} to {end:%a} {end.day} {end:%b %H:%M}"
