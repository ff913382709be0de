"""The one place that reads a clock, so that everything else can be given the time."""

import sys
import time
from collections.abc import Callable
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


def sleepless() -> Callable[[], float]:
    """Return the clock of this system that never jumps and runs on while the computer sleeps, in seconds.

    Linux: CLOCK_BOOTTIME, for CLOCK_MONOTONIC stands still in sleep. macOS: CLOCK_MONOTONIC, which counts sleep there, unlike Python's
    own monotonic clock. Windows: GetTickCount64, which counts sleep and hibernation. Elsewhere the monotonic clock is the best there is.
    """
    if sys.platform == "win32":
        return _windows_ticks()
    if sys.platform == "darwin":
        return lambda: time.clock_gettime(time.CLOCK_MONOTONIC)
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic if boottime is None else lambda: time.clock_gettime(boottime)


def _windows_ticks() -> Callable[[], float]:
    import ctypes  # noqa: PLC0415  # on Windows only

    windll = vars(ctypes)["windll"]  # named so because other systems have none
    ticks = windll.kernel32.GetTickCount64
    ticks.restype = ctypes.c_ulonglong
    return lambda: int(ticks()) / 1000


class SystemClock:
    """The computer's own clocks."""

    def __init__(self) -> None:
        self._elapsed = sleepless()

    def now(self) -> datetime:
        """Return the instant, in UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Return seconds on a clock that never jumps back and runs through sleep."""
        return self._elapsed()


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
