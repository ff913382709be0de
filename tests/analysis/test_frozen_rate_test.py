"""The frozen-rate test: stable's memory against the canary."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.analysis.frozen_rate import begin, learn, update
from console.analysis.history import NO_HISTORY, History
from console.analysis.mixture import RATIOS, WEIGHTS, tau
from console.analysis.numbers import wilson_lower

HISTORY = History(1940, 2000)
COUNT = st.one_of(st.integers(0, 3), st.integers(0, 10**15))


def test_the_rate_is_fixed_at_the_first_poll():
    test = update(begin(HISTORY), 0, 0)
    assert test.rate == wilson_lower(1940, 2000)
    assert (test.e, test.polls) == (pytest.approx(1.0), 0)


def test_a_long_history_counts_its_last_2000_sessions():
    assert update(begin(History(97_000, 100_000)), 0, 0).rate == pytest.approx(wilson_lower(1940, 2000))


def test_a_short_history_learns_from_the_stages_below_50_per_cent():
    short = History(95, 100)
    test = learn(begin(short), 180, 20, short)
    assert update(test, 0, 0).rate == pytest.approx(wilson_lower(275, 300))


def test_a_long_history_learns_nothing():
    test = begin(HISTORY)
    assert learn(test, 1, 99, HISTORY) is test


def test_what_comes_after_the_first_poll_teaches_nothing():
    fixed = update(begin(NO_HISTORY), 1, 0)
    assert learn(fixed, 500, 0, NO_HISTORY) is fixed


@pytest.mark.parametrize(("history", "rate"), [(NO_HISTORY, 0.01), (History(0, 2000), 0.01), (History(2000, 2000), 0.9973)])
def test_the_rate_is_held_within_its_bounds(history, rate):
    assert update(begin(history), 0, 0).rate == pytest.approx(rate, abs=1e-4)


@given(st.sampled_from([NO_HISTORY, HISTORY, History(0, 400), History(400, 400)]), st.lists(st.tuples(COUNT, COUNT), max_size=20))
def test_evidence_is_a_finite_number_whatever_was_counted(history, polls):
    test = begin(history)
    for ok, failed in polls:
        test = update(test, ok, failed)
    assert math.isfinite(test.e)
    assert test.e > 0


def test_evidence_is_what_the_formula_gives():
    polls = [(3, 0), (2, 1), (0, 0), (0, 4), (5, 1)]
    p, mass, n, expected = wilson_lower(1940, 2000), [0.5] * len(RATIOS), 0, 1.0
    test = begin(HISTORY)
    for ok, failed in polls:
        test = update(test, ok, failed)
        if ok + failed:
            likelihood = [r**ok * ((1 - r * p) / (1 - p)) ** failed for r in RATIOS]
            mass = [(a + tau(n) - tau(n + 1)) * x for a, x in zip(mass, likelihood, strict=True)]
            n += 1
            expected = sum(w * a for w, a in zip(WEIGHTS, mass, strict=True)) + tau(n)
        assert test.e == pytest.approx(expected)


@pytest.mark.parametrize("better", [0.0, 0.01])
def test_at_the_frozen_rate_or_above_evidence_does_not_grow_on_average(better):
    test = update(update(begin(HISTORY), 2, 0), 1, 1)
    p = test.rate + better
    for sessions in (1, 2, 3):
        mean = 0.0
        for outcome in product((0, 1), repeat=sessions):
            ok = sum(outcome)
            mean += p**ok * (1 - p) ** (sessions - ok) * update(test, ok, sessions - ok).e
        assert mean <= test.e + 1e-9


def test_a_total_failure_at_full_weight_is_seen_within_a_few_sessions():
    test, sessions = begin(HISTORY), 0
    while test.e < 2000:
        test, sessions = update(test, 0, 1), sessions + 1
    assert sessions == 3
