"""Money and alpha: the incident's numbers as cases."""

import math

import pytest

from console.analysis.loss import ARTICLE_LOST, ARTICLE_PRICE, Rates, reckon
from console.analysis.shares import AlphaShare, share_alpha
from console.analysis.simulate import SESSIONS_PER_MIN


def test_the_incident_at_full_weight_costs_500_a_minute_and_45000_in_90_minutes():
    loss = reckon(0, Rates(ARTICLE_PRICE, SESSIONS_PER_MIN, weight=100))
    assert loss.per_min_now == pytest.approx(500)
    assert loss.saved == pytest.approx(ARTICLE_LOST)


def test_a_canary_of_5_per_cent_costs_25_a_minute():
    loss = reckon(4, Rates(ARTICLE_PRICE, SESSIONS_PER_MIN, weight=5))
    assert (loss.lost, loss.per_min_now, loss.per_min_full) == (150.0, pytest.approx(25), pytest.approx(500))
    assert loss.saved == pytest.approx(44_850)


def test_six_minutes_of_5_per_cent_at_50000_an_hour_cost_250():
    rates = Rates(price=50_000 / 60 / SESSIONS_PER_MIN, sessions_per_min=SESSIONS_PER_MIN, weight=5)
    assert 6 * reckon(0, rates).per_min_now == pytest.approx(250)


def test_a_loss_larger_than_the_incidents_saves_nothing():
    assert reckon(2000, Rates(ARTICLE_PRICE, SESSIONS_PER_MIN, weight=100)).saved == 0


def test_the_assumption_says_how_it_is_reckoned():
    assumption = reckon(3, Rates(ARTICLE_PRICE, SESSIONS_PER_MIN, weight=5)).assumption
    assert "1,200 customers, 90 min, EUR 45,000" in assumption
    assert "counts as one customer at 37.50" in assumption


@pytest.mark.parametrize("rates", [(-1, 13, 5, 1), (1, math.nan, 5, 1), (1, 13, 101, 1), (1, 13, 5, 1.1)])
def test_nonsense_rates_are_refused(rates):
    with pytest.raises(ValueError, match="price"):
        Rates(*rates)


def test_half_of_alpha_goes_to_each_test_and_is_divided_among_metrics():
    assert share_alpha(0.001, 2) == AlphaShare(0.00025, 0.00025)
    assert share_alpha(0.001).limits == (2000, 2000)


def test_the_whole_of_alpha_goes_to_the_concurrent_test():
    assert share_alpha(0.05, whole=True).limits == (20, math.inf)


@pytest.mark.parametrize(("alpha", "metrics"), [(0, 1), (1, 1), (math.nan, 1), (0.001, 0)])
def test_an_alpha_that_is_no_chance_is_refused(alpha, metrics):
    with pytest.raises(ValueError, match="alpha"):
        share_alpha(alpha, metrics)
