"""What a person types about a freeze window becomes a window, or words beside the field that is wrong."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from console.desktop.pages.freeze_draft import Draft, problems, skipped, window_of
from console.desktop.pages.freeze_words import clock_change, covers_words, occurrence_words, span_words
from console.model.freeze import Occurrence, OneOff, Weekly

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
wall = datetime.fromisoformat
BERLIN = ZoneInfo("Europe/Berlin")
GOOD = Draft(
    name="Sale weekend",
    owner="Rita M.",
    reason="peak x 1.6",
    zone="Europe/Berlin",
    weekly=False,
    first=wall("2026-11-26 18:00"),
    last=wall("2026-12-01 08:00"),
    days=frozenset(),
    start=time(18),
    end=time(6),
    targets=None,
)


def test_a_whole_draft_has_no_problems_and_becomes_a_window():
    assert problems(GOOD, NOW) == {}
    window = window_of(GOOD, "w1")
    assert window.span == OneOff(GOOD.first, GOOD.last)
    assert window.targets == ()
    assert window.origin == "console"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "  "}, "name"),
        ({"owner": ""}, "owner"),
        ({"reason": ""}, "reason"),
        ({"zone": "Europe/Berlim"}, "zone"),
        ({"zone": ""}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"last": GOOD.first}, "span"),
        ({"first": wall("2026-11-01 08:00"), "last": wall("2026-11-02 08:00")}, "span"),
        ({"weekly": True}, "span"),
        ({"targets": ()}, "targets"),
    ],
)
def test_each_mistake_is_told_at_its_own_field(change, field):
    assert list(problems(replace(GOOD, **change), NOW)) == [field]


def test_all_mistakes_are_told_at_once():
    assert set(problems(replace(GOOD, name="", zone="Nowhere", targets=()), NOW)) == {"name", "zone", "targets"}


def test_a_wall_time_that_clocks_jump_over_is_refused():
    draft = replace(GOOD, first=wall("2027-03-28 02:30"), last=wall("2027-03-28 05:00"))
    assert "does not exist" in problems(draft, NOW)["span"]
    assert skipped(wall("2027-03-28 02:30"), BERLIN)
    assert not skipped(wall("2026-10-25 02:30"), BERLIN)


def test_a_clock_change_inside_a_span_is_found():
    before, after = datetime(2027, 3, 27, 12, tzinfo=UTC), datetime(2027, 3, 28, 12, tzinfo=UTC)
    assert clock_change(before, after, BERLIN) == timedelta(hours=1)
    assert clock_change(before, before + timedelta(hours=2), BERLIN) == timedelta()


def test_a_weekly_window_says_its_days_and_its_night():
    window = window_of(replace(GOOD, weekly=True, days=frozenset({4, 3})), "w2")
    assert window.span == Weekly(frozenset({3, 4}), time(18), time(6))
    assert span_words(window) == "every Thu, Fri, 18:00 to 06:00 next day"


def test_a_window_that_ends_the_same_day_says_the_day_once():
    window = window_of(replace(GOOD, last=wall("2026-11-26 20:00")), "w3")
    assert span_words(window) == "once, Thu 26 Nov 2026 18:00 to 20:00"


def test_an_occurrence_is_said_in_its_zone_and_here():
    window = window_of(replace(GOOD, zone="America/New_York"), "w4")
    found = Occurrence(window, datetime(2026, 11, 27, 17, 0, tzinfo=UTC), datetime(2026, 11, 27, 23, 0, tzinfo=UTC))
    assert occurrence_words(found, BERLIN) == ("Fri 27 Nov 12:00 to 18:00", "here Fri 27 Nov 18:00 to Sat 28 Nov 00:00")
    assert occurrence_words(found, ZoneInfo("America/New_York"))[1] == ""


def test_an_occurrence_over_a_clock_change_says_how_long_it_really_lasts():
    window = window_of(GOOD, "w5")
    found = Occurrence(window, datetime(2027, 3, 27, 17, 0, tzinfo=UTC), datetime(2027, 3, 28, 4, 0, tzinfo=UTC))
    assert occurrence_words(found, BERLIN) == ("Sat 27 Mar 18:00 to Sun 28 Mar 06:00", "clocks change inside, lasts 11 h")


def test_what_a_window_covers_is_counted_and_named():
    assert covers_words(("a", "b"), every=False) == "covers 2 targets: a, b"
    assert covers_words(("a",), every=True) == "covers every target, now 1: a"
    assert covers_words((), every=True) == "covers every target, none is connected now"
