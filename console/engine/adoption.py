"""Which rollouts that nobody drives a console takes to itself: to judge them on, and to take traffic back where the plan says so."""

from dataclasses import dataclass
from datetime import timedelta

from console.engine import records, rejudging
from console.engine.forward import Forward
from console.engine.parts import Parts
from console.engine.records import By
from console.engine.state import LiveRollout, LiveTarget
from console.model.audit import AuditFilter, RecordKind
from console.model.rollout import Phase
from console.model.stores import Handover, RolloutChange, Store
from console.model.wheel import ASKED, HANDED_OVER

RECEIVE_S = 60.0
"""A wheel that was handed to somebody waits so long for them before another console watches the rollout."""

WHEEL = frozenset({RecordKind.TAKEOVER})


@dataclass(frozen=True, slots=True)
class Watching:
    """`keeps` lets a console watch what others left; `agent` lets it go on with what is handed over to it, or to anyone."""

    keeps: bool = False
    agent: bool = False


class Adoption:
    """Takes wheels by itself, to watch; a person may have them for the asking."""

    def __init__(self, parts: Parts, forward: Forward, watching: Watching) -> None:
        self._parts, self._forward, self._watching = parts, forward, watching

    @property
    def agent(self) -> bool:
        """Tell whether this console drives without a person."""
        return self._watching.agent

    def receives(self, record: LiveRollout) -> bool:
        """Tell whether a wheel was just handed to this agent, or to anyone; a rollout that goes on then goes on here.

        Only just: an agent that starts long after takes up no old handover, since nobody looks at what would go on then.
        """
        given, own = record.handover, self._parts.around.actor
        if not self._watching.agent or given is None or given.by.console == own.console or record.rollout.phase.over:
            return False
        if self._parts.around.clock.now() - given.at > timedelta(seconds=RECEIVE_S):
            return False
        return given.to in {"", own.console} and record.rollout.phase is not Phase.ABORTING

    def adopts(self, record: LiveRollout) -> bool:
        """Tell whether this console watches a rollout that nobody drives; what was handed to somebody else waits for them first."""
        given, keeps = record.handover, self._watching.keeps or record.stays
        if not keeps or given is None or self.receives(record):
            return keeps
        return self._parts.around.clock.now() - given.at > timedelta(seconds=RECEIVE_S)

    async def adopt(self, live: LiveTarget, record: LiveRollout) -> None:
        """Take the wheel of a rollout to watch it, with the judge as its samples have it, and the countdown of a driver that was lost."""
        if record.driver_works:
            return
        await rejudging.again(self._parts, live, record)
        await self._count_down(live, record)
        # What goes on and was handed over goes on; all else is watched only, until a person asks for it.
        record.adopted = not (self.receives(record) and record.rollout.phase in {Phase.PLANNED, Phase.RUNNING})
        if record.lost is not None:
            reason = f"{record.lost.holder.name}'s console was lost: watched from here"
        else:
            reason = f"handed over by {record.handover.by.name}" if record.handover is not None else "nobody drove it: watched from here"
        self._forward.drive(live, record, reason)

    async def _count_down(self, live: LiveTarget, record: LiveRollout) -> None:
        """Begin the countdown to stable where the plan wants it for a lost driver; once for each loss, so that Hold stops it for good."""
        rollout, lost, after_s = record.rollout, record.lost, record.rollout.plan.return_if_lost_s
        if lost is None or after_s is None or record.counted == lost or rollout.phase not in {Phase.HELD, Phase.UNKNOWN}:
            return
        record.counted = lost
        if rollout.asked_weight == 0 and rollout.stage < 0:
            return
        at = max(self._parts.around.clock.now(), lost.since + timedelta(seconds=after_s))
        note = f"{lost.holder.name}'s console was lost, so traffic goes back to stable at {at:%H:%M:%S} UTC. Hold stops that."
        what = RolloutChange(auto_back_at=at, note=note)
        await records.change_anyhow(self._parts, live, record, what, By(self._parts.around.actor, "driver lost"))


async def last_handover(store: Store, rollout: str) -> Handover | None:
    """Return how a rollout's wheel was handed over, None when it was not, or was taken since. Raises StoreError."""
    for record in await store.audit.page(AuditFilter(kinds=WHEEL, rollout=rollout), None, 10):
        entry = record.entry
        if entry.verb == HANDED_OVER:
            return Handover(entry.actor, entry.at, str(entry.detail.get("note", "")), str(entry.detail.get("to", "")))
        if entry.verb != ASKED:
            return None
    return None
