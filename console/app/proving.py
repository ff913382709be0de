"""Proves one audit record: its signature, and its place in the newest checkpoint of the log (RFC 9162)."""

import asyncio
from datetime import timedelta

from console.model.audit import AuditFilter, ExportHead, Record
from console.model.proved import Proved
from console.model.stores import Store


async def prove(store: Store, record: Record) -> Proved:
    """Return what holds of a record, as the records stand now. Raises StoreError when they cannot be read."""
    at = record.entry.at
    near = AuditFilter(kinds=frozenset({record.entry.kind}), since=at - timedelta(seconds=1), until=at + timedelta(seconds=1))
    head = await store.audit.export_head(near)

    def look() -> Proved:
        parts = (part for part in store.audit.parts(near, head) if isinstance(part, Record) and part.seq == record.seq)
        return _judged(record, next(parts, record), head)

    return await asyncio.to_thread(look)


def _judged(record: Record, found: Record, head: ExportHead) -> Proved:
    from console.store.checkpoints import read_note, signer_of  # noqa: PLC0415
    from console.store.signing import Checker  # noqa: PLC0415
    from console.store.tree import includes  # noqa: PLC0415

    keys = {key.id: key for key in head.keys}
    checker = Checker(keys)
    label = keys[record.key].label if record.key in keys else record.key[:8]
    signed = bool(record.signature) and checker.holds(record.key, record.body, record.signature)
    if not head.newest:
        return Proved(record.seq, label, signed)
    note = read_note(head.newest)
    try:
        signer = keys[signer_of(note, keys, checker)].label
    except ValueError:
        signer = ""
    proof = [bytes.fromhex(step) for step in found.proof]
    included = record.seq <= note.size and includes(bytes.fromhex(record.hash), record.seq - 1, note.size, proof, note.root)
    return Proved(record.seq, label, signed, note.size, note.root.hex(), signer, len(proof), included)
