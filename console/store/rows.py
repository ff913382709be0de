"""Turns rows of the journal into values and back."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from console.model.clock import from_iso
from console.model.plan import Plan
from console.model.rollout import Actor, Intent, Lease, Outcome, Phase, Rollout, StepRow, StepState
from console.store.planjson import plan_of, plan_text, step_of, step_text
from console.store.redact import redact, redact_text


def stamp(moment: datetime) -> str:
    """Return an instant as text of fixed width in UTC with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def stamp_or_none(moment: datetime | None) -> str | None:
    """Return `stamp`, or None for None."""
    return None if moment is None else stamp(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_iso(text)


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def _mapping(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json.loads(text)


def history_text(history: Mapping[str, tuple[int, int]] | None) -> str | None:
    """Return a baseline's history as stored."""
    return _json(None if history is None else {name: list(pair) for name, pair in history.items()})


def _history(text: str | None) -> dict[str, tuple[int, int]] | None:
    return None if text is None else {name: (pair[0], pair[1]) for name, pair in json.loads(text).items()}


def new_rollout(plan: Plan, number: int, actor: Actor, reason: str, at: datetime) -> dict[str, Any]:
    """Return the row of a rollout that was just opened."""
    return {
        "number": number,
        "id": f"R-{number}",
        "target": plan.target,
        "plan": plan_text(plan),
        "plan_hash": plan.hash,
        "phase": Phase.PLANNED.value,
        "started_by": actor.name,
        "console": actor.console,
        "reason": redact_text(reason),
        "started_at": stamp(at),
        "note": "",
        "over": 0,
        "closed": 0,
        "revision": 1,
        "token": 0,
        "stage": -1,
        "asked_weight": 0,
    }


def rollout_of(row: Mapping[str, Any] | RowMapping) -> Rollout:
    """Return the rollout that a row holds. Raises StoreError for a plan that cannot be read."""
    return Rollout(
        id=row["id"],
        plan=plan_of(row["plan"]),
        phase=Phase(row["phase"]),
        revision=row["revision"],
        token=row["token"],
        started_by=Actor(row["started_by"], row["console"]),
        reason=row["reason"],
        started_at=from_iso(row["started_at"]),
        stage=row["stage"],
        stage_since=_moment(row["stage_since"]),
        asked_weight=row["asked_weight"],
        note=row["note"],
        auto_back_at=_moment(row["auto_back_at"]),
        ended_at=_moment(row["ended_at"]),
        history=_history(row["history"]),
    )


def sent_row(intent: Intent, recorded: str) -> StepRow:
    """Return the step of an intent that was just recorded."""
    return StepRow(
        id=intent.step_id,
        rollout=intent.rollout.id,
        step=intent.step,
        state=StepState.SENT,
        actor=intent.actor,
        sent_at=intent.at,
        recorded=recorded,
    )


def step_values(row: StepRow) -> dict[str, Any]:
    """Return a step as stored."""
    return {
        "id": row.id,
        "rollout": row.rollout,
        "step": step_text(row.step),
        "state": row.state.value,
        "actor": row.actor.name,
        "console": row.actor.console,
        "sent_at": stamp(row.sent_at),
        "accepted_at": stamp_or_none(row.accepted_at),
        "read_back_at": stamp_or_none(row.read_back_at),
        "seen": _json(redact(row.seen)),
        "detail": redact_text(row.detail),
        "recorded": row.recorded,
    }


def step_row_of(row: Mapping[str, Any] | RowMapping) -> StepRow:
    """Return the step that a row holds."""
    return StepRow(
        id=row["id"],
        rollout=row["rollout"],
        step=step_of(row["step"]),
        state=StepState(row["state"]),
        actor=Actor(row["actor"], row["console"]),
        sent_at=from_iso(row["sent_at"]),
        accepted_at=_moment(row["accepted_at"]),
        read_back_at=_moment(row["read_back_at"]),
        seen=_mapping(row["seen"]),
        detail=row["detail"],
        recorded=row["recorded"],
    )


def settled_values(outcome: Outcome) -> dict[str, Any]:
    """Return what an outcome changes in a step's row."""
    return {
        "state": outcome.state.value,
        "accepted_at": stamp_or_none(outcome.accepted_at),
        "read_back_at": stamp_or_none(outcome.read_back_at),
        "seen": _json(redact(outcome.seen)),
        "detail": redact_text(outcome.detail),
    }


def lease_of(row: Mapping[str, Any] | RowMapping) -> Lease:
    """Return the lease that a row holds."""
    return Lease(
        rollout=row["rollout"],
        holder=Actor(row["holder"], row["console"]),
        token=row["token"],
        renewed_at=from_iso(row["renewed_at"]),
        expires_at=from_iso(row["expires_at"]),
    )
