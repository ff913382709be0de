"""Pages of the audit are found through an index whatever the filter, and records are synced before they count as written."""

import sqlite3
from itertools import chain, combinations, product

import pytest
from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite
from store_kit import NOON, entry

from console.model.audit import AuditFilter, RecordKind
from console.store.paging import Cut, page_query
from console.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio
FIELDS = {
    "kinds": [frozenset({RecordKind.INTENT}), frozenset({RecordKind.INTENT, RecordKind.OUTCOME})],
    "target": ["shop"],
    "rollout": ["R-1"],
    "actor": ["ann"],
    "text": ["verb", "%"],
    "since": [NOON],
    "until": [NOON.replace(year=2027)],
}
CHOSEN = [
    dict(zip(names, values, strict=True))
    for names in chain.from_iterable(combinations(FIELDS, count) for count in range(len(FIELDS) + 1))
    for values in product(*(FIELDS[name] for name in names))
]


def plan_of(conn: Connection, chosen: AuditFilter, cut: Cut) -> list[str]:
    """Return what SQLite says of each table that a page's query touches."""
    query = page_query(conn, chosen, cut)
    assert query is not None
    compiled = query.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
    raw = conn.connection.driver_connection
    values = tuple(compiled.params[name] for name in compiled.positiontup)
    return [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {compiled}", values)]


async def test_no_combination_of_filters_walks_the_whole_table(store: SqliteStore):
    for number in range(60):
        await store.audit.append(entry(f"verb {number}", RecordKind.INTENT, rollout="R-1", detail={"step": f"s{number}"}))
    await store.audit.page(AuditFilter(text="verb"), None, 1)

    def look(conn: Connection) -> list[str]:
        walked = []
        for fields in CHOSEN:
            for cut in (Cut(50), Cut(50, before=40), Cut(50, after=10, newest_first=False)):
                told = plan_of(conn, AuditFilter(**fields), cut)
                walked += [f"{fields}: {line}" for line in told if line.startswith("SCAN audit") and "VIRTUAL" not in line]
                equal = {"target", "rollout", "actor"} & set(fields)
                by_index = any("USING INDEX audit_by" in line or "USING COVERING INDEX audit_by" in line for line in told)
                if equal and "text" not in fields and not by_index:
                    walked.append(f"{fields}: {told}")
        return walked

    assert len(CHOSEN) == 288
    assert await store._database.read(look) == []


async def test_records_are_synced_before_they_count_as_written(store: SqliteStore):
    def look(conn: Connection) -> tuple[int, str]:
        raw = conn.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        return raw.execute("PRAGMA synchronous").fetchone()[0], raw.execute("PRAGMA journal_mode").fetchone()[0]

    assert await store._database.write(look) == (2, "wal")
