"""The evidence card: what a verdict rests on."""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.analysis.history import NO_HISTORY, History
from console.model.views import EvidenceView


class TestName(StrEnum):
    """Which test spoke."""

    CONCURRENT = "concurrent"
    FROZEN_RATE = "frozen-rate"
    THRESHOLD = "threshold"


RULES = {
    TestName.CONCURRENT: "concurrent test, version 1",
    TestName.FROZEN_RATE: "frozen-rate test, version 1",
    TestName.THRESHOLD: "plain threshold, version 1",
}
"""The rule that was applied; a change of any constant of a test raises its version."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The values of an evidence card. `query` is as sent; the counts are since the rollout began; `path` is E over time for the chart.

    For a plain threshold `evidence` and `limit` are the value and its limit. `at` is the instant of the newest sample.
    """

    test: TestName
    query: str
    canary_ok: int
    canary_total: int
    baseline_ok: int
    baseline_total: int
    evidence: float
    limit: float
    limit_means: str
    samples: int
    at: datetime | None
    history: History = NO_HISTORY
    path: tuple[tuple[datetime, float], ...] = ()
    canary_counting: int | None = None
    """How many of the canary's sessions count for the stage; None where a gate makes no difference."""

    @property
    def rule(self) -> str:
        """Return the version of the rule that was applied."""
        return RULES[self.test]

    def age_s(self, now: datetime) -> float | None:
        """Return how old the newest sample is, in seconds; None when there was none."""
        return None if self.at is None else (now - self.at).total_seconds()

    def view(self) -> EvidenceView:
        """Return the card as a screen or a command shows it."""
        return EvidenceView(
            test=self.test.value,
            query=self.query,
            canary_ok=self.canary_ok,
            canary_total=self.canary_total,
            canary_counting=self.canary_counting,
            baseline_ok=self.baseline_ok,
            baseline_total=self.baseline_total,
            history_ok=self.history.ok,
            history_total=self.history.total,
            evidence=self.evidence,
            limit=self.limit,
            limit_means=self.limit_means,
            rule=self.rule,
            samples=self.samples,
            path=self.path,
            at=self.at,
        )


def limit_means(test: TestName, limit: float, *, resolved: bool) -> str:
    """Return in words what it means when E reaches the limit of a sequential test."""
    if not math.isfinite(limit):
        return "This test is off."
    if not resolved:
        return "No bound on false stops: this target counts attempts, not resolved sessions."
    often = f"{limit:,.0f}"
    if test is TestName.FROZEN_RATE:
        return f"A site as good as before the release reaches it in at most 1 of {often} releases. It cannot tell the canary from the site."
    return f"A healthy release reaches it in at most 1 of {often} releases."
