"""The records of one computer in memory: the real store's own code, its transactions run at once instead of in threads."""

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from simulation.virtual import Process, VirtualClock
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from console.model.clock import Clock
from console.model.errors import CannotRecord, ConsoleError
from console.store import schema
from console.store.database import Database, Job, Merge, Move, Patience
from console.store.sqlite import EMERGENCY, SqliteStore
from console.store.troubles import cannot_record, waiting

PATIENCE = Patience()


class Disk:
    """What every console of one computer shares. `trouble` is "", "full" or "locked"; `slow_s` the longest that a call takes."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        engine = create_engine("sqlite://", poolclass=StaticPool)
        self.conn: Connection = engine.connect()
        event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN IMMEDIATE"))
        with self.conn.begin():
            schema.create(self.conn, "simulated")
        self.commits = 0
        self.trouble = ""
        self.slow_s = 0.004

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Read past everything, for checks."""
        raw: Any = self.conn.connection.driver_connection
        return list(raw.execute(query, values))

    def break_emergency(self, *, broken: bool) -> None:
        """Take the emergency journal's file away, or give it back."""
        there, gone = self.folder / EMERGENCY, self.folder / "taken away"
        if broken and there.exists():
            there.rename(gone)
        elif not broken and gone.exists():
            gone.rename(there)

    def store(self, process: Process, clock: VirtualClock) -> SqliteStore:
        """Open the records as a process does."""
        store = SqliteStore(self.folder, clock, PATIENCE, lambda path, patience, merge, clock: _InMemory(self, process, merge, clock))
        store.begin()
        return store


class _InMemory(Database):
    """A database without threads: a call waits a little, then its transaction runs whole."""

    def __init__(self, disk: Disk, process: Process, merge: Merge, clock: Clock) -> None:
        super().__init__(PATIENCE, merge)
        self._disk, self._process, self._clock = disk, process, clock

    def now(self, conn: Connection) -> datetime:
        return self._clock.now()

    async def write(self, move: Move[Any], *, hook: str = "", urgent: bool = False) -> Any:
        await self._pace()
        if self._disk.trouble == "locked":
            await asyncio.sleep(PATIENCE.urgent_s if urgent else PATIENCE.usual_s)
            await self._process.gate()
        done = self.submit(move, hook=hook, urgent=urgent).result()
        await self._pace()
        return done

    def submit(self, move: Move[Any], *, hook: str = "", urgent: bool = False) -> "Future[Any]":
        job: Job[Any] = Job(0 if urgent else 1, next(self._numbers), move, hook)
        self._do(job)
        return job.done

    async def read(self, look: Move[Any]) -> Any:
        await self._pace()
        return self._look(look)

    def _look(self, look: Move[Any]) -> Any:
        try:
            return look(self._disk.conn)
        finally:
            self._disk.conn.rollback()

    async def version(self) -> int:
        await self._pace()
        return self._version()

    def _version(self) -> int:
        return self._disk.commits

    async def close(self) -> None:
        self._closed = True

    async def _pace(self) -> None:
        await self._process.gate()
        if self._disk.slow_s:
            await asyncio.sleep(self._disk.chance.random() * self._disk.slow_s)
            await self._process.gate()

    @contextmanager
    def _begun(self, rank: int) -> Iterator[Connection]:
        if self._disk.trouble == "full":
            raise CannotRecord("Cannot record. The disk is full.")
        if self._disk.trouble == "locked":
            raise waiting(self.patience.of(rank))
        with self._disk.conn.begin():
            yield self._disk.conn
        self._disk.commits += 1

    def _in_words(self, error: DBAPIError) -> ConsoleError:
        return cannot_record(error)

    def _drop(self) -> None:
        """Keep the one connection: it is the disk."""

    def _let_go(self) -> None:
        """Nothing else is open."""


@contextmanager
def quick_plans() -> Iterator[None]:
    """Parse each stored plan once: a day reads the same few plans a million times."""
    from console.store import rows

    with ExitStack() as stack:
        stack.enter_context(patch.object(rows, "plan_of", lru_cache(256)(rows.plan_of)))
        yield
