"""Says where the records are kept and who shares them, for the Settings page and the commands."""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from console.app.joining import next_place, unmoved
from console.model.clock import Clock
from console.model.errors import ConsoleError
from console.model.rollout import Actor
from console.model.stores import ConsoleSeen, Store
from console.model.team import RecordsView

if TYPE_CHECKING:
    from console.store.postgres.store import PostgresStore
    from console.store.sqlite import SqliteStore

ALIVE_S = 60.0
"""A process that said nothing for longer is not shown."""


async def records_view(store: Store, actor: Actor, clock: Clock) -> RecordsView:
    """Return what holds the records; what cannot be read is left empty, with the reason in `problem`."""
    from console.store.sqlite import SqliteStore  # noqa: PLC0415

    if store.person:
        from console.store.postgres.store import PostgresStore  # noqa: PLC0415  # psycopg, for teams only

        if isinstance(store, PostgresStore):
            return await _of_team(store, clock)
    if not isinstance(store, SqliteStore):
        return RecordsView(False, "this computer", actor.name, clock.now(), consoles=await _alive(store))
    waiting = await _waiting(store)
    then = await next_place(store)
    return RecordsView(
        False, str(store.folder), actor.name, clock.now(), consoles=await _alive(store), waiting=waiting, from_next_start=then
    )


async def _of_team(store: "PostgresStore", clock: Clock) -> RecordsView:
    from console.store.postgres.grants import MEANS  # noqa: PLC0415
    from console.store.postgres.setup import people_in  # noqa: PLC0415

    lost = store.server.lost
    roles: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    if lost is None:
        with suppress(ConsoleError):
            mine = [person for person in await store.server.read(people_in) if person.login == store.address.login]
            roles, environments = (mine[0].roles, mine[0].environments) if mine else ((), ())
    return RecordsView(
        team=True,
        place=str(store.address),
        login=store.address.login,
        at=clock.now(),
        identity=store.server.door.pinned,
        protection=store.address.protection,
        problem="" if lost is None else str(lost),
        roles=roles,
        environments=environments,
        may=tuple(MEANS.get(role, "") for role in roles),
        consoles=await _alive(store) if lost is None else (),
        waiting=await _waiting(store, store.local),
        unmoved=await unmoved(store),
        from_next_start=await next_place(store),
    )


async def _waiting(*stores: "SqliteStore") -> int | None:
    """Return how many records wait in the journals; None while another process has one, or while one cannot be read."""
    try:
        return sum([await store.unmerged() for store in stores])
    except OSError:
        return None


async def _alive(store: Store) -> tuple[ConsoleSeen, ...]:
    found: Sequence[ConsoleSeen] = ()
    with suppress(ConsoleError):
        found = await store.consoles.alive(ALIVE_S)
    return tuple(found)
