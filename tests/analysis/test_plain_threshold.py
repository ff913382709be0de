"""Plain thresholds are strict: what is no number is never a pass."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.analysis.feeds import Feed
from console.analysis.threshold import judge_ratio, judge_threshold, judge_value
from console.analysis.verdicts import Moment
from console.model.target import ThresholdGate
from console.model.verbs import Verdict

START = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
GATE = ThresholdGate("errors", "http_5xx", "http_requests", limit=0.02, min_count=100)


@pytest.mark.parametrize(
    ("numerator", "denominator", "verdict"),
    [
        (2, 100, Verdict.PASS),
        (3, 100, Verdict.FAIL),
        (0, 99, Verdict.WATCHING),
        (0, 0, Verdict.WATCHING),
        (math.nan, 100, Verdict.NO_DATA),
        (1, math.nan, Verdict.NO_DATA),
        (None, None, Verdict.NO_DATA),
        (math.inf, 100, Verdict.NO_DATA),
        (-1, 100, Verdict.NO_DATA),
        (True, 100, Verdict.NO_DATA),
    ],
)
def test_a_share_against_its_limit(numerator, denominator, verdict):
    assert judge_ratio(numerator, denominator, 0.02, 100).verdict is verdict


@pytest.mark.parametrize(
    ("value", "limit", "verdict"),
    [
        (0.4, 0.5, Verdict.PASS),
        (0.5, 0.5, Verdict.PASS),
        (0.6, 0.5, Verdict.FAIL),
        (math.nan, 0.5, Verdict.NO_DATA),
        (None, 0.5, Verdict.NO_DATA),
        (0.4, math.nan, Verdict.MISCONFIGURED),
    ],
)
def test_a_value_against_its_limit(value, limit, verdict):
    assert judge_value(value, limit).verdict is verdict


@given(st.floats(), st.floats(), st.floats(allow_nan=False, allow_infinity=False))
def test_a_pass_has_numbers_within_the_limit(numerator, denominator, limit):
    result = judge_ratio(numerator, denominator, limit, 20)
    if result.verdict is Verdict.PASS:
        assert denominator >= 20
        assert numerator / denominator <= limit


def test_too_few_says_how_many_are_missing():
    result = judge_ratio(0, 63, 0.02, 100)
    assert (result.needs_more, result.sentence) == (37, "63 counted. Needs 37 more.")


def at_stage(numbers, now_s=900, feed=None):
    now = START + timedelta(seconds=now_s)
    moment = Moment(now, 5, START, 900, START, [feed or Feed("canary", now)])
    return judge_threshold(GATE, numbers, moment, "GET /metrics", interval_s=15)


@pytest.mark.parametrize(
    ("numbers", "now_s", "verdict"),
    [((1, 100), 900, Verdict.PASS), ((1, 100), 899, Verdict.WATCHING), ((9, 100), 60, Verdict.FAIL), ((0, 50), 900, Verdict.WATCHING)],
)
def test_a_fail_counts_at_once_and_a_pass_after_the_wait(numbers, now_s, verdict):
    judgement = at_stage(numbers, now_s)
    assert judgement.verdict is verdict
    assert judgement.acts is (verdict is Verdict.FAIL)


def test_what_is_missing_is_told_in_time_too():
    judgement = at_stage((0, 50))
    assert (judgement.needs_more, judgement.needs_about_s) == (50, 900)


def test_a_stale_number_is_not_judged():
    judgement = at_stage((1, 100), feed=Feed("canary", START))
    assert judgement.verdict is Verdict.STALE
    assert judgement.evidence.limit == 0.02
