"""The store of a team: everything in its database, but what is only one person's stays in their own folder."""

import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection

from console.model.clock import Clock
from console.model.errors import BadFile, CannotRecord, StoreError
from console.model.rollout import Actor
from console.model.stores import Settings, TargetBook, TargetChange, TargetRow
from console.model.systems import SecretRef
from console.store.database import Patience
from console.store.kept import Resolve, keep, kept, password_place
from console.store.keys import Signer, read_keys
from console.store.postgres.address import Address, address_of
from console.store.postgres.connecting import Door
from console.store.postgres.mirror import Mirror, mirror_of
from console.store.postgres.server import PostgresServer
from console.store.sqlite import UNSIGNED, MakeDatabase, SqliteStore

PIN, JOURNAL = "team pin", "team journal"
"""Settings in a person's own folder: what was pinned of each database at its first use, and the id of this folder's journal."""
SPOOL = "team.journal"
_LOG = re.compile(r"log ([0-9a-f]{12,64}) ")
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

    def __init__(
        self, local: SqliteStore, make: MakeDatabase, clock: Clock, patience: Patience, signer: Signer = UNSIGNED, pinned: str = ""
    ) -> None:
        self.local = local
        self.spool_name = _spool_of(pinned)
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
            patience_s = START_S if mirror_of(self.folder, self.address.place).exists() else FIRST_START_S
        _keep_nameless(self.folder, self.spool_name)
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


def _spool_of(pinned: str) -> str:
    """Return the name of this folder's journal for the log that was pinned: what waits for one team is never written to another."""
    found = _LOG.match(pinned)
    return SPOOL if found is None else f"team-{found[1][:12]}.journal"


def _keep_nameless(folder: Path, name: str) -> None:
    """Take over what was kept before it was known for which log, so that it is written there."""
    own, nameless = folder / name, folder / SPOOL
    if own != nameless and nameless.exists() and not own.exists():
        nameless.rename(own)


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


def pin_of(address: Address) -> str:
    """Return the name of the setting that holds what was pinned of a database, whoever logs in."""
    return f"{PIN}: {address.place}"


def door_of(local: SqliteStore, address: Address, resolve: Resolve, place: str | None = None) -> Door:
    """Return the way into a team's database, with what this folder has pinned of it.

    `place` is where the password is; None takes what the environment or the settings say. Raises BadFile.
    """
    ref = secret_ref(password_place(local) if place is None else place)
    name = pin_of(address)
    return Door(address, lambda: None if ref is None else resolve(ref), kept(local, name), lambda found: keep(local, name, found))


def on_server(door: Door, *, clock: Clock | None = None) -> MakeDatabase:
    """Return what makes the database of a team; its time is the server's, unless a clock is given."""
    return lambda path, patience, merge, _: PostgresServer(door, patience, merge, Mirror(path.parent, door.address.place), clock)


def open_team(
    local: SqliteStore, where: str, clock: Clock, resolve: Resolve, signer: Signer = UNSIGNED, place: str | None = None
) -> PostgresStore:
    """Open the records of a team beside those of one's own folder; `place` as in `door_of`. Raises BadFile for an address that is none.

    A server that does not answer still opens: `trouble` says why, nothing goes forward, and what goes back is kept in this folder.
    """
    address = address_of(where)
    door = door_of(local, address, resolve, place)
    own = replace(signer, person=address.login)
    store = PostgresStore(local, on_server(door), clock, Patience(), own, door.pinned)
    store.begin()
    return store
