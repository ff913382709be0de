"""Only finite numbers are numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from console.analysis.numbers import LARGEST_COUNT, count_of, finite, whole, wilson_lower
from console.model.errors import Malformed

NOT_NUMBERS = [
    math.nan,
    math.inf,
    -math.inf,
    None,
    True,
    False,
    "",
    " ",
    "nan",
    "NaN",
    "inf",
    "1e999",
    "0x10",
    "1_000",
    "١٢",
    "12 34",
    b"1",
    [1],
    10**400,
]


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda value: str(value)[:12])
def test_what_is_no_finite_number_is_nothing(value):
    assert finite(value) is None
    assert whole(value) is None


@pytest.mark.parametrize(("value", "number"), [(0, 0.0), ("12.5", 12.5), (" 7 ", 7.0), (-3, -3.0), ("1e3", 1000.0), (0.1, 0.1)])
def test_plain_numbers_are_read(value, number):
    assert finite(value) == number


@pytest.mark.parametrize("value", [-1, 0.5, "2.5", LARGEST_COUNT + 1, "-0.1"])
def test_a_count_is_whole_and_not_negative(value):
    assert whole(value) is None


@given(st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.booleans(), st.binary()))
def test_whatever_comes_in_a_finite_number_or_nothing_comes_out(value):
    number = finite(value)
    assert number is None or math.isfinite(number)


def test_a_counter_that_is_no_count_is_named_in_the_error():
    with pytest.raises(Malformed, match="resolved_ok is 'nan'"):
        count_of(math.nan, "resolved_ok")


@given(st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_wilson_bound_is_the_one_that_scipy_gives(counts):
    ok, total = counts
    expected = binomtest(ok, total).proportion_ci(confidence_level=0.98, method="wilson").low
    assert wilson_lower(ok, total) == pytest.approx(expected, abs=2e-4)


def test_nothing_counted_has_the_lowest_bound():
    assert wilson_lower(0, 0) == 0.0
