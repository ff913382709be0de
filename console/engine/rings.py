"""Bounded memories of counters, and the numbers that charts draw from them."""

import math
from array import array
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from console.model.readings import MetricReading, RequestCounts
from console.model.systems import Side
from console.model.target import Panel, PanelKind

POINTS = 600
"""Points that a chart keeps for each side."""

SPARKLINE = 41
"""Points that a target's line in the list of all targets has."""

WINDOW_S = 5.0
"""Charts show changes over the last so many seconds, and over at least three readings."""

SHARE_WINDOW_S = 15.0
"""The measured share counts the requests of the last so many seconds."""

Buckets = tuple[tuple[float, float], ...]


@dataclass(slots=True)
class Ring:
    """A chart's line: the newest values with their instants, in seconds since the epoch; 16 bytes a point, for there are many."""

    points: int = POINTS
    times: "array[float]" = field(default_factory=lambda: array("d"))
    values: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, at: datetime, value: float) -> None:
        """Append a value; an instant that is not newer than the last one is left out."""
        moment = at.timestamp()
        if self.times and moment <= self.times[-1]:
            return
        self.times.append(moment)
        self.values.append(value)
        if len(self.times) > self.points:
            del self.times[0], self.values[0]

    @property
    def latest(self) -> float | None:
        """Return the newest value that is a number."""
        value = self.values[-1] if self.values else math.nan
        return None if math.isnan(value) else value


@dataclass(slots=True)
class Window:
    """The readings of one side that a chart's newest value is reckoned from."""

    readings: deque[tuple[float, Mapping[str, float], Mapping[str, Buckets]]] = field(default_factory=deque)

    def add(self, at: datetime, values: Mapping[str, float], buckets: Mapping[str, Buckets]) -> None:
        """Take a reading in and forget what is too old."""
        self.readings.append((at.timestamp(), values, buckets))
        while len(self.readings) > 4 and self.readings[-1][0] - self.readings[1][0] >= WINDOW_S:
            self.readings.popleft()

    def value(self, panel: Panel) -> float:
        """Return a panel's value over the window; NaN when there is nothing to reckon from."""
        if len(self.readings) < 2:
            return math.nan
        (began, first, first_buckets), (ended, last, last_buckets) = self.readings[0], self.readings[-1]
        if panel.kind is PanelKind.QUANTILE:
            return quantile(first_buckets.get(panel.numerator, ()), last_buckets.get(panel.numerator, ()), panel.quantile)
        part = _grown(first, last, panel.numerator)
        if panel.kind is PanelKind.RATE:
            return part / (ended - began) if ended > began else math.nan
        whole = _grown(first, last, panel.denominator or "")
        return min(1.0, part / whole) if whole > 0 else math.nan  # what began before the window may end in it: no share is above 1


def _grown(first: Mapping[str, float], last: Mapping[str, float], name: str) -> float:
    """Return how much a counter grew; NaN when it is absent, what it shows now when it began again."""
    if name not in last:
        return math.nan
    before = first.get(name, 0.0)
    return last[name] - before if last[name] >= before else last[name]


def quantile(first: Buckets, last: Buckets, share: float) -> float:
    """Return a quantile of what a cumulative histogram counted between two readings, by linear interpolation within its bucket.

    NaN when nothing was counted; in the open last bucket its lower edge is returned, as Prometheus does.
    """
    before = dict(first)
    grown = [(edge, count - before.get(edge, 0.0)) for edge, count in last]
    if not grown or any(count < 0 for _, count in grown):
        grown = list(last)
    if not grown or grown[-1][1] <= 0:
        return math.nan
    wanted, lower, below = share * grown[-1][1], 0.0, 0.0
    for edge, count in grown:
        if count >= wanted:
            if math.isinf(edge):
                return lower
            return lower + (edge - lower) * ((wanted - below) / (count - below) if count > below else 1.0)
        lower, below = edge, count
    return lower


class Charts:
    """The lines of a target's panels, one for each side."""

    def __init__(self, panels: tuple[Panel, ...], sides: tuple[Side, Side]) -> None:
        self._panels = panels
        self._windows = {side: Window() for side in sides}
        self.rings = {(panel.name, side): Ring() for panel in panels for side in sides}

    def take(self, reading: MetricReading) -> None:
        """Add a point to every line; a side that could not be read gets NaN, so that its line breaks."""
        for side, window in self._windows.items():
            values = reading.values.get(side)
            if values is not None:
                window.add(reading.at_of(side), values, reading.buckets.get(side, {}))
            for panel in self._panels:
                self.rings[panel.name, side].add(reading.at_of(side), math.nan if values is None else window.value(panel))


class Requests:
    """The requests that the router gave to each side: the measured share of late, and the rate for the sparkline."""

    def __init__(self) -> None:
        self._counts: deque[RequestCounts] = deque()
        self.rate = Ring(SPARKLINE)

    def take(self, counts: RequestCounts) -> None:
        """Take a reading in; counters that fell mean that the router started again, so older readings are forgotten."""
        if self._counts and any(counts.counts.get(side, 0.0) < before for side, before in self._counts[-1].counts.items()):
            self._counts.clear()
        if self._counts:
            span_s = (counts.at - self._counts[-1].at).total_seconds()
            if span_s > 0:
                self.rate.add(counts.at, sum(counts.counts.values()) / span_s - sum(self._counts[-1].counts.values()) / span_s)
        self._counts.append(counts)
        while len(self._counts) > 2 and (counts.at - self._counts[1].at).total_seconds() >= SHARE_WINDOW_S:
            self._counts.popleft()

    def forget(self) -> None:
        """Begin the measured share anew, after the weights were changed; the newest reading stays as its origin."""
        while len(self._counts) > 1:
            self._counts.popleft()

    def share(self, canary: Side) -> tuple[float, datetime] | None:
        """Return the canary's part of the requests of late, in per cent, with its instant; None when there were none."""
        if len(self._counts) < 2:
            return None
        first, last = self._counts[0], self._counts[-1]
        grown = {side: count - first.counts.get(side, 0.0) for side, count in last.counts.items()}
        whole = sum(grown.values())
        return (100.0 * grown.get(canary, 0.0) / whole, last.at) if whole > 0 else None


class Rate:
    """How fast a counter, summed over both sides, grows of late, a minute."""

    def __init__(self, span_s: float = 60.0) -> None:
        self._span_s = span_s
        self._sums: deque[tuple[datetime, float]] = deque()

    def take(self, reading: MetricReading, metric: str) -> None:
        """Take a reading in; without all sides nothing is known, and a fallen sum begins anew. The sum is as old as its older side."""
        if reading.errors or not reading.values or any(metric not in values for values in reading.values.values()):
            return
        now = sum(values[metric] for values in reading.values.values())
        if self._sums and now < self._sums[-1][1]:
            self._sums.clear()
        at = min(reading.at_of(side) for side in reading.values)
        if self._sums and at <= self._sums[-1][0]:
            return
        self._sums.append((at, now))
        while len(self._sums) > 2 and (at - self._sums[1][0]).total_seconds() >= self._span_s:
            self._sums.popleft()

    def per_min(self, now: datetime, limit_s: float) -> float | None:
        """Return the rate a minute; None when there are no two readings or the newest is older than `limit_s`."""
        if len(self._sums) < 2 or (now - self._sums[-1][0]).total_seconds() > limit_s:
            return None
        (began, first), (ended, last) = self._sums[0], self._sums[-1]
        return (last - first) * 60.0 / (ended - began).total_seconds()
