"""The handover card: the step a rollout stands at and why, its open gates, the last note, and what is not known."""

import asyncio

from console.engine import rejudging, systems
from console.engine.adoption import last_handover
from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget
from console.engine.views.charts import weight_of
from console.engine.views.gates import gate_views
from console.model.audit import AuditFilter, RecordKind
from console.model.clock import iso
from console.model.errors import ConsoleError
from console.model.rollout import Phase, StepRow, StepState
from console.model.verbs import Verdict
from console.model.views import HandoverCard, UnknownView

READ_S = 5.0


async def card_of(parts: Parts, live: LiveTarget, record: LiveRollout) -> HandoverCard:
    """Return the card of a rollout, with the target read back now. Raises StoreError when the records cannot be read."""
    store, rollout = parts.around.store, record.rollout
    if not record.mine:
        record.rollout = rollout = await store.journal.rollout(record.id)
        record.rows = {row.id: row for row in await store.journal.steps(record.id)}
        await rejudging.again(parts, live, record)
    await _read_traffic(live)
    seen = await store.wheel.seen(record.id)
    given = await last_handover(store, record.id)
    holder = seen.lease or record.last_lease
    open_rows = [row for row in record.rows_in_order() if row.state in {StepState.SENT, StepState.UNKNOWN, StepState.PLANNED}]
    return HandoverCard(
        rollout=record.id,
        plan_hash=rollout.plan.hash,
        holder=holder.holder.name if holder is not None else rollout.started_by.name,
        token=holder.token if holder is not None else rollout.token,
        renewed_at=holder.renewed_at if holder is not None else None,
        weight=weight_of(live, rollout.plan.canary),
        step=_step(record),
        why=await _why(parts, record),
        gates=tuple(gate for gate in gate_views(record) if gate.verdict is not Verdict.PASS),
        note=f"{given.by.name}: {given.note}" if given is not None else rollout.note,
        unknowns=tuple([await _unknown(live, row) for row in open_rows]),
        queued=tuple(_queued(row) for row in open_rows) + _countdown(record),
    )


async def _read_traffic(live: LiveTarget) -> None:
    """Read the weights now; where that fails, the last reading stands with its age."""
    try:
        async with asyncio.timeout(READ_S):
            split = await live.connections.router.split()
    except (ConsoleError, TimeoutError):
        return
    live.split.took(split, split.at)


def _step(record: LiveRollout) -> str:
    rollout = record.rollout
    total, number = len(rollout.plan.stages), rollout.stage
    if number < 0 or not total:
        return f"{rollout.phase.value}, before the first stage" if total else rollout.phase.value
    words = f"stage {number + 1} of {total}: {rollout.plan.stages[number].weight} %, {rollout.phase.value}"
    return f"{words}, since {iso(rollout.stage_since)}" if rollout.stage_since is not None else words


async def _why(parts: Parts, record: LiveRollout) -> str:
    """Say by whom the last move was made and why, from the records."""
    chosen = AuditFilter(kinds=frozenset({RecordKind.PHASE}), rollout=record.id)
    for kept in await parts.around.store.audit.page(chosen, None, 1):
        entry = kept.entry
        why = entry.reason or str(entry.detail.get("note", ""))
        return f"{entry.verb} by {entry.actor.name} at {iso(entry.at)}" + (f": {why}" if why else "")
    return record.rollout.reason


async def _unknown(live: LiveTarget, row: StepRow) -> UnknownView:
    """Read back what a step wanted, and say whether it took effect; nothing is settled by that."""
    what = f"{row.step.verb.value} on {row.step.system}: {systems.words(row.step.kind, row.step.want)}"
    try:
        async with asyncio.timeout(READ_S):
            found = await systems.read(live, row.step)
    except ConsoleError as error:
        return UnknownView(row.id, what, row.sent_at, f"Cannot be read back: {error.message}", None)
    except TimeoutError:
        return UnknownView(row.id, what, row.sent_at, f"No answer from {row.step.system} in {READ_S:g} s.", None)
    effect = "took effect" if systems.as_wanted(row.step, found.values) else "did not take effect"
    return UnknownView(row.id, what, row.sent_at, f"It {effect}: {systems.words(row.step.kind, found.values)} read back.", found.at)


def _queued(row: StepRow) -> str:
    known = {StepState.UNKNOWN: "effect not confirmed", StepState.SENT: "sent, effect not confirmed"}.get(row.state, "not sent yet")
    return f"{systems.words(row.step.kind, row.step.want)} requested {iso(row.sent_at)} by {row.actor.name}, {known}"


def _countdown(record: LiveRollout) -> tuple[str, ...]:
    at = record.rollout.auto_back_at
    return () if at is None or record.rollout.phase is Phase.RUNNING else (f"traffic goes back to stable by itself at {iso(at)}",)
