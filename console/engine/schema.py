"""Reads a target's database, and gathers what its schema means for a plan and for the way back."""

import asyncio
from datetime import datetime

from console.engine.state import LiveTarget
from console.model.errors import ConsoleError, Unreachable
from console.model.readiness import ReadyItem
from console.model.systems import MigrationUndo
from console.policy.schema import SchemaLook, obstacles, ready_item, warnings

READ_S = 4.5
"""A plan and a start wait no longer for the database than a look at the other systems takes."""

OLD = 3.0
"""After so many polls without an answer a reading counts as none."""


async def read(live: LiveTarget) -> None:
    """Read the schema once and keep it. Raises what the port raises."""
    if live.connections.schema is not None:
        state = await live.connections.schema.state()
        live.schema.took(state, state.at)


async def read_now(live: LiveTarget, now: datetime) -> None:
    """Read the schema for a decision; what cannot be read is kept as an error, and is no evidence."""
    try:
        async with asyncio.timeout(READ_S):
            await read(live)
    except ConsoleError as error:
        live.schema.missed(error, now)
    except TimeoutError:
        live.schema.missed(Unreachable(f"No answer in {READ_S:g} s.", sent=False), now)


def look(live: LiveTarget, now: datetime | None = None) -> SchemaLook:
    """Return what was read last, and why that does not count; with `now` also that it is too old."""
    seen, spec = live.schema, live.target.database
    problem = "" if seen.error is None else seen.error.message
    if not problem and now is not None and spec is not None and seen.at is not None:
        limit_s = OLD * spec.poll_s * live.stretch
        problem = "not read for a while" if (now - seen.at).total_seconds() > limit_s else ""
    return SchemaLook(seen.value, problem)


def start_problems(live: LiveTarget) -> tuple[str, ...]:
    """Return what in the database forbids a start, in words."""
    spec = live.target.database
    return () if spec is None else obstacles(spec, look(live), has_pipeline=live.target.pipeline is not None)


def start_warnings(live: LiveTarget) -> tuple[str, ...]:
    """Return what in the database a person should know before a start, in words."""
    spec = live.target.database
    return () if spec is None else warnings(spec, look(live), has_pipeline=live.target.pipeline is not None)


def ready_items(live: LiveTarget, now: datetime) -> tuple[ReadyItem, ...]:
    """Return what the schema means for the way back; migrations that have a step of their own there speak through it."""
    spec = live.target.database
    if spec is None or not spec.migrations:
        return ()
    own = [step.spec.migration for step in live.target.undo if isinstance(step.spec, MigrationUndo)]
    return (ready_item(spec, look(live, now), own),)
