"""A release with a database: migrations before traffic, each once, and what the schema forbids or closes."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from engine_fakes import ANA, ANA2, SHOP, FakeTime, FakeUndo, World, world

from console.model.commands import Command
from console.model.database import (
    Applied,
    LockHolder,
    Migration,
    MigrationPhase,
    MigrationSeen,
    MigrationTool,
    PostgresDatabase,
    SchemaState,
)
from console.model.errors import OutcomeUnknown, Refused, Unreachable
from console.model.hooks import HOOKS, arm
from console.model.plan import StepKind
from console.model.ports import Connections
from console.model.readiness import Light
from console.model.readings import Identity
from console.model.rollout import Phase, StepState
from console.model.systems import MigrationUndo
from console.model.target import Reversibility, Target, UndoKind, UndoStep
from console.model.verbs import Verb

pytestmark = pytest.mark.anyio

EXPAND = Migration("ref", "0042", run=("up",), undo=("down",), tables=("orders",), timeout_s=30.0)
CONTRACT = Migration("drop", "0043", MigrationPhase.CONTRACT)
DATABASE = PostgresDatabase("postgresql://w@127.0.0.1/shop", MigrationTool.ALEMBIC, (EXPAND, CONTRACT), base="0041")
UNDO = UndoStep("schema", UndoKind.MIGRATION, MigrationUndo("ref", 10.0), deadline_s=10.0)
PAST = UndoStep("dropped", UndoKind.MIGRATION, MigrationUndo("drop"), reversibility=Reversibility.ONE_WAY, loses="the old column")
TARGET = replace(SHOP, database=DATABASE, undo=(UNDO, PAST))


@dataclass
class FakeSchema:
    """A database whose migration is applied when its step has run; `error` is raised by every reading."""

    time: FakeTime
    forward: FakeUndo
    contracted: bool = False
    error: Exception | None = None
    locks: tuple[LockHolder, ...] = ()
    reads: int = field(default=0)

    async def identity(self) -> Identity:
        return Identity("1/2", "3")

    async def state(self) -> SchemaState:
        self.reads += 1
        if self.error:
            raise self.error
        how = (self.forward.done, self.contracted)
        seen = tuple(
            MigrationSeen(each.name, each.revision, each.phase, Applied.YES if done else Applied.NO)
            for each, done in zip(DATABASE.migrations, how, strict=True)
        )
        return SchemaState(await self.identity(), self.time.clock.now(), "0042", seen, locks=self.locks)


@asynccontextmanager
async def shop(folder: Path, target: Target = TARGET) -> AsyncIterator[tuple[World, FakeSchema]]:
    async with world(folder, target) as w:
        back, forward = FakeUndo(w.time, done=True, takes_s=1.0), FakeUndo(w.time, takes_s=2.0)
        back.undoes, forward.undoes = forward, back
        w.shop.undo |= {"schema": back, "migrate ref": forward, "dropped": FakeUndo(w.time, done=True)}
        for undo in w.shop.undo.values():
            undo.killed = lambda: w.store.trouble.dead
        schema = FakeSchema(w.time, forward)
        plain = w.shop.connect

        def connect(*args: object) -> Connections:
            return replace(plain(*args), schema=schema)  # type: ignore[arg-type]

        w.shop.connect = connect  # type: ignore[method-assign]
        yield w, schema


async def test_a_migration_runs_once_and_before_any_traffic(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, _):
        desk = await w.desk()
        plan = await w.time.really(desk.engine.plan("shop", "5.2b"))
        assert [row.what for row in plan.sends][:2] == ["Run the migration: ref", "Traffic to 5 %"]
        assert any("0042 is not applied: the plan runs it" in warning for warning in plan.warnings)
        rollout = await desk.start()
        await w.time.advance(1.0)
        assert w.shop.router.sent == []
        await desk.until_stage(rollout, 0)
        forward = w.shop.undo["migrate ref"]
        assert (len(forward.keys), forward.done) == (1, True)
        rows = await w.time.through(w.store.journal.steps(rollout))
        assert (rows[0].step.kind, rows[0].step.verb, rows[0].state) == (StepKind.MIGRATION, Verb.MIGRATE, StepState.CONFIRMED)
        assert forward.keys == [rows[0].id], "the step's id is its key"


async def test_what_is_applied_already_is_not_run(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, _):
        w.shop.undo["migrate ref"].done, w.shop.undo["schema"].done = True, False
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        assert w.shop.undo["migrate ref"].keys == []


async def test_a_migration_that_fails_holds_before_traffic_and_a_resume_runs_it_again(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, _):
        forward = w.shop.undo["migrate ref"]
        forward.errors, forward.works = [Refused("alembic ended with exit code 1. It says: lock timeout.")], False
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_phase(rollout, "held")
        assert "lock timeout" in (await desk.row(rollout)).note
        assert w.shop.router.sent == []
        forward.works = True
        assert (await desk.act(Verb.RESUME, reason="the session was ended")).decision.allowed
        await desk.until_stage(rollout, 0)
        assert len(forward.keys) == 2


async def test_a_command_that_ended_badly_after_its_effect_is_confirmed_by_the_read(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, _):
        forward = w.shop.undo["migrate ref"]
        forward.errors = [Unreachable("It did not end in time.", sent=True)]
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        assert len(forward.keys) == 1


async def test_what_became_of_a_migration_and_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, _):
        forward = w.shop.undo["migrate ref"]
        forward.errors, forward.works = [OutcomeUnknown("It was ended by signal 9.")], False
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_phase(rollout, "unknown")
        assert w.shop.router.sent == []
        forward.done, w.shop.undo["schema"].done = True, False
        assert (await desk.act(Verb.RESUME, reason="it is there")).decision.allowed
        await desk.until_stage(rollout, 0)
        assert len(forward.keys) == 1, "what the read shows is not run again"


async def test_a_migration_that_cannot_be_read_is_not_run(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, _):
        desk = await w.desk()
        w.shop.undo["migrate ref"].blind = Unreachable("The database hangs.", sent=False)
        rollout = await desk.start()
        await desk.until_phase(rollout, "held")
        assert w.shop.undo["migrate ref"].keys == []
        assert "Nothing was run" in (await desk.row(rollout)).note


async def test_a_rollback_while_it_runs_ends_it_and_then_takes_it_back(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, _):
        forward = w.shop.undo["migrate ref"]
        forward.takes_s = 20.0
        desk = await w.desk()
        rollout = await desk.start()
        await w.time.until(lambda: bool(forward.keys))
        assert (await desk.act(Verb.ROLLBACK, reason="wrong release")).decision.allowed
        await desk.until_phase(rollout, "rolled back")
        rows = await w.time.through(w.store.journal.steps(rollout))
        ended = next(row for row in rows if row.step.verb is Verb.MIGRATE)
        assert ended.state is not StepState.CONFIRMED
        back = next(row for row in rows if row.step.name == "schema")
        assert back.sent_at >= ended.sent_at
        assert not forward.done


async def test_what_the_schema_says_forbids_a_start(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, schema):
        desk = await w.desk()
        schema.locks = (LockHolder("orders", "web", "idle in transaction", 240.0),)
        refused = await desk.act(Verb.START, release="5.2b")
        assert "An idle transaction of web has held a lock on orders for 4 min" in refused.decision.reasons[0]
        schema.locks, schema.error = (), Refused("The login w may not read alembic_version.")
        refused = await desk.act(Verb.START, release="5.2b")
        assert "may not read alembic_version" in refused.decision.reasons[0]
        schema.error = None
        assert (await desk.act(Verb.START, release="5.2b")).decision.allowed


async def test_the_light_reads_expanded_and_contracted_from_the_table(tmp_path: Path) -> None:
    async with shop(tmp_path, replace(TARGET, undo=(UNDO,))) as (w, schema):
        desk = await w.desk()
        await w.time.advance(12)
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await w.time.advance(12)
        item = next(item for item in desk.target.readiness.items if item.name == "schema")
        assert (item.light, item.sentence) == (Light.READY, "Expanded (0042), and not contracted (0043 is pending).")
        schema.contracted = True
        await w.time.advance(12)
        item = next(item for item in desk.target.readiness.items if item.name == "schema")
        assert item.light is Light.SHUT
        schema.error = Unreachable("It hangs.", sent=False)
        await w.time.advance(40)
        item = next(item for item in desk.target.readiness.items if item.name == "schema")
        assert item.light is Light.UNKNOWN


async def test_a_contraction_that_is_past_is_a_loss_that_going_back_asks_about(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, schema):
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.shop.undo["dropped"].done, schema.contracted = False, True
        await w.time.advance(5)
        asked = await desk.act(Verb.ROLLBACK, reason="payments fail")
        assert not asked.decision.allowed
        assert "the old column" in asked.decision.reasons[0]
        assert (await desk.act(Verb.ROLLBACK, reason="payments fail")).decision.allowed


async def test_the_target_shows_its_schema(tmp_path: Path) -> None:
    async with shop(tmp_path) as (w, schema):
        desk = await w.desk()
        await w.time.advance(11)
        view = desk.target.schema
        assert view is not None
        assert (view.tool, view.words, view.identity, view.pinned) == ("alembic", "At 0042; 2 migrations pending.", "1/2", False)
        assert [line.name for line in view.lines] == ["0042", "0043"]
        assert any(each.port == "schema" and each.ok for each in desk.target.connections)
        schema.error = Unreachable("It hangs.", sent=False)
        await w.time.advance(12)
        assert desk.target.schema.problem == "It hangs."
        assert next(each for each in desk.target.connections if each.port == "schema").problem is not None


EVERY = int(os.environ.get("WAYBACK_CRASHES", "1"))


class Crash(BaseException):
    """The console dies here."""


@pytest.mark.parametrize(("hook", "count"), [(hook, count) for hook in HOOKS for count in range(1, EVERY + 1)])
async def test_killed_anywhere_on_the_way_forward_it_is_never_run_unseen(tmp_path: Path, hook: str, count: int) -> None:
    async with shop(tmp_path) as (w, _):
        desk, left, struck = await w.desk(), [count], [False]

        def kill(name: str) -> None:
            left[0] -= name == hook
            if struck[0] or left[0] == 0:
                struck[0] = w.store.trouble.dead = True
                raise Crash

        with arm(kill):
            starting = asyncio.ensure_future(desk.engine.act(Command(Verb.START, "shop", ANA, release="5.2b")))
            for _ in range(40):
                await w.time.settle()
                if struck[0] or w.shop.router.sent:
                    break
                await w.time.advance(0.5)
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await w.kill(desk)
        forward = w.shop.undo["migrate ref"]
        ran = list(forward.keys)
        again = await w.desk_again(ANA, ANA2)
        await w.time.advance(20)
        assert forward.keys == ran, "nothing is run by itself"
        rollouts = await w.time.through(w.store.journal.rollouts(live=True))
        if not rollouts:
            assert ran == []
            return
        rollout = rollouts[0].id
        rows = await w.time.through(w.store.journal.steps(rollout))
        assert set(ran) <= {row.id for row in rows}, "an effect without an intent"
        assert all(row.state is not StepState.SENT for row in rows), "a step was lost"
        if rollouts[0].phase is not Phase.RUNNING:
            assert (await again.act(Verb.RESUME, reason="looked")).decision.allowed
        await again.until_stage(rollout, 0)
        assert forward.done
        assert len(forward.keys) <= 2
