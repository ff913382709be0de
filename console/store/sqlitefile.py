"""The file of one person's records: SQLite with immediate transactions, and readers beside the writer."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from console.model.clock import Clock
from console.model.errors import ConsoleError, StoreError
from console.store import posix, schema
from console.store.database import READERS, URGENT, Database, Merge, Move, Patience
from console.store.troubles import cannot_read, cannot_record, error_name, is_busy, newer, waiting

T = TypeVar("T")

_log = logging.getLogger(__name__)
_SLICE_MS = 50
_NO_INDEX = ("SQLITE_IOERR_SHM", "SQLITE_CANTOPEN", "SQLITE_FULL")
_BROKEN = ("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CANTOPEN", "SQLITE_READONLY")


class SqliteFile(Database):
    """The records file; several processes may use it."""

    def __init__(self, path: Path, patience: Patience, merge: Merge, clock: Clock) -> None:
        super().__init__(patience, merge)
        self.path = path
        self._clock = clock
        self._writer: Connection | None = None
        self._readers: Engine | None = None
        self._watch: sqlite3.Connection | None = None
        self._watching = threading.Lock()
        self._thread.start()

    def now(self, conn: Connection) -> datetime:  # noqa: ARG002
        """Return the instant by this computer's clock, which all processes on the file share."""
        return self._clock.now()

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
                    _refuse_newer(conn)
                    yield conn
                return
            if rank > URGENT:
                self._let_urgent_go()
        self.waiting = False
        raise waiting(slices * _SLICE_MS / 1000)

    def _slices(self, rank: int) -> int:
        return max(1, round(self.patience.of(rank) * 1000 / _SLICE_MS))

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

    def _in_words(self, error: DBAPIError) -> ConsoleError:
        if error_name(error).startswith(_BROKEN):
            self._drop()
        return cannot_record(error)

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
        engine = create_engine("sqlite://", creator=self._read_only, poolclass=QueuePool, pool_size=READERS + 2)
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

    def _let_go(self) -> None:
        if self._readers is not None:
            self._readers.dispose()
        if self._watch is not None:
            self._watch.close()

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


def _refuse_newer(conn: Connection) -> None:
    """Refuse to write what a newer program has taken over, also while this one has the file open. Raises CannotRecord."""
    found = int(conn.exec_driver_sql("PRAGMA user_version").scalar_one())
    if found > schema.SCHEMA_VERSION:
        raise newer(found, schema.SCHEMA_VERSION)


def _create(conn: Connection) -> None:
    """Create the tables when the file is new; another process may have been faster."""
    if conn.exec_driver_sql("PRAGMA user_version").scalar_one() == schema.SCHEMA_VERSION:
        conn.rollback()
        return
    conn.rollback()
    with conn.begin():
        known = conn.exec_driver_sql("PRAGMA user_version").scalar_one()
        if known == 0:
            schema.create(conn, uuid4().hex)
        elif known < schema.SCHEMA_VERSION:
            schema.upgrade(conn, known)


def _quit(conn: Connection) -> None:
    with suppress(DBAPIError, sqlite3.Error):
        conn.close()
    conn.engine.dispose()
