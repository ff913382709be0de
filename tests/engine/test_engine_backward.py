"""The way back: at once, by absolute values, whatever else is broken."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from engine_fakes import BEN, BLUE, GREEN, world

from console.model.commands import Command
from console.model.errors import OutcomeUnknown, Unreachable
from console.model.events import StepSettled
from console.model.freeze import Blackout, FreezeWindow, OneOff
from console.model.rollout import Phase, StepState
from console.model.verbs import Verb

pytestmark = pytest.mark.anyio

BACK = {BLUE: 100.0, GREEN: 0.0}
DOWN = Unreachable("connection refused", sent=False)


async def test_roll_back_returns_traffic_first_and_then_the_flag(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        answer = await desk.act(Verb.ROLLBACK)
        assert answer.decision.allowed
        view = await desk.until_phase(rollout, "rolled back")
        assert w.shop.router.weights == BACK
        assert not w.shop.flags.on
        assert [row.what for row in view.sends] == ["Traffic to stable", "Flag off"]
        assert all(row.took_s is not None for row in view.sends)


async def test_the_answer_comes_when_the_intent_is_durable_and_before_the_router_answers(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        seen: list[StepState] = []

        async def slow() -> None:
            seen.extend(row.state for row in await w.store.journal.steps(rollout) if row.step.verb is Verb.ROLLBACK)
            await w.time.sleep(2.0)

        w.shop.router.before_set = slow
        began = w.time.clock.elapsed()
        await desk.act(Verb.ROLLBACK)
        assert w.time.clock.elapsed() == began
        await desk.until_phase(rollout, "rolled back")
        assert seen[0] is StepState.SENT


async def test_abort_returns_traffic_and_leaves_the_flag(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await desk.act(Verb.ABORT)
        await desk.until_phase(rollout, "aborted")
        assert w.shop.router.weights == BACK
        assert w.shop.flags.on


async def test_no_forward_step_follows_an_abort(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await desk.act(Verb.ABORT)
        await desk.until_phase(rollout, "aborted")
        for verb in (Verb.PROMOTE, Verb.RESUME):
            assert not (await desk.act(verb)).decision.allowed
        await w.time.advance(300)
        assert w.shop.router.sent == [5, 0]


async def test_step_down_lowers_the_weight_and_holds(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        await desk.act(Verb.STEP_DOWN)
        view = await desk.until_phase(rollout, "held")
        await w.time.advance(120)
        assert w.shop.router.sent == [5, 25, 5]
        assert view.phase is Phase.HELD
        await desk.act(Verb.RESUME)
        await desk.until_phase(rollout, "done")
        assert w.shop.router.sent == [5, 25, 5, 25, 50, 95, 100]


async def test_stepped_down_below_the_first_stage_it_can_be_resumed_from_there(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await desk.act(Verb.STEP_DOWN)
        await w.time.advance(5)
        assert w.shop.router.sent == [5, 1]
        assert (await desk.act(Verb.RESUME)).decision.allowed
        await desk.until_stage(rollout, 0)
        assert w.shop.router.sent == [5, 1, 5]


async def test_kill_flag_leaves_the_rollout_on_its_way(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await desk.act(Verb.FLAG_KILL)
        await w.time.advance(1)
        assert not w.shop.flags.on
        assert desk.view(rollout).phase is Phase.RUNNING
        assert (await desk.until_phase(rollout, "done")).phase is Phase.DONE


async def test_kill_flag_works_with_no_rollout_on_its_way(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        answer = await desk.act(Verb.FLAG_KILL)
        await desk.until_phase(answer.rollout, "rolled back")
        assert not w.shop.flags.on


async def test_roll_back_works_with_the_metrics_dead_and_the_weights_changed_by_hand(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.shop.metrics.error = DOWN
        w.shop.router.weights = {BLUE: 30.0, GREEN: 60.0}
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        assert w.shop.router.weights == BACK


async def test_roll_back_goes_on_when_nothing_can_be_recorded_and_says_so(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.store.trouble.broken = True
        await desk.act(Verb.ROLLBACK)
        view = await desk.until_phase(rollout, "rolled back")
        assert w.shop.router.weights == BACK
        assert "Not everything could be recorded" in view.note
        assert "Not recorded" in view.sends[0].detail


@pytest.mark.parametrize("in_a_rollout", [True, False])
async def test_what_could_not_be_recorded_is_recorded_before_it_is_sent_again(tmp_path: Path, in_a_rollout: bool) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        if in_a_rollout:
            await desk.until_stage(await desk.start(), 0)
        else:
            w.shop.router.weights = {BLUE: 80.0, GREEN: 20.0}
            await w.time.advance(3)
        w.store.trouble.broken, w.shop.router.deaf = True, Unreachable("No answer.", sent=True)
        asked = asyncio.ensure_future(desk.engine.act(Command(Verb.ROLLBACK, "shop", desk.actor, "test")))
        await w.time.until(asked.done)
        rollout = (await asked).rollout
        assert [row.id for row in await w.store._store.journal.steps(rollout) if row.step.verb is Verb.ROLLBACK] == []
        w.store.trouble.broken = False
        await w.time.advance(15)
        assert [row.state for row in await w.store.journal.steps(rollout) if row.step.verb is Verb.ROLLBACK] == [StepState.SENT]
        w.shop.router.deaf = None
        await desk.until_phase(rollout, "rolled back")


async def test_roll_back_without_a_rollout_goes_on_when_nothing_can_be_recorded(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.router.weights = {BLUE: 80.0, GREEN: 20.0}
        await w.time.advance(3)
        w.store.trouble.broken = True
        answer = await desk.act(Verb.ROLLBACK)
        await desk.until_phase(answer.rollout, "rolled back")
        assert answer.rollout.startswith("R-unrecorded")
        assert w.shop.router.weights == BACK


async def test_forward_is_refused_when_nothing_can_be_recorded(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.store.trouble.broken = True
        await w.time.advance(2)
        answer = await desk.act(Verb.START, release="5.2b")
        assert not answer.decision.allowed
        assert w.shop.router.sent == []


@pytest.mark.parametrize("trouble", ["window", "blackout", "stop the line"])
async def test_each_backward_verb_passes_and_each_forward_verb_is_refused_while_forward_is_closed(tmp_path: Path, trouble: str) -> None:
    from dataclasses import replace

    from engine_fakes import SHOP

    blackout = Blackout("resolved", 100.0) if trouble == "blackout" else None
    async with world(tmp_path, replace(SHOP, blackout=blackout)) as w:
        w.shop.metrics.per_s = 0.02 * 20
        desk = await w.desk()
        await w.time.advance(10)
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await close(desk, trouble)
        view = await desk.until_phase(rollout, "held")
        assert "Frozen by" in view.note
        for verb, more in (
            (Verb.RESUME, {}),
            (Verb.PROMOTE, {}),
            (Verb.SWITCH, {"side": GREEN}),
            (Verb.START, {"release": "5.2b"}),
            (Verb.FLAG_UP, {}),
        ):
            answer = await desk.act(verb, **more)
            assert not answer.decision.allowed, verb
        assert (await desk.act(Verb.FLAG_KILL)).decision.allowed
        assert (await desk.act(Verb.STEP_DOWN)).decision.allowed
        await w.time.advance(2)
        assert (await desk.act(Verb.ROLLBACK)).decision.allowed
        await desk.until_phase(rollout, "rolled back")
        assert w.shop.router.sent == [5, 1, 0]


async def close(desk, trouble: str) -> None:
    """Close forward in one of three ways."""
    if trouble == "window":
        now = desk.time.clock.now().replace(tzinfo=None)
        span = OneOff(now - timedelta(hours=1), now + timedelta(hours=5))
        await desk.time.through(desk.engine.line.add_freeze(FreezeWindow("f1", "Black Friday", "Ops", "peak", "UTC", span)))
    elif trouble == "stop the line":
        await desk.time.through(desk.engine.line.stop_the_line("payments look odd", None, ()))
    else:
        desk.shop.metrics.per_s = 2.0 * 20
        await desk.time.advance(90)


async def test_a_dead_router_is_tried_again_and_the_rollback_stays_open(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.shop.router.deaf = DOWN
        await desk.act(Verb.ROLLBACK)
        await w.time.advance(60)
        view = desk.view(rollout)
        assert view.phase is Phase.BACK_STOPPED
        assert view.note.startswith("rollback stopped at step 1: Envoy 127.0.0.1:1: ")
        assert "connection refused" in view.note
        assert next(cell.word for cell in view.stages if cell.running) == "Rollback stopped"
        assert not w.shop.flags.on, "the flag waits for nothing but that the traffic was sent"
        w.shop.router.deaf = None
        assert (await desk.act(Verb.ROLLBACK)).decision.allowed
        await desk.until_phase(rollout, "rolled back")
        assert w.shop.router.weights == BACK


async def test_a_lost_answer_is_read_back_and_confirmed(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.shop.router.errors = [Unreachable("the answer was lost", sent=True)]
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        assert w.shop.router.sent == [5, 0]


async def test_another_system_at_the_address_stops_the_way_back_once(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.shop.router.fingerprint = "somebody-else"
        await w.time.advance(3)
        first = await desk.act(Verb.ROLLBACK)
        assert not first.decision.allowed
        assert "Another system" in first.decision.reasons[0]
        assert w.shop.router.sent == [5]
        assert (await desk.act(Verb.ROLLBACK)).decision.allowed
        await desk.until_phase(rollout, "rolled back")


async def test_another_system_that_was_gone_and_comes_back_is_asked_about_anew(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        pinned, w.shop.router.fingerprint = w.shop.router.fingerprint, "somebody-else"
        await w.time.advance(3)
        assert not (await desk.act(Verb.ROLLBACK)).decision.allowed
        w.shop.router.fingerprint = pinned
        await w.time.advance(3)
        w.shop.router.fingerprint = "somebody-else"
        await w.time.advance(3)
        assert not (await desk.act(Verb.ROLLBACK)).decision.allowed, "the answer of before was about another time"
        assert w.shop.router.sent == [5]
        assert (await desk.act(Verb.ROLLBACK)).decision.allowed
        await desk.until_phase(rollout, "rolled back")


async def test_an_identity_that_cannot_be_read_does_not_stop_the_way_back(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.shop.router.identity_error = DOWN
        await w.time.advance(5)
        assert (await desk.act(Verb.ROLLBACK)).decision.allowed
        await desk.until_phase(rollout, "rolled back")


async def test_a_finished_release_can_be_rolled_back_to_the_version_before(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_phase(rollout, "done")
        answer = await desk.act(Verb.ROLLBACK)
        assert answer.decision.allowed, answer.decision.reasons
        await desk.until_phase(answer.rollout, "rolled back")
        assert w.shop.router.weights == BACK
        assert desk.target.stable == BLUE


async def test_a_switch_moves_all_traffic_and_switching_back_is_backward(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        there = await desk.act(Verb.SWITCH, side=GREEN)
        assert there.decision.allowed, there.decision.reasons
        await desk.until_phase(there.rollout, "done")
        assert desk.target.stable == GREEN
        assert w.shop.router.weights == {BLUE: 0.0, GREEN: 100.0}
        back = await desk.act(Verb.SWITCH, side=BLUE)
        await desk.until_phase(back.rollout, "done")
        assert w.shop.router.weights == BACK


async def test_another_console_rolls_back_and_the_holder_stops(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        ben = await w.desk(BEN)
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        await w.time.advance(1)
        assert not (await ben.act(Verb.PROMOTE)).decision.allowed
        assert (await ben.act(Verb.ROLLBACK)).decision.allowed
        await ben.until_phase(rollout, "rolled back")
        await ana.until_phase(rollout, "rolled back")
        await w.time.advance(300)
        assert w.shop.router.sent == [5, 0]


async def test_another_console_holds_and_the_holder_stays(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        ana = await w.desk()
        ben = await w.desk(BEN)
        rollout = await ana.start()
        await ana.until_stage(rollout, 0)
        await w.time.advance(1)
        await ben.act(Verb.HOLD)
        await w.time.advance(300)
        assert w.shop.router.sent == [5]
        assert ana.view(rollout).phase is Phase.HELD


async def test_a_forward_step_under_way_sends_nothing_after_a_rollback(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)

        async def back_in_between() -> None:
            w.shop.router.before_set = None
            await desk.engine.act(_rollback(desk))

        w.shop.router.before_set = back_in_between
        w.shop.router.errors = [OutcomeUnknown("cut off")]
        await desk.until_phase(rollout, "rolled back")
        await w.time.advance(60)
        settled = [event.row for event in desk.events if isinstance(event, StepSettled)]
        assert all(row.state is not StepState.SENT for row in settled)
        assert w.shop.router.sent[-1] == 0 or w.shop.router.weights == BACK


def _rollback(desk):
    from console.model.commands import Command

    return Command(Verb.ROLLBACK, "shop", desk.actor, "test")


async def test_a_release_that_another_look_found_done_first_can_be_rolled_back_at_once(tmp_path: Path) -> None:
    from console.engine import records

    async with world(tmp_path) as w:
        desk = await w.desk()
        there = await desk.act(Verb.SWITCH, side=GREEN)
        await desk.until_phase(there.rollout, "done")
        live, record = desk.engine._parts.targets["shop"], desk.engine._parts.records[there.rollout]
        live.last_done = None
        records.overtaken(desk.engine._parts, live, record, record.rollout)
        back = await desk.act(Verb.ROLLBACK)
        await desk.until_phase(back.rollout, "rolled back")
        assert w.shop.router.weights == BACK
