"""From local wall time to UTC instants, right over both changes of daylight saving."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo | None:
    """Return the IANA zone of that name, or None when there is none."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant at which the zone's clocks have reached a wall time, for a start.

    An ambiguous wall time gives its first instant; one that the clocks skip gives the instant of the change.
    """
    local = wall.replace(tzinfo=zone, fold=0)
    if not _skipped(local):
        return local.astimezone(UTC)
    return _change_between(local.replace(fold=1).astimezone(UTC), local.astimezone(UTC), zone)


def last_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the last instant that a wall time can mean, for an end.

    An ambiguous wall time gives its second instant; one that the clocks skip moves forward by the gap (RFC 5545, 3.3.5).
    """
    local = wall.replace(tzinfo=zone, fold=0)
    return local.replace(fold=0 if _skipped(local) else 1).astimezone(UTC)


def in_words(at: datetime, zone_name: str, now: datetime) -> str:
    """Return an instant for a person: "today 18:00 CET (17:00 UTC)", "Tue 1 Dec 08:00 CET (07:00 UTC)"."""
    local = at.astimezone(find_zone(zone_name) or UTC)
    today = now.astimezone(local.tzinfo).date()
    day = "today" if local.date() == today else f"{local:%a} {local.day} {local:%b}"
    if local.year != today.year:
        day += f" {local.year}"
    if local.utcoffset() == timedelta(0):
        return f"{day} {local:%H:%M} UTC"
    utc = at.astimezone(UTC)
    shift = "" if utc.date() == local.date() else f"{utc:%a} "
    return f"{day} {local:%H:%M %Z} ({shift}{utc:%H:%M} UTC)"


def _skipped(local: datetime) -> bool:
    """Tell whether the zone's clocks never show this wall time."""
    back = local.astimezone(UTC).astimezone(local.tzinfo)
    return back.replace(tzinfo=None, fold=0) != local.replace(tzinfo=None, fold=0)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second after the clocks' change that lies between two instants."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
