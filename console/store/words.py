"""The word index over the records: it is brought forward before a search, so that appends do not pay for it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select, text

from console.store.schema import WORDS_TABLE, audit

_CHAINING = {"at", "key", "log", "prev", "seq", "v"}
_INDEXED_AT_ONCE = 2000
_HAS_WORDS = text("SELECT 1 FROM sqlite_master WHERE name = :name")
_ADD_WORDS = text(f"INSERT INTO {WORDS_TABLE} (rowid, words) VALUES (:seq, :words)")  # noqa: S608


def wanted_words(typed: str) -> str:
    """Return a full-text query that finds records holding every word typed, each by its beginning; "" when there is none."""
    words = re.findall(r"\w+", typed)
    return " ".join(f'"{word}"*' for word in words)


def catch_up(conn: Connection) -> bool:
    """Index some of the records that the word index lacks; tells whether there may be more."""
    done = indexed(conn)
    if done is None:
        return False
    fresh = conn.execute(select(audit.c.seq, audit.c.body).where(audit.c.seq > done).order_by(audit.c.seq).limit(_INDEXED_AT_ONCE))
    rows = [{"seq": row.seq, "words": _spoken(row.body)} for row in fresh]
    if rows:
        conn.execute(_ADD_WORDS, rows)
    return len(rows) == _INDEXED_AT_ONCE


def indexed(conn: Connection) -> int | None:
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
