"""Freeze windows made in the console, and the stop-the-line."""

import json
from collections.abc import Sequence
from datetime import datetime, time

from sqlalchemy import Connection, insert, select, update

from console.model.audit import Entry, RecordKind
from console.model.clock import from_iso, iso
from console.model.errors import BadFile, StaleWrite
from console.model.freeze import FreezeWindow, OneOff, StopTheLine, Weekly
from console.model.rollout import Actor
from console.store.database import Database
from console.store.rows import stamp
from console.store.schema import stops, windows
from console.store.trail import append_to


def window_text(window: FreezeWindow) -> str:
    """Return what is stored of a window; its local times stay local."""
    if isinstance(window.span, OneOff):
        span: dict[str, object] = {"start": window.span.start.isoformat(), "end": window.span.end.isoformat()}
    else:
        span = {"days": sorted(window.span.days), "start": window.span.start.isoformat(), "end": window.span.end.isoformat()}
    fields = {
        "id": window.id,
        "name": window.name,
        "owner": window.owner,
        "reason": window.reason,
        "zone": window.zone,
        "span": span,
        "targets": list(window.targets),
        "origin": window.origin,
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def window_of(text: str) -> FreezeWindow:
    """Return the window that a text holds."""
    fields = json.loads(text)
    span = fields["span"]
    if "days" in span:
        when: OneOff | Weekly = Weekly(frozenset(span["days"]), time.fromisoformat(span["start"]), time.fromisoformat(span["end"]))
    else:
        when = OneOff(datetime.fromisoformat(span["start"]), datetime.fromisoformat(span["end"]))
    return FreezeWindow(**{**fields, "span": when, "targets": tuple(fields["targets"])})


def _stop_text(stop: StopTheLine) -> str:
    until = None if stop.until is None else stamp(stop.until)
    fields = {"by": stop.by, "reason": stop.reason, "since": stamp(stop.since), "until": until, "targets": list(stop.targets)}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _stop_of(text: str) -> StopTheLine:
    fields = json.loads(text)
    until = fields["until"]
    return StopTheLine(
        fields["by"], fields["reason"], from_iso(fields["since"]), None if until is None else from_iso(until), tuple(fields["targets"])
    )


def windows_in(conn: Connection) -> tuple[FreezeWindow, ...]:
    """Return the windows that hold, read in the transaction that is open."""
    query = select(windows.c.value).where(windows.c.removed_at.is_(None)).order_by(windows.c.number)
    return tuple(window_of(value) for value in conn.execute(query).scalars())


def stops_in(conn: Connection) -> tuple[StopTheLine, ...]:
    """Return the stops that were not lifted, read in the transaction that is open."""
    query = select(stops.c.value).where(stops.c.lifted_at.is_(None)).order_by(stops.c.number)
    return tuple(_stop_of(value) for value in conn.execute(query).scalars())


class SqliteFreezes:
    """Windows and stops; each change is an audit record in the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def windows(self) -> Sequence[FreezeWindow]:
        """Return the windows that were added and not removed."""
        return await self._database.read(windows_in)

    async def add(self, window: FreezeWindow, actor: Actor, at: datetime) -> None:
        """Add a window. Raises StaleWrite when its id was used."""
        await self._database.write(lambda conn: _add(conn, window, actor, at))

    async def remove(self, window_id: str, actor: Actor, reason: str, at: datetime) -> None:
        """Remove a window. Raises BadFile when there is none of that id."""
        await self._database.write(lambda conn: _remove(conn, window_id, actor, reason, at))

    async def stops(self) -> Sequence[StopTheLine]:
        """Return the stops that were made and not lifted."""
        return await self._database.read(stops_in)

    async def stop(self, stop: StopTheLine, actor: Actor) -> None:
        """Stop the line."""

        def move(conn: Connection) -> None:
            conn.execute(insert(stops), {"value": _stop_text(stop), "since": stamp(stop.since)})
            until = "" if stop.until is None else iso(stop.until)
            detail = {"by": stop.by, "targets": stop.targets, "until": until}
            append_to(
                conn, Entry(RecordKind.FREEZE, actor, stop.since, "stop the line", reason=stop.reason, result="stopped", detail=detail)
            )

        await self._database.write(move)

    async def lift(self, actor: Actor, reason: str, at: datetime) -> None:
        """Lift every stop; it is recorded also when there was none."""

        def move(conn: Connection) -> None:
            count = conn.execute(update(stops).where(stops.c.lifted_at.is_(None)).values(lifted_at=stamp(at))).rowcount
            append_to(conn, Entry(RecordKind.FREEZE, actor, at, "lift the line", reason=reason, result="lifted", detail={"stops": count}))

        await self._database.write(move)


def _add(conn: Connection, window: FreezeWindow, actor: Actor, at: datetime) -> None:
    if conn.execute(select(windows.c.id).where(windows.c.id == window.id)).first() is not None:
        raise StaleWrite(f"There is a freeze window {window.id} already.", means="Nothing was added.", advice="Look at the windows again.")
    text = window_text(window)
    conn.execute(insert(windows), {"id": window.id, "value": text, "added_by": actor.name, "added_at": stamp(at)})
    append_to(
        conn,
        Entry(RecordKind.FREEZE, actor, at, "add freeze window", reason=window.reason, result="added", detail={"window": json.loads(text)}),
    )


def _remove(conn: Connection, window_id: str, actor: Actor, reason: str, at: datetime) -> None:
    found = windows.c.id == window_id, windows.c.removed_at.is_(None)
    text = conn.execute(select(windows.c.value).where(*found)).scalar()
    if text is None:
        raise BadFile(
            f"There is no freeze window {window_id} that was made in the console.",
            advice="`freeze list` shows the windows; one from a target file is changed there.",
        )
    conn.execute(update(windows).where(*found).values(removed_at=stamp(at)))
    append_to(
        conn,
        Entry(RecordKind.FREEZE, actor, at, "remove freeze window", reason=reason, result="removed", detail={"window": json.loads(text)}),
    )
