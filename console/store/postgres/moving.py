"""Moves a local history into the team's records: every record with where it came from, and what the history speaks of."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, func, insert, select

from console.model.audit import Entry, RecordKind
from console.model.clock import from_iso
from console.model.errors import GateFailed, NotAllowed
from console.model.rollout import Actor
from console.store.choice import keep, kept
from console.store.freezing import windows_in
from console.store.postgres.store import PostgresStore
from console.store.schema import about, audit, rollouts, samples, steps
from console.store.schema import windows as windows_table
from console.store.trail import append_to

MOVED = "moved into the team"
"""The setting in a person's own folder that says that its history was moved, and into which log."""
_PORTION = 100


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved."""

    records: int
    rollouts: int
    targets: int
    windows: int


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
    targets, windows = await _state(store, actor)
    there = await store.server.read_whole(partial(_copied, log=log))
    names, left = dict(there.names), [row for row in records if row.seq not in there.hashes]
    total = len(histories) + len(records)
    for history in histories:
        _go_on(progress, len(names), total)
        if history.row["id"] not in names:
            names[history.row["id"]] = await store.server.write(partial(_take_in, history=history, actor=actor, reason=reason, log=log))
    for start in range(0, len(left), _PORTION):
        _go_on(progress, total - len(left) + start, total)
        some = left[start : start + _PORTION]
        await store.server.write(partial(_append, some=some, log=log, names=names, actor=actor))
    await _check(store, log, records)
    keep(local, MOVED, log)
    return Moved(len(records), len(histories), targets, windows)


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
            found.hashes[int(origin["seq"])] = sha256(str(detail["body"]).encode()).hexdigest()
        elif "rollout" in origin:
            found.names[str(origin["rollout"])] = str(told["rollout"])
    return found


@dataclass(frozen=True, slots=True)
class _History:
    row: dict[str, Any]
    steps: list[dict[str, Any]]
    samples: list[dict[str, Any]]


def _history(conn: Connection) -> tuple[str, Sequence[Any], list[_History]]:
    log = str(conn.execute(select(about.c.value).where(about.c.key == "log")).scalar_one())
    records = conn.execute(select(audit.c.seq, audit.c.hash, audit.c.body).order_by(audit.c.seq)).all()
    found = []
    for row in conn.execute(select(rollouts).order_by(rollouts.c.number)).mappings():
        own = [
            [{name: value for name, value in each.items() if name != "number"} for each in conn.execute(query).mappings()]
            for query in (select(table).where(table.c.rollout == row["id"]).order_by(table.c.number) for table in (steps, samples))
        ]
        found.append(_History(dict(row), own[0], own[1]))
    return log, records, found


async def _state(store: PostgresStore, actor: Actor) -> tuple[int, int]:
    """Add the targets that the team does not have, and the windows that still hold; each is a record of its own."""
    known = {row.name for row in await store.targets.rows()}
    fresh = [row for row in await store.local.targets.rows() if row.name not in known and not row.practice]
    now = store.keys.now()
    for row in fresh:
        await store.targets.put(row, actor, "move into the team", now)
    used = set(await store.server.read(lambda conn: list(conn.execute(select(windows_table.c.id)).scalars())))
    windows = [window for window in await store.local.database.read(windows_in) if window.id not in used]
    for window in windows:
        await store.freezes.add(window, actor, now)
    return len(fresh), len(windows)


def _take_in(conn: Connection, history: _History, actor: Actor, reason: str, log: str) -> str:
    number = int(conn.execute(select(func.coalesce(func.max(rollouts.c.number), 0))).scalar_one()) + 1
    name = f"R-{number}"
    conn.execute(insert(rollouts), history.row | {"number": number, "id": name})
    for table, rows in ((steps, history.steps), (samples, history.samples)):
        if rows:
            conn.execute(insert(table), [row | {"rollout": name} for row in rows])
    detail = {"origin": {"log": log, "rollout": history.row["id"]}}
    at = from_iso(history.row["started_at"])
    entry = Entry(RecordKind.CONSOLE, actor, at, "move rollout", history.row["target"], name, reason, "moved", history.row["plan_hash"])
    append_to(conn, replace(entry, detail=detail))
    return name


def _append(conn: Connection, some: Sequence[Any], log: str, names: dict[str, str], actor: Actor) -> None:
    for row in some:
        told = json.loads(row.body)
        rollout = names.get(told["rollout"], "")
        act = told["act"]
        detail = {"origin": {"log": log, "seq": row.seq, "hash": row.hash, "kind": told["kind"]}, "body": row.body.decode()}
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
