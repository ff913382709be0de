"""What happens in a simulated day, drawn from a seed: hours of sleep, and busy minutes in which people act and things break."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from simulation.checks import Doors
from simulation.disk import quick_plans
from simulation.site import BLUE, FAULTS, GREEN
from simulation.virtual import Crash, VirtualClock, run, seeded
from simulation.world import World

from console.model.hooks import HOOKS
from console.model.rollout import Phase
from console.model.verbs import Verb

BUSY_S = (300.0, 900.0)
METRIC_FAULTS = ("401", "stale", "empty", "one side", "nan")
HOUR_S = 3600.0


@dataclass
class Report:
    """What a day gave: its trace's hash, what did not hold, how much of what happened, and the trace itself."""

    seed: int
    hash: str
    problems: list[str]
    counts: dict[str, int]
    trace: list[str] = field(repr=False, default_factory=list)
    looks: int = 0


class Day:
    """Draws what happens next; every draw comes from the world's chance, so that a seed is one history."""

    def __init__(self, world: World, hours: float) -> None:
        self._world, self._chance, self._ends_s = world, world.chance, hours * HOUR_S
        self._people = ("Ana", "Ben") if world.chance.random() < 0.7 else ("Ana",)
        self._version = 2
        self._happenings: tuple[tuple[float, Callable[[], Awaitable[None]]], ...] = (
            (6.0, self._forward),
            (3.0, self._backward),
            (1.5, self._network),
            (1.0, self._mend),
            (0.6, self._records),
            (0.8, self._metrics),
            (0.5, self._by_hand),
            (0.5, self._router),
            (0.8, self._crash),
            (0.7, self._come_back),
            (0.6, self._line),
            (0.5, self._open_again),
            (0.3, self._stop_process),
            (0.2, self._nap),
            (0.5, self._health),
        )

    async def run(self) -> None:
        """Live through the day: busy spells, and hours of nothing between them."""
        world, chance = self._world, self._chance
        await world.begin()
        for person in self._people:
            await world.open(person)
        while world.clock.passed() < self._ends_s:
            ends = world.clock.passed() + chance.uniform(*BUSY_S)
            while world.clock.passed() < ends:
                await asyncio.sleep(chance.expovariate(1 / 12.0))
                work = chance.choices([each for _, each in self._happenings], [often for often, _ in self._happenings])[0]
                await work()
                world.checks.look()
                if world.checks.problems:
                    return
            left = self._ends_s - world.clock.passed()
            await self._long_sleep(max(0.0, min(left, chance.uniform(0.5, 4.0) * HOUR_S)))
        await world.calm()

    def _someone(self) -> str:
        there = [person for person in self._people if person in self._world.consoles]
        return self._chance.choice(there) if there else ""

    async def _soon(self, work: "asyncio.Future[object]") -> None:
        """Wait a little for an answer, and look away when it takes long."""
        await asyncio.wait({work}, timeout=self._chance.choice((0.0, 0.3, 3.0, 20.0)))

    async def _forward(self) -> None:
        person = self._someone()
        if not person:
            return
        world, chance = self._world, self._chance
        phase = world.phase(world.consoles[person])
        if phase is None or phase.over:
            await self._begin(person)
        elif phase in {Phase.HELD, Phase.UNKNOWN} or chance.random() < 0.2:
            await self._soon(world.act(person, Verb.RESUME))
        else:
            await self._soon(world.act(person, Verb.PROMOTE))

    async def _begin(self, person: str) -> None:
        world, chance = self._world, self._chance
        stable = world.disk.rows("SELECT stable FROM targets")[0][0] or BLUE
        canary = GREEN if stable == BLUE else BLUE
        self._version += 1
        if world.site.weights[canary] == 0:
            world.site.versions[canary] = str(self._version)
            world.site.share[canary] = chance.choice((0.97, 0.97, 0.97, 0.0))
        if chance.random() < 0.8:
            await world.start(person, Verb.START, release=str(self._version))
        else:
            await world.start(person, Verb.SWITCH, side=canary)

    async def _backward(self) -> None:
        person = self._someone()
        if not person:
            return
        verbs = (Verb.HOLD, Verb.HOLD, Verb.STEP_DOWN, Verb.STEP_DOWN, Verb.ABORT, Verb.ROLLBACK, Verb.FLAG_KILL)
        await self._soon(self._world.act(person, self._chance.choice(verbs)))

    async def _network(self) -> None:
        net = self._world.site.wires[self._chance.choice(("router", "router", "router", "metrics", "workloads", "flags", "pipeline"))]
        net.fault, net.often = self._chance.choice(FAULTS), self._chance.choice((0.1, 0.5, 1.0))
        self._world.told(f"the network: {net.fault}, {net.often}")

    async def _mend(self) -> None:
        world = self._world
        world.checks.look()
        for net in world.site.wires.values():
            net.fault = ""
        world.disk.trouble = world.site.metrics_fault = ""
        world.disk.break_emergency(broken=False)
        world.told("somebody mends the network and the disk")

    async def _records(self) -> None:
        world = self._world
        world.disk.trouble = self._chance.choice(("full", "locked"))
        world.disk.break_emergency(broken=self._chance.random() < 0.2)
        world.told(f"the disk is {world.disk.trouble}")
        if self._chance.random() < 0.7:
            await asyncio.sleep(self._chance.uniform(1, 20))
            world.disk.trouble = ""
            world.disk.break_emergency(broken=False)

    async def _metrics(self) -> None:
        site = self._world.site
        if self._chance.random() < 0.2:
            site.reset_counters()
        else:
            site.metrics_fault = "" if site.metrics_fault else self._chance.choice(METRIC_FAULTS)
        self._world.told(f"metrics: {site.metrics_fault or 'anew'}")

    async def _by_hand(self) -> None:
        site, weight = self._world.site, float(self._chance.choice((0, 1, 5, 25, 50, 100)))
        site.set({GREEN: weight, BLUE: 100 - weight}, "by hand")
        self._world.told(f"somebody sets green to {weight:g} % by hand")

    async def _router(self) -> None:
        site = self._world.site
        if site.fingerprint != "router-1":
            site.swap("router-1")
        elif self._chance.random() < 0.6:
            site.restart()
        else:
            site.swap("router-2")
        self._world.told(f"the router is {site.fingerprint} {site.incarnation}")

    async def _crash(self) -> None:
        person = self._someone()
        if not person:
            return
        if self._chance.random() < 0.3:
            self._world.kill(person, "kill -9")
            return
        trap = (self._chance.choice(HOOKS), self._chance.choice((1, 1, 2, 3)))
        self._world.traps[self._world.consoles[person].process] = trap
        self._world.told(f"{person}'s console will die at {trap[0]}:{trap[1]}")

    async def _come_back(self) -> None:
        for person in self._people:
            if person not in self._world.consoles:
                await self._world.open(person)

    async def _line(self) -> None:
        person = self._someone()
        if not person:
            return
        world, chance = self._world, self._chance
        work = chance.choice((world.stop_the_line, world.lift, world.lift, world.lift, world.unfreeze))
        if chance.random() < 0.3:
            await world.freeze(person, chance.uniform(1, 20))
        else:
            await work(person)

    async def _open_again(self) -> None:
        """Lift what is frozen, so that the day goes on."""
        person = self._someone()
        if person:
            await self._world.lift(person)
            await self._world.unfreeze(person)

    async def _stop_process(self) -> None:
        person = self._someone()
        if not person:
            return
        process = self._world.consoles[person].process
        process.stop()
        self._world.told(f"{person}'s console is stopped")
        await asyncio.sleep(self._chance.uniform(1, 60))
        process.go_on()
        self._world.told(f"{person}'s console goes on")

    async def _nap(self) -> None:
        seconds = self._chance.choice((4.0, 8.0, 14.0, 30.0, 600.0))
        self._world.told(f"the computers sleep for {seconds:.0f} s")
        self._world.clock.suspend(seconds)

    async def _health(self) -> None:
        side = self._chance.choice((BLUE, GREEN))
        self._world.site.totals()
        self._world.site.share[side] = self._chance.choice((0.97, 0.97, 0.0))
        self._world.told(f"{side} succeeds with {self._world.site.share[side]}")

    async def _long_sleep(self, seconds: float) -> None:
        world = self._world
        if self._chance.random() < 0.4:
            for person in list(world.consoles):
                world.kill(person, "the computers are shut down")
        world.told(f"the computers sleep for {seconds / HOUR_S:.2f} h")
        world.clock.suspend(seconds)
        await self._come_back()


def simulate(seed: int, hours: float, folder: Path) -> Report:
    """Live through one day and return what it gave."""

    async def live(clock: VirtualClock, chance: random.Random) -> World:
        world = World(clock, chance, folder)
        doors = Doors(world.checks)
        logging.getLogger().addHandler(doors)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: _unexpected(world, context))
        try:
            with world.surroundings():
                await Day(world, hours).run()
        finally:
            logging.getLogger().removeHandler(doors)
        return world

    with seeded(seed) as chance, quick_plans():
        world = run(lambda clock: live(clock, chance))
    return Report(seed, world.hash, world.checks.problems, world.counts, world.trace, world.checks.looks)


def _unexpected(world: World, context: dict[str, object]) -> None:
    error = context.get("exception")
    if not isinstance(error, Crash):
        world.checks.wrong(f"the loop met {context.get('message')}: {error!r}")
