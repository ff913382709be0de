"""A deployed service that does not exist: its systems, the network before them, and a log of everything that took effect."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from simulation.virtual import Process, VirtualClock, spawn

from console.model.errors import Malformed, Refused, RemoteError, TooLarge, Unreachable
from console.model.ports import Connections
from console.model.readings import (
    FlagState,
    Identity,
    LogLine,
    MetricReading,
    PipelineRun,
    PipelineStageRun,
    RequestCounts,
    SideVersion,
    Split,
    SplitChange,
)
from console.model.stores import TargetRow
from console.model.target import Target

BLUE, GREEN = "blue", "green"
FAULTS = ("refused", "cut before", "cut after", "hang before", "hang after", "late", "half", "429", "503", "garbage", "slow", "too large")
LATE_S = (6.0, 25.0)


@dataclass(frozen=True, slots=True)
class Effect:
    """A request that was let go and what became of it: `asked_s` when it was sent, `applied_s` when it took effect (None: never)."""

    asked_s: float
    process: Process
    kind: str
    key: str
    backward: bool
    want: dict[str, Any]
    before: dict[str, float]
    fingerprint: str
    fate: dict[str, float] = field(default_factory=dict)

    @property
    def applied_s(self) -> float | None:
        return self.fate.get("applied")


@dataclass(slots=True)
class Net:
    """How a wire behaves: each call meets `fault` with a chance of `often`."""

    fault: str = ""
    often: float = 0.0


class Site:
    """The systems as they are. `watchers` are told of each change that is about to be sent, before anything of it takes effect."""

    def __init__(self, clock: VirtualClock, chance: random.Random) -> None:
        self.clock, self.chance = clock, chance
        self.weights: dict[str, float] = {BLUE: 100.0, GREEN: 0.0}
        self.flag_on = False
        self.versions = {BLUE: "1", GREEN: "2"}
        self.fingerprint, self.incarnation = "router-1", 1
        self.share = {BLUE: 0.97, GREEN: 0.97}
        self.wires = {port: Net() for port in ("router", "metrics", "workloads", "flags", "pipeline")}
        self.effects: list[Effect] = []
        self.changes: list[tuple[float, str, dict[str, float]]] = [(clock.passed(), "start", dict(self.weights))]
        self.other_since = 0.0
        self.identified: dict[tuple[str, str], float] = {}
        """When each process last read each fingerprint, and under "" when it first read any."""
        self.served: list[tuple[float, Process, dict[str, tuple[int, int]]]] = []
        self.read_weights: dict[datetime, list[dict[str, float]]] = {}
        self.watchers: list[Callable[[Effect], None]] = []
        self.runs: dict[str, str] = {}
        self._sums = {BLUE: [1940.0, 60.0], GREEN: [0.0, 0.0]}
        self._counted = clock.passed()
        self._requests = {BLUE: 0.0, GREEN: 0.0}
        self.metrics_fault = ""
        self.newest: MetricReading | None = None

    def connect(self, process: Process) -> Callable[[Target, TargetRow], Connections]:
        """Return what makes the connections of one process."""

        def make(target: Target, row: TargetRow) -> Connections:
            link = Link(self, process)
            return Connections(link, link, link, link if target.pipeline else None, _FlagLink(self, process))

        return make

    def set(self, weights: dict[str, float], why: str) -> None:
        """Let weights take effect."""
        self._count()
        self.weights = {**self.weights, **weights}
        self.changes.append((self.clock.passed(), why, dict(self.weights)))

    def restart(self) -> None:
        """Restart the router's process: weights that were set at run time are lost."""
        self.incarnation += 1
        self.set({BLUE: 100.0, GREEN: 0.0}, "restart")

    def swap(self, fingerprint: str) -> None:
        """Let another system answer at the router's address."""
        self.fingerprint, self.other_since = fingerprint, self.clock.passed()

    def _count(self) -> None:
        now = self.clock.passed()
        for side, weight in self.weights.items():
            sessions = 4.4 * (now - self._counted) * weight / 100
            self._sums[side][0] += sessions * self.share[side]
            self._sums[side][1] += sessions * (1 - self.share[side])
            self._requests[side] += 10 * sessions
        self._counted = now

    def totals(self) -> dict[str, tuple[int, int]]:
        self._count()
        return {side: (int(ok + 1e-9), int(failed + 1e-9)) for side, (ok, failed) in self._sums.items()}

    def reset_counters(self) -> None:
        """Start the counters again from nothing, as a workload that restarts does."""
        self._count()
        self._sums = {BLUE: [0.0, 0.0], GREEN: [0.0, 0.0]}

    def requests(self) -> dict[str, float]:
        self._count()
        return dict(self._requests)


class _Wire:
    """What both kinds of link share: the process that uses it and the network."""

    def __init__(self, site: Site, process: Process) -> None:
        self.site, self.process = site, process

    async def travel(self, port: str, quick_s: float = 0.03) -> str:
        """Take some time on the wire and return the fault that is met there, "" for none."""
        await self.process.gate()
        net, chance = self.site.wires[port], self.site.chance
        await asyncio.sleep(chance.random() * quick_s)
        await self.process.gate()
        return net.fault if net.fault and chance.random() < net.often else ""

    async def look(self, port: str) -> None:
        """Meet the network on a read."""
        fault = await self.travel(port)
        if fault == "slow":
            await asyncio.sleep(self.site.chance.uniform(0.5, 6.0))
        elif fault:
            await self.fail(fault, sent=False)
        await self.process.gate()

    async def fail(self, fault: str, *, sent: bool) -> NoReturn:
        """Raise what a provider raises for a fault, when it would."""
        if fault.startswith("hang") or fault == "late":
            await asyncio.sleep(3600)
        errors: dict[str, RemoteError] = {
            "refused": Unreachable("Connection refused.", sent=False),
            "429": Refused("Too many requests.", status=429, retry_after_s=1.0),
            "503": Refused("Unavailable.", status=503),
            "garbage": Malformed("That is no answer."),
            "too large": TooLarge("The answer has no end."),
        }
        raise errors.get(fault, Unreachable("The connection broke.", sent=sent))

    async def change(self, port: str, effect: Effect, apply: Callable[[], None], half: Callable[[], None]) -> None:
        """Send a change through the network: it may get lost, arrive by half, late, or arrive without an answer."""
        await self.process.gate()
        self.site.effects.append(effect)
        for watcher in self.site.watchers:
            watcher(effect)
        fault = await self.travel(port)
        applies = fault in {"", "cut after", "hang after", "slow", "garbage", "too large"}
        if fault == "slow":
            await asyncio.sleep(self.site.chance.uniform(0.5, 4.0))
        if applies:
            self.took(effect, apply)
        elif fault == "half":
            self.took(effect, half)
        elif fault == "late":
            spawn(None, self._late(effect, apply))
        if fault and fault != "slow":
            await self.fail(fault, sent=True)
        await asyncio.sleep(self.site.chance.random() * 0.03)
        await self.process.gate()

    async def _late(self, effect: Effect, apply: Callable[[], None]) -> None:
        await asyncio.sleep(self.site.chance.uniform(*LATE_S))
        self.took(effect, apply)

    def took(self, effect: Effect, apply: Callable[[], None]) -> None:
        effect.fate["applied"] = self.site.clock.passed()
        apply()

    def effect(self, kind: str, key: str, backward: bool, want: dict[str, Any]) -> Effect:
        site = self.site
        return Effect(site.clock.passed(), self.process, kind, key, backward, want, dict(site.weights), site.fingerprint)


class Link(_Wire):
    """Router, workloads, metrics and pipeline as one process reaches them."""

    async def identity(self) -> Identity:
        await self.look("router")
        self.site.identified.setdefault((self.process.name, ""), self.site.clock.passed())
        self.site.identified[self.process.name, self.site.fingerprint] = self.site.clock.passed()
        return Identity(self.site.fingerprint, str(self.site.incarnation))

    async def split(self) -> Split:
        await self.look("router")
        now, weights = self.site.clock.now(), dict(self.site.weights)
        self.site.read_weights.setdefault(now, []).append(weights)
        return Split(weights, now)

    async def measured(self) -> RequestCounts:
        await self.look("router")
        return RequestCounts(self.site.requests(), self.site.clock.now())

    async def set_split(self, change: SplitChange) -> None:
        want = {side: float(weight) for side, weight in change.weights.items()}
        effect = self.effect("weight", change.key, change.backward, dict(want))
        site = self.site
        one = site.chance.choice((BLUE, GREEN))
        await self.change("router", effect, lambda: site.set(want, change.key), lambda: site.set({one: want[one]}, change.key))

    async def version(self, side: str) -> SideVersion:
        await self.look("workloads")
        return SideVersion(self.site.versions[side], True, self.site.clock.now())

    async def read(self) -> MetricReading:
        await self.look("metrics")
        site, fault = self.site, self.site.metrics_fault
        now = site.clock.now()
        if fault == "401":
            raise Refused("The token is not taken.", status=401)
        if fault == "stale" and site.newest is not None:
            return site.newest
        if fault == "empty":
            return MetricReading({BLUE: {}, GREEN: {}}, {BLUE: {}, GREEN: {}}, now, "scrape", {})
        if fault == "one side":
            reading = self._reading(site.totals(), now)
            return MetricReading({BLUE: reading.values[BLUE]}, {BLUE: {}}, now, "scrape", {GREEN: "no answer"})
        if fault == "nan":
            return self._reading(site.totals(), now, math.nan)
        totals = site.totals()
        site.served.append((site.clock.passed(), self.process, totals))
        site.newest = self._reading(totals, now)
        return site.newest

    def _reading(self, totals: dict[str, tuple[int, int]], at: datetime, spoil: float = 0.0) -> MetricReading:
        values = {
            side: {
                "resolved_ok": ok + spoil,
                "resolved_failed": failed + spoil,
                "resolved": ok + failed + spoil,
                "http_requests": 10.0 * (ok + failed),
                "http_errors": 0.01 * (ok + failed),
            }
            for side, (ok, failed) in totals.items()
        }
        return MetricReading(values, {BLUE: {}, GREEN: {}}, at, "scrape", {})

    async def start(self, version: str, key: str) -> str:
        effect = self.effect(
            "pipeline", key.partition("@")[0], False, {"version": version}
        )  # a run's key says besides when its rollout began

        def begin() -> None:
            self.site.runs.setdefault(key, "running")

        await self.change("pipeline", effect, begin, begin)
        return key

    async def follow(self, run: str) -> AsyncIterator[PipelineRun | LogLine]:
        now = self.site.clock.now()
        yield PipelineRun(run, "2", "running", (PipelineStageRun("check", "running", now),))
        await self.look("pipeline")
        yield LogLine("check", 1, "looks well", now)
        await self.process.sleep(3.0)
        state = self.site.runs.get(run, "running")
        self.site.runs[run] = state = ("passed" if self.site.chance.random() < 0.9 else "failed") if state == "running" else state
        yield PipelineRun(run, "2", state, (PipelineStageRun("check", state, now, self.site.clock.now(), 0),))

    async def cancel(self, run: str, reason: str) -> None:
        await self.look("pipeline")
        if self.site.runs.get(run) == "running":
            self.site.runs[run] = "cancelled"


class _FlagLink(_Wire):
    """The flag's service as one process reaches it."""

    async def state(self) -> FlagState:
        await self.look("flags")
        return FlagState("checkout", self.site.flag_on, 100.0 if self.site.flag_on else 0.0, None, self.site.clock.now())

    async def set_flag(self, *, on: bool, percent: int, key: str) -> None:
        effect = self.effect("flag", key, not on, {"on": on})

        def apply() -> None:
            self.site.flag_on = on

        await self.change("flags", effect, apply, apply)
