"""A pipeline whose runs live on without the console: what was left is followed to its end, and nothing is built a second time."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from engine_fakes import ANA, WITH_PIPELINE, FakePipeline, World, world

from console.model.audit import AuditFilter
from console.model.errors import NotAllowed, OutcomeUnknown, Unreachable
from console.model.readings import LogLine, PipelineRun, PipelineStageRun, RunChange
from console.model.rollout import StepState
from console.model.verbs import Verb

pytestmark = pytest.mark.anyio


@dataclass
class Remote(FakePipeline):
    """A pipeline that finds its runs by their key; `lost` is raised by the next start, after it has started."""

    lost: Exception | None = None
    deaf: int = 0
    runs: dict[str, str] = field(default_factory=dict)

    async def start(self, version: str, key: str) -> str:
        self.runs[key] = await super().start(version, key)
        error, self.lost = self.lost, None
        if error is not None:
            raise error
        return self.runs[key]

    async def find(self, key: str) -> str | None:
        return self.runs.get(key)

    async def follow(self, run: str) -> AsyncIterator[PipelineRun | LogLine]:
        if self.deaf:
            self.deaf -= 1
            raise Unreachable("no answer", sent=False)
        async for item in super().follow(run):
            yield item


def remote(w: World) -> Remote:
    w.shop.pipeline = Remote(w.time)
    return w.shop.pipeline


async def test_what_the_pipeline_brings_is_named_as_the_canary_and_not_what_its_side_ran_before(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        remote(w)
        desk = await w.desk()
        rollout = (await desk.act(Verb.START, release="5.3")).rollout
        view = await desk.until_stage(rollout, 0)
        assert view.canary_version == "5.3"
        assert view.subline.startswith("canary 5.3 against stable 5.1 ")


@pytest.mark.parametrize("error", [OutcomeUnknown("no answer"), Unreachable("no answer", sent=True)])
async def test_a_start_whose_answer_is_lost_is_unknown_and_its_run_is_followed_after_a_resume(tmp_path: Path, error: Exception) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        pipeline = remote(w)
        pipeline.lost = error
        desk = await w.desk()
        rollout = await desk.start()
        view = await desk.until_phase(rollout, "unknown")
        assert [row.state for row in view.steps] == [StepState.UNKNOWN]
        assert w.shop.router.sent == []
        await desk.act(Verb.RESUME, rollout=rollout)
        await desk.until_stage(rollout, 0)
        assert len(pipeline.started) == 1


async def test_a_start_that_reached_nobody_is_failed_and_starts_anew_after_a_resume(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        pipeline = remote(w)
        pipeline.lost = Unreachable("no answer", sent=False)
        pipeline.runs.clear()
        desk = await w.desk()
        rollout = await desk.start()
        view = await desk.until_phase(rollout, "held")
        assert [row.state for row in view.steps] == [StepState.FAILED]


async def test_a_run_that_went_on_while_the_console_was_dead_is_followed_and_not_started_anew(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        pipeline = remote(w)
        desk = await w.desk()
        rollout = await desk.start()
        await w.time.advance(1)
        await w.kill(desk)
        again = await w.desk_again(ANA)
        await again.until_phase(rollout, "unknown")
        await w.time.advance(20)  # until the wheel of the dead console has run out
        answer = await again.act(Verb.RESUME, rollout=rollout)
        assert answer.decision.allowed, answer.decision.reasons
        await again.until_stage(rollout, 0)
        assert len(pipeline.started) == 1


async def test_a_run_that_failed_is_started_anew_after_a_resume(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        pipeline = remote(w)
        pipeline.state = "failed"
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_phase(rollout, "held")
        pipeline.state = "passed"
        await desk.act(Verb.RESUME, rollout=rollout)
        await desk.until_stage(rollout, 0)
        assert len(pipeline.started) == 2


@pytest.mark.parametrize("passes_later", [True, False])
async def test_a_run_of_which_nothing_could_be_recorded_is_read_back_before_it_is_started_anew(tmp_path: Path, passes_later: bool) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        pipeline = remote(w)
        start = pipeline.start

        async def then_full(version: str, key: str) -> str:
            run = await start(version, key)
            w.store.trouble.broken = True
            return run

        pipeline.state, pipeline.start = "failed", then_full
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_phase(rollout, "held")
        assert [row.state for row in await w.store._store.journal.steps(rollout)] == [StepState.SENT]
        pipeline.start, w.store.trouble.broken = start, False
        await w.time.advance(30)
        pipeline.state = "passed" if passes_later else "failed"
        assert (await desk.act(Verb.RESUME, rollout=rollout)).decision.allowed
        await w.time.advance(30)
        first, again = (await w.store.journal.steps(rollout))[:2]
        assert (first.state, len(pipeline.started)) == (StepState.FAILED, 1), (
            "what was not recorded is settled, and no second run is started"
        )
        assert again.state is (StepState.CONFIRMED if passes_later else StepState.FAILED)


async def test_a_run_that_cannot_be_followed_is_unknown_and_found_again(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        pipeline = remote(w)
        pipeline.deaf = 1
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_phase(rollout, "unknown")
        await desk.act(Verb.RESUME, rollout=rollout)
        await desk.until_stage(rollout, 0)
        assert len(pipeline.started) == 1


async def test_a_cancel_that_does_not_arrive_is_tried_again_while_the_rollout_goes_back(tmp_path: Path) -> None:
    async with world(tmp_path, replace(WITH_PIPELINE)) as w:
        pipeline = remote(w)
        tries: list[str] = []
        cancel = pipeline.cancel

        async def cancel_later(run: str, reason: str) -> None:
            tries.append(reason)
            if len(tries) == 1:
                raise Unreachable("no answer", sent=True)
            await cancel(run, reason)

        pipeline.cancel = cancel_later  # type: ignore[method-assign]
        desk = await w.desk()
        rollout = await desk.start()
        await w.time.advance(0.5)
        await desk.act(Verb.ABORT, rollout=rollout)
        await w.time.advance(5)
        assert tries == ["the rollout goes back"] * 2
        assert pipeline.state == "cancelled"


@dataclass
class Gated(Remote):
    """A pipeline whose run waits at a gate until somebody approves it; it tells what it builds."""

    approvals: list[tuple[str, str, str]] = field(default_factory=list)
    deaf_gate: Exception | None = None

    async def follow(self, run: str) -> AsyncIterator[PipelineRun | LogLine]:
        now = self.time.clock.now()
        stage = PipelineStageRun("Approval for production", "waiting", now, gate="11")
        yield PipelineRun(run, "5.2b", "running", (stage,), note="It waits for a person.", link="https://ci.example/run/1")
        while not self.approvals:
            await self.time.sleep(0.5)
        yield PipelineRun(run, "5.2b", "passed", (replace(stage, state="passed", gate=""),))

    async def approve(self, run: str, gate: str, reason: str) -> None:
        if self.deaf_gate is not None:
            raise self.deaf_gate
        self.approvals.append((run, gate, reason))

    async def changes(self, run: str) -> Sequence[RunChange]:
        return (RunChange("4f1c", "Ana", "Fix the cart"),)


async def test_a_gate_is_approved_with_a_reason_that_is_recorded_before_and_after(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        pipeline = w.shop.pipeline = Gated(w.time)
        desk = await w.desk()
        rollout = await desk.start()
        await w.time.advance(3)
        view = desk.view(rollout)
        assert view.pipeline is not None
        assert view.pipeline.stages[0].gate == "11"
        assert [change.title for change in view.changes] == ["Fix the cart"]
        for gate, reason, said in (("11", " ", "with a reason only"), ("12", "tested", "Nothing of R-1 waits")):
            with pytest.raises(NotAllowed, match=said):
                await w.time.really(desk.engine.approve_gate(rollout, gate, reason))
        await w.time.really(desk.engine.approve_gate(rollout, "11", "tested by hand"))
        await desk.until_stage(rollout, 0)
        assert [each[1:] for each in pipeline.approvals] == [("11", "tested by hand")]
        records = [record.entry for record in await w.store.audit.page(AuditFilter(), None, 200)]
        assert [(each.kind.value, each.reason, each.result) for each in records if each.verb == "approve gate"] == [
            ("outcome", "tested by hand", "accepted"),
            ("intent", "tested by hand", ""),
        ]


async def test_a_gate_that_was_not_reached_is_recorded_as_such_and_nothing_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        pipeline = w.shop.pipeline = Gated(w.time, deaf_gate=Unreachable("no answer from the CI", sent=True))
        desk = await w.desk()
        rollout = await desk.start()
        await w.time.advance(3)
        with pytest.raises(Unreachable):
            await w.time.really(desk.engine.approve_gate(rollout, "11", "tested by hand"))
        records = [record.entry for record in await w.store.audit.page(AuditFilter(), None, 200)]
        assert next(each for each in records if each.verb == "approve gate").result == "no answer from the CI"
        assert pipeline.approvals == []


async def test_no_gate_is_approved_while_the_line_is_stopped(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        pipeline = w.shop.pipeline = Gated(w.time)
        desk = await w.desk()
        rollout = await desk.start()
        await w.time.advance(3)
        await w.time.really(desk.engine.line.stop_the_line("peak", None, ()))
        with pytest.raises(NotAllowed, match="The gate was not approved"):
            await w.time.really(desk.engine.approve_gate(rollout, "11", "tested by hand"))
        assert pipeline.approvals == []
