"""Counters become increments, also over a restart."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.analysis.counts import Increase, Totals, increase, totals_of
from console.analysis.history import History
from console.model.errors import Malformed


def test_the_first_reading_is_the_origin():
    assert increase(None, Totals(1000, 30)) == Increase(0, 0)


def test_what_was_resolved_between_two_readings_is_counted():
    assert increase(Totals(100, 3), Totals(107, 4)) == Increase(7, 1)


@pytest.mark.parametrize("now", [Totals(5, 1), Totals(200, 2), Totals(5, 30)])
def test_a_counter_that_fell_counts_from_zero_and_says_so(now):
    assert increase(Totals(100, 10), now) == Increase(now.ok, now.failed, restarted=True)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=30))
def test_increments_add_up_to_what_the_counters_show(steps):
    reading, counted_ok, counted_failed = Totals(40, 2), 0, 0
    for ok, failed in steps:
        later = Totals(reading.ok + ok, reading.failed + failed)
        grown = increase(reading, later)
        counted_ok, counted_failed, reading = counted_ok + grown.ok, counted_failed + grown.failed, later
    assert (counted_ok, counted_failed) == (reading.ok - 40, reading.failed - 2)


def test_a_side_without_one_of_the_counters_has_no_totals():
    assert totals_of({"resolved_ok": 3.0}, "resolved_ok", "resolved_failed") is None


def test_a_counter_that_is_not_a_number_is_refused():
    with pytest.raises(Malformed, match="resolved_failed"):
        totals_of({"resolved_ok": 3.0, "resolved_failed": math.nan}, "resolved_ok", "resolved_failed")


def test_negative_totals_are_refused():
    with pytest.raises(ValueError, match="not counts"):
        Totals(-1, 0)


def test_a_long_history_is_scaled_down_and_keeps_its_share():
    ok, total = History(1940, 2000).at_most(200)
    assert total == 200
    assert ok / total == pytest.approx(0.97)


def test_a_short_history_counts_as_it_is():
    assert History(3, 4).at_most(200) == (3.0, 4.0)


@pytest.mark.parametrize(("ok", "total"), [(-1, 3), (4, 3)])
def test_a_history_with_more_ok_than_sessions_is_refused(ok, total):
    with pytest.raises(ValueError, match="not a history"):
        History(ok, total)
