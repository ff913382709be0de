"""What the engine's outer doors let through: nothing but errors in words, and nothing from a folder that is not ours."""

import asyncio
import logging
from datetime import datetime
from pathlib import Path

import pytest
from engine_fakes import BLUE, world

from console.engine import engine as engines
from console.engine import foresight
from console.model.errors import RemoteError, Unreachable
from console.model.rollout import Phase

pytestmark = pytest.mark.anyio


async def test_a_router_that_does_not_say_who_it_is_cannot_be_armed_and_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        monkeypatch.setattr(engines, "ARM_S", 0.01)
        monkeypatch.setattr(w.shop.router, "identity", asyncio.Event().wait)
        with pytest.raises(Unreachable, match=r"did not say in 0\.01 s who it is"):
            await desk.engine.arm("shop", armed=True, reason="test")


async def test_a_view_that_cannot_be_made_does_not_keep_the_others_from_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        outbox = desk.engine._parts.outbox
        make, broken = outbox._pictures.target, ["shop"]

        def target(name: str) -> object:
            if name in broken:
                raise KeyError(name)
            return make(name)

        monkeypatch.setattr(outbox._pictures, "target", target)
        with caplog.at_level(logging.CRITICAL, "console.engine.outbox"):
            await desk.until_stage(rollout, 1)
        assert desk.rollouts[rollout].phase is Phase.RUNNING
        broken.clear()
        await w.time.advance(2.0)
        assert desk.targets["shop"].weight.read_back.value == 25
        assert desk.targets["shop"].stable == BLUE


async def test_the_planner_runs_no_file_of_the_folder_that_the_console_was_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "console").mkdir()
    (tmp_path / "console" / "__init__.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    process = await asyncio.create_subprocess_exec(
        *foresight.COMMAND, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"JSONDecodeError" in said, "our own module ran, and found no question"


async def test_a_plan_that_takes_too_long_to_look_ahead_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foresight, "LONGEST_S", 0.0)
    setting = foresight.Setting(((5.0, 60.0),), sessions_per_min=13.0)
    with pytest.raises(RemoteError, match="was not worked out"):
        await foresight.needs(setting, 0.123)


async def test_a_bug_while_saying_who_is_alive_is_told_once_and_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk(kind="desktop")
        broken = [True]
        compare = desk.engine.others._compare

        def compared(*times: datetime) -> None:
            if broken:
                raise KeyError("a bug")
            compare(*times)

        monkeypatch.setattr(desk.engine.others, "_compare", compared)
        with caplog.at_level(logging.CRITICAL, "console.engine.others"):
            await w.time.advance(35.0)
        told = [notice.title for update in desk.updates for notice in update.notices]
        assert told.count("Who is alive is not known now") == 1
        broken.clear()
        before = w.time.clock.now()
        await w.time.advance(11.0)
        assert [each.seen_at >= before for each in desk.engine.others.alive] == [True]
