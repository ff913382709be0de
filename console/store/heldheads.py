"""Holds the tree over the records against checkpoints and anchors while the records go by."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from console.model.audit import Anchor
from console.store.checkpoints import read_note, signer_of
from console.store.signing import Checker
from console.store.tree import Frontier

DIGEST_BYTES = 6
"""How much of each hash an anchor keeps."""


Notes = Callable[[], str | None]
"""Gives the next stored checkpoint in order of size; None while there is none (yet)."""


class Fault(NamedTuple):
    """What does not hold, from which record on."""

    first_bad: int
    problem: str


class _Head(NamedTuple):
    """A tree head that the records must reach; `source` is "" for a stored checkpoint. One that cannot be read has size 0: told at once."""

    size: int
    root: bytes
    source: str
    problem: str


class Heads:
    """The heads still ahead, in order of size; stored ones are asked for one by one, there may be very many."""

    def __init__(self, log_id: str, notes: Notes, anchors: Sequence[Anchor], checker: Checker) -> None:
        self._log_id = log_id
        self._checker = checker
        self._edge = Frontier()
        self._notes = notes
        self._stored_next: _Head | None = None
        self._outside_next = sorted(map(self._outside, anchors), reverse=True)
        self._digests = [anchor for anchor in anchors if anchor.digests]
        self._last = 0
        self._anchored: list[int] = []
        self.agreed = 0
        """How many stored checkpoints agree with the records."""

    @property
    def root(self) -> bytes:
        """Return the root over the records that went by."""
        return self._edge.root()

    @property
    def anchored(self) -> tuple[int, ...]:
        """Return the sizes of the anchors that agree with the records."""
        return tuple(self._anchored)

    def feed(self, digests: Sequence[bytes]) -> Fault | None:
        """Take in the hashes of the next records; return what heads contradict, None when nothing does.

        The change lies between the last head that agreed and the one that did not; an anchor with digests names the record.
        """
        begun, used = self._edge.size, 0
        fault = self._rewritten(digests, begun)
        good = len(digests) if fault is None else fault.first_bad - begun - 1
        while (head := self._next()) is not None and head.size <= begun + good:
            upto = max(used, head.size - begun)
            self._edge.extend(digests[used:upto])
            used = upto
            wrong = self._contradiction(head)
            if wrong is not None:
                return wrong
            self._pass(head)
        self._edge.extend(digests[used:good])
        return fault

    def lost(self, size: int, *, compared: bool = True) -> Fault | None:
        """Return the first record that a head has and the log of this size lacks; None when it lacks none.

        `compared` False: the records were not fed here, so that only sizes are known.
        """
        head = self._next()
        if head is None or (not compared and head.size <= size and not head.problem):
            return None
        wrong = self._contradiction(head) if head.problem else None
        return wrong or Fault(size + 1, f"missing: the records after {size} were cut off; {_named(head)} has {head.size}")

    def _next(self) -> _Head | None:
        """Return the nearest head that is not passed yet."""
        if self._stored_next is None:
            note = self._notes()
            self._stored_next = None if note is None else self._stored(note)
        outside = self._outside_next[-1] if self._outside_next else None
        stored = self._stored_next
        if stored is None or outside is None:
            return stored or outside
        return min(stored, outside)

    def _pass(self, head: _Head) -> None:
        self._last = head.size
        if head.source:
            self._outside_next.pop()
            self._anchored.append(head.size)
        else:
            self._stored_next = None
            self.agreed += 1

    def _contradiction(self, head: _Head) -> Fault | None:
        since = self._last + 1
        if head.problem:
            return Fault(since, f"forged: {_named(head)} after record {self._last} cannot be trusted: {head.problem}")
        if head.root == self._edge.root():
            return None
        words = f"rewritten: records {since} to {head.size} are not those of {_named(head)}; the first change is at or after {since}"
        return Fault(since, words)

    def _rewritten(self, digests: Sequence[bytes], begun: int) -> Fault | None:
        """Return the first record that differs from an anchor's digest."""
        found: list[Fault] = []
        for anchor in self._digests:
            for index in range(max(0, anchor.start - begun), len(digests)):
                place = (begun + index - anchor.start) * DIGEST_BYTES
                kept = anchor.digests[place : place + DIGEST_BYTES]
                if len(kept) < DIGEST_BYTES:
                    break
                if kept != digests[index][:DIGEST_BYTES]:
                    seq = begun + index + 1
                    found.append(Fault(seq, f"rewritten: record {seq} is not the one that was anchored in {anchor.source}"))
                    break
        return min(found, default=None)

    def _stored(self, note: str) -> _Head:
        return self._head(note, "")

    def _outside(self, anchor: Anchor) -> _Head:
        """Return the head of an anchor; its place outside speaks for it, so that it needs no signature."""
        return self._head(anchor.note, anchor.source)

    def _head(self, note: str, source: str) -> _Head:
        try:
            head = read_note(note)
        except ValueError as error:
            return _Head(0, b"", source, str(error))
        if head.log_id != self._log_id:
            return _Head(head.size, b"", source, f"it belongs to another log ({head.log_id[:40]})")
        try:
            if not source:
                signer_of(head, self._checker.keys, self._checker)
        except ValueError as error:
            return _Head(head.size, b"", source, str(error))
        return _Head(head.size, head.root, source, "")


def _named(head: _Head) -> str:
    return f"the anchor in {head.source}" if head.source else "a signed checkpoint"
