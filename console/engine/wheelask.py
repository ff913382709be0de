"""Asks who drives for the wheel: a record that every console reads."""

from dataclasses import dataclass

from console.engine.adoption import WHEEL
from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget
from console.model.audit import AuditFilter, Entry, RecordKind
from console.model.rollout import Actor, Lease
from console.model.stores import Handover, Store
from console.model.views import Notice
from console.model.wheel import ASKED


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks for a wheel, why, and for whom: a console or a person, "" for whoever takes it."""

    seq: int
    by: Actor
    reason: str
    to: str


async def ask(parts: Parts, live: LiveTarget, record: LiveRollout, reason: str, to: str) -> None:
    """Ask for the wheel of a rollout; nothing happens when that cannot be recorded."""
    around, plan = parts.around, record.rollout.plan
    entry = Entry(
        RecordKind.TAKEOVER, around.actor, around.clock.now(), ASKED, live.name, record.id, reason, "asked", plan.hash, {"to": to}
    )
    await around.note(entry)


async def newest(store: Store, rollout: str, lease: Lease) -> Ask | None:
    """Return the newest request of another console for a wheel since it was taken under this lease. Raises StoreError."""
    for record in await store.audit.page(AuditFilter(kinds=WHEEL, rollout=rollout), None, 1):
        entry = record.entry
        if entry.verb == ASKED and entry.actor.console != lease.holder.console:
            return Ask(record.seq, entry.actor, entry.reason, str(entry.detail.get("to", "")))
    return None


def tell(parts: Parts, live: LiveTarget, record: LiveRollout, asked: Ask) -> None:
    """Tell the person who drives that somebody asks."""
    why = f" {asked.reason}." if asked.reason else ""
    title = f"{asked.by.name} asks for the wheel of {record.id}"
    text = f"{live.target.title}: hand it over with a note, or keep it.{why}"
    parts.outbox.notice(Notice(parts.around.clock.now(), "unknown", title, text, live.name, record.id))


def receive(parts: Parts, live: LiveTarget, record: LiveRollout, given: Handover | None) -> None:
    """Keep how a wheel was handed over, and tell the person to whom it was."""
    before, record.handover, own = record.handover, given, parts.around.actor
    if given is None or given == before or given.by.console == own.console or given.to not in {own.name, own.console}:
        return
    title = f"{given.by.name} hands you the wheel of {record.id}"
    text = f"{live.target.title}: {given.note} Take the wheel to go on; until then nothing advances."
    parts.outbox.notice(Notice(parts.around.clock.now(), "unknown", title, text, live.name, record.id))
