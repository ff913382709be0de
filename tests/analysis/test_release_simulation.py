"""Simulated releases: the incident, late faults, false stops; a few cells of the grid with fixed seeds."""

import math

import pytest

from console.analysis.shares import share_alpha
from console.analysis.simulate import Case, Outcome, Scenario, segments, simulate
from console.analysis.summary import rightly, spread, summarise

SILENT, HEALTHY, SITE = Scenario.SILENT_PAYMENT, Scenario.HEALTHY, Scenario.SITE_WIDE
RAMP = ((5.0, 60), (25.0, 60), (50.0, 60), (95.0, 0))


def practised(case, runs=600):
    return summarise(case, [simulate(case, seed) for seed in range(runs)])


def at(weight):
    return ((float(weight), 0),)


def test_the_incident_is_stopped_after_four_customers():
    summary = practised(Case(SILENT), 2000)
    assert summary.stopped == summary.runs
    assert summary.customers_hit.mean <= 4.2
    assert summary.customers_hit.p99 <= 7
    assert summary.minutes_to_verdict.mean == pytest.approx(6.0, abs=0.3)
    assert summary.minutes_to_verdict.p95 <= 12


@pytest.mark.parametrize(
    ("case", "minutes", "customers"),
    [
        (Case(SILENT, base=0.999), 4.8, 3.2),
        (Case(SILENT, base=0.9), 7.9, 5.3),
        (Case(SILENT, base=0.8), 10.5, 7.0),
        (Case(SILENT, base=0.5), 22.4, 15.0),
        (Case(SILENT, stages=at(1)), 24.8, 3.3),
        (Case(SILENT, stages=at(10)), 3.5, 4.6),
        (Case(SILENT, stages=at(25)), 1.9, 6.3),
        (Case(SILENT, stages=at(50)), 0.6, 3.9),
        (Case(SILENT, stages=at(95)), 0.4, 4.6),
        (Case(SILENT, stages=at(100)), 0.3, 4.7),
        (Case(SILENT, onset_polls=60), 7.9, 5.3),
        (Case(SILENT, onset_polls=240), 9.2, 6.2),
        (Case(SILENT, stages=RAMP, onset_polls=120), 0.6, 3.9),
        (Case(SILENT, stages=RAMP, onset_polls=180), 0.55, 6.9),
    ],
)
def test_the_table_of_the_design_is_reproduced(case, minutes, customers):
    summary = practised(case)
    assert summary.stopped == summary.runs
    assert summary.minutes_to_verdict.mean == pytest.approx(minutes, rel=0.1, abs=0.1)
    assert summary.customers_hit.mean == pytest.approx(customers, rel=0.08)


def test_mild_harm_at_25_per_cent_takes_half_an_hour():
    assert practised(Case(SILENT, to=0.8, stages=at(25)), 300).minutes_to_verdict.mean == pytest.approx(26, rel=0.12)


WHOLE = share_alpha(0.05, whole=True).limits


@pytest.mark.parametrize(("base", "weight"), [(0.5, 5), (0.97, 5), (0.9, 1), (0.97, 95), (0.7, 50)])
@pytest.mark.parametrize("scenario", [HEALTHY, SITE])
def test_false_stops_keep_their_bound(scenario, base, weight):
    """At a = 0.05 at most 5 % of 120 releases may be stopped: 13 or more of 120 would come once in 200 times at the bound itself."""
    summary = practised(Case(scenario, base=base, to=0.8 * base, stages=at(weight), polls=1440, limits=WHOLE), 120)
    assert summary.false_stops <= 12


def test_a_shared_drop_alarms_and_does_not_stop():
    summary = practised(Case(SITE, to=0.776, stages=at(50), polls=960), 60)
    assert summary.site_alarms == summary.runs
    assert summary.stopped == 0


def test_a_healthy_release_hardly_ever_alarms():
    summary = practised(Case(HEALTHY, stages=at(95), polls=960, limits=share_alpha(0.05).limits), 60)
    assert summary.site_alarms <= 3


def test_the_frozen_rate_test_gives_the_verdict_from_50_per_cent_up():
    outcomes = [simulate(Case(SILENT, stages=at(95)), seed) for seed in range(50)]
    assert {outcome.test for outcome in outcomes} == {"frozen-rate"}


def test_with_the_whole_of_alpha_nothing_judges_at_100_per_cent():
    assert practised(Case(SILENT, stages=at(100), polls=240, limits=WHOLE), 5).stopped == 0


def test_a_stop_before_the_onset_is_a_false_stop():
    case = Case(SILENT, onset_polls=100)
    assert not rightly(case, Outcome(100, None, None, 0, 0))
    assert rightly(case, Outcome(101, None, None, 0, 0))
    summary = summarise(case, [Outcome(50, None, None, 0, 0), Outcome(140, None, None, 5, 4), Outcome(None, None, None, 9, 9)])
    assert (summary.runs, summary.stopped, summary.false_stops) == (3, 2, 1)
    assert (summary.customers_hit.mean, summary.minutes_to_verdict.mean, summary.loss) == (4, 10, 150)


def test_the_same_seed_gives_the_same_release():
    case = Case(SILENT, to=0.8, stages=RAMP)
    assert [simulate(case, seed) for seed in range(5)] == [simulate(case, seed) for seed in range(5)]


def test_jumping_from_block_to_block_gives_what_every_poll_gives():
    """At 50 % and above both tests run poll by poll; with the frozen-rate test out of reach both ways must agree on average."""
    jumping = practised(Case(SILENT, to=0.3, stages=at(50), limits=(2000.0, math.inf)), 1500)
    polling = practised(Case(SILENT, to=0.3, stages=at(50), limits=(2000.0, 1e250)), 1500)
    assert jumping.minutes_to_verdict.mean == pytest.approx(polling.minutes_to_verdict.mean, rel=0.06)
    assert jumping.customers_hit.mean == pytest.approx(polling.customers_hit.mean, rel=0.06)


def test_spans_change_at_stages_and_at_the_onset():
    case = Case(SILENT, to=0.5, stages=((5.0, 60), (25.0, 0)), onset_polls=40, polls=100)
    assert [(s.begins, s.ends, s.weight, s.canary_share) for s in segments(case)] == [
        (0, 40, 5, 0.97),
        (40, 60, 5, 0.5),
        (60, 100, 25, 0.5),
    ]


def test_a_site_wide_drop_hits_both_sides():
    assert [(s.baseline_share, s.canary_share) for s in segments(Case(SITE, to=0.5))] == [(0.5, 0.5)]


@pytest.mark.parametrize("wrong", [{"base": 1.5}, {"stages": ()}, {"stages": at(0)}, {"polls": 0}, {"sessions_per_poll": math.inf}])
def test_nonsense_cases_are_refused(wrong):
    with pytest.raises(ValueError, match=r"share|weight|simulation"):
        Case(SILENT, **wrong)


def test_percentiles_are_by_nearest_rank():
    figures = spread(range(1, 101))
    assert (figures.mean, figures.p50, figures.p95, figures.p99) == (50.5, 50, 95, 99)
    assert spread([]).mean is None
