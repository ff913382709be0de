"""Releases of several targets: which members there are, what was approved of each, and which rollout each has become."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from console.model.audit import Entry, RecordKind
from console.model.clock import from_iso
from console.model.errors import BadFile, NotAllowed, StaleWrite, StoreError
from console.model.plan import Plan
from console.model.rollout import Actor, Rollout
from console.model.stores import TrainChange
from console.model.train import Member, Train, TrainPhase, TrainPlan, Until, train_hash
from console.store.database import Database
from console.store.journal import open_on
from console.store.planjson import plan_of, plan_text
from console.store.redact import redact_text
from console.store.rows import stamp, stamp_or_none
from console.store.rules import stale
from console.store.schema import trains
from console.store.trail import append_to, refuse_unsigned

_FORWARD = frozenset({TrainPhase.RUNNING, TrainPhase.HELD, TrainPhase.DONE})


class SqliteTrains:
    """Trains; each change is an audit record in the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, plan: TrainPlan, plans: Mapping[str, Plan], actor: Actor, reason: str, at: datetime) -> Train:
        """Record a train, as `T-1`, `T-2`, … Raises NotAllowed while another one under way has one of its targets."""
        return await self._database.write(lambda conn: _open(conn, plan, plans, (actor, reason, at)), hook="phase")

    async def train(self, train_id: str) -> Train:
        """Return a train as it stands now. Raises BadFile when there is none of that id."""
        return await self._database.read(lambda conn: _train(_row(conn, train_id)))

    async def trains(self, *, live: bool, limit: int = 50) -> Sequence[Train]:
        """Return trains, newest first; `live` leaves out those that are over."""
        query = select(trains).order_by(trains.c.number.desc()).limit(limit)
        if live:
            query = query.where(trains.c.over == 0)
        return await self._database.read(lambda conn: [_train(row) for row in conn.execute(query).mappings()])

    async def change(self, train: Train, change: TrainChange, entry: Entry) -> Train:
        """Change a train by compare-and-set on its revision, with its record. Raises StaleWrite, NotAllowed (I4)."""
        back = change.phase in {TrainPhase.GOING_BACK, TrainPhase.STOPPED, TrainPhase.ROLLED_BACK}
        return await self._database.write(lambda conn: _change(conn, train, change, entry), hook="phase", urgent=back)

    async def board(self, train: Train, target: str, actor: Actor, reason: str, at: datetime) -> tuple[Train, Rollout]:
        """Open a member's rollout and note it in the train, both or neither. Raises StaleWrite, NotAllowed."""
        return await self._database.write(lambda conn: _board(conn, train, target, (actor, reason, at)), hook="phase")


def _row(conn: Connection, train_id: str) -> Mapping[Any, Any]:
    row = conn.execute(select(trains).where(trains.c.id == train_id)).mappings().first()
    if row is None:
        raise BadFile(f"There is no train {train_id}.", advice="`release train list` shows the trains that there were.")
    return row


def _open(conn: Connection, plan: TrainPlan, plans: Mapping[str, Plan], act: tuple[Actor, str, datetime]) -> Train:
    actor, reason, at = act
    targets = [each.target for each in plan.members]
    for row in conn.execute(select(trains.c.id, trains.c.targets).where(trains.c.over == 0)):
        shared = sorted(set(targets) & set(json.loads(row.targets)))
        if shared:
            raise NotAllowed(
                f"{', '.join(shared)} is in {row.id}, which is not over.",
                means="One target is in one train at a time. Nothing was started.",
                advice=f"Finish {row.id} or roll it back first.",
            )
    last = conn.execute(select(trains.c.number).order_by(trains.c.number.desc()).limit(1)).scalar()
    number = (last or 0) + 1
    name, approved = f"T-{number}", _plan_values(plan, plans)
    values = {
        "number": number,
        "id": name,
        "name": plan.name,
        "value": plan.text(),
        "targets": json.dumps(targets),
        **approved,
        "phase": TrainPhase.RUNNING.value,
        "started_by": actor.name,
        "console": actor.console,
        "driver": actor.name,
        "driver_console": actor.console,
        "reason": redact_text(reason),
        "started_at": stamp(at),
        "note": "",
        "rollouts": "{}",
        "held": "[]",
        "over": 0,
        "closed": 0,
        "revision": 1,
    }
    conn.execute(insert(trains), values)
    detail = {"train": json.loads(plan.text()), "plans": {target: each.hash for target, each in plans.items()}}
    append_to(conn, Entry(RecordKind.PLAN, actor, at, "train", "", name, reason, "planned", approved["plan_hash"], detail))
    return _train(_row(conn, name))


def _plan_values(plan: TrainPlan, plans: Mapping[str, Plan]) -> dict[str, str]:
    texts = {target: plan_text(each) for target, each in plans.items()}
    return {"plans": json.dumps(texts, sort_keys=True), "plan_hash": train_hash(plan, {name: each.hash for name, each in plans.items()})}


def _train(row: Mapping[Any, Any]) -> Train:
    """Return the train that a row holds. Raises StoreError for one that cannot be read."""
    try:
        return Train(
            id=row["id"],
            plan=train_plan_of(row["value"]),
            plans={target: plan_of(text) for target, text in json.loads(row["plans"]).items()},
            phase=TrainPhase(row["phase"]),
            revision=row["revision"],
            driver=Actor(row["driver"], row["driver_console"]),
            started_by=Actor(row["started_by"], row["console"]),
            reason=row["reason"],
            started_at=from_iso(row["started_at"]),
            rollouts=dict(json.loads(row["rollouts"])),
            held=tuple(json.loads(row["held"])),
            note=row["note"],
            ended_at=None if row["ended_at"] is None else from_iso(row["ended_at"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The train {row['id']} cannot be read ({error}).",
            means="Its members' rollouts are shown, and can be taken back each by itself.",
            advice="Run `audit verify`.",
        ) from error


def train_plan_of(text: str) -> TrainPlan:
    """Rebuild a train's plan from its text. Raises ValueError, KeyError or TypeError for what is none."""
    whole = json.loads(text)
    members = tuple(Member(each["target"], each["version"], tuple(each["after"]), Until(each["until"])) for each in whole["members"])
    return TrainPlan(whole["name"], members, bool(whole["signs_no_way_back"]))


def _change(conn: Connection, train: Train, change: TrainChange, entry: Entry) -> Train:
    row = _row(conn, train.id)
    values: dict[str, Any] = {
        "note": None if change.note is None else redact_text(change.note),
        "held": None if change.held is None else json.dumps(list(change.held)),
        "ended_at": stamp_or_none(change.ended_at),
    }
    if change.driver is not None:
        values |= {"driver": change.driver.name, "driver_console": change.driver.console}
    if change.plans is not None:
        values |= _plan_values(train.plan, change.plans)
    if change.phase is not None:
        values |= _phase_values(row, change.phase)
    _write(conn, train, {name: value for name, value in values.items() if value is not None})
    append_to(conn, replace(entry, rollout=train.id, plan_hash=entry.plan_hash or train.hash))
    return _train(_row(conn, train.id))


def _phase_values(row: Mapping[Any, Any], phase: TrainPhase) -> dict[str, Any]:
    if row["closed"] and phase in _FORWARD:
        raise _closed(row)
    closed = int(bool(row["closed"]) or phase not in _FORWARD)
    return {"phase": phase.value, "over": int(phase.over), "closed": closed}


def _closed(row: Mapping[Any, Any]) -> NotAllowed:
    return NotAllowed(
        f"{row['id']} was taken back; it cannot go on.", means="No member of it starts any more.", advice="Start a new train to go forward."
    )


def _write(conn: Connection, train: Train, values: Mapping[str, Any]) -> None:
    at_hand = update(trains).where(trains.c.id == train.id, trains.c.revision == train.revision)
    if conn.execute(at_hand.values(**values, revision=train.revision + 1)).rowcount != 1:
        raise stale(train.id)


def _board(conn: Connection, train: Train, target: str, act: tuple[Actor, str, datetime]) -> tuple[Train, Rollout]:
    actor, reason, at = act
    row = _row(conn, train.id)
    if row["revision"] != train.revision:
        raise stale(train.id)
    now = _train(row)
    if row["closed"]:
        raise _closed(row)
    if now.phase is not TrainPhase.RUNNING or target in now.rollouts:
        why = f"{target} has started already" if target in now.rollouts else f"it is {now.phase.value}"
        raise StaleWrite(f"{train.id} does not start {target}: {why}.", means="Nothing was started.", advice="Look at the train as it is.")
    plan = now.plans.get(target)
    if plan is None or row["plan_hash"] != now.hash:
        raise NotAllowed(
            f"The plans of {train.id} are not those that were recorded.",
            means="They were changed after they were approved. Nothing was started.",
            advice="Start a new train; run `audit verify`.",
        )
    refuse_unsigned(conn, target)
    rollout = open_on(conn, plan, actor, reason, at)
    _write(conn, train, {"rollouts": json.dumps({**now.rollouts, target: rollout.id}, sort_keys=True)})
    detail = {"train": train.id, "member": target, "rollout": rollout.id}
    append_to(conn, Entry(RecordKind.PHASE, actor, at, "start member", target, train.id, reason, rollout.id, plan.hash, detail))
    return _train(_row(conn, train.id)), rollout
