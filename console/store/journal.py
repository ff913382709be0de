"""The journal: rollouts, the intents of their steps, and what became of them."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from console.model.audit import Entry, RecordKind
from console.model.commands import Decision
from console.model.errors import BadFile, CannotRecord, NotAllowed, StaleWrite
from console.model.plan import Plan
from console.model.rollout import Actor, Intent, Outcome, Rollout, StepRow, StepState
from console.model.stores import Authority, Guard, RolloutChange
from console.model.verbs import Direction
from console.store import rules
from console.store.database import Database
from console.store.freezing import stops_in, windows_in
from console.store.merging import Spool
from console.store.rows import new_rollout, rollout_of, sent_row, settled_values, step_row_of, step_values
from console.store.schema import rollouts, steps
from console.store.trail import append_to, refuse_unsigned
from console.store.wheel import end_lease, lease_on
from console.store.wording import intent_entry, outcome_entry, plan_entry, refusal_entry

_log = logging.getLogger(__name__)
_ENDS = frozenset({StepState.CONFIRMED, StepState.FAILED, StepState.UNKNOWN, StepState.SKIPPED})
_OPEN_STATES = (StepState.SENT.value, StepState.UNKNOWN.value, StepState.PLANNED.value)


class SqliteJournal:
    """Rollouts and their steps."""

    def __init__(self, database: Database, spool: Spool) -> None:
        self._database = database
        self._spool = spool

    async def open(self, plan: Plan, actor: Actor, reason: str, at: datetime) -> Rollout:
        """Record a plan and open a rollout for it, as `R-1`, `R-2`, … Raises NotAllowed while another is on its way on the target."""
        backward = all(step.direction is Direction.BACKWARD for step in plan.steps)  # a way back waits for no other writer
        try:
            return await self._database.write(lambda conn: open_on(conn, plan, actor, reason, at), hook="phase", urgent=backward)
        except NotAllowed as refused:
            entry = Entry(RecordKind.REFUSAL, actor, at, plan.kind.value, plan.target, "", reason, refused.message, plan.hash)
            await self._record_refusal(entry)
            raise

    async def rollout(self, rollout_id: str) -> Rollout:
        """Return a rollout as it stands now. Raises BadFile when there is none of that id."""
        return await self._database.read(lambda conn: _load(conn, rollout_id))

    async def rollouts(self, *, live: bool, target: str = "", limit: int = 100) -> Sequence[Rollout]:
        """Return rollouts, newest first; `live` leaves out those that are over."""
        query = select(rollouts).order_by(rollouts.c.number.desc()).limit(limit)
        if live:
            query = query.where(rollouts.c.over == 0)
        if target:
            query = query.where(rollouts.c.target == target)
        return await self._database.read(lambda conn: [rollout_of(row) for row in conn.execute(query).mappings()])

    async def change(self, rollout: Rollout, change: RolloutChange, entry: Entry) -> Rollout:
        """Change a rollout by compare-and-set on its revision, with an audit record in the same transaction. Raises StaleWrite."""
        return await self._database.write(lambda conn: _change(conn, rollout, change, entry), hook="phase")

    async def send(self, intent: Intent, guard: Guard | None) -> StepRow:
        """Commit an intent, durable when it returns: checks, audit record, step = sent. See the port for what a backward one may do."""
        if intent.backward:
            return await self._send_back(intent)
        try:
            return await self._database.write(lambda conn: self._send_forward(conn, intent, guard), hook="intent")
        except StaleWrite:
            raise
        except NotAllowed as refused:
            await self._record_refusal(refusal_entry(intent, refused.message))
            raise

    def _send_forward(self, conn: Connection, intent: Intent, guard: Guard | None) -> StepRow:
        now = self._database.now(conn)
        refuse_unsigned(conn, intent.rollout.plan.target)
        lease = lease_on(conn, intent.rollout.id)
        rules.check_forward(_row(conn, intent.rollout.id), lease, intent, now)
        if guard is not None:
            current = lease if lease is not None and lease.expires_at > now else None
            _obey(guard(Authority(windows_in(conn), stops_in(conn), current, now)))
        return _record_intent(conn, intent)

    async def _send_back(self, intent: Intent) -> StepRow:
        try:
            return await self._database.write(lambda conn: _record_intent(conn, intent), hook="intent", urgent=True)
        except CannotRecord as error:
            _log.warning("backward step %s goes to the emergency journal: %s", intent.step_id, error)
        recorded = "emergency" if await self._spool.keep_intent(intent) else "not recorded"
        return sent_row(intent, recorded)

    async def settle(self, row: StepRow, outcome: Outcome) -> StepRow:
        """Commit what became of a step, with its audit record. A settled UNKNOWN may be settled again, a settled step may not."""
        if outcome.state not in _ENDS:
            raise ValueError(f"{outcome.state} is not what became of a step")
        if outcome.step_id != row.id:
            raise ValueError(f"the outcome of {outcome.step_id} is not that of {row.id}")
        backward = row.step.direction is Direction.BACKWARD
        try:
            return await self._database.write(lambda conn: _settle(conn, row, outcome), hook="outcome", urgent=backward)
        except CannotRecord as error:
            if not backward:
                raise
            _log.warning("outcome of backward step %s goes to the emergency journal: %s", row.id, error)
        recorded = "emergency" if await self._spool.keep_outcome(row, outcome) else "not recorded"
        return replace(_settled(row, outcome), recorded=recorded)

    async def steps(self, rollout_id: str) -> Sequence[StepRow]:
        """Return the steps of a rollout that were ever sent, in order of sending, those in the emergency journal included."""
        query = select(steps).where(steps.c.rollout == rollout_id).order_by(steps.c.number)
        rows = await self._database.read(lambda conn: [step_row_of(row) for row in conn.execute(query).mappings()])
        return [row for row in await self._spool.overlay(rows) if row.rollout == rollout_id]

    async def unsettled(self) -> Sequence[StepRow]:
        """Return every step that was sent and is not confirmed or failed: what a crash left behind."""
        query = select(steps).where(steps.c.state.in_(_OPEN_STATES)).order_by(steps.c.number)
        rows = await self._database.read(lambda conn: [step_row_of(row) for row in conn.execute(query).mappings()])
        return [row for row in await self._spool.overlay(rows) if row.state.value in _OPEN_STATES]

    async def _record_refusal(self, entry: Entry) -> None:
        """Record a refusal in a transaction of its own; the refusal stands even when it can't be recorded."""
        try:
            await self._database.write(lambda conn: append_to(conn, entry))
        except CannotRecord as error:
            _log.warning("a refusal could not be recorded: %s", error)


def _row(conn: Connection, rollout_id: str) -> rules.Row:
    row = conn.execute(select(rollouts).where(rollouts.c.id == rollout_id)).mappings().first()
    if row is None:
        raise BadFile(f"There is no rollout {rollout_id}.", advice="`audit list` shows the rollouts that there were.")
    return row


def _load(conn: Connection, rollout_id: str) -> Rollout:
    return rollout_of(_row(conn, rollout_id))


def open_on(conn: Connection, plan: Plan, actor: Actor, reason: str, at: datetime) -> Rollout:
    """Open a rollout in the transaction that is open. Raises NotAllowed while another is on its way on the target."""
    if any(step.direction is Direction.FORWARD for step in plan.steps):
        live = conn.execute(select(rollouts.c.id).where(rollouts.c.target == plan.target, rollouts.c.over == 0)).scalars().first()
        if live is not None:
            raise rules.still_on_its_way(live, plan.target)
    last = conn.execute(select(rollouts.c.number).order_by(rollouts.c.number.desc()).limit(1)).scalar()
    values = new_rollout(plan, (last or 0) + 1, actor, reason, at)
    conn.execute(insert(rollouts), values)
    append_to(conn, plan_entry(plan, values["id"], actor, reason, at))
    return _load(conn, values["id"])


def _change(conn: Connection, rollout: Rollout, change: RolloutChange, entry: Entry) -> Rollout:
    row = _row(conn, rollout.id)
    values = rules.changed_values(row, rollout, change)
    done = conn.execute(update(rollouts).where(rollouts.c.id == rollout.id, rollouts.c.revision == rollout.revision).values(**values))
    if done.rowcount != 1:
        raise rules.stale(rollout.id)
    if change.raise_token:
        end_lease(conn, rollout.id)
    append_to(conn, replace(entry, rollout=entry.rollout or rollout.id, plan_hash=entry.plan_hash or row["plan_hash"]))
    return _load(conn, rollout.id)


def _obey(decision: Decision) -> None:
    if decision.allowed:
        return
    reasons = decision.reasons or ("The policy does not allow it.",)
    raise NotAllowed(reasons[0], means=" ".join(reasons[1:]) or "Nothing was sent.", advice=decision.allowed_instead)


def _record_intent(conn: Connection, intent: Intent) -> StepRow:
    if conn.execute(select(steps.c.id).where(steps.c.id == intent.step_id)).first() is not None:
        raise rules.sent_before(intent.step_id)
    row = sent_row(intent, "journal")
    append_to(conn, intent_entry(intent))
    conn.execute(insert(steps), step_values(row))
    return row


def _settled(row: StepRow, outcome: Outcome) -> StepRow:
    return replace(
        row,
        state=outcome.state,
        accepted_at=outcome.accepted_at,
        read_back_at=outcome.read_back_at,
        seen=outcome.seen,
        detail=outcome.detail,
    )


def _settle(conn: Connection, row: StepRow, outcome: Outcome) -> StepRow:
    """Settle a step in its row; a step that was never recorded gets its row now, and its record says so."""
    stored = conn.execute(select(steps).where(steps.c.id == row.id)).mappings().first()
    if stored is None:
        conn.execute(insert(steps), step_values(replace(row, recorded="not recorded")))
    else:
        rules.check_settle(StepState(stored["state"]), row.id)
    conn.execute(update(steps).where(steps.c.id == row.id).values(**settled_values(outcome)))
    hash_now = conn.execute(select(rollouts.c.plan_hash, rollouts.c.target).where(rollouts.c.id == row.rollout)).first()
    plan_hash, target = ("", "") if hash_now is None else (hash_now.plan_hash, hash_now.target)
    append_to(conn, outcome_entry(row, outcome, target=target, plan_hash=plan_hash, unrecorded=stored is None))
    return step_row_of(conn.execute(select(steps).where(steps.c.id == row.id)).mappings().one())
