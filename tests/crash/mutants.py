"""Bugs that a journal can have, each planted in the running program: most were made by somebody once, in some console."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from sqlalchemy import select

from console.engine import backward, recovery, step
from console.engine.forward import Forward
from console.model.rollout import Outcome, StepState
from console.model.stores import Authority
from console.store import journal, rules
from console.store.freezing import stops_in, windows_in
from console.store.merging import Spool
from console.store.rows import sent_row
from console.store.schema import rollouts
from console.store.wheel import SqliteWheel

Plant = Callable[[ExitStack], None]
MUTANTS: dict[str, Plant] = {}


def mutant(plant: Plant) -> Plant:
    """Take a bug in under its name."""
    MUTANTS[plant.__name__] = plant
    return plant


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Let the program have one bug while the block runs."""
    with ExitStack() as stack:
        MUTANTS[name](stack)
        yield


def swap(stack: ExitStack, owner: object, name: str, value: object) -> None:
    stack.enter_context(patch.object(owner, name, value))


@mutant
def outcome_recorded_before_sending(stack: ExitStack) -> None:
    true = step._forward_outcome

    async def early(around: Any, live: Any, order: Any, row: Any) -> Outcome:
        now = around.clock.now()
        await around.store.journal.settle(row, Outcome(row.id, StepState.CONFIRMED, now, now, now, dict(order.step.want)))
        return await true(around, live, order, row)

    swap(stack, step, "_forward_outcome", early)


@mutant
def intent_committed_after_sending(stack: ExitStack) -> None:
    true, intend = step._forward_outcome, step._intend

    async def none_yet(around: Any, record: Any, order: Any) -> Any:
        if order.token is None:
            return await intend(around, record, order)
        record.late = None if not hasattr(record, "late") else record.late
        return sent_row(step.Intent(record.rollout, order.step, order.step_id, order.actor, "", order.token, around.clock.now()), "journal")

    async def late(around: Any, live: Any, order: Any, row: Any) -> Outcome:
        outcome = await true(around, live, order, row)
        await intend(around, live.rollout, order)
        return outcome

    swap(stack, step, "_intend", none_yet)
    swap(stack, step, "_forward_outcome", late)


@mutant
def resume_sends_again_without_reading_back(stack: ExitStack) -> None:
    async def blindly(*_: Any) -> str:
        return ""

    swap(stack, Forward, "_settle_unknown", blindly)


@mutant
def token_not_checked(stack: ExitStack) -> None:
    swap(stack, rules, "_check_wheel", lambda *_: None)


@mutant
def revision_not_compared(stack: ExitStack) -> None:
    true = journal._change

    def whatever(conn: Any, rollout: Any, change: Any, entry: Any) -> Any:
        now = conn.execute(select(rollouts.c.revision).where(rollouts.c.id == rollout.id)).scalar_one()
        return true(conn, replace(rollout, revision=now), change, entry)

    swap(stack, journal, "_change", whatever)


@mutant
def unknown_settled_as_confirmed(stack: ExitStack) -> None:
    true = step.settle

    async def hopeful(around: Any, record: Any, row: Any, outcome: Outcome) -> Any:
        state = StepState.CONFIRMED if outcome.state is StepState.UNKNOWN else outcome.state
        return await true(around, record, row, replace(outcome, state=state))

    swap(stack, step, "settle", hopeful)


@mutant
def settled_step_settled_again(stack: ExitStack) -> None:
    swap(stack, rules, "check_settle", lambda *_: None)


@mutant
def rollback_leaves_the_countdown(stack: ExitStack) -> None:
    true = backward._ending

    def counting(*args: Any) -> Any:
        move = true(*args)
        return replace(move, mark=replace(move.mark, clear_auto_back=False))

    swap(stack, backward, "_ending", counting)
    swap(stack, rules, "ends_countdown", lambda phase: False)


@mutant
def recovery_goes_on_by_itself(stack: ExitStack) -> None:
    async def onward(self: Any, live: Any, record: Any) -> None:
        record.adopted = False
        asyncio.get_running_loop().call_later(3.0, self._adoption._forward.drive, live, record)

    swap(stack, recovery.Recovery, "_hold", onward)


@mutant
def emergency_journal_not_merged(stack: ExitStack) -> None:
    swap(stack, Spool, "merge", lambda *_: None)


@mutant
def guard_asked_outside_the_transaction(stack: ExitStack) -> None:
    true = journal.SqliteJournal.send

    async def early(self: Any, intent: Any, guard: Any) -> Any:
        if guard is not None:
            known = await self._database.read(lambda conn: Authority(windows_in(conn), stops_in(conn), None, self._database.now(conn)))
            journal._obey(guard(known))
        return await true(self, intent, None)

    swap(stack, journal.SqliteJournal, "send", early)


@mutant
def lease_renewed_after_it_ran_out(stack: ExitStack) -> None:
    true = SqliteWheel._renew

    def always(self: Any, conn: Any, lease: Any, ttl_s: float) -> Any:
        with patch("console.store.wheel.lease_on", lambda *_: replace(lease, expires_at=lease.expires_at.replace(year=2999))):
            return true(self, conn, lease, ttl_s)

    swap(stack, SqliteWheel, "_renew", always)


@mutant
def wheel_taken_from_its_holder(stack: ExitStack) -> None:
    swap(stack, SqliteWheel, "_take", _taker(SqliteWheel._take))


def _taker(true: Any) -> Any:
    def take(self: Any, conn: Any, wanted: Any) -> Any:
        with patch("console.store.wheel.lease_on", lambda *_: None):
            return true(self, conn, wanted)

    return take


@mutant
def an_id_sent_twice(stack: ExitStack) -> None:
    true = journal._record_intent

    def again(conn: Any, intent: Any) -> Any:
        found = conn.exec_driver_sql("SELECT id FROM steps WHERE id = ?", (intent.step_id,)).first()
        return sent_row(intent, "journal") if found else true(conn, intent)

    swap(stack, journal, "_record_intent", again)


@mutant
def forward_after_the_end(stack: ExitStack) -> None:
    true = rules.check_forward

    def open_still(row: Any, lease: Any, intent: Any, now: Any) -> None:
        true({**row, "closed": 0, "phase": "running"}, lease, intent, now)

    swap(stack, rules, "check_forward", open_still)


@mutant
def backward_sent_without_an_intent(stack: ExitStack) -> None:
    async def unrecorded(around: Any, record: Any, order: Any) -> Any:
        intent = step.Intent(record.rollout, order.step, order.step_id, order.actor, "", None, around.clock.now())
        return sent_row(intent, "journal")

    swap(stack, step, "intend_backward", unrecorded)
