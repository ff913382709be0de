"""What many simulated releases come to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console.analysis.loss import ARTICLE_PRICE
from console.analysis.simulate import POLL_S, Case, Outcome, Scenario


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and percentiles (nearest rank) of what was counted; all None when there was nothing to count."""

    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None

    def pick(self, *names: str) -> dict[str, float | None]:
        """Return the named figures, rounded to two decimals, as JSON shows them."""
        chosen = {name: getattr(self, name) for name in names}
        return {name: None if value is None else round(value, 2) for name, value in chosen.items()}


def spread(values: Sequence[float]) -> Spread:
    """Return mean and percentiles."""
    if not values:
        return Spread(None, None, None, None)
    ordered = sorted(values)
    p50, p95, p99 = (ordered[max(0, math.ceil(len(ordered) * share) - 1)] for share in (0.5, 0.95, 0.99))
    return Spread(math.fsum(values) / len(values), p50, p95, p99)


@dataclass(frozen=True, slots=True)
class Summary:
    """Many releases of one case.

    `stopped` releases were stopped by a verdict; of them `false_stops` although the canary was as good as the baseline: healthy, before
    the onset, or with the whole site. `site_alarms` are frozen-rate alarms that must not act, "canary or site". Customers and minutes are
    counted from the onset to the verdict, over the releases that were stopped rightly. `loss` is their mean cost in EUR.
    """

    runs: int
    stopped: int
    false_stops: int
    site_alarms: int
    customers_hit: Spread
    minutes_to_verdict: Spread

    @property
    def loss(self) -> float | None:
        """Return the mean loss of a release that was stopped, at the article's EUR 37.50 a customer."""
        mean = self.customers_hit.mean
        return None if mean is None else round(mean * ARTICLE_PRICE, 2)

    def document(self, scenario: str, seeds: str) -> dict[str, Any]:
        """Return the summary as the JSON document of `practice --json`."""
        return {
            "scenario": scenario,
            "seeds": seeds,
            "runs": self.runs,
            "stopped": self.stopped,
            "false_stops": self.false_stops,
            "site_alarms": self.site_alarms,
            "customers_hit": self.customers_hit.pick("mean", "p50", "p99"),
            "minutes_to_verdict": self.minutes_to_verdict.pick("mean", "p50", "p95", "p99"),
            "loss": self.loss,
        }


def summarise(case: Case, outcomes: Sequence[Outcome]) -> Summary:
    """Return what the outcomes of one case come to."""
    stopped = [outcome for outcome in outcomes if outcome.stopped is not None]
    right = [outcome for outcome in stopped if rightly(case, outcome)]
    return Summary(
        runs=len(outcomes),
        stopped=len(stopped),
        false_stops=len(stopped) - len(right),
        site_alarms=sum(outcome.alarm is not None for outcome in outcomes),
        customers_hit=spread([outcome.hit for outcome in right]),
        minutes_to_verdict=spread([((outcome.stopped or 0) - case.onset_polls) * POLL_S / 60 for outcome in right]),
    )


def rightly(case: Case, outcome: Outcome) -> bool:
    """Tell whether a release was stopped for a fault of the canary that had begun."""
    return case.scenario is Scenario.SILENT_PAYMENT and outcome.stopped is not None and outcome.stopped > case.onset_polls
