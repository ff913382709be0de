"""Tells people outside what this console itself did; each happening is told once in a team, although every console hears of it.

A change of a rollout is written by compare-and-set, so that exactly one console makes it, and that one tells it. Of a lost driver every
other console learns by itself; the one whose record of it stands first in the audit tells it.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable

from console.engine.by import By
from console.engine.notewords import Happening, note_of, of_change, who_words
from console.engine.state import LiveRollout, LiveTarget, Lost
from console.engine.surroundings import Surroundings
from console.engine.teller import Teller
from console.model.audit import AuditFilter, Entry, Record, RecordKind
from console.model.errors import ConsoleError, NotAllowed, StoreError
from console.model.notes import ChannelTried, ChannelView, Note, NoteKind
from console.model.rollout import Actor, Rollout

LOG = logging.getLogger(__name__)

LEAVE_S = 3.0
"""A console that closes waits no longer for what is not told yet."""

TEST_S = 20.0
MISSED = "driver missed"
"""The verb of the record by which consoles agree on who tells of a lost driver."""


class Notifications:
    """The channels of all targets. Nothing here is waited for by what moves traffic, and nothing here raises into it."""

    def __init__(self, around: Surroundings, touch: Callable[[str], None]) -> None:
        self._around, self._touch = around, touch
        self._tellers: dict[str, tuple[Teller, ...]] = {}
        self._leaving: set[Teller] = set()
        self._claims: set[asyncio.Task[None]] = set()

    def take_in(self, live: LiveTarget) -> None:
        """Tell of a target through its channels from now on."""
        known, name = live.connections.notifiers, live.name
        found = [(channel, known[channel.name]) for channel in live.target.notify if channel.name in known]
        self._tellers[name] = tuple(Teller(self._around, name, *each, lambda: self._touch(name)) for each in found)

    def let_go(self, name: str) -> None:
        """Take no more notes of a target; what waits is still told."""
        self._leaving = {each for each in self._leaving if each.task is not None and not each.task.done()}
        for teller in self._tellers.pop(name, ()):
            teller.leave()
            self._leaving.add(teller)

    async def close(self) -> None:
        """Let all channels go; what waits is told first, for a few seconds."""
        for name in list(self._tellers):
            self.let_go(name)
        tasks = {each.task for each in self._leaving if each.task is not None} | self._claims
        if tasks:
            await self._patiently(tasks)
        left = sum(each.left for each in self._leaving)
        for claim in self._claims:
            claim.cancel()
        await asyncio.gather(*self._claims, *(each.end() for each in self._leaving), return_exceptions=True)
        self._leaving.clear()
        if left:
            LOG.warning("%d notes were not told before this console closed", left)

    def views(self, name: str) -> tuple[ChannelView, ...]:
        """Return how a target's channels stand."""
        return tuple(each.view() for each in self._tellers.get(name, ()))

    def changed(self, live: LiveTarget, before: Rollout, after: Rollout, by: By) -> None:
        """Tell what this console has just made of a rollout; an outer door: no note is worth a release, so a bug here is logged."""
        if not self._tellers.get(live.name):
            return
        try:
            happening = of_change(_new_id(), self._around.clock.now(), before, after, by)
            if happening is not None:
                self._tell(live.name, note_of(live.target, after, happening))
        except Exception:
            LOG.exception("telling what happened on %s broke", live.name)

    def refused(self, live: LiveTarget, actor: Actor, verb: str, reason: str, refused: str) -> None:
        """Tell that a move was refused."""
        rollout = live.rollout.rollout if live.rollout is not None and not live.rollout.rollout.phase.over else None
        words = f"{verb} was refused: {refused}"
        happening = Happening(_new_id(), NoteKind.REFUSED, self._around.clock.now(), words, reason, who_words(actor, person=True), True)
        self._tell(live.name, note_of(live.target, rollout, happening))

    def driver_lost(self, live: LiveTarget, record: LiveRollout, lost: Lost) -> None:
        """Tell that a driver was lost, unless another console tells it."""
        if any(NoteKind.DRIVER_LOST in each.channel.on for each in self._tellers.get(live.name, ())):
            claim = asyncio.create_task(self._claim(live, record.rollout, lost), name=f"who tells of {record.id}")
            self._claims.add(claim)
            claim.add_done_callback(self._claims.discard)

    async def test(self, live: LiveTarget, channel: str = "") -> tuple[ChannelTried, ...]:
        """Send a marked test note through a target's channels, or through one, and return what became of each.

        Raises NotAllowed where there is no such channel.
        """
        chosen = [each for each in self._tellers.get(live.name, ()) if channel in {"", each.channel.name}]
        if not chosen:
            what = f"no channel named {channel}" if channel else "no channels"
            raise NotAllowed(f"The file of {live.name} has {what}.", advice="Add one under notify in the target file.")
        who, words = who_words(self._around.actor, person=True), "This is a test of the channel."
        happening = Happening(_new_id(), NoteKind.TEST, self._around.clock.now(), words, "", who, True, "Nothing.")
        note = note_of(live.target, None, happening)
        return tuple(await asyncio.gather(*(each.try_now(note, TEST_S) for each in chosen)))

    async def _patiently(self, tasks: set[asyncio.Task[None]]) -> None:
        """Wait for what is being told, as long as a console that closes can."""
        patience: asyncio.Future[None] = asyncio.ensure_future(self._around.sleep(LEAVE_S))
        told = asyncio.create_task(_over(tasks))
        try:
            await asyncio.wait([patience, told], return_when=asyncio.FIRST_COMPLETED)
        finally:
            patience.cancel()
            told.cancel()
            await asyncio.gather(patience, told, return_exceptions=True)

    def _tell(self, name: str, note: Note) -> None:
        for teller in self._tellers.get(name, ()):
            if teller.wants(note):
                teller.put(note)

    async def _claim(self, live: LiveTarget, rollout: Rollout, lost: Lost) -> None:
        """Tell of a lost driver where this console's record of it is the first; records that cannot be asked do not keep it quiet."""
        key = f"{lost.holder.console} {lost.since.isoformat()}"
        try:
            first = await self._first(rollout, key)
            if first is None:
                detail = {"driver": key}
                entry = Entry(
                    RecordKind.CONSOLE, self._around.actor, self._around.clock.now(), MISSED, live.name, rollout.id, detail=detail
                )
                await self._around.store.audit.append(entry)
                first = await self._first(rollout, key)
        except StoreError as error:
            LOG.info("who tells of the lost driver of %s was not agreed on: %s", rollout.id, error.message)
            first = None
        except ConsoleError as error:
            LOG.info("the lost driver of %s is left to others to tell: %s", rollout.id, error.message)
            return
        if first is not None and first.entry.actor.console != self._around.actor.console:
            return
        words = f"Nothing is heard of {lost.holder.name}'s console since {lost.since:%H:%M:%S} UTC."
        then = f"Take the wheel: release-console wheel take {rollout.id}. Anyone with the role can go back."
        who = who_words(self._around.actor, person=False)
        happening = Happening(_new_id(), NoteKind.DRIVER_LOST, self._around.clock.now(), words, "", who, False, then)
        self._tell(live.name, note_of(live.target, rollout, happening))

    async def _first(self, rollout: Rollout, key: str) -> Record | None:
        chosen = AuditFilter(kinds=frozenset({RecordKind.CONSOLE}), rollout=rollout.id)
        found = await self._around.store.audit.page(chosen, None, 200)
        mine = [each for each in found if each.entry.verb == MISSED and each.entry.detail.get("driver") == key]
        return min(mine, key=lambda each: each.seq, default=None)


async def _over(tasks: set[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)


def _new_id() -> str:
    return f"note_{uuid.uuid4().hex}"
