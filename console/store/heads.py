"""Keeps the tree growing with the records, and signs a checkpoint at the end of every action."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from console.model.audit import Record, RecordKind
from console.model.clock import from_iso, iso
from console.store.checkpoints import signed_note
from console.store.schema import about, audit, checkpoints
from console.store.signing import SigningKey
from console.store.tree import Frontier

EVERY = 50
"""Records after which a checkpoint is signed in any case."""
EVERY_S = 60
"""Seconds after which one is signed in any case."""

_AT_ONCE = 5000
_UNSIGNED_EVERY = 1000
_KEPT = "frontier"
_ABOUT = select(about.c.key, about.c.value).where((about.c.key == "log") | (about.c.key == _KEPT))
_BEGIN_ACTIONS = frozenset({RecordKind.INTENT, RecordKind.PLAN, RecordKind.VERDICT})


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands beside the records: the log's id, the tree's edge as far as it was brought, and when it was last signed."""

    log_id: str
    edge: Frontier
    signed_at: datetime | None


def kept(conn: Connection) -> Kept:
    """Read it; an edge that cannot be read is begun anew, since everything that follows from it is verified."""
    rows = conn.execute(_ABOUT)
    values = {str(row.key): str(row.value) for row in rows}
    try:
        held = json.loads(values.get(_KEPT, ""))
        edge = Frontier(held["size"], [bytes.fromhex(peak) for peak in held["peaks"]])
        return Kept(values["log"], edge, from_iso(held["at"]) if held["at"] else None)
    except (ValueError, TypeError, KeyError):
        return Kept(values["log"], Frontier(), None)


def note_record(conn: Connection, before: Kept, record: Record, key: SigningKey | None) -> None:
    """Sign a checkpoint when the record that was just appended ends an action, or the last one is too far behind."""
    head, kind, at = record.seq, record.entry.kind, record.entry.at
    behind = head - before.edge.size
    if key is None:
        if behind >= _UNSIGNED_EVERY:
            _advance(conn, before, head, None, at)
        return
    late = before.signed_at is None or at - before.signed_at >= timedelta(seconds=EVERY_S)
    if kind not in _BEGIN_ACTIONS or behind >= EVERY or late:
        _advance(conn, before, head, key, at)


def sign_tail(conn: Connection, at: datetime, key: SigningKey | None) -> None:
    """Sign a checkpoint over records that none covers yet, in the transaction that is open."""
    before = kept(conn)
    head = conn.execute(select(audit.c.seq).order_by(audit.c.seq.desc()).limit(1)).scalar()
    covered = conn.execute(select(checkpoints.c.size).order_by(checkpoints.c.size.desc()).limit(1)).scalar()
    if head is not None and key is not None and head > (covered or 0):
        _advance(conn, before, int(head), key, at)


def _advance(conn: Connection, before: Kept, head: int, key: SigningKey | None, at: datetime) -> None:
    """Bring the edge to the head, in portions when there is much to catch up with, and sign it when it is there."""
    edge = before.edge if before.edge.size <= head else Frontier()
    upto = min(head, edge.size + _AT_ONCE)
    hashes = conn.execute(select(audit.c.hash).where(audit.c.seq > edge.size, audit.c.seq <= upto).order_by(audit.c.seq)).scalars()
    edge.extend([bytes.fromhex(digest) for digest in hashes])
    signed = key is not None and edge.size == head
    signed_at = at if signed else before.signed_at
    value = {"size": edge.size, "peaks": [peak.hex() for peak in edge.peaks], "at": "" if signed_at is None else iso(signed_at)}
    conn.execute(delete(about).where(about.c.key == _KEPT))
    conn.execute(insert(about), {"key": _KEPT, "value": json.dumps(value, separators=(",", ":"))})
    if key is not None and signed:
        root = edge.root()
        note = signed_note(before.log_id, edge.size, root, key)
        row = {"size": edge.size, "root": root.hex(), "at": iso(at), "key": key.id, "note": note}
        conn.execute(insert(checkpoints), row)
