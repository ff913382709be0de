"""What must not hold a way back up: a rehearsal, a slow step, a second click, a slow record, a check that hangs, a refusal."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from engine_fakes import BLUE, GREEN, SHOP, Desk, FakeUndo, World, world

from console.engine import moves, step
from console.model.errors import CannotRecord, NotAllowed, Unreachable
from console.model.readings import UndoState
from console.model.rollout import Phase
from console.model.systems import HttpUndo
from console.model.target import Reconciler, Reversibility, Target, UndoKind, UndoStep
from console.model.verbs import State, Verb

pytestmark = pytest.mark.anyio

CALL = HttpUndo("http://u", "http://u")
CODE = UndoStep("code", UndoKind.CODE, CALL, deadline_s=600.0, predicted_s=2.0)
ROBOT = Reconciler("robot", CALL, CALL)
TARGET = replace(SHOP, undo=(CODE,), rehearse=True)


async def opened(w: World, target: Target = TARGET) -> Desk:
    for each in target.undo:
        w.shop.undo[each.name] = FakeUndo(w.time)
    for each in target.reconcilers:
        w.shop.undo |= {f"pause {each.name}": FakeUndo(w.time), f"resume {each.name}": FakeUndo(w.time, done=True)}
    return await w.desk()


async def started(desk: Desk) -> str:
    rollout = await desk.start()
    await desk.until_stage(rollout, 0)
    return rollout


def seq_of(desk: Desk, rollout: str, name: str) -> int:
    return next(row.seq for row in desk.view(rollout).sends if (row.name or row.kind) == name)


async def test_a_real_way_back_does_not_wait_for_a_rehearsal_and_is_not_undone_by_it(tmp_path: Path) -> None:
    async with world(tmp_path, TARGET) as w:
        desk = await opened(w)
        release = await desk.start()
        await desk.until_phase(release, "done")
        assert w.shop.router.weights[GREEN] == 100
        w.shop.undo["code"].takes_s = 300.0
        rehearsing = asyncio.ensure_future(desk.engine.rehearse("shop", "try"))
        await w.time.until(lambda: bool(w.shop.undo["code"].keys), 20)
        answer = await desk.act(Verb.ROLLBACK, reason="payments fail")
        assert answer.decision.allowed
        await w.time.until(lambda: w.shop.router.weights[BLUE] == 100, 5)
        w.shop.undo["code"].done = True
        await desk.until_phase(answer.rollout, "rolled back")
        await w.time.through(rehearsing, 900)
        await w.time.advance(30)
        assert w.shop.router.weights[BLUE] == 100
        assert desk.target.stable == BLUE


async def test_roll_back_again_sends_traffic_that_did_not_get_through_beside_a_step_that_takes_long(tmp_path: Path) -> None:
    target = replace(TARGET, undo=(replace(CODE, after=("flag",)),))
    async with world(tmp_path, target) as w:
        desk = await opened(w, target)
        rollout = await started(desk)
        w.shop.undo["code"].takes_s = 300.0
        w.shop.router.errors = [Unreachable("no route", sent=False)] * 20
        await desk.act(Verb.ROLLBACK)
        await w.time.until(lambda: State.FAILED in {row.state for row in desk.view(rollout).sends}, 60)
        w.shop.router.errors.clear()
        answer = await desk.act(Verb.ROLLBACK)
        assert "what did not get through is sent once more" in answer.detail
        await w.time.until(lambda: w.shop.router.weights[GREEN] == 0, 5)
        assert len(w.shop.undo["code"].keys) == 1


async def test_two_quick_clicks_on_retry_run_a_step_once(tmp_path: Path) -> None:
    target = replace(TARGET, undo=(CODE, replace(CODE, name="slow", kind=UndoKind.CACHE)))
    async with world(tmp_path, target) as w:
        desk = await opened(w, target)
        rollout = await started(desk)
        w.shop.undo["slow"].takes_s = 200.0
        w.shop.undo["code"].errors = [NotAllowed("not now")]
        await desk.act(Verb.ROLLBACK)
        await w.time.until(lambda: State.FAILED in {row.state for row in desk.view(rollout).sends}, 30)
        seq = seq_of(desk, rollout, "code")
        w.shop.undo["code"].takes_s = 20.0
        w.store.trouble.slow = ("send", 1.0)
        await w.time.really(desk.engine.move_step(rollout, seq, "retry", ""))
        await w.time.advance(0.5)
        await w.time.really(desk.engine.move_step(rollout, seq, "retry", ""))
        w.store.trouble.slow = ("", 0.0)
        await w.time.advance(60)
        assert len(w.shop.undo["code"].keys) == 2, "the one that was refused, and one retry"


async def test_a_quarantine_that_is_slow_to_record_holds_no_step_up(tmp_path: Path) -> None:
    target = replace(TARGET, reconcilers=(ROBOT,))
    async with world(tmp_path, target) as w:
        desk = await opened(w, target)
        rollout = await started(desk)
        w.store.trouble.slow = ("quarantine", 50.0)
        await desk.act(Verb.ROLLBACK)
        await w.time.until(lambda: w.shop.undo["code"].done, 5)
        await desk.until_phase(rollout, "rolled back")
        assert desk.target.quarantine[0].paused == ("robot",)


async def test_a_quarantine_that_could_not_be_recorded_stands_and_is_recorded_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, TARGET) as w:
        desk = await opened(w)
        rollout = await started(desk)
        ways = w.store._store.ways

        async def full(*_: object) -> None:
            raise CannotRecord("The disk is full.")

        with monkeypatch.context() as patched:
            patched.setattr(ways, "quarantine", full)
            await desk.act(Verb.ROLLBACK, reason="payments fail")
            await desk.until_phase(rollout, "rolled back")
            await w.time.advance(5)
            assert not (await desk.act(Verb.START, release="5.2b")).decision.allowed
        await desk.act(Verb.START, release="5.2b")  # a refusal, which changes the records
        await w.time.advance(5)
        assert [row.version for row in await w.time.through(w.store.ways.quarantines("shop"))] == ["5.2b"]
        assert not (await desk.act(Verb.START, release="5.2b")).decision.allowed


async def test_what_the_records_refuse_is_told_in_their_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, TARGET) as w:
        desk = await opened(w)
        rollout = await started(desk)

        async def refused(*_: object) -> None:
            raise NotAllowed("The team's database refuses it: ben is a viewer.")

        monkeypatch.setattr(step, "intend_backward", refused)
        await desk.act(Verb.ROLLBACK)
        view = await desk.until_phase(rollout, "rollback stopped")
        assert "ben is a viewer" in view.note
        assert "made an error" not in view.note


async def test_a_check_that_takes_its_time_to_end_holds_no_way_back_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_way = UndoStep("contract", UndoKind.MIGRATION, CALL, reversibility=Reversibility.ONE_WAY, loses="columns")
    target = replace(TARGET, undo=(one_way,))
    async with world(tmp_path, target) as w:
        desk = await opened(w, target)
        rollout = await started(desk)
        ended = asyncio.Event()

        async def stuck() -> UndoState:
            try:
                await asyncio.Event().wait()
            finally:
                with suppress(asyncio.CancelledError):
                    await ended.wait()  # as a process that no signal ends
            raise Unreachable("gone", sent=False)

        live = desk.engine._parts.targets["shop"]
        live.looks.clear()
        monkeypatch.setattr(moves, "LOSS_S", 0.01)
        monkeypatch.setattr(w.shop.undo["contract"], "look", stuck)
        acting = asyncio.ensure_future(desk.act(Verb.ROLLBACK))
        done, _ = await asyncio.wait({acting}, timeout=2.0)
        ended.set()
        assert done, "it waited for the check to end"
        assert w.shop.router.weights[GREEN] == 0
        assert desk.view(rollout).phase in {Phase.ABORTING, Phase.BACK_STOPPED, Phase.ROLLED_BACK}


async def test_what_became_of_a_slow_step_is_asked_no_longer_than_a_look_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path, TARGET) as w:
        desk = await opened(w)
        rollout = await started(desk)
        w.shop.undo["code"].errors = [NotAllowed("not now")]
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rollback stopped")
        parts = desk.engine._parts
        live, record = parts.targets["shop"], parts.records[rollout]
        row = next(row for row in record.rows.values() if row.step.name == "code")
        assert row.step.deadline_s == 600
        monkeypatch.setattr(step, "LOOK_S", 0.01)
        monkeypatch.setattr(w.shop.undo["code"], "look", asyncio.Event().wait)
        async with asyncio.timeout(5):  # else a console opens only when the step's own time is over
            looked = await step.look_again(parts.around, live, record, row, "")
        assert "No answer from code in 0.01 s" in looked.detail
