"""A way back of six steps, killed at every hook and again at every later reach of it: done, or stopped at a step, and one click ends it."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
from engine_fakes import ANA, ANA2, BLUE, GREEN, SHOP, FakeUndo, World, world

from console.model.commands import Command
from console.model.hooks import HOOKS, arm
from console.model.rollout import Phase, StepState
from console.model.systems import HttpUndo
from console.model.target import UndoKind, UndoStep
from console.model.verbs import Direction, Verb

pytestmark = pytest.mark.anyio

CALL = HttpUndo("http://u", "http://u")
NAMES = ("code", "schema", "tokens", "partners")
TARGET = replace(
    SHOP,
    undo=(
        UndoStep("code", UndoKind.CODE, CALL, deadline_s=10.0),
        UndoStep("schema", UndoKind.MIGRATION, CALL, ("code",), 10.0),
        UndoStep("tokens", UndoKind.CACHE, CALL, ("code",), 10.0),
        UndoStep("partners", UndoKind.EXTERNAL, CALL, ("schema", "tokens"), 10.0),
    ),
)
REACHED = [hook for hook in HOOKS if hook not in {"plan-opened", "wheel-taken"}]
"""A rollback of a rollout under way opens no plan and takes no wheel."""

EVERY = int(os.environ.get("WAYBACK_CRASHES", "2"))
"""At how many reaches of each hook the console is killed; six or more try every step."""

POINTS = [(hook, count) for hook in REACHED for count in range(1, EVERY + 1)]


class Crash(BaseException):
    """The console dies here."""


class Killer:
    """Kills the console when it reaches a hook for the n-th time; nothing of it goes on afterwards."""

    def __init__(self, w: World, hook: str, count: int) -> None:
        self._world, self._hook, self._left, self.struck = w, hook, count, False

    def __call__(self, name: str) -> None:
        if self.struck:
            raise Crash
        if name != self._hook:
            return
        self._left -= 1
        if self._left == 0:
            self.struck = self._world.store.trouble.dead = True
            raise Crash


async def until_killed(w: World, desk, hook: str, count: int) -> bool:
    killer = Killer(w, hook, count)
    with arm(killer):
        task = asyncio.ensure_future(desk.engine.act(Command(Verb.ROLLBACK, "shop", ANA, "payments fail")))
        for _ in range(80):
            await w.time.settle()
            if killer.struck:
                break
            await w.time.advance(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await w.kill(desk)
    return killer.struck


@pytest.mark.parametrize(("hook", "count"), POINTS)
async def test_killed_anywhere_it_is_done_or_stopped_at_a_step_and_one_click_ends_it(tmp_path: Path, hook: str, count: int) -> None:
    async with world(tmp_path, TARGET) as w:
        for name in NAMES:
            w.shop.undo[name] = FakeUndo(w.time, takes_s=1.0, killed=lambda: w.store.trouble.dead)
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        struck = await until_killed(w, desk, hook, count)
        assert struck or count > 2
        sent, runs = len(w.shop.router.changes), {name: list(undo.keys) for name, undo in w.shop.undo.items()}
        again = await w.desk_again(ANA, ANA2)
        await w.time.advance(20)
        assert (len(w.shop.router.changes), {name: undo.keys for name, undo in w.shop.undo.items()}) == (sent, runs), "sent by itself"
        row = await again.row(rollout)
        if row.phase is Phase.BACK_STOPPED:
            assert row.note.startswith("rollback stopped at step ")
        else:
            assert row.phase in {Phase.ROLLED_BACK, Phase.HELD}, "held where the crash came before the way back was on record"
        if row.phase is not Phase.ROLLED_BACK:
            assert (await again.act(Verb.ROLLBACK)).decision.allowed
            await again.until_phase(rollout, "rolled back")
        await everything_is_back(w, rollout)
        assert all(len(undo.keys) <= 2 for undo in w.shop.undo.values()), "once before the crash and once after it, at the most"


async def everything_is_back(w: World, rollout: str) -> None:
    assert w.shop.router.weights == {BLUE: 100.0, GREEN: 0.0}
    assert not w.shop.flags.on
    assert all(undo.done for undo in w.shop.undo.values())
    rows = [row for row in await w.time.through(w.store.journal.steps(rollout)) if row.step.direction is Direction.BACKWARD]
    assert all(row.state is not StepState.SENT for row in rows), "a step was lost"
    ids = {row.id for row in rows}
    assert {key for undo in w.shop.undo.values() for key in undo.keys} <= ids, "an effect without an intent"
    assert {row.step.name for row in rows if row.state is StepState.CONFIRMED} >= set(NAMES)
    assert (await w.time.through(w.store.audit.verify())).ok
