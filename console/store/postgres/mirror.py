"""A copy of the team's live state in one's own folder, so that a way back knows its target while the team's database is gone."""

import logging
import sqlite3
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, Select, Table, create_engine, delete, event, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from console.store import posix
from console.store.database import Move
from console.store.schema import audit, checkpoints, customers, merged, metadata, rollouts, salts, samples, settings, steps

T = TypeVar("T")
_log = logging.getLogger(__name__)
_NEWEST = 200
_LEFT_OUT = {audit, checkpoints, merged, samples, settings, customers, salts}
"""What only grows, what is one person's own, and personal data."""
_WHOLE = [table for table in metadata.sorted_tables if table not in _LEFT_OUT and table not in {rollouts, steps}]


def mirror_of(folder: Path, place: str) -> Path:
    """Return where the copy of one database lies: another one's state must never be taken for it."""
    return folder / f"team-mirror-{sha256(place.encode()).hexdigest()[:8]}.db"


class Mirror:
    """The copy; it is nobody's record, and is made anew whenever the team's database changes."""

    def __init__(self, folder: Path, place: str) -> None:
        self._path = mirror_of(folder, place)
        self._engine: Engine | None = None

    def copy(self, source: Connection) -> None:
        """Copy what is live from a snapshot of the team's database; a disk that does not take it is told in the log only."""
        found = [(table, [dict(row) for row in source.execute(query).mappings()]) for table, query in _chosen()]
        try:
            with self._opened().begin() as conn:
                for table, rows in found:
                    conn.execute(delete(table))
                    if rows:
                        conn.execute(insert(table), rows)
            posix.protect(self._path)
        except (DBAPIError, OSError) as error:
            _log.warning("the copy of the team's live state is not fresh: %s", error)

    def look(self, look: Move[T]) -> T:
        """Run one read on the copy. Raises DBAPIError when there is none."""
        with self._opened().connect() as conn:
            try:
                return look(conn)
            finally:
                with suppress(DBAPIError):
                    conn.rollback()

    def close(self) -> None:
        """Close it."""
        if self._engine is not None:
            self._engine.dispose()

    def _opened(self) -> Engine:
        if self._engine is None:
            engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool)
            event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN"))
            metadata.create_all(engine)
            self._engine = engine
        return self._engine

    def _connect(self) -> sqlite3.Connection:
        raw = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=1.0)
        raw.execute("PRAGMA journal_mode = WAL")
        return raw


def _chosen() -> list[tuple[Table, Select[tuple[object, ...]]]]:
    newest = select(rollouts.c.number).order_by(rollouts.c.number.desc()).limit(_NEWEST)
    live = (rollouts.c.over == 0) | rollouts.c.number.in_(newest)
    of_these = steps.c.rollout.in_(select(rollouts.c.id).where(live))
    return [*[(table, select(table)) for table in _WHOLE], (rollouts, select(rollouts).where(live)), (steps, select(steps).where(of_these))]
