"""Freeze windows, blackouts and the stop-the-line: spans in which nothing may raise exposure."""

from dataclasses import dataclass
from datetime import datetime, time


@dataclass(frozen=True, slots=True)
class OneOff:
    """A single span in local wall time of the window's zone; `start` and `end` are naive on purpose."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Weekly:
    """A span on each of `days` (Monday is 0); an `end` at or before `start` ends on the next day."""

    days: frozenset[int]
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class FreezeWindow:
    """A span in which nothing may raise exposure; `targets` empty means every target. `origin` is `file` or `console`."""

    id: str
    name: str
    owner: str
    reason: str
    zone: str
    span: OneOff | Weekly
    targets: tuple[str, ...] = ()
    origin: str = "console"

    def covers(self, target: str) -> bool:
        """Tell whether this window applies to a target."""
        return not self.targets or target in self.targets


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One span of a window, as UTC instants: `start` belongs to it, `end` does not."""

    window: FreezeWindow
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Blackout:
    """Forward moves close when the measured rate reaches `close_at` of the declared peak and open again under `open_at` (hysteresis).

    `metric` is a counter summed over both sides; `peak_per_min` is its rate at the declared peak.
    """

    metric: str
    peak_per_min: float
    close_at: float = 0.8
    open_at: float = 0.7


@dataclass(frozen=True, slots=True)
class TrafficNow:
    """The measured rate against the declared peak. `share` is None when nothing was measured: unknown, so forward is held.

    `close_at` and `open_at` are the declared thresholds, as parts of the peak.
    """

    share: float | None
    closed: bool
    at: datetime | None
    peak_per_min: float
    close_at: float = 0.8
    open_at: float = 0.7


@dataclass(frozen=True, slots=True)
class StopTheLine:
    """A person stopped every forward move; it ends by itself at `until` where that is given. `targets` empty means every target."""

    by: str
    reason: str
    since: datetime
    until: datetime | None = None
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FreezeState:
    """Whether a target is frozen at an instant, by what, until when, and what comes next.

    `kind` is "" when open, else `window`, `blackout`, `stop the line` or `calendar broken`. `until` is None where the end is not known.
    """

    frozen: bool
    kind: str = ""
    name: str = ""
    owner: str = ""
    reason: str = ""
    until: datetime | None = None
    next_start: datetime | None = None
    next_name: str = ""
    zone: str = ""
    """The window's own zone, in which `until` was meant; "" where there is none."""
