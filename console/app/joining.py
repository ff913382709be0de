"""Joins a team's database from a running console: try it, choose it for the next start, move the history into it, leave it."""

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from console.app import team
from console.model.errors import BadFile, ConsoleError, NotAllowed
from console.model.places import STORE_VARIABLE
from console.model.rollout import Actor
from console.model.stores import Store
from console.model.team import TeamTried

if TYPE_CHECKING:
    from console.store.secrets import Secrets


async def attempt(address: str, password: str) -> TeamTried:
    """Connect as the address says, read who answers and what the login may do, and let go again. Raises StoreError, BadFile."""
    return await asyncio.to_thread(_attempt, address, password)


def _attempt(text: str, password: str) -> TeamTried:
    from console.store.postgres.address import address_of  # noqa: PLC0415

    address = address_of(text)
    try:
        from console.store.postgres.trying import tried  # noqa: PLC0415  # psycopg, for teams only
    except ImportError as error:
        advice = 'Install it: pip install "release-console[postgres]"'
        raise BadFile(
            f"A team's database needs psycopg, which is missing ({error}).", means="Nothing was changed.", advice=advice
        ) from error
    return tried(address, password)


async def use(secrets: "Secrets", address: str, password: str) -> None:
    """Choose a team's database for the next start, once it was reached; a password goes into the keyring first.

    Raises StoreError, BadFile, SecretsUnavailable; nothing is chosen then.
    """
    from console.store.postgres.address import address_of  # noqa: PLC0415

    found = address_of(address)
    await attempt(address, password)
    place = ""
    if password:
        name = f"team-{found.login}@{found.host or 'here'}-{found.database}"
        await secrets.put_async(name, password)
        place = f"keyring:{name}"
    await team.use(address, place)


async def move(store: Store, actor: Actor, reason: str, progress: Callable[[int, int], bool] | None = None) -> str:
    """Move the history of one's own folder into the team's records that are open. Raises NotAllowed, GateFailed."""
    own = NotAllowed("Records are kept in your own folder.", advice="Choose a team's database and start again; then move them.")
    if not store.person:
        raise own
    from console.store.postgres.moving import move_history  # noqa: PLC0415  # psycopg, for teams only
    from console.store.postgres.store import PostgresStore  # noqa: PLC0415

    if not isinstance(store, PostgresStore):
        raise own
    await store.ready()
    moved = await move_history(store, actor, reason, progress)
    counts = ((moved.records, "record"), (moved.rollouts, "rollout"), (moved.targets, "target"), (moved.windows, "freeze window"))
    return ", ".join(f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in (*counts, (moved.stops, "stop")))


async def unmoved(store: Store) -> int:
    """Return how many records of one's own folder were never moved into the team's; 0 when that cannot be read."""
    if not store.person:
        return 0
    from console.store.postgres.moving import unmoved_of  # noqa: PLC0415  # psycopg, for teams only
    from console.store.postgres.store import PostgresStore  # noqa: PLC0415

    try:
        return await unmoved_of(store) if isinstance(store, PostgresStore) else 0
    except ConsoleError:
        return 0


async def next_place(store: Store) -> str:
    """Return where records will be kept from the next start on, where another place than now was chosen; "" else."""
    return await asyncio.to_thread(_next_place, store)


def _next_place(store: Store) -> str:
    from console.store.choice import TEAM, kept  # noqa: PLC0415
    from console.store.postgres.address import address_of  # noqa: PLC0415
    from console.store.sqlite import SqliteStore  # noqa: PLC0415

    if os.environ.get(STORE_VARIABLE, "") or not isinstance(store, SqliteStore):
        return ""
    own, now = store, ""
    if store.person:
        from console.store.postgres.store import PostgresStore  # noqa: PLC0415  # psycopg, for teams only

        if isinstance(store, PostgresStore):
            own, now = store.local, str(store.address)
    chosen = kept(own, TEAM)
    try:
        then = str(address_of(chosen)) if chosen else ""
    except ConsoleError:
        return ""
    return "" if then == now else then or "your own folder"
