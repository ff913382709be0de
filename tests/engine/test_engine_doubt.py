"""Doubt stops what raises exposure: drift, unknown outcomes, lost wheels, lowered weights, restarts of the router."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from engine_fakes import BEN, BLUE, GREEN, SHOP, world

from console.model.audit import AuditFilter, RecordKind
from console.model.commands import Command
from console.model.errors import OutcomeUnknown, Refused, Unreachable
from console.model.events import DriftSeen, MoveRefused
from console.model.freeze import StopTheLine
from console.model.rollout import Intent, Outcome, Phase, StepState
from console.model.target import FreezeRule
from console.model.verbs import Direction, State, Verb, Verdict

pytestmark = pytest.mark.anyio


async def test_a_weight_that_somebody_else_lowered_is_never_raised_again_by_itself(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        w.shop.router.weights = {BLUE: 99.0, GREEN: 1.0}
        view = await desk.until_phase(rollout, "held")
        await w.time.advance(300)
        assert w.shop.router.sent == [5, 25]
        assert "Drift" in view.note
        assert desk.target.state is State.DRIFT
        seen = [event for event in desk.events if isinstance(event, DriftSeen)]
        assert [event.seen for event in seen] == ["blue 99 %, green 1 %"]


async def test_after_a_person_saw_the_drift_and_resumed_the_stage_is_set_again(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        w.shop.router.weights = {BLUE: 99.0, GREEN: 1.0}
        await desk.until_phase(rollout, "held")
        assert (await desk.act(Verb.RESUME)).decision.allowed
        await w.time.advance(3)
        assert w.shop.router.sent == [5, 25, 25]
        await desk.until_phase(rollout, "done")


async def test_a_weight_that_is_lowered_while_a_resume_is_on_its_way_is_not_raised_by_it(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        await desk.act(Verb.HOLD)
        await desk.until_phase(rollout, "held")
        w.store.trouble.slow = ("steps", 5.0)
        asked = asyncio.ensure_future(desk.engine.act(Command(Verb.RESUME, "shop", desk.actor, "test")))
        await w.time.advance(1)
        w.shop.router.weights = {BLUE: 99.0, GREEN: 1.0}
        answer = await w.time.through(asked)
        w.store.trouble.slow = ("", 0.0)
        assert answer.decision.reasons == ("Somebody else set green from 25 % to 1 % while this was asked; nothing was sent.",)
        assert (await desk.act(Verb.RESUME)).decision.allowed, "now the person has seen it"
        await w.time.advance(3)
        assert w.shop.router.sent == [5, 25, 25]


async def test_a_router_that_restarted_is_shown_and_not_set_again(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        w.shop.router.incarnation = "2"
        w.shop.router.weights = {BLUE: 100.0, GREEN: 0.0}
        view = await desk.until_phase(rollout, "held")
        await w.time.advance(10)
        assert "blue 100 %, green 0 %" in view.note
        assert "process restarted" in desk.target.state_text
        assert w.shop.router.sent == [5, 25]


async def test_drift_before_a_step_sends_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        plan = await w.time.really(desk.engine.plan("shop", "5.2b"))
        w.shop.router.weights = {BLUE: 90.0, GREEN: 10.0}
        answer = await desk.act(Verb.START, release="5.2b", plan_hash=plan.plan_hash)
        view = await desk.until_phase(answer.rollout, "held")
        assert "Nothing was sent" in view.note
        assert w.shop.router.sent == []


async def test_a_half_applied_change_is_failed_with_what_was_read(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.router.half = True
        rollout = await desk.start()
        view = await desk.until_phase(rollout, "held")
        assert "Read back blue 100 %, green 5 %" in view.note
        assert view.steps[-1].state is StepState.FAILED


async def test_a_step_that_was_sent_and_not_answered_is_unknown_never_failed(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.router.applies = False
        w.shop.router.errors = [OutcomeUnknown("cut after forwarding")]
        rollout = await desk.start()
        view = await desk.until_phase(rollout, "unknown")
        assert view.steps[-1].state is StepState.UNKNOWN
        assert view.unknowns[0].read.startswith("cut after forwarding Read back blue 100 %, green 0 %")
        assert view.headline.startswith("1 action unknown")
        assert view.verbs[Verb.RESUME].enabled
        assert view.verbs[Verb.ROLLBACK].enabled
        assert w.shop.router.sent == [5]
        await w.time.advance(120)
        assert w.shop.router.sent == [5]


async def test_resuming_an_unknown_step_reads_it_back_first(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.router.applies = False
        w.shop.router.errors = [OutcomeUnknown("cut after forwarding")]
        rollout = await desk.start()
        await desk.until_phase(rollout, "unknown")
        w.shop.router.weights = {BLUE: 95.0, GREEN: 5.0}
        assert (await desk.act(Verb.RESUME)).decision.allowed
        await desk.until_stage(rollout, 0)
        assert w.shop.router.sent == [5]
        rows = await w.time.through(w.store.journal.steps(rollout))
        assert rows[0].state is StepState.CONFIRMED


async def test_a_refused_change_fails_the_step_and_holds(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.router.errors = [Refused("no rights", status=403)]
        rollout = await desk.start()
        view = await desk.until_phase(rollout, "held")
        assert "no rights" in view.note
        assert w.shop.router.weights[GREEN] == 0.0


async def test_a_busy_router_is_asked_again_a_few_times(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.router.errors = [Refused("busy", status=503), Refused("busy", status=503)]
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        assert w.shop.router.sent == [5, 5, 5]


async def test_an_unreachable_router_fails_the_step_and_nothing_was_sent(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        await w.time.really(desk.engine.plan("shop", "5.2b"))
        w.shop.router.deaf = Unreachable("connection refused", sent=False)
        answer = await desk.act(Verb.START, release="5.2b")
        view = await desk.until_phase(answer.rollout, "held")
        assert "Nothing was sent" in view.note


async def test_a_console_that_slept_for_an_hour_holds_and_catches_nothing_up(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.time.clock.advance(3660)
        view = await desk.until_phase(rollout, "held")
        assert w.shop.router.sent == [5]
        assert "away for 61 min" in view.note


async def test_a_freeze_that_begins_in_flight_rolls_back_where_the_plan_says_so(tmp_path: Path) -> None:
    async with world(tmp_path, replace(SHOP, freeze_rule=FreezeRule.ROLL_BACK)) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await w.time.through(desk.engine.line.stop_the_line("payments look odd", None, ()))
        await desk.until_phase(rollout, "rolled back")
        assert w.shop.router.weights == {BLUE: 100.0, GREEN: 0.0}


async def test_a_site_wide_drop_raises_the_alarm_and_does_not_act_by_itself(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 2)
        w.shop.metrics.share = {BLUE: 0.5, GREEN: 0.5}
        view = await desk.until_phase(rollout, "stopped")
        assert view.headline == "Canary or site: something fails in production"
        assert view.auto_act is None
        assert view.gates[0].alarm.startswith("Canary or site")
        await w.time.advance(120)
        assert desk.view(rollout).phase is Phase.STOPPED
        assert w.shop.router.weights[GREEN] == 50.0


async def test_an_unarmed_target_is_only_read(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        await w.time.through(desk.engine.arm("shop", armed=False, reason="look only"))
        answer = await desk.act(Verb.START, release="5.2b")
        assert "observe-only" in answer.decision.reasons[0]
        await w.time.through(desk.engine.arm("shop", armed=True, reason="ready"))
        assert (await desk.act(Verb.START, release="5.2b")).decision.allowed


async def test_a_dead_target_does_not_slow_another(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()

        async def never() -> None:
            await w.time.sleep(1e6)

        class Dead:
            def __getattr__(self, name: str):
                async def hang(*args: object) -> None:
                    await never()

                return hang

        live = desk.engine._parts.targets["shop"]
        live.connections = replace(live.connections, metrics=Dead())
        before = live.split.at
        await w.time.advance(5)
        assert live.split.at is not None
        assert before is not None
        assert (live.split.at - before).total_seconds() >= 4


async def test_a_step_that_another_console_left_unknown_is_read_back_before_anything_is_sent_again(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        await desk.act(Verb.HOLD)
        await desk.until_phase(rollout, "held")
        row = await desk.row(rollout)
        journal, now = w.store.journal, w.time.clock.now()
        step = replace(row.plan.rollback[0], direction=Direction.BACKWARD)
        left = await journal.send(Intent(row, step, "left", BEN, "", None, now), None)
        await journal.settle(left, Outcome(left.id, StepState.UNKNOWN, now, detail="no answer"))
        assert (await desk.act(Verb.RESUME)).decision.allowed
        (settled,) = [each for each in await journal.steps(rollout) if each.id == "left"]
        assert settled.state is StepState.FAILED
        assert "goes on from there" in settled.detail
        await desk.until_phase(rollout, "done")


async def test_a_rollback_settles_what_was_unknown_before_it(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.router.applies = False
        w.shop.router.errors = [OutcomeUnknown("cut after forwarding")]
        rollout = await desk.start()
        await desk.until_phase(rollout, "unknown")
        w.shop.router.applies = True
        await desk.act(Verb.ROLLBACK)
        view = await desk.until_phase(rollout, "rolled back")
        assert view.unknowns == ()
        assert all(row.state is not StepState.UNKNOWN for row in view.steps)
        assert await w.time.through(w.store.journal.unsettled()) == []


async def test_a_router_that_restarted_and_kept_its_weights_is_asked_about_too(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        w.shop.router.incarnation = "2"
        view = await desk.until_phase(rollout, "held")
        assert "process restarted" in view.note
        assert (await desk.act(Verb.RESUME)).decision.allowed
        await desk.until_phase(rollout, "done")
        assert w.shop.router.sent == [5, 25, 50, 95, 100]


async def test_slow_records_between_a_weight_and_its_stage_are_no_drift(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.store.trouble.slow = ("change", 4.0)
        await desk.until_stage(rollout, 1)
        assert not [event for event in desk.events if isinstance(event, DriftSeen)]
        assert desk.view(rollout).phase is Phase.RUNNING


async def test_a_router_that_was_swapped_between_two_looks_gets_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.router.fingerprint = "somebody-else"
        rollout = await desk.start()
        view = await desk.until_phase(rollout, "held")
        assert "This is not the router" in view.note
        assert w.shop.router.sent == []


async def test_a_freeze_that_only_the_records_know_refuses_the_step_when_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)

        async def unaware() -> bool:
            return False

        monkeypatch.setattr(desk.engine._parts.asking, "refresh", unaware)
        stop = StopTheLine("Ben", "payments look odd", w.time.clock.now())
        await w.time.through(w.store.freezes.stop(stop, BEN))
        view = await desk.until_phase(rollout, "held")
        assert "stopped the line" in view.note
        assert w.shop.router.sent == [5]
        assert [event.verb for event in desk.events if isinstance(event, MoveRefused)] == ["step up"]
        records = await w.time.through(w.store.audit.page(AuditFilter(kinds=frozenset({RecordKind.REFUSAL})), None, 5))
        assert records[0].entry.rollout == rollout


async def test_a_step_whose_wheel_is_about_to_run_out_sends_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.store.trouble.slow = ("renew", 60.0)
        await w.time.advance(200)
        assert w.shop.router.sent == [5]


async def test_a_forward_step_between_two_sendings_stops_for_a_rollback(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.shop.router.errors = [Refused("busy", status=503, retry_after_s=0.5)]
        await w.time.until(lambda: w.shop.router.sent == [5, 25], 120)
        await desk.act(Verb.ROLLBACK)
        await desk.until_phase(rollout, "rolled back")
        await w.time.advance(30)
        assert w.shop.router.sent == [5, 25, 0]


async def test_a_gate_of_what_was_taken_back_waits_for_nothing_any_more(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await w.time.advance(3)
        assert any(gate.verdict is Verdict.WATCHING for gate in desk.view(rollout).gates)
        await desk.act(Verb.ROLLBACK)
        view = await desk.until_phase(rollout, "rolled back")
        waiting = [gate for gate in view.gates if gate.verdict is Verdict.WATCHING]
        assert waiting
        assert {(gate.sentence, gate.needs_more) for gate in waiting} == {
            ("Not judged any more: the rollout is rolled back. It was watching at the last look.", None)
        }
