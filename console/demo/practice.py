"""The practice shop as a whole: starts its processes on loopback, and lets go of them."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.demo import children, deploy, ledger, router, scenario, targetfile
from console.demo.children import Child
from console.demo.targetfile import CANARY, DATABASE, FLAG, MIGRATION, STABLE, Addresses
from console.model.errors import Unreachable

STABLE_VERSION, CANARY_VERSION = "5.1", "5.2b"
TIME_OUT_S = 90.0
"""After how long a checkout session in which nothing happens counts as failed, in shop time; never under 3 s of real time."""
TIME_OUT_LEAST_S = 3.0
TROUBLE_AFTER_S = 120.0
TROUBLE_QUIET_S = 1200.0
WARM_SESSIONS = 1000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Volume:
    """How much goes on: sessions before the start, pages a second (None as belongs to the speed), and the seed of all chance."""

    warm_sessions: int = WARM_SESSIONS
    pages_per_s: float | None = None
    seed: int | None = None


USUAL = Volume()


class PracticeShop:
    """Two versions of a small shop, its database, payment provider, flags, token cache, deployer, router and customers, in real processes.

    Every process is tied to this one by a pipe and ends with it, whatever ends it. Start and stop must be called in the same event loop.
    """

    target_name = targetfile.NAME
    release = CANARY_VERSION

    def __init__(self, folder: Path, scenario_name: str, speed: float, volume: Volume = USUAL) -> None:
        """Raise BadFile when there is no such scenario, or the speed is beyond what the shop can do."""
        self.scenario = scenario.load(scenario_name)
        self.speed = scenario.checked_speed(speed)
        self.folder = folder
        self._volume = volume
        self._children: list[Child] = []
        self._addresses: Addresses | None = None

    @property
    def addresses(self) -> Addresses:
        """Where the shop's parts answer. Raises Unreachable while it does not run."""
        if self._addresses is None:
            raise Unreachable("The practice shop does not run.", sent=False, advice="Open it first.")
        return self._addresses

    @property
    def target_text(self) -> str:
        """The practice target's file as YAML. Raises Unreachable while the shop does not run: its ports are new each time."""
        return targetfile.text(self.addresses, self.folder, self.speed)

    async def start(self, progress: Progress) -> None:
        """Start everything, tell each step in words, and return when customers come. Raises Unreachable; nothing stays then."""
        try:
            await self._start(progress)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End every process; the customers first, so that none of them meets a closed door."""
        ending, self._children, self._addresses = self._children[::-1], [], None
        if ending:
            await children.end(ending[0])
            await asyncio.gather(*(children.end(child) for child in ending[1:]))

    async def _start(self, progress: Progress) -> None:
        if self._children:
            raise Unreachable("The practice shop runs already.", sent=False, advice="Close it first.")
        progress("Making the shop's database")
        await asyncio.to_thread(self._lay_out)
        progress("Starting the payment provider, the flag service and the token cache")
        cache = self._module("tokens", "tokens", ["--locked"] if self.scenario.cache_locked else [])
        payments, flags, tokens = await self._together(self._provider(), self._module("flags", "flags", [FLAG]), cache)
        progress(f"Starting version {STABLE_VERSION} on {STABLE} and {CANARY_VERSION} on {CANARY}")
        deployer = await self._deployer({"payments": payments, "flags": flags, "tokens": tokens})
        progress("Starting the router")
        sides = {side: int(deployer.facts["sides"][side]) for side in (STABLE, CANARY)}
        envoy = await router.start(self.folder, sides, STABLE)
        self._children.append(envoy.child)
        progress(f"Letting the first {self._volume.warm_sessions} customers in")
        load = await self._module("load", "load", self._load_arguments(envoy.port))
        ours = (payments, flags, load, tokens, deployer)
        self._addresses = Addresses(envoy.port, envoy.admin, *sides.values(), *(int(child.facts["port"]) for child in ours))
        progress("The practice shop is open")

    def _lay_out(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for ending in ("", "-wal", "-shm"):
            (self.folder / f"{DATABASE}{ending}").unlink(missing_ok=True)
        ledger.create(self.folder / DATABASE)
        script = self.folder / MIGRATION
        deploy.snapshot_of(self.folder / DATABASE, script).unlink(missing_ok=True)
        for path, statements in ((script, self.scenario.migration), (script.with_suffix(".down.sql"), self.scenario.undo)):
            path.write_text(";\n".join(statements) + ";\n", encoding="utf-8")

    async def _module(self, name: str, module: str, arguments: Sequence[str]) -> Child:
        child = await children.start(name, module, arguments, self.folder)
        self._children.append(child)
        return child

    async def _together(self, *starts: Coroutine[Any, Any, Child]) -> list[Child]:
        """Start several at once; when one fails the others are waited for first, so that they are known and can be ended."""
        outcomes: list[Child | BaseException] = list(await asyncio.gather(*starts, return_exceptions=True))
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Child)]

    def _seed(self, offset: int) -> list[str]:
        """Return the seed option of one process; with one seed for the shop, each process still draws numbers of its own."""
        return [] if self._volume.seed is None else ["--seed", str(self._volume.seed * 10 + offset)]

    async def _provider(self) -> Child:
        arguments = self._seed(1)
        if self.scenario.provider_accepts is not None:
            trouble = {
                "caller": CANARY_VERSION,
                "accepts": self.scenario.provider_accepts,
                "after_s": TROUBLE_AFTER_S / self.speed,
                "quiet_s": TROUBLE_QUIET_S / self.speed,
            }
            arguments += ["--trouble", json.dumps(trouble)]
        return await self._module("payments", "payments", arguments)

    async def _deployer(self, services: Mapping[str, Child]) -> Child:
        time_out = max(TIME_OUT_S / self.speed, TIME_OUT_LEAST_S)
        versions = ["--stable", STABLE, "--canary", CANARY, "--old", STABLE_VERSION, "--new", CANARY_VERSION]
        ports = [word for name, child in services.items() for word in (f"--{name}", str(child.facts["port"]))]
        shared = ["--database", str(self.folder / DATABASE), "--time-out-s", str(time_out), *ports]
        return await self._module("deployer", "deployer", [*versions, *shared])

    def _load_arguments(self, port: int) -> list[str]:
        pages = [] if self._volume.pages_per_s is None else ["--pages-per-s", str(self._volume.pages_per_s)]
        warm = ["--warm", str(self._volume.warm_sessions)]
        return ["--router", str(port), "--speed", str(self.speed), *warm, *pages, *self._seed(2)]
