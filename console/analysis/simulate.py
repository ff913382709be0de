"""Releases on a virtual clock: seeded streams of sessions, judged by the code that judges live.

Sessions arrive as a Poisson stream, split at random by weight, and are polled every 15 s. While only the concurrent test runs, polls that
close no block change nothing, so the next block is drawn at once: how many polls until each side has a session is geometric, and what
else arrives in them is Poisson. That is exact, and about ten times as fast at a weight of 5 %.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from console.analysis import concurrent, frozen_rate
from console.analysis.counts import Counts
from console.analysis.draws import Draws
from console.analysis.evidence import TestName
from console.analysis.history import History

SESSIONS_PER_MIN = 1200 / 90
"""The incident's attempts a minute."""

POLL_S = 15.0
RAMP_WAIT_MIN = 15.0
"""How long each stage of a ramp lasts, except the last."""


class Scenario(StrEnum):
    """What happens to the release."""

    HEALTHY = "healthy"
    SILENT_PAYMENT = "silent-payment"
    SITE_WIDE = "site-wide"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of release to simulate.

    `base` is the success share before the onset, `to` the share after it: the canary's in silent-payment, both sides' in site-wide.
    `stages` are (weight in per cent, polls), the last stage lasting to the end. `history` is how many stable sessions were measured before
    the start. `limits` are 1/a of the concurrent and of the frozen-rate test; infinite switches a test off.
    """

    scenario: Scenario
    base: float = 0.97
    to: float = 0.0
    stages: tuple[tuple[float, int], ...] = ((5.0, 0),)
    onset_polls: int = 0
    polls: int = 5760
    limits: tuple[float, float] = (2000.0, 2000.0)
    sessions_per_poll: float = SESSIONS_PER_MIN * POLL_S / 60
    history: int = 2000

    def __post_init__(self) -> None:
        if not (0 <= self.base <= 1 and 0 <= self.to <= 1):
            raise ValueError("a success share is between 0 and 1")
        if not self.stages or not all(0 < weight <= 100 for weight, _ in self.stages):
            raise ValueError("a weight is above 0 and at most 100 per cent")
        if not (self.polls > 0 and self.onset_polls >= 0 and self.history >= 0 and 0 < self.sessions_per_poll < math.inf):
            raise ValueError("a simulation needs polls, sessions and an onset that is not before its start")


class Outcome(NamedTuple):
    """What became of one simulated release; polls count from the start.

    `stopped` is the poll of the verdict by `test`; `alarm` the poll of a frozen-rate alarm that was not a verdict (canary or site);
    `sessions` and `hit` are the canary's resolved and failed sessions from the onset to the verdict, or to the end.
    """

    stopped: int | None
    test: TestName | None
    alarm: int | None
    sessions: int
    hit: int


class Segment(NamedTuple):
    """A span in which nothing but chance changes."""

    begins: int
    ends: int
    weight: float
    baseline_share: float
    canary_share: float
    harmed: bool


def segments(case: Case) -> Iterator[Segment]:
    """Yield the spans between changes of weight and the onset."""
    harmless = case.scenario is Scenario.HEALTHY
    begins = 0
    for number, (weight, length) in enumerate(case.stages):
        last = number == len(case.stages) - 1
        ends = case.polls if last else min(case.polls, begins + length)
        cuts = sorted({begins, min(max(case.onset_polls, begins), ends), ends})
        for start, end in pairwise(cuts):
            harmed = start >= case.onset_polls
            canary = case.base if harmless or not harmed else case.to
            baseline = canary if case.scenario is Scenario.SITE_WIDE else case.base
            yield Segment(start, end, weight, baseline, canary, harmed)
        begins = ends


def simulate(case: Case, seed: int) -> Outcome:
    """Return what becomes of one release."""
    release = _Release(case, Draws(seed))
    for segment in segments(case):
        release.through(segment)
        if release.stopped is not None:
            break
    return Outcome(release.stopped, release.test, release.alarm, release.sessions, release.hit)


class _Release:
    """A simulated release on its way: its two tests, the sessions of the open block, and what was counted."""

    def __init__(self, case: Case, draws: Draws) -> None:
        self._case, self._draws = case, draws
        self._history = History(draws.binomial(case.history, case.base), case.history)
        self._concurrent = concurrent.begin(self._history)
        self._frozen = frozen_rate.begin(self._history)
        self._open = (0, 0, 0, 0)
        self.stopped: int | None = None
        self.test: TestName | None = None
        self.alarm: int | None = None
        self.sessions = self.hit = 0

    def through(self, segment: Segment) -> None:
        """Go to the segment's end, or to the verdict."""
        at = segment.begins
        if segment.weight >= frozen_rate.FROM_WEIGHT and self.alarm is None and self._case.limits[1] < math.inf:
            at = self._poll_by_poll(segment)
        if self.stopped is None and at < segment.ends and segment.weight < 100 and self._case.limits[0] < math.inf:
            self._block_by_block(segment, at)

    def _poll_by_poll(self, segment: Segment) -> int:
        """Go on with both tests; return the poll reached: the segment's end, a verdict, or an alarm after which one test goes on."""
        draws, arrivals = self._draws, self._case.sessions_per_poll
        canary_mean = arrivals * segment.weight / 100
        compared = self._case.limits[0] < math.inf
        baseline_mean = arrivals * (100 - segment.weight) / 100 if compared else 0.0
        for poll in range(segment.begins + 1, segment.ends + 1):
            nb, nc = draws.poisson(baseline_mean), draws.poisson(canary_mean)
            kb, kc = draws.binomial(nb, segment.baseline_share), draws.binomial(nc, segment.canary_share)
            self._frozen = frozen_rate.update(self._frozen, kc, nc - kc)
            self._gather(segment, kb, nb - kb, kc, nc - kc)
            if self._close(poll):
                return poll
            if self._frozen.e >= self._case.limits[1]:
                if segment.harmed and self._case.scenario is Scenario.SILENT_PAYMENT:
                    self.stopped, self.test = poll, TestName.FROZEN_RATE
                else:
                    self.alarm = poll
                return poll
        return segment.ends

    def _block_by_block(self, segment: Segment, at: int) -> None:
        """Go on with the concurrent test alone, from block to block."""
        draws = self._draws
        canary_mean = self._case.sessions_per_poll * segment.weight / 100
        baseline_mean = self._case.sessions_per_poll * (100 - segment.weight) / 100
        learnt_ok = learnt_failed = 0
        while at < segment.ends:
            kb, fb, kc, fc = self._open
            until_canary = 0 if kc or fc else draws.polls_until_some(canary_mean)
            until_baseline = 0 if kb or fb else draws.polls_until_some(baseline_mean)
            polls = min(max(until_canary, until_baseline, 1), segment.ends - at)
            nb, nc = self._arrivals(baseline_mean, until_baseline, polls), self._arrivals(canary_mean, until_canary, polls)
            at += polls
            kb, kc = draws.binomial(nb, segment.baseline_share), draws.binomial(nc, segment.canary_share)
            learnt_ok, learnt_failed = learnt_ok + kb, learnt_failed + nb - kb
            self._gather(segment, kb, nb - kb, kc, nc - kc)
            if self._close(at):
                return
        if segment.weight < frozen_rate.FROM_WEIGHT:
            self._frozen = frozen_rate.learn(self._frozen, learnt_ok, learnt_failed, self._history)

    def _arrivals(self, mean: float, until: int, polls: int) -> int:
        """Return how many sessions of one side are resolved in so many polls, when its first comes in poll `until` (0: whenever)."""
        if until == 0:
            return self._draws.poisson(mean * polls)
        if until > polls:
            return 0
        first = self._draws.some(mean)
        return first + self._draws.poisson(mean * (polls - until)) if polls > until else first

    def _gather(self, segment: Segment, kb: int, fb: int, kc: int, fc: int) -> None:
        """Add sessions to the open block, and to what the harm has cost."""
        before = self._open
        self._open = (before[0] + kb, before[1] + fb, before[2] + kc, before[3] + fc)
        if segment.harmed:
            self.sessions += kc + fc
            self.hit += fc

    def _close(self, poll: int) -> bool:
        """Show the concurrent test the open block when both sides have sessions in it; tell whether that is the verdict."""
        kb, fb, kc, fc = self._open
        if not (kb or fb) or not (kc or fc) or self._case.limits[0] == math.inf:
            return False
        self._concurrent = concurrent.update(self._concurrent, Counts(kb, fb, kc, fc))
        self._open = (0, 0, 0, 0)
        if self._concurrent.e < self._case.limits[0]:
            return False
        self.stopped, self.test = poll, TestName.CONCURRENT
        return True
