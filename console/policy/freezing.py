"""Whether a target is frozen now, by what and until when: the stop-the-line, freeze windows, the blackout and a broken calendar."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.model.freeze import Blackout, FreezeState, FreezeWindow, Occurrence, OneOff, StopTheLine, TrafficNow
from console.policy.calendar import Calendar, occurrences_between

TRAFFIC_OLD = timedelta(seconds=120)
CALENDAR_OLD = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CalendarHealth:
    """What is known of where the calendar comes from: `problem` in words when it could not be read, `read_at` when it last could.

    `read_at` None means that no calendar is configured that could grow old.
    """

    problem: str = ""
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Restraints:
    """Everything that may freeze a target. `traffic` is None only where no blackout is declared; with one, unknown traffic is a value."""

    calendar: Calendar
    stops: Sequence[StopTheLine] = ()
    traffic: TrafficNow | None = None
    health: CalendarHealth = CalendarHealth()


def freeze_state(target: str, now: datetime, restraints: Restraints) -> FreezeState:
    """Return whether a target is frozen at an instant. Order: stop the line, window, blackout, broken calendar."""
    held = restraints.calendar.at(target, now)
    following = held.following
    start, name = (following.start, following.window.name) if following else (None, "")
    stop = _stop_on(target, now, restraints.stops)
    if stop is not None:
        return FreezeState(True, "stop the line", "Stop the line", stop.by, stop.reason, stop.until, start, name)
    if held.now is not None:
        window = held.now.window
        return FreezeState(True, "window", window.name, window.owner, window.reason, held.open_at, start, name, window.zone)
    problem = blackout_reason(restraints.traffic, now)
    if problem:
        return FreezeState(True, "blackout", "Peak traffic", "", problem, None, start, name)
    problem = _calendar_problem(target, now, restraints)
    if problem:
        return FreezeState(True, "calendar broken", "Freeze calendar", "", problem, None, start, name)
    return FreezeState(False, next_start=start, next_name=name)


def blackout_reason(traffic: TrafficNow | None, now: datetime) -> str:
    """Return why peak traffic holds forward moves, in words; "" when it does not. Traffic that is not known, or old, holds them."""
    if traffic is None:
        return ""
    if traffic.share is None or traffic.at is None:
        return "traffic unknown: the rate against the declared peak was not measured"
    if now - traffic.at > TRAFFIC_OLD:
        return f"traffic unknown: last measured {(now - traffic.at).total_seconds():.0f} s ago"
    if traffic.closed:
        return f"traffic is at {traffic.share:.0%} of the declared peak of {traffic.peak_per_min:g} a minute"
    return ""


def traffic_now(blackout: Blackout, previous: TrafficNow | None, rate_per_min: float | None, at: datetime) -> TrafficNow:
    """Judge a measured rate against the declared peak, with hysteresis.

    Between the two thresholds the state before holds; with nothing known before, that is closed. A rate of None, or one that is no
    number, is unknown and therefore closed.
    """
    if rate_per_min is None or not 0 <= rate_per_min < float("inf"):
        return TrafficNow(None, True, at, blackout.peak_per_min, blackout.close_at, blackout.open_at)
    share = rate_per_min / blackout.peak_per_min
    was_closed = previous is None or previous.closed
    closed = share >= blackout.close_at or (was_closed and share >= blackout.open_at)
    return TrafficNow(share, closed, at, blackout.peak_per_min, blackout.close_at, blackout.open_at)


def upcoming(window: FreezeWindow, now: datetime, n: int = 3) -> tuple[Occurrence, ...]:
    """Return the next n spans of a window that start after now."""
    days = 366 * 200 if isinstance(window.span, OneOff) else 7 * (n + 2)
    later = [occurrence for occurrence in occurrences_between([window], now, now + timedelta(days=days)) if occurrence.start > now]
    return tuple(later[:n])


def active(window: FreezeWindow, now: datetime) -> Occurrence | None:
    """Return the span of a window that holds now."""
    spans = occurrences_between([window], now, now + timedelta(microseconds=1))
    return max(spans, key=lambda occurrence: occurrence.end, default=None)


def _stop_on(target: str, now: datetime, stops: Sequence[StopTheLine]) -> StopTheLine | None:
    """Return the stop that holds a target longest; one without an end outlasts all others."""
    holding = [stop for stop in stops if (not stop.targets or target in stop.targets) and (stop.until is None or now < stop.until)]
    if not holding:
        return None
    endless = [stop for stop in holding if stop.until is None]
    return endless[0] if endless else max(holding, key=lambda stop: stop.until or now)


def _calendar_problem(target: str, now: datetime, restraints: Restraints) -> str:
    health = restraints.health
    if health.problem:
        return health.problem
    if health.read_at is not None and now - health.read_at > CALENDAR_OLD:
        return f"the calendar was last read {(now - health.read_at).total_seconds() / 3600:.0f} h ago"
    return "; ".join(restraints.calendar.problems(target))
