"""Takes a train one look further: starts what may start, takes back what started, and writes what became of it."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from console.engine.asking import goes_back_to
from console.engine.parts import Parts
from console.engine.standings import stand_of
from console.engine.views.train import Standing, train_view
from console.model.audit import Entry, RecordKind
from console.model.commands import Answer, Command, Decision
from console.model.errors import ConsoleError, NotAllowed, StaleWrite, StoreError
from console.model.stores import TrainChange
from console.model.train import MemberState, Train, TrainPhase
from console.model.verbs import Verb
from console.model.views import Notice
from console.policy.train import TAKEN_BACK, next_backs, next_starts, phase_now, stop_words

LOG = logging.getLogger(__name__)

Act = Callable[[Command], Awaitable[Answer]]

_LEVEL = {
    TrainPhase.HELD: "unknown",
    TrainPhase.GOING_BACK: "fail",
    TrainPhase.STOPPED: "fail",
    TrainPhase.DONE: "ok",
    TrainPhase.ROLLED_BACK: "ok",
}


class TrainDriver:
    """What one console knows of its trains, and the moves it makes by itself; whoever is first by compare-and-set makes a move."""

    def __init__(self, parts: Parts, act: Act) -> None:
        self._parts, self._act = parts, act
        self.known: dict[str, Train] = {}
        self.refused: dict[str, dict[str, str]] = {}
        """Why a member's way back could not begin, by train and target, until a person asks again."""
        self._closed: set[str] = set()
        """Trains that go back by what this console knows, recorded or not: it starts nothing of them."""

    def drives(self, train: Train) -> bool:
        """Tell whether this console makes a train's next move."""
        return train.driver.console == self._parts.around.actor.console

    async def fresh(self, train_id: str) -> Train:
        """Return a train as it stands in the records, or as it is known here while they cannot be read. Raises BadFile."""
        try:
            train = await self._parts.around.store.trains.train(train_id)
        except StoreError:
            if train_id not in self.known:
                raise
            return self.known[train_id]
        return self.took(train)

    def took(self, train: Train) -> Train:
        """Take a train as it was read; one that goes back by what is known here is not opened again by an older record."""
        known = self.known.get(train.id)
        if known is not None and train.id in self._closed and not _goes_back(train.phase):
            train = replace(train, phase=known.phase, note=known.note, driver=known.driver)
        self.known[train.id] = train
        return train

    async def stands(self, train: Train) -> Standing:
        """Return how the members stand."""
        return await stand_of(self._parts, train, self.refused.get(train.id, {}))

    async def show(self, train: Train) -> None:
        """Tell listeners how a train stands."""
        titles = {name: live.target.title for name, live in self._parts.targets.items()}
        self._parts.outbox.show_train(train_view(train, await self.stands(train), titles))

    async def step(self, train: Train) -> None:
        """Make the next moves of a train that this console drives."""
        stands = await self.stands(train)
        phase = phase_now(train.phase, train.plan.members, stands.states, frozenset(stands.refused))
        if phase is TrainPhase.GOING_BACK and train.phase is not phase:
            train = await self.go_back(train, _whose_fault(stands), "")
            stands = await self.stands(train)
        elif phase is not train.phase:
            train = await self._end(train, phase, stands)
        if train.phase is TrainPhase.RUNNING and train.id not in self._closed:
            await self._start(train, stands)
        elif train.phase is TrainPhase.GOING_BACK:
            await self._take_back(train, stands)

    async def go_back(self, train: Train, note: str, reason: str) -> Train:
        """Note that a train goes back, driven from here, as far as the records take it: nothing waits for them."""
        self._closed.add(train.id)
        change = TrainChange(phase=TrainPhase.GOING_BACK, note=note, driver=self._parts.around.actor)
        return await self.anyhow(train, change, "train rollback", reason or note)

    async def hold(self, train: Train, note: str) -> Train:
        """Hold a train by itself, with the reason in words."""
        return await self.change(train, TrainChange(phase=TrainPhase.HELD, note=note), "train hold", note)

    async def try_to(self, command: Command) -> Answer:
        """Make a move on a member; what stops it is answered, not raised, so that the others are not held up."""
        try:
            return await self._act(command)
        except ConsoleError as error:
            return Answer(Decision(False, (error.message,), error.advice))

    async def change(self, train: Train, change: TrainChange, verb: str, reason: str) -> Train:
        """Change a train's row, on record, and tell it. Raises StaleWrite, NotAllowed, CannotRecord."""
        around = self._parts.around
        phase = change.phase or train.phase
        detail = {"train": train.id, "phase": phase.value, "was": train.phase.value, "note": change.note or ""}
        entry = Entry(RecordKind.PHASE, around.actor, around.clock.now(), verb, "", train.id, reason, phase.value, train.hash, detail)
        after = await around.store.trains.change(train, change, entry)
        self.known[train.id] = after
        self._tell(train, after)
        return after

    async def anyhow(self, train: Train, change: TrainChange, verb: str, reason: str) -> Train:
        """Change a train's row for what goes back or holds: once more where somebody was first, and in memory where nothing is written."""
        for _ in range(3):
            try:
                return await self.change(train, change, verb, reason)
            except StaleWrite:
                train = await self._reread(train)
            except (StoreError, NotAllowed) as error:
                LOG.warning("%s of %s was not recorded: %s", verb, train.id, error.message)
                break
        after = replace(train, phase=change.phase or train.phase, note=change.note or train.note, driver=change.driver or train.driver)
        self.known[train.id] = after
        self._tell(train, after)
        return after

    async def _reread(self, train: Train) -> Train:
        try:
            return await self._parts.around.store.trains.train(train.id)
        except ConsoleError:
            return train

    async def _end(self, train: Train, phase: TrainPhase, stands: Standing) -> Train:
        """Write that a train is done, back, or stopped at a member; tried again at the next look where the records do not take it."""
        why = {name: (stands.backs.get(name) or each).note for name, each in stands.rollouts.items()} | dict(stands.refused)
        note = stop_words(train.plan.members, stands.states, why) if phase is TrainPhase.STOPPED else train.note
        change = TrainChange(phase=phase, note=note, ended_at=self._parts.around.clock.now() if phase.over else None)
        try:
            return await self.change(train, change, f"train {phase.value}", note)
        except (StoreError, NotAllowed) as error:
            LOG.info("%s is %s, which was not recorded yet: %s", train.id, phase.value, error.message)
            return train

    async def _start(self, train: Train, stands: Standing) -> None:
        """Start each member whose turn it is; a refusal holds the train in words."""
        for name in next_starts(train.plan.members, stands.states):
            member, actor = train.plan.member(name), self._parts.around.actor
            after = f" after {' and '.join(member.after)}" if member.after else ""
            reason = f"train {train.id} {train.plan.name}{after}: {train.reason}".rstrip(": ")
            command = Command(Verb.START, name, actor, reason, release=member.version, plan_hash=train.plans[name].hash, train=train.id)
            answer = await self.try_to(replace(command, signs_no_way_back=train.plan.signs_no_way_back))
            train = await self.fresh(train.id)
            if train.phase is not TrainPhase.RUNNING:
                return
            if not answer.decision.allowed and name not in train.rollouts:
                why = " ".join(answer.decision.reasons) or "it was refused."
                await self.hold(train, f"{name} did not start: {why} {answer.decision.allowed_instead}".strip())
                return

    async def _take_back(self, train: Train, stands: Standing) -> None:
        """Begin the way back of each member whose turn it is, traffic first; one that is refused holds up none of the others."""
        refused = self.refused.setdefault(train.id, {})
        for name in next_backs(train.plan.members, stands.states, frozenset(refused)):
            lost = self._no_way_back(name, stands)
            if lost:
                refused[name] = lost
                continue
            reason = f"train {train.id} {train.plan.name}: {train.note}".rstrip(": ")
            answer = await self.try_to(Command(Verb.ROLLBACK, name, self._parts.around.actor, reason))
            if not answer.decision.allowed:
                refused[name] = " ".join(answer.decision.reasons) or "its way back was refused."

    def _no_way_back(self, name: str, stands: Standing) -> str:
        """Return why a member that is done has nothing to go back to, in words; "" when it has, or is still on its way."""
        live, rollout = self._parts.targets.get(name), stands.rollouts[name]
        if live is None or stands.states[name] is not MemberState.DONE or goes_back_to(live) == rollout.plan.stable:
            return ""
        plan = rollout.plan
        return f"{plan.stable_version} does not stand healthy on {plan.stable} any more, so nothing can go back to it."

    def _tell(self, before: Train, after: Train) -> None:
        if before.phase is after.phase or after.phase not in _LEVEL:
            return
        title = f"Train {after.plan.name} ({after.id}): {after.phase.value}"
        self._parts.outbox.notice(Notice(self._parts.around.clock.now(), _LEVEL[after.phase], title, after.note))


def _goes_back(phase: TrainPhase) -> bool:
    return phase in {TrainPhase.GOING_BACK, TrainPhase.STOPPED, TrainPhase.ROLLED_BACK}


def _whose_fault(stands: Standing) -> str:
    """Return which member went back, and why, in words."""
    for name, state in stands.states.items():
        if state in TAKEN_BACK:
            rollout = stands.backs.get(name) or stands.rollouts[name]
            word = "went back" if state is not MemberState.BACK_STOPPED else "stopped on its way back"
            return f"{name} {word}{': ' + rollout.note if rollout.note else ''}"
    return "a member went back"
