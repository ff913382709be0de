"""The simulation's random counts have the distributions they claim, by scipy's tables."""

from collections import Counter

import pytest
from scipy import stats

from console.analysis.draws import PART, Draws, binomial_table, poisson_table

LIKELY = 0.0005
"""Chance that a right sampler fails one of the checks below; seeds are fixed, so it either always does or never."""


@pytest.mark.parametrize("mean", [0.0, 0.033, 0.1667, 3.3, 50.0, 192.0])
def test_poisson_tables_are_scipys(mean):
    table = poisson_table(mean)
    assert table == pytest.approx(stats.poisson.cdf(range(len(table)), mean), abs=1e-12)
    assert table[-1] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("trials", [1, 7, 192])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.97, 0.999, 1.0])
def test_binomial_tables_are_scipys(trials, share):
    assert binomial_table(trials, share) == pytest.approx(stats.binom.cdf(range(trials), trials, share), abs=1e-10)


def fits(drawn, distribution):
    """Chi-square over the values that are expected at least eight times; the rest in one class."""
    total, counted = len(drawn), Counter(drawn)
    values = [value for value in range(max(drawn) + 1) if total * distribution.pmf(value) >= 8]
    expected = [total * distribution.pmf(value) for value in values]
    observed = [counted[value] for value in values]
    rest = total - sum(expected)
    if rest >= 8:
        expected, observed = [*expected, rest], [*observed, total - sum(observed)]
    scale = sum(observed) / sum(expected)
    return stats.chisquare(observed, [each * scale for each in expected]).pvalue > LIKELY


@pytest.mark.parametrize("mean", [0.1667, 3.3, 400.0])
def test_poisson_counts_fit(mean):
    draws = Draws(1)
    assert fits([draws.poisson(mean) for _ in range(20_000)], stats.poisson(mean))


@pytest.mark.parametrize(("trials", "share"), [(3, 0.97), (20, 0.5), (PART * 2 + 9, 0.9)])
def test_binomial_counts_fit(trials, share):
    draws = Draws(2)
    assert fits([draws.binomial(trials, share) for _ in range(20_000)], stats.binom(trials, share))


@pytest.mark.parametrize("mean", [0.1667, 3.3])
def test_counts_of_at_least_one_fit(mean):
    class AtLeastOne:
        def pmf(self, value):
            return stats.poisson.pmf(value, mean) / stats.poisson.sf(0, mean) if value else 0.0

    draws = Draws(3)
    drawn = [draws.some(mean) for _ in range(20_000)]
    assert min(drawn) == 1
    assert fits(drawn, AtLeastOne())


@pytest.mark.parametrize("mean", [0.1667, 1.6])
def test_polls_until_the_first_session_fit(mean):
    draws = Draws(4)
    assert fits([draws.polls_until_some(mean) for _ in range(20_000)], stats.geom(stats.poisson.sf(0, mean)))


def test_the_same_seed_gives_the_same_counts():
    first, second = Draws(5), Draws(5)
    assert [first.poisson(3.3) for _ in range(50)] == [second.poisson(3.3) for _ in range(50)]


@pytest.mark.parametrize("mean", [-0.1, PART + 1])
def test_means_without_a_table_are_refused(mean):
    with pytest.raises(ValueError, match="mean"):
        poisson_table(mean)
