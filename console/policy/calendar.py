"""Freeze windows as spans between UTC instants, and fast answers to "which one holds now"."""

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from console.model.freeze import FreezeWindow, Occurrence, OneOff, Weekly
from console.policy.walltime import find_zone, first_instant, last_instant

YEARS = range(2000, 2200)
VALID_FOR = timedelta(days=14)
_WEEK = timedelta(days=9)
_FURTHEST = timedelta(days=400)


def window_problem(window: FreezeWindow) -> str:
    """Return why a window cannot be used, in words; "" when it can."""
    if find_zone(window.zone) is None:
        return f"{window.zone!r} is not a time zone such as Europe/Berlin"
    if isinstance(window.span, Weekly):
        return _weekly_problem(window.span)
    return _one_off_problem(window.span)


def _weekly_problem(span: Weekly) -> str:
    if not span.days or not span.days <= set(range(7)):
        return "a weekly window needs at least one day of the week"
    if span.start.tzinfo is not None or span.end.tzinfo is not None:
        return "times are local to the window's zone and carry none of their own"
    return ""


def _one_off_problem(span: OneOff) -> str:
    if span.start.tzinfo is not None or span.end.tzinfo is not None:
        return "times are local to the window's zone and carry none of their own"
    if span.end <= span.start:
        return "a window must end after it starts"
    if span.start.year not in YEARS or span.end.year not in YEARS:
        return f"a window must lie in the years {YEARS.start} to {YEARS.stop - 1}"
    return ""


def occurrences_between(windows: Iterable[FreezeWindow], since: datetime, until: datetime) -> tuple[Occurrence, ...]:
    """Return all spans of the windows that touch [since, until), by start. Windows with a problem have none."""
    found = [
        occurrence
        for window in windows
        if not window_problem(window)
        for occurrence in _spans(window, since, until)
        if occurrence.start < until and occurrence.end > since
    ]
    return tuple(sorted(found, key=lambda occurrence: (occurrence.start, occurrence.end, occurrence.window.id)))


def _spans(window: FreezeWindow, since: datetime, until: datetime) -> Iterable[Occurrence]:
    zone = find_zone(window.zone)
    if zone is None:
        return
    if isinstance(window.span, OneOff):
        yield from _occurrence(window, window.span.start, window.span.end, zone)
        return
    day = since.astimezone(zone).date() - timedelta(days=2)
    last = until.astimezone(zone).date() + timedelta(days=1)
    while day <= last:
        if day.weekday() in window.span.days:
            yield from _weekly_on(window, window.span, day, zone)
        day += timedelta(days=1)


def _weekly_on(window: FreezeWindow, span: Weekly, day: date, zone: ZoneInfo) -> Iterable[Occurrence]:
    end_day = day if span.end > span.start else day + timedelta(days=1)
    return _occurrence(window, datetime.combine(day, span.start), datetime.combine(end_day, span.end), zone)


def _occurrence(window: FreezeWindow, start: datetime, end: datetime, zone: ZoneInfo) -> Iterable[Occurrence]:
    """Yield the span, unless the clocks skip all of it."""
    first, last = first_instant(start, zone), last_instant(end, zone)
    if first < last:
        yield Occurrence(window, first, last)


class Held(NamedTuple):
    """Which span holds at an instant (None: open), when forward opens again (None: not known), and the next freeze after that."""

    now: Occurrence | None
    open_at: datetime | None
    following: Occurrence | None


@dataclass(frozen=True, slots=True)
class _Segments:
    """Spans cut at every boundary: `held[i]` is right from `starts[i - 1]` up to `starts[i]`."""

    starts: list[datetime]
    held: list[Held]

    def at(self, now: datetime) -> Held:
        return self.held[bisect_right(self.starts, now)]


class Calendar:
    """Freeze windows compiled for quick decisions; right for instants in [since, until), which lie 14 days apart.

    `broken` holds what is wrong with windows that cannot be used, by window id.
    """

    def __init__(self, windows: Sequence[FreezeWindow], since: datetime) -> None:
        self.windows = tuple(windows)
        self.since = since
        self.until = since + VALID_FOR
        problems = ((window.id, window_problem(window)) for window in self.windows)
        self.broken = {window_id: problem for window_id, problem in problems if problem}
        self._segments: dict[str, _Segments] = {}

    def fits(self, windows: Sequence[FreezeWindow], now: datetime) -> bool:
        """Tell whether this calendar is of these windows and right at that instant."""
        return self.since <= now < self.until and (windows is self.windows or tuple(windows) == self.windows)

    def at(self, target: str, now: datetime) -> Held:
        """Return what holds a target at an instant; outside [since, until) it is worked out anew, slowly."""
        if not self.since <= now < self.until:
            return Calendar(self.windows, now).at(target, now)
        segments = self._segments.get(target)
        if segments is None:
            segments = self._segments[target] = self._compile(target)
        return segments.at(now)

    def problems(self, target: str) -> tuple[str, ...]:
        """Return what is wrong with the windows that cover a target."""
        if not self.broken:
            return ()
        return tuple(f"{w.name}: {self.broken[w.id]}" for w in self.windows if w.id in self.broken and w.covers(target))

    def _compile(self, target: str) -> _Segments:
        windows = [window for window in self.windows if window.covers(target) and window.id not in self.broken]
        weekly = [window for window in windows if isinstance(window.span, Weekly)]
        single = [window for window in windows if isinstance(window.span, OneOff)]
        ever = occurrences_between(single, self.since, self.since + timedelta(days=366 * 200))
        reach = max((occurrence.end for occurrence in ever if occurrence.start < self.until + _WEEK), default=self.until)
        horizon = min(max(self.until, reach) + _WEEK, self.since + _FURTHEST)
        spans = [*ever, *occurrences_between(weekly, self.since, horizon)]
        return _cut(spans, horizon if weekly else None)


def compiled(windows: Sequence[FreezeWindow], now: datetime, previous: Calendar | None = None) -> Calendar:
    """Return a calendar that is right now: the previous one where it still fits, else a new one."""
    if previous is not None and previous.fits(windows, now):
        return previous
    return Calendar(windows, now - timedelta(days=1))


def _cut(spans: Sequence[Occurrence], horizon: datetime | None) -> _Segments:
    """Cut overlapping spans at every boundary; in each segment the span that ends last is the one to name.

    A run of spans that reaches the horizon, past which weekly windows were not worked out, has no known end.
    """
    ordered = sorted(spans, key=lambda occurrence: occurrence.start)
    starts = sorted({moment for occurrence in ordered for moment in (occurrence.start, occurrence.end)})
    holders = _holders(ordered, starts)
    held = [Held(None, None, None)] * (len(starts) + 1)
    open_at: datetime | None = None
    following: Occurrence | None = None
    for index in range(len(starts), -1, -1):
        holder = holders[index]
        if holder is None:
            following = holders[index + 1] if index < len(starts) else None
            open_at = starts[index - 1] if index else None
            held[index] = Held(None, None, following)
        else:
            known = open_at is not None and (horizon is None or open_at < horizon)
            held[index] = Held(holder, open_at if known else None, following)
    return _Segments(starts, held)


def _holders(ordered: Sequence[Occurrence], starts: Sequence[datetime]) -> list[Occurrence | None]:
    """Return who holds before the first boundary, and after each of them."""
    holders: list[Occurrence | None] = [None]
    open_spans: list[tuple[float, int]] = []
    at = 0
    for boundary in starts:
        while at < len(ordered) and ordered[at].start <= boundary:
            heapq.heappush(open_spans, (-ordered[at].end.timestamp(), at))
            at += 1
        while open_spans and ordered[open_spans[0][1]].end <= boundary:
            heapq.heappop(open_spans)
        holders.append(ordered[open_spans[0][1]] if open_spans else None)
    return holders
