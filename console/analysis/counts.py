"""Resolved customer sessions, as increments between polls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from console.analysis.numbers import LARGEST_COUNT, count_of


class Counts(NamedTuple):
    """Sessions resolved since the poll before, on both sides.

    A session (one customer's journey through the checkout) is counted once, when it is finished or has timed out. A tuple, because the
    judge handles millions of them in a simulation.
    """

    baseline_ok: int
    baseline_failed: int
    canary_ok: int
    canary_failed: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The two monotone counters of one side, as its version reports them."""

    ok: int
    failed: int

    def __post_init__(self) -> None:
        if not (0 <= self.ok <= LARGEST_COUNT and 0 <= self.failed <= LARGEST_COUNT):
            raise ValueError(f"{self.ok} ok and {self.failed} failed are not counts of sessions")


@dataclass(frozen=True, slots=True)
class Increase:
    """What was resolved between two readings; `restarted` says that the counters began again, so what fell between is not known."""

    ok: int
    failed: int
    restarted: bool = False


def totals_of(values: Mapping[str, float], ok: str, failed: str) -> Totals | None:
    """Return the two named counters of one side's samples, or None when either is absent.

    Raises Malformed when a counter is there and is not a count (NaN, infinite, negative, not whole).
    """
    if ok not in values or failed not in values:
        return None
    return Totals(count_of(values[ok], ok), count_of(values[failed], failed))


def increase(before: Totals | None, now: Totals) -> Increase:
    """Return what was resolved since the reading before.

    The first reading is the origin and counts for nothing. A counter that fell means that its process started again: what it shows now
    was counted since then, and what was resolved between the last reading and the restart is lost.
    """
    if before is None:
        return Increase(0, 0)
    if now.ok < before.ok or now.failed < before.failed:
        return Increase(now.ok, now.failed, restarted=True)
    return Increase(now.ok - before.ok, now.failed - before.failed)
