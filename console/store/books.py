"""What is remembered beside the journal: targets, the judge's counts, and a person's settings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Executable, delete, insert, select, update

from console.model.audit import Entry, RecordKind
from console.model.clock import from_iso
from console.model.errors import NotAllowed
from console.model.rollout import Actor, GateSample
from console.model.stores import TargetChange, TargetRow
from console.store.database import Database
from console.store.rows import stamp
from console.store.schema import rollouts, samples, settings, targets
from console.store.trail import append_to


class SqliteTargets:
    """What the console remembers of its targets; each change is an audit record in the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self) -> Sequence[TargetRow]:
        """Return all targets by name."""

        def look(conn: Connection) -> list[TargetRow]:
            found = conn.execute(select(targets).order_by(targets.c.name)).mappings()
            return [_row(each) for each in found]

        return await self._database.read(look)

    async def put(self, row: TargetRow, actor: Actor, verb: str, at: datetime) -> None:
        """Add or replace a target's row."""
        values = asdict(row) | {"armed": int(row.armed), "practice": int(row.practice)}

        def move(conn: Connection) -> None:
            put_row(conn, targets.c.name, values)
            append_to(conn, Entry(RecordKind.TARGET, actor, at, verb, row.name, result="kept", detail=asdict(row)))

        await self._database.write(move)

    async def amend(self, name: str, change: TargetChange, actor: Actor, verb: str, at: datetime) -> TargetRow:
        """Change single fields of a row in one transaction. Raises NotAllowed when the target is not known any more."""

        def move(conn: Connection) -> TargetRow:
            found = conn.execute(select(targets).where(targets.c.name == name)).mappings().first()
            if found is None:
                raise NotAllowed(f"There is no target named {name} any more.", advice="Add its file again.")
            before = _row(found)
            fresh = {key: value for key, value in asdict(change).items() if key != "first" and value is not None}
            if change.first:
                fresh = {key: value for key, value in fresh.items() if not getattr(before, key)}
            after = replace(before, **fresh)
            if after != before:
                values = {key: int(value) if isinstance(value, bool) else value for key, value in fresh.items()}
                conn.execute(update(targets).where(targets.c.name == name).values(**values))
                append_to(conn, Entry(RecordKind.TARGET, actor, at, verb, name, result="kept", detail=asdict(after)))
            return after

        return await self._database.write(move)

    async def drop(self, name: str, actor: Actor, at: datetime) -> None:
        """Forget a target (its history stays)."""

        def move(conn: Connection) -> None:
            count = conn.execute(delete(targets).where(targets.c.name == name)).rowcount
            result = "forgotten" if count else "was not known"
            append_to(conn, Entry(RecordKind.TARGET, actor, at, "drop target", name, result=result))

        await self._database.write(move)


def _row(found: Mapping[Any, Any]) -> TargetRow:
    return TargetRow(**{**found, "armed": bool(found["armed"]), "practice": bool(found["practice"])})


class SqliteSamples:
    """Counts that the judge has seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, fresh: Sequence[GateSample]) -> None:
        """Store increments."""
        rows = [asdict(sample) | {"at": stamp(sample.at)} for sample in fresh]
        if rows:
            await self._database.write(lambda conn: _do(conn, insert(samples), rows))

    async def of(self, rollout_id: str, since: datetime | None = None) -> Sequence[GateSample]:
        """Return a rollout's increments in order of time; with `since` only those after that instant."""
        columns = [column for column in samples.c if column.name != "number"]
        query = select(*columns).where(samples.c.rollout == rollout_id).order_by(samples.c.at, samples.c.number)
        if since is not None:
            query = query.where(samples.c.at > stamp(since))
        return await self._database.read(
            lambda conn: [GateSample(**{**row, "at": from_iso(row["at"])}) for row in conn.execute(query).mappings()]
        )

    async def prune(self, ended_before: datetime) -> int:
        """Forget the increments of rollouts that ended before an instant, and return how many; their verdicts stay in the audit."""
        ended = select(rollouts.c.id).where(rollouts.c.ended_at < stamp(ended_before))
        query = delete(samples).where(samples.c.rollout.in_(ended))
        return await self._database.write(lambda conn: conn.execute(query).rowcount)


class SqliteSettings:
    """A person's settings, as text by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str, default: str) -> str:
        """Return a setting."""
        value = await self._database.read(lambda conn: conn.execute(select(settings.c.value).where(settings.c.key == key)).scalar())
        return default if value is None else value

    async def put(self, key: str, value: str) -> None:
        """Store a setting."""
        await self._database.write(lambda conn: put_row(conn, settings.c.key, {"key": key, "value": value}))


def put_row(conn: Connection, key: Column[str], values: Mapping[str, Any]) -> None:
    """Add or replace a row; safe in two statements, for one transaction writes at a time."""
    if conn.execute(update(key.table).where(key == values[key.name]).values(**values)).rowcount == 0:
        conn.execute(insert(key.table), values)


def _do(conn: Connection, query: Executable, rows: list[dict[str, Any]] | None = None) -> None:
    conn.execute(query, rows)
