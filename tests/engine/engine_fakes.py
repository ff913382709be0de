"""Stand-ins for a target's systems and for time, so that an hour of a rollout takes a second; the records are the real ones."""

import asyncio
import heapq
import inspect
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from clock import FakeClock

from console.engine.engine import Engine
from console.model.commands import Answer, Command
from console.model.errors import CannotRecord
from console.model.events import Event
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
    UndoState,
)
from console.model.rollout import Actor, Rollout
from console.model.stores import Store, TargetRow
from console.model.systems import CommandPipeline, CommandStage, EnvoyTraffic, HttpFlag, HttpWorkloads, OpenMetricsSource
from console.model.target import Environment, Panel, PanelKind, Prices, SessionGate, Stage, Target, ThresholdGate
from console.model.verbs import Verb
from console.model.views import RolloutView, TargetView, Update
from console.store.sqlite import open_store

BLUE, GREEN = "blue", "green"
ANA = Actor("Ana", "desk:1:aaaa")
ANA2 = Actor("Ana", "desk:3:cccc")
BEN = Actor("Ben", "desk:2:bbbb")
PAYMENTS, ERRORS = "Payment completion", "Server errors"
BOTH = (PAYMENTS, ERRORS)

SHOP = Target(
    name="shop",
    title="Checkout",
    environment=Environment.PRODUCTION,
    sides=(BLUE, GREEN),
    traffic=EnvoyTraffic("http://127.0.0.1:1", "routing.shop", {BLUE: BLUE, GREEN: GREEN}),
    workloads=HttpWorkloads({BLUE: "b", GREEN: "g"}),
    metrics=OpenMetricsSource({BLUE: "b", GREEN: "g"}, poll_s=1.0),
    flag=HttpFlag("f", "checkout_v52"),
    gates=(SessionGate(PAYMENTS), ThresholdGate(ERRORS, "http_errors", "http_requests", 0.05)),
    panels=(
        Panel("Requests", PanelKind.RATE, "http_requests", unit="/s"),
        Panel("Completion", PanelKind.SHARE, "resolved_ok", "resolved", unit="%"),
    ),
    stages=(Stage(5, 45, BOTH), Stage(25, 30, BOTH), Stage(50, 30, BOTH), Stage(95, 15, BOTH), Stage(95, 30, BOTH, bake=True)),
    prices=Prices("EUR", 37.5, 13.33),
    speed=20.0,
)
WITH_PIPELINE = replace(SHOP, pipeline=CommandPipeline((CommandStage("check", ("true",)),)))


class FakeTime:
    """A clock and the sleeping on it: `advance` wakes sleepers in order, each after everything woken before has settled."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.pending = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    async def sleep(self, seconds: float) -> None:
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.clock.elapsed() + max(0.0, seconds), next(self._order), waking))
        await waking

    async def settle(self) -> None:
        """Let everything run that does not wait for time."""
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        quiet = 0
        while quiet < 2:
            await asyncio.sleep(0.0002 if self.pending else 0)
            quiet = 0 if ready or self.pending else quiet + 1

    async def advance(self, seconds: float) -> None:
        await self.until(lambda: False, seconds, must=False)

    async def until(self, done: Callable[[], bool], limit_s: float = 600.0, *, must: bool = True) -> None:
        """Let time pass until something holds, and fail when it does not within the limit."""
        ends = self.clock.elapsed() + limit_s
        await self.settle()
        while not done():
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if not self._sleepers or self._sleepers[0][0] > ends:
                self.clock.advance(max(0.0, ends - self.clock.elapsed()))
                assert not must or done(), f"not within {limit_s} s"
                return
            due, _, waking = heapq.heappop(self._sleepers)
            self.clock.advance(max(0.0, due - self.clock.elapsed()))
            waking.set_result(None)
            await self.settle()

    async def really(self, work: Awaitable[Any]) -> Any:
        """Wait for some work that needs no time to pass, such as a simulation in a thread, and return what it gives."""
        task = asyncio.ensure_future(work)
        while not task.done():
            await self.settle()
            if not task.done():
                await asyncio.sleep(0.001)
        return task.result()

    async def through(self, work: Awaitable[Any], limit_s: float = 60.0) -> Any:
        """Let time pass until some work is over, and return what it gives."""
        task = asyncio.ensure_future(work)
        await self.until(task.done, limit_s)
        return task.result()


class Counted:
    """A part of the store whose calls are counted while they run, so that time waits for them; `broken` lets writes fail."""

    def __init__(self, part: object, time: FakeTime, trouble: "Trouble") -> None:
        self._part, self._time, self._trouble = part, time, trouble

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def counted(*args: Any, **kwargs: Any) -> Any:
            if self._trouble.dead:
                raise asyncio.CancelledError
            writes = name != "may_sign"
            if self._trouble.broken and writes and name not in {"send", "settle"}:
                raise CannotRecord("The disk is full.")
            if self._trouble.broken and writes:
                return await self._trouble.as_the_store(name, args)
            slow, seconds = self._trouble.slow
            if name == slow:
                await self._time.sleep(seconds)
            self._time.pending += 1
            try:
                return await found(*args, **kwargs)
            finally:
                self._time.pending -= 1

        return counted


class Trouble:
    """A disk that is full, the emergency journal included; or a console that was killed, so that nothing of it acts any more."""

    broken = False
    dead = False
    slow = ("", 0.0)
    """A call that takes so many seconds."""

    async def as_the_store(self, name: str, args: tuple[Any, ...]) -> Any:
        from console.store.rows import sent_row

        if name == "send" and args[0].backward:
            return sent_row(args[0], "not recorded")
        raise CannotRecord("The disk is full.")


class CountedStore:
    def __init__(self, store: Any, time: FakeTime) -> None:
        self._store, self._time, self.trouble = store, time, Trouble()

    def __getattr__(self, name: str) -> Any:
        if name == "changed":  # waits for ever, so time must not wait for it
            return self._store.changed
        if name in {"version", "close", "ready"}:
            return getattr(Counted(self._store, self._time, self.trouble), name)
        return Counted(getattr(self._store, name), self._time, self.trouble)


@dataclass
class FakeRouter:
    """Weights that change when they are set; `errors` are raised by the next settings, `deaf` by every call."""

    time: FakeTime
    weights: dict[str, float] = field(default_factory=lambda: {BLUE: 100.0, GREEN: 0.0})
    errors: list[Exception] = field(default_factory=list)
    applies: bool = True
    deaf: Exception | None = None
    identity_error: Exception | None = None
    fingerprint: str = "envoy-1"
    incarnation: str = "1"
    changes: list[SplitChange] = field(default_factory=list)
    half: bool = False
    before_set: Callable[[], Awaitable[None]] | None = None
    killed: Callable[[], bool] = bool

    def __post_init__(self) -> None:
        self._counts = {BLUE: 0.0, GREEN: 0.0}
        self._counted = self.time.clock.elapsed()

    async def identity(self) -> Identity:
        if self.deaf or self.identity_error:
            raise self.deaf or self.identity_error  # type: ignore[misc]
        return Identity(self.fingerprint, self.incarnation)

    async def split(self) -> Split:
        if self.deaf:
            raise self.deaf
        return Split(dict(self.weights), self.time.clock.now())

    async def set_split(self, change: SplitChange) -> None:
        if self.killed():
            raise asyncio.CancelledError
        if self.before_set is not None:
            await self.before_set()
        if self.deaf:
            raise self.deaf
        self.changes.append(change)
        error = self.errors.pop(0) if self.errors else None
        if self.applies and (error is None or self.half or getattr(error, "sent", False)):
            self._count()
            self.weights = (
                {**self.weights, GREEN: float(change.weights[GREEN])} if self.half else {s: float(w) for s, w in change.weights.items()}
            )
        if error is not None:
            raise error

    async def measured(self) -> RequestCounts:
        if self.deaf:
            raise self.deaf
        self._count()
        return RequestCounts(dict(self._counts), self.time.clock.now())

    def _count(self) -> None:
        now = self.time.clock.elapsed()
        for side, weight in self.weights.items():
            self._counts[side] += 60.0 * (now - self._counted) * weight / 100
        self._counted = now

    @property
    def sent(self) -> list[int]:
        """The canary's weights in order of sending."""
        return [int(change.weights[GREEN]) for change in self.changes]


@dataclass
class FakeMetrics:
    """Sessions that come in proportion to the weights; `share` is the part of them that succeed on each side."""

    time: FakeTime
    router: FakeRouter
    per_s: float = 4.4
    share: dict[str, float] = field(default_factory=lambda: {BLUE: 0.97, GREEN: 0.97})
    error: Exception | None = None

    def __post_init__(self) -> None:
        self._read = self.time.clock.elapsed()
        self._sums = {BLUE: [1940.0, 60.0], GREEN: [0.0, 0.0]}

    async def read(self) -> MetricReading:
        if self.error:
            raise self.error
        now = self.time.clock.elapsed()
        for side, weight in self.router.weights.items():
            sessions = self.per_s * (now - self._read) * weight / 100
            self._sums[side][0] += sessions * self.share[side]
            self._sums[side][1] += sessions * (1 - self.share[side])
        self._read = now
        values = {side: self._values(side) for side in self._sums}
        return MetricReading(values, {BLUE: {}, GREEN: {}}, self.time.clock.now(), "scrape", {})

    def _values(self, side: str) -> dict[str, float]:
        ok, failed = (float(int(count + 1e-9)) for count in self._sums[side])
        requests = 10.0 * (ok + failed)
        return {
            "resolved_ok": ok,
            "resolved_failed": failed,
            "resolved": ok + failed,
            "http_requests": requests,
            "http_errors": requests * 0.001,
        }


@dataclass
class FakeWorkloads:
    time: FakeTime
    versions: dict[str, str] = field(default_factory=lambda: {BLUE: "5.1", GREEN: "5.2b"})

    async def version(self, side: str) -> SideVersion:
        return SideVersion(self.versions[side], True, self.time.clock.now())


@dataclass
class FakeFlags:
    time: FakeTime
    on: bool = True
    error: Exception | None = None

    async def state(self) -> FlagState:
        if self.error:
            raise self.error
        return FlagState("checkout_v52", self.on, 100.0, None, self.time.clock.now())

    async def set_flag(self, *, on: bool, percent: int, key: str) -> None:
        if self.error:
            raise self.error
        self.on = on


@dataclass
class FakePipeline:
    time: FakeTime
    state: str = "passed"
    started: list[str] = field(default_factory=list)
    killed: Callable[[], bool] = bool

    async def start(self, version: str, key: str) -> str:
        self.started.append(key)
        return f"run {key}"

    async def follow(self, run: str) -> AsyncIterator[PipelineRun | LogLine]:
        now = self.time.clock.now()
        yield PipelineRun(run, "5.2b", "running", (PipelineStageRun("check", "running", now),))
        yield LogLine("check", 1, "looks well", now)
        await self.time.sleep(3.0)
        yield PipelineRun(run, "5.2b", self.state, (PipelineStageRun("check", self.state, now, self.time.clock.now(), 0),))

    async def cancel(self, run: str, reason: str) -> None:
        if self.killed():
            raise asyncio.CancelledError
        self.state = "cancelled"


@dataclass
class FakeUndo:
    """A declared step: `takes_s` until a run is seen to have worked; errors are raised by the next runs, `blind` by every look."""

    time: FakeTime
    done: bool = False
    takes_s: float = 0.0
    errors: list[Exception] = field(default_factory=list)
    blind: Exception | None = None
    works: bool = True
    detail: str = ""
    since: datetime | None = None
    until: datetime | None = None
    keys: list[str] = field(default_factory=list)
    began: list[float] = field(default_factory=list)
    undoes: "FakeUndo | None" = None
    killed: Callable[[], bool] = bool

    async def look(self) -> UndoState:
        if self.blind:
            raise self.blind
        return UndoState(self.done, self.time.clock.now(), self.detail, self.since, self.until)

    async def run(self, key: str) -> None:
        if self.killed():
            raise asyncio.CancelledError
        self.keys.append(key)
        self.began.append(self.time.clock.elapsed())
        error = self.errors.pop(0) if self.errors else None
        if self.takes_s:
            await self.time.sleep(self.takes_s)
        if self.works and (error is None or getattr(error, "sent", False)):
            self.done = True
            if self.undoes is not None:
                self.undoes.done = False
        if error is not None:
            raise error


class Shop:
    """A target that does not exist, with every system that the engine asks for."""

    def __init__(self, time: FakeTime, target: Target = SHOP) -> None:
        self.time, self.target = time, target
        self.router = FakeRouter(time)
        self.metrics = FakeMetrics(time, self.router)
        self.workloads = FakeWorkloads(time)
        self.flags = FakeFlags(time)
        self.pipeline = FakePipeline(time)
        self.undo: dict[str, FakeUndo] = {}
        self.notifiers: dict[str, Any] = {}

    def load(self, row: TargetRow) -> Target:
        return self.target

    def connect(self, target: Target, row: TargetRow) -> Connections:
        pipeline = self.pipeline if target.pipeline else None
        return Connections(self.router, self.workloads, self.metrics, pipeline, self.flags, self.undo, self.notifiers)


class Desk:
    """An engine on a shop, with what it told."""

    def __init__(self, time: FakeTime, shop: Shop, store: Store, actor: Actor, **options: Any) -> None:
        self.time, self.shop, self.store, self.actor = time, shop, store, actor
        self.engine = Engine(
            store,
            time.clock,
            shop.connect,
            shop.load,
            actor,
            sleep=time.sleep,
            chance=lambda: 0.5,
            alive=lambda who: who.console not in self.dead,
            **options,
        )
        self.dead: set[str] = set()
        self.targets: dict[str, TargetView] = {}
        self.rollouts: dict[str, RolloutView] = {}
        self.updates: list[Update] = []
        self.events: list[Event] = []
        self.engine.listen(self._take, self.events.append)

    def _take(self, update: Update) -> None:
        self.updates.append(update)
        self.targets |= {view.name: view for view in update.targets}
        self.rollouts |= {view.id: view for view in update.rollouts}

    async def open(self) -> None:
        await self.time.through(self.engine.open())
        await self.time.advance(3.0)

    async def act(self, verb: Verb, **more: Any) -> Answer:
        return await self.time.really(self.engine.act(Command(verb, "shop", self.actor, more.pop("reason", "test"), **more)))

    async def start(self) -> str:
        answer = await self.act(Verb.START, release="5.2b")
        assert answer.decision.allowed, answer.decision.reasons
        return answer.rollout

    async def row(self, rollout: str) -> Rollout:
        return await self.time.through(self.store.journal.rollout(rollout))

    def view(self, rollout: str) -> RolloutView:
        self.engine._parts.outbox.flush()
        return self.rollouts[rollout]

    @property
    def target(self) -> TargetView:
        self.engine._parts.outbox.flush()
        return self.targets["shop"]

    async def until_phase(self, rollout: str, *phases: str, limit_s: float = 900.0) -> RolloutView:
        await self.time.until(lambda: rollout in self.engine._parts.records and self._phase(rollout) in phases, limit_s)
        return self.view(rollout)

    async def until_stage(self, rollout: str, stage: int, limit_s: float = 600.0) -> RolloutView:
        await self.time.until(lambda: self.engine._parts.records[rollout].rollout.stage == stage, limit_s)
        return self.view(rollout)

    def _phase(self, rollout: str) -> str:
        return self.engine._parts.records[rollout].rollout.phase.value


class World:
    """Time, a shop and the records in a folder; engines come and go."""

    def __init__(self, folder: Path, target: Target = SHOP) -> None:
        self.time = FakeTime()
        self.shop = Shop(self.time, target)
        self.store = CountedStore(open_store(folder, self.time.clock), self.time)
        self.shop.router.killed = self.shop.pipeline.killed = lambda: self.store.trouble.dead
        self.desks: list[Desk] = []
        self._not_ours = asyncio.all_tasks()

    async def desk(self, actor: Actor = ANA, **options: Any) -> Desk:
        if not self.desks:
            row = TargetRow("shop", "shop.yaml", armed=True, trusted_digest=self.shop.target.digest)
            await self.store.targets.put(row, actor, "add", self.time.clock.now())
        desk = Desk(self.time, self.shop, self.store, actor, **options)
        self.desks.append(desk)
        await desk.open()
        return desk

    async def kill(self, desk: Desk) -> None:
        """End an engine as kill -9 would: nothing of it runs any more, nothing is tidied up."""
        self.store.trouble.dead = True
        tasks = [task for task in asyncio.all_tasks() if task not in self._not_ours]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.time.settle()
        self.store.trouble.dead = False
        self.desks.remove(desk)

    async def desk_again(self, dead: Actor, actor: Actor = ANA2, **options: Any) -> Desk:
        """Start the console again after it was killed."""
        desk = Desk(self.time, self.shop, self.store, actor, **options)
        desk.dead.add(dead.console)
        self.desks.append(desk)
        await desk.open()
        return desk


@asynccontextmanager
async def world(folder: Path, target: Target = SHOP) -> AsyncIterator[World]:
    made = World(folder, target)
    try:
        yield made
    finally:
        made.store.trouble.broken = False
        made.shop.router.deaf = None
        for desk in made.desks:
            await made.time.through(desk.engine.close())
        await made.store.close()
