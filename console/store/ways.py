"""What is remembered of ways back: quarantined versions, what was paused for them, and rehearsals."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from console.model.audit import Entry, RecordKind
from console.model.clock import from_iso, iso
from console.model.errors import CannotRecord
from console.model.readiness import Rehearsal
from console.model.rollout import Actor
from console.model.views import QuarantineView
from console.store import quarantining
from console.store.database import Database
from console.store.merging import Spool
from console.store.quarantining import view_of
from console.store.rows import stamp
from console.store.schema import quarantines, rehearsals
from console.store.trail import append_to

NOTHING = "[]"

_log = logging.getLogger(__name__)


class SqliteWays:
    """Quarantined versions and rehearsals; each change is an audit record in the same transaction."""

    def __init__(self, database: Database, spool: Spool) -> None:
        self._database, self._spool = database, spool

    async def quarantines(self, target: str) -> Sequence[QuarantineView]:
        """Return a target's quarantined versions, oldest first, those that are lifted only while something is paused for them."""
        query = select(quarantines).where(
            quarantines.c.target == target, or_(quarantines.c.lifted_at.is_(None), quarantines.c.paused != NOTHING)
        )
        query = query.order_by(quarantines.c.number)
        rows = await self._database.read(lambda conn: [view_of(row) for row in conn.execute(query).mappings()])
        return quarantining.overlay(rows, await self._spool.quarantines(target))

    async def quarantine(self, target: str, row: QuarantineView, actor: Actor, at: datetime) -> None:
        """Quarantine a version for a rollout; the same again only updates what is paused.

        What the database does not take waits in the emergency journal. Raises CannotRecord when that does not take it either.
        """
        values, entry = quarantining.values_of(target, row), _entry(actor, at, "quarantine", target, row)

        def move(conn: Connection) -> None:
            if quarantining.put(conn, values):
                append_to(conn, entry)

        try:
            await self._database.write(move)
        except CannotRecord as error:
            _log.warning("the quarantine of %s goes to the emergency journal: %s", row.version, error)
            if not await self._spool.keep_quarantine(values, entry):
                raise

    async def lift(self, target: str, version: str, actor: Actor, reason: str, at: datetime) -> bool:
        """Let a version go forward again; False when it was not quarantined."""

        def move(conn: Connection) -> bool:
            held = (quarantines.c.target == target, quarantines.c.version == version, quarantines.c.lifted_at.is_(None))
            row = conn.execute(select(quarantines).where(*held)).mappings().first()
            if row is None:
                return False
            conn.execute(update(quarantines).where(*held).values(lifted_at=stamp(at)))
            view = replace(view_of(row), reason=reason)
            append_to(conn, _entry(actor, at, "lift quarantine", target, view))
            return True

        return await self._database.write(move)

    async def resumed(self, target: str, actor: Actor, reason: str, at: datetime) -> None:
        """Note that nothing of a target is paused any more."""

        def move(conn: Connection) -> None:
            paused = (quarantines.c.target == target, quarantines.c.paused != NOTHING)
            names = [name for row in conn.execute(select(quarantines.c.paused).where(*paused)) for name in json.loads(row.paused)]
            conn.execute(update(quarantines).where(*paused).values(paused=NOTHING))
            detail = {"reconcilers": sorted(set(names))}
            append_to(
                conn, Entry(RecordKind.TARGET, actor, at, "resume reconcilers", target, reason=reason, result="resumed", detail=detail)
            )

        await self._database.write(move)

    async def rehearsals(self, target: str, limit: int = 20) -> Sequence[Rehearsal]:
        """Return a target's rehearsals, newest first."""
        query = select(rehearsals.c.value).where(rehearsals.c.target == target).order_by(rehearsals.c.number.desc()).limit(limit)
        return await self._database.read(lambda conn: [_rehearsal(json.loads(row.value)) for row in conn.execute(query)])

    async def rehearsed(self, target: str, rehearsal: Rehearsal, actor: Actor, reason: str) -> None:
        """Keep what a rehearsal measured."""
        value = asdict(rehearsal) | {"at": iso(rehearsal.at), "steps": dict(rehearsal.steps)}

        def move(conn: Connection) -> None:
            conn.execute(insert(rehearsals), {"target": target, "at": stamp(rehearsal.at), "value": json.dumps(value, sort_keys=True)})
            result = "measured" if rehearsal.ok else "did not come through"
            detail = {key: str(part) for key, part in value.items()}
            append_to(conn, Entry(RecordKind.TARGET, actor, rehearsal.at, "rehearse", target, reason=reason, result=result, detail=detail))

        await self._database.write(move)


def _rehearsal(value: Mapping[str, Any]) -> Rehearsal:
    return Rehearsal(from_iso(value["at"]), value["predicted_s"], value["took_s"], value["steps"], value["ok"])


def _entry(actor: Actor, at: datetime, verb: str, target: str, row: QuarantineView) -> Entry:
    detail = {"version": row.version, "paused": list(row.paused), "by": row.by}
    return Entry(RecordKind.TARGET, actor, at, verb, target, row.rollout, row.reason, row.version, detail=detail)
