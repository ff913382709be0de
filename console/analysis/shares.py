"""How the chance of a false stop in one release is shared among tests and metrics."""

import math
from dataclasses import dataclass

ALPHA = 0.001
"""The whole chance of a false stop in one release."""


@dataclass(frozen=True, slots=True)
class AlphaShare:
    """What each test of one metric may spend; 0 switches a test off."""

    concurrent: float
    frozen_rate: float

    def __post_init__(self) -> None:
        if not (0 <= self.concurrent < 1 and 0 <= self.frozen_rate < 1):
            raise ValueError("a chance of a false stop is at least 0 and below 1")

    @property
    def limits(self) -> tuple[float, float]:
        """Return 1/a of the concurrent and of the frozen-rate test; infinite for a test that is off."""
        return _limit(self.concurrent), _limit(self.frozen_rate)


def share_alpha(alpha: float = ALPHA, metrics: int = 1, *, whole: bool = False) -> AlphaShare:
    """Return each metric's share: half for each test, divided among the metrics; `whole` gives all to the concurrent test.

    Raises ValueError when alpha is not between 0 and 1, or there is no metric.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha} is not between 0 and 1")
    if metrics < 1:
        raise ValueError("a share of alpha needs at least one metric")
    each = alpha / metrics
    return AlphaShare(each, 0.0) if whole else AlphaShare(each / 2, each / 2)


def _limit(alpha: float) -> float:
    return 1 / alpha if alpha > 0 else math.inf
