"""The planner says before the start what a plan can see."""

import pytest

from console.analysis.history import NO_HISTORY, History
from console.analysis.planner import Detectability, Setting, detectability, n_pass
from console.analysis.shares import share_alpha
from console.analysis.simulate import Case, Scenario, simulate

HISTORY = History(1940, 2000)
PLAN = Setting(((5, 900), (25, 900), (50, 900), (95, 3600), (100, 0)), history=HISTORY)


def test_five_sessions_show_a_total_failure_at_5_per_cent():
    assert n_pass(PLAN, 0) == 5


def test_so_many_sessions_would_have_stopped_the_harm_in_95_of_100_cases():
    needed = n_pass(PLAN, 0)
    outcomes = [simulate(Case(Scenario.SILENT_PAYMENT), seed) for seed in range(10_000, 11_000)]
    assert sum(outcome.sessions <= needed for outcome in outcomes) >= 930
    assert sum(outcome.sessions <= needed - 1 for outcome in outcomes) < 950


@pytest.mark.parametrize("stage", range(5))
def test_every_stage_of_a_plan_has_its_number(stage):
    assert 3 <= n_pass(PLAN, stage) <= 20


def test_milder_harm_needs_more_sessions():
    assert n_pass(PLAN, 0) < n_pass(PLAN, 0, 0.5) < n_pass(PLAN, 0, 0.8)


def test_without_history_more_sessions_are_needed():
    assert n_pass(Setting(PLAN.stages), 0) > n_pass(PLAN, 0)


def test_more_metrics_need_more_sessions():
    assert n_pass(Setting(PLAN.stages, history=HISTORY, share=share_alpha(metrics=20)), 0) > n_pass(PLAN, 0)


def test_harm_that_cannot_be_told_has_no_number():
    assert n_pass(Setting(PLAN.stages, history=History(0, 500)), 0) is None
    assert n_pass(Setting(((1, 900),), history=HISTORY, sessions_per_min=0.5), 0, 0.9) is None


def test_the_practice_shop_needs_the_same_numbers_at_its_speed():
    fast = Setting(((5, 45),), history=HISTORY, sessions_per_min=PLAN.sessions_per_min * 20, poll_s=1, speed=20)
    assert n_pass(fast, 0) == n_pass(PLAN, 0)
    assert detectability(fast, 0).wait_min == 15


def test_the_plan_says_what_5_per_cent_shows_in_15_minutes():
    seen = detectability(PLAN, 0)
    assert seen.mean_min == pytest.approx(6, abs=0.7)
    assert seen.p95_min == pytest.approx(11.5, abs=1.5)
    assert seen.sentence == (
        f"At 5 % for 15 min a total failure is found in about 6 min, in 95 of 100 cases within {seen.p95_min:.0f}; "
        "a drop from 97 % to 78 % will not be seen."
    )


def test_the_longer_the_wait_the_smaller_the_drop_that_is_seen():
    hour = detectability(Setting(((25, 3600),), history=HISTORY), 0)
    day = detectability(Setting(((25, 86_400),), history=HISTORY), 0)
    assert 0 < hour.smallest < day.smallest < 0.97
    assert "is found in 95 of 100 cases, a smaller one less often." in day.sentence


def test_a_wait_that_is_too_short_is_told():
    seen = detectability(Setting(((1, 900),), history=HISTORY), 0)
    assert seen.smallest is None
    assert "At 1 % for 15 min even a total failure is found in only" in seen.sentence
    assert "raise the weight or wait longer" in seen.sentence


def test_a_stable_version_that_always_fails_shows_nothing():
    assert detectability(Setting(((5, 900),), history=History(0, 500)), 0).sentence == (
        "At 5 % for 15 min nothing is found: stable itself fails nearly always."
    )


def test_the_sentence_rounds_no_chance_up():
    assert "94 of 100" in Detectability(5, 15, 0.97, 0.949, None, None, None, 0.0).sentence


@pytest.mark.parametrize("wrong", [{"stages": ()}, {"stages": ((0, 900),)}, {"sessions_per_min": 0}, {"poll_s": 0}, {"speed": 0}])
def test_nonsense_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="plan"):
        Setting(**{"stages": PLAN.stages, "history": NO_HISTORY, **wrong})


@pytest.mark.parametrize("harm_to", [-0.1, 1.0])
def test_harm_that_is_none_is_refused(harm_to):
    with pytest.raises(ValueError, match="harm_to"):
        n_pass(PLAN, 0, harm_to)
