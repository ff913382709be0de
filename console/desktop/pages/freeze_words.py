"""Says freeze windows and their occurrences in words: in the window's own zone, and here."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from console.model.freeze import FreezeWindow, Occurrence, OneOff
from console.policy.walltime import find_zone

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def clock_change(start: datetime, end: datetime, zone: ZoneInfo) -> timedelta:
    """Return by how much clocks move between two instants: +1 h when they go forward, which makes the span an hour shorter on the wall."""
    before, after = start.astimezone(zone).utcoffset(), end.astimezone(zone).utcoffset()
    return (after or timedelta()) - (before or timedelta())


def span_words(window: FreezeWindow) -> str:
    """Say when a window freezes, in its own wall time."""
    span = window.span
    if isinstance(span, OneOff):
        last = f"{span.end:%H:%M}" if span.start.date() == span.end.date() else f"{span.end:%a %d %b %H:%M}"
        return f"once, {span.start:%a %d %b %Y %H:%M} to {last}"
    days = sorted(span.days)
    names = "every day" if len(days) == 7 else "every " + ", ".join(DAYS[day] for day in days)
    night = " next day" if span.end <= span.start else ""
    return f"{names}, {span.start:%H:%M} to {span.end:%H:%M}{night}"


def zone_short(name: str) -> str:
    """Return the part of a zone's name that people say: Berlin for Europe/Berlin."""
    return name.rsplit("/", 1)[-1].replace("_", " ")


def occurrence_words(found: Occurrence, here: tzinfo | None = None) -> tuple[str, str]:
    """Say one occurrence in its window's zone, and again in local time where that reads differently, with any clock change inside.

    `here` is the local zone, the computer's own when None.
    """
    zone = find_zone(found.window.zone) or UTC
    there = _span(found.start.astimezone(zone), found.end.astimezone(zone))
    local = _span(found.start.astimezone(here), found.end.astimezone(here))
    second = [] if local == there else [f"here {local}"]
    if isinstance(zone, ZoneInfo):
        moved = clock_change(found.start, found.end, zone)
        if moved:
            hours = (found.end - found.start).total_seconds() / 3600
            second.append(f"clocks change inside, lasts {hours:g} h")
    return there, ", ".join(second)


def _span(start: datetime, end: datetime) -> str:
    last = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%a} {end.day} {end:%b} {end:%H:%M}"
    return f"{start:%a} {start.day} {start:%b} {start:%H:%M} to {last}"


def covers_words(names: tuple[str, ...], *, every: bool) -> str:
    """Say what a window covers, counted and by name."""
    if every and not names:
        return "covers every target, none is connected now"
    count = f"{len(names)} target" + ("" if len(names) == 1 else "s")
    head = f"covers every target, now {len(names)}" if every else f"covers {count}"
    return f"{head}: {', '.join(names)}" if names else head
