"""The audit's verifier: it needs no database, only rows in order and what stands beside them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import islice
from operator import itemgetter
from typing import Any

from console.model.audit import Anchor, AuditKey, VerifyReport
from console.store.blame import Place, Unlinked, blame, holds
from console.store.heldheads import Fault, Heads, Notes
from console.store.projections import Replay
from console.store.sealing import FIRST_PREV, FORMAT, Row, entry_of, plain, prev_of, seal
from console.store.signing import SIGNATURE_BYTES, Checker

__all__ = ["FIRST_PREV", "Beside", "Row", "entry_of", "no_notes", "plain", "prev_of", "seal", "verify_rows"]

Progress = Callable[[int, int], bool]
"""Told how many of how many records were checked; False cancels."""

_BLOCK = 1000
_SEQ, _KIND, _STEP, _HASH, _BODY, _KEY, _SIGNATURE = (
    Row._fields.index(name) for name in ("seq", "kind", "step", "hash", "body", "key", "signature")
)
_key_of = itemgetter(_KEY)


def no_notes() -> str | None:
    """Give no stored checkpoint."""
    return None


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the records and is held against them.

    `notes` gives stored checkpoints in the order of their sizes. `signatures` False leaves out signatures, and without anchors the tree
    too: enough for a quick look, not enough to name a forger. `rows` are the tables that must follow from the records, None where they are
    not at hand.
    """

    keys: Mapping[str, AuditKey] = field(default_factory=dict)
    notes: Notes = no_notes
    anchors: Sequence[Anchor] = ()
    signatures: bool = True
    rows: Mapping[str, Sequence[Mapping[str, Any]]] | None = None


class Walk:
    """How far a verification has come, and what it saw on the way."""

    def __init__(self, log_id: str, beside: Beside) -> None:
        self.place = Place(log_id)
        self.beside = beside
        self.checker = Checker(dict(beside.keys))
        self.heads = Heads(log_id, beside.notes, beside.anchors, self.checker)
        self.grows = beside.signatures or bool(beside.anchors)
        self.replay = Replay()
        self.checked = 0
        self.signed: Counter[str] = Counter()
        self.sure = False
        self.open_steps: dict[str, None] = {}

    def report(self, fault: Fault | None) -> VerifyReport:
        """Return what was found so far."""
        labels = {key: self.beside.keys[key].label if key in self.beside.keys else key[:8] for key in self.signed if key}
        anchored = self.heads.anchored
        return VerifyReport(
            log_id=self.place.log_id,
            size=self.checked,
            head=self.place.prev if self.checked else "",
            bodies_checked=self.checked,
            first_bad=None if fault is None else fault.first_bad,
            problem="" if fault is None else str(fault.problem),
            open_intents=tuple(self.open_steps),
            unsigned=self.signed[""],
            root=self.heads.root.hex() if self.grows else "",
            signatures={label: self.signed[key] for key, label in labels.items()} if self.beside.signatures else {},
            checkpoints=self.heads.agreed,
            anchors=len(anchored),
            unanchored=self.place.seq - max(anchored, default=0) if self.beside.anchors else None,
        )


def verify_rows(
    rows: Iterable[tuple[Any, ...]], log_id: str, size: int, progress: Progress | None = None, beside: Beside | None = None
) -> VerifyReport:
    """Check rows (the fields of Row) in order of their numbers, and all that stands beside them.

    Each body is held against its hash, its place, its log, its indexed copies, the record before it and its signature; the tree over all of
    them against each checkpoint and anchor; the tables that follow from them against what they tell. The first record that does not hold is
    named. `size` is only told to `progress`, every 1,000 records; when that returns False the report says "cancelled" and how far it came.
    """
    walk = Walk(log_id, beside or Beside())
    stream = iter(rows)
    while block := list(islice(stream, _BLOCK)):
        fault = _check(walk, block, stream)
        if fault is not None:
            return walk.report(fault)
        if len(block) == _BLOCK and progress is not None and not progress(walk.checked, size):
            return replace(walk.report(None), problem="cancelled")
    if progress is not None:
        progress(walk.checked, max(size, walk.checked))
    return walk.report(_at_the_end(walk))


def _check(walk: Walk, block: Sequence[tuple[Any, ...]], beyond: Iterable[tuple[Any, ...]]) -> Fault | None:
    """Check the next rows: links first, then signatures, then heads; what holds is taken in."""
    digests = _links(block, walk.place)
    good = len(digests)
    fault = _signatures(walk, block[:good]) if walk.beside.signatures else None
    if fault is not None:
        good = fault.first_bad - walk.place.seq - 1
    contradicted = walk.heads.feed(digests[:good]) if walk.grows else None
    if contradicted is not None:
        fault = contradicted
        good = min(good, max(0, fault.first_bad - walk.place.seq - 1))
    take_in(walk, block[:good])
    if fault is None and good < len(block):
        following = block[good + 1] if good + 1 < len(block) else next(iter(beyond), None)
        return blamed(walk, block[good], following)
    return fault


def _links(block: Sequence[tuple[Any, ...]], place: Place) -> list[bytes]:
    """Return the hashes of the rows of a block that hold in their places upon each other, up to the first that does not.

    A canonical body has its keys in order, so that the indexed copies stand in one known run at its end; comparing that costs a third of
    parsing the body. Texts with signs that JSON escapes fail here and are looked at closely. A million records go through this loop.
    """
    digests: list[bytes] = []
    claimed: list[str] = []
    seq, prev, log = place.seq, place.prev, place.log_id
    try:
        for number, kind, actor, at, target, rollout, step, digest, body, signed, key, signature in block:
            seq += 1
            end = (
                f'}},"actor":"{actor}","at":"{at}","key":"{key}","kind":"{kind}","log":"{log}","prev":"{prev}",'
                f'"rollout":"{rollout}","seq":{seq},"step":"{step}","target":"{target}","v":{FORMAT}}}'
            )
            if number != seq or not body.endswith(end.encode()):
                row = Row(number, kind, actor, at, target, rollout, step, digest, body, signed, key, signature)
                if not holds(row, Place(log, seq - 1, prev)):
                    break
            if not (key and signed == 1 and signature is not None if signed else key == "" and signature is None):
                break
            digests.append(sha256(body).digest())
            claimed.append(digest)
            prev = digest
        return digests if b"".join(digests).hex() == "".join(claimed) else digests[: _agreeing(digests, claimed)]
    except (TypeError, AttributeError, UnicodeEncodeError, ValueError):
        return digests[: _agreeing(digests, claimed)]  # what is wrong with the row after the last good one is told later


def _agreeing(digests: Sequence[bytes], claimed: Sequence[Any]) -> int:
    """Return how many hashes are those that the rows claim, up to the first that is not."""
    pairs = enumerate(zip(digests, claimed, strict=False))
    return next((index for index, (found, said) in pairs if found.hex() != said), min(len(digests), len(claimed)))


def _signatures(walk: Walk, block: Sequence[tuple[Any, ...]]) -> Fault | None:
    """Return the first row whose signature is not what it says."""
    for row in block:
        if row[_KEY] and not signature_holds(row, walk.checker):
            return Fault(row[_SEQ], unsigned_words(row[_KEY], walk.beside.keys))
    return None


def signature_holds(row: tuple[Any, ...], checker: Checker) -> bool:
    """Tell whether the signature of a row is one by its key over its body."""
    signature = row[_SIGNATURE]
    return isinstance(signature, bytes) and len(signature) == SIGNATURE_BYTES and checker.holds(row[_KEY], row[_BODY], signature)


def unsigned_words(key: Any, keys: Mapping[str, AuditKey]) -> str:
    """Return what is wrong with a signature that does not hold."""
    if key not in keys:
        return f"forged: it says that the key {str(key)[:40]} signed it, which these records do not know"
    return f"forged: the signature is not one by {keys[key].label} over this body"


def take_in(walk: Walk, block: Sequence[tuple[Any, ...]]) -> None:
    """Note what good rows tell."""
    if not block:
        return
    for row in block:
        if row[_STEP]:
            if row[_KIND] == "intent":
                walk.open_steps[row[_STEP]] = None
            elif row[_KIND] == "outcome":
                walk.open_steps.pop(row[_STEP], None)
        elif row[_KIND] == "freeze":
            walk.replay.feed(row[_SEQ], row[_BODY])
    last = block[-1]
    walk.place.seq, walk.place.prev = last[_SEQ], last[_HASH]
    walk.sure = bool(last[_KEY]) and walk.beside.signatures
    walk.checked += len(block)
    walk.signed.update(map(_key_of, block))


def blamed(walk: Walk, row: tuple[Any, ...], following: tuple[Any, ...] | None) -> Fault:
    """Return what is wrong with a row; of two that do not fit together it is the second when the first one's signature holds."""
    first_bad, problem = blame(walk.place, Row._make(row), None if following is None else Row._make(following))
    if isinstance(problem, Unlinked) and walk.sure:
        first_bad = walk.place.seq + 1
    return Fault(first_bad, problem)


def _at_the_end(walk: Walk) -> Fault | None:
    """Return what only the whole shows: what was cut off, and rows that do not follow from the records."""
    lost = walk.heads.lost(walk.place.seq, compared=walk.grows)
    if lost is not None or walk.beside.rows is None:
        return lost
    wrong = walk.replay.differs(walk.beside.rows, walk.place.seq)
    return None if wrong is None else Fault(*wrong)
