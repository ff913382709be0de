"""A shop whose way back has declared steps, and what tests do with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from engine_fakes import BLUE, GREEN, SHOP, Desk, FakeUndo, World, world

from console.model.systems import HttpUndo
from console.model.target import Reconciler, Reversibility, Snapshot, Target, UndoKind, UndoStep
from console.model.views import SendView

CALL = HttpUndo("http://u", "http://u")
BACK = {BLUE: 100.0, GREEN: 0.0}
CODE = UndoStep("code", UndoKind.CODE, CALL, deadline_s=10.0, predicted_s=2.0)
SCHEMA = UndoStep("schema", UndoKind.MIGRATION, CALL, ("code",), 10.0, 3.0)
TOKENS = UndoStep("tokens", UndoKind.CACHE, CALL, ("traffic",), 10.0, 1.0)
DESK = UndoStep("desk", UndoKind.MANUAL, None, ("schema",), 60.0, 5.0, instructions="Ring them.")
LOSSY = replace(SCHEMA, reversibility=Reversibility.LOSSY, loses="two columns", snapshot=Snapshot(CALL, 3600.0))
CONTRACT = UndoStep("contract", UndoKind.MIGRATION, CALL, reversibility=Reversibility.ONE_WAY, loses="the old columns")
ROBOT = Reconciler("robot", CALL, CALL)
TARGET = replace(SHOP, undo=(CODE, SCHEMA, TOKENS), rehearse=True)


@asynccontextmanager
async def shop(folder: Path, target: Target = TARGET) -> AsyncIterator[tuple[World, Desk]]:
    """A console on a shop with declared steps, each of which is not done yet."""
    async with world(folder, target) as w:
        for step in target.undo:
            if step.spec is not None:
                one_way = step.reversibility is Reversibility.ONE_WAY
                w.shop.undo[step.name] = FakeUndo(w.time, takes_s=step.predicted_s, done=one_way)
            if step.snapshot is not None:
                w.shop.undo[f"snapshot {step.name}"] = FakeUndo(w.time, done=True, since=w.time.clock.now())
        for check in target.ready:
            w.shop.undo[f"ready {check.name}"] = FakeUndo(w.time, done=True)
        for each in target.reconcilers:
            pause, resume = FakeUndo(w.time), FakeUndo(w.time, done=True)
            pause.undoes, resume.undoes = resume, pause
            w.shop.undo |= {f"pause {each.name}": pause, f"resume {each.name}": resume}
        for undo in w.shop.undo.values():
            undo.killed = lambda: w.store.trouble.dead
        yield w, await w.desk()


async def started(desk: Desk, stage: int = 0) -> str:
    rollout = await desk.start()
    await desk.until_stage(rollout, stage)
    return rollout


def rows(desk: Desk, rollout: str) -> dict[str, SendView]:
    return {row.name or row.kind: row for row in desk.view(rollout).sends}


async def move(desk: Desk, rollout: str, name: str, what: str, reason: str = "") -> None:
    await desk.time.really(desk.engine.move_step(rollout, rows(desk, rollout)[name].seq, what, reason))
