"""No evidence is never a pass: blind, misconfigured, no data, stale."""

from datetime import UTC, datetime, timedelta

import pytest

from console.analysis.feeds import Feed, gap
from console.model.verbs import Verdict

SINCE = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
NOW = SINCE + timedelta(minutes=10)


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


CASES = [
    ("fresh", Feed("canary", ago(3)), None, ""),
    ("just two intervals old", Feed("canary", ago(30)), None, ""),
    ("older than two intervals", Feed("canary", ago(30.1)), Verdict.STALE, "The newest sample of the canary is 30 s old"),
    ("from the future", Feed("canary", ago(-31)), Verdict.STALE, "dated 31 s in the future: the clocks differ"),
    ("gone from the newest answer", Feed("canary", ago(3), present=False), Verdict.NO_DATA, "lacks this gate's series"),
    ("never there", Feed("canary", None), Verdict.MISCONFIGURED, "never gave a sample"),
    ("unreadable", Feed("canary", ago(3), error="401 Unauthorized"), Verdict.BLIND, "cannot be read: 401 Unauthorized"),
    ("unreadable from the start", Feed("canary", None, error="no answer in 5 s"), Verdict.BLIND, "no answer in 5 s"),
]


@pytest.mark.parametrize(("feed", "verdict", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_state_of_a_feed_has_its_verdict(feed, verdict, words):
    found = gap([feed], SINCE, NOW, interval_s=15)
    assert (found and found.verdict) == verdict
    if found is not None:
        assert words in found.sentence


def test_a_series_that_has_not_come_yet_is_no_data_for_two_intervals():
    feed = Feed("canary", None)
    assert gap([feed], SINCE, SINCE + timedelta(seconds=30), 15).verdict is Verdict.NO_DATA
    assert gap([feed], SINCE, SINCE + timedelta(seconds=31), 15).verdict is Verdict.MISCONFIGURED


def test_the_worst_side_counts():
    feeds = [Feed("baseline", ago(300)), Feed("canary", ago(3), error="refused"), Feed("canary", None)]
    order = [Verdict.BLIND, Verdict.MISCONFIGURED, Verdict.STALE]
    for verdict, rest in zip(order, [feeds, [feeds[0], feeds[2]], feeds[:1]], strict=True):
        assert gap(rest, SINCE, NOW, 15).verdict is verdict


def test_a_gate_that_reads_nothing_is_misconfigured():
    assert gap([], SINCE, NOW, 15).verdict is Verdict.MISCONFIGURED
