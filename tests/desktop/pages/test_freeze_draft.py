"""What a person types about a freeze window becomes a window, or words beside the field that is wrong."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from console.desktop.pages.freeze_draft import Draft, clock_change, problems, skipped, span_words, window_of
from console.model.freeze import OneOff, Weekly

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
