"""The team's database: transactions in turn under one lock of the server, and deadlines, so that a server that hangs holds nobody up."""

import asyncio
import logging
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from console.model.clock import Clock
from console.model.errors import CannotRecord, ConsoleError, SecretsUnavailable, StoreError
from console.store.database import URGENT, Database, Job, Merge, Move, Patience
from console.store.postgres import words
from console.store.postgres.connecting import CHANNEL, TO_READ, TO_WRITE, Door, check_version, within
from console.store.postgres.follower import Follower, raw_of
from console.store.postgres.mirror import Mirror
from console.store.schema import about

T = TypeVar("T")
_log = logging.getLogger(__name__)

TURN = 32199663576773477
"""The advisory lock that every writer takes first, so that the chain of records cannot fork; rules.sql names it too."""
READ_S, LONG_S = 1.0, 600.0
"""How long a read may take: of state, which the mirror has too, and of the audit, which it has not."""
_SLICE_S = 0.1
_GAP_S = 0.05
_TURN = text(f"SELECT pg_advisory_xact_lock({TURN})")
_NOT_HAD = (psycopg.Error, OSError, SecretsUnavailable)
"""What comes from the driver itself, this computer or its keyring where a connection is made or looked at; TimeoutError is among them."""
_VERSION = select(about.c.value).where(about.c.key == "schema")


class PostgresServer(Database):
    """Records on a server that others write to as well. While it is gone, state is read from the mirror and nothing is written."""

    def __init__(self, door: Door, patience: Patience, merge: Merge, mirror: Mirror, clock: Clock | None = None) -> None:
        super().__init__(patience, merge)
        self.door = door
        self._clock = clock
        self._mirror = mirror
        self._console = secrets.token_hex(8)
        self._writer: Connection | None = None
        self._readers: Engine = door.engine(READ_S, TO_READ, QueuePool)
        self._trouble: CannotRecord | None = None
        self._follower = Follower(self, mirror, self._console)
        self._thread.start()

    def begin(self, patience_s: float) -> None:
        """Connect and begin to follow what others change. Raises CannotRecord when the database is not to be had now."""
        self._follower.start()
        self._follower.wait(patience_s)
        if self._trouble is not None:
            raise _again(self._trouble)

    @property
    def lost(self) -> CannotRecord | None:
        """Why the server is not to be had now, None while it is."""
        return self._trouble

    def _is_lost(self) -> bool:
        return self._trouble is not None

    def lose(self, error: BaseException) -> CannotRecord:
        """Note that the server is gone: from now on nothing waits for it, until the follower has found it again."""
        told = error if isinstance(error, CannotRecord) else words.cannot_record(error, self.door.address)
        if self._trouble is None:
            _log.warning("the team's database is gone: %s", told.message)
        self._trouble = told
        self.failing = True
        self._follower.hurry()
        return told

    def find(self) -> None:
        """Note that the server is back, and write what waits for it."""
        if self._trouble is not None:
            _log.warning("the team's database is back")
            self._readers.dispose()
        self._trouble = None
        with suppress(CannotRecord):
            self.submit(lambda _: None).add_done_callback(_forget)

    def now(self, conn: Connection) -> datetime:
        """Return the instant by the server's clock, or by this computer's while the mirror is read."""
        if self._clock is not None:
            return self._clock.now()
        if conn.dialect.name != "postgresql":
            return datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251
        found: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
        return found.astimezone(UTC)

    @contextmanager
    def _begun(self, rank: int) -> Iterator[Connection]:
        """Hold a transaction in turn; waits in slices, so that urgent jobs can go between."""
        patience = self.patience.of(rank)
        ends = time.monotonic() + patience
        conn = self._connected(patience)
        while not self._has_turn(conn):
            self.waiting = True
            if time.monotonic() > ends:
                self.waiting = False
                raise words.waiting(patience)
            if rank > URGENT:
                self._let_urgent_go()
                conn = self._connected(patience)
        self.waiting = False
        with within(raw_of(conn), patience), _committed(conn):
            check_version(int(conn.execute(_VERSION).scalar_one()))
            yield conn
            conn.execute(select(func.pg_notify(CHANNEL, self._console)))

    def _has_turn(self, conn: Connection) -> bool:
        """Begin a transaction and take the lock in it; False, with no transaction open, when another console keeps it for a slice."""
        with within(raw_of(conn), max(_SLICE_S * 3, self.patience.urgent_s)):
            try:
                conn.exec_driver_sql(f"SET LOCAL lock_timeout = {int(_SLICE_S * 1000)}")
                conn.execute(_TURN)
            except DBAPIError as error:
                if not words.is_waiting(error):
                    raise
                conn.rollback()
                return False
        return True

    def _connected(self, patience_s: float) -> Connection:
        if self._trouble is not None:
            raise _again(self._trouble)
        if self._writer is None:
            self._writer = self.door.engine(patience_s, TO_WRITE).connect()
            self._writer.info["person"] = self.door.address.login
        return self._writer

    def _transact(self, job: Job[T]) -> T:
        try:
            return super()._transact(job)
        except _NOT_HAD as error:
            self._drop()
            raise self.lose(error) from error

    def _in_words(self, error: DBAPIError) -> ConsoleError:
        if words.is_refusal(error):
            return words.refusal(error, self.door.address)
        if not words.is_gone(error):
            return words.cannot_record(error, self.door.address)
        self._drop()
        return self.lose(error)

    def _drop(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            with suppress(DBAPIError, psycopg.Error):
                writer.invalidate()
            with suppress(DBAPIError, psycopg.Error):
                writer.close()

    async def write(self, move: Move[T], *, hook: str = "", urgent: bool = False) -> T:
        """Run one transaction, see `Database.write`. An urgent one is given up when its time is over, whatever the writer waits for."""
        if self.keys is not None:
            await self.keys.settled(urgent=urgent)
        done = self.submit(move, hook=hook, urgent=urgent)
        if not urgent:
            return await asyncio.wrap_future(done)
        try:
            async with asyncio.timeout(self.patience.urgent_s * 1.5):
                return await asyncio.shield(asyncio.wrap_future(done))
        except TimeoutError as error:
            done.cancel()
            done.add_done_callback(_forget)
            raise words.cannot_record(error, self.door.address) from error

    async def read_whole(self, look: Move[T]) -> T:
        """Run a read that may take long, and that the mirror cannot answer. Raises StoreError."""
        return await asyncio.wrap_future(self._look_pool.submit(self._ask, look, LONG_S))

    def look_whole(self, look: Move[T]) -> T:
        """Run such a read in the calling thread. Raises StoreError."""
        return self._ask(look, LONG_S)

    def _look(self, look: Move[T]) -> T:
        if not self._is_lost():
            try:
                return self._ask(look, READ_S)
            except StoreError as error:
                if not self._is_lost():
                    raise
                _log.info("reading the mirror: %s", error.message)
        try:
            return self._mirror.look(look)
        except DBAPIError as error:
            raise words.cannot_read(error, self.door.address) from error

    def _ask(self, look: Move[T], patience_s: float) -> T:
        if self._trouble is not None:
            raise words.cannot_read(self._trouble, self.door.address)
        try:
            with self._readers.connect() as conn, within(raw_of(conn), patience_s):
                return look(conn)
        except (DBAPIError, CannotRecord, *_NOT_HAD) as error:
            if words.is_gone(error):
                self.lose(error)
            raise words.cannot_read(error, self.door.address) from error

    def _version(self) -> int:
        return self._follower.changes << 32 | self.writes & 0xFFFFFFFF

    async def version(self) -> int:
        """Return a number that changes whenever any console commits; known here without asking."""
        return self._version()

    async def changed(self) -> None:
        """Return when another console changed the records; changes in quick succession are told together."""
        await self._follower.changed(_GAP_S)

    def _let_go(self) -> None:
        self._follower.stop()
        self._readers.dispose()
        self._mirror.close()


@contextmanager
def _committed(conn: Connection) -> Iterator[None]:
    """Commit the transaction that is open at the end of a block, and roll it back on any error."""
    try:
        yield
        conn.commit()
    except BaseException:
        with suppress(DBAPIError):
            conn.rollback()
        raise


def _again(told: CannotRecord) -> CannotRecord:
    return CannotRecord(told.message, means=told.means, advice=told.advice)


def _forget(done: "Future[Any]") -> None:
    """Take note of an error that nobody waits for any more; the log has it."""
    if not done.cancelled() and done.exception() is not None:
        _log.info("given up: %s", done.exception())
