"""Whether the samples that a gate needs are there and fresh; no evidence is never a pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.model.verbs import Verdict

STALE_AFTER_INTERVALS = 2.0
"""A sample older than this many poll intervals is stale."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The samples of one side of a gate.

    `sample_at` is the instant of the last usable sample, None when there never was one. `present` tells whether the newest answer held
    the series. `error` says why the source could not be asked (query or credential error), empty when it answered.
    """

    side: str
    sample_at: datetime | None
    present: bool = True
    error: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Why a gate cannot be judged now."""

    verdict: Verdict
    sentence: str


def gap(feeds: Sequence[Feed], since: datetime, now: datetime, interval_s: float) -> Gap | None:
    """Return the worst reason why the feeds allow no verdict, or None when all are fresh.

    Worst first: blind, misconfigured, no data, stale. `since` is when the gate began to be asked: for two intervals a series that has
    not come yet is `no data`, after that the gate is `misconfigured`.
    """
    if not feeds:
        return Gap(Verdict.MISCONFIGURED, "This gate reads no series.")
    found = [each for feed in feeds if (each := _gap_of(feed, since, now, interval_s)) is not None]
    order = (Verdict.BLIND, Verdict.MISCONFIGURED, Verdict.NO_DATA, Verdict.STALE)
    return min(found, key=lambda each: order.index(each.verdict), default=None)


def _gap_of(feed: Feed, since: datetime, now: datetime, interval_s: float) -> Gap | None:
    """Return why one side allows no verdict."""
    if feed.error:
        return Gap(Verdict.BLIND, f"The {feed.side} cannot be read: {feed.error}")
    patience_s = STALE_AFTER_INTERVALS * interval_s
    if feed.sample_at is None:
        if (now - since).total_seconds() <= patience_s:
            return Gap(Verdict.NO_DATA, f"No sample of the {feed.side} yet; the first is due within {patience_s:.0f} s.")
        return Gap(Verdict.MISCONFIGURED, f"The {feed.side} never gave a sample of this gate's series.")
    if not feed.present:
        return Gap(Verdict.NO_DATA, f"The newest answer of the {feed.side} lacks this gate's series.")
    age_s = (now - feed.sample_at).total_seconds()
    if age_s > patience_s:
        return Gap(Verdict.STALE, f"The newest sample of the {feed.side} is {age_s:.0f} s old; two intervals are {patience_s:.0f} s.")
    if age_s < -patience_s:
        return Gap(Verdict.STALE, f"The newest sample of the {feed.side} is dated {-age_s:.0f} s in the future: the clocks differ.")
    return None
