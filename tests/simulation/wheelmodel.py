"""A model of the wheel, small enough to look at every state: two drivers, a lease, pauses, writes under way, fencing or none."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

TTL, MARGIN, ENDS = 2, 1, 6
"""In ticks: how long a lease lasts, how much longer a new holder waits, and when the model stops looking."""


@dataclass(frozen=True, slots=True)
class Driver:
    """What a driver believes: its token, until when its lease holds, and whether it has checked and is about to send."""

    token: int = 0
    until: int = -ENDS
    checked: bool = False
    wrote: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """Everything: the clock, the lease in the records, both drivers, writes under way, and the target's newest write."""

    now: int = 0
    token: int = 0
    until: int = -ENDS
    drivers: tuple[Driver, Driver] = (Driver(), Driver())
    flying: frozenset[int] = frozenset()
    newest: int = 0
    """The highest token of which a write took effect."""
    stale: bool = False
    """A write took effect after one with a higher token."""


def steps(world: World, *, fenced: bool, checks: bool, margin: int = MARGIN) -> Iterator[tuple[str, World]]:
    """Yield everything that can happen next, with its name."""
    if world.now < ENDS:
        yield "time passes", replace(world, now=world.now + 1)
    for number, driver in enumerate(world.drivers):
        name = "AB"[number]
        if driver.token == 0 and world.now >= world.until + margin:
            taken = Driver(world.token + 1, world.now + TTL)
            yield f"{name} takes the wheel", _with(replace(world, token=taken.token, until=taken.until), number, taken)
        holds = world.now < driver.until
        if driver.token and not driver.checked and not driver.wrote and (holds or not checks):
            yield f"{name} looks at its lease", _with(world, number, replace(driver, checked=True))
        if driver.checked:  # it may have been stopped for any time since it looked
            sent = replace(driver, checked=False, wrote=True)
            yield f"{name} sends", _with(replace(world, flying=world.flying | {driver.token}), number, sent)
    for token in world.flying:
        landed = replace(world, flying=world.flying - {token})
        if fenced and token < world.newest:
            yield f"the target refuses the write of {token}", landed
        else:
            stale = world.stale or token < world.newest
            yield f"the write of {token} takes effect", replace(landed, newest=max(token, world.newest), stale=stale)


def _with(world: World, number: int, driver: Driver) -> World:
    drivers = list(world.drivers)
    drivers[number] = driver
    return replace(world, drivers=(drivers[0], drivers[1]))


@dataclass(frozen=True, slots=True)
class Explored:
    """How many states there are, and the shortest way to a stale write; empty when there is none."""

    states: int
    counterexample: tuple[str, ...]


def explore(*, fenced: bool, checks: bool = True, margin: int = MARGIN) -> Explored:
    """Look at every state that can be reached, the nearest first."""
    came: dict[World, tuple[World, str] | None] = {World(): None}
    waiting, found = deque([World()]), ()
    while waiting:
        world = waiting.popleft()
        if world.stale:
            found = found or _way(world, came)
            continue
        for name, after in steps(world, fenced=fenced, checks=checks, margin=margin):
            if after not in came:
                came[after] = (world, name)
                waiting.append(after)
    return Explored(len(came), found)


def _way(world: World, came: dict[World, tuple[World, str] | None]) -> tuple[str, ...]:
    names = []
    while (before := came[world]) is not None:
        world = before[0]
        names.append(before[1])
    return tuple(reversed(names))
