"""The quarantine: a version that was rolled back goes forward again only when a person says so, and so do paused reconcilers."""

from dataclasses import replace

from console.engine.parts import Parts
from console.engine.records import By
from console.engine.state import LiveRollout, LiveTarget
from console.engine.versions import bad_version
from console.model.errors import NotAllowed, StoreError
from console.model.plan import PlanKind
from console.model.rollout import Actor, Rollout
from console.model.verbs import Verb
from console.model.views import QuarantineView

QUARANTINES = frozenset({PlanKind.ROLLOUT, PlanKind.SWITCH, PlanKind.ROLLBACK})
"""Plans whose rollback says that a version is bad."""


async def begin(parts: Parts, live: LiveTarget, record: LiveRollout, by: By) -> None:
    """Quarantine the version that a rollback takes back; where it cannot be recorded it is kept in memory."""
    plan, verb = record.rollout.plan, by.verb
    version = bad_version(live, plan)
    if verb != Verb.ROLLBACK.value or plan.kind not in QUARANTINES or not version or version == plan.stable_version:
        return
    if any(row.rollout == record.id and row.version == version for row in live.quarantined):
        return
    reason = by.reason or record.rollout.note
    await _keep(parts, live, QuarantineView(version, parts.around.clock.now(), by.actor.name, reason, record.id), by, record)


async def undone(parts: Parts, live: LiveTarget, record: LiveRollout, version: str, by: By) -> None:
    """Quarantine the version that an undo of a workload takes away, where it is known which one it was."""
    if not version or version == "unknown" or any(row.version == version and not row.lifted for row in live.quarantined):
        return
    await _keep(parts, live, QuarantineView(version, parts.around.clock.now(), by.actor.name, by.reason, record.id), by, record)


async def paused(parts: Parts, live: LiveTarget, record: LiveRollout, name: str, by: By) -> None:
    """Note that a reconciler is paused, until a person lets it run again."""
    await begin(parts, live, record, By(by.actor, Verb.ROLLBACK.value, by.reason))
    row = next((row for row in live.quarantined if row.rollout == record.id), None)
    if row is not None and name not in row.paused:
        await _keep(parts, live, replace(row, paused=tuple(sorted({*row.paused, name}))), by, record)


async def refresh(parts: Parts, live: LiveTarget) -> None:
    """Read anew what is quarantined on a target, and its last rehearsal; what could not be recorded stands, and is tried again."""
    for row, actor in [due for key, due in live.unkept.items() if key in live.failed_to_keep]:
        await _record(parts, live, row, actor)
    recorded = await parts.around.store.ways.quarantines(live.name)
    unkept = tuple(row for row, _ in live.unkept.values())
    found = (*(row for row in recorded if _key(row) not in live.unkept), *unkept)
    rehearsals = await parts.around.store.ways.rehearsals(live.name, 1)
    rehearsal = rehearsals[0] if rehearsals else None
    if (found, rehearsal) != (live.quarantined, live.rehearsal):
        live.quarantined, live.rehearsal = found, rehearsal
        live.touch()


async def lift(parts: Parts, target: str, version: str, reason: str) -> None:
    """Let a version go forward again. Raises NotAllowed without a reason, or when it is not quarantined."""
    live, around = parts.target(target), parts.around
    if not reason.strip():
        raise NotAllowed("A quarantine is lifted with a reason only.", advice="Say why this version may go forward again.")
    if not await around.store.ways.lift(target, version, around.actor, reason, around.clock.now()):
        known = ", ".join(row.version for row in live.quarantined if not row.lifted) or "none"
        raise NotAllowed(f"{version} is not quarantined on {target}.", advice=f"Quarantined there: {known}.")
    await refresh(parts, live)


async def resumed(parts: Parts, live: LiveTarget, rollout: Rollout) -> None:
    """Note that what was paused runs again. Raises CannotRecord."""
    around = parts.around
    await around.store.ways.resumed(live.name, rollout.started_by, rollout.reason, around.clock.now())
    await refresh(parts, live)


async def _keep(parts: Parts, live: LiveTarget, row: QuarantineView, by: By, record: LiveRollout) -> None:
    others = tuple(each for each in live.quarantined if _key(each) != _key(row))
    live.quarantined = (*others, row)
    live.unkept[_key(row)] = row, by.actor
    live.touch()
    problem = await _record(parts, live, row, by.actor)
    record.unrecorded = record.unrecorded or problem


async def _record(parts: Parts, live: LiveTarget, row: QuarantineView, actor: Actor) -> str:
    """Record a quarantine and return why it could not be, "" when it was."""
    live.failed_to_keep.discard(_key(row))
    try:
        await parts.around.store.ways.quarantine(live.name, row, actor, parts.around.clock.now())
    except (StoreError, NotAllowed) as error:
        live.failed_to_keep.add(_key(row))
        return error.message
    if live.unkept.get(_key(row)) == (row, actor):  # else there is more to record by now
        del live.unkept[_key(row)]
    return ""


def _key(row: QuarantineView) -> tuple[str, str]:
    return row.rollout, row.version
