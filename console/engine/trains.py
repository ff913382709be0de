"""Trains as a person steers them, and the look after them: several services as one release, in the order of what they wait for."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from console.engine.forward import Forward
from console.engine.others import ALIVE_S, BEAT_S
from console.engine.parts import Parts
from console.engine.planning import start_obstacles
from console.engine.traindriver import Act, TrainDriver
from console.engine.views.train import train_view
from console.engine.wheel import TTL_S, span
from console.model.commands import Answer, Command, Decision
from console.model.errors import NotAllowed, StaleWrite, StoreError
from console.model.plan import Plan
from console.model.rollout import Phase
from console.model.stores import TrainChange
from console.model.train import MemberState, Train, TrainPhase, TrainPlan
from console.model.verbs import Verb
from console.model.views import TrainView
from console.policy.train import FORWARD, in_order, next_starts, problems_of

LOG = logging.getLogger(__name__)

LOOK_S = 0.5
SHOWN = 10
"""So many of the newest trains are shown."""

GONE_S = ALIVE_S + BEAT_S
"""A driver that was not among those who say that they are alive for so long is gone."""

YES = Decision(True)


class Trains:
    """The trains of one engine. A member starts under compare-and-set on the train's row, so of two consoles one starts it."""

    def __init__(self, parts: Parts, forward: Forward, act: Act, alive: Callable[[], frozenset[str]]) -> None:
        self._parts, self._forward, self._alive = parts, forward, alive
        self._driver = TrainDriver(parts, act)
        self._missed: dict[str, float] = {}
        self._drawn: dict[str, object] = {}
        """What the picture of a train that is over was made from: it is read again only when that changed."""
        self._wake = asyncio.Event()
        self._looked: float | None = None
        self._turn = asyncio.Lock()

    def wake(self) -> None:
        """Look soon: the records changed."""
        self._wake.set()

    async def watch(self) -> None:
        """Look for ever; an outer door: a bug here is logged, and starts nothing."""
        self._wake.set()
        while True:
            await self._until_next()
            try:
                async with self._turn:
                    await self._look()
            except Exception:
                LOG.exception("looking after the trains broke")

    async def start(self, plan: TrainPlan, reason: str, hashes: Mapping[str, str] | None = None) -> Answer:
        """Record a train and start what waits for nothing; the answer's `rollout` is the train's id.

        `hashes` name plans that were made before, by target. Raises NotAllowed when a member cannot be planned.
        """
        problems = problems_of(plan.members)
        if problems:
            return Answer(Decision(False, problems, "Mend the order."))
        plan, around = replace(plan, members=in_order(plan.members)), self._parts.around
        await around.store.audit.may_sign()
        await self._parts.asking.refresh()
        plans = {each.target: await self._plan(each.target, each.version, hashes or {}) for each in plan.members}
        refused = self._why_not(plan, plans, reason)
        if refused:
            return Answer(Decision(False, refused, "Nothing was started. Mend it and start the train again."))
        async with self._turn:
            train = await around.store.trains.open(plan, plans, around.actor, reason, around.clock.now())
            await self._driver.step(self._driver.took(train))
            await self._shown(train.id)
        return Answer(YES, train.id)

    async def hold(self, train_id: str, reason: str) -> Answer:
        """Start nothing more and hold every member that runs; what could not be recorded is held all the same."""
        async with self._turn:
            train, actor = await self._driver.fresh(train_id), self._parts.around.actor
            if train.phase is not TrainPhase.RUNNING:
                return Answer(Decision(False, (f"{train.id} is {train.phase.value}.",), cannot_act=True), train.id)
            rollouts = (await self._driver.stands(train)).rollouts
            running = [name for name, each in rollouts.items() if each.phase in {Phase.PLANNED, Phase.RUNNING}]
            note = f"Held by {actor.name}{': ' + reason if reason else ''}."
            change = TrainChange(phase=TrainPhase.HELD, note=note, held=tuple(train.rollouts[name] for name in running))
            train = await self._driver.anyhow(train, change, "train hold", reason)
            for name in [name for name, each in rollouts.items() if not each.phase.over]:  # a countdown is stopped too
                await self._driver.try_to(Command(Verb.HOLD, name, actor, _named(train, reason), rollout=train.rollouts[name]))
            await self._shown(train.id)
        return Answer(YES, train.id)

    async def resume(self, train_id: str, reason: str) -> Answer:
        """Let a held train go on from this console: what was held with it resumes, what waits starts; each is asked for anew."""
        async with self._turn:
            train, actor = await self._driver.fresh(train_id), self._parts.around.actor
            if train.phase is not TrainPhase.HELD:
                return Answer(Decision(False, (f"{train.id} is {train.phase.value}: only a held train goes on.",)), train.id)
            self._check_targets(train)
            held, plans = train.held, await self._planned_anew(train)
            change = TrainChange(phase=TrainPhase.RUNNING, note="", driver=actor, held=(), plans=plans)
            train = await self._driver.change(train, change, "train resume", reason)
            refused = []
            for name in [name for name, rollout in train.rollouts.items() if rollout in held]:
                command = Command(Verb.RESUME, name, actor, _named(train, reason), rollout=train.rollouts[name])
                answer = await self._driver.try_to(command)
                refused += [f"{name} does not go on: {answer.decision.reasons[0]}"] if answer.decision.reasons else []
            await self._driver.step(train)
            await self._shown(train.id)
        return Answer(YES, train.id, " ".join(refused))

    async def roll_back(self, train_id: str, reason: str) -> Answer:
        """Take back everything that started, last first; never blocked by a member that cannot, nor by records that cannot be written."""
        async with self._turn:
            train = await self._driver.fresh(train_id)
            states = (await self._driver.stands(train)).states
            stuck = [name for name, state in states.items() if state is MemberState.BACK_STOPPED]
            moves = stuck or any(state in FORWARD or state is MemberState.GOING_BACK for state in states.values())
            if not moves and train.phase.over:
                return Answer(Decision(False, (f"Nothing of {train.id} is forward any more.",), cannot_act=True), train.id)
            self._driver.refused.pop(train.id, None)
            note = f"rollback by {self._parts.around.actor.name}{': ' + reason if reason else ''}"
            train = await self._driver.go_back(train, note, reason)
            for name in stuck:
                await self._driver.try_to(Command(Verb.ROLLBACK, name, self._parts.around.actor, _named(train, note)))
            await self._driver.step(train)
            await self._shown(train.id)
        self.wake()
        return Answer(YES, train.id)

    async def ended(self, train_id: str) -> Train:
        """Return a train once it is over, held, stopped, or driven by another console, and nothing of it is on its way from here."""
        while True:
            train = self._driver.known.get(train_id)
            if train is not None and not (self._driver.drives(train) and train.phase in {TrainPhase.RUNNING, TrainPhase.GOING_BACK}):
                records = [self._parts.records[each] for each in train.rollouts.values() if each in self._parts.records]
                if not any(each.backward or (each.mine and each.rollout.phase in {Phase.PLANNED, Phase.RUNNING}) for each in records):
                    return train
            await self._parts.around.sleep(0.1)

    async def view(self, train_id: str) -> TrainView:
        """Return how a train stands, by the records where its targets are not watched here. Raises BadFile."""
        train = await self._driver.fresh(train_id)
        return train_view(train, await self._driver.stands(train), {})

    async def _until_next(self) -> None:
        """Wait until the records changed, and no longer than a moment while a train is under way."""
        live = any(not train.phase.over for train in self._driver.known.values())
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._wake.wait())]
        if live:
            waits.append(asyncio.ensure_future(self._parts.around.sleep(LOOK_S)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._wake.clear()

    async def _look(self) -> None:
        """Read the trains and take each further; while the records are gone, by what is known here."""
        around, now = self._parts.around, self._parts.around.clock.elapsed()
        away_s, self._looked = 0.0 if self._looked is None else now - self._looked, now
        try:
            found = {each.id: each for each in await around.store.trains.trains(live=False, limit=SHOWN)}
            found |= {each.id: each for each in await around.store.trains.trains(live=True)}
        except StoreError:
            found = dict(self._driver.known)
        for train in found.values():
            try:
                await self._look_after(self._driver.took(train), away_s)
            except StaleWrite:
                self.wake()  # somebody was first
            except (StoreError, NotAllowed) as error:
                LOG.info("%s was not taken further: %s", train.id, error.message)
            await self._shown(train.id)

    async def _look_after(self, train: Train, away_s: float) -> None:
        if train.phase.over:
            return
        if self._driver.drives(train):
            if away_s >= TTL_S and train.phase is TrainPhase.RUNNING:
                await self._driver.hold(train, f"This console was away for {span(away_s)}: nothing was started.")
            else:
                await self._driver.step(train)
            return
        if self._is_left(train) and all(each.target in self._parts.targets for each in train.plan.members):
            await self._take_up(train)

    async def _take_up(self, train: Train) -> None:
        """Do for a train whose console is gone what needs no person: what went back by itself takes the others back; the rest is asked."""
        if train.phase is TrainPhase.RUNNING:
            train = await self._driver.hold(train, f"The console of {train.driver.name} that drove it is gone: nothing was started since.")
        elif train.phase is TrainPhase.GOING_BACK:
            stands = await self._driver.stands(train)
            if MemberState.GOING_BACK not in stands.states.values():
                note = f"The console of {train.driver.name} that took it back is gone: nothing was sent since. Roll the train back again."
                change = TrainChange(phase=TrainPhase.STOPPED, note=note)
                train = await self._driver.change(train, change, "train rollback stopped", note)
        if train.phase in {TrainPhase.HELD, TrainPhase.STOPPED}:
            await self._driver.step(train)

    def _is_left(self, train: Train) -> bool:
        """Tell whether the console that drives a train is gone: its process is known to be, or it has not been seen for long."""
        now = self._parts.around.clock.elapsed()
        if not self._parts.alive(train.driver):
            return True
        if train.driver.console in self._alive():
            self._missed.pop(train.id, None)
            return False
        return now - self._missed.setdefault(train.id, now) >= GONE_S

    async def _shown(self, train_id: str) -> None:
        train = self._driver.known[train_id]
        targets = {each.target for each in train.plan.members}
        rollouts = [(each.id, each.rollout.revision) for each in self._parts.records.values() if each.rollout.plan.target in targets]
        drawn = (train.revision, train.phase, rollouts)
        if train.phase.over and self._drawn.get(train_id) == drawn:
            return
        self._drawn[train_id] = drawn
        await self._driver.show(train)

    async def _plan(self, target: str, version: str, hashes: Mapping[str, str]) -> Plan:
        known = self._forward.planned(hashes.get(target, ""))
        return known if known is not None else await self._forward.plan(self._parts.target(target), version)

    def _why_not(self, plan: TrainPlan, plans: Mapping[str, Plan], reason: str) -> tuple[str, ...]:
        """Return why a train may not start: what any member's file lacks, and what forbids those that start first."""
        signed, found = plan.signs_no_way_back and bool(reason.strip()), []
        for each in plan.members:
            live = self._parts.target(each.target)
            found += [f"{each.target}: {word}" for word in start_obstacles(live, signed=signed)]
        for name in next_starts(plan.members, {each.target: MemberState.WAITING for each in plan.members}):
            live, own = self._parts.target(name), plans[name]
            asked = self._parts.asking.decide(live, Verb.START, self._parts.around.actor, plan_hash=own.hash, release=own.release)
            found += [f"{name}: {word}" for word in asked.reasons]
        return tuple(found)

    def _check_targets(self, train: Train) -> None:
        gone = [each.target for each in train.plan.members if each.target not in self._parts.targets]
        if gone:
            raise NotAllowed(f"{', '.join(gone)} of {train.id} cannot be reached from this console.", advice="Add the target's file first.")

    async def _planned_anew(self, train: Train) -> dict[str, Plan] | None:
        """Return the members' plans where one that has not started does not fit its target any more; None where all fit."""
        fresh = dict(train.plans)
        for name in [name for name in train.plans if name not in train.rollouts]:
            live = self._parts.target(name)
            if self._forward.stale(live, train.plans[name]):
                fresh[name] = await self._forward.plan(live, train.plan.member(name).version)
            self._forward.know(fresh[name])
        return fresh if fresh != dict(train.plans) else None


def _named(train: Train, reason: str) -> str:
    return f"train {train.id} {train.plan.name}: {reason}".rstrip(": ")
