"""After a crash at any point: nothing is lost, nothing is sent by itself, and the screen says what is not known."""

import asyncio
from pathlib import Path

import pytest
from engine_fakes import ANA, BEN, BLUE, GREEN, Desk, World, world

from console.model.commands import Command
from console.model.hooks import HOOKS, arm
from console.model.rollout import Phase, StepState
from console.model.verbs import State, Verb

pytestmark = pytest.mark.anyio


class Crash(BaseException):
    """The console dies here."""


class Killer:
    """Kills the console when it reaches a hook for the n-th time."""

    def __init__(self, w: World, hook: str, count: int) -> None:
        self._world, self._hook, self._left = w, hook, count
        self.struck = False

    def __call__(self, name: str) -> None:
        if self.struck:
            raise Crash
        if name != self._hook:
            return
        self._left -= 1
        if self._left == 0:
            self.struck = True
            self._world.store.trouble.dead = True
            raise Crash


async def crash(w: World, desk: Desk, hook: str, count: int, work) -> bool:
    """Run some work, and the console into a crash at a hook; tell whether it came that far."""
    killer = Killer(w, hook, count)
    with arm(killer):
        task = asyncio.ensure_future(work())
        for _ in range(60):
            await w.time.settle()
            if killer.struck:
                break
            await w.time.advance(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await w.kill(desk)
    return killer.struck


async def nothing_is_lost(w: World, desk: Desk, sent_before: int) -> None:
    """Check what must hold after every restart."""
    await w.time.advance(20)
    assert len(w.shop.router.changes) == sent_before, "something was sent by itself"
    rows = [row for each in await w.store.journal.rollouts(live=False) for row in await w.store.journal.steps(each.id)]
    ids = {row.id for row in rows}
    assert {change.key for change in w.shop.router.changes} <= ids, "an effect without an intent"
    assert all(row.state is not StepState.SENT for row in rows), "a step was lost"
    for row in rows:
        if row.state is StepState.UNKNOWN:
            view = desk.view(row.rollout)
            assert row.id in {unknown.step_id for unknown in view.unknowns}
            if view.phase is Phase.BACK_STOPPED:  # it could still say that it goes back: then the step at which that stopped is named
                assert view.state is State.FAILED
                assert " stopped at step " in view.headline
                assert ": unknown. " in view.note
            else:
                assert view.state is State.UNKNOWN
                assert view.headline.startswith("1 action unknown: ")
    assert (await w.store.audit.verify()).ok


@pytest.mark.parametrize("hook", HOOKS)
async def test_a_crash_in_a_switch_is_shown_and_can_be_rolled_back(tmp_path: Path, hook: str) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        struck = await crash(w, desk, hook, 1, lambda: desk.engine.act(Command(Verb.SWITCH, "shop", ANA, side=GREEN)))
        assert struck
        sent = len(w.shop.router.changes)
        again = await w.desk_again(ANA)
        await nothing_is_lost(w, again, sent)
        await again.act(Verb.ROLLBACK)
        await w.time.advance(10)
        assert w.shop.router.weights == {BLUE: 100.0, GREEN: 0.0}
        assert all(rollout.phase.over for rollout in await w.store.journal.rollouts(live=False))


@pytest.mark.parametrize("hook", HOOKS)
async def test_a_crash_in_a_switch_is_shown_and_can_be_resumed(tmp_path: Path, hook: str) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        assert await crash(w, desk, hook, 1, lambda: desk.engine.act(Command(Verb.SWITCH, "shop", ANA, side=GREEN)))
        sent = len(w.shop.router.changes)
        again = await w.desk_again(ANA)
        await nothing_is_lost(w, again, sent)
        live = list(await w.store.journal.rollouts(live=True))
        if not live:
            return
        answer = await again.act(Verb.RESUME)
        assert answer.decision.allowed, answer.decision.reasons
        await again.until_phase(answer.rollout, "done", limit_s=60)
        assert w.shop.router.weights == {BLUE: 0.0, GREEN: 100.0}
        assert len(w.shop.router.changes) == 1


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook not in {"plan-opened", "wheel-taken", "before-read"}])
@pytest.mark.parametrize("count", [1, 2])
async def test_a_crash_in_a_rollback_is_shown_and_a_click_finishes_it(tmp_path: Path, hook: str, count: int) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        await crash(w, desk, hook, count, lambda: desk.engine.act(Command(Verb.ROLLBACK, "shop", ANA)))
        sent = len(w.shop.router.changes)
        again = await w.desk_again(ANA)
        await nothing_is_lost(w, again, sent)
        if not again.view(rollout).phase.over:
            assert (await again.act(Verb.ROLLBACK)).decision.allowed
        await again.until_phase(rollout, "rolled back", limit_s=60)
        assert w.shop.router.weights == {BLUE: 100.0, GREEN: 0.0}
        assert not w.shop.flags.on


async def test_a_rollout_whose_console_died_comes_back_held_and_says_how_long_it_was_alone(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        await w.kill(desk)
        w.time.clock.advance(600)
        again = await w.desk_again(ANA)
        view = again.view(rollout)
        assert view.phase is Phase.HELD
        assert "away for 10 min: traffic 25 %, nothing advanced" in view.note
        await w.time.advance(120)
        assert w.shop.router.sent == [5, 25]
        assert (await again.act(Verb.RESUME)).decision.allowed
        await again.until_phase(rollout, "done")


async def test_the_judge_remembers_what_it_saw_before_the_crash(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        await w.time.advance(10)
        before = desk.view(rollout).gates[0].evidence
        await w.kill(desk)
        again = await w.desk_again(ANA, keeps_watch=True)
        await w.time.advance(3)
        after = again.view(rollout).gates[0].evidence
        assert before is not None
        assert after is not None
        assert after.canary_total >= before.canary_total > 0
        assert after.path[: len(before.path)] == before.path


async def test_a_recovered_canary_is_judged_on_while_it_is_held(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        await w.kill(desk)
        w.shop.metrics.share[GREEN] = 0.0
        again = await w.desk_again(ANA, keeps_watch=True)
        await again.until_phase(rollout, "rolled back")
        assert w.shop.router.weights == {BLUE: 100.0, GREEN: 0.0}


async def test_the_rollout_of_a_console_that_lives_is_only_shown(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        ben = await w.desk(BEN)
        view = ben.view(rollout)
        assert view.phase is Phase.RUNNING
        assert view.wheel.lease is not None
        assert view.wheel.lease.holder == ANA
        assert not view.wheel.mine
        await ana.until_stage(rollout, 1)
        await w.time.advance(1)
        assert ben.view(rollout).stages[1].running
        evidence = ben.view(rollout).gates[0].evidence
        assert evidence is not None
        assert evidence.canary_total > 0


async def test_a_console_that_died_elsewhere_is_noticed_when_its_lease_runs_out(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        await w.kill(ana)
        ben = await w.desk(BEN)
        assert ben.view(rollout).phase is Phase.RUNNING
        view = await ben.until_phase(rollout, "held", limit_s=25)
        assert "nothing advanced" in view.note


async def test_a_countdown_begins_anew_at_the_new_console_so_that_a_person_can_hold(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.metrics.share[GREEN] = 0.0
        rollout = await desk.start()
        await desk.until_phase(rollout, "stopped")
        await w.kill(desk)
        w.time.clock.advance(600)
        again = await w.desk_again(ANA, keeps_watch=True)
        view = again.view(rollout)
        assert view.phase is Phase.STOPPED
        assert view.auto_act is not None
        assert (view.auto_act.at - w.time.clock.now()).total_seconds() > 10
        await again.until_phase(rollout, "rolled back", limit_s=30)


async def test_a_lease_that_ran_out_is_left_alone_for_a_margin_before_the_next_holder_takes_it(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        await ana.act(Verb.HOLD)
        await w.kill(ana)
        ben = await w.desk(BEN)
        record = ben.engine._parts.records[rollout]
        assert record.lease is not None
        renewed = record.lease.renewed_at
        await w.time.until(lambda: (w.time.clock.now() - renewed).total_seconds() > 15.5, 20)
        assert (await ben.act(Verb.RESUME)).decision.allowed
        await w.time.until(lambda: record.mine, 20)
        assert 20 <= (w.time.clock.now() - renewed).total_seconds() < 22


async def test_a_target_can_be_rolled_back_when_the_records_cannot_be_read_at_the_start(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        row = desk.engine._parts.targets["shop"].row
        w.shop.router.weights = {BLUE: 70.0, GREEN: 30.0}
        w.store.trouble.broken = True
        await w.time.through(desk.engine.fleet.take_in(row))
        await w.time.advance(3)
        answer = await desk.act(Verb.ROLLBACK)
        await desk.until_phase(answer.rollout, "rolled back")
        assert w.shop.router.weights == {BLUE: 100.0, GREEN: 0.0}
