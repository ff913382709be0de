"""What the journal writes into the audit: the entries of plans, intents, outcomes and refusals."""

from datetime import datetime
from typing import Any

from console.model.audit import Entry, RecordKind
from console.model.clock import iso
from console.model.plan import Plan, Step
from console.model.rollout import Actor, Intent, Outcome, StepRow
from console.store.planjson import plan_text


def plan_entry(plan: Plan, rollout_id: str, actor: Actor, reason: str, at: datetime) -> Entry:
    """Return the entry of a plan that opens a rollout; `plan_text` is what the plan's hash covers."""
    detail = {
        "kind": plan.kind.value,
        "release": plan.release,
        "stable_version": plan.stable_version,
        "canary_version": plan.canary_version,
        "plan_text": plan_text(plan),
    }
    return Entry(RecordKind.PLAN, actor, at, plan.kind.value, plan.target, rollout_id, reason, "planned", plan.hash, detail)


def _step_detail(step: Step, step_id: str) -> dict[str, Any]:
    return {
        "step": step_id,
        "number": step.seq,
        "kind": step.kind.value,
        "direction": step.direction.value,
        "system": step.system,
        "want": step.want,
    }


def intent_entry(intent: Intent) -> Entry:
    """Return the entry of an intent."""
    step = intent.step
    detail = _step_detail(step, intent.step_id) | {"precondition": step.precondition, "undo": step.undo, "token": intent.token}
    return _of_intent(RecordKind.INTENT, intent, "sent", detail)


def outcome_entry(row: StepRow, outcome: Outcome, *, target: str, plan_hash: str, unrecorded: bool = False) -> Entry:
    """Return the entry of an outcome; `unrecorded` says that no record of the intent was possible at its time."""
    detail = _step_detail(row.step, row.id) | {
        "seen": outcome.seen,
        "detail": outcome.detail,
        "sent_at": iso(row.sent_at),
        "accepted_at": None if outcome.accepted_at is None else iso(outcome.accepted_at),
        "read_back_at": None if outcome.read_back_at is None else iso(outcome.read_back_at),
    }
    if unrecorded:
        detail["intent"] = "not recorded"
    return Entry(
        RecordKind.OUTCOME, row.actor, outcome.at, row.step.verb.value, target, row.rollout, "", outcome.state.value, plan_hash, detail
    )


def refusal_entry(intent: Intent, why: str) -> Entry:
    """Return the entry of a forward step that was refused."""
    detail = _step_detail(intent.step, "") | {"refused_step": intent.step_id, "token": intent.token}
    return _of_intent(RecordKind.REFUSAL, intent, why, detail)


def _of_intent(kind: RecordKind, intent: Intent, result: str, detail: dict[str, Any]) -> Entry:
    rollout = intent.rollout
    return Entry(
        kind,
        intent.actor,
        intent.at,
        intent.step.verb.value,
        rollout.plan.target,
        rollout.id,
        intent.reason,
        result,
        rollout.plan.hash,
        detail,
    )
