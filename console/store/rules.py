"""What the journal refuses: stale writes, steps under a lost wheel, steps after forward is over, and double settlements."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import RowMapping

from console.model.errors import NotAllowed, StaleWrite
from console.model.rollout import Intent, Lease, Phase, Rollout, StepState
from console.model.stores import RolloutChange
from console.store.redact import redact_text
from console.store.rows import history_text, stamp, stamp_or_none

Row = Mapping[str, Any] | RowMapping

_FORWARD_PHASES = {Phase.PLANNED, Phase.RUNNING}


def stale(rollout_id: str) -> StaleWrite:
    """Return what to raise when a rollout was changed by somebody else."""
    return StaleWrite(
        f"{rollout_id} was changed by somebody else meanwhile.",
        means="Nothing was written.",
        advice="Look at it as it stands now, and decide again.",
    )


def sent_before(step_id: str) -> StaleWrite:
    """Return what to raise when a step's id was used."""
    return StaleWrite(f"Step {step_id} was sent before.", means="It is not sent twice.", advice="Read the target back to see what it did.")


def still_on_its_way(rollout_id: str, target: str) -> NotAllowed:
    """Return what to raise when a target has a rollout already."""
    return NotAllowed(
        f"{rollout_id} is still on its way on {target}.",
        means="One target has one rollout at a time.",
        advice=f"Finish or abort {rollout_id} first.",
    )


def check_forward(row: Row, lease: Lease | None, intent: Intent, now: datetime) -> None:
    """Raise StaleWrite or NotAllowed when a forward step may not be sent in this rollout (I3, I4), under this token, by this plan."""
    rollout = intent.rollout
    if row["closed"] or Phase(row["phase"]).forward_closed:
        raise NotAllowed(
            f"Forward is over in {rollout.id} ({row['phase']}).",
            means="No forward step may follow in this rollout.",
            advice="Make a new plan to go forward again.",
        )
    if row["revision"] != rollout.revision:
        raise stale(rollout.id)
    if row["plan_hash"] != rollout.plan.hash or sha256(row["plan"].encode()).hexdigest() != row["plan_hash"]:
        raise NotAllowed(
            f"The plan of {rollout.id} is not the one that was recorded.",
            means="It was changed after it was approved.",
            advice="Make a new plan; run `audit verify`.",
        )
    _check_wheel(lease, intent, now)


def _check_wheel(lease: Lease | None, intent: Intent, now: datetime) -> None:
    if lease is not None and intent.token == lease.token and lease.expires_at > now:
        return
    if lease is None or lease.expires_at <= now:
        why = "nobody holds it now"
    else:
        why = f"{lease.holder.name} holds it with token {lease.token}, this step has {intent.token}"
    raise NotAllowed(
        f"This step does not have the wheel of {intent.rollout.id}: {why}.",
        means="It was not sent.",
        advice="Read the rollout again, and take the wheel when it is free.",
    )


def changed_values(row: Row, rollout: Rollout, change: RolloutChange) -> dict[str, Any]:
    """Return what a change writes into a rollout's row. Raises StaleWrite, or NotAllowed when it would reopen what is over (I4)."""
    if row["revision"] != rollout.revision:
        raise stale(rollout.id)
    values: dict[str, Any] = {"revision": row["revision"] + 1}
    if change.phase is not None:
        values |= _phase_values(row, change.phase)
    elif change.auto_back_at is not None and Phase(row["phase"]).absorbs:
        raise _over_already(row, "it counts down no more")
    if change.raise_token:
        values["token"] = row["token"] + 1
    if change.clear_auto_back:
        values["auto_back_at"] = None
    given: dict[str, Any] = {
        "stage": change.stage,
        "stage_since": stamp_or_none(change.stage_since),
        "asked_weight": change.asked_weight,
        "note": None if change.note is None else redact_text(change.note),
        "auto_back_at": None if change.auto_back_at is None else stamp(change.auto_back_at),
        "ended_at": stamp_or_none(change.ended_at),
        "history": history_text(change.history),
    }
    values |= {name: value for name, value in given.items() if value is not None}
    if ends_countdown(Phase(str(values.get("phase", row["phase"])))):
        values["auto_back_at"] = None
    return values


def ends_countdown(phase: Phase) -> bool:
    """Tell whether nothing counts down in a phase, whatever a change says."""
    return phase.absorbs


def _over_already(row: Row, what: str) -> NotAllowed:
    return NotAllowed(
        f"{row['id']} is {row['phase']}; {what}.",
        means="Forward is over in this rollout.",
        advice="Make a new plan to go forward again.",
    )


def _phase_values(row: Row, phase: Phase) -> dict[str, Any]:
    before = Phase(row["phase"])
    reopened = phase in _FORWARD_PHASES | {Phase.DONE} and bool(row["closed"])
    revived = before.absorbs and phase in {Phase.HELD, Phase.STOPPED, Phase.UNKNOWN}
    if reopened or revived:
        raise _over_already(row, f"it cannot be {phase.value} again")
    return {"phase": phase.value, "over": int(phase.over), "closed": int(bool(row["closed"]) or phase.forward_closed)}


def check_settle(state: StepState, step_id: str) -> None:
    """Raise StaleWrite when a step is settled already; one that is unknown may still be settled."""
    if state in {StepState.CONFIRMED, StepState.FAILED, StepState.SKIPPED}:
        raise StaleWrite(
            f"Step {step_id} is already {state.value}.",
            means="What became of it is not overwritten.",
            advice="Look at it as it stands now.",
        )
