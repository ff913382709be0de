"""Freeze windows are right over every change of the clocks."""

import random
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from dateutil import rrule, tz
from hypothesis import given, settings
from hypothesis import strategies as st

from console.model.freeze import FreezeWindow, OneOff, Weekly
from console.policy.calendar import Calendar, compiled, occurrences_between, window_problem
from console.policy.freezing import active, upcoming

ALL_DAYS = frozenset(range(7))
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "UTC", "Pacific/Auckland"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def one_off(start: str, end: str, zone: str = "Europe/Berlin", name: str = "Sale", targets: tuple[str, ...] = ()) -> FreezeWindow:
    span = OneOff(datetime.fromisoformat(start), datetime.fromisoformat(end))
    return FreezeWindow(name, name, "Rita", "sale", zone, span, targets)


def weekly(days: set[int], start: str, end: str, zone: str = "Europe/Berlin", name: str = "Weekend") -> FreezeWindow:
    return FreezeWindow(name, name, "Rita", "quiet", zone, Weekly(frozenset(days), time.fromisoformat(start), time.fromisoformat(end)))


def spans(window: FreezeWindow, since: str, until: str) -> list[tuple[str, str]]:
    found = occurrences_between([window], utc(since), utc(until))
    return [(f"{o.start:%m-%d %H:%M}", f"{o.end:%m-%d %H:%M}") for o in found]


def test_a_nightly_window_follows_the_clocks_over_both_changes_in_berlin():
    night = weekly({5}, "22:00", "10:00")
    assert spans(night, "2026-10-24", "2026-10-26") == [("10-24 20:00", "10-25 09:00")]
    assert spans(night, "2026-03-28", "2026-03-30") == [("03-28 21:00", "03-29 08:00")]


def test_a_window_inside_the_hour_that_comes_twice_holds_through_both():
    assert spans(weekly({6}, "02:15", "02:45"), "2026-10-25", "2026-10-26") == [("10-25 00:15", "10-25 01:45")]
    assert spans(weekly({6}, "01:15", "01:45", "America/New_York"), "2026-11-01", "2026-11-02") == [("11-01 05:15", "11-01 06:45")]


def test_a_window_inside_the_hour_that_is_skipped_moves_forward():
    assert spans(weekly({6}, "02:15", "02:45"), "2026-03-29", "2026-03-30") == [("03-29 01:00", "03-29 01:45")]


def test_a_whole_day_is_as_long_as_that_day_is():
    lengths = {o.end - o.start for o in occurrences_between([weekly({6}, "00:00", "00:00")], utc("2026-01-01"), utc("2027-01-01"))}
    assert lengths == {timedelta(hours=23), timedelta(hours=24), timedelta(hours=25)}


@pytest.mark.parametrize(
    "window",
    [
        one_off("2026-11-26 18:00", "2026-11-26 18:00"),
        one_off("2026-11-26 18:00", "2026-11-25 18:00"),
        one_off("2026-11-26 18:00", "2026-11-27 18:00", "Europe/Atlantis"),
        one_off("2026-11-26 18:00+01:00", "2026-11-27 18:00+01:00"),
        one_off("1026-11-26 18:00", "2026-11-27 18:00"),
        weekly(set(), "10:00", "12:00"),
        weekly({7}, "10:00", "12:00"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_and_breaks_the_calendar(window):
    assert window_problem(window)
    calendar = Calendar([window], utc("2026-11-25"))
    assert calendar.problems("shop")
    assert calendar.at("shop", utc("2026-11-26")).now is None


def test_overlapping_windows_open_when_the_last_of_them_is_over():
    windows = [one_off("2026-11-26 10:00", "2026-11-26 12:00", "UTC", "A"), one_off("2026-11-26 11:00", "2026-11-26 14:00", "UTC", "B")]
    windows.append(one_off("2026-11-26 14:00", "2026-11-26 15:00", "UTC", "C"))
    windows.append(one_off("2026-11-27 10:00", "2026-11-27 12:00", "UTC", "D"))
    calendar = Calendar(windows, utc("2026-11-20"))
    held = calendar.at("shop", utc("2026-11-26 10:30"))
    assert held.now is not None
    assert held.now.window.name == "A"
    assert held.open_at == utc("2026-11-26 15:00")
    assert held.following is not None
    assert held.following.window.name == "D"
    assert calendar.at("shop", utc("2026-11-26 15:00")).now is None
    assert calendar.at("shop", utc("2026-11-26 09:59")).following.start == utc("2026-11-26 10:00")


def test_a_freeze_that_never_opens_has_no_known_end():
    calendar = Calendar([weekly(set(range(7)), "00:00", "00:00")], utc("2026-11-20"))
    held = calendar.at("shop", utc("2026-11-26 10:30"))
    assert held.now is not None
    assert held.open_at is None


def test_a_long_freeze_still_sees_the_weekly_window_at_its_end():
    windows = [one_off("2026-11-01 00:00", "2026-12-26 12:00", "UTC", "Winter"), weekly({5}, "10:00", "16:00", "UTC", "Saturday")]
    assert Calendar(windows, utc("2026-11-02")).at("shop", utc("2026-11-03")).open_at == utc("2026-12-26 16:00")


def test_a_window_covers_only_the_targets_it_names():
    calendar = Calendar([one_off("2026-11-26 10:00", "2026-11-26 12:00", "UTC", targets=("shop",))], utc("2026-11-20"))
    assert calendar.at("shop", utc("2026-11-26 11:00")).now is not None
    assert calendar.at("search", utc("2026-11-26 11:00")).now is None


def test_outside_its_span_the_calendar_is_still_right():
    calendar = Calendar([weekly({5, 6}, "00:00", "00:00", "UTC")], utc("2026-11-20"))
    assert calendar.at("shop", utc("2027-06-05 12:00")).now is not None
    assert calendar.at("shop", utc("2027-06-04 12:00")).now is None


def test_a_compiled_calendar_is_kept_until_windows_or_time_move_on():
    windows = (weekly({5}, "10:00", "16:00"),)
    now = utc("2026-11-20")
    first = compiled(windows, now)
    assert compiled(tuple(windows), now + timedelta(days=5), first) is first
    assert compiled([*windows, one_off("2026-11-26 10:00", "2026-11-26 12:00")], now, first) is not first
    assert compiled(windows, now + timedelta(days=15), first) is not first


def test_the_next_three_occurrences_come_after_now():
    night = weekly({5}, "22:00", "10:00", "UTC")
    now = utc("2026-11-21 23:00")
    assert active(night, now).start == utc("2026-11-21 22:00")
    assert [o.start.day for o in upcoming(night, now)] == [28, 5, 12]
    sale = one_off("2031-11-26 10:00", "2031-11-27 10:00")
    assert [o.window for o in upcoming(sale, now)] == [sale]
    assert active(sale, now) is None


def oracle_spans(window: FreezeWindow, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """The same windows by dateutil's rules and zones, with none of our code."""
    zone = tz.gettz(window.zone)
    if isinstance(window.span, OneOff):
        walls = [(window.span.start, window.span.end)]
    else:
        first = (since - timedelta(days=9)).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        length = (datetime.combine(first, window.span.end) - datetime.combine(first, window.span.start)) % timedelta(days=1)
        begin = datetime.combine(first, window.span.start)
        rule = rrule.rrule(
            rrule.WEEKLY, dtstart=begin, byweekday=sorted(window.span.days), until=until.replace(tzinfo=None) + timedelta(days=2)
        )
        walls = [(wall, wall + (length or timedelta(days=1))) for wall in rule]
    return [(oracle_start(start, zone), oracle_end(end, zone)) for start, end in walls]


def oracle_start(wall: datetime, zone) -> datetime:
    if tz.datetime_exists(wall, zone):
        return tz.enfold(wall.replace(tzinfo=zone), fold=0).astimezone(UTC)
    while not tz.datetime_exists(wall, zone):
        wall += timedelta(minutes=1)
    return wall.replace(tzinfo=zone).astimezone(UTC)


def oracle_end(wall: datetime, zone) -> datetime:
    if tz.datetime_ambiguous(wall, zone):
        return tz.enfold(wall.replace(tzinfo=zone), fold=1).astimezone(UTC)
    return tz.resolve_imaginary(wall.replace(tzinfo=zone)).astimezone(UTC)


minutes = (st.integers(0, 24 * 60 - 1) | st.integers(55, 185)).map(lambda m: time(m // 60, m % 60))
base = datetime.fromisoformat("2026-03-01")
changes_of_clocks = [f"2026-{day}" for day in ("03-08", "03-29", "04-05", "09-27", "10-04", "10-25", "11-01")]
moments = st.integers(0, 400 * 24 * 60).map(lambda m: base + timedelta(minutes=m)) | st.builds(
    lambda day, m: datetime.fromisoformat(day) + timedelta(minutes=m), st.sampled_from(changes_of_clocks), st.integers(-180, 240)
)


@st.composite
def any_window(draw, number: int = 0) -> FreezeWindow:
    zone = draw(st.sampled_from(ZONES))
    if draw(st.booleans()):
        start = draw(moments)
        span = OneOff(start, start + timedelta(minutes=draw(st.integers(1, 20_000))))
    else:
        span = Weekly(draw(st.frozensets(st.integers(0, 6), min_size=1)), draw(minutes), draw(minutes))
    return FreezeWindow(f"w{number}", f"w{number}", "", "", zone, span)


@settings(max_examples=60, deadline=None)
@given(st.lists(any_window(), min_size=1, max_size=6), moments, st.integers(0, 2**32))
def test_verdicts_equal_those_of_dateutil(windows, around, seed):
    since = around.replace(tzinfo=UTC)
    calendar = Calendar(windows, since)
    spans_there = [span for window in windows for span in oracle_spans(window, since, since + timedelta(days=14))]
    picks = random.Random(seed)
    instants = [since + timedelta(seconds=picks.randrange(14 * 86_400)) for _ in range(200)]
    instants += [edge for span in spans_there for edge in span if since <= edge < since + timedelta(days=14)]
    for instant in instants:
        assert (calendar.at("shop", instant).now is not None) == any(start <= instant < end for start, end in spans_there), instant


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(available_timezones())), st.integers(2024, 2037), minutes, minutes, st.integers(0, 2**32))
def test_a_freeze_is_never_shorter_than_the_wall_clock_says_in_any_zone(zone_name, year, start, end, seed):
    zone = ZoneInfo(zone_name)
    window = FreezeWindow("w", "w", "", "", zone_name, Weekly(ALL_DAYS, start, end))
    picks = random.Random(seed)
    instant = datetime(year, 1, 1, tzinfo=UTC)
    ends = instant + timedelta(days=366)
    changes = []
    while instant < ends:
        after = instant + timedelta(hours=12)
        if instant.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            changes.append(instant)
        instant = after
    for change in changes[:4]:
        calendar = Calendar([window], change - timedelta(days=1))
        for _ in range(60):
            moment = change + timedelta(minutes=picks.randrange(-300, 1020))
            wall = moment.astimezone(zone).time()
            says = start <= wall < end if start < end else wall >= start or wall < end
            if says:
                assert calendar.at("shop", moment).now is not None, moment
