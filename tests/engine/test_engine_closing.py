"""A step that is under way when its console closes: it gets its outcome first, and nothing of it runs on without its connections."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from engine_fakes import ANA, ANA2, GREEN, WITH_PIPELINE, Desk, FakePipeline, Shop, World, world

from console.engine import closing
from console.model.ports import Connections
from console.model.readings import LogLine, PipelineRun
from console.model.rollout import StepState
from console.model.stores import TargetRow
from console.model.target import Target
from console.model.verbs import Verb

pytestmark = pytest.mark.anyio


@dataclass
class Doors:
    """The connections of a shop, which it opens with these."""

    shop: Shop
    open: bool = True

    def __post_init__(self) -> None:
        self.shop.connect = self.connect  # type: ignore[method-assign]

    def connect(self, target: Target, row: TargetRow) -> Connections:
        self.open = True
        return replace(Shop.connect(self.shop, target, row), closers=(self,))

    async def aclose(self) -> None:
        self.open = False


@dataclass
class Remote(FakePipeline):
    """A pipeline whose runs live on without the console; it counts followings that have ended."""

    ended: int = 0

    async def find(self, key: str) -> str | None:
        return f"run {key}" if key in self.started else None

    async def follow(self, run: str) -> AsyncIterator[PipelineRun | LogLine]:
        try:
            async for item in super().follow(run):
                yield item
        finally:
            self.ended += 1


async def begun(w: World) -> tuple[Doors, Desk, str]:
    """Return the shop's doors, a console on it and a rollout that it has just started."""
    doors, desk = Doors(w.shop), await w.desk(ANA)
    return doors, desk, await desk.start()


async def close(w: World, desk: Desk) -> None:
    w.desks.remove(desk)
    await w.time.through(desk.engine.close())


async def steps(w: World, rollout: str) -> list[tuple[StepState, str]]:
    return [(row.state, row.detail) for row in await w.time.through(w.store.journal.steps(rollout))]


async def test_a_run_that_lives_on_is_let_alone_and_nothing_of_its_following_is_left(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        w.shop.pipeline = pipeline = Remote(w.time)
        before = asyncio.all_tasks()
        _, desk, rollout = await begun(w)
        await w.time.advance(1)
        await close(w, desk)
        assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()
        assert (pipeline.ended, pipeline.state) == (1, "passed")
        assert [state for state, _ in await steps(w, rollout)] == [StepState.SENT]
        again = await w.desk(ANA2)
        await again.until_phase(rollout, "unknown")
        assert (await again.act(Verb.RESUME, rollout=rollout)).decision.allowed
        await again.until_stage(rollout, 0)
        assert len(pipeline.started) == 1


async def test_a_run_that_ends_with_the_console_is_recorded_as_ended(tmp_path: Path) -> None:
    async with world(tmp_path, WITH_PIPELINE) as w:
        _, desk, rollout = await begun(w)
        await w.time.advance(1)
        await close(w, desk)
        assert w.shop.pipeline.state == "cancelled"
        assert await steps(w, rollout) == [(StepState.FAILED, "The pipeline cancelled.")]


async def test_a_weight_on_its_way_gets_its_outcome_before_the_connections_close(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        doors, desk, rollout = await begun(w)
        seen: list[bool] = []

        async def slowly() -> None:
            await w.time.sleep(2.0)
            seen.append(doors.open)

        await desk.until_stage(rollout, 0)
        w.shop.router.before_set = slowly
        await w.time.until(lambda: bool(desk.engine._parts.targets["shop"].sending))
        await w.time.advance(0.5)
        await close(w, desk)
        assert seen == [True]
        assert w.shop.router.weights[GREEN] == 25.0
        assert [state for state, _ in await steps(w, rollout)] == [StepState.CONFIRMED, StepState.CONFIRMED]
        assert not doors.open


async def test_a_step_that_gets_no_answer_keeps_no_console_from_closing_and_is_left_open(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        doors, desk, rollout = await begun(w)

        async def never() -> None:
            await w.time.sleep(3600.0)

        await desk.until_stage(rollout, 0)
        w.shop.router.before_set = never
        await w.time.until(lambda: bool(desk.engine._parts.targets["shop"].sending))
        at = w.time.clock.elapsed()
        await close(w, desk)
        assert closing.CLOSE_S <= w.time.clock.elapsed() - at < closing.CLOSE_S + 2
        assert not doors.open
        assert [state for state, _ in await steps(w, rollout)] == [StepState.CONFIRMED, StepState.SENT]
        assert (await w.time.through(w.store.wheel.seen(rollout))).live is None
        w.shop.router.before_set = None
        again = await w.desk(ANA2)
        await again.until_phase(rollout, "unknown")
        assert w.shop.router.sent == [5]
