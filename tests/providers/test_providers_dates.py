"""How far another clock is off, by the Date headers of its answers."""

from datetime import UTC, datetime

import pytest
from clock import FakeClock

from console.providers.clients.dates import EVERY_S, Dates

NOW = "Tue, 24 Nov 2026 10:00:00 GMT"
LATER = "Tue, 24 Nov 2026 10:01:05 GMT"


def test_a_clock_that_agrees_is_off_by_less_than_its_grain(fake_clock: FakeClock) -> None:
    dates = Dates(fake_clock)
    assert dates.ahead_s is None
    dates.note(NOW)
    assert dates.ahead_s == 0.5


def test_a_clock_ahead_is_read_again_after_a_while_only(fake_clock: FakeClock) -> None:
    dates = Dates(fake_clock)
    dates.note(LATER)
    assert dates.ahead_s == 65.5
    dates.note(NOW)
    assert dates.ahead_s == 65.5
    fake_clock.advance(EVERY_S)
    dates.note(NOW)
    assert dates.ahead_s == -14.5


def test_a_cached_answer_says_nothing_of_a_clock(fake_clock: FakeClock) -> None:
    dates = Dates(fake_clock)
    dates.note(LATER, cached=True)
    assert dates.ahead_s is None


@pytest.mark.parametrize("header", ["", "soon", "Tue, 24 Nov 2026 10:01:05", "Tue, 99 Nov 2026 99:99:99 GMT", "\x00", "1" * 5000])
def test_what_is_no_date_is_passed_over(fake_clock: FakeClock, header: str) -> None:
    dates = Dates(fake_clock)
    dates.note(header)
    assert dates.ahead_s is None
    assert fake_clock.now() == datetime(2026, 11, 24, 10, tzinfo=UTC)
