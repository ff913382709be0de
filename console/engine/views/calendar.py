"""All freeze windows, blackouts and stops, with what they do now and next."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from console.model.freeze import FreezeWindow, StopTheLine, TrafficNow
from console.model.views import CalendarView, FreezeRow
from console.policy.calendar import occurrences_between
from console.policy.freezing import active, upcoming

WEEK = timedelta(days=7)


def calendar_view(
    windows: Sequence[FreezeWindow],
    stops: Sequence[StopTheLine],
    blackouts: Mapping[str, TrafficNow],
    targets: Iterable[str],
    now: datetime,
) -> CalendarView:
    """Return the calendar at an instant, to the minute, so that it changes only when something in it does."""
    places = {name: number for number, name in enumerate(targets)}
    every = tuple(places)
    minute = now.replace(second=0, microsecond=0)
    rows = tuple(
        FreezeRow(window, active(window, now), upcoming(window, now), _covered(window, places) if window.targets else every)
        for window in windows
    )
    day = minute.replace(hour=0, minute=0)
    holding = tuple(stop for stop in stops if stop.until is None or now < stop.until)
    return CalendarView(rows, holding, occurrences_between(windows, day, day + WEEK), dict(blackouts), minute)


def _covered(window: FreezeWindow, places: Mapping[str, int]) -> tuple[str, ...]:
    """Return the known ones of the targets that a window names, in their order: most windows are one target's own."""
    return tuple(sorted({name for name in window.targets if name in places}, key=places.__getitem__))
