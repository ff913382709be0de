"""Which version a move would bring forward, and which one a rollback takes back, by every name they go under."""

from console.engine.state import LiveTarget
from console.model.plan import Plan, PlanKind, StepKind


def bad_version(live: LiveTarget, plan: Plan) -> str:
    """Return the version that a rollback takes back: what its side runs, or the release where the plan's pipeline brings it there."""
    if any(step.kind is StepKind.PIPELINE for step in plan.steps):
        return plan.release
    return live.version(plan.canary) or plan.canary_version


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
