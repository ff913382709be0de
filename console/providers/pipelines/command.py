"""A pipeline of declared commands that run here, one after another."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from console.model.clock import Clock
from console.model.errors import BadFile, Refused
from console.model.readings import LogLine, PipelineRun, PipelineStageRun
from console.model.systems import CommandPipeline, CommandStage
from console.model.text import clean
from console.providers.clients.output import Keeper, LineSplitter
from console.providers.clients.processes import ProcessGroup, bare_environment, spawn

_NOT_STARTED = 127
"""The exit code by which shells say that a command could not be started."""

_RUNS_KEPT = 20


class CommandRunner:
    """Runs the commands that a trusted target file declares; a stage passes when its command exits 0, and the first failure ends the run.

    What a command prints is kept in memory only. Everything it starts ends with it, at its deadline, when it is cancelled, and when this
    program is gone.
    """

    def __init__(self, spec: CommandPipeline, base_folder: Path, clock: Clock) -> None:
        self._spec = spec
        self._folder = base_folder / spec.folder
        self._clock = clock
        self._runs: dict[str, _Run] = {}

    async def start(self, version: str, key: str) -> str:
        """Start a run and return its id; the same `key` starts nothing a second time, as long as this program runs."""
        if not version or clean(version) != version:
            raise BadFile(f"{clean(version, 60)!r} is no version.", means="No command was started.")
        run_id = f"run-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
        if run_id not in self._runs:
            self._forget()
            run = _Run(run_id, version, self._spec, self._clock)
            self._runs[run_id] = run
            run.task = asyncio.get_running_loop().create_task(self._work(run), name=run_id)
        return run_id

    async def follow(self, run: str) -> AsyncIterator[PipelineRun | LogLine]:
        """Yield everything from the run's beginning, then each change and line as it comes, until the run has ended."""
        found = self._find(run)
        seen = 0
        while True:
            wake, over = found.wake, found.over
            while seen < len(found.items):
                seen += 1
                yield found.items[seen - 1]
            if over:
                return
            await wake.wait()

    async def cancel(self, run: str, reason: str) -> None:
        """Stop a run and everything it started, and return when it has ended; a run that has ended stays as it is."""
        found = self._find(run)
        found.stop_reason = found.stop_reason or clean(reason) or "cancelled"
        found.stop.set()
        if found.task is not None:
            await asyncio.wait({found.task})

    async def aclose(self) -> None:
        """Stop all runs."""
        for run_id in list(self._runs):
            await self.cancel(run_id, "the console lets go of this target")

    async def _work(self, run: "_Run") -> None:
        state = "passed"
        for index, stage in enumerate(self._spec.stages):
            if run.stop.is_set():
                state = "cancelled"
            if state != "passed":
                break
            run.change(index, state="running", started_at=self._clock.now())
            state, code, lines = await self._stage(run, stage)
            run.change(index, state=state, ended_at=self._clock.now(), exit_code=code, lines=lines)
        run.end(state)

    async def _stage(self, run: "_Run", stage: CommandStage) -> tuple[str, int | None, int]:
        keeper = Keeper(lambda number, text: run.publish(LogLine(stage.name, number, text, self._clock.now())))
        try:
            group = await spawn(stage.run, self._folder, bare_environment({"RELEASE_VERSION": run.version}))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "its arguments cannot be passed"
            run.reason = f"{stage.name}: {clean(stage.run[0], 80)} could not be started: {why}"
            keeper.add(run.reason.encode())
            return "failed", _NOT_STARTED, keeper.count
        reading = asyncio.get_running_loop().create_task(_copy(group, keeper))
        try:
            state, code = await self._wait(run, stage, group)
        finally:
            await group.close(reading)
        keeper.end()
        return state, code, keeper.count

    async def _wait(self, run: "_Run", stage: CommandStage, group: ProcessGroup) -> tuple[str, int | None]:
        loop = asyncio.get_running_loop()
        waits = {loop.create_task(group.wait()), loop.create_task(run.stop.wait())}
        exited, stopped = None, False
        try:
            done, _ = await asyncio.wait(waits, timeout=stage.timeout_s, return_when=asyncio.FIRST_COMPLETED)
            stopped = run.stop.is_set()
            exited = group.returncode
        finally:
            for each in waits:
                each.cancel()
        if done and exited is not None:
            if exited:
                run.reason = f"{stage.name} ended with exit code {exited}"
            return "passed" if exited == 0 else "failed", exited
        stayed = await group.end()
        stays = f"; {stayed}" if stayed else ""
        if stopped:
            run.stop_reason += stays
            return "cancelled", group.returncode
        run.reason = f"{stage.name} did not end in {stage.timeout_s:g} s{stays}"
        return "failed", group.returncode

    def _find(self, run: str) -> "_Run":
        found = self._runs.get(run)
        if found is None:
            raise Refused(
                f"There is no run {clean(run, 60)} here.", means="It ended with the program that started it.", advice="Start it again."
            )
        return found

    def _forget(self) -> None:
        ended = [run_id for run_id, run in self._runs.items() if run.over]
        for run_id in ended[: max(0, len(self._runs) - _RUNS_KEPT + 1)]:
            del self._runs[run_id]


class _Run:
    """A run with everything that it told so far, for followers who come late."""

    def __init__(self, run_id: str, version: str, spec: CommandPipeline, clock: Clock) -> None:
        self.id = run_id
        self.version = version
        self.clock = clock
        self.items: list[PipelineRun | LogLine] = []
        self.wake = asyncio.Event()
        self.stop = asyncio.Event()
        self.stop_reason = ""
        self.reason = ""
        self.over = False
        self.task: asyncio.Task[None] | None = None
        self._stages = [PipelineStageRun(stage.name, "planned") for stage in spec.stages]
        self._tell("running")

    def publish(self, item: PipelineRun | LogLine) -> None:
        """Tell all followers."""
        self.items.append(item)
        self.wake.set()
        self.wake = asyncio.Event()

    def change(self, index: int, **fields: object) -> None:
        """Change a stage and tell."""
        self._stages[index] = replace(self._stages[index], **fields)  # type: ignore[arg-type]
        self._tell("running")

    def end(self, state: str) -> None:
        """End the run and tell; nothing follows."""
        self.over = True
        self.reason = self.stop_reason if state == "cancelled" else self.reason
        self._tell(state)

    def _tell(self, state: str) -> None:
        self.publish(PipelineRun(self.id, self.version, state, tuple(self._stages), self.reason))


async def _copy(group: ProcessGroup, keeper: Keeper) -> None:
    splitter = LineSplitter()
    while data := await group.output.read(65536):
        for line in splitter.feed(data):
            keeper.add(line)
    for line in splitter.rest():
        keeper.add(line)
