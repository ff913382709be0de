"""Keeps what goes back in the emergency journal while the database takes nothing, and merges it into the audit when it does again."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from console.model.audit import Entry, RecordKind
from console.model.clock import Clock, from_iso, iso
from console.model.rollout import Actor, Intent, Outcome, StepRow, StepState
from console.model.views import QuarantineView
from console.store import quarantining
from console.store.emergency import EmergencyJournal, Found
from console.store.redact import redact
from console.store.rows import sent_row, settled_values, step_row_of, step_values
from console.store.schema import audit, merged, rollouts, steps
from console.store.sealing import plain
from console.store.trail import append_to
from console.store.wording import intent_entry, outcome_entry

_log = logging.getLogger(__name__)
ORIGIN = "emergency journal"
_QUARANTINE = "quarantine"
_FINAL = {StepState.CONFIRMED.value, StepState.FAILED.value, StepState.SKIPPED.value}


class Spool:
    """The emergency journal as the store uses it."""

    def __init__(self, file: EmergencyJournal, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self.origin = ORIGIN
        """What its records are called in the audit."""

    async def keep_intent(self, intent: Intent) -> bool:
        """Keep a backward intent; False when even that failed."""
        row = sent_row(intent, "emergency")
        return await self._keep("intent", intent_entry(intent), step_values(row))

    async def keep_outcome(self, row: StepRow, outcome: Outcome) -> bool:
        """Keep what became of a backward step; False when even that failed."""
        recorded = "emergency" if row.recorded == "journal" else row.recorded
        values = step_values(row) | settled_values(outcome) | {"recorded": recorded}
        entry = outcome_entry(row, outcome, target="", plan_hash="", unrecorded=row.recorded == "not recorded")
        return await self._keep("outcome", entry, values)

    async def keep_quarantine(self, values: Mapping[str, Any], entry: Entry) -> bool:
        """Keep that a version is quarantined; False when even that failed."""
        return await self._keep(_QUARANTINE, entry, values)

    async def quarantines(self, target: str) -> Sequence[QuarantineView]:
        """Return the quarantines of a target that wait in the emergency journal, in the order in which they were kept."""
        found = []
        for record in await self._waiting():
            if record.get("what") == _QUARANTINE:
                try:
                    found += [quarantining.view_of(record["row"])] if record["row"]["target"] == target else []
                except (KeyError, ValueError, TypeError) as error:
                    _log.warning("an emergency record cannot be understood: %s", error)
        return found

    async def _keep(self, what: str, entry: Entry, values: Mapping[str, Any]) -> bool:
        record = {"id": uuid4().hex, "what": what, "kept_at": iso(self._clock.now()), "entry": _entry_values(entry), "row": dict(values)}
        try:
            await asyncio.to_thread(self._file.append, record)
        except OSError as error:
            _log.error("not recorded: the emergency journal does not take it: %s", error)
            return False
        return True

    async def overlay(self, rows: Sequence[StepRow]) -> Sequence[StepRow]:
        """Return the database's steps with what waits in the emergency journal laid over them."""
        known = {row.id: row for row in rows}
        for record in await self._waiting():
            row = None if record.get("what") == _QUARANTINE else _waiting_row(record)
            if row is not None and (row.id not in known or known[row.id].state.value not in _FINAL):
                known[row.id] = row
        return list(known.values())

    async def _waiting(self) -> Sequence[Mapping[str, Any]]:
        """Return what waits for the database; nothing when that cannot be read."""
        if self._file.empty:
            return ()
        try:
            return (await asyncio.to_thread(self._file.read)).records
        except OSError as error:
            _log.warning("the emergency journal cannot be read: %s", error)
            return ()

    async def count(self) -> int:
        """Return how many records wait to be merged, torn ones among them. Raises OSError while the file cannot be read."""
        if self._file.empty:
            return 0
        found = await asyncio.to_thread(self._file.read)
        return len(found.records) + found.torn

    def merge(self, conn: Connection, after: ExitStack) -> None:
        """Write what waits into the transaction that is open; `after` empties the file once that is committed."""
        if self._file.empty:
            return
        try:
            found = after.enter_context(self._draining())
        except OSError as error:
            _log.warning("the emergency journal is not merged now: %s", error)
            return
        for record in found.records:
            self._merge_one(conn, record)
        if found.torn:
            self._tell(conn, f"{found.torn} torn: cut off while it was written, or damaged")

    @contextmanager
    def _draining(self) -> Iterator[Found]:
        """Empty the file behind a commit; when that fails the records stay, and their ids keep them from being merged twice."""
        with ExitStack() as stack:
            yield stack.enter_context(self._file.draining())
            try:
                stack.close()
            except OSError as error:
                _log.warning("the emergency journal could not be emptied: %s", error)

    def _merge_one(self, conn: Connection, record: Mapping[str, Any]) -> None:
        name = str(record.get("id", ""))
        if conn.execute(select(merged.c.id).where(merged.c.id == name)).first() is not None:
            return
        try:
            with conn.begin_nested():
                _adopt(conn, record, self.origin)
        except (KeyError, ValueError, TypeError, AttributeError, DBAPIError) as error:
            if isinstance(error, DBAPIError) and not _is_no(error):
                raise
            _log.warning("an emergency record cannot be merged: %s", error)
            self._tell(conn, "a record that cannot be understood", {"found": dict(record)})
        conn.execute(insert(merged), {"id": name})

    def _tell(self, conn: Connection, result: str, detail: Mapping[str, Any] | None = None) -> None:
        entry = Entry(RecordKind.CONSOLE, Actor("console", ""), self._clock.now(), "merge emergency journal", result=result)
        append_to(conn, replace(entry, detail={"origin": self.origin, **(detail or {})}))


def _is_no(error: DBAPIError) -> bool:
    """Tell whether the database understood a record and refuses it, as it does for somebody who lost their role meanwhile."""
    return isinstance(error, IntegrityError) or str(getattr(error.orig, "sqlstate", "")) in {"RC001", "42501"}


def _adopt(conn: Connection, record: Mapping[str, Any], origin: str) -> None:
    entry = _entry_of(record["entry"])
    if record["what"] == _QUARANTINE:
        if quarantining.put(conn, record["row"]):
            append_to(conn, _late(conn, entry, record, origin))
    elif not _is_there(conn, entry):
        append_to(conn, _late(conn, entry, record, origin))
        _adopt_step(conn, record)


def _late(conn: Connection, entry: Entry, record: Mapping[str, Any], origin: str) -> Entry:
    """Return an audit record with where it waited, and what of its rollout was not known then."""
    about = conn.execute(select(rollouts.c.target, rollouts.c.plan_hash).where(rollouts.c.id == entry.rollout)).first()
    target, plan_hash = ("", "") if about is None else (about.target, about.plan_hash)
    detail = {**entry.detail, "origin": origin, "kept_at": str(record["kept_at"])}
    return replace(entry, target=entry.target or target, plan_hash=entry.plan_hash or plan_hash, detail=detail)


def _adopt_step(conn: Connection, record: Mapping[str, Any]) -> None:
    values = step_values(step_row_of(record["row"]))
    stored = conn.execute(select(steps.c.state).where(steps.c.id == values["id"])).first()
    if stored is None:
        conn.execute(insert(steps), values)
    elif stored.state not in _FINAL and record["what"] == "outcome":
        changed = {name: values[name] for name in ("state", "accepted_at", "read_back_at", "seen", "detail")}
        conn.execute(update(steps).where(steps.c.id == values["id"]).values(**changed))


def _is_there(conn: Connection, entry: Entry) -> bool:
    """Tell whether the database has taken a record after all: its answer was lost, not its commit."""
    step = str(entry.detail.get("step", ""))
    same = (audit.c.step == step, audit.c.kind == entry.kind.value, audit.c.rollout == entry.rollout, audit.c.at == iso(entry.at))
    return bool(step) and conn.execute(select(audit.c.seq).where(*same)).first() is not None


def _waiting_row(record: Mapping[str, Any]) -> StepRow | None:
    try:
        return step_row_of(record["row"])
    except (KeyError, ValueError, TypeError) as error:
        _log.warning("an emergency record cannot be understood: %s", error)
        return None


def _entry_values(entry: Entry) -> dict[str, Any]:
    values: dict[str, Any] = redact(
        plain(
            {
                "kind": entry.kind,
                "actor": entry.actor.name,
                "console": entry.actor.console,
                "at": iso(entry.at),
                "verb": entry.verb,
                "target": entry.target,
                "rollout": entry.rollout,
                "reason": entry.reason,
                "result": entry.result,
                "plan_hash": entry.plan_hash,
                "detail": entry.detail,
            }
        )
    )
    return values


def _entry_of(values: Mapping[str, Any]) -> Entry:
    return Entry(
        kind=RecordKind(values["kind"]),
        actor=Actor(values["actor"], values["console"]),
        at=from_iso(values["at"]),
        verb=values["verb"],
        target=values["target"],
        rollout=values["rollout"],
        reason=values["reason"],
        result=values["result"],
        plan_hash=values["plan_hash"],
        detail=dict(values["detail"]),
    )
