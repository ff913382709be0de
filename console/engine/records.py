"""Changes of a rollout's row: compare-and-set with an audit record, then told to whoever listens."""

from dataclasses import replace
from datetime import datetime

from console.engine.by import By as By
from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget
from console.model.audit import Entry, RecordKind
from console.model.errors import NotAllowed, StaleWrite, StoreError
from console.model.events import Event, MoveRefused, PhaseChanged, StepSettled
from console.model.plan import PlanKind
from console.model.rollout import Actor, Phase, Rollout, StepRow, StepState
from console.model.stores import RolloutChange
from console.model.verbs import State
from console.model.views import Marker, Notice, UnknownView

STATE_OF_PHASE = {
    Phase.PLANNED: State.PLANNED,
    Phase.RUNNING: State.IN_ROLLOUT,
    Phase.HELD: State.HELD,
    Phase.STOPPED: State.FAILED,
    Phase.UNKNOWN: State.UNKNOWN,
    Phase.ABORTING: State.ROLLING_BACK,
    Phase.BACK_STOPPED: State.FAILED,
    Phase.DONE: State.HEALTHY,
    Phase.ROLLED_BACK: State.HELD,
    Phase.ABORTED: State.HELD,
}

_LEVEL = {
    Phase.STOPPED: "fail",
    Phase.UNKNOWN: "unknown",
    Phase.BACK_STOPPED: "fail",
    Phase.HELD: "unknown",
    Phase.DONE: "ok",
    Phase.ROLLED_BACK: "ok",
    Phase.ABORTED: "ok",
}


async def change(parts: Parts, live: LiveTarget, record: LiveRollout, what: RolloutChange, by: By) -> None:
    """Change a rollout's row and tell it. Raises StaleWrite when another process changed it first, CannotRecord."""
    before = record.rollout
    record.rollout = await parts.around.store.journal.change(before, what, _entry(parts.around.clock.now(), before, what, by))
    _tell(parts, live, record, before)
    parts.notes.changed(live, before, record.rollout, by)


async def change_anyhow(parts: Parts, live: LiveTarget, record: LiveRollout, what: RolloutChange, by: By) -> None:
    """Change a rollout's row for a backward move: read anew where somebody was first, and go on in memory where nothing can be written."""
    for _ in range(0 if record.in_memory else 5):
        try:
            await change(parts, live, record, what, by)
        except StaleWrite:
            if not await _read_anew(parts, record):
                break
            if record.rollout.phase.over:
                return
        except StoreError as error:
            record.unrecorded = error.message
            break
        except NotAllowed:
            await _read_anew(parts, record)
            return
        else:
            return
    before = record.rollout
    record.rollout = _in_memory(before, what)
    record.unwritten.append((what, by, parts.around.clock.now()))
    _tell(parts, live, record, before)
    parts.notes.changed(live, before, record.rollout, by)


async def write_late(parts: Parts, live: LiveTarget, record: LiveRollout) -> None:
    """Write what a way back changed while nothing could be written, in its order, with the instants at which it was changed.

    A rollout that somebody else ended meanwhile stays as they ended it. Raises StoreError, and the rest is tried again.
    """
    if record.in_memory:
        return
    while record.unwritten:
        what, by, at = record.unwritten[0]
        fresh = await parts.around.store.journal.rollout(record.id)
        if fresh.phase.over:
            record.unwritten.clear()
        else:
            try:
                fresh = await parts.around.store.journal.change(fresh, what, _entry(at, fresh, what, by))
            except StaleWrite:
                return  # somebody changes it now
            record.unwritten.pop(0)
        if not record.unwritten:
            overtaken(parts, live, record, fresh)


def overtaken(parts: Parts, live: LiveTarget, record: LiveRollout, fresh: Rollout) -> None:
    """Take what another process made of a rollout, and tell it here as if it had happened here; that process tells people outside."""
    before, record.rollout = record.rollout, fresh
    _tell(parts, live, record, before)


async def _read_anew(parts: Parts, record: LiveRollout) -> bool:
    try:
        record.rollout = await parts.around.store.journal.rollout(record.id)
    except StoreError as error:
        record.unrecorded = error.message
        return False
    return True


def settled(parts: Parts, live: LiveTarget, record: LiveRollout, row: StepRow, text: str) -> None:
    """Tell that a step was settled, mark it on the charts, and keep what is not known of it."""
    if row.state is StepState.UNKNOWN:
        what = f"{row.step.verb.value} on {row.step.system}"
        record.unknowns[row.id] = UnknownView(row.id, what, row.sent_at, row.detail, row.read_back_at)
    else:
        record.unknowns.pop(row.id, None)
    state = {StepState.CONFIRMED: State.HEALTHY, StepState.FAILED: State.FAILED, StepState.SKIPPED: State.WAIVED}.get(
        row.state, State.UNKNOWN
    )
    record.markers.append(Marker(row.read_back_at or parts.around.clock.now(), text, state))
    parts.outbox.tell(StepSettled(parts.around.clock.now(), live.name, record.id, row))
    parts.touch(live, record)


async def refuse(parts: Parts, live: LiveTarget, actor: Actor, verb: str, reason: str, refused: str) -> None:
    """Record and tell that something was refused."""
    rollout, now = live.rollout.id if live.rollout is not None else "", parts.around.clock.now()
    parts.outbox.tell(MoveRefused(now, live.name, rollout, verb, refused))
    parts.notes.refused(live, actor, verb, reason, refused)
    await parts.around.note(Entry(RecordKind.REFUSAL, actor, now, verb, target=live.name, rollout=rollout, reason=reason, result=refused))


def tell(parts: Parts, event: Event) -> None:
    """Tell an event."""
    parts.outbox.tell(event)


def _entry(now: datetime, before: Rollout, what: RolloutChange, by: By) -> Entry:
    phase = what.phase or before.phase
    detail = {"phase": phase.value, "was": before.phase.value}
    if what.note:
        detail["note"] = what.note
    if what.stage is not None:
        detail["stage"] = str(what.stage)
    return Entry(
        RecordKind.PHASE,
        by.actor,
        now,
        by.verb,
        target=before.plan.target,
        rollout=before.id,
        reason=by.reason,
        result=phase.value,
        plan_hash=before.plan.hash,
        detail=detail,
    )


def _in_memory(before: Rollout, what: RolloutChange) -> Rollout:
    """Return the row as it would be, for when it cannot be written."""
    phase = what.phase or before.phase
    return replace(
        before,
        phase=phase,
        stage=before.stage if what.stage is None else what.stage,
        stage_since=what.stage_since or before.stage_since,
        asked_weight=before.asked_weight if what.asked_weight is None else what.asked_weight,
        note=before.note if what.note is None else what.note,
        auto_back_at=None if what.clear_auto_back or phase.absorbs else what.auto_back_at or before.auto_back_at,
        ended_at=what.ended_at or before.ended_at,
    )


def _tell(parts: Parts, live: LiveTarget, record: LiveRollout, before: Rollout) -> None:
    after, now = record.rollout, parts.around.clock.now()
    if after.phase is Phase.DONE and after.plan.kind in {PlanKind.ROLLOUT, PlanKind.SWITCH}:
        live.last_done = after
    parts.touch(live, record)
    record.wake.set()
    if after.phase is before.phase and after.note == before.note:
        return
    parts.outbox.tell(PhaseChanged(now, live.name, record.id, after.phase, after.note))
    if after.phase is before.phase:
        return
    record.markers.append(Marker(now, after.phase.value, STATE_OF_PHASE[after.phase]))
    level = _LEVEL.get(after.phase)
    if level is not None:
        title = f"{live.target.title} {after.plan.release}: {after.phase.value}"
        parts.outbox.notice(Notice(now, level, title, after.note, live.name, record.id))
