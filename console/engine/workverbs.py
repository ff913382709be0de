"""Verbs on a target's workloads: looked at first, decided as every move is, and run by the engine as one step."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from console.engine.parts import Parts
from console.engine.state import LiveTarget
from console.model.commands import Command, OnWorkload
from console.model.errors import BadFile, ConsoleError, NotAllowed, Unreachable
from console.model.plan import Step
from console.model.verbs import ON_WORKLOADS, Direction, Verb
from console.model.workloads import LogAsked, RunsWorkloads, WorkloadMove, WorkloadNow, WorkloadsNow, WorkloadState, WorkloadsView
from console.policy.direction import direction
from console.policy.workloads import Wanted, changed_since, wanted, workload_step

LOOK_S = 6.0
"""A look at everything that runs takes no longer."""

TOLD_S = 0.1
"""Lines of a log are told in batches, so far apart."""

IDLE_S = 1.0
"""Who reads a log is asked so often whether they still do, also while nothing is printed."""

_KEPT = 40

Told = Callable[[tuple[str, ...]], bool]
"""Is told lines; False ends the reading."""


async def look(live: LiveTarget) -> WorkloadsNow:
    """Read everything that runs on a target, and keep the reading. Raises RemoteError, NotAllowed where the target has no workloads."""
    try:
        async with asyncio.timeout(LOOK_S):
            seen = await _work(live).look()
    except TimeoutError:
        raise Unreachable(f"What runs on {live.name} could not be read in {LOOK_S:g} s.", sent=True) from None
    live.work.took(seen, seen.at)
    for each in seen.workloads:
        live.templates[str(each.state.values["template"])] = each.state.values
    for old in list(live.templates)[: max(0, len(live.templates) - _KEPT)]:
        del live.templates[old]
    return seen


async def view(parts: Parts, target: str) -> WorkloadsView:
    """Return what runs on a target, and what may be done with each now."""
    live = parts.target(target)
    seen = await look(live)
    moves = [
        WorkloadMove(each.name, verb, parts.asking.decide(live, verb, parts.around.actor, found=_wanted(parts, live, each, verb, None)))
        for each in seen.workloads
        for verb in each.verbs
    ]
    return WorkloadsView(target, seen, tuple(moves))


async def found_for(parts: Parts, live: LiveTarget, command: Command) -> tuple[Wanted, Step] | None:
    """Return what a verb on a workload would do, as it stands now; None for all other verbs. Raises BadFile, RemoteError, NotAllowed.

    A pause needs no reading: where that fails, it is sent to the workload by its name.
    """
    if command.verb not in ON_WORKLOADS:
        return None
    if command.workload is None:
        raise BadFile(f"{command.verb.value} needs the name of a workload.")
    try:
        seen = _named(await look(live), live, command.workload)
    except ConsoleError as error:
        if command.verb is not Verb.PAUSE_WORKLOAD or isinstance(error, BadFile | NotAllowed):
            raise
        seen = WorkloadNow(command.workload.name, "workload", (), "", WorkloadState({}, parts.around.clock.now()), "")
        found = Wanted({"paused": True})
        return found, workload_step(seen, command.verb, found, Direction.BACKWARD)
    found = _wanted(parts, live, seen, command.verb, command.workload)
    return found, workload_step(seen, command.verb, found, way(live, command.verb, found))


def way(live: LiveTarget, verb: Verb, found: Wanted) -> Direction:
    """Return which way a verb on a workload moves."""
    bad = any(not row.lifted and row.version in found.versions for row in live.quarantined)
    return direction(verb, bad=bad)


async def read_log(parts: Parts, target: str, asked: LogAsked, told: Told) -> None:
    """Tell the lines of a container's log in batches, until it ends or `told` says so. Raises RemoteError."""
    lines: list[str] = []

    async def gather() -> None:
        async for line in _work(parts.target(target)).log(asked):
            lines.append(line)  # noqa: PERF401 - told while more is read

    reading, idle_s = asyncio.ensure_future(gather()), 0.0
    try:
        while not reading.done():
            await asyncio.wait({reading}, timeout=TOLD_S)
            idle_s = 0.0 if lines else idle_s + TOLD_S
            if not lines and idle_s < IDLE_S:
                continue
            idle_s, batch = 0.0, tuple(lines)
            lines.clear()
            if not told(batch):
                return
    finally:
        reading.cancel()
        await asyncio.wait({reading})
    if lines:
        told(tuple(lines))
    reading.result()


def _wanted(parts: Parts, live: LiveTarget, seen: WorkloadNow, verb: Verb, asked: OnWorkload | None) -> Wanted:
    found = wanted(seen, verb, asked or OnWorkload(seen.name), parts.around.clock.now())
    other = asked is not None and asked.seen and asked.seen != seen.state.values["template"]
    if asked is None or not other or way(live, verb, found) is Direction.BACKWARD:
        return found
    return replace(found, stale=changed_since(live.templates.get(asked.seen), seen))


def _named(seen: WorkloadsNow, live: LiveTarget, asked: OnWorkload) -> WorkloadNow:
    """Return a workload by its name, by a side's name where that is no workload's, or the only one where none is named."""
    found = [each for each in seen.workloads if each.name == asked.name]
    found = found or [each for each in seen.workloads if not asked.name or asked.name in each.sides]
    if len(found) != 1:
        known = " and ".join(each.name for each in seen.workloads)
        what = f"{live.name} has no workload {asked.name}." if asked.name else f"{live.name} has more than one workload."
        raise BadFile(what, advice=f"Name one: {known}.")
    return found[0]


def _work(live: LiveTarget) -> RunsWorkloads:
    work = live.connections.work
    if work is None:
        raise NotAllowed(
            f"{live.name} names no Deployments and no Argo Rollout, so there is nothing to look at or to act on.",
            advice="Name them under workloads in the target file, with the provider kubernetes or argo-rollout.",
        )
    return work
