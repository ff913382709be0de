"""Three faults that a judge can have, each planted in its source, each found by a property that the true judge keeps."""

from functools import cache
from math import comb
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

from console.analysis import concurrent, counts
from console.analysis.counts import Counts, Totals
from console.analysis.history import NO_HISTORY, History

HISTORY = History(1940, 2000)


def mutant(module, old, new):
    """The module with one place of its source changed."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {module.__name__}"
    changed = ModuleType(module.__name__)
    exec(compile(source.replace(old, new), module.__file__, "exec"), changed.__dict__)  # noqa: S102 - our own source
    return changed


@cache
def sees_the_current_block():
    return mutant(concurrent, "    share = seen_ok / seen\n", "    share = (seen_ok + kb) / (seen + nb)\n")


@cache
def needs_no_baseline():
    return mutant(concurrent, "    if nc < 1 or nb < 1:\n", "    if nc < 1:\n")


@cache
def counts_attempts():
    """Reads the second counter as attempts: what was begun and has not succeeded in the same poll has failed."""
    return mutant(
        counts,
        "return Increase(now.ok - before.ok, now.failed - before.failed)",
        "return Increase(now.ok - before.ok, max(0, (now.failed - before.failed) - (now.ok - before.ok)))",
    )


# --- E is a supermartingale: over all outcomes of the next block at equal rates it does not grow on average


def mean_after_a_block(judge, test, sizes, share):
    """The exact mean of E over all outcomes of a block with so many sessions on each side, both sides at the same success share."""
    nb, nc = sizes
    mean = 0.0
    for kb in range(nb + 1):
        for kc in range(nc + 1):
            ok = kb + kc
            chance = comb(nb, kb) * comb(nc, kc) * share**ok * (1 - share) ** (nb + nc - ok)
            mean += chance * judge.update(test, Counts(kb, nb - kb, kc, nc - kc)).e
    return mean


def grows_on_average(judge):
    """Whether E grows on average anywhere on a grid of pasts, block sizes and shares."""
    pasts = ([], [Counts(3, 1, 1, 0)], [Counts(2, 0, 0, 1), Counts(5, 2, 1, 1)], [Counts(1, 3, 0, 1)] * 4)
    for history in (NO_HISTORY, History(48, 50), History(5, 10), History(0, 5)):
        for past in pasts:
            test = judge.begin(history)
            for block in past:
                test = judge.update(test, block)
            for sizes in ((1, 1), (1, 3), (3, 1), (4, 2), (2, 4)):
                for share in (0.0, 0.05, 0.3, 0.5, 0.8, 0.95, 1.0):
                    if mean_after_a_block(judge, test, sizes, share) > test.e * (1 + 1e-12):
                        return True
    return False


def test_evidence_does_not_grow_on_average_at_equal_rates():
    assert not grows_on_average(concurrent)


def test_a_baseline_that_sees_the_current_block_is_found():
    assert grows_on_average(sees_the_current_block())


def test_a_canary_that_is_better_makes_evidence_shrink_on_average():
    test, mean = concurrent.begin(HISTORY), 0.0
    for kb in range(4):
        for kc in range(3):
            chance = comb(3, kb) * 0.8**kb * 0.2 ** (3 - kb) * comb(2, kc) * 0.95**kc * 0.05 ** (2 - kc)
            mean += chance * concurrent.update(test, Counts(kb, 3 - kb, kc, 2 - kc)).e
    assert mean < test.e


# --- failures that come while the baseline is silent wait for it, and count then


def evidence_of_failures_before_the_baseline(judge):
    test = judge.begin(HISTORY)
    for _ in range(5):
        test = judge.update(test, Counts(0, 0, 0, 1))
    return judge.update(test, Counts(20, 1, 0, 0)).e


def test_failures_in_polls_without_a_baseline_session_count():
    assert evidence_of_failures_before_the_baseline(concurrent) > 2000


def test_a_judge_that_needs_no_baseline_is_found():
    assert evidence_of_failures_before_the_baseline(needs_no_baseline()) < 2000


# --- a healthy canary whose sessions take a minute is not stopped: sessions count when they are resolved


def lagging_release(seed, polls=960, mean_lag_polls=4.0, share=0.97):
    """Per poll and side the sessions begun, ok and failed; a session ends some polls after it began."""
    random = Random(seed)
    rows = {side: [[0, 0, 0] for _ in range(polls)] for side in ("baseline", "canary")}
    at = 0.0
    while (at := at + random.expovariate(10 / 3)) < polls:
        side = rows["canary" if random.random() < 0.05 else "baseline"]
        side[int(at)][0] += 1
        end = int(at + random.expovariate(1 / mean_lag_polls))
        if end < polls:
            side[end][1 if random.random() < share else 2] += 1
    return rows


@cache
def lagging_releases():
    return [lagging_release(seed) for seed in range(60)]


def healthy_releases_stopped(counting, second):
    """How many of 60 healthy releases of 4 h reach E = 20 (a = 0.05), read through counters of ok sessions and a second one."""
    stopped = 0
    for release in lagging_releases():
        test, readings = concurrent.begin(HISTORY), {side: Totals(0, 0) for side in release}
        for poll in zip(release["baseline"], release["canary"], strict=True):
            seen = []
            for side, row in zip(("baseline", "canary"), poll, strict=True):
                later = Totals(readings[side].ok + row[1], readings[side].failed + row[second])
                grown = counting.increase(readings[side], later)
                seen += [grown.ok, grown.failed]
                readings[side] = later
            test = concurrent.update(test, Counts(*seen))
            if test.e >= 20:
                stopped += 1
                break
    return stopped


def test_healthy_releases_with_slow_sessions_are_not_stopped():
    assert healthy_releases_stopped(counts, second=2) <= 3


def test_attempts_and_successes_per_poll_are_found():
    assert healthy_releases_stopped(counts_attempts(), second=0) >= 10


@pytest.mark.parametrize("planted", [sees_the_current_block, needs_no_baseline, counts_attempts])
def test_each_mutant_is_a_working_judge(planted):
    """A mutant that crashed would prove nothing."""
    changed = planted()
    if changed.__name__ == concurrent.__name__:
        assert changed.update(changed.begin(HISTORY), Counts(19, 1, 1, 0)).blocks == 1
    else:
        assert changed.increase(Totals(0, 0), Totals(5, 6)).ok == 5
