"""What an Argo Rollout says of its steps, its weights and its two versions, read from the object alone.

Sources: argo-rollouts.readthedocs.io, "Canary", "Rollout specification"; what its kubectl plugin writes for each verb.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.model.systems import Side
from console.providers.clients.kubeobjects import objects, part
from console.providers.clients.kubernetes import Object

SIDES = "release-console/sides"
"""The annotation that says which pod template each side last had: Argo itself knows only stable and canary."""

HASH = "rollouts-pod-template-hash"
"""The label of ReplicaSets and pods that names their pod template."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An Argo Rollout as its status says, in the words of a target's sides.

    `weights` are the step weights in order with the index of their step. `at` is the index of the step that it is at. `weight` is the
    canary's now, `paused` tells that it waits for a person.
    """

    stable: Side
    canary: Side
    stable_hash: str
    canary_hash: str
    weights: tuple[tuple[int, int], ...]
    at: int
    weight: float
    paused: bool
    aborted: bool
    phase: str
    message: str

    @property
    def trial(self) -> bool:
        """Tell whether there is a canary at all."""
        return self.stable_hash != self.canary_hash

    @property
    def next_weight(self) -> int | None:
        """Return the weight of the next step that sets one; None where only full promotion is left."""
        start = 0 if self.aborted else self.at + 1
        return next((weight for index, weight in self.weights if index >= start), None)


def read_rollout(found: Object, sides: tuple[Side, Side]) -> Reading:
    """Return what a Rollout says."""
    status = part(found, "status")
    stable_hash = str(status.get("stableRS") or "")
    canary_hash = str(status.get("currentPodHash") or stable_hash)
    stable = side_of(found, stable_hash, sides)
    at, weights = status.get("currentStepIndex"), step_weights(found)
    index = at if isinstance(at, int) and not isinstance(at, bool) else 0
    aborted = bool(status.get("abort"))
    trial = stable_hash != canary_hash
    return Reading(
        stable=stable,
        canary=sides[1] if stable == sides[0] else sides[0],
        stable_hash=stable_hash,
        canary_hash=canary_hash,
        weights=weights,
        at=index,
        weight=_weight(found, weights, index) if trial and not aborted else _routed(found, aborted=aborted),
        paused=bool(status.get("pauseConditions")) or bool(part(found, "spec").get("paused")),
        aborted=aborted,
        phase=str(status.get("phase") or ""),
        message=str(status.get("message") or ""),
    )


def side_of(found: Object, template: str, sides: tuple[Side, Side]) -> Side:
    """Return the side that a pod template was last known as; the first one where that was never written down."""
    known = recorded(found)
    return next((side for side in sides if known.get(side) == template), sides[0])


def recorded(found: Object) -> Mapping[str, str]:
    """Return the pod template of each side as it was written down, empty where it was not or is none of ours."""
    try:
        value = json.loads(str(part(found, "metadata", "annotations").get(SIDES) or "{}"))
    except (ValueError, RecursionError):
        return {}
    return {str(key): each for key, each in value.items() if isinstance(each, str)} if isinstance(value, dict) else {}


def steps(found: Object) -> Sequence[Mapping[str, Any]]:
    """Return the canary's steps."""
    return objects(found, "spec", "strategy", "canary", "steps")


def step_weights(found: Object) -> tuple[tuple[int, int], ...]:
    """Return the steps that set a weight, as (index, weight)."""
    found_weights = ((index, step.get("setWeight")) for index, step in enumerate(steps(found)))
    return tuple((index, weight) for index, weight in found_weights if isinstance(weight, int) and not isinstance(weight, bool))


def routed(found: Object) -> bool:
    """Tell whether a router carries the split; otherwise the number of pods does."""
    return bool(part(found, "spec", "strategy", "canary").get("trafficRouting"))


def observed(found: Object) -> bool:
    """Tell whether the controller has seen the object as it is."""
    return str(part(found, "status").get("observedGeneration") or "") == str(part(found, "metadata").get("generation") or "")


def pod_share(replicas: int, weight: int) -> tuple[int, float]:
    """Return how many canary pods a weight makes where pods carry the split, and the share of traffic that these get, in per cent.

    A canary that is to have some traffic has at least one pod, and stable keeps one while the weight is below 100.
    """
    if weight in {0, 100} or replicas <= 0:
        return replicas * weight // 100, float(weight)
    pods = min(max(1, round(replicas * weight / 100)), max(1, replicas - 1))
    whole = max(replicas, pods + 1)
    return pods, 100.0 * pods / whole


def _weight(found: Object, weights: tuple[tuple[int, int], ...], index: int) -> float:
    """Return the canary's weight: what the router was told, or else what the last step that is over says."""
    told = part(found, "status", "canary", "weights", "canary").get("weight")
    if routed(found) and isinstance(told, int) and not isinstance(told, bool):
        return float(told)
    return float(next((weight for step, weight in reversed(weights) if step < index), 0))


def _routed(found: Object, *, aborted: bool) -> float:
    """Return what is left of the canary's weight after an abort: the router may not have followed yet."""
    told = part(found, "status", "canary", "weights", "canary").get("weight")
    return float(told) if aborted and routed(found) and isinstance(told, int) and not isinstance(told, bool) else 0.0
