"""Wall times become instants that never shorten a freeze."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

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
