"""Random counts for simulations: exact, fast in plain Python, and the same on every machine for the same seed.

Counts are drawn by inversion from cumulative tables that are made once. Large means and numbers of trials are drawn in parts, which is
exact too.
"""

import math
from bisect import bisect_right
from functools import lru_cache
from random import Random

PART = 192
"""Largest mean, and largest number of trials, that gets a table of its own."""


@lru_cache(maxsize=4096)
def poisson_table(mean: float) -> tuple[float, ...]:
    """Return P(X <= k) for k = 0, 1, … of a Poisson count, up to where the rest is below 1e-15."""
    if not 0 <= mean <= PART:
        raise ValueError(f"mean {mean} is not between 0 and {PART}")
    term = total = math.exp(-mean)
    table = [total]
    k = 0
    while k < mean or term > 1e-16:
        k += 1
        term *= mean / k
        total += term
        table.append(total)
    return tuple(table)


@lru_cache(maxsize=16384)
def binomial_table(trials: int, share: float) -> tuple[float, ...]:
    """Return P(X <= k) for k = 0 … trials - 1 of a binomial count."""
    if not (0 <= trials <= PART and 0 <= share <= 1):
        raise ValueError(f"{trials} trials at {share} have no table")
    if share in (0.0, 1.0):
        return (1.0 if share == 0.0 else 0.0,) * trials
    odds = math.log(share) - math.log1p(-share)
    log_term = trials * math.log1p(-share)
    total = math.exp(log_term)
    table = [total]
    for k in range(1, trials):
        log_term += math.log((trials - k + 1) / k) + odds
        total += math.exp(log_term)
        table.append(total)
    return tuple(table[:trials])


class Draws:
    """A stream of random counts from one seed."""

    def __init__(self, seed: int) -> None:
        self._uniform = Random(seed).random  # noqa: S311 - a simulation, not a secret

    def poisson(self, mean: float) -> int:
        """Return a Poisson count."""
        count = 0
        while mean > PART:
            count += bisect_right(poisson_table(float(PART)), self._uniform())
            mean -= PART
        return count + bisect_right(poisson_table(mean), self._uniform())

    def some(self, mean: float) -> int:
        """Return a Poisson count given that it is at least 1 (mean > 0)."""
        if mean > PART:
            return max(1, self.poisson(mean))
        table = poisson_table(mean)
        nothing = table[0]
        return max(1, min(bisect_right(table, nothing + self._uniform() * (1 - nothing)), len(table) - 1))

    def binomial(self, trials: int, share: float) -> int:
        """Return how many of the trials succeed."""
        count = 0
        while trials > PART:
            count += bisect_right(binomial_table(PART, share), self._uniform())
            trials -= PART
        return count + bisect_right(binomial_table(trials, share), self._uniform()) if trials else count

    def polls_until_some(self, mean: float) -> int:
        """Return after how many polls (1, 2, …) the first one with a session comes, `mean` sessions a poll."""
        return 1 + int(-math.log(1.0 - self._uniform()) / mean)
