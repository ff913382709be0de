"""Notices that whoever drives a rollout is not heard of any more, and says so to everybody."""

from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget, Lost
from console.engine.wheel import span
from console.model.events import HolderLost
from console.model.rollout import Phase
from console.model.stores import WheelSeen
from console.model.views import Notice

ALARM_S = 10.0
"""Without a renewal for so long, the others are alarmed."""


def look(parts: Parts, live: LiveTarget, record: LiveRollout, seen: WheelSeen) -> None:
    """Take in how the wheel of a rollout that is not driven here stands: who has it, and whether its holder is missed."""
    lease, own = seen.lease, parts.around.actor.console
    if lease is not None:
        record.last_lease = lease
    if record.lease != seen.live:
        record.lease = seen.live
        parts.touch(live, record)
    if lease is None or lease.holder.console == own or record.rollout.phase.over:
        return
    silent = seen.silent_s >= ALARM_S or not parts.alive(lease.holder)
    if silent and (record.lost is None or record.lost.holder != lease.holder):
        _alarm(parts, live, record, Lost(lease.holder, lease.renewed_at), seen)
    elif not silent and record.lost is not None:
        record.lost = None
        parts.touch(live, record)


def found(record: LiveRollout) -> None:
    """Note that a person took over, so that nobody is missed any more."""
    record.lost, record.adopted = None, False


def where(record: LiveRollout) -> str:
    """Say where a rollout stands that nobody drives."""
    rollout = record.rollout
    traffic = f"{rollout.asked_weight} %" if rollout.stage >= 0 or rollout.asked_weight else "no traffic yet"
    held = "held at" if rollout.phase in {Phase.HELD, Phase.UNKNOWN} else "at"
    return f"{rollout.id} is {held} {traffic}"


def _alarm(parts: Parts, live: LiveTarget, record: LiveRollout, lost: Lost, seen: WheelSeen) -> None:
    record.lost = lost
    now = parts.around.clock.now()
    parts.outbox.tell(HolderLost(now, live.name, record.id, lost.holder.name, lost.since))
    title = f"{live.target.title}: {lost.holder.name}'s console is lost"
    text = (
        f"Nothing was heard of it for {span(seen.silent_s)}. {where(record)}, and no step follows. "
        "Anyone with the role can go back; take the wheel to go on."
    )
    parts.outbox.notice(Notice(now, "fail", title, text, live.name, record.id))
    parts.notes.driver_lost(live, record, lost)
    parts.touch(live, record)
