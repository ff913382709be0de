"""Plans as data: the ordered steps of a rollout, a switch, a flag change and the way back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from console.model.database import MigrationPhase
from console.model.kubernetes import KubeTraffic, KubeWorkloads
from console.model.plan import Plan, PlanKind, Step, StepKind
from console.model.postgres import address_of
from console.model.systems import AlbTraffic, EnvoyTraffic, HaproxyTraffic, HttpWorkloads, MigrationUndo, Side, TraefikTraffic
from console.model.target import Reversibility, Stage, Target
from console.model.verbs import Direction, Verb
from console.policy.direction import direction
from console.policy.wayback import declared_steps, resume_steps, without_return


@dataclass(frozen=True, slots=True)
class SidesNow:
    """What stands on a target when a plan is made: the stable side, both versions, and the weights read back (per cent)."""

    stable: Side
    stable_version: str
    canary_version: str
    weights: Mapping[Side, float]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a step is expected to take, in seconds, from what was measured before."""

    weight_s: float = 1.0
    flag_s: float = 1.0
    pipeline_s: float = 60.0
    undo_s: Mapping[str, float] = field(default_factory=dict)
    """Declared steps of the way back by name, and `pause NAME` of a reconciler."""


DEFAULT_TIMING = Timing()

AROUND_S = 15.0
"""What a migration may take beside its command: its table is read before and after it."""


def make_rollout_plan(
    target: Target, release: str, sides: SidesNow, needed: Mapping[str, tuple[int, ...]] | None = None, timing: Timing = DEFAULT_TIMING
) -> Plan:
    """Plan a release: the pipeline, the migrations that do not contract, the flag where it is raised at the start, one weight step for
    each stage, then all traffic.

    `needed` is n_pass for each session gate and stage. Every weight step names the weights that must be found first.
    """
    canary = target.other(sides.stable)
    before = [*_pipeline_steps(target, release, timing), *_migrations(target, timing), *_flag_raise(target, timing)]
    steps = _numbered([*before, *_stage_steps(target, sides, timing)])
    return Plan(
        kind=PlanKind.ROLLOUT,
        target=target.name,
        release=release,
        stable=sides.stable,
        canary=canary,
        stable_version=sides.stable_version,
        canary_version=sides.canary_version,
        steps=steps,
        rollback=rollback_steps(target, sides.stable, first_seq=len(steps), timing=timing),
        stages=target.stages,
        gates=target.gates,
        needed=dict(needed or {}),
        auto_rollback_after_s=target.auto_rollback_after_s,
        return_if_lost_s=target.return_if_lost_s,
        freeze_rule=target.freeze_rule,
        target_digest=target.digest,
        no_way_back=without_return(target),
    )


def rollback_steps(target: Target, stable: Side, *, first_seq: int = 0, timing: Timing = DEFAULT_TIMING) -> tuple[Step, ...]:
    """Return the way back, traffic always first, then in the order of what waits for what.

    Everything is absolute or idempotent, so that sending twice does no harm. A step of the file names what it waits for; the flag waits
    for nothing but that the traffic was sent.
    """
    steps = []
    if target.rollback:
        weights = {stable: 100, target.other(stable): 0}
        steps.append(_weight_step(target, weights, Verb.ROLLBACK, Direction.BACKWARD, timing))
    if "flag" in target.rollback and target.flag is not None:
        steps.append(_flag_step(target.flag.name, timing, on=False))
    before = _numbered(steps, first_seq)
    if not before:
        return ()
    return (*before, *declared_steps(target, before, timing.undo_s))


def make_switch_plan(target: Target, sides: SidesNow, to: Side, timing: Timing = DEFAULT_TIMING) -> Plan:
    """Plan to move all traffic to a side at once; to the stable side that is backward, and sent whatever is found."""
    way = direction(Verb.SWITCH, side=to, stable=sides.stable)
    verb = Verb.SWITCH if way is Direction.FORWARD else Verb.SWITCH_BACK
    step = _weight_step(target, {to: 100, target.other(to): 0}, verb, way, timing)
    if way is Direction.FORWARD:
        step = replace(step, precondition=dict(sides.weights), undo=_all_to(target, sides.stable))
    release = sides.stable_version if to == sides.stable else sides.canary_version
    plan = _short_plan(PlanKind.SWITCH, target, sides, (step,))
    return replace(plan, release=release, rollback=rollback_steps(target, sides.stable, first_seq=1, timing=timing))


def make_rollback_plan(target: Target, sides: SidesNow, timing: Timing = DEFAULT_TIMING) -> Plan:
    """Plan the way back to the stable side as a plan of its own, for when no rollout is on its way."""
    plan = _short_plan(PlanKind.ROLLBACK, target, sides, rollback_steps(target, sides.stable, timing=timing))
    return replace(plan, release=sides.stable_version)


def make_rehearsal_plan(target: Target, sides: SidesNow, timing: Timing = DEFAULT_TIMING) -> Plan:
    """Plan the way back for practice: reconcilers run on, and what only a person can do or nobody can undo is left out.

    So is a migration of the target's database: the version that is stable now may need what taking it back would drop.
    """
    kept = {step.name for step in target.undo if isinstance(step.spec, MigrationUndo)}
    back = rollback_steps(target, sides.stable, timing=timing)
    steps = rehearsed_steps([step for step in back if step.name not in kept])
    return replace(_short_plan(PlanKind.REHEARSAL, target, sides, steps), release=f"rehearsal to {sides.stable_version}".strip())


def rehearsed_steps(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps of a way back that a rehearsal runs; what waited for one that is left out waits for nothing in its place."""
    kept = [step for step in steps if step.kind not in {StepKind.MANUAL, StepKind.RECONCILER}]
    kept = [step for step in kept if step.reversibility is not Reversibility.ONE_WAY]
    seqs = {step.seq for step in kept}
    return tuple(replace(step, after=tuple(seq for seq in step.after if seq in seqs)) for step in kept)


def make_resume_plan(target: Target, sides: SidesNow, names: Sequence[str]) -> Plan:
    """Plan to let paused reconcilers run again."""
    return replace(_short_plan(PlanKind.RECONCILERS, target, sides, resume_steps(target, names)), release=", ".join(names))


def make_flag_plan(target: Target, sides: SidesNow, *, on: bool, timing: Timing = DEFAULT_TIMING) -> Plan:
    """Plan to raise the target's flag, or to kill it. Raises ValueError when the target declares none."""
    if target.flag is None:
        raise ValueError(f"{target.name} declares no flag")
    steps = _numbered([_flag_step(target.flag.name, timing, on=on)])
    back = _numbered([_flag_step(target.flag.name, timing, on=False)], 1) if on else ()
    return replace(_short_plan(PlanKind.FLAG, target, sides, steps), release=target.flag.name, rollback=back)


def step_down_weight(stages: Sequence[Stage], weight: float) -> int:
    """Return the next lower weight: that of the stage before, else 1, else 0."""
    lower = [stage.weight for stage in stages if 0 < stage.weight < weight]
    return max(lower, default=1 if weight > 1 else 0)


def step_down_step(target: Target, stable: Side, weight: int, timing: Timing = DEFAULT_TIMING) -> Step:
    """Return the backward step that lowers the trial side to a weight; its `seq` is -1, for it stands in no plan."""
    weights = {stable: 100 - weight, target.other(stable): weight}
    return replace(_weight_step(target, weights, Verb.STEP_DOWN, Direction.BACKWARD, timing), seq=-1)


def traffic_name(target: Target) -> str:
    """Return the router's name as screens show it: "Envoy 127.0.0.1:9901"."""
    if isinstance(target.traffic, EnvoyTraffic):
        return f"Envoy {urlsplit(target.traffic.admin).netloc}"
    if isinstance(target.traffic, AlbTraffic):
        return f"AWS {target.traffic.rule.rpartition('/app/')[2].partition('/')[0]} in {target.traffic.region}"
    if isinstance(target.traffic, TraefikTraffic):
        return f"Traefik {urlsplit(target.traffic.api).netloc}"
    if isinstance(target.traffic, HaproxyTraffic):
        return f"HAProxy {target.traffic.address}"
    return _kubernetes_name(target.traffic)


def workloads_name(target: Target) -> str:
    """Return what tells the versions as screens show it."""
    return "version addresses" if isinstance(target.workloads, HttpWorkloads) else _kubernetes_name(target.workloads)


def database_name(target: Target) -> str:
    """Return the database as screens show it: "PostgreSQL shop on 127.0.0.1:5432"."""
    return "" if target.database is None else f"PostgreSQL {address_of(target.database.address).place}"


def _kubernetes_name(spec: KubeTraffic | KubeWorkloads) -> str:
    return f"Kubernetes {spec.cluster.context or 'in this cluster'}, {spec.title}"


def _pipeline_steps(target: Target, release: str, timing: Timing) -> list[Step]:
    if target.pipeline is None:
        return []
    deadline = target.pipeline.limit_s
    return [
        Step(
            seq=0,
            kind=StepKind.PIPELINE,
            verb=Verb.RUN_PIPELINE,
            direction=Direction.FORWARD,
            system="pipeline",
            want={"version": release},
            deadline_s=deadline,
            predicted_s=min(timing.pipeline_s, deadline),
        )
    ]


def _migrations(target: Target, timing: Timing) -> list[Step]:
    """Return a step for each migration of the release, before any traffic; what contracts waits until the old version is gone for good."""
    if target.database is None:
        return []
    back = {step.spec.migration: step for step in target.undo if isinstance(step.spec, MigrationUndo)}
    steps = []
    for each in target.database.migrations:
        if each.phase is MigrationPhase.CONTRACT:
            continue
        own = back.get(each.name)
        steps.append(
            Step(
                seq=0,
                kind=StepKind.MIGRATION,
                verb=Verb.MIGRATE,
                direction=Direction.FORWARD,
                system=f"migration {each.revision}",
                want={"done": True},
                deadline_s=each.timeout_s + AROUND_S,
                predicted_s=timing.undo_s.get(f"migrate {each.name}", each.expected_s),
                reversibility=Reversibility.FREE if own is None else own.reversibility,
                name=each.name,
                loses="" if own is None else own.loses,
            )
        )
    return steps


def _flag_raise(target: Target, timing: Timing) -> list[Step]:
    if target.flag is None or not target.flag.raise_at_start:
        return []
    return [_flag_step(target.flag.name, timing, on=True)]


def _stage_steps(target: Target, sides: SidesNow, timing: Timing) -> list[Step]:
    """Return a weight step for each stage, and the last one to all traffic where no stage has it."""
    stable, canary = sides.stable, target.other(sides.stable)
    weights = [(index, stage.weight) for index, stage in enumerate(target.stages)]
    if not weights or weights[-1][1] < 100:
        weights.append((-1, 100))
    before: Mapping[Side, float] = dict(sides.weights)
    steps = []
    for index, weight in weights:
        want = {stable: 100 - weight, canary: weight}
        step = _weight_step(target, want, Verb.STEP_UP, Direction.FORWARD, timing)
        steps.append(replace(step, precondition=before, undo=before, stage=index))
        before = want
    return steps


def _weight_step(target: Target, weights: Mapping[Side, int], verb: Verb, way: Direction, timing: Timing) -> Step:
    return Step(0, StepKind.WEIGHT, verb, way, traffic_name(target), dict(weights), predicted_s=timing.weight_s)


def _flag_step(name: str, timing: Timing, *, on: bool) -> Step:
    """Return the step that sets the flag; only a flag found down is raised, a kill asks for nothing first."""
    down = {"on": False, "percent": 0}
    return Step(
        seq=0,
        kind=StepKind.FLAG,
        verb=Verb.FLAG_UP if on else Verb.FLAG_KILL,
        direction=Direction.FORWARD if on else Direction.BACKWARD,
        system=f"flag {name}",
        want={"on": True, "percent": 100} if on else down,
        precondition={"on": False} if on else None,
        undo=down if on else None,
        predicted_s=timing.flag_s,
        reversibility=Reversibility.FREE,
    )


def _short_plan(kind: PlanKind, target: Target, sides: SidesNow, steps: tuple[Step, ...]) -> Plan:
    return Plan(
        kind=kind,
        target=target.name,
        release="",
        stable=sides.stable,
        canary=target.other(sides.stable),
        stable_version=sides.stable_version,
        canary_version=sides.canary_version,
        steps=steps,
        freeze_rule=target.freeze_rule,
        auto_rollback_after_s=target.auto_rollback_after_s,
        return_if_lost_s=target.return_if_lost_s,
        target_digest=target.digest,
    )


def _all_to(target: Target, side: Side) -> dict[Side, int]:
    return {side: 100, target.other(side): 0}


def _numbered(steps: Sequence[Step], first: int = 0) -> tuple[Step, ...]:
    return tuple(replace(step, seq=first + number) for number, step in enumerate(steps))
