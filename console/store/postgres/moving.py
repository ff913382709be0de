"""Moves a local history into the team's records: every record with where it came from, and what the history speaks of."""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select

from console.model.audit import Entry, RecordKind
from console.model.clock import from_iso
from console.model.errors import GateFailed, NotAllowed
from console.model.rollout import Actor
from console.store.choice import keep, kept
from console.store.postgres.store import PostgresStore
from console.store.redact import redact_text
from console.store.schema import about, audit, customers, quarantines, rollouts, salts, samples, steps
from console.store.schema import windows as windows_table
from console.store.trail import append_to

MOVED = "moved into the team"
"""The setting in a person's own folder that says that its history was moved, and into which log."""
_PORTION, _SAMPLES = 100, 2000
_PIECE = 200_000
"""Characters of a copied body in one text; a longer text would be cut."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved."""

    records: int
    rollouts: int
    targets: int
    windows: int
    stops: int = 0


async def move_history(store: PostgresStore, actor: Actor, reason: str, progress: Callable[[int, int], bool] | None = None) -> Moved:
    """Copy this folder's history into the team's records and verify it there; the local records stay as they are.

    A move that was cut off goes on where it stopped. `progress(done, of)` stops it between two portions by returning False. Raises
    NotAllowed when it was stopped, while a rollout is on its way here or when it was moved before, GateFailed when a copy is not as it was.
    """
    local = store.local
    if kept(local, MOVED):
        raise NotAllowed("This history was moved before.", means="Nothing was moved twice.", advice="The team's records hold it.")
    live = await local.journal.rollouts(live=True)
    if live:
        raise NotAllowed(f"{live[0].id} is on its way here.", means="Nothing was moved.", advice="Finish it or take it back first.")
    if not (await local.audit.verify()).ok:
        raise GateFailed("The local audit does not hold.", means="Nothing was moved.", advice="Run `audit verify` on it first.")
    log, records, histories = await local.database.read(_history)
    targets, windows, stops = await _state(store, actor, reason)
    there = await store.server.read_whole(partial(_copied, log=log))
    names, left = dict(there.names), [row for row in records if row.seq not in there.hashes]
    total = len(histories) + len(records)
    for history in histories:
        _go_on(progress, len(names), total)
        if history.row["id"] not in names:
            names[history.row["id"]] = await store.server.write(partial(_take_in, history=history, actor=actor, reason=reason, log=log))
    for history in histories:
        await _move_samples(store, history, names[history.row["id"]])
    for start in range(0, len(left), _PORTION):
        _go_on(progress, total - len(left) + start, total)
        some = left[start : start + _PORTION]
        await store.server.write(partial(_append, some=some, log=log, names=names, actor=actor))
    await _check(store, log, records)
    keep(local, MOVED, log)
    return Moved(len(records), len(histories), targets, windows, stops)


async def unmoved_of(store: PostgresStore) -> int:
    """Return how many records of this folder's history wait to be moved; 0 once it was moved. Raises StoreError."""
    if await asyncio.to_thread(lambda: kept(store.local, MOVED)):
        return 0
    return await store.local.database.read(lambda conn: int(conn.execute(select(func.count()).select_from(audit)).scalar_one()))


def _go_on(progress: Callable[[int, int], bool] | None, done: int, total: int) -> None:
    if progress is not None and not progress(done, total):
        raise NotAllowed(
            "The move was stopped.",
            means=f"{done:,} of {total:,} are in the team's records, and all of them are still here.",
            advice="Move again: it goes on where it stopped.",
        )


@dataclass(frozen=True, slots=True)
class _Copied:
    """What the team's records hold of a log: the hash of each copied body by its number, and the names of its rollouts there."""

    hashes: dict[int, str]
    names: dict[str, str]


def _copied(conn: Connection, log: str) -> _Copied:
    found = _Copied({}, {})
    for body in conn.execute(select(audit.c.body).where(audit.c.kind == RecordKind.CONSOLE.value)).scalars():
        told = json.loads(body)
        detail = told["act"]["detail"]
        origin = detail.get("origin")
        if not isinstance(origin, dict) or origin.get("log") != log:
            continue
        if "seq" in origin:
            found.hashes[int(origin["seq"])] = sha256(_body_in(detail)).hexdigest()
        elif "rollout" in origin:
            found.names[str(origin["rollout"])] = str(told["rollout"])
    return found


def _body_for(body: bytes) -> dict[str, Any]:
    """Return a body for a record's detail: as text where that stays as it is in a record, else as base64 in pieces."""
    text = body.decode()
    if len(text) <= _PIECE and redact_text(text) == text:
        return {"body": text}
    encoded = base64.b64encode(body).decode()
    return {"body_base64": [encoded[start : start + _PIECE] for start in range(0, len(encoded), _PIECE)]}


def _body_in(detail: Mapping[str, Any]) -> bytes:
    return str(detail["body"]).encode() if "body" in detail else base64.b64decode("".join(detail["body_base64"]))


@dataclass(frozen=True, slots=True)
class _History:
    """A rollout's row, and the rows of other tables that speak of it."""

    row: dict[str, Any]
    parts: Mapping[Table, list[dict[str, Any]]]
    samples: list[dict[str, Any]]


def _history(conn: Connection) -> tuple[str, Sequence[Any], list[_History]]:
    log = str(conn.execute(select(about.c.value).where(about.c.key == "log")).scalar_one())
    records = conn.execute(select(audit.c.seq, audit.c.hash, audit.c.body).order_by(audit.c.seq)).all()
    found = []
    for row in conn.execute(select(rollouts).order_by(rollouts.c.number)).mappings():
        parts = {table: _rows_of(conn, table, row["id"]) for table in (steps, quarantines, customers, salts)}
        found.append(_History(dict(row), parts, _rows_of(conn, samples, row["id"])))
    return log, records, found


def _rows_of(conn: Connection, table: Table, rollout: str) -> list[dict[str, Any]]:
    query = select(table).where(table.c.rollout == rollout).order_by(*table.primary_key.columns)
    return [{name: value for name, value in each.items() if name != "number"} for each in conn.execute(query).mappings()]


async def _state(store: PostgresStore, actor: Actor, reason: str) -> tuple[int, int, int]:
    """Add what holds here and the team does not have: targets with their rehearsals, windows, stops; each is a record of its own."""
    mine = [row for row in await store.local.targets.rows() if not row.practice]
    known = {row.name for row in await store.targets.rows()}
    fresh = [row for row in mine if row.name not in known]
    now = store.keys.now()
    for row in fresh:
        await store.targets.put(row, actor, "move into the team", now)
    for name in [row.name for row in mine]:
        there = {each.at for each in await store.ways.rehearsals(name)}
        for rehearsal in reversed(await store.local.ways.rehearsals(name)):
            if rehearsal.at not in there:
                await store.ways.rehearsed(name, rehearsal, actor, reason)
    used = set(await store.server.read(lambda conn: list(conn.execute(select(windows_table.c.id)).scalars())))
    windows = [window for window in await store.local.freezes.windows() if window.id not in used]
    for window in windows:
        await store.freezes.add(window, actor, now)
    standing = await store.freezes.stops()
    stops = [stop for stop in await store.local.freezes.stops() if stop not in standing and (stop.until is None or stop.until > now)]
    for stop in stops:
        await store.freezes.stop(stop, actor)
    return len(fresh), len(windows), len(stops)


def _take_in(conn: Connection, history: _History, actor: Actor, reason: str, log: str) -> str:
    number = int(conn.execute(select(func.coalesce(func.max(rollouts.c.number), 0))).scalar_one()) + 1
    before, name = str(history.row["id"]), f"R-{number}"
    conn.execute(insert(rollouts), history.row | {"number": number, "id": name})
    for table, rows in history.parts.items():
        if rows:
            conn.execute(insert(table), [_renamed(row, before, name) for row in rows])
    detail = {"origin": {"log": log, "rollout": before}}
    at = from_iso(history.row["started_at"])
    entry = Entry(RecordKind.CONSOLE, actor, at, "move rollout", history.row["target"], name, reason, "moved", history.row["plan_hash"])
    append_to(conn, replace(entry, detail=detail))
    return name


async def _move_samples(store: PostgresStore, history: _History, name: str) -> None:
    """Add the samples that the team does not have yet, some in each transaction: there may be very many of one rollout."""
    counted = select(func.count()).select_from(samples).where(samples.c.rollout == name)
    have = int(await store.server.read_whole(lambda conn: conn.execute(counted).scalar_one()))
    for start in range(have, len(history.samples), _SAMPLES):
        rows = [row | {"rollout": name} for row in history.samples[start : start + _SAMPLES]]
        await store.server.write(partial(_add_samples, rows=rows))


def _add_samples(conn: Connection, rows: list[dict[str, Any]]) -> None:
    conn.execute(insert(samples), rows)


def _renamed(row: Mapping[str, Any], before: str, name: str) -> dict[str, Any]:
    """Return a row under the name of its rollout in the team, with which the id of a step begins: each history has an R-1."""
    step = str(row.get("id", ""))
    own = {"id": name + step.removeprefix(before)} if step.startswith(f"{before}.") else {}
    return {**row, **own, "rollout": name}


def _append(conn: Connection, some: Sequence[Any], log: str, names: dict[str, str], actor: Actor) -> None:
    for row in some:
        told = json.loads(row.body)
        rollout = names.get(told["rollout"], "")
        act = told["act"]
        detail = {"origin": {"log": log, "seq": row.seq, "hash": row.hash, "kind": told["kind"]}, **_body_for(row.body)}
        entry = Entry(RecordKind.CONSOLE, actor, from_iso(told["at"]), f"moved: {act['verb']}", told["target"], rollout, act["reason"])
        append_to(conn, replace(entry, result=act["result"], plan_hash=act["plan"], detail=detail))


async def _check(store: PostgresStore, log: str, records: Sequence[Any]) -> None:
    """Hold every copied body against its hash, and the team's whole audit against itself."""
    copied = (await store.server.read_whole(partial(_copied, log=log))).hashes
    wrong = [row.seq for row in records if copied.get(row.seq) != row.hash]
    if wrong or not (await store.audit.verify()).ok:
        raise GateFailed(
            f"Record {wrong[0] if wrong else '?'} is not in the team's records as it was.",
            means="The local history stays the one to trust.",
            advice="Run `audit verify` on both.",
        )
