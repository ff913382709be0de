"""The emergency journal: a reserved file that takes what the database can't, written and synced in place."""

import json
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.store import posix

SIZE = 1024 * 1024
SLOT = 512
"""Records begin at multiples of this, so that one damaged record hides none of the others."""

_MAGIC = b"RCEJ"
_HEAD = struct.Struct(">4sII")
_ZEROS = bytes(128 * SLOT)
"""What an empty journal begins with; looking no further is enough, and cheap enough to do before each transaction."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a read of the journal gives: whole records in order, and how many places hold something torn."""

    records: tuple[Mapping[str, Any], ...]
    torn: int


class EmergencyJournal:
    """The file in the data folder. Everything raises OSError when the file cannot be used; BlockingIOError when another process has it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.RLock()

    def reserve(self) -> None:
        """Reserve the file's space at the first start; a file that is there and whole stays as it is."""
        with self._guard:
            if self._path.exists() and self._path.stat().st_size >= SIZE:
                return
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            try:
                posix.allocate(descriptor, SIZE)
            finally:
                os.close(descriptor)
            posix.protect(self._path)

    @property
    def empty(self) -> bool:
        """Tell whether nothing waits in it, without a lock; a missing or unreadable file is empty."""
        try:
            with self._path.open("rb", buffering=0) as file:
                return file.read(len(_ZEROS)) == _ZEROS
        except OSError:
            return True

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record in place; it is on the disk when this returns."""
        payload = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        head = _HEAD.pack(_MAGIC, len(payload), _check(payload))
        with self._opened() as descriptor:
            place = _end(_content(descriptor))
            if place + len(head) + len(payload) > SIZE:
                raise OSError(28, "the emergency journal is full")
            _write(descriptor, place, head + payload)

    def read(self) -> Found:
        """Return what waits in it."""
        with self._opened() as descriptor:
            return _parse(_content(descriptor))

    @contextmanager
    def draining(self) -> Iterator[Found]:
        """Give what waits in it and empty it when the block ends well; nobody writes meanwhile."""
        with self._opened() as descriptor:
            content = _content(descriptor)
            yield _parse(content)
            _write(descriptor, 0, bytes(_end(content)))

    @contextmanager
    def _opened(self) -> Iterator[int]:
        with self._guard:
            descriptor = os.open(self._path, os.O_RDWR | getattr(os, "O_BINARY", 0))
            try:
                with posix.locked(descriptor) as mine:
                    if not mine:
                        raise BlockingIOError(f"{self._path.name} is in use by another process")
                    yield descriptor
            finally:
                os.close(descriptor)


def _check(payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(len(payload).to_bytes(4, "big")))


def _content(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    parts = []
    while part := os.read(descriptor, SIZE):
        parts.append(part)
    return b"".join(parts)[:SIZE]


def _write(descriptor: int, place: int, content: bytes) -> None:
    os.lseek(descriptor, place, os.SEEK_SET)
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
    posix.sync(descriptor)


def _slots(length: int) -> int:
    return -(-length // SLOT) * SLOT


def _end(content: bytes) -> int:
    """Return the first slot behind everything that was ever written."""
    return _slots(len(content.rstrip(b"\0")))


def _parse(content: bytes) -> Found:
    records: list[Mapping[str, Any]] = []
    torn = place = 0
    whole = True
    end = _end(content)
    while place < end:
        record, length = _record(content, place)
        if record is not None:
            records.append(record)
        elif whole:
            torn += 1
        whole = record is not None
        place += length
    return Found(tuple(records), torn)


def _record(content: bytes, place: int) -> tuple[Mapping[str, Any] | None, int]:
    """Return the record in a slot and the length of its slots; None and one slot when there is no whole record."""
    if content[place : place + len(_MAGIC)] != _MAGIC:
        return None, SLOT
    _, length, check = _HEAD.unpack_from(content, place)
    payload = content[place + _HEAD.size : place + _HEAD.size + length]
    record = _parsed(payload) if len(payload) == length and _check(payload) == check else None
    return record, SLOT if record is None else _slots(_HEAD.size + length)


def _parsed(payload: bytes) -> Mapping[str, Any] | None:
    try:
        record = json.loads(payload)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
