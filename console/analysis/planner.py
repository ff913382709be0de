"""What a plan will be able to see: simulated before the start, with the code that judges live and fixed seeds.

Each question is asked of a stage as it will be met: the stages before it healthy, the harm from its begin. Rates are those measured
before the release. Runs are seeded 0, 1, 2, …, so that the same plan always gives the same numbers.
"""

import math
from dataclasses import dataclass, field
from functools import lru_cache

from console.analysis.concurrent import GUESS
from console.analysis.history import NO_HISTORY, History
from console.analysis.shares import AlphaShare, share_alpha
from console.analysis.simulate import SESSIONS_PER_MIN, Case, Outcome, Scenario, simulate

SURE = 0.95
"""The chance with which a plan has to see the harm."""

RUNS = 400
RUNS_PER_TRY = 200
LONGEST_H = 24
MOST_SESSIONS_PER_POLL = 400.0
"""Busier sites are planned with this many sessions a poll: one poll holds more than enough evidence either way."""

MOST_POLLS = 400
"""A longer wait is planned with fewer, longer polls: the verdict comes at most 1/400 of the wait later."""

MOST_POLLS_BEFORE = 120
"""Healthy polls of one earlier stage that are simulated: how long a past was healthy counts by its logarithm only."""

LEAST_BASE = 0.02
"""Below this success share stable fails so nearly always that a canary cannot be told to be worse."""

MILD = 0.8
"""The mild harm that the planner's sentence names where it will not be seen, as a part of normal."""

TRIES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.84, 0.88, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98)
"""Success shares, as a part of normal, that are tried for the smallest drop that is found in time."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a plan is judged by: its stages as (weight in per cent, wait in seconds), and what was measured before the start.

    `speed` is how much faster than real the target's time runs (the practice shop's): minutes are shown in its time.
    """

    stages: tuple[tuple[float, float], ...]
    sessions_per_min: float = SESSIONS_PER_MIN
    history: History = NO_HISTORY
    poll_s: float = 15.0
    share: AlphaShare = field(default_factory=share_alpha)
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not self.stages or not all(0 < weight <= 100 and 0 <= wait_s < math.inf for weight, wait_s in self.stages):
            raise ValueError("a plan has stages, each with a weight above 0 and a wait")
        if not (0 < self.sessions_per_min < math.inf and self.poll_s > 0 and self.speed > 0):
            raise ValueError("a plan needs a rate of sessions, a poll interval and a speed above 0")

    @property
    def base(self) -> float:
        """Return the success share before the release: measured, or the 9 of 10 that the test starts from."""
        return self.history.ok / self.history.total if self.history.total else GUESS[0] / GUESS[1]


@dataclass(frozen=True, slots=True)
class Detectability:
    """What one stage can see. Minutes are None when too few of the runs see the harm before the wait ends.

    `found_share` is the share of runs that stop a total failure within the wait; `smallest` is the highest success share that is still
    told from normal within the wait in 95 of 100 cases, None when not even a total failure is; `mild_share` is how often the drop to
    80 % of normal is found within the wait.
    """

    weight: float
    wait_min: float
    base: float
    found_share: float
    mean_min: float | None
    p95_min: float | None
    smallest: float | None
    mild_share: float

    @property
    def sentence(self) -> str:
        """Return what to expect of this stage, in words."""
        begin = f"At {self.weight:g} % for {self.wait_min:,.0f} min"
        if self.base < LEAST_BASE:
            return f"{begin} nothing is found: stable itself fails nearly always."
        if self.mean_min is None or self.p95_min is None:
            often = _of_100(self.found_share)
            seen = f"{begin} even a total failure is found in only {often} of 100 cases: raise the weight or wait longer"
        else:
            mean, p95 = _minutes(self.mean_min), _minutes(self.p95_min)
            seen = f"{begin} a total failure is found in about {mean} min, in 95 of 100 cases within {p95}"
        return f"{seen}; {self._mild}."

    @property
    def _mild(self) -> str:
        """Return what becomes of a mild harm."""
        if self.smallest is not None and self.smallest >= MILD * self.base:
            return f"a drop from {_percent(self.base)} to {_percent(self.smallest)} is found in 95 of 100 cases, a smaller one less often"
        drop = f"a drop from {_percent(self.base)} to {_percent(MILD * self.base)}"
        if self.mild_share < 1 - SURE:
            return f"{drop} will not be seen"
        return f"{drop} is found in only {_of_100(self.mild_share)} of 100 cases"


@lru_cache(maxsize=256)
def n_pass(setting: Setting, stage: int, harm_to: float = 0.0) -> int | None:
    """Return the fewest resolved canary sessions by which the harm would have been stopped in 95 of 100 cases.

    `harm_to` is the canary's success share under the harm, as a part of normal. The number is the 95th of 100 counts of canary sessions
    from the harm's begin to the verdict, over 400 simulated rollouts (200 for mild harm). None when more than 5 in 100 do not see it
    within 24 h: then the plan cannot promise it, and must ask for less.
    """
    if not 0 <= harm_to < 1:
        raise ValueError(f"harm_to {harm_to} is not a share of normal below 1")
    if setting.base < LEAST_BASE:
        return None
    runs = RUNS if harm_to <= 0.9 else RUNS // 2
    spared = round(runs * (1 - SURE))
    case = _case(setting, stage, harm_to, setting.poll_s, LONGEST_H * 3600)
    seen: list[int] = []
    for seed in range(runs):
        outcome = simulate(case, seed)
        if _found(outcome, case):
            seen.append(outcome.sessions)
        elif seed + 1 - len(seen) > spared:
            return None
    return max(1, sorted(seen)[math.ceil(runs * SURE) - 1])


@lru_cache(maxsize=256)
def detectability(setting: Setting, stage: int) -> Detectability:
    """Return what a stage can see within its wait; takes up to some tenths of a second, so ask off the window's thread."""
    weight, wait_s = setting.stages[stage]
    poll_s = max(setting.poll_s, wait_s / MOST_POLLS)
    to_min = setting.speed / 60
    if setting.base < LEAST_BASE:
        return Detectability(weight, wait_s * to_min, setting.base, 0.0, None, None, None, 0.0)
    found = _minutes_found(setting, stage, 0.0, setting.poll_s)
    share = len(found) / RUNS_PER_TRY
    seen = share >= SURE
    return Detectability(
        weight=weight,
        wait_min=wait_s * to_min,
        base=setting.base,
        found_share=share,
        mean_min=sum(found) / len(found) * setting.speed if seen else None,
        p95_min=sorted(found)[math.ceil(RUNS_PER_TRY * SURE) - 1] * setting.speed if seen else None,
        smallest=_smallest(setting, stage, poll_s) if seen else None,
        mild_share=len(_minutes_found(setting, stage, MILD, poll_s)) / RUNS_PER_TRY,
    )


def _smallest(setting: Setting, stage: int, poll_s: float) -> float:
    """Return the highest success share that is told from normal in time, by bisection over the tries."""
    low, high = 0, len(TRIES)
    while high - low > 1:
        middle = (low + high) // 2
        if _sees(setting, stage, TRIES[middle], poll_s):
            low = middle
        else:
            high = middle
    return TRIES[low] * setting.base


def _sees(setting: Setting, stage: int, harm_to: float, poll_s: float) -> bool:
    """Tell whether enough of the runs find the harm within the stage's wait; stops as soon as that is settled."""
    case = _case(setting, stage, harm_to, poll_s, setting.stages[stage][1])
    needed = math.ceil(SURE * RUNS_PER_TRY)
    spared = RUNS_PER_TRY - needed
    found = 0
    for seed in range(RUNS_PER_TRY):
        found += _found(simulate(case, seed), case)
        if found >= needed or seed + 1 - found > spared:
            break
    return found >= needed


def _minutes_found(setting: Setting, stage: int, harm_to: float, poll_s: float) -> list[float]:
    """Return the real minutes to the verdict of those runs that find the harm within the stage's wait."""
    case = _case(setting, stage, harm_to, poll_s, setting.stages[stage][1])
    outcomes = [simulate(case, seed) for seed in range(RUNS_PER_TRY)]
    return [
        (outcome.stopped - case.onset_polls) * poll_s / 60 for outcome in outcomes if outcome.stopped is not None and _found(outcome, case)
    ]


def _found(outcome: Outcome, case: Case) -> bool:
    """Tell whether the harm was stopped, not a healthy canary before it."""
    return outcome.stopped is not None and outcome.stopped > case.onset_polls


def _case(setting: Setting, stage: int, harm_to: float, poll_s: float, last_s: float) -> Case:
    """Return the simulation of a plan up to a stage that lasts `last_s` and is harmed from its begin."""
    before = tuple((weight, min(MOST_POLLS_BEFORE, max(1, round(wait_s / poll_s)))) for weight, wait_s in setting.stages[:stage])
    onset = sum(polls for _, polls in before)
    length = max(1, round(last_s / poll_s))
    return Case(
        scenario=Scenario.SILENT_PAYMENT,
        base=setting.base,
        to=harm_to * setting.base,
        stages=(*before, (setting.stages[stage][0], length)),
        onset_polls=onset,
        polls=onset + length,
        limits=setting.share.limits,
        sessions_per_poll=min(setting.sessions_per_min * poll_s / 60, MOST_SESSIONS_PER_POLL),
        history=min(setting.history.total, 2000),
    )


def _of_100(share: float) -> int:
    return math.floor(share * 100)


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _minutes(value: float) -> str:
    """Return minutes, with one decimal below 2."""
    return f"{value:.1f}" if value < 2 else f"{value:,.0f}"
