"""The database beside a target: which migrations a release declares, and what is read of its schema."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.model.readings import Identity
from console.model.systems import SecretRef


class MigrationTool(StrEnum):
    """Whose table tells which migrations are applied."""

    ALEMBIC = "alembic"
    FLYWAY = "flyway"
    DJANGO = "django"


TABLES = {
    MigrationTool.ALEMBIC: "alembic_version",
    MigrationTool.FLYWAY: "flyway_schema_history",
    MigrationTool.DJANGO: "django_migrations",
}
"""The table of each tool, unless the file names another one."""


class MigrationPhase(StrEnum):
    """What a migration is for: EXPAND adds what the old version ignores, MIGRATE moves data, CONTRACT removes what the old one needs."""

    EXPAND = "expand"
    MIGRATE = "migrate"
    CONTRACT = "contract"


class Applied(StrEnum):
    """Whether a migration is applied, as the tool's table says."""

    YES = "applied"
    NO = "pending"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ColumnWanted:
    """A column that a release needs: `table` may name its schema; "" and None ask for nothing. `max_null` is a share from 0 to 1."""

    table: str
    column: str
    type: str = ""
    nullable: bool | None = None
    max_null: float | None = None

    @property
    def name(self) -> str:
        """Return the column with its table, as screens show it."""
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration that a release declares.

    `revision` is Alembic's revision, Flyway's version or Django's `app.name`. `run` applies it and `undo` takes it back, run in `folder`;
    empty where the console does neither. `tables` are those that it locks, `columns` what must be there, and filled, once it is applied.
    `checksum` is Flyway's, where a changed file shall be noticed.
    """

    name: str
    revision: str
    phase: MigrationPhase = MigrationPhase.EXPAND
    run: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    folder: str = "."
    tables: tuple[str, ...] = ()
    columns: tuple[ColumnWanted, ...] = ()
    timeout_s: float = 300.0
    expected_s: float = 10.0
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class Migrator:
    """The login under which declared commands change the schema."""

    login: str
    password: SecretRef | None = None


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A PostgreSQL whose schema is read, by a login that only has to read.

    `address` is a URL without a password. `base` is the revision before the first migration, for Alembic, whose table knows no more than
    where it stands. `identity` pins which database it is. `lock_timeout_s` and `statement_timeout_s` are given to every command.
    """

    address: str
    tool: MigrationTool
    migrations: tuple[Migration, ...] = ()
    password: SecretRef | None = None
    table: str = ""
    base: str = ""
    tables: tuple[str, ...] = ()
    identity: str = ""
    lock_timeout_s: float = 0.3
    statement_timeout_s: float | None = None
    migrator: Migrator | None = None
    poll_s: float = 10.0
    timeout_s: float = 4.0

    @property
    def history(self) -> str:
        """Return the table that tells which migrations are applied."""
        return self.table or TABLES[self.tool]

    def migration(self, name: str) -> Migration:
        """Return a migration by its name. Raises KeyError."""
        for each in self.migrations:
            if each.name == name:
                return each
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A row of a tool's table: `rank` is its place in the order of running, `kind` Flyway's type, `ok` False where it failed."""

    revision: str
    rank: int = 0
    ok: bool = True
    kind: str = ""
    at: datetime | None = None
    description: str = ""
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class MigrationSeen:
    """A declared migration as the table says; `at` is when it was applied where that is told, `detail` what else there is to say."""

    name: str
    revision: str
    phase: MigrationPhase
    applied: Applied
    at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ColumnSeen:
    """A column as the catalogue says. `null_share` is a share from 0 to 1; `how` says how it is known, in words.

    `exists` is None where nobody can tell; `problem` says why it, or the share, could not be read.
    """

    name: str
    exists: bool | None
    type: str = ""
    nullable: bool = True
    default: str = ""
    null_share: float | None = None
    how: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """A session that holds a lock on a table, so that a change of the table waits for it.

    `who` is its login and program, `state` PostgreSQL's word for what it does, `for_s` how long its transaction is open; None where the
    login may not see that.
    """

    table: str
    who: str
    state: str
    for_s: float | None
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The schema as the database says now.

    `current` is where it stands, in words; `problems` are what could not be read, each with what would help. `read_only` tells that this
    is a standby, which nothing can be changed on.
    """

    identity: Identity
    at: datetime
    current: str
    migrations: tuple[MigrationSeen, ...] = ()
    columns: tuple[ColumnSeen, ...] = ()
    locks: tuple[LockHolder, ...] = ()
    problems: tuple[str, ...] = ()
    read_only: bool = False


class SchemaLight(StrEnum):
    """How a line of a schema's card is meant: good, not yet, wrong, or not known."""

    GOOD = "good"
    PENDING = "pending"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SchemaLine:
    """A line of a schema's card."""

    name: str
    light: SchemaLight
    sentence: str


@dataclass(frozen=True, slots=True)
class SchemaView:
    """A schema as screens show it: `words` is the whole of it in a sentence, `at` when it was read, `problem` why it cannot be read now."""

    system: str
    tool: str
    words: str
    light: SchemaLight
    lines: tuple[SchemaLine, ...] = ()
    at: datetime | None = None
    limit_s: float = 20.0
    identity: str = ""
    pinned: bool = False
    problem: str = ""
