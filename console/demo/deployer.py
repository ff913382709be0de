"""The practice shop's deployer: runs both sides' processes, puts a side to another version, and keeps the canary's as it is wanted."""

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from console.demo import leash
from console.demo.office import Facts, NotStartedError, Office
from console.demo.wire import OVERLAPS, serve

EVERY_S = 2.0
"""How often the reconciler looks whether the wanted version runs; what was changed since its last look it leaves until the next."""

HELLO_S = 20.0
LEAVE_S = 6.0


@dataclass(frozen=True, slots=True)
class Running:
    """A process of a version, and its port."""

    process: asyncio.subprocess.Process
    version: str
    port: int


class Deployer:
    """Holds one process for each side; a side keeps its port whatever version runs there.

    `new` is the version with the new way to pay. `shared` are the options that every process of a version gets.
    """

    def __init__(self, new: str, shared: list[str]) -> None:
        self._new = new
        self._shared = shared
        self._sides: dict[str, Running] = {}
        self._lock = asyncio.Lock()
        self._touched = False
        self.paused = False

    async def open(self, wanted: dict[str, str]) -> dict[str, int]:
        """Start the wanted version on each side, and return the sides' ports. Raises NotStartedError."""
        started = await asyncio.gather(*(self._launch(side, version, 0) for side, version in wanted.items()))
        self._sides = dict(zip(wanted, started, strict=True))
        return {side: running.port for side, running in self._sides.items()}

    async def put(self, side: str, version: str) -> None:
        """Let a version run on a side; nothing is done where it runs already.

        Where the system lets two processes share a port, the next one listens before the former is asked to leave; the former answers
        what is under way. Raises NotStartedError.
        """
        async with self._lock:
            self._touched = True
            await self._put(side, version)

    async def pause(self, *, paused: bool) -> None:
        """Pause the reconciler, or let it run again; nothing of it is under way when this returns."""
        async with self._lock:
            self.paused = paused

    async def reconcile(self, side: str) -> None:
        """Bring the new version back to a side for ever, unless paused, as a robot does that follows a repository."""
        while True:
            await asyncio.sleep(EVERY_S)
            async with self._lock:
                touched, self._touched = self._touched, False
                if self.paused or touched:
                    continue
                try:
                    await self._put(side, self._new)
                except NotStartedError as error:
                    sys.stderr.write(f"{error}\n")

    async def _put(self, side: str, version: str) -> None:
        former = self._sides[side]
        lives = former.process.returncode is None
        if lives and former.version == version:
            return
        if lives and not OVERLAPS:
            await _leave(former.process)
        self._sides[side] = await self._launch(side, version, former.port)
        if lives and OVERLAPS:
            await _leave(former.process)

    async def _launch(self, side: str, version: str, port: int) -> Running:
        own = ["--side", side, "--version", version, "--port", str(port), *(["--new-payment"] if version == self._new else [])]
        command = [sys.executable, "-S", "-m", "console.demo.shop", *own, *self._shared]
        process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            async with asyncio.timeout(HELLO_S):
                facts = json.loads(await process.stdout.readline())
            return Running(process, version, int(facts["port"]))
        except (TimeoutError, ValueError, KeyError) as error:
            if process.returncode is None:
                process.kill()
            await process.wait()
            raise NotStartedError(f"version {version} did not start on {side}") from error


async def _leave(process: asyncio.subprocess.Process) -> None:
    """Ask a process to leave in order, and end one that does not."""
    assert process.stdin is not None  # noqa: S101 - asked for at its start
    try:
        process.stdin.write(b"leave\n")
        async with asyncio.timeout(LEAVE_S):
            await process.stdin.drain()
            await process.wait()
    except (TimeoutError, ConnectionError):
        if process.returncode is None:
            process.kill()
        await process.wait()


async def run(options: argparse.Namespace) -> None:
    """Start both sides, tell their ports and ours, and serve until the program that started us is gone."""
    shared = ["--database", str(options.database), "--payments", str(options.payments), "--flags", str(options.flags)]
    shared += ["--tokens", str(options.tokens), "--time-out-s", str(options.time_out_s)]
    deployer = Deployer(options.new, shared)
    ports = await deployer.open({options.stable: options.old, options.canary: options.new})
    office = Office(deployer, Facts(options.canary, options.old, options.database, options.tokens), ports)
    server, port = await serve(office.answer)
    leash.tell(port=port, sides=ports)
    async with server:
        await deployer.reconcile(options.canary)


def main() -> None:
    """Read the command line, then serve."""
    parser = argparse.ArgumentParser()
    for name in ("stable", "canary"):
        parser.add_argument(f"--{name}", required=True, help="the name of a side")
    parser.add_argument("--old", required=True, help="the version that is stable at the start")
    parser.add_argument("--new", required=True, help="the version on trial, and wanted by the reconciler")
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--time-out-s", type=float, required=True)
    for name in ("payments", "flags", "tokens"):
        parser.add_argument(f"--{name}", type=int, required=True, help="a port")
    options = parser.parse_args()
    leash.hold()
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
