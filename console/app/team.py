"""What the `team` commands do: the team's database set up, used, filled, saved and put back."""

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from console.engine.presence import this_console
from console.files.folders import folders
from console.model.audit import VerifyReport
from console.model.clock import SystemClock
from console.model.errors import BadFile, NotAllowed, StoreError
from console.model.places import STORE_VARIABLE
from console.model.rollout import Actor

if TYPE_CHECKING:
    from console.store.postgres.address import Address
    from console.store.postgres.connecting import Raw
    from console.store.postgres.moving import Moved
    from console.store.postgres.setup import Person
    from console.store.postgres.store import PostgresStore
    from console.store.sqlite import SqliteStore

T = TypeVar("T")
_PATIENCE_S = 10.0


def _secret(place: str) -> str:
    """Return the secret that `keyring:NAME` or `env:NAME` names; "" for ""."""
    from console.store.postgres.store import secret_ref  # noqa: PLC0415
    from console.store.secrets import Secrets  # noqa: PLC0415

    ref = secret_ref(place)
    return "" if ref is None else Secrets().resolve(ref)


def _connection(address: "Address", place: str) -> "Raw":
    """Connect as an administrator. Raises StoreError in words."""
    from console.store.postgres.setup import connected  # noqa: PLC0415

    return connected(address, _secret(place))


def set_up(url: str, place: str) -> list[str]:
    """Set a database up as its administrator and return what was done."""
    from console.store.postgres.address import address_of  # noqa: PLC0415
    from console.store.postgres.setup import set_up as run  # noqa: PLC0415

    address = address_of(url)
    return run(_connection(address, place), address, SystemClock().now())


def setup_text(url: str) -> str:
    """Return the statements of a set-up, to be read or run by hand."""
    from uuid import uuid4  # noqa: PLC0415

    from console.store.postgres.address import address_of  # noqa: PLC0415
    from console.store.postgres.setup import parts  # noqa: PLC0415

    found = parts(address_of(url).database, uuid4().hex)
    told = [f"-- {part.what}\n" + "\n".join(f"{each.rstrip().rstrip(';')};" for each in part.statements) for part in found]
    return (
        "BEGIN;\n\n" + "\n\n".join(told) + "\n\nCOMMIT;\n\n-- Run `team setup` then: it finds all this done, and makes you the first admin."
    )


async def in_folder(work: "Callable[[SqliteStore], T]") -> T:
    """Do something with the records of one's own folder, whatever the settings say."""
    from console.store.sqlite import open_store  # noqa: PLC0415

    store = await asyncio.to_thread(open_store, folders().data, SystemClock())
    try:
        return await asyncio.to_thread(work, store)
    finally:
        await store.close()


async def use(url: str, place: str) -> tuple[str, str]:
    """Keep records in a team's database from now on; connects once, and returns what was reached and how that is protected on its way.

    Raises StoreError when it cannot be reached, NotAllowed while the environment names another place for the records.
    """
    from console.store.choice import PASSWORD, TEAM, keep, kept  # noqa: PLC0415
    from console.store.postgres.address import address_of  # noqa: PLC0415
    from console.store.postgres.store import secret_ref  # noqa: PLC0415

    address = address_of(url)
    secret_ref(place)
    _unless_named_outside()

    def choose(store: "SqliteStore") -> str:
        keep(store, PASSWORD, place)
        keep(store, TEAM, url)
        return kept(store, TEAM)

    if await in_folder(choose) != url:
        raise StoreError("This choice could not be kept.", means="Records are kept where they were.", advice="Check the disk.")
    store = await opened_team()
    try:
        if store.trouble:
            raise StoreError(store.trouble, means="It is chosen, and was not reached.", advice="`release-console team show` tries again.")
    finally:
        await store.close()
    return str(address), address.protection


def _unless_named_outside() -> None:
    if os.environ.get(STORE_VARIABLE, ""):
        raise NotAllowed(
            f"{STORE_VARIABLE} in the environment says where records are kept.", means="Nothing was changed.", advice="Unset it first."
        )


async def leave() -> None:
    """Keep records in one's own folder again. Raises NotAllowed while the environment names another place."""
    from console.store.choice import TEAM, keep  # noqa: PLC0415

    _unless_named_outside()
    await in_folder(lambda store: keep(store, TEAM, ""))


async def trust() -> str:
    """Pin the database anew at its next use, after it was restored or moved on purpose; returns which. Raises NotAllowed for none."""
    from console.store.choice import chosen, keep  # noqa: PLC0415
    from console.store.postgres.address import address_of  # noqa: PLC0415
    from console.store.postgres.store import pin_of  # noqa: PLC0415

    def forget(store: "SqliteStore") -> str:
        where = chosen(store)
        if not where:
            raise _no_team()
        address = address_of(where)
        keep(store, pin_of(address), "")
        return address.place

    return await in_folder(forget)


def _no_team() -> NotAllowed:
    return NotAllowed("Records are kept in your own folder.", advice="Choose a team's database: `release-console team use URL`.")


async def opened_any() -> "SqliteStore":
    """Open the records where they are kept now."""
    from console.store.choice import open_any  # noqa: PLC0415
    from console.store.keys import Signer  # noqa: PLC0415
    from console.store.secrets import Secrets  # noqa: PLC0415

    secrets = Secrets()
    return await asyncio.to_thread(open_any, folders().data, SystemClock(), secrets.resolve, Signer("", secrets))


async def opened_team(url: str = "", place: str = "") -> "PostgresStore":
    """Open a team's records: those of an address, else those that are chosen. Raises NotAllowed when none is."""
    from console.store.postgres.address import address_of  # noqa: PLC0415
    from console.store.postgres.store import PostgresStore, open_team  # noqa: PLC0415
    from console.store.secrets import Secrets  # noqa: PLC0415

    if url:
        from console.store.sqlite import open_store  # noqa: PLC0415

        address_of(url)
        local = await asyncio.to_thread(open_store, folders().data, SystemClock())
        return await asyncio.to_thread(partial(open_team, local, url, SystemClock(), Secrets().resolve, place=place))
    store = await opened_any()
    if not isinstance(store, PostgresStore):
        await store.close()
        raise _no_team()
    return store


async def with_team(work: "Callable[[PostgresStore, Actor], Any]", url: str = "", place: str = "") -> Any:
    """Do something with a team's records and close them. Raises StoreError when they are not to be had."""
    store = await opened_team(url, place)
    try:
        await store.ready()
        return await work(store, Actor(store.person, this_console()))
    finally:
        await store.close()


async def add_person(person: "Person", secret: str, url: str, place: str) -> list[str]:
    """Give somebody a login and roles, as an administrator who may create logins."""
    from console.store.postgres.setup import add_person as add  # noqa: PLC0415

    password = _secret(secret)

    async def work(store: "PostgresStore", me: Actor) -> list[str]:
        return await store.server.write(lambda conn: add(conn, person, by=me, at=SystemClock().now(), password=password))

    return list(await with_team(work, url, place))


async def remove_person(login: str, url: str, place: str) -> None:
    """Take somebody's rights away; their records stay."""
    from console.store.postgres.setup import remove_person as remove  # noqa: PLC0415

    async def work(store: "PostgresStore", me: Actor) -> None:
        await store.server.write(lambda conn: remove(conn, login, by=me, at=SystemClock().now()))

    await with_team(work, url, place)


async def people() -> "list[Person]":
    """Return everybody of the team."""
    from console.store.postgres.setup import people_in  # noqa: PLC0415

    async def work(store: "PostgresStore", _: Actor) -> "list[Person]":
        return list(await store.server.read_whole(people_in))

    return list(await with_team(work))


async def move(reason: str) -> "Moved":
    """Move the history of this folder into the team's records."""
    from console.store.postgres.moving import move_history  # noqa: PLC0415

    async def work(store: "PostgresStore", me: Actor) -> "Moved":
        return await move_history(store, me, reason)

    moved: Moved = await with_team(work)
    return moved


async def back_up(path: Path) -> VerifyReport:
    """Write a verified copy of the records, wherever they are kept."""
    from console.store.backup import back_up as copy  # noqa: PLC0415

    store = await opened_any()
    try:
        persons = ""
        if store.person:
            from console.store.postgres.setup import people_text  # noqa: PLC0415

            persons = await store.database.read_whole(people_text)
        return await store.database.read_whole(lambda conn: copy(conn, path, persons))
    finally:
        await store.close()


def restore_folder(path: Path, *, replace: bool) -> VerifyReport:
    """Put a backup back as the records of one's own folder."""
    from console.store.backup import restore_file  # noqa: PLC0415

    return restore_file(path, folders().data, replace=replace)


def restore_team(path: Path, url: str, place: str) -> list[str]:
    """Put a backup into an empty team's database, make whoever does it an admin of it, and return who needs a login again."""
    from console.store.backup import opened_backup, verified  # noqa: PLC0415
    from console.store.postgres.address import address_of  # noqa: PLC0415
    from console.store.postgres.restoring import restore  # noqa: PLC0415
    from console.store.postgres.setup import set_up as run  # noqa: PLC0415

    report = verified(path)
    if not report.ok:
        raise BadFile(f"Record {report.first_bad} of {path} does not hold: {report.problem}.", advice="Use an older backup.")
    address = address_of(url)
    with opened_backup(path) as backup:
        logins = restore(_connection(address, place), address, backup)
    run(_connection(address, place), address, SystemClock().now())
    return [login for login in logins if login != address.login]


async def retain(days: int) -> tuple[int, int]:
    """Delete samples older than so many days of rollouts that are over, and customers' ids whose time is over; returns how many of each."""
    from console.store.retention import AT_ONCE, forget  # noqa: PLC0415

    store, now, deleted = await opened_any(), SystemClock().now(), 0
    try:
        me = Actor(store.person or os.environ.get("USER", "console"), this_console())
        while True:
            some = await store.database.write(lambda conn: forget(conn, now - timedelta(days=days), me, now))
            deleted += some
            if some < AT_ONCE:
                return deleted, await store.personal.purge(now)
    finally:
        await store.close()


async def shown() -> dict[str, object]:
    """Return where records are kept, under which login, how the way there is protected, what is pinned, and whether it answers."""
    from console.store.choice import password_place  # noqa: PLC0415

    store = await opened_any()
    try:
        told: dict[str, object] = {"records": str(store.folder), "login": store.person, "trouble": store.trouble}
        if store.person:
            from console.store.postgres.store import PostgresStore  # noqa: PLC0415

            if isinstance(store, PostgresStore):
                place = await asyncio.to_thread(password_place, store.local)
                told |= {"records": str(store.address), "on its way": store.address.protection, "pinned": store.server.door.pinned}
                told["password"] = place or "~/.pgpass or the system"
        return told
    finally:
        await store.close()
