"""What a session gate has seen so far: a pure fold over its samples, so that it can be rebuilt from what was stored."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from console.analysis import concurrent, frozen_rate
from console.analysis.concurrent import ConcurrentTest
from console.analysis.counts import Counts
from console.analysis.frozen_rate import FrozenRateTest
from console.analysis.history import NO_HISTORY, History
from console.analysis.shares import AlphaShare, share_alpha
from console.model.rollout import GateSample

LONGEST_PATH = 2000
"""Points of E that are kept for the chart; beyond it every second one is dropped."""

LONGEST_POLL = 2.0
"""Readings that are further apart than this many intervals have a gap between them."""

NEVER_PASSES = 1_000_000
"""n_pass where the planner finds no number of sessions that would show the harm: the gate does not pass by itself."""

Path = tuple[tuple[datetime, float], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """By what a session gate is judged, fixed before the start.

    `n_pass` is the fewest resolved canary sessions for a pass (the planner's). `frozen_rate_acts` lets a fail of the frozen-rate test
    start the countdown. `resolved` is False where the target can only give attempts. `query` is as sent. `harm` says in words what n_pass
    sessions would have shown.
    """

    n_pass: int
    share: AlphaShare = field(default_factory=share_alpha)
    history: History = NO_HISTORY
    interval_s: float = 15.0
    frozen_rate_acts: bool = False
    resolved: bool = True
    query: str = ""
    harm: str = "a total failure"

    def __post_init__(self) -> None:
        if self.n_pass < 1:
            raise ValueError("a pass needs at least one canary session")
        if not self.interval_s > 0:
            raise ValueError("a poll interval is above 0 s")


@dataclass(frozen=True, slots=True)
class Sides:
    """Resolved sessions of both sides over some span."""

    baseline_ok: int = 0
    baseline_failed: int = 0
    canary_ok: int = 0
    canary_failed: int = 0

    @property
    def canary(self) -> int:
        """Return all canary sessions."""
        return self.canary_ok + self.canary_failed

    @property
    def baseline(self) -> int:
        """Return all baseline sessions."""
        return self.baseline_ok + self.baseline_failed

    def plus(self, counts: Counts) -> "Sides":
        """Return the sum."""
        return Sides(
            self.baseline_ok + counts.baseline_ok,
            self.baseline_failed + counts.baseline_failed,
            self.canary_ok + counts.canary_ok,
            self.canary_failed + counts.canary_failed,
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """Everything a gate has seen in this rollout (`all`) and in this stage (`stage`), and its two tests, carried across stages.

    A test that has failed stays failed: `concurrent_failed_at` and `frozen_failed_at` are the sample's instant, and absorb.
    """

    concurrent: ConcurrentTest
    frozen: FrozenRateTest
    all: Sides = Sides()
    stage: Sides = Sides()
    samples: int = 0
    last_at: datetime | None = None
    stage_since: datetime | None = None
    concurrent_failed_at: datetime | None = None
    frozen_failed_at: datetime | None = None
    concurrent_path: Path = ()
    frozen_path: Path = ()


def begin(rules: Rules) -> Tally:
    """Return the tally of a rollout that begins."""
    return Tally(concurrent.begin(rules.history), frozen_rate.begin(rules.history))


def open_stage(tally: Tally, since: datetime) -> Tally:
    """Return the tally at the begin of a stage: what this stage has seen is nothing yet; evidence is carried on."""
    return replace(tally, stage=Sides(), stage_since=since)


def observe(rules: Rules, tally: Tally, sample: GateSample) -> Tally:
    """Return the tally after one more sample.

    The concurrent test runs below 100 % weight, the frozen-rate test from 50 % up; a test that failed is not asked again, but sessions
    go on being counted. What was true before the stage, and an increment over a gap in the readings that began well before it, is
    evidence, but not the stage's: most of its sessions were served at another weight. Raises ValueError for increments below 0.
    """
    counts = Counts(sample.baseline_ok, sample.baseline_failed, sample.canary_ok, sample.canary_failed)
    if min(counts) < 0:
        raise ValueError(f"{counts} are not increments")
    test, path, failed_at = tally.concurrent, tally.concurrent_path, tally.concurrent_failed_at
    if sample.weight < 100 and failed_at is None:
        test = concurrent.update(test, counts)
        if test.blocks != tally.concurrent.blocks:
            path = _longer(path, sample.at, test.e)
            failed_at = sample.at if test.e >= rules.share.limits[0] else None
    memory, memory_path, memory_failed_at = tally.frozen, tally.frozen_path, tally.frozen_failed_at
    if sample.weight < frozen_rate.FROM_WEIGHT:
        memory = frozen_rate.learn(memory, sample.baseline_ok, sample.baseline_failed, rules.history)
    elif memory_failed_at is None:
        memory = frozen_rate.update(memory, sample.canary_ok, sample.canary_failed)
        if memory.polls != tally.frozen.polls:
            memory_path = _longer(memory_path, sample.at, memory.e)
            memory_failed_at = sample.at if memory.e >= rules.share.limits[1] else None
    return Tally(
        concurrent=test,
        frozen=memory,
        all=tally.all.plus(counts),
        stage=tally.stage if _before_the_stage(tally, sample) or _over_a_gap(rules, tally) else tally.stage.plus(counts),
        samples=tally.samples + 1,
        last_at=sample.at,
        stage_since=tally.stage_since,
        concurrent_failed_at=failed_at,
        frozen_failed_at=memory_failed_at,
        concurrent_path=path,
        frozen_path=memory_path,
    )


def _before_the_stage(tally: Tally, sample: GateSample) -> bool:
    """Tell whether a sample was true when the stage had not begun: a source between the service and us tells what was a while ago."""
    return tally.stage_since is not None and sample.at <= tally.stage_since


def _over_a_gap(rules: Rules, tally: Tally) -> bool:
    """Tell whether the next increment begins more than a poll, with its jitter and answer, before the stage."""
    if tally.last_at is None or tally.stage_since is None:
        return False
    return (tally.stage_since - tally.last_at).total_seconds() > LONGEST_POLL * rules.interval_s


def replay(rules: Rules, samples: Iterable[GateSample], stage_since: datetime | None) -> Tally:
    """Return the tally that a live judge would have after these samples, in order; those after `stage_since` count for the stage."""
    tally = begin(rules)
    opened = stage_since is None
    for sample in samples:
        if not opened and stage_since is not None and sample.at > stage_since:
            tally, opened = open_stage(tally, stage_since), True
        tally = observe(rules, tally, sample)
    return tally if opened or stage_since is None else open_stage(tally, stage_since)


def _longer(path: Path, at: datetime, e: float) -> Path:
    """Return the path with one more point, thinned when it grows too long; first and last points stay."""
    if len(path) >= LONGEST_PATH:
        path = (path[0], *path[1:-1:2], path[-1])
    return (*path, (at, e))
