"""How numbers, spans and instants are written on screen."""

import os
from datetime import UTC, datetime
from functools import cache
from math import floor

MINUTE = 60
HOUR = 3600
DAY = 86400


def number(value: float, digits: int = 0) -> str:
    """Return a number with thousands separated: 1064 is "1,064"."""
    return f"{value:,.{digits}f}"


def short(value: float) -> str:
    """Return a number with as many digits as a person reads: 9.5, 102, 1,064."""
    return number(value, 1) if abs(value) < 10 and value != round(value) else number(value)


def per_cent(value: float, digits: int | None = None) -> str:
    """Return a share given in per cent: 5.0 is "5 %", 4.93 is "4.9 %"."""
    if digits is not None:
        return f"{value:.{digits}f} %"
    rounded = round(value, 1)
    return f"{rounded:.0f} %" if rounded == int(rounded) else f"{rounded:.1f} %"


def amount(currency: str, value: float) -> str:
    """Return money rounded to the whole unit: "EUR 113"."""
    return f"{currency} {number(floor(value + 0.5))}".strip()


def span(seconds: float) -> str:
    """Return a span as "9 s", "4 min 22 s", "2 h 5 min" or "2 d 7 h"."""
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole, MINUTE, "min", 1, "s")
    if whole < DAY:
        return _two(whole, HOUR, "h", MINUTE, "min")
    return _two(whole, DAY, "d", HOUR, "h")


def _two(whole: int, big: int, big_unit: str, small: int, small_unit: str) -> str:
    rest = whole % big // small
    return f"{whole // big} {big_unit}" + (f" {rest} {small_unit}" if rest else "")


def age(seconds: float) -> str:
    """Return an age in its largest unit: "1 s", "4 min", "2 h", "3 d"."""
    whole = max(0, int(seconds))
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if whole >= unit:
            return f"{whole // unit} {name}"
    return f"{whole} s"


def countdown(seconds: float) -> str:
    """Return seconds left as "0:11"; over an hour as "1:02:03"."""
    whole = max(0, -int(-seconds // 1))
    if whole >= HOUR:
        return f"{whole // HOUR}:{whole % HOUR // MINUTE:02}:{whole % MINUTE:02}"
    return f"{whole // MINUTE}:{whole % MINUTE:02}"


def local(at: datetime) -> datetime:
    """Return an instant in the window's zone."""
    return at.astimezone()


def clock(at: datetime) -> str:
    """Return the time of day with seconds, for facts: "10:10:22"."""
    return local(at).strftime("%H:%M:%S")


def minute(at: datetime) -> str:
    """Return the time of day without seconds: "10:10"."""
    return local(at).strftime("%H:%M")


def day_minute(at: datetime, now: datetime) -> str:
    """Return a time within a week as "Thu 18:00", today's as "18:00", others as "28 Nov 18:00"."""
    there, here = local(at), local(now)
    if there.date() == here.date():
        return there.strftime("%H:%M")
    if abs((there - here).total_seconds()) < 6 * DAY:
        return there.strftime("%a %H:%M")
    return f"{there.day} {there:%b %H:%M}"


def moment(at: datetime) -> str:
    """Return a full instant in the window's zone: "2026-11-24 10:10:22"."""
    return local(at).strftime("%Y-%m-%d %H:%M:%S")


def _linked_zone() -> str:
    try:
        _, found, name = os.readlink("/etc/localtime").partition("zoneinfo/")
    except OSError:
        return ""
    return name if found else ""


@cache
def zone_name() -> str:
    """Return the short name of the window's zone: "Berlin" for Europe/Berlin."""
    name = os.environ.get("TZ", "").lstrip(":") or _linked_zone()
    if not name:
        from PySide6.QtCore import QTimeZone  # noqa: PLC0415 (loads the whole zone database)

        name = bytes(QTimeZone.systemTimeZoneId().data()).decode()
    return name.rsplit("/", 1)[-1].replace("_", " ") or "UTC"


def epoch(seconds: float) -> datetime:
    """Return the instant of seconds since the epoch, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
