"""The plan of a rollout, a switch or a rollback: ordered steps as data, fixed by a hash."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from console.model.systems import Side
from console.model.target import FreezeRule, Gate, Reversibility, Stage
from console.model.verbs import Direction, Verb


class StepKind(StrEnum):
    """What a step acts on."""

    WEIGHT = "weight"
    FLAG = "flag"
    PIPELINE = "pipeline"
    CODE = "code"
    MIGRATION = "migration"
    CACHE = "cache"
    EXTERNAL = "external"
    MANUAL = "manual"
    RECONCILER = "reconciler"
    WORKLOAD = "workload"


class PlanKind(StrEnum):
    """What a plan is for."""

    ROLLOUT = "rollout"
    SWITCH = "switch"
    ROLLBACK = "rollback"
    FLAG = "flag"
    REHEARSAL = "rehearsal"
    """The way back, run for practice and measured."""
    RECONCILERS = "reconcilers"
    """Lets what a rollback paused run again."""
    WORKLOADS = "workloads"
    """One verb on one workload, outside of a release."""


@dataclass(frozen=True, slots=True)
class Step:
    """One action on one system.

    `want` is the absolute state wanted: WEIGHT `{side: per cent, …}`, FLAG `{"on": bool, "percent": int}`, PIPELINE `{"version": str}`,
    the declared kinds `{"done": True}`, WORKLOAD what `WorkloadState.values` has of it.
    `precondition` is the state that must be found first (forward only), in the same shape. `undo` is the state to go back to.
    `stage` is the index of the stage that this step opens, or -1. `predicted_s` is how long it is expected to take.
    """

    seq: int
    kind: StepKind
    verb: Verb
    direction: Direction
    system: str
    want: Mapping[str, Any]
    precondition: Mapping[str, Any] | None = None
    undo: Mapping[str, Any] | None = None
    stage: int = -1
    deadline_s: float = 5.0
    predicted_s: float = 1.0
    reversibility: Reversibility = Reversibility.FREE
    name: str = ""
    """The name of a declared step in the target's file; "" for traffic, flag and pipeline."""
    after: tuple[int, ...] = ()
    """The `seq` of each step that must be confirmed or skipped first."""
    loses: str = ""
    """What undoing it would lose, in words; "" when nothing."""


@dataclass(frozen=True)
class Plan:
    """Everything a rollout will do and by what it is judged, fixed when it is approved.

    `alpha` is the whole chance of a false stop in one release. `rollback` are the backward steps, traffic first, ready before the start.
    """

    kind: PlanKind
    target: str
    release: str
    stable: Side
    canary: Side
    stable_version: str
    canary_version: str
    steps: tuple[Step, ...]
    rollback: tuple[Step, ...] = ()
    stages: tuple[Stage, ...] = ()
    gates: tuple[Gate, ...] = ()
    needed: Mapping[str, tuple[int, ...]] | None = None
    """The fewest resolved canary sessions that a session gate needs for a pass (n_pass), by gate name, one number for each stage."""
    auto_rollback_after_s: float = 20.0
    freeze_rule: FreezeRule = FreezeRule.HOLD
    alpha: float = 0.001
    target_digest: str = ""
    return_if_lost_s: float | None = None
    """So long after the driver was lost traffic goes back to stable by itself; None holds."""
    no_way_back: str = ""
    """What cannot be taken back, in words: a person has to sign it before the start. "" where everything can."""

    @cached_property
    def hash(self) -> str:
        """Return the SHA-256 of the plan's canonical text: what people approve and permits name."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    def text(self) -> str:
        """Return the plan as JSON with sorted keys and no spaces; equal plans give equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
