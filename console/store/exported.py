"""Verifies an export without a database: its records, signatures, checkpoints, and proofs where records were left out."""

import base64
import binascii
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain as joined
from typing import Any

from console.model.audit import Anchor, AuditKey, VerifyReport
from console.store.blame import holds
from console.store.chain import Beside, Progress, Walk, blamed, signature_holds, take_in, unsigned_words, verify_rows
from console.store.checkpoints import Checkpoint, read_note, signer_of
from console.store.heldheads import Fault
from console.store.sealing import COPIES, Row, prev_of
from console.store.signing import Checker
from console.store.tree import includes

_TOLD_EVERY = 1000


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line of an export; exports of format 1 have none."""

    keys: Mapping[str, AuditKey]
    newest: str = ""
    partial: bool = False


class _Torn(Exception):
    """A line of an export that is not a record."""

    def __init__(self, number: int) -> None:
        super().__init__(f"edited: line {number} is not a record")


class _Lines:
    """The records of an export, with the checkpoints that stand between them put aside for whoever asks."""

    def __init__(self, lines: Iterable[str | bytes]) -> None:
        numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        first = next(numbered, None)
        found = None if first is None else _head_of(first[1])
        self.head = found or _Head({})
        self._lines = numbered if first is None or found is not None else joined([first], numbered)
        self._notes: deque[str] = deque()
        self.proofs: dict[int, tuple[str, ...]] = {}
        self.torn = ""

    def next_note(self) -> str | None:
        """Return the next checkpoint that was read."""
        return self._notes.popleft() if self._notes else None

    def rows(self) -> Iterator[Row]:
        """Yield records up to the end, or to the first line that is none; `torn` then says which."""
        last = 0
        for number, line in self._lines:
            try:
                held = json.loads(line)
                if isinstance(held.get("checkpoint"), str):
                    self._put_aside(held["checkpoint"], last)
                    continue
                row = _row_of(held)
                proof = held.get("proof")
                self.proofs = {row.seq: tuple(map(str, proof))} if isinstance(proof, list) else {}
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self.torn = str(_Torn(number))
                return
            yield row
            last = row.seq

    def _put_aside(self, note: str, last: int) -> None:
        """Keep a checkpoint for whoever asks. Raises ValueError when it does not stand behind the last record that it covers."""
        size = last
        with suppress(ValueError):
            size = read_note(note).size
        if size != last and not self.head.partial:
            raise ValueError("a checkpoint stands where it does not belong")
        self._notes.append(note)


def _head_of(line: str | bytes) -> _Head | None:
    try:
        held = json.loads(line)
        if "keys" not in held:
            return None
        keys = [_key_of(one) for one in held["keys"]]
        return _Head({key.id: key for key in keys}, str(held.get("newest", "")), bool(held.get("partial", False)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _key_of(held: Mapping[str, Any]) -> AuditKey:
    return AuditKey(str(held["id"]), bytes.fromhex(held["public"]), str(held["person"]), str(held["place"]), str(held.get("made_at", "")))


def _row_of(held: Mapping[str, Any]) -> Row:
    fields = json.loads(held["body"])
    copies = {"key": "", **{name: fields[name] for name in COPIES if name != "key" or "key" in fields}}
    signature = base64.b64decode(held["signature"], validate=True) if held.get("signature") else None
    copies["seq"] = held.get("seq", fields["seq"])
    if type(copies["seq"]) is not int:
        raise ValueError("its number is no number")
    return Row(**copies, hash=held["hash"], body=held["body"].encode(), signed=int(signature is not None), signature=signature)


def verify_export(
    lines: Iterable[str | bytes], *, partial: bool = False, progress: Progress | None = None, anchors: Sequence[Anchor] = ()
) -> VerifyReport:
    """Check an export in JSON Lines; its first line brings the keys, and a line is a record or a checkpoint.

    `partial` allows the gaps of an export that was narrowed: then links are checked only between neighbours, and each record by its
    signature and its proof that it belongs to the newest checkpoint. A line that cannot be read counts as a bad record in its place.
    """
    read = _Lines(lines)
    rows = read.rows()
    first = next(rows, None)
    log_id = "" if first is None else str(_log_of(first.body))
    newest, problem = _trusted(read.head, log_id)
    if problem:
        return Walk(log_id, Beside()).report(Fault(1, problem))
    stream = rows if first is None else joined([first], rows)
    if partial or read.head.partial:
        return _verify_part(read, stream, log_id, progress, newest)
    report = verify_rows(stream, log_id, 0, progress, Beside(read.head.keys, read.next_note, anchors))
    if read.torn and (report.first_bad is None or report.first_bad > report.size):
        return replace(report, first_bad=report.size + 1, problem=read.torn)
    if newest is not None and report.ok and newest.size > report.size and report.problem != "cancelled":
        words = f"missing: the records after {report.size} were cut off; the newest checkpoint has {newest.size}"
        return replace(report, first_bad=report.size + 1, problem=words)
    return report


def _log_of(body: bytes) -> Any:
    with suppress(ValueError, AttributeError):
        return json.loads(body).get("log", "")
    return ""


def _verify_part(read: _Lines, rows: Iterable[Row], log_id: str, progress: Progress | None, newest: Checkpoint | None) -> VerifyReport:
    walk = Walk(log_id, Beside(read.head.keys))
    for row in rows:
        if isinstance(row.seq, int) and row.seq > walk.place.seq + 1:
            walk.place.seq, walk.place.prev = row.seq - 1, prev_of(row.body)
        fault = _fault(row, walk, read, newest)
        if fault is not None:
            return replace(walk.report(fault), root="" if newest is None else newest.root.hex())
        take_in(walk, [row])
        if progress is not None and walk.checked % _TOLD_EVERY == 0 and not progress(walk.checked, walk.checked):
            return replace(walk.report(None), problem="cancelled")
    fault = Fault(walk.place.seq + 1, read.torn) if read.torn else None
    return replace(walk.report(fault), root="" if newest is None else newest.root.hex(), checkpoints=int(newest is not None))


def _trusted(head: _Head, log_id: str) -> tuple[Checkpoint | None, str]:
    """Return the newest checkpoint that the first line names, or why it cannot be trusted."""
    if not head.newest:
        return None, ""
    try:
        newest = read_note(head.newest)
        signer_of(newest, head.keys, Checker(dict(head.keys)))
    except ValueError as error:
        return None, f"forged: the newest checkpoint cannot be trusted: {error}"
    if newest.log_id != log_id:
        return None, "forged: the newest checkpoint belongs to another log"
    return newest, ""


def _fault(row: Row, walk: Walk, read: _Lines, newest: Checkpoint | None) -> Fault | None:
    """Return what is wrong with a record of a narrowed export."""
    if not holds(row, walk.place):
        return blamed(walk, row, None)
    if row.key and not signature_holds(row, walk.checker):
        return Fault(row.seq, unsigned_words(row.key, read.head.keys))
    if newest is None or row.seq > newest.size:
        return None
    proof = read.proofs.get(row.seq)
    if proof is None:
        return Fault(row.seq, "edited: its proof is missing")
    try:
        hashes = [bytes.fromhex(one) for one in proof]
    except (ValueError, binascii.Error):
        return Fault(row.seq, "edited: its proof is no list of hashes")
    if includes(sha256(row.body).digest(), row.seq - 1, newest.size, hashes, newest.root):
        return None
    return Fault(row.seq, "rewritten: its proof does not lead to the newest checkpoint")
