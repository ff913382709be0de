"""What to say before a start: findings that forbid it, and warnings that a person should read."""

from collections.abc import Mapping

from console.model.systems import Side
from console.model.target import Environment, Reversibility, SessionGate, Stage, Target, UndoKind
from console.policy.planning import SidesNow
from console.policy.wayback import without_return

MOSTLY = 0.5


def obstacles(target: Target, sides: SidesNow | None = None, *, signed: bool = False) -> tuple[str, ...]:
    """Return what forbids a start, in words; `sides` adds what stands on the target now.

    `signed` tells that a person signs that there is no way back for what has none.
    """
    found = []
    missing = without_return(target)
    if missing and not signed:
        whole = "No way back is planned" if "traffic" not in target.rollback else "Not everything can be taken back"
        found.append(f"{whole}: {missing} A person has to sign that first.")
    if not target.stages:
        found.append("There is no stage: all traffic would move at once, unjudged.")
    if target.gates and target.metrics is None:
        found.append("There are gates, and no metrics to judge them by.")
    if sides is not None:
        found += _side_obstacles(target, sides)
    return tuple(found)


def warnings(target: Target) -> tuple[str, ...]:
    """Return what a person should know before the start, in words, the weightiest first."""
    checks = (_gate_warnings(target), _stage_warnings(target), _flag_warnings(target), _back_warnings(target), _other_warnings(target))
    return tuple(warning for check in checks for warning in check)


def _side_obstacles(target: Target, sides: SidesNow) -> list[str]:
    found = []
    canary = target.other(sides.stable)
    if not _all_on(sides.weights, sides.stable, canary):
        shares = " · ".join(f"{side} {share:g} %" for side, share in sides.weights.items()) or "nothing read"
        found.append(f"Traffic is not all on the stable side {sides.stable} ({shares}): roll back or finish first.")
    if target.pipeline is None and sides.stable_version and sides.stable_version == sides.canary_version:
        found.append(f"Both sides run {sides.stable_version}: there is nothing to release.")
    return found


def _all_on(weights: Mapping[Side, float], stable: Side, canary: Side) -> bool:
    return weights.get(canary, 0.0) == 0 and weights.get(stable, 0.0) > 0


def _gate_warnings(target: Target) -> list[str]:
    sessions = [gate for gate in target.gates if isinstance(gate, SessionGate)]
    found = []
    if not sessions:
        found.append("No gate counts customer sessions: a silent business failure would not be seen.")
    found += [
        f"Gate {gate.name} counts attempts, not sessions: retries count twice, and the bound on false stops does not hold."
        for gate in sessions
        if not gate.resolved
    ]
    used = {name for stage in target.stages for name in stage.gates}
    found += [f"Gate {gate.name} is judged in no stage." for gate in target.gates if gate.name not in used]
    return found


def _stage_warnings(target: Target) -> list[str]:
    stages = target.stages
    found = [f"Stage {stage.weight} % has no gate: it passes by waiting alone." for stage in stages if not stage.gates]
    found += [f"Stage {stage.weight} % does not wait." for stage in stages if stage.wait_s == 0]
    if stages and stages[0].weight > 25:
        found.append(f"The first stage already gives the canary {stages[0].weight} % of traffic.")
    if stages and not any(stage.bake for stage in stages):
        found.append("No stage bakes: nothing is watched once most traffic has moved.")
    if stages and _last_before_all(stages) is None:
        found.append("No holdback: with all traffic on the canary there is no baseline to compare it with.")
    return found


def _last_before_all(stages: tuple[Stage, ...]) -> Stage | None:
    """Return the stage that keeps some traffic on stable while most of it has moved."""
    return next((stage for stage in reversed(stages) if MOSTLY * 100 < stage.weight < 100), None)


def _flag_warnings(target: Target) -> list[str]:
    if target.flag is None:
        return []
    found = []
    if target.flag.raise_at_start:
        found.append(f"Flag {target.flag.name} is raised at the start: the new code takes effect before any stage was judged.")
    if "flag" not in target.rollback and target.rollback:
        found.append(f"The way back leaves flag {target.flag.name} as it is.")
    return found


def _back_warnings(target: Target) -> list[str]:
    one_way = [step for step in target.undo if step.reversibility is Reversibility.ONE_WAY]
    found = [f"Once {step.name} is past, going back would lose {step.loses}: hold is offered then." for step in one_way]
    found += [
        f"{step.name} is done by hand on the way back: a person has to be there." for step in target.undo if step.kind is UndoKind.MANUAL
    ]
    return found


def _other_warnings(target: Target) -> list[str]:
    found = []
    if target.prices is None:
        found.append("No prices are given: the loss meter stays empty.")
    if target.pipeline is None:
        found.append("No pipeline is declared: the release is taken as built and tested.")
    if target.environment is Environment.PRODUCTION and not target.freezes and target.blackout is None:
        found.append("No freeze and no blackout are declared in the file.")
    if not target.owner:
        found.append("Nobody is named as owner.")
    return found
