"""The schema of a PostgreSQL database, read by a login that changes nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg

from console.model.clock import Clock
from console.model.database import Applied, ColumnSeen, ColumnWanted, LockHolder, MigrationSeen, PostgresDatabase, SchemaState
from console.model.errors import ConsoleError, Malformed, WrongSystem
from console.model.postgres import Address, address_of
from console.model.readings import Identity
from console.policy.migrations import applied, current
from console.providers.clients.postgres import Password, PostgresClient, Raw, worded
from console.providers.schema.columns import column
from console.providers.schema.locks import holders
from console.providers.schema.tables import history

T = TypeVar("T")

_WHO = """
SELECT (SELECT system_identifier FROM pg_control_system())::text, (SELECT oid FROM pg_database WHERE datname = current_database())::text,
       extract(epoch FROM pg_postmaster_start_time())::text, pg_is_in_recovery()
"""


@dataclass(slots=True)
class _Parts:
    """What was read of a schema, part by part."""

    current: str = ""
    migrations: tuple[MigrationSeen, ...] = ()
    columns: tuple[ColumnSeen, ...] = ()
    locks: tuple[LockHolder, ...] = ()
    problems: list[str] = field(default_factory=list)


class PostgresSchema:
    """Reads migrations, columns and locks; another database than the pinned one is an error before anything of it is used.

    Pinned is what the target's file names as `identity`, else the database that answered first since this program runs.
    """

    def __init__(self, spec: PostgresDatabase, clock: Clock, password: Password | None = None) -> None:
        self.spec = spec
        self._clock = clock
        self._pinned = spec.identity
        self._address = address_of(spec.address, "the database")
        self._client = PostgresClient(self._address, password, spec.timeout_s)

    @property
    def address(self) -> Address:
        """Return where the database is."""
        return self._address

    async def identity(self) -> Identity:
        """Return which database answers now: its cluster and its number in it, which stay the same over a restart."""
        identity, _ = await self._client.ask(_who)
        return identity

    async def state(self) -> SchemaState:
        """Return the schema as it is now; a part that cannot be read stands in `problems`, and the migrations are unknown then."""
        at = self._clock.now()
        identity, read_only, parts = await self._asked(self._whole)
        return SchemaState(
            identity=identity,
            at=at,
            current=parts.current,
            migrations=parts.migrations,
            columns=parts.columns,
            locks=parts.locks,
            problems=tuple(parts.problems),
            read_only=read_only,
        )

    async def migration(self, name: str) -> tuple[MigrationSeen, tuple[ColumnSeen, ...]]:
        """Return how one migration stands now, with its columns once it is applied. Raises Refused where that may not be read."""
        wanted = self.spec.migration(name)

        def ask(raw: Raw) -> tuple[MigrationSeen, tuple[ColumnSeen, ...]]:
            seen = next(each for each in applied(self.spec, history(raw, self.spec)) if each.name == name)
            there = seen.applied is Applied.YES
            return seen, tuple(column(raw, each) for each in wanted.columns) if there else ()

        return (await self._asked(ask))[2]

    async def locks(self, tables: Sequence[str]) -> tuple[LockHolder, ...]:
        """Return who holds locks on tables now."""
        return (await self._asked(lambda raw: holders(raw, tables)))[2]

    async def _asked(self, question: Callable[[Raw], T]) -> tuple[Identity, bool, T]:
        """Ask once it is known who answers (I11). Raises WrongSystem for another database than the pinned one."""

        def whole(raw: Raw) -> tuple[Identity, bool, T]:
            identity, read_only = _who(raw)
            if self._pinned and identity.fingerprint != self._pinned:
                raise self._another(identity)
            return identity, read_only, question(raw)

        answer = await self._client.ask(whole)
        self._pinned = self._pinned or answer[0].fingerprint
        return answer

    def _whole(self, raw: Raw) -> _Parts:
        parts = _Parts()

        def part(ask: Callable[[], T], otherwise: T) -> T:
            try:
                return ask()
            except ConsoleError as error:
                parts.problems.append(f"{error.message} {error.advice}".strip())
            except psycopg.Error as error:
                if raw.closed or raw.broken:
                    raise
                parts.problems.append(worded(error, self._address).message)
            return otherwise

        rows = part(lambda: history(raw, self.spec), None)
        if rows is not None:
            parts.current, parts.migrations = current(self.spec.tool, rows), applied(self.spec, rows)
        for wanted in (each for migration in self.spec.migrations for each in migration.columns):
            parts.columns += (part(lambda wanted=wanted: column(raw, wanted), _unread(wanted)),)  # type: ignore[misc]
        parts.locks = part(lambda: holders(raw, watched(self.spec)), ())
        return parts

    def _another(self, found: Identity) -> WrongSystem:
        by = "the file pins" if self.spec.identity else "answered before"
        return WrongSystem(
            f"Another database answers at {self._address.place}: {found.fingerprint}, and {self._pinned} is what {by}.",
            means="Nothing that it says is used, and nothing is run on it.",
            advice="Find out who answers there. If it was moved on purpose, name the new one as `identity` in the target's file.",
        )


def watched(spec: PostgresDatabase) -> tuple[str, ...]:
    """Return the tables whose locks are looked at, each once."""
    return tuple(dict.fromkeys((*spec.tables, *(table for each in spec.migrations for table in each.tables))))


def _who(raw: Raw) -> tuple[Identity, bool]:
    row = raw.execute(_WHO).fetchone()
    if row is None or row[0] is None or row[1] is None:
        raise Malformed("The database does not say who it is.", means="Nothing that it says is used.", advice="Look what answers there.")
    return Identity(f"{row[0]}/{row[1]}", str(row[2])), bool(row[3])


def _unread(wanted: ColumnWanted) -> ColumnSeen:
    return ColumnSeen(wanted.name, exists=None, problem="it could not be read")
