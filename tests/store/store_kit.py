"""Makers of plans, intents and outcomes, and a clock that is set by hand."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from console.model.audit import Entry, Record, RecordKind
from console.model.commands import Decision
from console.model.plan import Plan, PlanKind, Step, StepKind
from console.model.rollout import Actor, Intent, Outcome, Rollout, StepState
from console.model.stores import Authority
from console.model.target import SessionGate, Stage, ThresholdGate
from console.model.verbs import Direction, Verb
from console.store.sqlite import SqliteStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = Actor("ann", "desk:1:aa")
BOB = Actor("bob", "desk:2:bb")
T = TypeVar("T")
_ids = count(1)


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.instant = NOON

    def now(self) -> datetime:
        return self.instant

    def elapsed(self) -> float:
        return (self.instant - NOON).total_seconds()

    def move(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)


def settle_now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine to its end."""
    return asyncio.run(coroutine)


UP = Step(0, StepKind.WEIGHT, Verb.STEP_UP, Direction.FORWARD, "envoy", {"blue": 95, "green": 5}, {"blue": 100, "green": 0})
BACK = Step(0, StepKind.WEIGHT, Verb.ROLLBACK, Direction.BACKWARD, "envoy", {"blue": 100, "green": 0})


def make_plan(target: str = "shop", **changes: Any) -> Plan:
    plan = Plan(
        kind=PlanKind.ROLLOUT,
        target=target,
        release="2.0",
        stable="blue",
        canary="green",
        stable_version="1.0",
        canary_version="2.0",
        steps=(UP,),
        rollback=(BACK,),
        stages=(Stage(5, 60.0, ("sessions",)), Stage(95, 60, (), bake=True)),
        gates=(SessionGate("sessions"), ThresholdGate("errors", "errors_total", None, 0.01)),
        needed={"sessions": (3, 5)},
    )
    return replace(plan, **changes)


def back_plan(target: str = "shop") -> Plan:
    return make_plan(target, kind=PlanKind.ROLLBACK, steps=(BACK,), stages=(), gates=(), needed=None)


def intent_for(rollout: Rollout, step: Step, token: int | None = None, step_id: str = "", actor: Actor = ANN) -> Intent:
    return Intent(rollout, step, step_id or f"step-{next(_ids)}", actor, "because", token, NOON)


def outcome_for(step_id: str, state: StepState = StepState.CONFIRMED) -> Outcome:
    later = NOON + timedelta(seconds=1)
    return Outcome(step_id, state, later, later, later, {"blue": 100, "green": 0}, "as wanted")


def entry(text: str = "hello", kind: RecordKind = RecordKind.CONSOLE, **changes: Any) -> Entry:
    return replace(Entry(kind, ANN, NOON, text, target="shop"), **changes)


def export_line(record: Record) -> str:
    """Write a record as an export does."""
    return json.dumps({"seq": record.seq, "hash": record.hash, "body": record.body.decode()})


def allow(_: Authority) -> Decision:
    return Decision(True)


async def opened(store: SqliteStore, plan: Plan | None = None) -> Rollout:
    return await store.journal.open(plan or make_plan(), ANN, "ship it", NOON)


async def driving(store: SqliteStore) -> tuple[Rollout, int]:
    """Open a rollout and take its wheel; returns it as it stands, with the token."""
    rollout = await opened(store)
    lease = await store.wheel.take(rollout.id, ANN, 15)
    return await store.journal.rollout(rollout.id), lease.token
