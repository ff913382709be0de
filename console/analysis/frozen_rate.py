"""The frozen-rate test: the canary against stable's own share from before the release.

From 50 % weight up the concurrent baseline is scarce, and at 100 % there is none. This test compares with p_L, the lower 1 % Wilson bound
of the last 2,000 stable sessions before the start. It cannot tell the canary's fault from the site's, and never claims to.
"""

from dataclasses import dataclass, replace
from math import exp, log1p

from console.analysis.history import NO_HISTORY, History
from console.analysis.mixture import ALREADY, LOG_RATIOS, MASS_CEILING, MOST, RATIOS, WEIGHTS, held, tau
from console.analysis.numbers import wilson_lower

FROM_WEIGHT = 50
"""The weight, in per cent, from which this test runs."""

HISTORY_AT_MOST = 2000
"""Sessions before the start that count."""

ENOUGH_HISTORY = 300
"""With fewer, stable's sessions from the stages below 50 % count in."""


@dataclass(frozen=True, slots=True)
class FrozenRateTest:
    """The test after the samples so far; `update` and `learn` return the next one.

    `ok` of `total` is what p_L will be, or was, reckoned from. `rate` is p_L: None until the first poll from 50 % up fixes it.
    """

    ok: float
    total: float
    rate: float | None
    per_success: tuple[float, ...]
    per_failure: tuple[float, ...]
    polls: int
    waiting: float
    mass: tuple[float, ...]
    e: float


def begin(history: History = NO_HISTORY) -> FrozenRateTest:
    """Return the test before any poll (E = 1)."""
    ok, total = history.at_most(HISTORY_AT_MOST)
    return FrozenRateTest(ok, total, None, (), (), 0, tau(0), (ALREADY,) * len(RATIOS), 1.0)


def learn(test: FrozenRateTest, ok: int, failed: int, history: History) -> FrozenRateTest:
    """Return the test after stable's sessions at a stage below 50 %; they count only when the history is too short."""
    if history.total >= ENOUGH_HISTORY or test.rate is not None:
        return test
    return replace(test, ok=test.ok + ok, total=test.total + ok + failed)


def update(test: FrozenRateTest, canary_ok: int, canary_failed: int) -> FrozenRateTest:
    """Return the test after one more poll at 50 % or more; polls without a resolved canary session change nothing but fix p_L."""
    fixed = test if test.rate is not None else _fix(test)
    if canary_ok + canary_failed < 1:
        return fixed
    later = tau(fixed.polls + 1)
    begun = fixed.waiting - later
    e = later
    grown = []
    for weight, success, failure, before in zip(WEIGHTS, fixed.per_success, fixed.per_failure, fixed.mass, strict=True):
        d = canary_ok * success + canary_failed * failure
        if d > MOST:
            d = MOST
        after = (before + begun) * exp(d)
        if after > MASS_CEILING:
            after = MASS_CEILING
        grown.append(after)
        e += weight * after
    return FrozenRateTest(fixed.ok, fixed.total, fixed.rate, fixed.per_success, fixed.per_failure, fixed.polls + 1, later, tuple(grown), e)


def _fix(test: FrozenRateTest) -> FrozenRateTest:
    """Return the test with p_L fixed, and what a success and a failure then add to each d_r: ln(q/p_L), ln((1-q)/(1-p_L)), q = r p_L."""
    rate = held(wilson_lower(test.ok, test.total))
    failure = tuple(log1p(-ratio * rate) - log1p(-rate) for ratio in RATIOS)
    return replace(test, rate=rate, per_success=LOG_RATIOS, per_failure=failure)
