"""What leaves the database as evidence: the head of an export, proofs, and what to anchor outside."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection, func, insert, select

from console.model.audit import Anchor, ExportHead, Record, SignedHead
from console.model.errors import StoreError
from console.store.checkpoints import read_note, signed_note
from console.store.heads import kept, sign_tail
from console.store.heldheads import DIGEST_BYTES
from console.store.keys import KEYS, Keys, read_keys
from console.store.schema import audit, checkpoints, pins
from console.store.tree import Frontier, Leaves, Tree

_PORTION = 5000


def export_head(conn: Connection, *, partial: bool) -> ExportHead:
    """Return what an export begins with."""
    newest = conn.execute(select(checkpoints.c.note).order_by(checkpoints.c.size.desc()).limit(1)).scalar()
    return ExportHead(kept(conn).log_id, read_keys(conn), str(newest or ""), partial)


def notes_between(conn: Connection, low: int, high: int) -> list[SignedHead]:
    """Return the checkpoints over more than `low` and up to `high` records, in order of size."""
    query = select(checkpoints.c.size, checkpoints.c.note).where(checkpoints.c.size > low, checkpoints.c.size <= high)
    rows = conn.execute(query.order_by(checkpoints.c.size, checkpoints.c.number))
    return [SignedHead(row.size, row.note) for row in rows]


def reach(conn: Connection) -> int:
    """Return how many records the widest checkpoint covers, 0 where there is none."""
    return int(conn.execute(select(func.max(checkpoints.c.size))).scalar() or 0)


def interleaved(records: Sequence[Record], notes: Sequence[SignedHead]) -> Iterator[Record | SignedHead]:
    """Yield records with each checkpoint behind the last record that it covers."""
    waiting = list(reversed(notes))
    for record in records:
        yield record
        while waiting and waiting[-1].size <= record.seq:
            yield waiting.pop()
    yield from reversed(waiting)


def tree_of(conn: Connection, size: int) -> Tree:
    """Return the tree over the first records, read from the database as it is asked."""
    return Tree(_hashes(conn), size)


def _hashes(conn: Connection) -> Leaves:
    def fetch(low: int, high: int) -> list[bytes]:
        hashes = conn.execute(select(audit.c.hash).where(audit.c.seq > low, audit.c.seq <= high).order_by(audit.c.seq)).scalars()
        found = [bytes.fromhex(digest) for digest in hashes]
        if len(found) != high - low:
            raise StoreError(f"Records between {low + 1} and {high} are missing.", advice="Run `audit verify`; it names the first.")
        return found

    return fetch


class Prover:
    """Adds to records the proofs that they belong to an export's newest checkpoint; without one there is nothing to prove."""

    def __init__(self, head: ExportHead) -> None:
        self._size = read_note(head.newest).size if head.newest else 0
        self._tree: Tree | None = None

    def proved(self, conn: Connection, records: Sequence[Record]) -> list[Record]:
        """Return records with their proofs, read on this connection; what was read of the tree is kept for the next ones."""
        if self._tree is None:
            self._tree = tree_of(conn, self._size)
        else:
            self._tree.fetch = _hashes(conn)
        return [self._one(self._tree, record) if record.seq <= self._size else record for record in records]

    @staticmethod
    def _one(tree: Tree, record: Record) -> Record:
        return replace(record, proof=tuple(one.hex() for one in tree.inclusion(record.seq - 1)))


def consistency(conn: Connection, before: int) -> dict[str, object]:
    """Return the proof that the log only grew between the first checkpoint over `before` records or more and the newest one."""
    first = conn.execute(select(checkpoints).where(checkpoints.c.size >= before).order_by(checkpoints.c.size).limit(1)).first()
    newest = conn.execute(select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)).first()
    if first is None or newest is None:
        return {}
    proof = [one.hex() for one in tree_of(conn, newest.size).consistency(first.size)]
    return {"from": {"size": first.size, "note": first.note}, "to": {"size": newest.size, "note": newest.note}, "hashes": proof}


def pin_to(conn: Connection, note: str, by: str, at: str) -> None:
    """Keep a checkpoint of another log, in the transaction that is open. Raises ValueError when it is none."""
    conn.execute(insert(pins), {"log": read_note(note).log_id, "note": note, "by": by, "at": at})


def pins_of(conn: Connection, log_id: str) -> tuple[Anchor, ...]:
    """Return the checkpoints of a log that were pinned here."""
    rows = conn.execute(select(pins).where(pins.c.log == log_id).order_by(pins.c.number))
    return tuple(Anchor(row.note, f"this console, pinned by {row.by} at {row.at}", row.at) for row in rows)


def sign_now(conn: Connection) -> None:
    """Sign a checkpoint over everything, where a key is at hand."""
    keys: Keys | None = conn.info.get(KEYS)
    if keys is not None:
        sign_tail(conn, keys.now(), keys.mine or keys.practice_loaded)


def anchor_of(conn: Connection, start: int) -> Anchor:
    """Return the newest checkpoint over everything, or an unsigned one, with the digests of the records after `start`."""
    log_id, edge, digests, size = kept(conn).log_id, Frontier(), bytearray(), 0
    while rows := conn.execute(select(audit.c.hash, audit.c.at).where(audit.c.seq > size).order_by(audit.c.seq).limit(_PORTION)).all():
        hashes = [bytes.fromhex(row.hash) for row in rows]
        edge.extend(hashes)
        for seq, digest in enumerate(hashes, size + 1):
            if seq > start:
                digests += digest[:DIGEST_BYTES]
        size += len(rows)
    found = conn.execute(select(checkpoints).where(checkpoints.c.size == size).order_by(checkpoints.c.number.desc())).first()
    if found is not None and found.root == edge.root().hex():
        return Anchor(found.note, "", found.at, start, bytes(digests))
    at = str(conn.execute(select(audit.c.at).where(audit.c.seq == size)).scalar() or "")
    return Anchor(signed_note(log_id, size, edge.root(), None), "", at, start, bytes(digests))
