"""What a lease can promise and what it cannot: every state of a small model, and its counterexample lived through by the real engine."""

import asyncio
import random
from pathlib import Path

import pytest
from simulation.site import BLUE, GREEN
from simulation.virtual import RUNS_IN, VirtualClock, run, seeded
from simulation.wheelmodel import explore
from simulation.world import World

from console.model import hooks
from console.model.rollout import Phase
from console.model.verbs import Verb

BY_LEASE_ALONE = (
    "A takes the wheel",
    "A looks at its lease",
    "A sends",
    "time passes",
    "time passes",
    "time passes",
    "B takes the wheel",
    "B looks at its lease",
    "B sends",
    "the write of 2 takes effect",
    "the write of 1 takes effect",
)


@pytest.mark.parametrize("checks", [True, False])
def test_a_lease_alone_lets_a_stale_write_through_also_with_a_look_before_sending(checks: bool) -> None:
    found = explore(fenced=False, checks=checks)
    assert sorted(found.counterexample) == sorted(BY_LEASE_ALONE)
    assert found.counterexample[-1] == "the write of 1 takes effect"


def test_no_margin_closes_the_gap() -> None:
    assert explore(fenced=False, margin=3).counterexample[-1] == "the write of 1 takes effect"


def test_a_target_that_refuses_older_tokens_lets_none_through() -> None:
    found = explore(fenced=True)
    assert found.counterexample == ()
    assert found.states > 300


async def _stopped_between_look_and_send(world: World) -> tuple[str, float | None, Phase | None]:
    """Stop a driver between its look at the lease and its sending, let another person hold, and let it go on."""
    world.same_computer = False
    await world.begin()
    await world.open("Ana")
    await world.open("Ben")
    await asyncio.sleep(6)
    await world.start("Ana", Verb.START, release="2")
    ana, ben = world.consoles["Ana"], world.consoles["Ben"]
    live = ben.engine._parts.targets["shop"]
    while live.rollout is None or live.rollout.rollout.stage < 0:
        await asyncio.sleep(0.5)

    def stop(name: str) -> None:
        if name == "before-send" and RUNS_IN.get() is ana.process and not ana.process.stopped:
            ana.process.stop()

    with hooks.arm(stop):
        while not ana.process.stopped:
            await asyncio.sleep(0.5)
        await world.act("Ben", Verb.HOLD)
        await asyncio.sleep(3)  # any longer, and its own deadline keeps it from sending
        assert not live.drift
        ana.process.go_on()
        await asyncio.sleep(3)
    seen = (live.drift, live.split.value and live.split.value.weights[live.canary], world.phase(ben))
    sent = len(world.site.effects)
    await asyncio.sleep(60)
    assert len(world.site.effects) == sent, "nobody goes on by itself from there"
    return seen


def test_the_stale_write_of_the_counterexample_is_seen_at_once_and_nothing_goes_on(tmp_path: Path) -> None:
    async def live(clock: VirtualClock, chance: random.Random) -> None:
        world = World(clock, chance, tmp_path)
        with world.surroundings():
            drift, weight, phase = await _stopped_between_look_and_send(world)
            assert weight == 25
            assert phase is Phase.UNKNOWN or (phase is Phase.HELD and "25 %" in drift)
            await world.act("Ben", Verb.ROLLBACK)
            await asyncio.sleep(10)
            assert world.site.weights == {BLUE: 100.0, GREEN: 0.0}

    with seeded(3) as chance:
        run(lambda clock: live(clock, chance))
