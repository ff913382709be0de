"""Which version a move would bring forward, and which one a rollback takes back, by every name they go under."""

from console.engine.state import LiveTarget
from console.model.plan import Plan, PlanKind, StepKind


def canary_of(plan: Plan) -> str:
    """Return the version on trial: what its side ran when the plan was made, or the release where the plan's pipeline brings it there."""
    return plan.release if _is_brought(plan) else plan.canary_version


def bad_version(live: LiveTarget, plan: Plan) -> str:
    """Return the version that a rollback takes back: what its side runs, or the release where the plan's pipeline brings it there."""
    return plan.release if _is_brought(plan) else live.version(plan.canary) or plan.canary_version


def _is_brought(plan: Plan) -> bool:
    return any(step.kind is StepKind.PIPELINE for step in plan.steps)


def unhealthy_words(live: LiveTarget) -> tuple[str, ...]:
    """Return which sides say that they are not healthy, and why, in words."""
    found = [(side, seen) for side, seen in (live.workloads.value or {}).items() if not seen.healthy]
    return tuple(f"{side} {seen.version} is not healthy{f': {seen.detail}' if seen.detail else ''}." for side, seen in found)


def forward_versions(live: LiveTarget, plan: Plan | None, release: str) -> tuple[str, ...]:
    """Return the versions that a forward move would give traffic to: those of the plan on its way, else of a start of `release`."""
    if plan is not None and plan.kind in {PlanKind.ROLLOUT, PlanKind.SWITCH}:
        found = (plan.release, bad_version(live, plan))
    elif live.target.pipeline is not None and release:
        found = (release, "")
    else:
        found = (release, live.version(live.canary))
    return tuple(version for version in found if version)
