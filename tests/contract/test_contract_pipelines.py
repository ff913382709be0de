"""What every pipeline promises: live lines, cancelling that reaches everything, honest ends, and no run twice."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from servers.buildbot_process import BuildbotServer
from servers.ending import over

from console.model.clock import SystemClock
from console.model.errors import BadFile, Refused
from console.model.pipelines import BuildbotPipeline
from console.model.ports import Pipeline
from console.model.readings import LogLine, PipelineRun
from console.model.systems import CommandPipeline, CommandStage
from console.providers.clients.http import HttpClient
from console.providers.pipelines.buildbot import BuildbotRuns
from console.providers.pipelines.command import CommandRunner

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="drives POSIX shells")]

Script = tuple[str, str]
"""A stage's name, and what its shell does."""


@dataclass
class Rig:
    """Makes the provider under test for some stages."""

    make: Callable[..., Pipeline]


@pytest.fixture(params=["command", "buildbot"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    made = _commands(tmp_path) if request.param == "command" else _buildbot(request.getfixturevalue("buildbot_server"), tmp_path)
    async for each in made:
        yield each


async def _commands(folder: Path) -> AsyncIterator[Rig]:
    made: list[CommandRunner] = []

    def make(*scripts: Script) -> Pipeline:
        stages = tuple(CommandStage(name, ("/bin/sh", "-c", script), 20.0) for name, script in scripts)
        made.append(CommandRunner(CommandPipeline(stages), folder, SystemClock()))
        return made[-1]

    yield Rig(make)
    for each in made:
        await each.aclose()


async def _buildbot(server: BuildbotServer, folder: Path) -> AsyncIterator[Rig]:
    http, numbers = HttpClient(), count(1)
    made: list[BuildbotRuns] = []

    def make(*scripts: Script) -> Pipeline:
        number = next(numbers)
        place = folder / f"scripts-{number}"
        place.mkdir()
        for at, (name, script) in enumerate(scripts):
            (place / f"{at}-{name}.sh").write_text(script)
        spec = BuildbotPipeline(server.url, f"release-{number % 8}", "release", parameters={"folder": str(place), "timeout": "20"})
        made.append(BuildbotRuns(spec, http, SystemClock()))
        return made[-1]

    yield Rig(make)
    for each in made:
        await each.aclose()
    await http.aclose()


async def everything(pipeline: Pipeline, run: str) -> tuple[list[PipelineRun], list[LogLine]]:
    runs: list[PipelineRun] = []
    lines: list[LogLine] = []
    async for item in pipeline.follow(run):
        if isinstance(item, PipelineRun):
            runs.append(item)
        else:
            lines.append(item)
    return runs, lines


async def until_a_line(pipeline: Pipeline, run: str) -> None:
    items: Any = pipeline.follow(run)
    async with aclosing(items):
        async for item in items:
            if isinstance(item, LogLine):
                return


def told(lines: Sequence[LogLine]) -> list[tuple[str, int, str]]:
    return [(line.stage, line.number, line.text) for line in lines]


async def test_stages_run_in_order_and_pass(rig: Rig, tmp_path: Path) -> None:
    pipeline = rig.make(("build", "echo building $RELEASE_VERSION"), ("check", "echo checked >&2"))
    runs, lines = await everything(pipeline, await pipeline.start("18.0.0", f"{tmp_path} 1"))
    assert told(lines) == [("build", 1, "building 18.0.0"), ("check", 1, "checked")]
    last = runs[-1]
    assert (last.state, last.version, last.reason, last.note) == ("passed", "18.0.0", "", "")
    assert [(stage.name, stage.state, stage.exit_code, stage.lines) for stage in last.stages] == [
        ("build", "passed", 0, 1),
        ("check", "passed", 0, 1),
    ]
    assert all(stage.started_at and stage.ended_at and stage.started_at <= stage.ended_at for stage in last.stages)
    assert all(run.state == "running" for run in runs[:-1])


async def test_a_failing_stage_ends_the_run_and_says_where_with_its_exit_code(rig: Rig, tmp_path: Path) -> None:
    pipeline = rig.make(("build", "true"), ("migrate", "echo no such table; exit 3"), ("check", "echo never"))
    runs, lines = await everything(pipeline, await pipeline.start("18.0.0", f"{tmp_path} 1"))
    last = runs[-1]
    assert last.state == "failed"
    assert "migrate" in last.reason
    assert "exit code 3" in last.reason
    known = {stage.name: (stage.state, stage.exit_code) for stage in last.stages}
    assert known["build"] == ("passed", 0)
    assert known["migrate"] == ("failed", 3)
    assert known.get("check", ("planned", None)) == ("planned", None)
    assert told(lines) == [("migrate", 1, "no such table")]


async def test_lines_arrive_while_the_stage_still_runs(rig: Rig, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    pipeline = rig.make(("build", f"echo first; while [ ! -e {gate} ]; do sleep 0.01; done; echo second"))
    seen = []
    async for item in pipeline.follow(await pipeline.start("1", f"{tmp_path} 1")):
        if isinstance(item, LogLine):
            seen.append(item.text)
            gate.touch()
    assert seen == ["first", "second"]


async def test_the_same_key_starts_nothing_a_second_time(rig: Rig, tmp_path: Path) -> None:
    pipeline = rig.make(("build", f"echo x >> {tmp_path}/ran"))
    first = await pipeline.start("1", f"{tmp_path} 1")
    assert await asyncio.gather(*(pipeline.start("1", f"{tmp_path} 1") for _ in range(3))) == [first] * 3
    await everything(pipeline, first)
    assert await pipeline.start("1", f"{tmp_path} 1") == first
    assert (tmp_path / "ran").read_text() == "x\n"
    assert await pipeline.start("1", f"{tmp_path} 2") != first


async def test_who_comes_late_sees_it_all_from_the_beginning(rig: Rig, tmp_path: Path) -> None:
    pipeline = rig.make(("build", "echo a; echo b"), ("check", "echo c"))
    run = await pipeline.start("1", f"{tmp_path} 1")
    runs, lines = await everything(pipeline, run)
    runs_again, lines_again = await everything(pipeline, run)
    assert told(lines_again) == told(lines) == [("build", 1, "a"), ("build", 2, "b"), ("check", 1, "c")]
    assert runs_again[-1] == runs[-1]


async def test_cancelling_ends_everything_that_was_started(rig: Rig, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    build = f"trap '' TERM; sleep 300 & echo $! > {pids}; echo $$ >> {pids}; echo up; wait; sleep 300"
    pipeline = rig.make(("build", build), ("next", f"touch {tmp_path}/next"))
    run = await pipeline.start("1", f"{tmp_path} 1")
    await until_a_line(pipeline, run)
    await pipeline.cancel(run, "Ana stopped it\x1b[31m")
    runs, _ = await everything(pipeline, run)
    assert (runs[-1].state, runs[-1].reason) == ("cancelled", "Ana stopped it")
    assert runs[-1].stages[0].state == "cancelled"
    assert await over(*map(int, pids.read_text().split()))
    assert not (tmp_path / "next").exists()


async def test_a_run_that_has_ended_stays_as_it_is_when_it_is_cancelled(rig: Rig, tmp_path: Path) -> None:
    pipeline = rig.make(("build", "true"))
    run = await pipeline.start("1", f"{tmp_path} 1")
    await everything(pipeline, run)
    await pipeline.cancel(run, "too late")
    runs, _ = await everything(pipeline, run)
    assert (runs[-1].state, runs[-1].reason) == ("passed", "")


async def test_terminal_escapes_and_control_characters_do_not_reach_the_log(rig: Rig, tmp_path: Path) -> None:
    pipeline = rig.make(("build", r"printf '\033[31mred\033[0m\tx\n\342\200\256rtl\n'"))
    _, lines = await everything(pipeline, await pipeline.start("1", f"{tmp_path} 1"))
    assert [line.text for line in lines] == ["red x", "\\u202ertl"]


async def test_long_output_is_bounded_and_keeps_its_beginning_and_its_end(rig: Rig, tmp_path: Path) -> None:
    pipeline = rig.make(("build", "seq 1 20000; echo the error"))
    runs, lines = await everything(pipeline, await pipeline.start("1", f"{tmp_path} 1"))
    assert len(lines) <= 5001
    assert lines[0].text == "1"
    assert lines[-1].text == "the error"
    assert any("lines are not kept" in line.text for line in lines)
    assert runs[-1].stages[0].lines == pytest.approx(20_001, abs=5)
    assert [line.number for line in lines] == sorted(line.number for line in lines)


async def test_a_version_that_is_none_starts_nothing(rig: Rig, tmp_path: Path) -> None:
    pipeline = rig.make(("build", f"touch {tmp_path}/ran"))
    for version in ("", "1\n2", "a\x00b"):
        with pytest.raises(BadFile):
            await pipeline.start(version, f"{tmp_path} {version!r}")
    assert not (tmp_path / "ran").exists()


async def test_a_run_that_nobody_started_is_refused(rig: Rig) -> None:
    pipeline = rig.make(("build", "true"))
    for run in ("run-x", "request-987654321"):
        with pytest.raises(Refused):
            await pipeline.cancel(run, "because")
