"""The Merkle tree over the records' hashes (RFC 9162, section 2.1): its root as it grows, and proofs of what belongs to it."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

CHUNK = 256
"""Leaves that are read at once when proofs are made."""

EMPTY = sha256(b"").digest()
Leaves = Callable[[int, int], Sequence[bytes]]
"""Returns the entries with index from `low` up to, not including, `high`."""


def leaf(entry: bytes) -> bytes:
    """Return the hash of a leaf. An entry is the SHA-256 of a record's body, 32 bytes."""
    return sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: by level, the root of the full subtree that waits for its neighbour. Appending costs O(log n)."""

    __slots__ = ("_waiting", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Begin empty, or where `size` and `peaks` were kept. Raises ValueError when the two do not fit together."""
        kept = list(peaks)
        if size < 0 or size.bit_count() != len(kept) or any(len(peak) != len(EMPTY) for peak in kept):
            raise ValueError(f"{len(kept)} peaks do not make a tree of {size} records")
        self.size = size
        self._waiting: list[bytes | None] = [kept.pop() if size >> level & 1 else None for level in range(size.bit_length())]

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Return what has to be kept to go on later, the largest subtree first."""
        return tuple(peak for peak in reversed(self._waiting) if peak is not None)

    def extend(self, entries: Sequence[bytes]) -> None:
        """Append entries, level by level, so that many at once are cheap."""
        self.size += len(entries)
        row = [sha256(b"\0" + entry).digest() for entry in entries]
        level = 0
        while row:
            if level == len(self._waiting):
                self._waiting.append(None)
            before = self._waiting[level]
            if before is not None:
                row.insert(0, before)
            self._waiting[level] = row.pop() if len(row) % 2 else None
            row = [sha256(b"\1" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=True)]
            level += 1

    def root(self) -> bytes:
        """Return the root of the tree as it stands."""
        root = b""
        for peak in self._waiting:
            if peak is not None:
                root = node(peak, root) if root else peak
        return root or EMPTY


class Tree:
    """A tree of `size` entries that are fetched as needed; of what was fetched only the roots of chunks are kept.

    `fetch` may be changed to another way to the same entries.
    """

    def __init__(self, fetch: Leaves, size: int) -> None:
        self.size = size
        self.fetch = fetch
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` entries."""
        return self._hash(0, self.size if size is None else size)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the entry with this index (from 0) belongs to the tree of `size` (RFC 9162, section 2.1.3.1)."""
        size = self.size if size is None else size
        if not 0 <= index < size <= self.size:
            raise ValueError(f"there is no entry {index} in a tree of {size}")
        return self._path(index, 0, size)

    def consistency(self, before: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the tree of `before` is the beginning of the tree of `size` (RFC 9162, section 2.1.4.1)."""
        size = self.size if size is None else size
        if not 0 < before <= size <= self.size:
            raise ValueError(f"a tree of {size} has no beginning of {before}")
        return [] if before == size else self._beginning(before, 0, size, whole=True)

    def _path(self, index: int, low: int, high: int) -> list[bytes]:
        if high - low == 1:
            return []
        middle = low + _split(high - low)
        if index < middle:
            return [*self._path(index, low, middle), self._hash(middle, high)]
        return [*self._path(index, middle, high), self._hash(low, middle)]

    def _beginning(self, before: int, low: int, high: int, *, whole: bool) -> list[bytes]:
        if before == high:
            return [] if whole else [self._hash(low, high)]
        middle = low + _split(high - low)
        if before <= middle:
            return [*self._beginning(before, low, middle, whole=whole), self._hash(middle, high)]
        return [*self._beginning(before, middle, high, whole=False), self._hash(low, middle)]

    def _hash(self, low: int, high: int) -> bytes:
        if (low, high) in self._known:
            return self._known[low, high]
        if high - low <= CHUNK:
            edge = Frontier()
            edge.extend(self.fetch(low, high))
            found = edge.root()
        else:
            middle = low + _split(high - low)
            found = node(self._hash(low, middle), self._hash(middle, high))
        if high - low >= CHUNK:
            self._known[low, high] = found
        return found


def _split(count: int) -> int:
    """Return the largest power of two below a count of at least two."""
    return 1 << (count - 1).bit_length() - 1


def includes(entry: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Check an inclusion proof (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last, found = index, size - 1, leaf(entry)
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = node(sibling, found)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            found = node(found, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and found == root


def consistent(before: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """Check a consistency proof (RFC 9162, section 2.1.4.2)."""
    if not 0 < before <= size:
        return False
    if before == size:
        return not proof and old_root == root
    path = list(proof) if before & (before - 1) else [old_root, *proof]
    if not path:
        return False
    here, last = before - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node(sibling, old), node(sibling, new)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new = node(new, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and old == old_root and new == root
