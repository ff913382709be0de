"""Follows the team's database: hears of every commit at once, keeps the mirror fresh, and finds the server again when it was gone."""

import asyncio
import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from console.model.errors import ConsoleError
from console.store.postgres.connecting import CHANNEL, TO_READ, within
from console.store.postgres.mirror import Mirror

if TYPE_CHECKING:
    from console.store.postgres.server import PostgresServer

_log = logging.getLogger(__name__)
_PULSE_S = 0.5
_ALIVE_S = 1.0
_AGAIN_S = 1.0
_CONNECT_S = 3.0
_MIRROR_S = 0.5
_GONE = (DBAPIError, psycopg.Error, TimeoutError, ConsoleError, OSError)


def raw_of(conn: Connection) -> "psycopg.Connection[tuple[Any, ...]]":
    """Return the driver's own connection."""
    raw = conn.connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError("this is no connection to PostgreSQL")
    return raw


class Follower:
    """A thread with a connection of its own."""

    def __init__(self, server: "PostgresServer", mirror: Mirror, console: str) -> None:
        self._server, self._mirror, self._console = server, mirror, console
        self._thread = threading.Thread(target=self._run, name="store-follower", daemon=True)
        self._ended = False
        self._first = threading.Event()
        self._hurry = threading.Event()
        self._guard = threading.Lock()
        self._waiters: set[asyncio.Future[None]] = set()
        self.changes = 0
        """Commits heard of, by any console."""
        self._others = self._seen = 0
        self._copied_at = float("-inf")
        self._woken_at = float("-inf")

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def wait(self, patience_s: float) -> None:
        """Wait until the server was reached or was found gone; a server that does neither in time is gone."""
        if not self._first.wait(patience_s):
            self._server.lose(TimeoutError(f"no answer within {patience_s:g} s"))

    def hurry(self) -> None:
        """Look at once whether the server is still there."""
        self._hurry.set()

    def stop(self) -> None:
        """Stop following; not waited for, for its server may hang."""
        self._ended = True
        self._hurry.set()
        self._thread.join(2 * _PULSE_S)

    async def changed(self, gap_s: float) -> None:
        """Return when another console committed since the last return, at least `gap_s` after it."""
        await asyncio.sleep(max(0.0, self._woken_at + gap_s - time.monotonic()))
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._guard:
            if self._others == self._seen:
                self._waiters.add(waiter)
            else:
                waiter.set_result(None)
        try:
            await waiter
        finally:
            with self._guard:
                self._waiters.discard(waiter)
                self._seen = self._others
            self._woken_at = time.monotonic()

    def _run(self) -> None:
        """Connect and listen, again and again; the door of this thread, where every error means that the server is gone."""
        while not self._ended:
            self._hurry.clear()
            try:
                with self._server.door.engine(_CONNECT_S, TO_READ).connect() as conn:
                    self._listen(conn)
            except Exception as error:  # noqa: BLE001
                if not isinstance(error, _GONE):
                    _log.exception("following the team's database broke")
                if not self._ended:
                    self._server.lose(error)
                    self._first.set()
                    self._hurry.clear()
            if not self._ended:
                self._hurry.wait(_AGAIN_S)

    def _listen(self, conn: Connection) -> None:
        raw = raw_of(conn)
        with within(raw, _CONNECT_S):
            raw.rollback()
            raw.autocommit = True
            raw.execute(f"LISTEN {CHANNEL}")
        self._copy(conn)
        self._server.find()
        self._first.set()
        self._tell(by_another=True)
        stale = False
        while not self._ended and not self._hurry.is_set():
            for notice in raw.notifies(timeout=_PULSE_S, stop_after=50):
                self._tell(by_another=notice.payload != self._console)
                stale = True
                if time.monotonic() > self._copied_at + _MIRROR_S:
                    break
            if stale and time.monotonic() > self._copied_at + _MIRROR_S:
                self._copy(conn)
                stale = False
            else:
                with within(raw, _ALIVE_S):
                    raw.execute("SELECT 1")

    def _copy(self, conn: Connection) -> None:
        with within(raw_of(conn), _CONNECT_S), raw_of(conn).transaction():
            self._mirror.copy(conn)
        self._copied_at = time.monotonic()

    def _tell(self, *, by_another: bool) -> None:
        with self._guard:
            self.changes += 1
            self._others += by_another
            waiters = list(self._waiters) if by_another else []
        for waiter in waiters:
            with suppress(RuntimeError):  # its loop is closed
                waiter.get_loop().call_soon_threadsafe(_wake, waiter)


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
