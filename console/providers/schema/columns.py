"""Reads the columns that a release needs: whether they are there, of what type, and how much of them is null."""

from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import sql

from console.model.database import ColumnSeen, ColumnWanted
from console.model.text import clean
from console.providers.clients.postgres import Raw
from console.providers.schema.tables import split_name

SMALL_BYTES = 32 * 2**20
"""A table up to this size is counted; of a larger one the share is taken from PostgreSQL's own statistics."""

COUNT_MS = 1000
"""A count takes no longer; after that the statistics have to do."""

CHANGED = 0.1
"""With more than this part of a table's rows changed since its statistics were made, that is said."""

_FIND = """
SELECT n.nspname, c.relname, c.oid, a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
       CASE WHEN c.relkind = 'p' THEN 'infinity'::float8 ELSE c.relpages * current_setting('block_size')::float8 END,
       has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT'), c.relkind = 'p', c.reltuples::float8
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = %(column)s AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relname = %(table)s AND c.relkind IN ('r', 'p', 'f')
  AND CASE WHEN %(schema)s = '' THEN pg_table_is_visible(c.oid) OR NOT has_schema_privilege(n.oid, 'USAGE') ELSE n.nspname = %(schema)s END
ORDER BY pg_table_is_visible(c.oid) DESC LIMIT 1
"""

_STATISTICS = """
SELECT s.null_frac::float8,
       extract(epoch FROM clock_timestamp() - greatest(t.last_analyze, t.last_autoanalyze))::float8,
       t.n_mod_since_analyze::float8 / nullif(greatest(%(rows)s, 1), 0)
FROM pg_stats s LEFT JOIN pg_stat_all_tables t ON t.relid = %(oid)s
WHERE s.schemaname = %(schema)s AND s.tablename = %(table)s AND s.attname = %(column)s AND s.inherited = %(partitioned)s
"""


@dataclass(frozen=True, slots=True)
class _Found:
    """A column in the catalogue."""

    schema: str
    table: str
    oid: int
    number: int | None
    type: str
    not_null: bool
    default: str
    size: float
    readable: bool
    partitioned: bool
    rows: float


def column(raw: Raw, wanted: ColumnWanted) -> ColumnSeen:
    """Return a column as the catalogue says, with its null share where that can be told; says how it was told."""
    schema, table = split_name(wanted.table)
    row = raw.execute(_FIND, {"table": table, "schema": schema, "column": wanted.column}).fetchone()
    if row is None:
        return ColumnSeen(wanted.name, exists=False, problem=f"there is no table {wanted.table}")
    found = _found(row)
    if found.number is None:
        return ColumnSeen(wanted.name, exists=False)
    seen = ColumnSeen(wanted.name, exists=True, type=found.type, nullable=not found.not_null, default=found.default)
    if found.not_null:
        return replace(seen, null_share=0.0, how="it cannot be null")
    if not found.readable:
        login = clean(str(raw.info.user), 60)
        grant = f"GRANT SELECT ({wanted.column}) ON {found.schema}.{found.table} TO {login}"
        return replace(seen, problem=f"its null share may not be read by {login}: {grant}")
    return _shared(raw, wanted, found, seen)


def _shared(raw: Raw, wanted: ColumnWanted, found: _Found, seen: ColumnSeen) -> ColumnSeen:
    """Return a column with its null share: counted while the table is small, else as PostgreSQL estimates it."""
    why = "the table is large"
    if found.size <= SMALL_BYTES:
        try:
            return _counted(raw, wanted, found, seen)
        except psycopg.errors.QueryCanceled:
            why = f"a count took longer than {COUNT_MS / 1000:g} s"
        except psycopg.errors.LockNotAvailable:
            why = "somebody keeps the table locked"
    row = raw.execute(
        _STATISTICS,
        {
            "rows": found.rows,
            "oid": found.oid,
            "schema": found.schema,
            "table": found.table,
            "column": wanted.column,
            "partitioned": found.partitioned,
        },
    ).fetchone()
    if row is None:
        return replace(seen, problem=f"{why}, and there are no statistics of it yet: ANALYZE {found.schema}.{found.table}")
    return replace(seen, null_share=min(1.0, max(0.0, float(row[0]))), how=_estimated(why, row[1], row[2]))


def _counted(raw: Raw, wanted: ColumnWanted, found: _Found, seen: ColumnSeen) -> ColumnSeen:
    text = sql.SQL("SELECT count(*), count({}) FROM {}").format(sql.Identifier(wanted.column), sql.Identifier(found.schema, found.table))
    with raw.transaction():
        raw.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(COUNT_MS)))
        row = raw.execute(text).fetchone()
    whole, filled = (0, 0) if row is None else (int(row[0]), int(row[1]))
    share = 0.0 if whole == 0 else (whole - filled) / whole
    return replace(seen, null_share=share, how="no rows yet" if whole == 0 else f"counted in {whole:,} row{'' if whole == 1 else 's'}")


def _estimated(why: str, age_s: float | None, changed: float | None) -> str:
    parts = ["estimated from statistics" + ("" if age_s is None else f" made {_span(age_s)} ago"), why]
    if changed is not None and changed > CHANGED:
        parts.append(f"{min(changed, 1.0):.0%} of its rows changed since")
    return ", ".join(parts)


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{max(0.0, seconds):.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def _found(row: tuple[Any, ...]) -> _Found:
    schema, table, oid, number, kind, not_null, default, size, readable, partitioned, rows = row
    return _Found(
        schema=str(schema),
        table=str(table),
        oid=int(oid),
        number=None if number is None else int(number),
        type=clean(str(kind or ""), 80),
        not_null=bool(not_null),
        default=clean(str(default or ""), 80),
        size=float(size or 0.0),
        readable=bool(readable),
        partitioned=bool(partitioned),
        rows=max(0.0, float(rows)),
    )
