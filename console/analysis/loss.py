"""The loss meter: what a fault has cost so far, in customers and in money."""

from dataclasses import dataclass

ARTICLE_CUSTOMERS = 1200
ARTICLE_MINUTES = 90
ARTICLE_LOST = 45_000.0
ARTICLE_PRICE = 37.50
"""The incident that is our yardstick: no payment completed for 90 minutes; 1,200 attempts at EUR 37.50 were lost."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What a fault costs in time: price of a failed session, sessions a minute of the whole site, the canary's weight in per cent."""

    price: float
    sessions_per_min: float
    weight: float
    failing_share: float = 1.0

    def __post_init__(self) -> None:
        if not (self.price >= 0 and self.sessions_per_min >= 0 and 0 <= self.weight <= 100 and 0 <= self.failing_share <= 1):
            raise ValueError("a price and a rate are at least 0, a weight at most 100 per cent, a share at most 1")


@dataclass(frozen=True, slots=True)
class Loss:
    """The meter's numbers, money in the price's currency.

    `customers_hit` are failed canary sessions since the rollout began. `saved` is what the same fault would have cost at 100 % in 90
    minutes, less what it cost. `assumption` says how it is reckoned.
    """

    customers_hit: int
    lost: float
    per_min_now: float
    per_min_full: float
    saved: float
    assumption: str


def reckon(customers_hit: int, rates: Rates) -> Loss:
    """Return what the fault has cost, what it costs a minute now and would cost at 100 %, and what was saved.

    With the incident's own rates (1,200 sessions in 90 min at EUR 37.50, all failing) the unseen fault costs its EUR 45,000.
    """
    full = rates.sessions_per_min * rates.failing_share * rates.price
    lost = customers_hit * rates.price
    assumption = (
        f"Each failed canary session counts as one customer at {rates.price:,.2f}, also those that fail on a healthy version. "
        f"Saved is against the same fault unseen at 100 % for {ARTICLE_MINUTES} min, as in the incident that we measure by "
        f"({ARTICLE_CUSTOMERS:,} customers, {ARTICLE_MINUTES} min, EUR {ARTICLE_LOST:,.0f})."
    )
    return Loss(
        customers_hit=customers_hit,
        lost=lost,
        per_min_now=full * rates.weight / 100,
        per_min_full=full,
        saved=max(0.0, full * ARTICLE_MINUTES - lost),
        assumption=assumption,
    )
