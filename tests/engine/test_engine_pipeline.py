"""A pipeline whose runs live on without the console: what was left is followed to its end, and nothing is built a second time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from engine_fakes import ANA, WITH_PIPELINE, FakePipeline, World, world

from console.model.errors import OutcomeUnknown, Unreachable
from console.model.readings import LogLine, PipelineRun
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
