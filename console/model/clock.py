"""The one place that reads a clock, so that everything else can be given the time."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day and the time that passes."""

    def now(self) -> datetime:
        """Return the instant, in UTC."""
        ...

    def elapsed(self) -> float:
        """Return seconds on a clock that never jumps back and runs through sleep."""
        ...


class SystemClock:
    """The computer's own clocks."""

    def now(self) -> datetime:
        """Return the instant, in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Return seconds on a clock that runs through sleep where the system has one."""
        boottime = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if boottime is None else time.clock_gettime(boottime)


def iso(moment: datetime) -> str:
    """Return an instant as ISO 8601 in UTC with milliseconds and a Z, as all our files write it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """Return the instant written by `iso`.

    Raises ValueError when the text is no instant, has no zone, or lies beyond the calendar in UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} lies beyond the calendar") from error
