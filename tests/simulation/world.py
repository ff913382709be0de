"""A day with the console: people at one or two of them, a service that goes wrong, computers that sleep and processes that die."""

import asyncio
import hashlib
import random
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.engine_fakes import SHOP, WITH_PIPELINE
from simulation.checks import Checks
from simulation.disk import Disk
from simulation.site import BLUE, GREEN, Site
from simulation.virtual import RUNS_IN, Crash, Process, VirtualClock, spawn

from console.engine.engine import Engine
from console.model import hooks
from console.model.commands import Answer, Command
from console.model.errors import ConsoleError
from console.model.events import Event
from console.model.freeze import FreezeWindow, OneOff
from console.model.rollout import Actor, Phase
from console.model.stores import TargetRow
from console.model.target import FreezeRule, Target
from console.model.verbs import Verb

BACK = {Verb.HOLD, Verb.STEP_DOWN, Verb.ABORT, Verb.ROLLBACK, Verb.SWITCH_BACK, Verb.FLAG_KILL}
COARSE = {
    "console.engine.watch.ROUTER_S": 2.0,
    "console.engine.watch.IDENTITY_S": 4.0,
    "console.engine.watch.WORKLOADS_S": 30.0,
    "console.engine.watch.FLAG_S": 10.0,
    "console.engine.outbox.BATCH_S": 15.0,
    "console.engine.fleet.LOOK_S": 1.0,
    "console.engine.driver.TICK_S": 1.0,
}
"""Coarser than the program's own, so that a day takes seconds; nothing that is checked depends on them but by `GRACE_S`."""

N_PASS = 12

LONGEST_STEP_S = 4 * 3600.0
"""Longer than any step of a day may be under way."""


def shop(chance: random.Random) -> Target:
    """Return the target of a day: with or without a pipeline, holding or going back in a freeze."""
    base = chance.choice((SHOP, WITH_PIPELINE))
    assert base.metrics is not None
    assert base.flag is not None
    return replace(
        base,
        metrics=replace(base.metrics, poll_s=5.0),
        flag=replace(base.flag, raise_at_start=chance.random() < 0.5),
        freeze_rule=chance.choice((FreezeRule.HOLD, FreezeRule.HOLD, FreezeRule.ROLL_BACK)),
        rollback=("traffic", "flag"),
        panels=(),
    )


@dataclass
class Console:
    """One console with the person at it."""

    process: Process
    engine: Engine
    actor: Actor
    opening: "asyncio.Task[Any]"


class World:
    """Everything of one day. `trace` is what happened, in words; equal seeds give equal traces."""

    def __init__(self, clock: VirtualClock, chance: random.Random, folder: Path) -> None:
        self.clock, self.chance = clock, chance
        self.site, self.disk = Site(clock, chance), Disk(folder, chance)
        self.checks = Checks(self.site, self.disk)
        self.site.watchers.insert(0, lambda effect: self.told(f"{effect.process.name} sends {effect.kind} {effect.want} as {effect.key}"))
        self.target = shop(chance)
        self.consoles: dict[str, Console] = {}
        self.dead: set[str] = set()
        self.same_computer = chance.random() < 0.5
        self.trace: list[str] = []
        self._number = 0
        self._frozen: dict[str, list[float]] = {}
        self._doing: set[asyncio.Task[Any]] = set()
        self.traps: dict[Process, tuple[str, int]] = {}
        self.counts: dict[str, int] = {}

    def told(self, what: str) -> None:
        """Keep a line of the trace."""
        self.trace.append(f"{self.clock.passed():10.3f} {what}")

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    @property
    def hash(self) -> str:
        """Return the hash of all that happened."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    async def begin(self) -> None:
        """Make the target known, as a person does at the first start."""
        store = self.disk.store(Process("setup"), self.clock)
        row = TargetRow("shop", "shop.yaml", armed=True, trusted_digest=self.target.digest, fingerprint="router-1", stable=BLUE)
        await store.targets.put(row, Actor("Ana", "setup"), "add", self.clock.now())

    async def open(self, person: str) -> None:
        """Start a console for a person."""
        self._number += 1
        actor = Actor(person, f"{person.lower()}:{self._number}:x")
        process = Process(actor.console)
        store = self.disk.store(process, self.clock)
        engine = Engine(
            store,
            self.clock,
            self.site.connect(process),
            lambda row: self.target,
            actor,
            sleep=process.sleep,
            chance=self.chance.random,
            alive=self.alive,
            keeps_watch=True,
        )
        engine.listen(self.checks.picture, lambda event: self._event(person, event))
        console = Console(process, engine, actor, spawn(process, engine.open(), f"open {actor.console}"))
        self.consoles[person] = console
        self.told(f"{person} opens {actor.console}")
        await asyncio.wait({console.opening}, timeout=60)

    def alive(self, actor: Actor) -> bool:
        """Tell what one console can know of another: only a dead process of its own computer is known to be dead."""
        return not (self.same_computer and actor.console in self.dead)

    def _event(self, person: str, event: Event) -> None:
        words = [
            f"{name}={getattr(event, name)}"
            for name in ("phase", "verdict", "stage", "gate", "verb", "reason", "note")
            if hasattr(event, name)
        ]
        self.told(f"{person} is told {type(event).__name__} {event.rollout} {' '.join(words)}")

    def kill(self, person: str, why: str) -> None:
        """Let a console die as by kill -9."""
        console = self.consoles.pop(person, None)
        if console is not None:
            console.process.kill()
            self.dead.add(console.actor.console)
            self.told(f"{person}'s console dies: {why}")

    def reached(self, hook: str) -> None:
        """Kill the process that reaches the hook at which it is to die; what a dead process would still do ends here."""
        process = RUNS_IN.get()
        if process is None:
            return
        if process.dead:
            raise Crash
        name, left = self.traps.get(process, ("", 0))
        if name != hook:
            return
        if left > 1:
            self.traps[process] = (name, left - 1)
            return
        self.count(f"crash at {hook}")
        self.kill(next(person for person, console in self.consoles.items() if console.process is process), hook)
        raise Crash

    def act(self, person: str, verb: Verb, **more: Any) -> "asyncio.Task[Answer | None]":
        """Let a person ask for something; what is answered is checked and traced."""
        console = self.consoles[person]
        task = spawn(console.process, self._act(console, person, Command(verb, "shop", console.actor, "simulated", **more)))
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)
        return task

    async def _act(self, console: Console, person: str, command: Command) -> Answer | None:
        asked, name = self.clock.passed(), command.verb.value
        rollout = self.rollout(console)
        self.told(f"{person} asks for {name} {command.side}")
        if rollout and command.verb in {Verb.PROMOTE, Verb.RESUME}:
            self.checks.known.asked[console.process.name, rollout] = asked
        try:
            answer = await console.engine.act(command)
        except ConsoleError as error:
            self.told(f"{person}: {name} raises {type(error).__name__}: {error.message}")
            if command.verb in BACK:
                self.checks.wrong(f"I5: {name} was answered with {type(error).__name__}: {error}")
            return None
        said = "yes" if answer.decision.allowed else f"no: {answer.decision.reasons[:1]}"
        self.told(f"{person}: {name} of {answer.rollout}: {said}")
        self.count(f"{name}: {said[:3].strip(':')}")
        if command.verb in {*BACK, Verb.RESUME} and "Another system" in "".join(answer.decision.reasons):
            self.checks.known.confirmed_other = self.clock.passed()
        if command.verb in BACK and not answer.decision.allowed:
            self._refused_backward(name, answer)
        return answer

    def _refused_backward(self, name: str, answer: Answer) -> None:
        reason = answer.decision.reasons[0]
        known = answer.decision.cannot_act or "is not lower than" in reason or "Another system" in reason
        if not known:
            self.checks.wrong(f"I5: {name} was refused: {reason}")

    def rollout(self, console: Console) -> str:
        """Return the rollout that a console shows."""
        live = console.engine._parts.targets.get("shop")
        return live.rollout.id if live is not None and live.rollout is not None else ""

    def phase(self, console: Console) -> Phase | None:
        live = console.engine._parts.targets.get("shop")
        return live.rollout.rollout.phase if live is not None and live.rollout is not None else None

    async def start(self, person: str, verb: Verb, **more: Any) -> None:
        """Start a release or a switch; the rollout that it opens was asked for at that console."""
        console, before = self.consoles[person], self.newest()
        known = self.checks.known.asked
        for number in range(before + 1, before + 4):
            known.setdefault((console.process.name, f"R-{number}"), self.clock.passed())
        doing = self.act(person, verb, **more)
        await asyncio.wait({doing}, timeout=60)
        if not doing.done():
            return  # it may still open one
        died = not doing.cancelled() and isinstance(doing.exception(), Crash)
        answer = None if died or doing.cancelled() else doing.result()
        opened = answer.rollout if answer is not None and answer.decision.allowed else ""
        for number in range(before + 1, before + 4):
            if f"R-{number}" != opened:
                known.pop((console.process.name, f"R-{number}"), None)

    def newest(self) -> int:
        return int(self.disk.rows("SELECT coalesce(max(number), 0) FROM rollouts")[0][0])

    async def freeze(self, person: str, minutes: float) -> None:
        """Add a freeze window that begins now."""
        now = self.clock.now().replace(tzinfo=None)
        window = FreezeWindow(
            f"w{len(self.checks.known.frozen)}-{self.clock.passed():.0f}",
            "Sale",
            "Rita",
            "busy",
            "UTC",
            OneOff(now - timedelta(minutes=1), now + timedelta(minutes=minutes)),
        )
        await self._line(person, f"freeze for {minutes:.0f} min", self.consoles[person].engine.line.add_freeze(window))
        spell = [self.clock.passed(), self.clock.passed() + minutes * 60]
        if self.disk.rows("SELECT id FROM windows WHERE id = ? AND removed_at IS NULL", window.id):
            self._frozen[window.id] = spell
            self.checks.known.frozen.append(spell)

    async def unfreeze(self, person: str) -> None:
        for name, span in list(self._frozen.items()):
            span[1] = min(span[1], self.clock.passed())
            await self._line(person, "unfreeze", self.consoles[person].engine.line.remove_freeze(name, "over"))
            del self._frozen[name]

    async def stop_the_line(self, person: str) -> None:
        await self._line(person, "stop the line", self.consoles[person].engine.line.stop_the_line("stop", None, ()))
        if self.disk.rows("SELECT number FROM stops WHERE lifted_at IS NULL"):
            self._stop = [self.clock.passed(), -1.0]
            self.checks.known.frozen.append(self._stop)

    async def lift(self, person: str) -> None:
        for span in self.checks.known.frozen:
            if span[1] < 0:
                span[1] = self.clock.passed()
        await self._line(person, "lift", self.consoles[person].engine.line.lift_the_line("go"))

    async def _line(self, person: str, what: str, work: Any) -> None:
        process = self.consoles[person].process
        task = spawn(process, work)
        await asyncio.wait({task}, timeout=30)
        with suppress(ConsoleError, Crash, asyncio.InvalidStateError):
            task.result()
        self.told(f"{person}: {what}")

    async def calm(self) -> None:
        """Mend everything, and see that one click takes all traffic to stable with nothing left open (I2, I4, I5, I12)."""
        self.told("all is mended")
        self.disk.trouble = self.site.metrics_fault = ""
        self.disk.break_emergency(broken=False)
        for net in self.site.wires.values():
            net.fault = ""
        self.site.fingerprint = "router-1"
        self.traps.clear()
        for console in self.consoles.values():
            console.process.go_on()
        if not self.consoles:
            await self.open("Ana")
        person = next(iter(self.consoles))
        await self.lift(person)
        await self.unfreeze(person)
        await asyncio.sleep(60)
        for _ in range(3):
            await asyncio.wait({self.act(person, Verb.ROLLBACK)}, timeout=60)
            await asyncio.sleep(40)
        if self.disk.rows("SELECT id FROM steps WHERE state = 'sent'"):
            self.clock.suspend(LONGEST_STEP_S)  # a console on another computer may still be sending it; later it is read back here
            await asyncio.sleep(90)
        await self._ended(person)

    async def _ended(self, person: str) -> None:
        stable = self.disk.rows("SELECT stable FROM targets")[0][0]
        other = GREEN if stable == BLUE else BLUE
        if self.site.weights != {stable: 100.0, other: 0.0}:
            self.checks.wrong(f"I5: after a rollback in calm the router is at {self.site.weights}, stable is {stable}")
        for name, state, rollout in self.disk.rows("SELECT id, state, rollout FROM steps WHERE state NOT IN ('confirmed', 'failed')"):
            self.checks.wrong(f"I2: step {name} of {rollout} is {state} after a rollback in calm")
        for (name,) in self.disk.rows("SELECT id FROM rollouts WHERE over = 1 AND auto_back_at IS NOT NULL"):
            self.checks.wrong(f"{name} is over and still counts down")
        for name, phase in self.disk.rows("SELECT id, phase FROM rollouts WHERE over = 0"):
            self.checks.wrong(f"{name} is {phase} after a rollback in calm")
        report = await self.disk.store(Process("auditor"), self.clock).audit.verify()
        if not report.ok or report.open_intents:
            self.checks.wrong(f"I12: the audit says {report.problem!r} at {report.first_bad}, open: {report.open_intents}")
        self.checks.look()
        self.checks.audit()
        self.told(f"audit of {report.size} records")

    def surroundings(self) -> ExitStack:
        """Return what holds while the day runs: coarse polling, a planner that knows, hooks that kill."""
        stack = ExitStack()
        for name, value in COARSE.items():
            stack.enter_context(patch(name, value))

        async def needs(setting: Any, harm_to: float) -> tuple[int, ...]:
            return tuple(N_PASS for _ in setting.stages)

        stack.enter_context(patch("console.engine.planning.needs", needs))
        stack.enter_context(hooks.arm(self.reached))
        return stack
