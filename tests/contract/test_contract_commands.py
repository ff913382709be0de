"""What a pipeline of declared commands promises besides: nothing it starts outlives it, and its output is bounded."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from servers.ending import alive, over

from console.model.clock import SystemClock
from console.model.readings import LogLine, PipelineRun
from console.model.systems import CommandPipeline, CommandStage
from console.providers.pipelines.command import CommandRunner

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="drives POSIX shells")]


def shell(name: str, script: str, timeout_s: float = 20.0) -> CommandStage:
    return CommandStage(name, ("/bin/sh", "-c", script), timeout_s)


@pytest.fixture
async def runner(tmp_path: Path):
    """Make the provider under test for some stages; whatever it started is over after the test."""
    made: list[CommandRunner] = []

    def make(*stages: CommandStage, folder: str = ".") -> CommandRunner:
        made.append(CommandRunner(CommandPipeline(stages, folder), tmp_path, SystemClock()))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()


async def everything(pipeline: CommandRunner, run: str) -> tuple[list[PipelineRun], list[LogLine]]:
    runs, lines = [], []
    async for item in pipeline.follow(run):
        (runs if isinstance(item, PipelineRun) else lines).append(item)
    return runs, lines


async def test_a_stage_that_takes_too_long_is_ended_and_failed(runner) -> None:
    pipeline = runner(shell("build", "sleep 300", timeout_s=0.2))
    began = time.monotonic()
    runs, _ = await everything(pipeline, await pipeline.start("1", "k"))
    assert runs[-1].state == "failed"
    assert "0.2 s" in runs[-1].reason
    assert time.monotonic() - began < 5


async def test_what_a_stage_leaves_running_is_ended_with_it(runner, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    pipeline = runner(shell("build", f"sleep 300 & echo $! > {pid}"))
    runs, _ = await everything(pipeline, await pipeline.start("1", "k"))
    assert runs[-1].state == "passed"
    assert await over(int(pid.read_text()))


async def test_a_command_that_does_not_exist_is_said_to_be_missing(runner) -> None:
    pipeline = runner(CommandStage("build", ("/no/such/program",)))
    runs, lines = await everything(pipeline, await pipeline.start("1", "k"))
    assert (runs[-1].state, runs[-1].stages[0].exit_code) == ("failed", 127)
    assert "could not be started" in runs[-1].reason
    assert lines[-1].text == runs[-1].reason


async def test_a_folder_that_does_not_exist_fails_the_stage(runner) -> None:
    pipeline = runner(shell("build", "true"), folder="nowhere")
    runs, _ = await everything(pipeline, await pipeline.start("1", "k"))
    assert runs[-1].state == "failed"


async def test_arguments_are_never_read_by_a_shell(runner, tmp_path: Path) -> None:
    pipeline = runner(CommandStage("build", ("/bin/echo", f"$(touch {tmp_path}/owned); `id`", ";", "x")))
    _, lines = await everything(pipeline, await pipeline.start("1", "k"))
    assert lines[0].text == f"$(touch {tmp_path}/owned); `id` ; x"
    assert not (tmp_path / "owned").exists()


async def test_secrets_in_our_environment_stay_with_us(runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "canary-env-1")
    pipeline = runner(shell("build", "env"))
    _, lines = await everything(pipeline, await pipeline.start("1", "k"))
    assert "canary-env-1" not in "\n".join(line.text for line in lines)
    assert "RELEASE_VERSION=1" in [line.text for line in lines]


async def test_output_without_end_is_bounded_and_keeps_its_beginning_and_its_end(runner) -> None:
    pipeline = runner(shell("build", "seq 1 300000; echo the error"))
    runs, lines = await everything(pipeline, await pipeline.start("1", "k"))
    assert len(lines) == 5001
    assert lines[0].text == "1"
    assert lines[-1].text == "the error"
    assert any("lines are not kept" in line.text for line in lines)
    assert runs[-1].stages[0].lines == 300_001
    assert [line.number for line in lines] == sorted(line.number for line in lines)


async def test_a_line_without_end_is_cut(runner) -> None:
    pipeline = runner(shell("build", "head -c 5000000 /dev/zero | tr '\\0' x; echo; echo after"))
    _, lines = await everything(pipeline, await pipeline.start("1", "k"))
    assert len(lines[0].text) == 2000
    assert lines[1].text == "after"


async def test_letting_go_of_the_target_ends_its_runs(runner, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    pipeline = runner(shell("build", f"echo $$ > {pid}; echo up; sleep 300"))
    run = await pipeline.start("1", "k")
    async for item in pipeline.follow(run):
        if isinstance(item, LogLine):
            break
    await pipeline.aclose()
    assert await over(int(pid.read_text()))


KILLED = """
import asyncio, sys
from pathlib import Path
from console.model.clock import SystemClock
from console.model.systems import CommandPipeline, CommandStage
from console.providers.pipelines.command import CommandRunner

async def main():
    stage = CommandStage("build", ("/bin/sh", "-c", "sleep 300 & echo $!; echo $$; sleep 300"))
    runner = CommandRunner(CommandPipeline((stage,)), Path("."), SystemClock())
    async for item in runner.follow(await runner.start("1", "k")):
        if hasattr(item, "text"):
            print(item.text, flush=True)

asyncio.run(main())
"""


async def test_nothing_survives_when_the_console_is_killed() -> None:
    root = Path(__file__).parents[2]
    console = subprocess.Popen(
        [sys.executable, "-c", KILLED], stdout=subprocess.PIPE, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert console.stdout is not None
    pids = [int(await asyncio.to_thread(console.stdout.readline)) for _ in range(2)]
    assert all(alive(pid) for pid in pids)
    console.kill()
    await asyncio.to_thread(console.communicate)
    assert await over(*pids)
