"""A rollout on its way: it goes forward on true passes only, and stops when the canary fails."""

from pathlib import Path

import pytest
from engine_fakes import BLUE, GREEN, PAYMENTS, WITH_PIPELINE, world

from console.model.events import PhaseChanged, StageEntered, StageJudged
from console.model.rollout import Phase, StepState
from console.model.verbs import Verb, Verdict

pytestmark = pytest.mark.anyio


async def test_a_healthy_release_goes_through_every_stage_to_done(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        view = await desk.until_phase(rollout, "done", "held", "stopped")

        assert view.phase is Phase.DONE
        assert w.shop.router.sent == [5, 25, 50, 95, 100]
        assert [event.weight for event in desk.events if isinstance(event, StageEntered)] == [5, 25, 50, 95, 95]
        passes = [(event.stage, event.gate) for event in desk.events if isinstance(event, StageJudged) and event.verdict is Verdict.PASS]
        assert {stage for stage, gate in passes if gate == PAYMENTS} == {0, 1, 2, 3, 4}
        assert desk.target.stable == GREEN
        assert view.headline == "Checkout 5.2b is stable in production"
        assert view.wheel.lease is None


async def test_each_stage_waits_its_time(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        began = w.time.clock.elapsed()
        await desk.until_stage(rollout, 1)
        assert 45 <= w.time.clock.elapsed() - began < 120


async def test_a_silent_failure_is_stopped_and_taken_back_after_the_countdown(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.metrics.share[GREEN] = 0.0
        rollout = await desk.start()
        view = await desk.until_phase(rollout, "stopped")
        assert view.headline == "Checkout 5.2b is failing in production"
        assert view.auto_act is not None
        assert (view.auto_act.at - w.time.clock.now()).total_seconds() == pytest.approx(20, abs=1)
        assert view.gates[0].verdict is Verdict.FAIL
        assert view.loss is not None
        assert 3 <= view.loss.customers_hit <= 8
        stopped = w.time.clock.elapsed()

        view = await desk.until_phase(rollout, "rolled back")
        assert 20 <= w.time.clock.elapsed() - stopped < 22
        assert w.shop.router.weights == {BLUE: 100.0, GREEN: 0.0}
        assert not w.shop.flags.on
        assert desk.target.stable == BLUE
        assert view.loss is not None
        assert view.loss.saved is not None


async def test_hold_cancels_the_countdown_and_says_who_did(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.metrics.share[GREEN] = 0.0
        rollout = await desk.start()
        await desk.until_phase(rollout, "stopped")
        answer = await desk.act(Verb.HOLD)
        assert answer.decision.allowed
        await w.time.advance(60)
        view = desk.view(rollout)
        assert view.phase is Phase.STOPPED
        assert view.auto_act is None
        assert "Held by Ana" in view.note
        assert w.shop.router.weights[GREEN] == 5.0


async def test_hold_stays_until_a_person_resumes(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await desk.act(Verb.HOLD)
        await w.time.advance(300)
        assert desk.view(rollout).phase is Phase.HELD
        assert w.shop.router.sent == [5]
        answer = await desk.act(Verb.RESUME)
        assert answer.decision.allowed, answer.decision.reasons
        view = await desk.until_phase(rollout, "done")
        assert view.phase is Phase.DONE


async def test_a_held_canary_that_fails_is_stopped_too(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await desk.act(Verb.HOLD)
        w.shop.metrics.share[GREEN] = 0.0
        assert (await desk.until_phase(rollout, "stopped")).auto_act is not None


async def test_promote_is_refused_while_the_evidence_does_not_suffice(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        answer = await desk.act(Verb.PROMOTE)
        assert not answer.decision.allowed
        assert "watching" in answer.decision.reasons[0]
        assert w.shop.router.sent == [5]


async def test_promote_skips_the_rest_of_the_wait_once_every_gate_would_pass(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.metrics.per_s = 100.0
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await w.time.advance(15)
        began = w.time.clock.elapsed()
        answer = await desk.act(Verb.PROMOTE)
        assert answer.decision.allowed, answer.decision.reasons
        await desk.until_stage(rollout, 1)
        assert w.time.clock.elapsed() - began < 5


async def test_without_metrics_nothing_passes(tmp_path: Path) -> None:
    from console.model.errors import Unreachable

    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        w.shop.metrics.error = Unreachable("metrics are down", sent=False)
        await w.time.advance(600)
        view = desk.view(rollout)
        assert view.phase is Phase.RUNNING
        assert view.gates[0].verdict is Verdict.BLIND
        assert w.shop.router.sent == [5]


async def test_a_pipeline_runs_before_any_traffic_moves(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await w.time.advance(1)
        view = desk.view(rollout)
        assert view.stages[0].name == "Pipeline"
        assert view.stages[0].running
        assert [line.text for line in view.log] == ["looks well"]
        assert w.shop.router.sent == []
        await desk.until_stage(rollout, 0)
        assert len(w.shop.pipeline.started) == 1


async def test_a_failed_pipeline_holds_before_any_traffic_moves(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        desk = await w.desk()
        w.shop.pipeline.state = "failed"
        rollout = await desk.start()
        view = await desk.until_phase(rollout, "held")
        assert "failed" in view.note
        assert w.shop.router.sent == []


async def test_page_traffic_of_the_canary_moves_in_the_chart_within_five_seconds_of_its_weight(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        w.shop.metrics.per_s = 40.0
        rollout = await desk.start()
        await desk.until_stage(rollout, 0)
        await w.time.advance(5)
        chart = next(chart for chart in desk.view(rollout).charts if chart.name == "Requests")
        canary = next(series for series in chart.series if series.role == "canary")
        assert canary.values[-1] > 0


async def test_every_step_ends_confirmed_in_the_journal(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_phase(rollout, "done")
        rows = await w.time.through(w.store.journal.steps(rollout))
        assert {row.state for row in rows} == {StepState.CONFIRMED}
        report = await w.time.through(w.store.audit.verify())
        assert report.ok
        assert report.open_intents == ()


async def test_the_first_update_brings_everything_and_later_ones_only_what_changed(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        first = desk.updates[0]
        assert [view.name for view in first.targets] == ["shop"]
        assert first.calendar is not None
        later: list[object] = []
        cancel = desk.engine.listen(later.append)
        await w.time.advance(0.3)
        assert later[0].targets[0].name == "shop"  # type: ignore[attr-defined]
        cancel()


async def test_phase_changes_are_told_as_events(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_phase(rollout, "done")
        assert [event.phase for event in desk.events if isinstance(event, PhaseChanged)] == [Phase.RUNNING, Phase.DONE]
