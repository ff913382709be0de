"""The file of our records: one writer thread with immediate transactions, and readers beside it."""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from console.model.errors import CannotRecord, StoreError
from console.model.hooks import reach
from console.store import posix, schema
from console.store.troubles import cannot_read, cannot_record, error_name, is_busy, newer, waiting

T = TypeVar("T")
Move = Callable[[Connection], T]
Merge = Callable[[Connection, ExitStack], None]
"""Moves what waits in the emergency journal into a transaction; what it puts on the stack ends after the commit, or with its error."""

_log = logging.getLogger(__name__)
_URGENT, _USUAL, _LAST = range(3)
_SLICE_MS = 50
_READERS = 3
_NO_INDEX = ("SQLITE_IOERR_SHM", "SQLITE_CANTOPEN", "SQLITE_FULL")
_BROKEN = ("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CANTOPEN", "SQLITE_READONLY")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for another program that is writing: for what may wait, and for what goes back and may not."""

    usual_s: float = 5.0
    urgent_s: float = 0.5


@dataclass(order=True, slots=True)
class _Job(Generic[T]):
    """A transaction that waits for the writer; lower `rank` goes first."""

    rank: int
    number: int
    move: Move[T] = field(compare=False)
    hook: str = field(compare=False, default="")
    done: "Future[T]" = field(compare=False, default_factory=Future)


class Database:
    """The records file. `merge` runs first in every transaction that writes."""

    def __init__(self, path: Path, patience: Patience, merge: Merge) -> None:
        self.path = path
        self._patience = patience
        self._merge = merge
        self._writer: Connection | None = None
        self._readers: Engine | None = None
        self._jobs: queue.PriorityQueue[_Job[Any]] = queue.PriorityQueue()
        self._numbers = count()
        self._closed = False
        self._look_pool = ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader")
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()
        self._watch: sqlite3.Connection | None = None
        self._watching = threading.Lock()
        self.writes = 0
        """Transactions that this process has committed."""
        self.failing = False
        """Whether the last write could not be recorded."""
        self.waiting = False
        """Whether the writer waits for another program right now ("waiting for journal")."""

    async def write(self, move: Move[T], *, hook: str = "", urgent: bool = False) -> T:
        """Run one transaction in the writer thread; durable when it returns. Raises CannotRecord; whatever `move` raises rolls it back.

        `urgent` goes before everything that waits, and gives up early so that the caller can use the emergency journal.
        """
        return await asyncio.wrap_future(self.submit(move, hook=hook, urgent=urgent))

    def submit(self, move: Move[T], *, hook: str = "", urgent: bool = False) -> "Future[T]":
        """Hand a transaction to the writer thread, from any thread. Raises CannotRecord when the store is closed."""
        if self._closed:
            raise CannotRecord("The records are closed.", means="Nothing was written.", advice="Start the console again.")
        job: _Job[T] = _Job(_URGENT if urgent else _USUAL, next(self._numbers), move, hook)
        self._jobs.put(job)
        return job.done

    async def read(self, look: Move[T]) -> T:
        """Run one read in a reader thread, on a snapshot. Raises StoreError."""
        return await asyncio.wrap_future(self._look_pool.submit(self._look, look))

    async def close(self) -> None:
        """Finish what waits, and close the file."""
        if self._closed:
            return
        self._closed = True
        last: _Job[None] = _Job(_LAST, next(self._numbers), lambda _: None)
        self._jobs.put(last)
        await asyncio.wrap_future(last.done)
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._look_pool.shutdown)
        if self._readers is not None:
            self._readers.dispose()
        if self._watch is not None:
            self._watch.close()

    def _work(self) -> None:
        """Do one job after the other until the closing one."""
        while True:
            job = self._jobs.get()
            if job.rank == _LAST:
                self._drop()
                job.done.set_result(None)
                return
            self._do(job)

    def _do(self, job: _Job[Any]) -> None:
        """Run a job; the door of the writer thread, which hands every error to whoever awaits the job."""
        if not job.done.set_running_or_notify_cancel():
            return
        try:
            result = self._transact(job)
        except BaseException as error:  # noqa: BLE001
            self.failing = self.failing or isinstance(error, CannotRecord)
            job.done.set_exception(error)
        else:
            self.failing = False
            job.done.set_result(result)

    def _transact(self, job: _Job[T]) -> T:
        try:
            with ExitStack() as after:
                with self._begun(job.rank) as conn:
                    self._merge(conn, after)
                    result = job.move(conn)
                    if job.hook:
                        reach(f"{job.hook}-before-commit")
                self.writes += 1
                if job.hook:
                    reach(f"{job.hook}-after-commit")
        except DBAPIError as error:
            self._drop_if_broken(error)
            raise cannot_record(error) from error
        return result

    @contextmanager
    def _begun(self, rank: int) -> Iterator[Connection]:
        """Hold an immediate transaction: commits at the end, rolls back on any error.

        It waits in slices, so that urgent jobs can go between.
        """
        slices = self._slices(rank)
        for number in range(1, slices + 1):
            try:
                conn = self._connected()
                transaction = conn.begin()
            except DBAPIError as error:
                if not is_busy(error):
                    raise
                self.waiting = True
                if number == 1:
                    _log.warning("waiting for journal: another program writes to %s", self.path)
            else:
                self.waiting = False
                with transaction:
                    yield conn
                return
            if rank > _URGENT:
                self._let_urgent_go()
        self.waiting = False
        raise waiting(slices * _SLICE_MS / 1000)

    def _slices(self, rank: int) -> int:
        seconds = self._patience.usual_s if rank > _URGENT else self._patience.urgent_s
        return max(1, round(seconds * 1000 / _SLICE_MS))

    def _let_urgent_go(self) -> None:
        """Run the urgent jobs that came while this one waits; no transaction is open here."""
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job.rank > _URGENT:
                self._jobs.put(job)
                return
            self._do(job)

    def _connected(self) -> Connection:
        """Return the writer's connection, made and checked when there is none. Raises CannotRecord, DBAPIError."""
        if self._writer is None:
            conn = self._open()
            try:
                _create(conn)
                posix.protect(self.path)
            except BaseException:
                _quit(conn)
                raise
            self._writer = conn
        return self._writer

    def _open(self) -> Connection:
        engine = create_engine("sqlite://", creator=lambda: _for_writing(self.path), poolclass=NullPool)
        event.listen(engine, "begin", _immediate)
        return engine.connect()

    def _drop_if_broken(self, error: DBAPIError) -> None:
        if error_name(error).startswith(_BROKEN):
            self._drop()

    def _drop(self) -> None:
        """Close the writer's connection; the next job makes a new one."""
        if self._writer is not None:
            _quit(self._writer)
            self._writer = None

    def _look(self, look: Move[T]) -> T:
        if self._readers is None:
            self._readers = self._reader_engine()
        try:
            with self._readers.connect() as conn:
                try:
                    return look(conn)
                finally:
                    with suppress(DBAPIError):
                        conn.rollback()
        except DBAPIError as error:
            if not error_name(error).startswith(_NO_INDEX):
                raise cannot_read(error) from error
            return self._look_past_the_log(look, error)

    def _look_past_the_log(self, look: Move[T], trouble: DBAPIError) -> T:
        """Read the file alone, once: a full disk has no room for the index of the write-ahead log, and a way back must know its target.

        What was committed after the log was last folded in is missing; nothing goes forward on it, for that must be recorded first.
        """
        address = f"{self.path.absolute().as_uri()}?immutable=1"
        alone = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False), poolclass=NullPool)
        try:
            with alone.connect() as conn:
                return look(conn)
        except DBAPIError:
            raise cannot_read(trouble) from trouble

    def _reader_engine(self) -> Engine:
        engine = create_engine("sqlite://", creator=self._read_only, poolclass=QueuePool, pool_size=_READERS + 2)
        event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN"))
        return engine

    def _read_only(self) -> sqlite3.Connection:
        if not self.path.exists():
            raise StoreError(
                f"There is no records file at {self.path}.",
                means="Nothing can be shown.",
                advice="Check the disk's free space and the data folder; then try again.",
            )
        raw = _raw(self.path, 2000)
        raw.execute("PRAGMA query_only = ON")
        return raw

    async def version(self) -> int:
        """Return a number that changes whenever any process commits; 0 while there is no file."""
        return await asyncio.wrap_future(self._look_pool.submit(self._version))

    def _version(self) -> int:
        try:
            with self._watching:
                if self._watch is None:
                    self._watch = self._read_only()
                changes = int(self._watch.execute("PRAGMA data_version").fetchone()[0])
        except (sqlite3.Error, StoreError):
            return 0
        return changes << 32 | self.writes & 0xFFFFFFFF


def _raw(path: Path, busy_ms: int) -> sqlite3.Connection:
    raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=busy_ms / 1000)
    for pragma in ("synchronous = FULL", "fullfsync = ON", "trusted_schema = OFF"):
        raw.execute(f"PRAGMA {pragma}")
    return raw


def _for_writing(path: Path) -> sqlite3.Connection:
    """Open the file for the writer, and refuse one of a newer program. Raises sqlite3.Error, CannotRecord."""
    raw = _raw(path, _SLICE_MS)
    try:
        known = int(raw.execute("PRAGMA user_version").fetchone()[0])
        if known > schema.SCHEMA_VERSION:
            raise newer(known, schema.SCHEMA_VERSION)
        raw.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        raw.close()
        raise
    return raw


def _immediate(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE")


def _create(conn: Connection) -> None:
    """Create the tables when the file is new; another process may have been faster."""
    if conn.exec_driver_sql("PRAGMA user_version").scalar_one() == schema.SCHEMA_VERSION:
        conn.rollback()
        return
    conn.rollback()
    with conn.begin():
        if conn.exec_driver_sql("PRAGMA user_version").scalar_one() == 0:
            schema.create(conn, uuid4().hex)


def _quit(conn: Connection) -> None:
    with suppress(DBAPIError, sqlite3.Error):
        conn.close()
    conn.engine.dispose()
