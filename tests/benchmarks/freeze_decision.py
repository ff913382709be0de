"""Freeze decisions over 1,000 windows beside dateutil's rules, in one interleaved run: prints both medians and their ratio.

python tests/benchmarks/freeze_decision.py [ROUNDS]
"""

import random
import sys
from datetime import UTC, datetime, time, timedelta
from statistics import median
from time import perf_counter
from zoneinfo import ZoneInfo

from dateutil import rrule

from console.model.freeze import FreezeWindow, Weekly
from console.policy.calendar import Calendar

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC", "Pacific/Auckland")
SINCE = datetime(2026, 11, 20, tzinfo=UTC)
WINDOWS = 1000
OURS_AT_ONCE = 2000


def window(number: int, picks: random.Random) -> FreezeWindow:
    """Return a weekly window of some hours."""
    start = picks.randrange(22)
    span = Weekly(frozenset(picks.sample(range(7), 2)), time(start), time(start + 1, 30))
    return FreezeWindow(f"w{number}", "w", "", "", picks.choice(ZONES), span)


def rule(each: FreezeWindow) -> tuple[rrule.rrule, ZoneInfo, timedelta]:
    """Return the same window as a recurrence rule in local time, with its zone and length."""
    assert isinstance(each.span, Weekly)
    begin = datetime.combine(SINCE.date() - timedelta(days=8), each.span.start)
    length = datetime.combine(SINCE.date(), each.span.end) - datetime.combine(SINCE.date(), each.span.start)
    return rrule.rrule(rrule.WEEKLY, byweekday=sorted(each.span.days), dtstart=begin), ZoneInfo(each.zone), length


def frozen(rules: list[tuple[rrule.rrule, ZoneInfo, timedelta]], instant: datetime) -> bool:
    """Decide by asking every rule for its last start."""
    for each, zone, length in rules:
        local = instant.astimezone(zone).replace(tzinfo=None)
        begun = each.before(local, inc=True)
        if begun is not None and local < begun + length:
            return True
    return False


def main() -> None:
    """Print a row per round and the medians."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    picks = random.Random(7)
    windows = [window(number, picks) for number in range(WINDOWS)]
    calendar, rules = Calendar(windows, SINCE), [rule(each) for each in windows]
    calendar.at("shop", SINCE)
    ours, theirs = [], []
    for _ in range(rounds):
        instants = [SINCE + timedelta(seconds=picks.randrange(13 * 86_400)) for _ in range(OURS_AT_ONCE)]
        began = perf_counter()
        for instant in instants:
            calendar.at("shop", instant)
        ours.append((perf_counter() - began) / len(instants))
        began = perf_counter()
        frozen(rules, instants[0])
        theirs.append(perf_counter() - began)
    print(f"a decision over {WINDOWS} windows: {median(ours) * 1e6:.2f} µs; by dateutil's rules {median(theirs) * 1e3:.1f} ms")
    print(f"ratio (median of {rounds} rounds): {median(a / b for a, b in zip(ours, theirs, strict=True)):.6f}")


if __name__ == "__main__":
    main()
