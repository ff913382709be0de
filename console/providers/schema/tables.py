"""Reads the tables in which migration tools keep what they have applied, as each tool makes them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from console.model.database import HistoryRow, MigrationTool, PostgresDatabase
from console.model.errors import Malformed, Refused
from console.model.text import clean
from console.providers.clients.postgres import UNREAD, Raw

MOST = 20_000
"""A table with more rows is none of a migration tool."""

_FIND = """
SELECT n.nspname, c.relname, has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = %(table)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND CASE WHEN %(schema)s = '' THEN pg_table_is_visible(c.oid) OR NOT has_schema_privilege(n.oid, 'USAGE') ELSE n.nspname = %(schema)s END
ORDER BY pg_table_is_visible(c.oid) DESC LIMIT 1
"""

_ASK: Mapping[MigrationTool, LiteralString] = MappingProxyType(
    {
        MigrationTool.ALEMBIC: "SELECT version_num FROM {} LIMIT {}",
        MigrationTool.FLYWAY: "SELECT version, installed_rank, success, type, installed_on AT TIME ZONE current_setting('TimeZone'), "
        "description, checksum FROM {} LIMIT {}",
        MigrationTool.DJANGO: "SELECT app || '.' || name, id, applied FROM {} LIMIT {}",
    }
)
"""Alembic: `alembic_version`, one row a head. Flyway: one row a run, newest rank last. Django: `django_migrations`, one row a migration.

Flyway keeps the instant without a zone, in that of the session which ran it: the server's own is taken for it.
"""


def split_name(name: str) -> tuple[str, str]:
    """Return a table's schema, "" where the name has none, and its own name."""
    schema, _, table = name.rpartition(".")
    return schema, table


def history(raw: Raw, database: PostgresDatabase) -> list[HistoryRow]:
    """Return every row of the tool's table.

    Raises Refused where it is not there or may not be read, Malformed where it is not the tool's. A missing table is never taken for
    "nothing applied": it may be the wrong database.
    """
    name, (schema, table) = database.history, split_name(database.history)
    found = raw.execute(_FIND, {"table": table, "schema": schema}).fetchone()
    if found is None:
        raise Refused(
            f"There is no table {name}, in which {database.tool.value} keeps what it has applied.",
            means="Which migrations are applied is not known.",
            advice="Check `table` and the address in the target's file; before its very first migration, let the tool make its table.",
        )
    if not found[2]:
        raise may_not(raw, f"{found[0]}.{found[1]}")
    text = sql.SQL(_ASK[database.tool]).format(sql.Identifier(found[0], found[1]), sql.Literal(MOST))
    try:
        rows = raw.execute(text).fetchall()
    except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction):
        raise Malformed(
            f"The table {name} is not one of {database.tool.value}: it has other columns.",
            means="Which migrations are applied is not known.",
            advice="Check `tool` and `table` in the target's file.",
        ) from None
    return [_READ[database.tool](row) for row in rows]


def may_not(raw: Raw, table: str) -> Refused:
    """Return the error for a table that the login may not read, with what would let it."""
    login = clean(str(raw.info.user), 60)
    return Refused(
        f"The login {login} may not read {table}.",
        means=UNREAD,
        advice=f"Let the database's administrator run: GRANT SELECT ON {table} TO {login};",
    )


def _alembic(row: tuple[Any, ...]) -> HistoryRow:
    return HistoryRow(_text(row[0]))


def _flyway(row: tuple[Any, ...]) -> HistoryRow:
    return HistoryRow(
        revision=_text(row[0]),
        rank=int(row[1]),
        ok=bool(row[2]),
        kind=_text(row[3]).upper(),
        at=_instant(row[4]),
        description=_text(row[5]),
        checksum=None if row[6] is None else int(row[6]),
    )


def _django(row: tuple[Any, ...]) -> HistoryRow:
    return HistoryRow(_text(row[0]), rank=int(row[1]), at=_instant(row[2]))


_READ: Mapping[MigrationTool, Callable[[tuple[Any, ...]], HistoryRow]] = MappingProxyType(
    {MigrationTool.ALEMBIC: _alembic, MigrationTool.FLYWAY: _flyway, MigrationTool.DJANGO: _django}
)


def _text(value: object) -> str:
    return "" if value is None else clean(str(value))


def _instant(value: object) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
