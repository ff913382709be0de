"""Says that this process is alive, knows which others are, and compares the clocks meanwhile."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from console import __version__
from console.engine.asking import Asking
from console.engine.outbox import Outbox
from console.engine.surroundings import Surroundings
from console.model.errors import ConsoleError
from console.model.plan import Plan
from console.model.stores import ConsoleSeen
from console.model.views import Notice
from console.policy.clocks import ClockSkew

LOG = logging.getLogger(__name__)

BEAT_S = 10.0
ALIVE_S = 35.0
"""A process that did not say so for this long does not count as alive."""

KEEP_DAYS = 30
"""So long are the judge's counts of a rollout kept after its end; its verdicts stay in the audit."""

ACTING = frozenset({"desktop", "agent"})
"""Kinds of consoles that can take a wheel; a command ends by itself."""


class Others:
    """Who is alive on these records. `kind` is what this process is: desktop, agent, or a command (cli)."""

    def __init__(self, around: Surroundings, asking: Asking, outbox: Outbox, kind: str) -> None:
        self._around, self._asking, self._outbox, self._kind = around, asking, outbox, kind
        self._said = self._broken = False
        self.alive: tuple[ConsoleSeen, ...] = ()
        """Processes that were alive when it was last read, this one included."""

    @property
    def can_act(self) -> tuple[ConsoleSeen, ...]:
        """Return who could take the wheel if this process were lost."""
        return tuple(each for each in self.alive if each.kind in ACTING and each.console != self._around.actor.console)

    def consoles(self) -> frozenset[str]:
        """Return which consoles were alive when it was last read, this one among them."""
        return frozenset({self._around.actor.console, *(each.console for each in self.alive)})

    async def watch(self) -> None:
        """Say it again and again; records that cannot be written are asked again later. A command that is over soon says nothing.

        An outer door: a bug here is logged, told once, and does not end the watch.
        """
        beat = self._say if self._kind in ACTING else self.look
        while True:
            try:
                await beat()
                self._broken = False
            except Exception as error:
                LOG.exception("saying who is alive broke")
                self._tell(error)
            beat = self._say
            await self._around.sleep(BEAT_S)

    async def look(self) -> None:
        """Read who is alive; what was read before stands where that fails."""
        try:
            self.alive = tuple(await self._around.store.consoles.alive(ALIVE_S))
        except ConsoleError as error:
            LOG.info("who is alive cannot be read: %s", error)

    async def leave(self) -> None:
        """Say that this process ends."""
        if not self._said:
            return
        try:
            await self._around.store.consoles.gone(self._around.actor.console)
        except ConsoleError as error:
            LOG.info("leaving was not recorded: %s", error)

    def _tell(self, error: Exception) -> None:
        if self._broken:
            return
        self._broken = True
        text = f"The console made an error: {type(error).__name__}. See the log. Others may not see that this console is alive."
        self._outbox.notice(Notice(self._around.clock.now(), "unknown", "Who is alive is not known now", text))

    async def _say(self) -> None:
        around = self._around
        own = ConsoleSeen(around.actor.console, around.actor.name, __version__, self._kind, around.clock.now())
        began = around.clock.now()
        try:
            theirs = await around.store.consoles.here(own)
            self._said = True
        except ConsoleError as error:
            LOG.info("being alive was not recorded: %s", error)
            return
        self._compare(theirs, began)
        await self.look()

    def _compare(self, theirs: datetime, began: datetime) -> None:
        """Keep how far the records' clock is off: against the middle of the time that asking took."""
        middle = began + (self._around.clock.now() - began) / 2
        self._asking.records_are_ahead((theirs - middle).total_seconds())


def alone_words(plan: Plan, others: Sequence[ConsoleSeen], skew: ClockSkew) -> tuple[str, ...]:
    """Say before a start what happens when this console is lost, where nobody else could act, and which clock is off."""
    words = []
    if not others:
        words.append("Nobody else can take the wheel: no other console or agent is alive. If this one is lost, traffic stays as it is.")
        if plan.return_if_lost_s is not None:
            words.append("The file wants traffic back on stable when the driver is lost: only another console or an agent can do that.")
    if skew.warn:
        words.append(f"Clocks disagree: {skew.text}." + (" Nothing goes forward until they agree." if skew.held else ""))
    return tuple(words)


async def prune(around: Surroundings) -> None:
    """Forget the judge's counts of rollouts that ended long ago."""
    try:
        gone = await around.store.samples.prune(around.clock.now() - timedelta(days=KEEP_DAYS))
    except ConsoleError as error:
        LOG.info("old counts were not pruned: %s", error)
        return
    if gone:
        LOG.info("%d counts of rollouts that ended %d days ago were forgotten", gone, KEEP_DAYS)
