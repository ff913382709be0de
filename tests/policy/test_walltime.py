"""Wall times become instants that never shorten a freeze."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from console.policy.walltime import find_zone, first_instant, in_words, last_instant

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "zone", "first", "last"),
    [
        ("2026-07-01 12:00", BERLIN, "2026-07-01 10:00", "2026-07-01 10:00"),
        ("2026-10-25 02:30", BERLIN, "2026-10-25 00:30", "2026-10-25 01:30"),
        ("2026-10-25 03:00", BERLIN, "2026-10-25 02:00", "2026-10-25 02:00"),
        ("2026-03-29 02:30", BERLIN, "2026-03-29 01:00", "2026-03-29 01:30"),
        ("2026-03-29 03:00", BERLIN, "2026-03-29 01:00", "2026-03-29 01:00"),
        ("2026-11-01 01:30", NEW_YORK, "2026-11-01 05:30", "2026-11-01 06:30"),
        ("2026-03-08 02:15", NEW_YORK, "2026-03-08 07:00", "2026-03-08 07:15"),
        ("2011-12-30 12:00", ZoneInfo("Pacific/Apia"), "2011-12-30 10:00", "2011-12-30 22:00"),
    ],
)
def test_a_wall_time_means_its_first_instant_as_a_start_and_its_last_as_an_end(wall, zone, first, last):
    moment = datetime.fromisoformat(wall)
    assert first_instant(moment, zone) == utc(first)
    assert last_instant(moment, zone) == utc(last)


def test_the_night_of_the_change_is_as_long_as_it_really_is():
    start, end = datetime.fromisoformat("2026-10-24 22:00"), datetime.fromisoformat("2026-10-25 10:00")
    assert last_instant(end, BERLIN) - first_instant(start, BERLIN) == timedelta(hours=13)
    start, end = datetime.fromisoformat("2026-03-28 22:00"), datetime.fromisoformat("2026-03-29 10:00")
    assert last_instant(end, BERLIN) - first_instant(start, BERLIN) == timedelta(hours=11)


@pytest.mark.parametrize("name", ["", "Europe", "Foo/Bar", "../../etc/passwd", "/etc/localtime", "Europe/Berlin\x00", "x" * 5000])
def test_a_name_that_is_no_zone_is_none(name):
    assert find_zone(name) is None


def test_an_instant_is_told_in_the_zone_and_in_utc():
    now = utc("2026-11-26 12:00")
    assert in_words(utc("2026-11-26 17:00"), "Europe/Berlin", now) == "today 18:00 CET (17:00 UTC)"
    assert in_words(utc("2026-12-01 07:00"), "Europe/Berlin", now) == "Tue 1 Dec 08:00 CET (07:00 UTC)"
    assert in_words(utc("2027-01-01 04:00"), "America/New_York", now) == "Thu 31 Dec 23:00 EST (Fri 04:00 UTC)"
    assert in_words(utc("2027-01-02 04:00"), "nowhere", now) == "Sat 2 Jan 2027 04:00 UTC"


def changes_of(zone: ZoneInfo, since: datetime, until: datetime) -> list[datetime]:
    """Every instant at which a zone's clocks jump, found by halving."""
    found, step = [], timedelta(hours=24)
    while since < until:
        low, high = since, since + step
        if low.astimezone(zone).utcoffset() != high.astimezone(zone).utcoffset():
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
                same = middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high)
        since += step
    return found


def test_every_change_of_every_zone_is_read_so_that_no_freeze_is_shortened():
    seen = 0
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for change in changes_of(zone, utc("2024-01-01"), utc("2038-01-01")):
            seen += 1
            check_around(change, zone)
    assert seen > 4000


def check_around(change: datetime, zone: ZoneInfo) -> None:
    around = change.astimezone(zone).replace(tzinfo=None)
    for minutes in range(-150, 151, 25):
        wall = around + timedelta(minutes=minutes)
        start, end = first_instant(wall, zone), last_instant(wall, zone)
        meant = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        shown = {moment for moment in meant if moment.astimezone(zone).replace(tzinfo=None, fold=0) == wall}
        if shown:
            assert (start, end) == (min(shown), max(shown))
        else:
            assert start == change
            assert end == max(meant)
