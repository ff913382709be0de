"""Simulated days of the real engine: whatever people, networks, disks and crashes do, the invariants hold; a seed is one history."""

import os

import pytest
from simulation.run import once

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "4"))
HOURS = float(os.environ.get("SIMULATION_HOURS", "3"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_invariants_hold_through_a_simulated_day(seed: int) -> None:
    report = once(seed, HOURS)
    again = f"python tests/simulation/run.py --seed {seed} --hours {HOURS:g} -v"
    assert not report.problems, f"{report.problems[:5]}; again: {again}"
    assert report.looks > 10


def test_the_same_seed_gives_the_same_history_twice() -> None:
    first, second = once(1000, 2.0), once(1000, 2.0)
    assert first.trace == second.trace
    assert first.hash == second.hash
    assert once(1001, 2.0).hash != first.hash
