"""What a verb on a workload means where it stands now: the absolute state wanted, what must be found first, or why it has nothing to do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from console.model.commands import OnWorkload
from console.model.plan import Plan, PlanKind, Step, StepKind
from console.model.target import Target
from console.model.verbs import Direction, Verb
from console.model.workloads import WorkloadNow
from console.policy.planning import SidesNow

_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,499}")
_WORDS = {
    Verb.UNDO_WORKLOAD: "undo",
    Verb.PAUSE_WORKLOAD: "pause",
    Verb.RESUME_WORKLOAD: "resume",
    Verb.RESTART_WORKLOAD: "restart",
    Verb.SET_IMAGE: "set the image of",
    Verb.RETRY_WORKLOAD: "retry",
}
DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a verb would do: `want` and `precondition` as a step has them. `cannot` says why there is nothing to do, `stale` why not now.

    `versions` is what it would bring, "" of it unknown; `undone` is the version that an undo takes away.
    """

    want: Mapping[str, Any] = field(default_factory=dict)
    precondition: Mapping[str, Any] | None = None
    cannot: str = ""
    stale: str = ""
    versions: tuple[str, ...] = ()
    undone: str = ""


def wanted(seen: WorkloadNow, verb: Verb, asked: OnWorkload, now: datetime) -> Wanted:
    """Return what a verb means for a workload as it was read; an empty image leaves open which one it would be."""
    why = seen.verbs.get(verb)
    if why is None:
        return Wanted(cannot=f"A {seen.kind} knows no {verb.value.removesuffix(' workload')}.")
    if why:
        return Wanted(cannot=why)
    values, name = seen.state.values, f"{seen.kind} {seen.name}"
    uid = {"uid": values["uid"]}
    first = {**uid, "template": values["template"]}
    if verb is Verb.PAUSE_WORKLOAD:
        return Wanted({**uid, "paused": True}, cannot=f"{name} is paused already." if values["paused"] else "")
    if verb is Verb.UNDO_WORKLOAD:
        return _undo(seen, asked, uid)
    if verb is Verb.RESUME_WORKLOAD:
        cannot = "" if values["paused"] else f"{name} is not paused."
        return Wanted({**uid, "paused": False}, {**first, "paused": True}, cannot, versions=(seen.version,))
    if verb is Verb.RETRY_WORKLOAD:
        cannot = "" if values.get("aborted") else f"{name} is not aborted."
        return Wanted({**uid, "aborted": False}, {**first, "aborted": True}, cannot, versions=(seen.version,))
    if verb is Verb.SET_IMAGE:
        return _image(seen, asked, first)
    cannot = f"{name} is paused: it would make no new pods. Resume it first." if values["paused"] else ""
    return Wanted({**uid, "restarted_at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}, {**first, "paused": False}, cannot)


def workload_step(seen: WorkloadNow, verb: Verb, found: Wanted, way: Direction) -> Step:
    """Return the step of a verb; its `seq` is 0."""
    back = way is Direction.BACKWARD
    return Step(
        0,
        StepKind.WORKLOAD,
        verb,
        way,
        f"{seen.kind} {seen.name}",
        dict(found.want),
        None if back or found.precondition is None else dict(found.precondition),
        deadline_s=DEADLINE_S,
        name=seen.name,
    )


def make_workload_plan(target: Target, sides: SidesNow, step: Step) -> Plan:
    """Plan one verb on one workload; traffic stays as it is."""
    return Plan(
        kind=PlanKind.WORKLOADS,
        target=target.name,
        release=verb_words(step.verb, step.name),
        stable=sides.stable,
        canary=target.other(sides.stable),
        stable_version=sides.stable_version,
        canary_version=sides.canary_version,
        steps=(step,),
        freeze_rule=target.freeze_rule,
        target_digest=target.digest,
    )


def verb_words(verb: Verb, name: str) -> str:
    """Return what a verb does to a workload, in words: `restart shop-green`."""
    return f"{_WORDS.get(verb, verb.value)} {name}"


def workload_words(values: Mapping[str, Any]) -> str:
    """Return a workload's configuration in words: `paused, image web shop:18.0.0 (changed by rita at …)`."""
    said = [f"{key} {value}" for key, value in values.items() if key.startswith("image ")]
    if "paused" in values:
        said.insert(0, "paused" if values["paused"] else "not paused")
    if values.get("aborted") is not None:
        said.append("aborted" if values["aborted"] else "not aborted")
    if values.get("restarted_at"):
        said.append(f"restarted at {values['restarted_at']}")
    if "template" in values and not any(each.startswith("image ") for each in said):
        said.append(f"pod template {str(values['template'])[:8]}")
    return ", ".join(said) + (f" (changed by {values['changed']})" if values.get("changed") else "")


def changed_since(before: Mapping[str, Any] | None, seen: WorkloadNow) -> str:
    """Return, in words, that a workload is not as a person saw it; `before` are the values that they saw, None where they are not known."""
    now = seen.state.values
    changed = [key for key in now if before is not None and key.startswith("image ") and before.get(key) != now[key]]
    told = "; ".join(f"{key} from {(before or {}).get(key) or 'nothing'} to {now[key]}" for key in changed)
    by = f" by {seen.state.changed}" if seen.state.changed else ""
    return f"{seen.kind} {seen.name} was changed{by} since you looked: {told or 'its pod template is another one'}."


def _undo(seen: WorkloadNow, asked: OnWorkload, uid: Mapping[str, Any]) -> Wanted:
    name = f"{seen.kind} {seen.name}"
    if asked.revision:
        to = next((each for each in seen.revisions if each.number == asked.revision), None)
        kept = ", ".join(str(each.number) for each in seen.revisions) or "none"
        cannot = f"{name} does not keep revision {asked.revision}; it keeps {kept}."
    else:
        to, cannot = seen.previous, f"{name} keeps no earlier revision: there is nothing to go back to."
    if to is None:
        return Wanted(cannot=cannot)
    if to.template == seen.state.values["template"] and not seen.state.values["paused"]:
        return Wanted(cannot=f"{name} runs revision {to.number} already.")
    undone = seen.version if to.version != seen.version else ""
    return Wanted({**uid, "template": to.template, "paused": False}, versions=(to.version,), undone=undone)


def _image(seen: WorkloadNow, asked: OnWorkload, first: Mapping[str, Any]) -> Wanted:
    name, containers = f"{seen.kind} {seen.name}", seen.containers
    if not asked.image:
        return Wanted()
    if not _IMAGE.fullmatch(asked.image):
        return Wanted(cannot="An image is a name with a tag or a digest, such as registry/shop:18.0.1, without blanks.")
    container = asked.container or (containers[0] if len(containers) == 1 else "")
    if container not in containers:
        has = ", ".join(containers)
        return Wanted(cannot=f"{name} has no container {container}; it has {has}." if container else f"{name} has {has}: name one of them.")
    key = f"image {container}"
    if seen.state.values[key] == asked.image:
        return Wanted(cannot=f"{name} runs {asked.image} already.")
    version = asked.image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    want = {"uid": first["uid"], key: asked.image}
    return Wanted(want, {**first, key: seen.state.values[key]}, versions=(version,) if version else ())
