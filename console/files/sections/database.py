"""The `database` section: the database whose schema is read, and the migrations of the release."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from console.files.fields import (
    Column,
    DatabaseAddress,
    NullShare,
    Poll,
    Program,
    Secret,
    Section,
    SignedWhole,
    Span,
    TableName,
    Text,
    YesNo,
    usual,
)
from console.files.problems import Mistake, Path, nearest, shown
from console.files.sections.spelled import given, written_secret
from console.files.spelling import write_share, write_span
from console.model.database import ColumnWanted, Migration, MigrationPhase, MigrationTool, Migrator, PostgresDatabase

Command = Annotated[list[Program], Field(min_length=1, max_length=200)]


class ColumnSection(Section):
    """A column that must be there once its migration is applied."""

    column: Column
    """TABLE.COLUMN or SCHEMA.TABLE.COLUMN, as the catalogue spells them."""
    type: Text | None = None
    """Its type, such as text or numeric(12,2)."""
    nullable: YesNo | None = None
    max_null: NullShare | None = None
    """So much of it may be null: the new field is there *and* filled."""


class MigrationSection(Section):
    """A migration of the release."""

    name: Text
    """The name that a step of the way back uses."""
    revision: Text
    """Alembic's revision in full, Flyway's version, or Django's APP.NAME, such as shop.0042_payment_ref."""
    phase: Literal["expand", "migrate", "contract"] = "expand"
    """`expand` adds what the old version ignores, `migrate` moves data, `contract` removes what the old version needs: no way back."""
    run: Command | None = None
    """Applies it, before traffic moves; left out where the pipeline does. Doing it twice must do no harm."""
    undo: Command | None = None
    """Takes it back; left out where nothing does."""
    folder: Text = "."
    """Where the commands run, seen from this file."""
    tables: Annotated[list[TableName], Field(max_length=50)] = Field(default_factory=list)
    """The tables that it changes: whoever holds a lock on one of them is shown beforehand."""
    columns: Annotated[list[ColumnSection], Field(max_length=100)] = Field(default_factory=list)
    """What must be there, and filled, once it is applied; before that no traffic moves."""
    timeout: Span = usual(300.0, "5 min")
    """When its command counts as failed."""
    expected: Span = usual(10.0, "10 s")
    """How long it takes, until it was measured."""
    checksum: SignedWhole | None = None
    """Flyway's checksum of the file: another one applied is a mistake."""


class MigratorSection(Section):
    """The login under which the commands change the schema: they get it as PGUSER, PGPASSWORD, PGHOST, PGPORT and PGDATABASE."""

    login: Text
    password: Secret | None = None
    """Where its password is found: keyring:NAME, env:NAME or cmd:COMMAND."""


class PostgresSection(Section):
    """A PostgreSQL whose schema is read, by a login that only has to read."""

    provider: Literal["postgres"]
    address: DatabaseAddress
    """postgresql://LOGIN@HOST/DATABASE; off this computer it is proved by its certificate unless ?sslmode= says otherwise."""
    password: Secret | None = None
    """Where the login's password is found: keyring:NAME, env:NAME or cmd:COMMAND; left out, libpq finds it."""
    identity: Text | None = None
    """Which database it must be, as `target status` shows it; left out, the one that answers first after a start."""
    tool: Literal["alembic", "flyway", "django"]
    """Whose table tells which migrations are applied."""
    table: TableName | None = None
    """That table, where it is not the tool's usual one: alembic_version, flyway_schema_history, django_migrations."""
    base: Text | None = None
    """For Alembic: the revision before the first migration here. Its table tells only where the schema stands."""
    tables: Annotated[list[TableName], Field(max_length=50)] = Field(default_factory=list)
    """Further tables whose locks are looked at."""
    migrations: Annotated[list[MigrationSection], Field(max_length=100)] = Field(default_factory=list)
    """The migrations of the release, in their order."""
    lock_timeout: Span = usual(0.3, "300 ms")
    """So long may a command wait for a lock; while it waits, everybody behind it waits too."""
    statement_timeout: Span | None = None
    """So long may a statement of a command take."""
    migrator: MigratorSection | None = None
    """Left out, the commands find their login themselves."""
    poll: Poll = usual(10.0, "10 s")
    """How often to read it."""
    timeout: Span = usual(4.0, "4 s")
    """How long to wait for an answer."""


DatabaseSection = PostgresSection


def database_of(section: PostgresSection) -> PostgresDatabase:
    """Return the database."""
    migrator = section.migrator
    return PostgresDatabase(
        address=section.address,
        tool=MigrationTool(section.tool),
        migrations=tuple(_migration(each) for each in section.migrations),
        password=section.password,
        table=section.table or "",
        base=section.base or "",
        tables=tuple(section.tables),
        identity=section.identity or "",
        lock_timeout_s=section.lock_timeout,
        statement_timeout_s=section.statement_timeout,
        migrator=None if migrator is None else Migrator(migrator.login, migrator.password),
        poll_s=section.poll,
        timeout_s=section.timeout,
    )


def commands_of_database(section: PostgresSection) -> Iterator[tuple[str, ...]]:
    """Yield every command of the migrations."""
    for each in section.migrations:
        for command in (each.run, each.undo):
            if command is not None:
                yield tuple(command)


def written_database(spec: PostgresDatabase) -> dict[str, Any]:
    """Return a database as the file spells it."""
    migrator = spec.migrator
    return given(
        {
            "provider": "postgres",
            "address": spec.address,
            "password": written_secret(spec.password),
            "identity": spec.identity or None,
            "tool": spec.tool.value,
            "table": spec.table or None,
            "base": spec.base or None,
            "tables": list(spec.tables) or None,
            "migrations": [_written_migration(each) for each in spec.migrations] or None,
            "lock_timeout": write_span(spec.lock_timeout_s),
            "statement_timeout": None if spec.statement_timeout_s is None else write_span(spec.statement_timeout_s),
            "migrator": migrator and given({"login": migrator.login, "password": written_secret(migrator.password)}),
            "poll": write_span(spec.poll_s),
            "timeout": write_span(spec.timeout_s),
        }
    )


def mistakes_in_the_database(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what does not fit together between migrations, their tool and the steps of the way back."""
    database = tree.get("database")
    entries = database.get("migrations") if isinstance(database, dict) else None
    migrations = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    if isinstance(database, dict):
        yield from _by_tool(database, migrations)
        for key in ("name", "revision"):
            yield from _twice(migrations, key)
    by_name = {each["name"]: each for each in migrations if isinstance(each.get("name"), str)}
    steps = tree.get("rollback")
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(step, dict) and step.get("migration") is not None:
            yield from _taken_back(("rollback", index), step, by_name)


def _by_tool(database: Mapping[str, Any], migrations: list[dict[str, Any]]) -> Iterator[Mistake]:
    tool, base = database.get("tool"), database.get("base")
    if tool == "alembic" and base is None and migrations:
        yield Mistake(
            ("database", "base"), "nothing", "the revision before the first migration: Alembic's table tells no more than where it is"
        )
    if tool in {"flyway", "django"} and base is not None:
        yield Mistake(("database", "base"), shown(base), f"nothing: {tool}'s table names each migration")
    for index, each in enumerate(migrations):
        revision, place = each.get("revision"), ("database", "migrations", index)
        if tool == "django" and isinstance(revision, str) and "." not in revision:
            yield Mistake((*place, "revision"), shown(revision), "APP.NAME, such as shop.0042_payment_ref")
        if tool in {"alembic", "django"} and each.get("checksum") is not None:
            yield Mistake((*place, "checksum"), shown(each["checksum"]), f"nothing: {tool} keeps none")
        if tool == "alembic" and revision is not None and revision == base:
            yield Mistake((*place, "revision"), shown(revision), "another revision than `base`")


def _twice(migrations: list[dict[str, Any]], key: str) -> Iterator[Mistake]:
    seen: set[str] = set()
    for index, each in enumerate(migrations):
        value = each.get(key)
        if isinstance(value, str) and value in seen:
            yield Mistake(("database", "migrations", index, key), f"{shown(value)} a second time", "each migration once")
        elif isinstance(value, str):
            seen.add(value)


def _taken_back(place: Path, step: Mapping[str, Any], by_name: Mapping[str, dict[str, Any]]) -> Iterator[Mistake]:
    """A step that takes a migration back names one, and the migration has a command for it unless the step is one-way."""
    name = step["migration"]
    for key in ("run", "check", "argocd", "token"):
        if step.get(key) is not None:
            yield Mistake((*place, key), "a value", "nothing beside `migration`, which does it")
    if step.get("kind") != "migration":
        yield Mistake((*place, "kind"), shown(step.get("kind", "nothing")), "migration: only that kind takes a migration back")
    if not isinstance(name, str):
        return
    if name.strip() not in by_name:
        wanted = "a migration of `database`" + (f": {', '.join(list(by_name)[:6])}" if by_name else "")
        yield Mistake((*place, "migration"), shown(name), wanted, nearest(name, list(by_name)))
    elif step.get("class") != "one-way" and by_name[name.strip()].get("undo") is None:
        yield Mistake((*place, "migration"), shown(name), "a migration with an `undo` command, or `class: one-way`")


def _migration(section: MigrationSection) -> Migration:
    return Migration(
        name=section.name,
        revision=section.revision,
        phase=MigrationPhase(section.phase),
        run=tuple(section.run or ()),
        undo=tuple(section.undo or ()),
        folder=section.folder,
        tables=tuple(section.tables),
        columns=tuple(_column(each) for each in section.columns),
        timeout_s=section.timeout,
        expected_s=section.expected,
        checksum=section.checksum,
    )


def _column(section: ColumnSection) -> ColumnWanted:
    table, _, column = section.column.rpartition(".")
    return ColumnWanted(table, column, section.type or "", section.nullable, section.max_null)


def _written_migration(each: Migration) -> dict[str, Any]:
    return given(
        {
            "name": each.name,
            "revision": each.revision,
            "phase": each.phase.value,
            "run": list(each.run) or None,
            "undo": list(each.undo) or None,
            "folder": each.folder,
            "tables": list(each.tables) or None,
            "columns": [_written_column(column) for column in each.columns] or None,
            "timeout": write_span(each.timeout_s),
            "expected": write_span(each.expected_s),
            "checksum": None if each.checksum is None else str(each.checksum),
        }
    )


def _written_column(column: ColumnWanted) -> dict[str, Any]:
    return given(
        {
            "column": column.name,
            "type": column.type or None,
            "nullable": column.nullable,
            "max_null": None if column.max_null is None else write_share(column.max_null),
        }
    )
