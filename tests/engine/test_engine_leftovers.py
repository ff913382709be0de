"""Steps that a console left open are settled by whoever is there, and one that is still being sent is left to its console."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from engine_fakes import ANA, BEN, BLUE, GREEN, SHOP, WITH_PIPELINE, Desk, World, world

from console.model.audit import AuditFilter, Entry, RecordKind
from console.model.errors import ConsoleError, Unreachable
from console.model.plan import PlanKind, StepKind
from console.model.rollout import Actor, Intent, Phase, Rollout, StepState
from console.model.stores import RolloutChange
from console.model.target import FreezeRule
from console.model.verbs import Direction, Verb

pytestmark = pytest.mark.anyio

GONE = Actor("Cyd", "desk:9:gone")


async def left(w: World, rollout: Rollout, name: str, actor: Actor = GONE, kind: StepKind = StepKind.WEIGHT) -> None:
    """Leave a step open, as a console does that dies after its intent; sent as one of the way back, which needs no wheel."""
    step = next(each for each in (*rollout.plan.rollback, *rollout.plan.steps) if each.kind is kind)
    step = replace(step, direction=Direction.BACKWARD)
    await w.store.journal.send(Intent(rollout, step, name, actor, "", None, w.time.clock.now()), None)


async def state(w: World, rollout: str, name: str) -> StepState:
    return next(row.state for row in await w.store.journal.steps(rollout) if row.id == name)


async def driven(w: World, *dead: Actor) -> tuple[Desk, str]:
    desk = await w.desk()
    desk.dead |= {actor.console for actor in dead}
    rollout = await desk.start()
    await desk.until_stage(rollout, 1)
    return desk, rollout


async def test_a_step_of_a_console_that_died_is_settled_although_another_one_drives(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk, rollout = await driven(w, GONE)
        await left(w, await desk.row(rollout), "left")
        await w.time.advance(10)
        assert await state(w, rollout, "left") is StepState.FAILED
        await desk.until_phase(rollout, "done")
        assert (await w.store.audit.verify()).open_intents == ()


async def test_a_step_whose_rollout_ended_without_it_is_settled(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk, rollout = await driven(w)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        await left(w, await desk.row(rollout), "left")
        await w.time.advance(30)
        assert await state(w, rollout, "left") is StepState.SENT, "its console may still be at it"
        await w.time.advance(60)
        assert await state(w, rollout, "left") is StepState.CONFIRMED


async def test_a_pipeline_of_a_console_that_died_ends_with_it_once_its_rollout_is_over(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        desk, rollout = await driven(w, GONE)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        await left(w, await desk.row(rollout), "left", kind=StepKind.PIPELINE)
        await w.time.advance(10)
        assert await state(w, rollout, "left") is StepState.FAILED
        assert (await w.store.audit.verify()).open_intents == ()


async def test_a_run_that_lives_on_without_its_console_is_cancelled_before_its_step_is_settled(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        cancelled: list[str] = []
        answers: list[str | ConsoleError] = [Unreachable("down", sent=False), "run 7"]

        async def find(key: str) -> str:
            assert key.startswith("left@2"), "the key that its start was given"
            answer = answers.pop(0)
            if isinstance(answer, ConsoleError):
                raise answer
            return answer

        async def cancel(run: str, reason: str) -> None:
            cancelled.append(run)

        desk, rollout = await driven(w, GONE)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        pipeline = desk.engine._parts.targets["shop"].connections.pipeline
        pipeline.find, pipeline.cancel = find, cancel
        await left(w, await desk.row(rollout), "left", kind=StepKind.PIPELINE)
        await w.time.until(lambda: len(answers) == 1, 20)
        assert (await state(w, rollout, "left"), cancelled) == (StepState.SENT, [])
        await w.time.until(lambda: not answers, 20)
        await w.time.advance(2)
        assert (await state(w, rollout, "left"), cancelled) == (StepState.FAILED, ["run 7"])


async def test_a_step_of_a_rollout_that_could_not_be_recorded_is_settled(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk, rollout = await driven(w, GONE)
        await left(w, replace(await desk.row(rollout), id="R-unrecorded-1"), "left")
        await w.time.advance(10)
        assert await state(w, "R-unrecorded-1", "left") is StepState.FAILED


async def test_a_step_that_cannot_be_read_back_stays_open_until_it_can(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk, rollout = await driven(w, GONE)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        w.shop.router.deaf = Unreachable("down", sent=False)
        await left(w, await desk.row(rollout), "left")
        await w.time.advance(30)
        assert await state(w, rollout, "left") is StepState.SENT
        w.shop.router.deaf = None
        await w.time.advance(10)
        assert await state(w, rollout, "left") is StepState.CONFIRMED


async def test_a_rollback_stays_under_way_when_a_flag_kill_that_began_after_it_ends(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk, rollout = await driven(w)
        w.shop.router.before_set = lambda: w.time.sleep(4.0)
        await desk.act(Verb.ROLLBACK)
        await desk.act(Verb.FLAG_KILL)
        await w.time.advance(2.0)
        assert not w.shop.flags.on
        record = desk.engine._parts.records[rollout]
        assert record.backward is not None, "the rollback is still being sent"
        ended = await w.time.through(desk.engine.ended(rollout))
        assert ended.phase is Phase.ROLLED_BACK
        assert w.shop.router.weights == {BLUE: 100.0, GREEN: 0.0}


async def test_a_way_back_that_another_console_is_sending_is_left_to_it(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        await w.desk(BEN)
        w.shop.router.before_set = lambda: w.time.sleep(4.5)
        w.shop.router.errors = [Unreachable("cut", sent=True)] * 2
        w.shop.router.applies = False
        await ana.act(Verb.ROLLBACK)
        for _ in range(20):
            await w.time.advance(1.0)
            rows = [row for row in await w.store.journal.steps(rollout) if row.step.direction == "backward" and row.actor == ANA]
            assert rows[0].state is StepState.SENT
        w.shop.router.applies = True
        await ana.until_phase(rollout, "rolled back", limit_s=60)


async def test_a_flag_kill_that_ends_first_settles_nothing_of_the_rollback_that_is_being_sent(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk, rollout = await driven(w)
        w.shop.router.before_set = lambda: w.time.sleep(4.0)
        await desk.act(Verb.ROLLBACK)
        await desk.act(Verb.FLAG_KILL)
        await w.time.advance(2.0)
        rows = [row for row in await w.store.journal.steps(rollout) if row.step.verb is Verb.ROLLBACK]
        assert [row.state for row in rows] == [StepState.SENT]
        await desk.until_phase(rollout, "rolled back")


async def test_a_console_that_only_watches_does_not_go_on_when_somebody_resumes_elsewhere(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        await ana.act(Verb.HOLD)
        await w.kill(ana)
        ben = await w.desk_again(ANA, BEN, keeps_watch=True)
        record = ben.engine._parts.records[rollout]
        await w.time.until(lambda: record.mine, 30)
        entry = Entry(RecordKind.PHASE, GONE, w.time.clock.now(), "resume", target="shop", rollout=rollout)
        await w.store.journal.change(await ben.row(rollout), RolloutChange(phase=Phase.RUNNING), entry)
        await w.time.advance(4)
        assert not record.mine, "the wheel is free for whoever was asked"
        await w.time.advance(90)
        assert w.shop.router.sent == [5, 25]


async def test_a_freeze_that_cannot_take_traffic_back_from_another_system_asks_once_and_holds(tmp_path: Path) -> None:
    async with world(tmp_path, replace(SHOP, freeze_rule=FreezeRule.ROLL_BACK)) as w:
        desk, rollout = await driven(w)
        w.shop.router.fingerprint = "envoy-2"
        await w.time.advance(5)
        await w.time.through(desk.engine.line.stop_the_line("peak", None, ()))
        view = await desk.until_phase(rollout, "held")
        assert "is not the router" in view.note
        before = (await w.store.audit.verify()).size
        await w.time.advance(60)
        assert (await w.store.audit.verify()).size - before < 20
        assert w.shop.router.sent == [5, 25]


async def test_a_rollout_that_is_not_over_comes_in_sight_when_the_one_before_it_ends(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk, rollout = await driven(w, GONE)
        row = await desk.row(rollout)
        other = await w.store.journal.open(
            replace(row.plan, kind=PlanKind.ROLLBACK, steps=row.plan.rollback, stages=()), GONE, "", row.started_at
        )
        await w.time.advance(3)
        live = desk.engine._parts.targets["shop"]
        live.rollout = desk.engine._parts.records[rollout]
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        await w.time.advance(5)
        assert live.rollout.id == other.id, "nobody could close what nobody sees"
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(other.id, "rolled back")


async def test_a_driver_that_comes_late_does_not_write_a_stage_into_a_rollout_that_somebody_else_holds(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        ben = await w.desk(BEN)
        w.shop.router.before_set = lambda: w.time.sleep(3.0)
        await w.time.until(lambda: ana.engine._parts.targets["shop"].sending == 1)
        await ben.act(Verb.HOLD)
        await w.time.advance(8)
        row = await ana.row(rollout)
        assert row.phase in {Phase.HELD, Phase.UNKNOWN}
        assert (row.stage, row.asked_weight) == (1, 25)


async def test_a_way_back_leaves_a_step_that_another_console_is_sending_to_that_console(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        ben = await w.desk(BEN)

        async def slow_then_fast() -> None:
            w.shop.router.before_set = None
            await w.time.sleep(4.0)
            raise Unreachable("the connection broke", sent=False)

        w.shop.router.before_set = slow_then_fast
        await w.time.until(lambda: w.shop.router.before_set is None)
        sent = (await w.store.journal.steps(rollout))[-1]
        assert sent.state is StepState.SENT
        await w.time.until(lambda: sent.id in ben.engine._parts.records[rollout].rows, 2.0)
        await ben.act(Verb.ROLLBACK)
        await ben.until_phase(rollout, "rolled back", limit_s=2.0)
        assert await state(w, rollout, sent.id) is StepState.SENT, "Ana's console is still at it"
        await w.time.advance(5.0)
        settled = next(row for row in await w.store.journal.steps(rollout) if row.id == sent.id)
        assert settled.state is StepState.FAILED
        assert "the connection broke" in settled.detail
        assert ana.engine._parts.records[rollout].rollout.phase is Phase.ROLLED_BACK


async def test_what_others_hold_is_followed_without_reading_all_records_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path) as w:
        ana, rollout = await driven(w)
        ben = await w.desk(BEN)
        await w.time.advance(2)
        read, reread = [], ben.engine.fleet._recovery.reread

        async def counted():
            read.append(w.time.clock.now())
            await reread()

        monkeypatch.setattr(ben.engine.fleet._recovery, "reread", counted)
        head, renewed = await w.store.audit.head(), ben.engine._parts.records[rollout].last_lease.renewed_at
        await w.time.until(lambda: ben.engine._parts.records[rollout].last_lease.renewed_at > renewed, 10)
        assert (read, await w.store.audit.head()) == ([], head), "only the wheel was renewed"
        await ana.act(Verb.HOLD)
        await ben.until_phase(rollout, "held")
        assert read


async def test_the_end_of_a_way_back_that_could_not_be_recorded_is_recorded_when_it_can_be(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk, rollout = await driven(w)
        began, desk.store.trouble.broken = w.time.clock.now(), True
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        desk.store.trouble.broken = False
        assert (await desk.row(rollout)).phase is Phase.RUNNING
        await w.time.advance(30)
        assert (await desk.row(rollout)).phase is Phase.ROLLED_BACK
        told = [record.entry for record in await w.store.audit.all(AuditFilter(kinds=frozenset({RecordKind.PHASE})))]
        late = [entry for entry in told if entry.result in {"aborting", "rolled back"}]
        assert [entry.result for entry in late] == ["aborting", "rolled back"]
        assert all(began <= entry.at < began + timedelta(seconds=25) for entry in late), "as of when it happened"
        assert desk.view(rollout).phase is Phase.ROLLED_BACK
