"""Takes wheels and hands them over, for people: with a reason, a note, and the target read back."""

import asyncio

from console.engine import lost, records, wheelask
from console.engine.cards import card_of
from console.engine.forward import YES, Forward, no
from console.engine.parts import Parts
from console.engine.records import By
from console.engine.recovery import Recovery
from console.engine.state import LiveRollout, LiveTarget
from console.engine.wheel import PATIENCE_S, span
from console.model.audit import Entry, RecordKind
from console.model.commands import Answer, Decision
from console.model.errors import ConsoleError, NotAllowed
from console.model.rollout import Lease, Phase
from console.model.stores import RolloutChange, WheelSeen
from console.model.views import HandoverCard
from console.model.wheel import TAKEN

ASK_S = 5.0
"""How long an answer to a request for the wheel is waited for: a console that only watches gives it at once."""

LEAVE_S = 20.0
"""A handover waits no longer for a step under way."""

HAND_OVER = "hand over"


class Handovers:
    """What people do with wheels; a refusal is recorded and answered, not raised."""

    def __init__(self, parts: Parts, forward: Forward, recovery: Recovery) -> None:
        self._parts, self._forward, self._recovery = parts, forward, recovery

    async def card(self, rollout: str) -> HandoverCard:
        """Return what a new driver has to know, with the target read back now."""
        live, record = self._find(rollout)
        return await card_of(self._parts, live, record)

    async def take(self, rollout: str, reason: str) -> Answer:
        """Take the wheel of a rollout and hold it; goes on when a person resumes. Waits until it is here, or is refused.

        A driver that was lost keeps its wheel for a lease and a margin, so this may take 20 s. A console that only watches gives it up.
        """
        live, record = self._find(rollout)
        if record.mine:
            return await self._keep(live, record, reason)
        refused = self._nothing_to_drive(record) or await self._driven(live, record, reason)
        if refused is not None:
            return await self._refuse(live, record, TAKEN, reason, refused)
        before = record.last_lease.holder.name if record.last_lease is not None else record.rollout.started_by.name
        await self._hold(live, record, f"{self._parts.around.actor.name} took the wheel from {before}.", reason)
        self._forward.drive(live, record, reason)
        if not await self._arrives(record):
            return await self._refuse(live, record, TAKEN, reason, no("The wheel could not be taken: somebody else was first.").reasons)
        lost.found(record)
        await self._recovery.read_open(live, record)
        self._parts.touch(live, record)
        return Answer(YES, record.id, await self._read(live, record))

    async def hand_over(self, rollout: str, note: str, to: str) -> Answer:
        """Let the wheel go with a note once the step under way is over; the rollout stays as it is, and is held where nobody takes it.

        One that another console of the same person has is handed over there.
        """
        live, record = self._find(rollout)
        if record.mine:
            words = await self._leave(record, note, to)
        else:
            words = await self._leave_elsewhere(live, record, note, to)
        if words is not None:
            return await self._refuse(live, record, HAND_OVER, note, words)
        return Answer(YES, record.id, f"The wheel is free for {to or 'whoever takes it'}.")

    async def _leave(self, record: LiveRollout, note: str, to: str) -> tuple[str, ...] | None:
        """Let this console's driver end, and return why it did not."""
        driver = record.driver
        if driver is None:
            return ("This console is just letting the wheel go.",)
        record.leaving = (note or f"Handed over by {self._parts.around.actor.name} without a note.", to)
        record.wake.set()
        ticking = asyncio.ensure_future(self._parts.around.sleep(LEAVE_S))
        done, _ = await asyncio.wait({driver, ticking}, return_when=asyncio.FIRST_COMPLETED)
        ticking.cancel()
        if driver not in done:
            record.leaving = None
            return ("A step is under way that takes long: its outcome has to be known first.",)
        record.adopted = False
        return None

    async def _leave_elsewhere(self, live: LiveTarget, record: LiveRollout, note: str, to: str) -> tuple[str, ...] | None:
        """Let another console of the same person hand over, and return why it did not."""
        lease = (await self._look(live, record)).live
        if lease is None or lease.holder.name != self._parts.around.actor.name:
            who = "nobody drives it" if lease is None else f"{lease.holder.name} drives it"
            return (f"This console does not have the wheel of {record.id}: {who}.",)
        await wheelask.ask(self._parts, live, record, note, to)
        if await self._given_up(live, record, LEAVE_S, token=lease.token):
            return None
        return (f"{lease.holder.console}, which drives {record.id}, did not hand it over in {LEAVE_S:g} s.",)

    async def answer_asks(self, live: LiveTarget, record: LiveRollout) -> None:
        """Give the wheel to who asks, where it is held to watch only or the same person asks; another person who drives is told instead."""
        if not record.mine or record.leaving is not None or record.lease is None:
            return
        ask = await wheelask.newest(self._parts.around.store, record.id, record.lease)
        if ask is None or ask.seq == record.asked_seq:
            return
        record.asked_seq = ask.seq
        if record.adopted or self._recovery.agent or ask.by.name == self._parts.around.actor.name:
            asked = f"{ask.by.name} asked for it" + (f": {ask.reason}" if ask.reason else "")
            note = asked if ask.to == ask.by.console else ask.reason or asked
            await self.hand_over(record.id, note, ask.to)
        else:
            wheelask.tell(self._parts, live, record, ask)

    def _find(self, rollout: str) -> tuple[LiveTarget, LiveRollout]:
        record = self._parts.records.get(rollout)
        if record is None:
            raise NotAllowed(f"There is no rollout {rollout} on the targets that are watched.")
        return self._parts.target(record.rollout.plan.target), record

    async def _keep(self, live: LiveTarget, record: LiveRollout, reason: str) -> Answer:
        """Make a wheel that this console holds to watch the person's own."""
        around, adopted = self._parts.around, record.adopted
        lost.found(record)
        if record.rollout.auto_back_at is not None and record.rollout.phase is not Phase.STOPPED:
            note = f"{around.actor.name} took the wheel: the countdown was stopped."
            what = RolloutChange(clear_auto_back=True, note=note)
            await records.change_anyhow(self._parts, live, record, what, By(around.actor, TAKEN, reason, person=True))
        elif adopted:
            await around.note(self._entry(RecordKind.TAKEOVER, live, record, TAKEN, reason, "taken"))
        self._parts.touch(live, record)
        return Answer(YES, record.id, "You drive it." if adopted else "You drive it already.")

    def _nothing_to_drive(self, record: LiveRollout) -> tuple[str, ...] | None:
        phase = record.rollout.phase
        if phase.over:
            return (f"{record.id} is {phase.value}: there is nothing to drive.",)
        if phase in {Phase.ABORTING, Phase.BACK_STOPPED}:
            return (f"{record.id} is going back: anyone with the role drives that, without a wheel. Roll back sends it once more.",)
        return None

    async def _driven(self, live: LiveTarget, record: LiveRollout, reason: str) -> tuple[str, ...] | None:
        """Return why a wheel cannot be taken from who has it; None when it is free, left behind, or was given up for the asking."""
        seen = await self._look(live, record)
        if seen.live is None or record.lost is not None:
            return None
        await wheelask.ask(self._parts, live, record, reason, self._parts.around.actor.console)
        return None if await self._given_up(live, record, ASK_S) else driven_words(record, seen.live, seen)

    async def _given_up(self, live: LiveTarget, record: LiveRollout, limit_s: float, *, token: int | None = None) -> bool:
        """Tell whether a wheel is let go within a time; with the token of its holder, one that the next driver took at once was, too."""
        ends = self._parts.around.clock.elapsed() + limit_s
        while self._parts.around.clock.elapsed() < ends:
            await self._parts.around.sleep(0.25)
            lease = (await self._look(live, record)).live
            if lease is None or (token is not None and lease.token != token):
                return True
        return False

    async def _look(self, live: LiveTarget, record: LiveRollout) -> WheelSeen:
        seen = await self._parts.around.store.wheel.seen(record.id)
        lost.look(self._parts, live, record, seen)
        return seen

    async def _hold(self, live: LiveTarget, record: LiveRollout, note: str, reason: str) -> None:
        """Hold what would go on, before the wheel is taken, so that nothing advances by it."""
        record.rollout = await self._parts.around.store.journal.rollout(record.id)
        phase = record.rollout.phase
        if phase in {Phase.PLANNED, Phase.RUNNING}:
            what = RolloutChange(phase=Phase.HELD, note=f"{note} Held at {record.rollout.asked_weight} %.", clear_auto_back=True)
        elif phase in {Phase.HELD, Phase.UNKNOWN} and record.rollout.auto_back_at is not None:
            what = RolloutChange(clear_auto_back=True, note=note)
        else:
            return
        await records.change_anyhow(self._parts, live, record, what, By(self._parts.around.actor, TAKEN, reason, person=True))

    async def _arrives(self, record: LiveRollout) -> bool:
        ends = self._parts.around.clock.elapsed() + PATIENCE_S + 5.0
        while not record.mine and record.driver_works and self._parts.around.clock.elapsed() < ends:
            await self._parts.around.sleep(0.1)
        return record.mine

    async def _read(self, live: LiveTarget, record: LiveRollout) -> str:
        """Read the target back, and say what it does."""
        try:
            async with asyncio.timeout(5.0):
                split = await live.connections.router.split()
        except (ConsoleError, TimeoutError):
            return "The target cannot be read now: look before you resume."
        live.split.took(split, split.at)
        return f"Read back: {split.weights.get(record.rollout.plan.canary, 0.0):g} % on the canary."

    async def _refuse(self, live: LiveTarget, record: LiveRollout, verb: str, reason: str, words: tuple[str, ...]) -> Answer:
        self._parts.notes.refused(live, self._parts.around.actor, verb, reason, words[0])
        await self._parts.around.note(self._entry(RecordKind.REFUSAL, live, record, verb, reason, words[0]))
        return Answer(Decision(False, words, "Going back is open: hold, step down, roll back, kill flag."), record.id)

    def _entry(self, kind: RecordKind, live: LiveTarget, record: LiveRollout, verb: str, reason: str, result: str) -> Entry:
        detail = {} if record.held_token is None else {"token": record.held_token}
        around, plan = self._parts.around, record.rollout.plan
        return Entry(kind, around.actor, around.clock.now(), verb, live.name, record.id, reason, result, plan.hash, detail)


def driven_words(record: LiveRollout, lease: Lease, seen: WheelSeen) -> tuple[str, ...]:
    """Say who drives, and how to get the wheel."""
    return (
        f"{lease.holder.name} drives {record.id} from {lease.holder.console}, and renewed the wheel {span(seen.silent_s)} ago.",
        f"{lease.holder.name} was asked for a handover. Once nothing is heard of that console for {lost.ALARM_S:g} s, it can be taken.",
    )
