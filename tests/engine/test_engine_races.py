"""Moves that overlap: whatever comes late, nothing raises exposure after a way back, and the records say which side is stable."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_fakes import BEN, BLUE, GREEN, PAYMENTS, SHOP, WITH_PIPELINE, World, world

from console.model.audit import Entry, RecordKind
from console.model.errors import StaleWrite, Unreachable
from console.model.events import PhaseChanged
from console.model.readings import Identity
from console.model.rollout import Phase, Rollout
from console.model.stores import RolloutChange
from console.model.verbs import Verb

pytestmark = pytest.mark.anyio

BACK = {BLUE: 100.0, GREEN: 0.0}
DOWN = Unreachable("connection refused", sent=False)


async def stable(w: World) -> str:
    return (await w.time.through(w.store.targets.rows()))[0].stable


async def test_a_step_down_that_is_sent_again_does_not_raise_what_a_rollback_lowered(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        w.shop.router.errors = [DOWN]
        await desk.act(Verb.STEP_DOWN)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        await w.time.advance(30)
        assert w.shop.router.weights == BACK
        assert w.shop.router.sent == [5, 25, 5, 0]


async def test_a_rollback_stays_under_way_when_the_step_down_before_it_ends(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        record = desk.engine._parts.records[rollout]
        w.shop.router.before_set = lambda: w.time.sleep(1.0)
        await desk.act(Verb.STEP_DOWN)
        w.shop.router.before_set = lambda: w.time.sleep(3.0)
        await desk.act(Verb.ROLLBACK)
        await w.time.advance(2.0)
        assert record.backward is not None
        ended = await w.time.through(desk.engine.ended(rollout))
        assert ended.phase is Phase.ROLLED_BACK
        assert w.shop.router.sent == [5, 25, 5, 0]


async def test_a_gate_that_fails_as_the_release_ends_leaves_stable_where_it_was(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 4)
        w.shop.router.before_set = lambda: _fail(w)
        await w.time.until(lambda: w.shop.router.sent[-1] == 100)
        view = await desk.until_phase(rollout, "stopped", "done")
        assert view.phase is Phase.STOPPED
        assert await stable(w) == BLUE
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        assert w.shop.router.weights == BACK
        assert await stable(w) == BLUE


async def _fail(w: World) -> None:
    """Let the canary fail all payments, and the last step take long enough that the judge sees it."""
    w.shop.metrics.share[GREEN] = 0.0
    w.shop.router.before_set = None
    await w.time.sleep(4.0)


async def test_a_rollback_between_the_swap_and_the_end_of_a_release_leaves_stable_where_it_was(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 4)
        w.store.trouble.slow = ("amend", 2.0)
        await w.time.until(lambda: w.shop.router.sent[-1] == 100)
        await w.time.advance(1.0)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back", "done")
        await w.time.advance(10.0)
        view = desk.view(rollout)
        assert view.phase is Phase.ROLLED_BACK
        assert w.shop.router.weights == BACK
        assert await stable(w) == BLUE
        assert desk.target.stable == BLUE


async def test_no_further_stage_of_the_pipeline_runs_after_an_abort(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await w.time.advance(1)
        await desk.act(Verb.ABORT)
        await desk.until_phase(rollout, "aborted")
        await w.time.advance(1)
        assert w.shop.pipeline.state == "cancelled"


async def test_a_hold_lets_the_pipeline_end(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await w.time.advance(1)
        await desk.act(Verb.HOLD)
        await desk.until_phase(rollout, "held")
        await w.time.advance(10)
        assert w.shop.pipeline.state == "passed"


async def test_a_promotion_does_not_outlive_a_step_down(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        await w.time.advance(20)
        w.shop.router.errors = [DOWN]
        assert (await desk.act(Verb.PROMOTE)).decision.allowed
        await desk.until_phase(rollout, "held")
        await desk.act(Verb.STEP_DOWN)
        await w.time.advance(2)
        assert (await desk.act(Verb.RESUME)).decision.allowed
        began = w.time.clock.now()
        await desk.until_stage(rollout, 0)
        await desk.until_stage(rollout, 1)
        assert w.time.clock.now() - began >= timedelta(seconds=40), "the stage waits anew"


async def test_a_stage_that_was_stepped_down_to_counts_its_sessions_anew(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 2)
        await w.time.advance(20)
        await desk.act(Verb.STEP_DOWN)
        await w.time.advance(2)
        counts = desk.engine._parts.records[rollout].judged[PAYMENTS].stage_counts
        assert counts is not None
        assert counts.canary < 20


async def test_a_rollout_that_another_console_held_and_resumed_is_theirs_and_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, ben = await w.desk(), await w.desk(BEN)
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        lease = ana.engine._parts.records[rollout].lease
        await w.time.until(lambda: ana.engine._parts.records[rollout].lease is not lease)
        await ben.act(Verb.HOLD)
        await w.time.advance(0.5)
        assert (await ben.act(Verb.RESUME)).decision.allowed
        await ben.until_phase(rollout, "done")
        notes = [event.note for event in ben.events if isinstance(event, PhaseChanged)]
        assert not any("nothing advanced" in note for note in notes)
        assert w.shop.router.sent == [5, 25, 50, 95, 100]


async def test_a_clock_that_is_set_back_does_not_delay_the_way_back_after_a_fail(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        w.shop.metrics.share[GREEN] = 0.0
        await desk.until_phase(rollout, "stopped")
        w.time.clock.set_wall(w.time.clock.now() - timedelta(hours=1))
        await desk.until_phase(rollout, "rolled back", limit_s=30)
        assert w.shop.router.weights == BACK


async def test_a_row_that_was_read_before_a_change_made_here_does_not_undo_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        fleet, targets, read = ana.engine.fleet, ana.engine._parts.around.store._store.targets, []
        rows = targets.rows

        async def rows_of_before() -> object:
            found = await rows()
            if not read:
                read.append(found)
                await ana.engine.arm(SHOP.name, armed=False, reason="look only")
            return found

        monkeypatch.setattr(targets, "rows", rows_of_before)
        await fleet._reread_rows()
        assert read
        assert not ana.engine._parts.target(SHOP.name).row.armed
        assert fleet._version == -1, "it is read again, for somebody else may have changed the row as well"
        await fleet._look()
        assert not ana.engine._parts.target(SHOP.name).row.armed


async def test_a_step_of_a_console_that_closes_is_not_sent_once_its_wheel_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        asked: list[str] = []
        identity = w.shop.router.identity

        async def slow() -> Identity:
            if desk.engine._parts.targets.get("shop") is not None and desk.engine._parts.targets["shop"].sending:
                asked.append("by the step")
                await w.time.sleep(3.0)
            return await identity()

        monkeypatch.setattr(w.shop.router, "identity", slow)
        await w.time.until(lambda: bool(asked), 600)
        await w.time.through(desk.engine.close())
        w.desks.remove(desk)
        ben = await w.desk(BEN)
        await ben.act(Verb.ROLLBACK)
        await w.time.advance(30)
        assert w.shop.router.sent == [5, 0]
        assert w.shop.router.weights == BACK


class FirstAlways:
    """A journal in which somebody else is first at every change of a rollout that is on its way."""

    def __init__(self, journal: Any) -> None:
        self._journal, self.tries = journal, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def change(self, rollout: Rollout, change: RolloutChange, entry: Entry) -> Rollout:
        if change.phase is Phase.HELD:
            held: Rollout = await self._journal.change(rollout, change, entry)
            return held
        self.tries += 1
        raise StaleWrite(f"{rollout.id} was changed by somebody else meanwhile.")


async def test_a_driver_that_is_never_first_does_not_spin_and_holds_after_a_while(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        journal = FirstAlways(w.store._store.journal)
        w.store._store.journal = journal
        began = w.time.clock.elapsed()
        view = await desk.until_phase(rollout, "held")
        assert "could not be changed 10 times in a row" in view.note
        assert journal.tries == 10
        assert w.time.clock.elapsed() - began > 5.0, "each try waits longer than the one before"
        w.store._store.journal = journal._journal


async def changed(w: World, rollout: str, what: RolloutChange) -> None:
    """Change a rollout past every engine, as another console does."""
    row = await w.store.journal.rollout(rollout)
    entry = Entry(RecordKind.PHASE, BEN, w.time.clock.now(), "recovered", "shop", rollout)
    await w.store.journal.change(row, what, entry)


async def test_a_resume_right_after_another_console_noted_something_goes_through(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await desk.act(Verb.HOLD)
        await desk.until_phase(rollout, "held")
        await changed(w, rollout, RolloutChange(note="The console was away."))
        assert desk.engine._parts.records[rollout].rollout.note != "The console was away.", "it is not read yet"
        answer = await desk.act(Verb.RESUME, rollout=rollout)
        assert answer.decision.allowed, answer.decision.reasons
        await desk.until_phase(rollout, "done")


async def test_a_resume_right_after_another_person_held_it_anew_is_asked_again(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await desk.act(Verb.HOLD)
        await desk.until_phase(rollout, "held")
        await changed(w, rollout, RolloutChange(phase=Phase.HELD, note="Held by Ben.", raise_token=True))
        answer = await desk.act(Verb.RESUME, rollout=rollout)
        assert answer.decision.reasons == ("R-1 was changed by somebody else meanwhile.",)
        assert (await desk.row(rollout)).note == "Held by Ben."
