"""What every database of our records shares: one writer thread that takes urgent transactions first, and readers beside it."""

import asyncio
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from console.model.errors import CannotRecord, ConsoleError
from console.model.hooks import reach
from console.store.keys import KEYS, Keys

T = TypeVar("T")
Move = Callable[[Connection], T]
Merge = Callable[[Connection, ExitStack], None]
"""Moves what waits in the emergency journal into a transaction; what it puts on the stack ends after the commit, or with its error."""

URGENT, USUAL, LAST = range(3)
"""Ranks of jobs; the lower goes first."""
READERS = 3
CHORE_S = 60.0
"""Seconds without a write after which the chore is done."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for another program that is writing: for what may wait, and for what goes back and may not."""

    usual_s: float = 5.0
    urgent_s: float = 0.5

    def of(self, rank: int) -> float:
        """Return how long a job of this rank waits."""
        return self.usual_s if rank > URGENT else self.urgent_s


@dataclass(order=True, slots=True)
class Job(Generic[T]):
    """A transaction that waits for the writer; lower `rank` goes first."""

    rank: int
    number: int
    move: Move[T] = field(compare=False)
    hook: str = field(compare=False, default="")
    done: "Future[T]" = field(compare=False, default_factory=Future)


class Database(ABC):
    """A database of records. `merge` runs first in every transaction that writes."""

    def __init__(self, patience: Patience, merge: Merge) -> None:
        self.patience = patience
        self._merge = merge
        self._jobs: queue.PriorityQueue[Job[Any]] = queue.PriorityQueue()
        self._numbers = count()
        self._closed = False
        self._look_pool = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self.writes = 0
        """Transactions that this process has committed."""
        self.failing = False
        """Whether the last write could not be recorded."""
        self.waiting = False
        """Whether the writer waits for another program right now ("waiting for journal")."""
        self.keys: Keys | None = None
        """With what records are signed; None signs nothing."""
        self.chore: Move[None] | None = None
        """What is done in a transaction of its own when nothing was written for a minute after a write."""

    @abstractmethod
    def now(self, conn: Connection) -> datetime:
        """Return the instant by the clock that all writers of this database share, in the transaction that is open."""

    @abstractmethod
    def _begun(self, rank: int) -> AbstractContextManager[Connection]:
        """Hold a transaction that no other writer can be in: commits at the end, rolls back on any error."""

    @abstractmethod
    def _look(self, look: Move[T]) -> T:
        """Run one read. Raises StoreError."""

    @abstractmethod
    def _version(self) -> int:
        """Return a number that changes whenever any process commits."""

    @abstractmethod
    def _drop(self) -> None:
        """Close the writer's connection; the next job makes a new one."""

    @abstractmethod
    def _let_go(self) -> None:
        """Close what readers use."""

    @abstractmethod
    def _in_words(self, error: DBAPIError) -> ConsoleError:
        """Return what to raise when a write failed, and drop the connection where it is of no more use."""

    async def write(self, move: Move[T], *, hook: str = "", urgent: bool = False) -> T:
        """Run one transaction in the writer thread; durable when it returns. Raises CannotRecord; whatever `move` raises rolls it back.

        `urgent` goes before everything that waits, and gives up early so that the caller can use the emergency journal.
        """
        if self.keys is not None:
            await self.keys.settled(urgent=urgent)
        return await asyncio.wrap_future(self.submit(move, hook=hook, urgent=urgent))

    def submit(self, move: Move[T], *, hook: str = "", urgent: bool = False) -> "Future[T]":
        """Hand a transaction to the writer thread, from any thread. Raises CannotRecord when the store is closed."""
        if self._closed:
            raise CannotRecord("The records are closed.", means="Nothing was written.", advice="Start the console again.")
        job: Job[T] = Job(URGENT if urgent else USUAL, next(self._numbers), move, hook)
        self._jobs.put(job)
        return job.done

    async def read(self, look: Move[T]) -> T:
        """Run one read in a reader thread, on a snapshot. Raises StoreError."""
        return await asyncio.wrap_future(self._look_pool.submit(self._look, look))

    async def read_whole(self, look: Move[T]) -> T:
        """Run one read that may take long, as one of the whole audit; never on a copy. Raises StoreError."""
        return await self.read(look)

    def look(self, look: Move[T]) -> T:
        """Run one read in the calling thread, which may wait for the database. Raises StoreError."""
        return self._look(look)

    def look_whole(self, look: Move[T]) -> T:
        """Run one read that may take long in the calling thread; never on a copy. Raises StoreError."""
        return self._look(look)

    async def version(self) -> int:
        """Return a number that changes whenever any process commits; 0 while that cannot be known."""
        return await asyncio.wrap_future(self._look_pool.submit(self._version))

    async def changed(self) -> None:
        """Return when another console changed the records; a database that tells nobody keeps the caller waiting."""
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        """Finish what waits, and close."""
        if self._closed:
            return
        self._closed = True
        last: Job[None] = Job(LAST, next(self._numbers), lambda _: None)
        self._jobs.put(last)
        await asyncio.wrap_future(last.done)
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._look_pool.shutdown)
        self._let_go()

    def _work(self) -> None:
        """Do one job after the other until the closing one."""
        rested = True
        while True:
            try:
                job = self._jobs.get(timeout=None if rested or self.chore is None else CHORE_S)
            except queue.Empty:
                job = Job(USUAL, next(self._numbers), self.chore or _nothing)
            rested = job.move is self.chore
            if job.rank == LAST:
                self._drop()
                job.done.set_result(None)
                return
            self._do(job)

    def _do(self, job: Job[Any]) -> None:
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

    def _transact(self, job: Job[T]) -> T:
        try:
            with ExitStack() as after:
                with self._begun(job.rank) as conn:
                    conn.info[KEYS] = self.keys
                    self._merge(conn, after)
                    result = job.move(conn)
                    if job.hook:
                        reach(f"{job.hook}-before-commit")
                self.writes += 1
                if job.hook:
                    reach(f"{job.hook}-after-commit")
        except DBAPIError as error:
            raise self._in_words(error) from error
        return result

    def _let_urgent_go(self) -> None:
        """Run the urgent jobs that came while this one waits; no transaction is open here."""
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job.rank > URGENT:
                self._jobs.put(job)
                return
            self._do(job)


def _nothing(conn: Connection) -> None:
    """Write nothing."""
