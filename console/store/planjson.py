"""Plans and steps as text in the journal, rebuilt exactly: the rebuilt plan has the same hash."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from console.model.errors import StoreError
from console.model.plan import Plan, PlanKind, Step, StepKind
from console.model.target import FreezeRule, Gate, Reversibility, SessionGate, Stage, ThresholdGate
from console.model.verbs import Direction, Verb


def plan_text(plan: Plan) -> str:
    """Return what is stored of a plan: its canonical text, the one that its hash covers."""
    return plan.text()


def plan_of(text: str) -> Plan:
    """Rebuild a plan. Raises StoreError when the text is not a plan that this program knows."""
    try:
        fields = json.loads(text)
        return Plan(
            **{
                **fields,
                "kind": PlanKind(fields["kind"]),
                "steps": tuple(_step(step) for step in fields["steps"]),
                "rollback": tuple(_step(step) for step in fields["rollback"]),
                "stages": tuple(_stage(stage) for stage in fields["stages"]),
                "gates": tuple(_gate(gate) for gate in fields["gates"]),
                "freeze_rule": FreezeRule(fields["freeze_rule"]),
                "needed": _needed(fields["needed"]),
            }
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _unknown("plan", error) from error


def _needed(fields: Mapping[str, list[int]] | None) -> dict[str, tuple[int, ...]] | None:
    return None if fields is None else {gate: tuple(numbers) for gate, numbers in fields.items()}


def step_text(step: Step) -> str:
    """Return what is stored of a step."""
    return json.dumps(asdict(step), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def step_of(text: str) -> Step:
    """Rebuild a step. Raises StoreError when the text is not a step that this program knows."""
    try:
        return _step(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise _unknown("step", error) from error


def _step(fields: Mapping[str, Any]) -> Step:
    return Step(
        **{
            **fields,
            "kind": StepKind(fields["kind"]),
            "verb": Verb(fields["verb"]),
            "direction": Direction(fields["direction"]),
            "reversibility": Reversibility(fields["reversibility"]),
            "after": tuple(fields.get("after", ())),
        }
    )


def _stage(fields: Mapping[str, Any]) -> Stage:
    return Stage(**{**fields, "gates": tuple(fields["gates"])})


def _gate(fields: Mapping[str, Any]) -> Gate:
    """Tell the two kinds of gate apart by the field that only one of them has."""
    return ThresholdGate(**fields) if "numerator" in fields else SessionGate(**fields)


def _unknown(what: str, error: Exception) -> StoreError:
    return StoreError(
        f"A {what} in the records cannot be read ({error}).",
        means="It was written by another version of this program, or the file was changed.",
        advice="Run `audit verify`, and use the version that wrote it.",
    )
