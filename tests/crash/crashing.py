"""A console that dies at a chosen place, is started again, dies again, and at last is asked to take everything back; on virtual time."""

import asyncio
import logging
import random
from dataclasses import dataclass, field
from pathlib import Path

from simulation.checks import Doors
from simulation.disk import quick_plans
from simulation.site import GREEN
from simulation.virtual import VirtualClock, run, seeded
from simulation.world import World

from console.model.hooks import HOOKS
from console.model.rollout import Phase
from console.model.verbs import Verb

WORK = ("switch", "start", "rollback", "flag kill", "step down", "resume")
FAULTS = ("", "", "", "cut after", "cut before", "half", "503")


@dataclass(frozen=True, slots=True)
class Case:
    """What runs while the console dies: at the n-th reach of a hook in some work, and again at another one after the restart."""

    work: str
    first: tuple[str, int]
    again: str = "rollback"
    second: tuple[str, int] = ("", 0)
    fault: str = ""

    def __str__(self) -> str:
        return f"{self.work} {self.first[0]}:{self.first[1]} {self.fault or 'no fault'}, {self.again} {self.second[0]}:{self.second[1]}"


@dataclass(frozen=True, slots=True)
class Result:
    """Whether the console died where it should, and what did not hold afterwards."""

    case: Case
    struck: int
    problems: list[str]
    trace: list[str] = field(repr=False)


def random_case(seed: int) -> Case:
    """Draw a double crash."""
    chance = random.Random(f"double {seed}")
    first, second = ((chance.choice(HOOKS), chance.choice((1, 1, 1, 2, 3))) for _ in range(2))
    return Case(
        chance.choice(WORK[:5]), first, chance.choice(("rollback", "resume", "flag kill", "step down")), second, chance.choice(FAULTS)
    )


def live(case: Case, folder: Path) -> Result:
    """Live through one case and check everything that must hold."""

    async def story(clock: VirtualClock, chance: random.Random) -> tuple[World, int]:
        world = World(clock, chance, folder)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        doors = Doors(world.checks)
        logging.getLogger().addHandler(doors)
        try:
            with world.surroundings():
                struck = await _story(world, case)
        finally:
            logging.getLogger().removeHandler(doors)
        return world, struck

    with seeded(sum(str(case).encode())) as chance, quick_plans():
        world, struck = run(lambda clock: story(clock, chance))
    return Result(case, struck, world.checks.problems, world.trace)


async def _story(world: World, case: Case) -> int:
    world.same_computer = True
    await world.begin()
    await world.open("Ana")
    await asyncio.sleep(5)
    await _prepare(world, case.work)
    world.site.wires["router"].fault, world.site.wires["router"].often = case.fault, 0.5
    struck = await _die_in(world, case.work, case.first)
    world.site.wires["router"].fault = ""
    sent = len(world.site.effects)
    if "Ana" not in world.consoles:
        await world.open("Ana")
    await _quiet(world, sent)
    if case.second[0]:
        struck += await _die_in(world, case.again, case.second)
        sent = len(world.site.effects)
        if "Ana" not in world.consoles:
            await world.open("Ana")
        await _quiet(world, sent)
    _shown(world)
    await world.calm()
    return struck


async def _prepare(world: World, work: str) -> None:
    """Bring the rollout to where the work can begin."""
    world.site.flag_on = work == "flag kill"
    if work in {"switch", "start"}:
        return
    if work == "failed":
        world.site.share[GREEN] = 0.0
    await world.start("Ana", Verb.START, release="2")
    await asyncio.sleep(70)
    if work == "resume":
        await world.act("Ana", Verb.HOLD)
        await asyncio.sleep(3)


async def _die_in(world: World, work: str, trap: tuple[str, int]) -> int:
    """Let some work run into a trap; 1 when the console died in it."""
    console = world.consoles["Ana"]
    world.traps[console.process] = trap
    if work == "switch":
        doing = asyncio.ensure_future(world.start("Ana", Verb.SWITCH, side=GREEN))
    elif work == "start":
        doing = asyncio.ensure_future(world.start("Ana", Verb.START, release="2"))
    else:
        doing = world.act("Ana", Verb.ROLLBACK if work == "failed" else Verb(work))
    await asyncio.wait({doing}, timeout=5)
    await asyncio.sleep(40)
    world.traps.clear()
    died = "Ana" not in world.consoles
    if not died:
        world.kill("Ana", "kill -9")
    return int(died)


async def _quiet(world: World, sent: int) -> None:
    """After a restart nothing goes forward until a person asks; a countdown that a gate began may end meanwhile."""
    await asyncio.sleep(75)
    forward = [effect for effect in world.site.effects[sent:] if not effect.backward]
    if forward:
        world.checks.wrong(f"{forward[0].key} was sent by itself after a restart")


def _shown(world: World) -> None:
    """A step whose outcome is not known is shown, and its rollout does not run (I2)."""
    parts = world.consoles["Ana"].engine._parts
    for name, state, rollout in world.disk.rows("SELECT id, state, rollout FROM steps WHERE state NOT IN ('confirmed', 'failed')"):
        record = parts.records.get(rollout)
        if state == "sent":
            world.checks.wrong(f"I2: {name} is still sent after a restart")
        elif record is None or name not in record.unknowns:
            world.checks.wrong(f"I2: {name} is unknown and is not shown")
        elif record.rollout.phase is Phase.RUNNING:
            world.checks.wrong(f"I2: {rollout} runs although {name} is unknown")


def all_singles() -> list[Case]:
    """Return one crash at each hook of each kind of work."""
    return [Case(work, (hook, count)) for work in WORK for hook in HOOKS for count in (1, 2)]
