"""Verifies the records in a database, whichever it is: reads them as a stream, with what stands beside them."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from console.model.audit import Anchor, VerifyReport
from console.store.chain import Beside, verify_rows
from console.store.heads import kept
from console.store.heldheads import Notes
from console.store.keys import read_keys
from console.store.projections import STOPS, WINDOWS
from console.store.schema import audit, checkpoints, stops, windows
from console.store.sealing import Row

_NOTES_AT_ONCE = 500


def verify_on(
    conn: Connection, progress: Callable[[int, int], bool] | None, anchors: Sequence[Anchor], *, signatures: bool
) -> VerifyReport:
    """Check the records on one connection. A page of a file that SQLite cannot read counts as a bad record in its place."""
    raw = conn.connection.driver_connection
    log_id, beside = kept(conn).log_id, _beside(conn, anchors, signatures=signatures)
    size = int(conn.execute(select(func.coalesce(func.max(audit.c.seq), 0))).scalar_one())
    if not isinstance(raw, sqlite3.Connection):
        return verify_rows(_from_server(conn), log_id, size, progress, beside)
    try:
        return verify_rows(_from_file(raw, signatures=signatures), log_id, size, progress, beside)
    except sqlite3.DatabaseError as error:
        done = _readable(raw)
        return VerifyReport(log_id, size, "", done, done + 1, f"unreadable: the file is damaged here ({error})", (), done)


def _beside(conn: Connection, anchors: Sequence[Anchor], *, signatures: bool) -> Beside:
    rows = {
        WINDOWS: [dict(row) for row in conn.execute(select(windows)).mappings()],
        STOPS: [dict(row) for row in conn.execute(select(stops).order_by(stops.c.number)).mappings()],
    }
    notes = _stored_notes(conn) if signatures else _newest_note(conn)
    return Beside({key.id: key for key in read_keys(conn)}, notes, anchors, signatures, rows)


def _stored_notes(conn: Connection) -> Notes:
    """Give every stored checkpoint in order of size; they are read in portions, there may be very many."""
    waiting: list[tuple[int, int, str]] = []
    last = (-1, -1)

    def next_note() -> str | None:
        nonlocal last
        if not waiting:
            place = tuple_(checkpoints.c.size, checkpoints.c.number)
            query = select(checkpoints.c.size, checkpoints.c.number, checkpoints.c.note).where(place > last)
            rows = conn.execute(query.order_by(checkpoints.c.size, checkpoints.c.number).limit(_NOTES_AT_ONCE)).all()
            waiting.extend((row.size, row.number, row.note) for row in reversed(rows))
        if not waiting:
            return None
        size, number, note = waiting.pop()
        last = (size, number)
        return str(note)

    return next_note


def _newest_note(conn: Connection) -> Notes:
    found = conn.execute(select(checkpoints.c.note).order_by(checkpoints.c.size.desc()).limit(1)).scalar()
    left = [] if found is None else [str(found)]
    return lambda: left.pop() if left else None


def _from_server(conn: Connection) -> Iterator[tuple[Any, ...]]:
    """Return all records in order from a server, a little at a time: the fields of `Row`."""
    columns = [audit.c[name] for name in Row._fields]
    fetched = conn.execution_options(stream_results=True, max_row_buffer=2000).execute(select(*columns).order_by(audit.c.seq))
    return (tuple(row) for row in fetched)


def _from_file(raw: sqlite3.Connection, *, signatures: bool) -> Iterator[tuple[Any, ...]]:
    """Return all records in order from a file; where signatures are not checked it is told only whether there is one."""
    last = "signature" if signatures else "CASE WHEN signature IS NULL THEN NULL ELSE 1 END"
    return raw.execute(f"SELECT {', '.join(Row._fields[:-1])}, {last} FROM audit NOT INDEXED ORDER BY seq")  # noqa: S608


def _readable(raw: sqlite3.Connection) -> int:
    """Count the records before the first that cannot be read."""
    count = 0
    with suppress(sqlite3.DatabaseError):
        for _ in _from_file(raw, signatures=False):
            count += 1
    return count
