"""The store of a team: everything in its database, but what is only one person's stays in their own folder."""

import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection

from console.model.clock import Clock
from console.model.errors import BadFile, CannotRecord, StoreError
from console.model.rollout import Actor
from console.model.stores import Settings, TargetBook, TargetChange, TargetRow
from console.model.systems import SecretRef
from console.store.choice import PASSWORD, PASSWORD_VARIABLE, Resolve, keep, kept
from console.store.database import Patience
from console.store.keys import Signer, read_keys
from console.store.postgres.address import Address, address_of
from console.store.postgres.connecting import Door
from console.store.postgres.mirror import MIRROR, Mirror
from console.store.postgres.server import PostgresServer
from console.store.sqlite import UNSIGNED, MakeDatabase, SqliteStore

PIN, JOURNAL = "team pin", "team journal"
"""Settings in a person's own folder: what was pinned at the first use, and the id of this folder's journal."""
SPOOL = "team.journal"
START_S, FIRST_START_S = 1.2, 8.0
"""How long an opening waits for the server before it goes on with the mirror, and where there is no mirror yet to go on with."""

_log = logging.getLogger(__name__)


class TeamTargets:
    """A team's targets; a target's file may lie elsewhere on each computer."""

    def __init__(self, team: TargetBook, own: Settings) -> None:
        self._team, self._own = team, own

    async def rows(self) -> Sequence[TargetRow]:
        """Return all targets by name, with the paths of this computer."""
        return [await self._here(row) for row in await self._team.rows()]

    async def put(self, row: TargetRow, actor: Actor, verb: str, at: datetime) -> None:
        """Add or replace a target's row."""
        await self._team.put(row, actor, verb, at)
        await self._own.put(_place(row.name), row.path)

    async def amend(self, name: str, change: TargetChange, actor: Actor, verb: str, at: datetime) -> TargetRow:
        """Change single fields of a row. Raises NotAllowed when the target is not known any more."""
        return await self._here(await self._team.amend(name, change, actor, verb, at))

    async def drop(self, name: str, actor: Actor, at: datetime) -> None:
        """Forget a target for the whole team (its history stays)."""
        await self._team.drop(name, actor, at)

    async def _here(self, row: TargetRow) -> TargetRow:
        return replace(row, path=await self._own.get(_place(row.name), row.path))


def _place(name: str) -> str:
    return f"file of target {name}"


class PostgresStore(SqliteStore):
    """The parts of the store on a team's database; settings stay in one's own folder."""

    spool_name = SPOOL

    def __init__(self, local: SqliteStore, make: MakeDatabase, clock: Clock, patience: Patience, signer: Signer = UNSIGNED) -> None:
        self.local = local
        super().__init__(local.folder, clock, patience, make, signer)
        self.address = self.server.door.address
        self.person = self.address.login
        self.team_targets = self.targets
        self.settings = local.settings
        self.targets = TeamTargets(self.team_targets, local.settings)  # type: ignore[assignment]

    @property
    def server(self) -> PostgresServer:
        """The connection to the team's database."""
        if not isinstance(self._database, PostgresServer):
            raise TypeError("a team's store is on PostgreSQL")
        return self._database

    def begin(self, patience_s: float | None = None) -> None:
        """Connect, and write what waits in this folder's journal; trouble is kept in words, not raised."""
        if patience_s is None:
            patience_s = START_S if (self.folder / MIRROR).exists() else FIRST_START_S
        self._spool.origin = f"journal {_journal_id(self.local)} of one console"
        try:
            self._file.reserve()
        except OSError as error:
            self.trouble = f"This computer's journal for the team cannot be reserved ({error.strerror or error})."
            _log.warning("%s", self.trouble)
        try:
            self.server.begin(patience_s)
        except CannotRecord as error:
            self.trouble = str(error)
        with suppress(StoreError):
            self.keys.begin([key for key in self.server.look(read_keys) if key.person == self.person])

    async def ready(self) -> None:
        """Return while the team's database takes records. Raises CannotRecord with the reason when it does not."""
        self.keys.again()
        if self.server.failing:
            await self.server.write(_nothing)

    async def close(self) -> None:
        """Finish what is written and close."""
        await super().close()
        await self.local.close()


def _nothing(conn: Connection) -> None:
    """Write nothing: the transaction itself is what is tried."""


def _journal_id(local: SqliteStore) -> str:
    found = kept(local, JOURNAL)
    if found:
        return found
    fresh = uuid4().hex[:16]
    keep(local, JOURNAL, fresh)
    return fresh


def secret_ref(text: str) -> SecretRef | None:
    """Return where a password is, as `keyring:NAME` or `env:NAME`; None for "". Raises BadFile."""
    if not text:
        return None
    scheme, _, name = text.partition(":")
    if scheme not in {"keyring", "env"} or not name:
        raise BadFile(
            "This is no place for the password of the team's database.",
            means="It was not used, and is not shown: it may be the password itself.",
            advice="Name its place as keyring:NAME or env:NAME, or leave it out for ~/.pgpass.",
        )
    return SecretRef(scheme, name)


def door_of(local: SqliteStore, address: Address, resolve: Resolve, *, pinned: bool = True) -> Door:
    """Return the way into a team's database, with what this folder has pinned of it."""
    ref = secret_ref(os.environ.get(PASSWORD_VARIABLE, "") or kept(local, PASSWORD))
    known = kept(local, PIN).partition("\n")
    same = pinned and known[0] == str(address)
    return Door(
        address,
        lambda: None if ref is None else resolve(ref),
        known[2] if same else "",
        lambda found: keep(local, PIN, f"{address}\n{found}") if pinned else None,
    )


def on_server(door: Door, *, clock: Clock | None = None) -> MakeDatabase:
    """Return what makes the database of a team; its time is the server's, unless a clock is given."""
    return lambda path, patience, merge, _: PostgresServer(door, patience, merge, Mirror(path.parent), clock)


def open_team(local: SqliteStore, where: str, clock: Clock, resolve: Resolve, signer: Signer = UNSIGNED) -> PostgresStore:
    """Open the records of a team beside those of one's own folder. Raises BadFile for an address that is none.

    A server that does not answer still opens: `trouble` says why, nothing goes forward, and what goes back is kept in this folder.
    """
    address = address_of(where)
    own = replace(signer, person=address.login)
    store = PostgresStore(local, on_server(door_of(local, address, resolve)), clock, Patience(), own)
    store.begin()
    return store
