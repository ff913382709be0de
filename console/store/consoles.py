"""Which processes are alive: a row for each, with when it said so last."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from console.model.clock import from_iso
from console.model.stores import ConsoleSeen
from console.store.database import Database
from console.store.rows import stamp
from console.store.schema import consoles

FORGET_S = 86_400.0
"""A process that was not seen for so long is forgotten when the next one says that it is here."""


class ConsoleRows:
    """Processes on the clock that all who use the store share; no audit records, for nothing hangs on it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def here(self, console: ConsoleSeen) -> datetime:
        """Say that a process is alive, and return the store's time."""

        def move(conn: Connection) -> datetime:
            now = self._database.now(conn)
            values = {"person": console.person, "version": console.version, "kind": console.kind, "seen_at": stamp(now)}
            if conn.execute(update(consoles).where(consoles.c.console == console.console).values(**values)).rowcount == 0:
                conn.execute(delete(consoles).where(consoles.c.seen_at < stamp(now - timedelta(seconds=FORGET_S))))
                conn.execute(insert(consoles), {"console": console.console, **values})
            return now

        return await self._database.write(move)

    async def gone(self, console: str) -> None:
        """Say that a process ends."""

        def move(conn: Connection) -> None:
            conn.execute(delete(consoles).where(consoles.c.console == console))

        await self._database.write(move)

    async def alive(self, within_s: float) -> Sequence[ConsoleSeen]:
        """Return those that were seen within the last seconds, in the order of their names."""

        def look(conn: Connection) -> list[ConsoleSeen]:
            since = stamp(self._database.now(conn) - timedelta(seconds=within_s))
            found = conn.execute(select(consoles).where(consoles.c.seen_at > since).order_by(consoles.c.console)).mappings()
            return [replace(ConsoleSeen(**row), seen_at=from_iso(row["seen_at"])) for row in found]

        return await self._database.read(look)
