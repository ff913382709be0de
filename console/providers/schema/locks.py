"""Reads who holds locks on tables, so that a change of them would have to wait."""

from collections.abc import Sequence
from typing import Any

from console.model.database import LockHolder
from console.model.text import clean
from console.providers.clients.postgres import Raw
from console.providers.schema.tables import split_name

MOST = 50

_ASK = """
SELECT c.relname, coalesce(a.usename::text, ''), coalesce(a.application_name, ''), coalesce(a.state, ''), l.pid,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, x.prepared))::float8, x.gid IS NOT NULL, n.nspname
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_prepared_xacts x ON l.pid IS NULL AND l.virtualtransaction = '-1/' || x.transaction::text
WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND c.relname = ANY(%(names)s)
  AND NOT (coalesce(a.backend_type, '') = 'autovacuum worker' AND coalesce(a.query, '') NOT LIKE '%%to prevent wraparound%%')
ORDER BY 6 DESC NULLS LAST LIMIT %(most)s
"""
"""Every lock stands in the way of ALTER TABLE, whatever its mode; an autovacuum gives way by itself unless it prevents a wraparound."""


def holders(raw: Raw, tables: Sequence[str]) -> tuple[LockHolder, ...]:
    """Return who holds a lock on one of these tables now, once for each session and table, the longest first."""
    if not tables:
        return ()
    wanted = {split_name(name): name for name in tables}
    rows = raw.execute(_ASK, {"names": [table for _, table in wanted], "most": MOST}).fetchall()
    found: dict[tuple[str, int | None], LockHolder] = {}
    for row in rows:
        name = wanted.get((str(row[7]), str(row[0]))) or wanted.get(("", str(row[0])))
        if name is not None:
            found.setdefault((name, row[4]), _holder(name, row))
    return tuple(found.values())


def _holder(table: str, row: tuple[Any, ...]) -> LockHolder:
    _, login, program, state, pid, for_s, prepared, _ = row
    who = "a prepared transaction" if prepared else " ".join(clean(part, 60) for part in (login, program and f"({program})") if part)
    return LockHolder(table, who, "prepared" if prepared else clean(state, 40), None if for_s is None else max(0.0, float(for_s)), pid)
