"""What every pipeline promises: live lines, cancelling that reaches everything, honest ends."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from console.model.clock import SystemClock
from console.model.errors import BadFile, Refused
from console.model.readings import LogLine, PipelineRun
from console.model.systems import CommandPipeline, CommandStage
from console.providers.pipelines.command import CommandRunner

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="drives POSIX shells")]


def shell(name: str, script: str, timeout_s: float = 20.0) -> CommandStage:
    return CommandStage(name, ("/bin/sh", "-c", script), timeout_s)


@pytest.fixture(params=["command"])
async def runner(request: pytest.FixtureRequest, tmp_path: Path):
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


async def test_stages_run_in_order_and_pass(runner) -> None:
    pipeline = runner(shell("build", "echo building $RELEASE_VERSION"), shell("check", "echo checked >&2"))
    runs, lines = await everything(pipeline, await pipeline.start("18.0.0", "step-1"))
    assert [(line.stage, line.number, line.text) for line in lines] == [("build", 1, "building 18.0.0"), ("check", 1, "checked")]
    last = runs[-1]
    assert (last.state, last.version) == ("passed", "18.0.0")
    assert [(stage.state, stage.exit_code, stage.lines) for stage in last.stages] == [("passed", 0, 1), ("passed", 0, 1)]
    assert all(stage.started_at <= stage.ended_at for stage in last.stages)
    assert [run.stages[0].state for run in runs][:2] == ["planned", "running"]


async def test_a_failing_stage_ends_the_run_with_its_exit_code(runner) -> None:
    pipeline = runner(shell("build", "exit 3"), shell("check", "echo never"))
    runs, lines = await everything(pipeline, await pipeline.start("18.0.0", "step-1"))
    assert runs[-1].state == "failed"
    assert "exit code 3" in runs[-1].reason
    assert [(stage.state, stage.exit_code) for stage in runs[-1].stages] == [("failed", 3), ("planned", None)]
    assert lines == []


async def test_lines_arrive_while_the_stage_still_runs(runner, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    pipeline = runner(shell("build", f"echo first; while [ ! -e {gate} ]; do sleep 0.01; done; echo second"))
    seen = []
    async for item in pipeline.follow(await pipeline.start("1", "k")):
        if isinstance(item, LogLine):
            seen.append(item.text)
            gate.touch()
    assert seen == ["first", "second"]


async def test_the_same_key_starts_nothing_a_second_time(runner, tmp_path: Path) -> None:
    pipeline = runner(shell("build", f"echo x >> {tmp_path}/ran"))
    first = await pipeline.start("1", "step-1")
    assert await pipeline.start("1", "step-1") == first
    await everything(pipeline, first)
    assert await pipeline.start("1", "step-1") == first
    assert (tmp_path / "ran").read_text() == "x\n"


async def test_who_comes_late_sees_it_all_from_the_beginning(runner) -> None:
    pipeline = runner(shell("build", "echo a; echo b"))
    run = await pipeline.start("1", "k")
    first = await everything(pipeline, run)
    assert await everything(pipeline, run) == first


async def test_cancelling_ends_everything_that_was_started(runner, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pipeline = runner(
        shell("build", f"trap '' TERM; sleep 300 & echo $! > {pids}; echo $$ >> {pids}; echo up; wait; sleep 300"), shell("next", "true")
    )
    run = await pipeline.start("1", "k")
    async for item in pipeline.follow(run):
        if isinstance(item, LogLine):
            break
    await pipeline.cancel(run, "Ana stopped it\x1b[31m")
    runs, _ = await everything(pipeline, run)
    assert (runs[-1].state, runs[-1].reason) == ("cancelled", "Ana stopped it")
    assert [stage.state for stage in runs[-1].stages] == ["cancelled", "planned"]
    assert await over(*map(int, pids.read_text().split()))


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


async def test_terminal_escapes_and_control_characters_do_not_reach_the_log(runner) -> None:
    pipeline = runner(shell("build", r"printf '\033[31mred\033[0m\tx\000y\r\nprogress 1\rprogress 2\n\342\200\256rtl\nopen end'"))
    _, lines = await everything(pipeline, await pipeline.start("1", "k"))
    assert [line.text for line in lines] == ["red x\\x00y", "progress 1", "progress 2", "\\u202ertl", "open end"]


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


async def test_a_version_that_is_none_starts_nothing(runner) -> None:
    pipeline = runner(shell("build", "true"))
    for version in ("", "1\n2", "a\x00b"):
        with pytest.raises(BadFile):
            await pipeline.start(version, "k")


async def test_a_run_that_nobody_started_is_refused(runner) -> None:
    with pytest.raises(Refused):
        await runner(shell("build", "true")).cancel("run-x", "because")


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
from console.model.target import CommandPipeline, CommandStage
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


async def over(*pids: int) -> bool:
    """Wait until processes that were sent the last signal are gone; False when one goes on for 5 s."""
    for _ in range(500):
        if not any(alive(pid) for pid in pids):
            return True
        await asyncio.sleep(0.01)
    return False


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
