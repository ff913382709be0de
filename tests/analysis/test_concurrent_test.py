"""The concurrent test: what it stops, what it never does, and that its evidence is what the formula says."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.analysis.concurrent import begin, update
from console.analysis.counts import Counts
from console.analysis.history import NO_HISTORY, History
from console.analysis.mixture import RATIOS, WEIGHTS, tau

HISTORIES = [NO_HISTORY, History(1940, 2000), History(0, 500), History(500, 500), History(1, 1), History(0, 1), History(150, 300)]
COUNT = st.one_of(st.integers(0, 3), st.integers(0, 200), st.integers(0, 10**15))
STREAM = st.lists(st.builds(Counts, COUNT, COUNT, COUNT, COUNT), max_size=25)


def run(history, stream):
    test = begin(history)
    for counts in stream:
        test = update(test, counts)
    return test


def formula(history, stream):
    """E as the design writes it, in numpy and extended precision, from blocks that are closed already."""
    ratios, weights = np.array(RATIOS, dtype=np.longdouble), np.array(WEIGHTS, dtype=np.longdouble)
    seen_ok, seen = (history.ok * min(1, 200 / history.total), min(200, history.total)) if history.total else (9.0, 10.0)
    mass, e = np.full(len(ratios), np.longdouble(0.5)), np.longdouble(1)

    def times_log(count, share):
        return np.zeros_like(share) if count == 0 else count * np.log(share)

    for n, (kb, fb, kc, fc) in enumerate(stream):
        th = np.longdouble(min(0.9999, max(0.01, seen_ok / seen)))
        q, nb, nc = ratios * th, kb + fb, kc + fc
        m = (nb * th + nc * q) / (nb + nc)
        with np.errstate(divide="ignore"):
            d = times_log(kb, th / m) + times_log(fb, (1 - th) / (1 - m)) + times_log(kc, q / m) + times_log(fc, (1 - q) / (1 - m))
        mass = (mass + np.longdouble(tau(n) - tau(n + 1))) * np.exp(d)
        e = (weights * mass).sum() + tau(n + 1)
        seen_ok, seen = seen_ok + kb, seen + nb
        if seen > 300:
            seen_ok, seen = seen_ok * 300 / seen, 300
    return float(e)


@pytest.mark.parametrize("history", HISTORIES)
def test_evidence_is_one_before_any_block(history):
    assert begin(history).e == pytest.approx(1.0, abs=1e-12)
    assert sum(WEIGHTS) * 0.5 + tau(0) == pytest.approx(1.0, abs=1e-12)


@given(st.sampled_from(HISTORIES), STREAM)
def test_evidence_is_a_finite_number_whatever_was_counted(history, stream):
    test = run(history, stream)
    assert math.isfinite(test.e)
    assert test.e > 0


@given(
    st.sampled_from(HISTORIES),
    st.lists(st.tuples(*[st.integers(0, 12)] * 4).filter(lambda c: c[0] + c[1] and c[2] + c[3]), min_size=1, max_size=12),
)
def test_evidence_is_what_the_formula_gives(history, stream):
    expected = formula(history, stream)
    assert run(history, [Counts(*counts) for counts in stream]).e == pytest.approx(min(expected, 1e250), rel=1e-6)


def test_four_failures_in_a_row_stop_the_incident():
    stream = [Counts(19, 1, 0, 1)] * 4
    assert run(History(1940, 2000), stream).e > 2000
    assert run(History(1940, 2000), stream[:3]).e < 2000


def test_a_release_without_history_is_tested_at_once():
    assert run(NO_HISTORY, [Counts(10, 0, 0, 1)] * 5).e > 2000


def test_an_empty_poll_changes_nothing():
    test = run(History(97, 100), [Counts(5, 0, 1, 0)])
    assert update(test, Counts(0, 0, 0, 0)) == test


@pytest.mark.parametrize("alone", [Counts(3, 1, 0, 0), Counts(0, 0, 2, 2)])
def test_sessions_of_one_side_wait_for_the_other(alone):
    test = begin(History(97, 100))
    waiting = update(test, alone)
    assert (waiting.e, waiting.blocks) == (test.e, 0)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30))
def test_sessions_that_waited_are_not_lost(polls):
    """Polls that close no block add up: one poll with all of it gives the same evidence."""
    test, open_block = begin(History(97, 100)), [0, 0, 0, 0]
    merged = test
    for of_canary, ok, failed in polls:
        counts = Counts(0, 0, ok, failed) if of_canary else Counts(ok, failed, 0, 0)
        test = update(test, counts)
        open_block = [a + b for a, b in zip(open_block, counts, strict=True)]
        if open_block[0] + open_block[1] and open_block[2] + open_block[3]:
            merged, open_block = update(merged, Counts(*open_block)), [0, 0, 0, 0]
    assert test.e == merged.e


def test_a_healthy_past_does_not_hide_a_late_fault():
    healthy = [Counts(19, 1, 1, 0)] * 600
    test = run(History(1940, 2000), healthy)
    blocks = 0
    while test.e < 2000 and blocks < 20:
        test, blocks = update(test, Counts(19, 1, 0, 1)), blocks + 1
    assert blocks <= 8


def test_a_canary_that_is_better_gives_no_evidence():
    assert run(History(800, 1000), [Counts(8, 2, 10, 0)] * 200).e < 1


@settings(max_examples=30)
@given(st.floats(0.05, 0.95), st.integers(0, 2**32 - 1))
def test_a_drop_that_both_sides_share_gives_no_more_evidence_than_the_bound(share, seed):
    rng = np.random.default_rng(seed)
    nb, nc = rng.poisson(3, 300), rng.poisson(0.5, 300)
    kb, kc = rng.binomial(nb, share), rng.binomial(nc, share)
    stream = [Counts(int(a), int(b - a), int(c), int(d - c)) for a, b, c, d in zip(kb, nb, kc, nc, strict=True)]
    assert run(History(1940, 2000), stream).e < 1e5


def test_the_running_baseline_forgets():
    test = run(History(1000, 1000), [Counts(50, 50, 1, 0)] * 30)
    assert test.seen == 300
    assert test.seen_ok / test.seen == pytest.approx(0.5, abs=0.01)
