"""Twelve attacks on the audit, as somebody makes them who can write the database, and for one of them also holds the key.

They work on rows, so that every kind of store can be attacked: a `Vault` opens one, and lends a connection that nothing protects.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import rfc8785
from sqlalchemy import Connection, create_engine, delete, insert, select, text, update
from sqlalchemy.pool import NullPool
from store_kit import ANN, NOON, HandClock, entry

from console.model.audit import RecordKind
from console.model.freeze import FreezeWindow, StopTheLine, Weekly
from console.store.checkpoints import signed_note
from console.store.keys import Signer
from console.store.schema import about, audit, checkpoints, stops, windows
from console.store.sealing import FIRST_PREV, Row
from console.store.signing import SigningKey
from console.store.sqlite import RECORDS, SqliteStore, open_store
from console.store.tree import Frontier

BAD = 7
"""The record that an attack changes."""


class Vault(ABC):
    """A kind of store that can be attacked."""

    @abstractmethod
    def open(self, signer: Signer) -> Any:
        """Open the store as its owner does."""

    @abstractmethod
    def unguarded(self) -> Any:
        """Lend a connection in a transaction past triggers and grants, as whoever administers the database has it."""


class SqliteVault(Vault):
    """The records file of one person."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, signer: Signer) -> SqliteStore:
        return open_store(self.folder, HandClock(), signer=signer)

    @contextmanager
    def unguarded(self) -> Iterator[Connection]:
        engine = create_engine(f"sqlite:///{self.folder / RECORDS}", poolclass=NullPool)
        with engine.begin() as conn:
            for name in conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
                conn.execute(text(f"DROP TRIGGER {name}"))
            yield conn
        engine.dispose()


async def fill(store: Any) -> None:
    """Write some history: rollout records, two windows and a stop of the line."""
    weekly = Weekly(frozenset({4}), time(16), time(20))
    await store.freezes.add(FreezeWindow("F-1", "Friday", "ann", "weekend", "Europe/Berlin", weekly), ANN, NOON)
    await store.freezes.stop(StopTheLine("ann", "an incident", NOON), ANN)
    for number in range(8):
        kind = RecordKind.OUTCOME if number % 2 else RecordKind.INTENT
        await store.audit.append(entry(f"verb {number}", kind, detail={"step": f"s{number // 2}"}))
    await store.freezes.add(FreezeWindow("F-2", "Sunday", "ann", "sale", "Europe/Berlin", weekly), ANN, NOON)
    for number in range(8):
        await store.audit.append(entry(f"more {number}"))


def rows_of(conn: Connection) -> list[Row]:
    return [Row(*(tuple(row))) for row in conn.execute(select(*(audit.c[name] for name in Row._fields)).order_by(audit.c.seq))]


def put(conn: Connection, rows: list[Row]) -> None:
    """Replace the whole audit by these rows."""
    conn.execute(delete(audit))
    for row in rows:
        conn.execute(insert(audit), row._asdict())


def edited(row: Row, key: SigningKey | None = None, **fields: Any) -> Row:
    """Change a row and its body alike, and hash it anew; sign it anew where the attacker has the key."""
    body = rfc8785.dumps({**json.loads(row.body), **fields})
    copies = {name: value for name, value in fields.items() if name in Row._fields}
    signature = row.signature if key is None or not row.key else key.sign(body)
    return row._replace(**copies, body=body, hash=sha256(body).hexdigest(), signature=signature)


def chained(rows: list[Row], key: SigningKey | None = None) -> list[Row]:
    """Number and link rows anew: what a careful forger does."""
    prev, done = FIRST_PREV, []
    for seq, row in enumerate(rows, 1):
        fresh = edited(row, key, seq=seq, prev=prev)
        done.append(fresh)
        prev = fresh.hash
    return done


def forged(row: Row, key: SigningKey | None = None) -> Row:
    return edited(row, key, actor="mallory")


def heads_anew(conn: Connection, key: SigningKey) -> None:
    """Write every checkpoint anew over the rows that there are, as only a key holder can."""
    rows, log_id = rows_of(conn), conn.execute(select(about.c.value).where(about.c.key == "log")).scalar_one()
    sizes = [size for size in conn.execute(select(checkpoints.c.size)).scalars() if size <= len(rows)]
    conn.execute(delete(checkpoints))
    for size in sizes:
        edge = Frontier()
        edge.extend([bytes.fromhex(row.hash) for row in rows[:size]])
        note = signed_note(log_id, size, edge.root(), key)
        conn.execute(insert(checkpoints), {"size": size, "root": edge.root().hex(), "at": "", "key": key.id, "note": note})


@dataclass(frozen=True)
class Attack:
    """What is done to the rows, the first bad record, and a word of the problem. `needs_anchor`: nothing inside can show it."""

    name: str
    act: Callable[[Connection, SigningKey], None]
    first_bad: int
    word: str
    needs_anchor: bool = False


def _rows(change: Callable[[list[Row]], list[Row]]) -> Callable[[Connection, SigningKey], None]:
    return lambda conn, key: put(conn, change(rows_of(conn)))


def _naive_edit(rows: list[Row]) -> list[Row]:
    row = rows[BAD - 1]
    return [*rows[: BAD - 1], row._replace(body=row.body.replace(b'"ann"', b'"eve"'), actor="eve"), *rows[BAD:]]


def _swapped(rows: list[Row]) -> list[Row]:
    one, two = rows[BAD - 1], rows[BAD]
    return [*rows[: BAD - 1], two, one, *rows[BAD + 1 :]]


def _naive_swap(rows: list[Row]) -> list[Row]:
    return [row._replace(seq=seq) for seq, row in enumerate(_swapped(rows), 1)]


def _naive_insert(rows: list[Row]) -> list[Row]:
    between = [*rows[: BAD - 1], rows[2], *rows[BAD - 1 :]]
    return [row._replace(seq=seq) for seq, row in enumerate(between, 1)]


def _rewrite(conn: Connection, key: SigningKey) -> None:
    rows = rows_of(conn)
    put(conn, chained([*rows[: BAD - 1], forged(rows[BAD - 1], key), *rows[BAD:]], key))
    heads_anew(conn, key)


def _fork(conn: Connection, key: SigningKey) -> None:
    """Go back in the log and continue it another way, with good signatures: another history for other eyes."""
    rows = rows_of(conn)
    put(conn, chained([*rows[: BAD - 1], *(edited(row, key, target="elsewhere") for row in rows[BAD - 1 :])], key))
    heads_anew(conn, key)


def _truncate(conn: Connection, key: SigningKey) -> None:
    conn.execute(delete(audit).where(audit.c.seq >= BAD))


def _truncate_all(conn: Connection, key: SigningKey) -> None:
    _truncate(conn, key)
    conn.execute(delete(checkpoints).where(checkpoints.c.size >= BAD))
    conn.execute(delete(windows).where(windows.c.id == "F-2"))


def _edit_freeze(conn: Connection, key: SigningKey) -> None:
    value = conn.execute(select(windows.c.value).where(windows.c.id == "F-1")).scalar_one()
    conn.execute(update(windows).where(windows.c.id == "F-1").values(value=value.replace("[4]", "[3]")))


ATTACKS = (
    Attack("edit", _rows(_naive_edit), BAD, "edited"),
    Attack("edit, chain recomputed", _rows(lambda rows: chained([*rows[: BAD - 1], forged(rows[BAD - 1]), *rows[BAD:]])), BAD, "forged"),
    Attack("delete", _rows(lambda rows: [row for row in rows if row.seq != BAD]), BAD, "missing"),
    Attack("delete, chain recomputed", _rows(lambda rows: chained([row for row in rows if row.seq != BAD])), BAD, "forged"),
    Attack("swap", _rows(_naive_swap), BAD, "reordered"),
    Attack("swap, chain recomputed", _rows(lambda rows: chained(_swapped(rows))), BAD, "forged"),
    Attack("insert", _rows(_naive_insert), BAD, "reordered"),
    Attack("insert, chain recomputed", _rows(lambda rows: chained([*rows[: BAD - 1], rows[2], *rows[BAD - 1 :]])), BAD, "forged"),
    Attack("truncate", _truncate, BAD, "missing"),
    Attack("truncate with its checkpoints", _truncate_all, BAD, "missing", needs_anchor=True),
    Attack("rewrite by a key holder", _rewrite, BAD, "rewritten", needs_anchor=True),
    Attack("edit of a freeze row", _edit_freeze, 2, "row"),
    Attack("deletion of a freeze row", lambda conn, key: conn.execute(delete(windows).where(windows.c.id == "F-2")), 12, "row"),
    Attack("lifting of a stop", lambda conn, key: conn.execute(update(stops).values(lifted_at=NOON.isoformat())), 3, "row"),
    Attack("deletion of a stop", lambda conn, key: conn.execute(delete(stops)), 3, "row"),
    Attack("fork", _fork, BAD, "rewritten", needs_anchor=True),
    Attack(
        "signature taken away",
        lambda conn, key: conn.execute(update(audit).where(audit.c.seq == BAD).values(signed=0, signature=None)),
        BAD,
        "edited",
    ),
    Attack("another's signature", lambda conn, key: _another(conn), BAD, "forged"),
)


def _another(conn: Connection) -> None:
    signature = conn.execute(select(audit.c.signature).where(audit.c.seq == BAD - 1)).scalar_one()
    conn.execute(update(audit).where(audit.c.seq == BAD).values(signature=signature))


def outside(anchor: Any) -> Any:
    """Return an anchor as it comes back from a file."""
    return replace(anchor, source="anchor.jsonl")
