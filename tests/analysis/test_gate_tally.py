"""The tally is a pure fold: what was stored rebuilds the judge."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from console.analysis.history import History
from console.analysis.shares import share_alpha
from console.analysis.tally import LONGEST_PATH, Rules, Sides, begin, observe, open_stage, replay
from console.model.rollout import GateSample

START = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
RULES = Rules(n_pass=5, history=History(1940, 2000))


def sample(poll, weight, counts):
    return GateSample("r1", "payments", START + timedelta(seconds=15 * poll), weight, *counts)


def rollout(seed, share=0.97):
    random = Random(seed)
    samples = []
    for poll in range(240):
        weight = (5, 25, 50, 95)[poll // 60]
        sides = [0, 0, 0, 0]
        for _ in range(random.randrange(7)):
            canary = random.random() * 100 < weight
            sides[2 * canary + (random.random() >= (share if canary else 0.97))] += 1
        samples.append(sample(poll, weight, sides))
    return samples


@pytest.mark.parametrize("share", [0.97, 0.5])
def test_a_judge_rebuilt_from_its_samples_is_the_one_that_was_lost(share):
    samples = rollout(1, share)
    live = begin(RULES)
    for number, each in enumerate(samples):
        if number in {60, 120, 180}:
            live = open_stage(live, START + timedelta(seconds=15 * number - 1))
        live = observe(RULES, live, each)
    since = START + timedelta(seconds=15 * 180 - 1)
    assert replay(RULES, samples, since) == live


def test_without_a_stage_everything_counts_for_it():
    tally = replay(RULES, rollout(2)[:10], None)
    assert tally.stage == tally.all


def test_a_stage_that_has_seen_nothing_is_empty():
    samples = rollout(2)[:10]
    assert replay(RULES, samples, samples[-1].at).stage == Sides()
    assert replay(RULES, [], START) == open_stage(begin(RULES), START)


def test_a_stage_starts_from_nothing_and_carries_the_evidence():
    tally = replay(RULES, rollout(3)[:40], None)
    opened = open_stage(tally, START + timedelta(hours=1))
    assert opened.stage == Sides()
    assert (opened.concurrent, opened.all) == (tally.concurrent, tally.all)


def test_sessions_of_a_gap_that_began_before_the_stage_are_evidence_and_not_the_stages():
    before = observe(RULES, begin(RULES), sample(0, 25, (19, 1, 9, 1)))
    opened = open_stage(before, START + timedelta(seconds=15 * 40))
    across = observe(RULES, opened, sample(41, 5, (700, 20, 230, 7)))
    assert (across.stage, across.all.canary, across.concurrent.blocks) == (Sides(), 247, 2)
    assert observe(RULES, across, sample(42, 5, (19, 0, 1, 0))).stage == Sides(19, 0, 1, 0)
    assert replay(RULES, [sample(0, 25, (19, 1, 9, 1)), sample(41, 5, (700, 20, 230, 7))], opened.stage_since) == across


def test_a_reading_on_time_counts_whole_for_the_stage_in_which_it_comes():
    opened = open_stage(observe(RULES, begin(RULES), sample(0, 5, (19, 1, 1, 0))), START + timedelta(seconds=14))
    assert observe(RULES, opened, sample(1, 25, (15, 0, 5, 0))).stage == Sides(15, 0, 5, 0)


def test_only_the_concurrent_test_runs_below_50_per_cent():
    tally = observe(RULES, begin(RULES), sample(0, 49, (9, 0, 0, 1)))
    assert tally.concurrent.blocks == 1
    assert tally.frozen.polls == 0


def test_both_tests_run_from_50_per_cent():
    tally = observe(RULES, begin(RULES), sample(0, 50, (9, 0, 0, 1)))
    assert (tally.concurrent.blocks, tally.frozen.polls) == (1, 1)


def test_only_the_frozen_rate_test_runs_at_100_per_cent():
    tally = observe(RULES, begin(RULES), sample(0, 100, (1, 0, 0, 1)))
    assert (tally.concurrent.blocks, tally.frozen.polls) == (0, 1)


def test_a_fail_absorbs_while_sessions_go_on_being_counted():
    tally = begin(RULES)
    for poll in range(5):
        tally = observe(RULES, tally, sample(poll, 5, (19, 1, 0, 1)))
    failed_at, e = tally.concurrent_failed_at, tally.concurrent.e
    for poll in range(5, 200):
        tally = observe(RULES, tally, sample(poll, 5, (19, 1, 9, 0)))
    assert failed_at is not None
    assert (tally.concurrent_failed_at, tally.concurrent.e) == (failed_at, e)
    assert tally.all.canary == 5 + 195 * 9


def test_a_frozen_rate_alarm_absorbs_and_the_concurrent_test_goes_on():
    tally = begin(RULES)
    for poll in range(60):
        tally = observe(RULES, tally, sample(poll, 95, (0, 1, 1, 4)))
    assert tally.frozen_failed_at is not None
    assert tally.concurrent_failed_at is None
    assert tally.concurrent.blocks == 60


def test_the_path_holds_each_change_of_the_evidence():
    tally = begin(RULES)
    for poll, counts in enumerate([(3, 0, 0, 0), (3, 0, 1, 0), (0, 0, 0, 0), (2, 0, 0, 1)]):
        tally = observe(RULES, tally, sample(poll, 5, counts))
    assert [at for at, _ in tally.concurrent_path] == [START + timedelta(seconds=15), START + timedelta(seconds=45)]
    assert tally.concurrent_path[-1][1] == tally.concurrent.e


def test_a_long_path_is_thinned_and_keeps_its_ends():
    tally = begin(RULES)
    for poll in range(LONGEST_PATH + 600):
        tally = observe(RULES, tally, sample(poll, 5, (3, 0, 1, 0)))
    assert len(tally.concurrent_path) <= LONGEST_PATH
    assert tally.concurrent_path[0][0] == START
    assert tally.concurrent_path[-1][0] == tally.last_at


def test_increments_below_zero_are_refused():
    with pytest.raises(ValueError, match="not increments"):
        observe(RULES, begin(RULES), sample(0, 5, (1, 0, -1, 0)))


@pytest.mark.parametrize(("n_pass", "interval_s"), [(0, 15.0), (5, 0.0), (5, float("nan"))])
def test_rules_that_could_never_hold_are_refused(n_pass, interval_s):
    with pytest.raises(ValueError, match=r"pass|interval"):
        Rules(n_pass=n_pass, interval_s=interval_s)


def test_a_switched_off_frozen_rate_test_never_fails():
    rules = Rules(n_pass=5, history=RULES.history, share=share_alpha(whole=True))
    tally = begin(rules)
    for poll in range(50):
        tally = observe(rules, tally, sample(poll, 95, (0, 0, 0, 5)))
    assert tally.frozen_failed_at is None
