"""Watches one target: a poller of its own for each of its systems, so that a dead one never slows the others."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from console.engine import readiness, schema, silencing
from console.engine.parts import CROWD
from console.engine.state import LiveTarget, Seen
from console.engine.surroundings import Surroundings
from console.model.errors import ConsoleError, RemoteError, Unreachable
from console.model.ports import TellsOfChange
from console.model.readings import MetricReading, Split
from console.model.views import Notice

LOG = logging.getLogger(__name__)

DEADLINE_S = 5.0
"""No reading takes longer."""

ROUTER_S = 1.0
IDENTITY_S = 2.0
WORKLOADS_S = 3.0
FLAG_S = 2.0

MOST_S = 30.0
"""The longest pause after errors; `HURRY_S` while a rollout runs."""

HURRY_S = 2.0

MOST_STRETCH = 10.0
"""What is read of one of a crowd of targets is read less often in proportion to `CROWD`, at most by this, but for the weights."""

STRETCHED = frozenset({"identity", "workloads", "flags", "schema"})

SETTLE_S = 0.05
"""So long after a system told of a change it is read: changes come in bursts."""

FIRST_JITTER, JITTER = 1.0, 0.2
"""By which share of its length a pause varies, so that the pollers of many targets do not fall into step and hold up a click in bursts."""


class Watch:
    """The pollers of one target. `on_split` and `on_metrics` are told each reading; `on_metrics` also that there was none.

    `crowd` tells among how many targets this one counts as one that nobody looks at; 0 while somebody does.
    """

    def __init__(
        self,
        around: Surroundings,
        live: LiveTarget,
        on_split: Callable[[Split], None],
        on_metrics: Callable[[MetricReading | ConsoleError], Awaitable[None]],
        on_identity: Callable[[str], None],
        crowd: Callable[[], int] = lambda: 1,
    ) -> None:
        self._around, self._live, self._crowd = around, live, crowd
        self._turns = 0
        self._on_split, self._on_metrics, self._on_identity = on_split, on_metrics, on_identity
        self.on_notice: Callable[[Notice], None] = lambda _: None
        self._tasks: list[asyncio.Task[None]] = []
        systems = {"traffic": live.connections.router, "workloads": live.connections.workloads}
        self._telling = {port: system for port, system in systems.items() if isinstance(system, TellsOfChange)}

    def start(self) -> None:
        """Start polling; what is connected decides what is polled."""
        pollers: list[tuple[str, float, Callable[[], Awaitable[None]], Seen[Any]]] = [
            ("traffic", ROUTER_S, self._router, self._live.split),
            ("identity", IDENTITY_S, self._identity, self._live.identity),
            ("workloads", WORKLOADS_S, self._workloads, self._live.workloads),
        ]
        if self._live.connections.metrics is not None:
            poll_s = self._live.target.metrics.poll_s if self._live.target.metrics is not None else 5.0
            pollers.append(("metrics", poll_s, self._metrics, self._live.metrics))
        if self._live.connections.flags is not None:
            pollers.append(("flags", FLAG_S, self._flag, self._live.flag))
        if self._live.connections.alerts is not None and self._live.target.alerts is not None:
            pollers.append(("alerts", self._live.target.alerts.poll_s, self._alerts, self._live.alerts))
        if self._live.connections.schema is not None and self._live.target.database is not None:
            pollers.append(("schema", self._live.target.database.poll_s, self._schema, self._live.schema))
        if silencing.watched(self._live):
            pollers.append(("silence", silencing.LOOK_S, self._silence, self._live.silencing))
        if readiness.watched(self._live):
            pollers.append(("ready", readiness.READY_S, self._ready, Seen()))
        for port, period_s, once, seen in pollers:
            self._tasks.append(asyncio.create_task(self._poll(port, period_s, once, seen), name=f"{self._live.name} {port}"))

    async def stop(self) -> None:
        """Stop polling."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await silencing.leave(self._around, self._live)

    async def _poll(self, port: str, period_s: float, once: Callable[[], Awaitable[None]], seen: Seen[Any]) -> None:
        """Read for ever; an outer door: a provider's bug stops neither this poller nor any other, and is logged."""
        jitter = FIRST_JITTER
        while True:
            begun = self._around.clock.elapsed()
            try:
                async with asyncio.timeout(DEADLINE_S):
                    await once()
            except TimeoutError:
                await self._missed(port, seen, Unreachable(f"No answer in {DEADLINE_S:g} s.", sent=False))
            except ConsoleError as error:
                await self._missed(port, seen, error)
            except Exception as error:
                LOG.exception("reading %s of %s broke", port, self._live.name)
                await self._missed(port, seen, RemoteError(f"Reading the {port} broke: {type(error).__name__}."))
            self._live.was_read()
            spent_s = self._around.clock.elapsed() - begun
            pause_s = self._pause_s(period_s, seen.failures) * (1.0 + jitter * (self._around.chance() - 0.5))
            await self._pause(port, max(0.01, pause_s - spent_s))
            if port in STRETCHED and seen.failures == 0:
                await self._stay_calm(pause_s, seen)
            jitter = JITTER

    async def _stay_calm(self, pause_s: float, seen: Seen[Any]) -> None:
        """Leave out turns while nothing happens on the target and there are many others; what begins ends the wait at the next turn."""
        for _ in range(round(self._stretch()) - 1):
            if self._stretch() == 1.0 or seen.failures:
                return
            await self._around.sleep(pause_s)

    def _stretch(self) -> float:
        self._live.stretch = 1.0 if self._live.under_way else min(MOST_STRETCH, max(1.0, self._crowd() / CROWD))
        return self._live.stretch

    async def _pause(self, port: str, pause_s: float) -> None:
        """Wait until the next reading is due, or until its system tells of a change."""
        system = self._telling.get(port)
        if system is None:
            await self._around.sleep(pause_s)
            return
        told, slept = asyncio.ensure_future(system.changed()), asyncio.ensure_future(self._around.sleep(pause_s))
        try:
            await asyncio.wait({told, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            slept.cancel()
            told.cancel()
        if not slept.done():
            await self._around.sleep(min(pause_s, SETTLE_S))
        elif told.done() and not told.cancelled() and (error := told.exception()) is not None:
            LOG.error("%s of %s cannot tell of changes: %r", port, self._live.name, error)

    async def _missed(self, port: str, seen: Seen[Any], error: ConsoleError) -> None:
        seen.missed(error, self._around.clock.now())
        if port == "metrics":
            await self._on_metrics(error)

    def _pause_s(self, period_s: float, failures: int) -> float:
        if failures == 0:
            return period_s
        record = self._live.rollout
        most_s = HURRY_S if record is not None and not record.rollout.phase.over else MOST_S
        return self._around.backoff_s(failures, period_s, max(period_s, most_s))

    async def _router(self) -> None:
        router, left_out = self._live.connections.router, self._turns % round(self._stretch())
        self._turns += 1
        if left_out:
            split = await router.split()
        else:
            split, counts = await asyncio.gather(router.split(), router.measured())
            self._live.requests.take(counts)
        self._live.split.took(split, split.at)
        self._on_split(split)

    async def _identity(self) -> None:
        identity = await self._live.connections.router.identity()
        before = self._live.identity.value
        self._live.identity.took(identity, self._now())
        if before is not None and before.fingerprint == identity.fingerprint and before.incarnation != identity.incarnation:
            self._live.restarted = "process restarted"
        if identity.fingerprint != self._live.confirmed_other:
            self._live.confirmed_other = ""  # what a person confirmed is gone; should it come back, it is asked for anew
        self._on_identity(identity.fingerprint)

    async def _workloads(self) -> None:
        sides = self._live.target.sides
        found = await asyncio.gather(*(self._live.connections.workloads.version(side) for side in sides), return_exceptions=True)
        versions = {side: version for side, version in zip(sides, found, strict=True) if not isinstance(version, BaseException)}
        errors = [each for each in found if isinstance(each, BaseException)]
        if versions:
            known = {**(self._live.workloads.value or {}), **versions}
            self._live.workloads.took(known, self._now())
        for error in errors:
            raise error

    async def _metrics(self) -> None:
        source = self._live.connections.metrics
        if source is None:
            return
        reading = await source.read()
        self._live.metrics.took(reading, reading.at)
        self._live.charts.take(reading)
        if self._live.target.blackout is not None:
            self._live.rate.take(reading, self._live.target.blackout.metric)
        await self._on_metrics(reading)

    async def _flag(self) -> None:
        flags = self._live.connections.flags
        if flags is not None:
            flag = await flags.state()
            self._live.flag.took(flag, flag.at)

    async def _alerts(self) -> None:
        if self._live.connections.alerts is not None:
            found = await self._live.connections.alerts.alerts()
            self._live.alerts.took(found, found.at)

    async def _schema(self) -> None:
        await schema.read(self._live)

    async def _silence(self) -> None:
        notice = await silencing.keep(self._around, self._live)
        self._live.silencing.took(None, self._now())
        if notice is not None:
            self.on_notice(notice)

    async def _ready(self) -> None:
        await readiness.read(self._live, self._now())

    def _now(self) -> datetime:
        return self._around.clock.now()
