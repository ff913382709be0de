"""The seven verdicts: only a pass advances, and nothing but evidence is a pass."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.analysis.evidence import TestName as Named
from console.analysis.feeds import Feed
from console.analysis.history import NO_HISTORY, History
from console.analysis.shares import share_alpha
from console.analysis.tally import NEVER_PASSES, Rules, begin, observe, open_stage
from console.analysis.verdicts import Moment, judge
from console.model.rollout import GateSample
from console.model.verbs import Verdict

START = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
RULES = Rules(n_pass=5, history=History(1940, 2000), query="GET http://127.0.0.1:9102/metrics")


def at(seconds):
    return START + timedelta(seconds=seconds)


def seen(polls, rules=RULES, weight=5):
    """The tally after polls of (baseline ok, failed, canary ok, failed), one each 15 s."""
    tally = begin(rules)
    for number, counts in enumerate(polls):
        tally = observe(rules, tally, GateSample("r1", "payments", at(15 * (number + 1)), weight, *counts))
    return tally


def moment(now_s=900, weight=5, wait_s=900, feeds=None):
    fresh = (Feed("baseline", at(now_s - 5)), Feed("canary", at(now_s - 5)))
    return Moment(at(now_s), weight, START, wait_s, START, fresh if feeds is None else feeds)


HEALTHY = [(19, 1, 1, 0)] * 10


def test_enough_good_sessions_after_the_wait_are_a_pass():
    judgement = judge(RULES, seen(HEALTHY), moment())
    assert judgement.verdict is Verdict.PASS
    assert judgement.sentence.startswith("10 of 10 canary sessions ok, baseline 190 of 200.")
    assert "no proof of health" in judgement.sentence


def test_before_the_wait_has_elapsed_nothing_passes():
    judgement = judge(RULES, seen(HEALTHY), moment(now_s=420))
    assert judgement.verdict is Verdict.WATCHING
    assert "The stage's wait ends in 8 min." in judgement.sentence


def test_too_few_sessions_are_watched_with_what_is_missing():
    judgement = judge(RULES, seen(HEALTHY[:2]), moment(now_s=900))
    assert (judgement.verdict, judgement.needs_more) == (Verdict.WATCHING, 3)
    assert "Needs 3 more canary sessions, about 22 min at the current rate." in judgement.sentence
    assert judgement.needs_about_s == pytest.approx(1350)


def test_no_session_at_all_is_never_a_pass():
    judgement = judge(RULES, seen([(4, 0, 0, 0)] * 60), moment())
    assert (judgement.verdict, judgement.needs_more, judgement.needs_about_s) == (Verdict.WATCHING, 5, None)


def test_harm_that_no_number_of_sessions_shows_never_passes():
    rules = replace(RULES, n_pass=NEVER_PASSES)
    judgement = judge(rules, seen(HEALTHY, rules), moment())
    assert judgement.verdict is Verdict.WATCHING
    assert "No number of sessions would show a total failure here" in judgement.sentence


def test_one_missing_session_is_singular():
    assert "Needs 1 more canary session," in judge(RULES, seen(HEALTHY[:4]), moment()).sentence


def test_sessions_from_before_the_stages_first_reading_are_said_to_count_for_the_rollout_alone():
    tally = open_stage(seen(HEALTHY[:1]), at(20))
    for second in (30, 45, 60, 75):
        tally = observe(RULES, tally, GateSample("r1", "payments", at(second), 5, 19, 1, 1, 0))
    judgement = judge(RULES, tally, moment())
    assert (judgement.verdict, judgement.needs_more, judgement.evidence.canary_counting) == (Verdict.WATCHING, 1, 4)
    assert judgement.sentence.startswith("5 of 5 canary sessions ok, baseline 95 of 100. Needs 1 more canary session, about ")
    assert judgement.sentence.endswith(" at the current rate; 4 of the 5 count for this stage, 1 came before its first reading.")
    none = judge(RULES, open_stage(seen(HEALTHY[:5]), at(90)), moment())
    assert none.sentence.endswith("Needs 5 more canary sessions; none of the 5 count for this stage, 5 came before its first reading.")
    assert none.evidence.view().canary_counting == 0


def test_a_canary_that_never_succeeded_does_not_pass():
    hopeless = Rules(n_pass=2, history=History(20, 2000))
    judgement = judge(hopeless, seen([(0, 5, 0, 1)] * 4, hopeless), moment())
    assert (judgement.verdict, judgement.needs_more) == (Verdict.WATCHING, 1)


def test_without_history_nothing_passes_before_100_baseline_sessions():
    rules = replace(RULES, history=NO_HISTORY)
    judgement = judge(rules, seen([(9, 0, 1, 0)] * 10, rules), moment())
    assert (judgement.verdict, judgement.needs_more) == (Verdict.WATCHING, 10)
    assert "Needs 10 more baseline sessions" in judgement.sentence
    assert judge(rules, seen([(10, 0, 1, 0)] * 10, rules), moment()).verdict is Verdict.PASS


def test_the_incident_fails_and_acts():
    judgement = judge(RULES, seen([(19, 1, 0, 1)] * 4), moment(now_s=360))
    assert (judgement.verdict, judgement.acts) == (Verdict.FAIL, True)
    assert judgement.sentence.startswith("0 of 4 canary sessions ok, baseline 76 of 80. E ")
    assert judgement.evidence.evidence >= judgement.evidence.limit == 2000


def test_evidence_beyond_a_million_is_told_without_its_digits():
    sentence = judge(RULES, seen([(190, 0, 0, 5)] * 40), moment(now_s=360)).sentence
    assert sentence.endswith(" E above 1,000,000 reached the limit 2,000.")


DEAD = [Feed("canary", None, error="401 Unauthorized")]


def test_a_fail_stays_a_fail_when_the_metrics_die():
    assert judge(RULES, seen([(19, 1, 0, 1)] * 4 + HEALTHY * 20), moment(feeds=DEAD)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("feed", "verdict"),
    [
        (Feed("canary", at(895), error="401 Unauthorized"), Verdict.BLIND),
        (Feed("canary", None), Verdict.MISCONFIGURED),
        (Feed("canary", at(895), present=False), Verdict.NO_DATA),
        (Feed("canary", at(869)), Verdict.STALE),
    ],
)
def test_doubt_comes_before_a_pass(feed, verdict):
    judgement = judge(RULES, seen(HEALTHY), moment(feeds=[Feed("baseline", at(895)), feed]))
    assert judgement.verdict is verdict
    assert judgement.evidence.canary_ok == 10


def test_a_site_wide_drop_is_an_alarm_that_does_not_act():
    judgement = judge(RULES, seen([(2, 3, 2, 3)] * 30, weight=50), moment(weight=50))
    assert (judgement.verdict, judgement.acts) == (Verdict.FAIL, False)
    assert judgement.evidence.test is Named.FROZEN_RATE
    assert judgement.sentence.startswith("Canary or site: ")


def test_the_frozen_rate_test_acts_where_the_plan_says_so():
    rules = replace(RULES, frozen_rate_acts=True)
    assert judge(rules, seen([(2, 3, 2, 3)] * 30, rules, weight=50), moment(weight=50)).acts


def test_a_concurrent_fail_acts_beside_the_alarm():
    judgement = judge(RULES, seen([(10, 0, 0, 10)] * 3, weight=50), moment(weight=50))
    assert judgement.acts
    assert judgement.evidence.test is Named.CONCURRENT
    assert judgement.alarm.startswith("Canary or site: ")


def test_at_100_per_cent_the_frozen_rate_test_is_shown():
    assert judge(RULES, seen([(0, 0, 5, 0)] * 5, weight=100), moment(weight=100)).evidence.test is Named.FROZEN_RATE


def test_where_no_test_can_judge_nothing_passes():
    rules = replace(RULES, share=share_alpha(whole=True))
    judgement = judge(rules, seen([(0, 0, 5, 0)] * 5, rules, weight=100), moment(weight=100))
    assert judgement.verdict is Verdict.MISCONFIGURED


def test_attempts_instead_of_sessions_are_named_on_the_card():
    rules = replace(RULES, resolved=False)
    assert judge(rules, seen(HEALTHY, rules), moment()).evidence.limit_means.startswith("No bound on false stops")


def test_the_card_holds_what_the_verdict_rests_on():
    card = judge(RULES, seen(HEALTHY), moment()).evidence
    assert card.query == RULES.query
    assert (card.canary_ok, card.canary_total, card.baseline_ok, card.baseline_total) == (10, 10, 190, 200)
    assert (card.history, card.samples, card.rule) == (RULES.history, 10, "concurrent test, version 1")
    assert card.age_s(at(155)) == 5
    assert card.limit_means == "A healthy release reaches it in at most 1 of 2,000 releases."
    assert card.view().path == card.path
    assert card.view().history_ok == 1940


@given(
    st.lists(st.tuples(*[st.integers(0, 8)] * 4), max_size=12),
    st.sampled_from([5, 50, 100]),
    st.floats(0, 2000),
    st.sampled_from([NO_HISTORY, RULES.history]),
)
def test_a_pass_always_has_its_evidence(polls, weight, now_s, history):
    rules = replace(RULES, history=history)
    tally = seen(polls, rules, weight)
    judgement = judge(rules, tally, moment(now_s=now_s, weight=weight))
    if judgement.verdict is Verdict.PASS:
        assert tally.stage.canary >= rules.n_pass
        assert tally.stage.canary_ok >= 1
        assert now_s >= 900
        assert history.total or tally.all.baseline >= 100
        assert judgement.evidence.evidence < judgement.evidence.limit
