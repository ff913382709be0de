"""The audit in the database: it appends inside somebody's transaction, gives pages, and is verified as a stream."""

import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Select, and_, cast, func, insert, or_, select, text
from sqlalchemy.types import Text

from console.model.audit import AuditFilter, Entry, Record, VerifyReport
from console.model.clock import iso
from console.model.errors import CannotRecord, StoreError
from console.store.chain import FIRST_PREV, Row, entry_of, prev_of, seal, verify_rows
from console.store.database import Database
from console.store.persons import acting, found_by_server
from console.store.schema import WORDS_TABLE, about, audit

_log = logging.getLogger(__name__)
_CHAINING = {"at", "log", "prev", "seq", "v"}
_INDEXED_AT_ONCE = 2000
_MOST_ROUNDS = 10
_LAST = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
_LOG = select(about.c.value).where(about.c.key == "log")
_HAS_WORDS = text("SELECT 1 FROM sqlite_master WHERE name = :name")
_ADD_WORDS = text(f"INSERT INTO {WORDS_TABLE} (rowid, words) VALUES (:seq, :words)")  # noqa: S608


def append_to(conn: Connection, entry: Entry) -> Record:
    """Append a record inside the transaction that is open; the transaction must be an immediate one."""
    entry = acting(conn, entry)
    last = conn.execute(_LAST).first()
    seq, prev = (1, FIRST_PREV) if last is None else (last.seq + 1, last.hash)
    record, row = seal(entry, seq=seq, prev=prev, log_id=_log_id(conn))
    conn.execute(insert(audit), row._asdict())
    return record


def _log_id(conn: Connection) -> str:
    return str(conn.execute(_LOG).scalar_one())


def _record(row: Any) -> Record:
    try:
        entry = entry_of(row.body)
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"Record {row.seq} of the audit cannot be read ({error}).",
            means="It was changed after it was written, or a newer version of this program wrote it.",
            advice="Run `audit verify`; it names the first bad record.",
        ) from error
    return Record(seq=row.seq, entry=entry, prev=prev_of(row.body), hash=row.hash, body=row.body, signed=bool(row.signed))


class AuditTrail:
    """The chained records in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entry: Entry) -> Record:
        """Append a record, durable when it returns. Raises CannotRecord."""
        return await self._database.write(lambda conn: append_to(conn, entry))

    async def page(self, chosen: AuditFilter, before: int | None, limit: int) -> Sequence[Record]:
        """Return records newest first, with seq under `before` (keyset paging)."""
        await self._index_words(chosen)

        def look(conn: Connection) -> list[Record]:
            query = _narrowed(conn, chosen).order_by(audit.c.seq.desc()).limit(limit)
            if before is not None:
                query = query.where(audit.c.seq < before)
            return [_record(row) for row in conn.execute(query)]

        return await self._database.read_whole(look)

    async def all(self, chosen: AuditFilter) -> Sequence[Record]:
        """Return all records that fit, oldest first, for an export."""
        await self._index_words(chosen)

        def look(conn: Connection) -> list[Record]:
            return [_record(row) for row in conn.execute(_narrowed(conn, chosen).order_by(audit.c.seq))]

        return await self._database.read_whole(look)

    async def verify(self, progress: Callable[[int, int], bool] | None = None) -> VerifyReport:
        """Check every record; `progress(done, size)` is called in a reader thread, and cancels by returning False."""

        def look(conn: Connection) -> VerifyReport:
            raw = conn.connection.driver_connection
            if isinstance(raw, sqlite3.Connection):
                return verify_file(raw, _log_id(conn), progress)
            size = conn.execute(select(func.count()).select_from(audit)).scalar_one()
            return verify_rows(stream(conn), _log_id(conn), size, progress)

        return await self._database.read_whole(look)

    async def _index_words(self, chosen: AuditFilter) -> None:
        """Bring the word index forward before a search, a little in each transaction; appends do not pay for it."""
        if not _words(chosen.text):
            return
        try:
            for _ in range(_MOST_ROUNDS):
                if not await self._database.write(catch_up):
                    return
        except CannotRecord as error:
            _log.warning("searching without the word index: %s", error)


def stream(conn: Connection) -> Iterator[tuple[Any, ...]]:
    """Return all records in order from a server, a little at a time: the fields of `Row`."""
    columns = [audit.c[name] for name in Row._fields]
    fetched = conn.execution_options(stream_results=True, max_row_buffer=2000).execute(select(*columns).order_by(audit.c.seq))
    return (tuple(row) for row in fetched)


def verify_file(raw: sqlite3.Connection, log_id: str, progress: Callable[[int, int], bool] | None) -> VerifyReport:
    """Check the records on one connection, as a stream. A page that SQLite cannot read counts as a bad record in its place."""
    size = 0
    try:
        size = int(raw.execute("SELECT count(*) FROM audit").fetchone()[0])
        return verify_rows(_stream(raw), log_id, size, progress)
    except sqlite3.DatabaseError as error:
        done = _readable(raw)
        return VerifyReport(log_id, size, "", done, done + 1, f"unreadable: the file is damaged here ({error})", (), done)


def _stream(raw: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    return raw.execute(f"SELECT {', '.join(Row._fields)} FROM audit NOT INDEXED ORDER BY seq")  # noqa: S608


def _readable(raw: sqlite3.Connection) -> int:
    """Count the records before the first that cannot be read."""
    count = 0
    with suppress(sqlite3.DatabaseError):
        for _ in _stream(raw):
            count += 1
    return count


def _words(typed: str) -> str:
    """Return a full-text query that finds records holding every word typed, each by its beginning; "" when there is none."""
    words = re.findall(r"\w+", typed)
    return " ".join(f'"{word}"*' for word in words)


def catch_up(conn: Connection) -> bool:
    """Index some of the records that the word index lacks; tells whether there may be more."""
    done = _indexed(conn)
    if done is None:
        return False
    fresh = conn.execute(select(audit.c.seq, audit.c.body).where(audit.c.seq > done).order_by(audit.c.seq).limit(_INDEXED_AT_ONCE))
    rows = [{"seq": row.seq, "words": _spoken(row.body)} for row in fresh]
    if rows:
        conn.execute(_ADD_WORDS, rows)
    return len(rows) == _INDEXED_AT_ONCE


def _indexed(conn: Connection) -> int | None:
    """Return the last record that the word index holds; None when this SQLite has no FTS5, and on a server, which keeps an index itself."""
    if conn.dialect.name != "sqlite" or conn.execute(_HAS_WORDS, {"name": WORDS_TABLE}).first() is None:
        return None
    return int(conn.execute(text(f"SELECT coalesce(max(rowid), 0) FROM {WORDS_TABLE}")).scalar_one())  # noqa: S608


def _spoken(body: bytes) -> str:
    """Return what a person may search in a body: all that it tells, without the chain's own fields."""
    try:
        fields = json.loads(body)
    except ValueError:
        return ""
    return " ".join(_told([value for name, value in fields.items() if name not in _CHAINING]))


def _told(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from (key, *_told(item))
    elif isinstance(value, list):
        for item in value:
            yield from _told(item)
    else:
        yield str(value)


def _narrowed(conn: Connection, chosen: AuditFilter) -> Select[Any]:
    query: Select[Any] = select(audit)
    if chosen.kinds:
        query = query.where(audit.c.kind.in_(sorted(kind.value for kind in chosen.kinds)))
    for column, value in ((audit.c.target, chosen.target), (audit.c.rollout, chosen.rollout), (audit.c.actor, chosen.actor)):
        if value:
            query = query.where(column == value)
    if chosen.since is not None:
        query = query.where(audit.c.at >= iso(chosen.since))
    if chosen.until is not None:
        query = query.where(audit.c.at < iso(chosen.until))
    return _searched(conn, query, chosen.text) if chosen.text.strip() else query


def _searched(conn: Connection, query: Select[Any], typed: str) -> Select[Any]:
    """Search by the word index, and letter by letter in the records that it does not hold yet."""
    if conn.dialect.name == "postgresql":
        return query.where(*found_by_server(typed))
    parts = [cast(audit.c.body, Text).contains(part, autoescape=True) for part in typed.split()]
    words, done = _words(typed), _indexed(conn)
    if not words or done is None:
        return query.where(*parts)
    found = text(f"SELECT rowid FROM {WORDS_TABLE} WHERE {WORDS_TABLE} MATCH :words").bindparams(words=words)  # noqa: S608
    indexed = audit.c.seq.in_(found.columns(audit.c.seq).scalar_subquery())
    return query.where(or_(indexed, and_(audit.c.seq > done, *parts)))
