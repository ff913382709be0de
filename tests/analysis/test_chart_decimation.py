"""Decimation loses no spike, no gap that can be seen, and no order."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from console.analysis.decimate import decimate

VALUES = arrays.arrays(
    np.float64, st.integers(1, 400), elements=st.one_of(st.floats(-1e9, 1e9), st.just(float("nan")), st.just(float("inf")))
)


def buckets(size, pixels):
    edges = np.linspace(0, size, pixels + 1).astype(int)
    return list(pairwise(edges))


@given(VALUES, st.integers(1, 60))
def test_each_pixel_keeps_its_lowest_and_its_highest(values, pixels):
    times = np.arange(len(values), dtype=float)
    kept_times, kept = decimate(times, values, pixels)
    assert len(kept) <= 2 * pixels or len(kept) == len(values) <= 2 * pixels
    assert np.all(np.diff(kept_times) > 0)
    for start, end in buckets(len(values), pixels) if len(values) > 2 * pixels else []:
        there = kept[(kept_times >= start) & (kept_times < end)]
        numbers = values[start:end][np.isfinite(values[start:end])]
        assert 1 <= len(there) <= 2
        if len(numbers):
            assert (there.min(), there.max()) == (numbers.min(), numbers.max())
        else:
            assert np.isnan(there).all()


@given(VALUES, st.integers(1, 60))
def test_what_is_kept_stood_there(values, pixels):
    kept_times, kept = decimate(np.arange(len(values), dtype=float), values, pixels)
    before = np.where(np.isfinite(values), values, np.nan)
    assert np.array_equal(kept, before[kept_times.astype(int)], equal_nan=True)


def test_a_gap_of_two_pixels_stays_a_gap():
    values = np.ones(1000)
    values[333:374] = np.nan
    _, kept = decimate(np.arange(1000.0), values, 50)
    assert np.isnan(kept).any()


def test_a_single_spike_of_86400_points_is_kept():
    values = np.zeros(86_400)
    values[40_001] = 7.0
    times, kept = decimate(np.arange(86_400.0), values, 800)
    assert times[kept == 7.0] == [40_001.0]


def test_few_points_are_left_alone():
    times, values = np.arange(5.0), np.array([1.0, 2.0, np.nan, 4.0, 5.0])
    kept_times, kept = decimate(times, values, 3)
    assert np.array_equal(kept_times, times)
    assert np.array_equal(kept, values, equal_nan=True)


def test_an_empty_chart_stays_empty():
    assert len(decimate(np.array([]), np.array([]), 10)[1]) == 0


@pytest.mark.parametrize(("times", "pixels"), [(np.zeros(3), 10), (np.zeros(4), 0)])
def test_rows_of_different_length_and_no_pixels_are_refused(times, pixels):
    with pytest.raises(ValueError, match=r"length|pixel"):
        decimate(times, np.zeros(4), pixels)
