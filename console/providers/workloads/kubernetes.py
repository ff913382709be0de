"""Versions and health of what runs in Kubernetes: a Deployment a side, or the two pod templates of an Argo Rollout."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from console.model.clock import Clock
from console.model.errors import BadFile, Refused
from console.model.kubernetes import ArgoWorkloads, KubeDeployments, Side
from console.model.readings import SideVersion
from console.model.text import clean
from console.providers.clients.argo import HASH, read_rollout, recorded
from console.providers.clients.kubeobjects import number, objects, part
from console.providers.clients.kubernetes import DEPLOYMENTS, EVENTS, PODS, REPLICASETS, ROLLOUTS, KubeClient, Object
from console.providers.clients.kubewatch import any_of
from console.providers.clients.strict import malformed

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~:@/-]{0,99}")
_DIGEST = 12
_SHOWN = 3


class KubeDeploymentVersions:
    """Reads a Deployment: healthy once its controller has seen it and every replica runs the new pod template and is available."""

    def __init__(self, spec: KubeDeployments, kube: KubeClient, clock: Clock) -> None:
        self._spec = spec
        self._kube = kube
        self._clock = clock
        path = DEPLOYMENTS.path(spec.namespace)
        self._changes = tuple(kube.changes(path, name) for name in dict.fromkeys(spec.deployments.values()))

    async def changed(self) -> None:
        """Return once a Deployment of either side was changed, by anybody."""
        await any_of(self._changes)

    async def version(self, side: Side) -> SideVersion:
        """Return which version a side runs now; where it is not healthy, what its Deployment, pods and events say."""
        name = self._spec.deployments.get(side)
        if name is None:
            raise BadFile(f"No Deployment is known for {clean(side, 40)}.", advice="Add it under workloads in the target file.")
        at = self._clock.now()
        found = await self._kube.get(DEPLOYMENTS.path(self._spec.namespace, name), self._spec.timeout_s)
        system = f"Deployment {name} in {self._kube.system}"
        version = version_in(part(found, "spec", "template"), self._spec.version, self._spec.container, system)
        problems = list(deployment_problems(found))
        if problems:
            labels = part(found, "spec", "selector", "matchLabels")
            problems += await pods_in_words(self._kube, self._spec.namespace, labels, self._spec.timeout_s)
        return SideVersion(version, not problems, at, "; ".join(problems))


class ArgoVersions:
    """Reads an Argo Rollout: stable's pod template is kept by its ReplicaSet, the canary's stands in the Rollout."""

    def __init__(self, spec: ArgoWorkloads, sides: tuple[Side, Side], kube: KubeClient, clock: Clock) -> None:
        self._spec = spec
        self._sides = sides
        self._kube = kube
        self._clock = clock
        self._system = f"Rollout {spec.rollout} in {kube.system}"
        self._changes = kube.changes(ROLLOUTS.path(spec.namespace), spec.rollout)

    async def changed(self) -> None:
        """Return once the Rollout was changed, by anybody."""
        await self._changes.next()

    async def version(self, side: Side) -> SideVersion:
        """Return which version a side runs now. Where there is no canary, its side has what it ran last, as long as that is kept."""
        at = self._clock.now()
        found = await self._kube.get(ROLLOUTS.path(self._spec.namespace, self._spec.rollout), self._spec.timeout_s)
        seen = read_rollout(found, self._sides)
        if seen.trial and side == seen.stable:
            return await self._stable(seen.stable_hash, at)
        if not seen.trial and side == seen.canary and (before := recorded(found).get(side)):
            kept = await self._kept(before)
            if kept is not None:
                return SideVersion(self._version(kept), True, at, "kept and not running: an undo starts it again")
        wrong = [seen.message or f"it is {seen.phase}"] if seen.phase == "Degraded" and not seen.aborted else []
        if wrong:
            wrong += await self._pods(seen.canary_hash)
        return SideVersion(self._version(found), not wrong, at, "; ".join(clean(each, 120) for each in wrong))

    async def _stable(self, template: str, at: datetime) -> SideVersion:
        kept = await self._kept(template)
        if kept is None:
            raise malformed(self._system, "The ReplicaSet of its stable version is not there.")
        wanted, available = number(part(kept, "spec"), "replicas", 1), number(part(kept, "status"), "availableReplicas")
        wrong = [] if available >= wanted else [f"{available} of {wanted} replicas are available", *await self._pods(template)]
        return SideVersion(self._version(kept), not wrong, at, "; ".join(wrong))

    async def _kept(self, template: str) -> Object | None:
        """Return the ReplicaSet that keeps a pod template, None where it is gone."""
        path, spec = REPLICASETS.path(self._spec.namespace), self._spec
        found = await self._kube.get(path, spec.timeout_s, labelSelector=f"{HASH}={template}", limit="5")
        return next((each for each in objects(found, "items") if _owner(each) == spec.rollout), None)

    def _version(self, found: Object) -> str:
        return version_in(part(found, "spec", "template"), self._spec.version, self._spec.container, self._system)

    async def _pods(self, template: str) -> list[str]:
        return await pods_in_words(self._kube, self._spec.namespace, {HASH: template}, self._spec.timeout_s)


def version_in(template: Mapping[str, Any], where: str, container: str, system: str) -> str:
    """Return the version that a pod template tells. Raises Malformed where it tells none."""
    if where == "image":
        return _of_image(template, container, system)
    kind, _, key = where.partition(" ")
    found = part(template, "metadata", f"{kind}s").get(key.strip())
    if not isinstance(found, str) or not _VERSION.fullmatch(found):
        raise malformed(system, f"Its pods have no {kind} {key.strip()} that is a version.")
    return found


def _of_image(template: Mapping[str, Any], container: str, system: str) -> str:
    containers = objects(template, "spec", "containers")
    chosen = [each for each in containers if not container or each.get("name") == container]
    if not chosen:
        raise malformed(system, f"It has no container {clean(container, 60) or 'at all'}.")
    name, _, digest = str(chosen[0].get("image") or "").partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    found = tag or (f"{digest.partition(':')[0]}:{digest.partition(':')[2][:_DIGEST]}" if digest else "")
    if not _VERSION.fullmatch(found):
        raise malformed(system, f"The image {clean(name, 80)!r} has no tag that is a version.")
    return found


def deployment_problems(found: Object) -> Iterator[str]:
    """Yield what keeps a Deployment from being healthy (kubernetes.io, "Deployments", "Complete Deployment")."""
    spec, status = part(found, "spec"), part(found, "status")
    wanted = number(spec, "replicas", 1)
    seen, newest = number(status, "observedGeneration"), number(part(found, "metadata"), "generation")
    count = {key: number(status, key) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    if wanted == 0:
        yield "it is scaled to 0 replicas"
        return
    if seen < newest:
        yield "its controller has not seen the newest change yet"
    if count["updatedReplicas"] < wanted:
        yield f"{count['updatedReplicas']} of {wanted} replicas are updated" + (", and it is paused" if spec.get("paused") else "")
    elif count["replicas"] > count["updatedReplicas"]:
        yield f"{count['replicas'] - count['updatedReplicas']} replicas of an older version still run"
    if count["availableReplicas"] < wanted:
        yield f"{count['availableReplicas']} of {wanted} replicas are available"
    for condition in objects(found, "status", "conditions"):
        if condition.get("type") == "Progressing" and condition.get("status") == "False":
            yield clean(str(condition.get("message") or condition.get("reason") or ""), 120)


async def pods_in_words(kube: KubeClient, namespace: str, labels: Mapping[str, Any], timeout_s: float) -> list[str]:
    """Return why pods are not ready and their last warnings, a few; nothing where our account may not read them."""
    asked = ",".join(f"{key}={value}" for key, value in labels.items())
    try:
        pods = objects(await kube.get(PODS.path(namespace), timeout_s, labelSelector=asked, limit="50"), "items")
        words = [said for pod in pods if (said := pod_in_words(pod))][:_SHOWN]
        names = {str(part(pod, "metadata").get("name")) for pod in pods}
        events = objects(await kube.get(EVENTS.path(namespace), timeout_s, fieldSelector="type=Warning", limit="500"), "items")
    except Refused as refused:
        if refused.status != 403:
            raise
        return []
    ours = [event for event in events if part(event, "involvedObject").get("name") in names]
    ours.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    return [*words, *(_event_in_words(event) for event in ours[-_SHOWN:])]


def pod_in_words(pod: Object) -> str:
    """Return why a pod is not ready, "" when it is."""
    conditions = {str(each.get("type")): each for each in objects(pod, "status", "conditions")}
    if conditions.get("Ready", {}).get("status") == "True":
        return ""
    name, phase = clean(str(part(pod, "metadata").get("name")), 60), clean(str(part(pod, "status").get("phase") or "unknown"), 40)
    for each in (*objects(pod, "status", "initContainerStatuses"), *objects(pod, "status", "containerStatuses")):
        for state in ("waiting", "terminated"):
            if reason := part(each, "state", state).get("reason"):
                message = clean(str(part(each, "state", state).get("message") or ""), 120)
                return f"pod {name}: {clean(str(reason), 60)}" + (f" ({message})" if message else "")
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return f"pod {name} has no node: {clean(str(scheduled.get('message') or scheduled.get('reason') or ''), 120)}"
    return f"pod {name} is {phase.lower()} and not ready"


def _event_in_words(event: Object) -> str:
    return f"{clean(str(event.get('reason') or 'warning'), 40)}: {clean(str(event.get('message') or ''), 120)}"


def _owner(found: Object) -> str:
    return next((str(each.get("name")) for each in objects(found, "metadata", "ownerReferences") if each.get("kind") == "Rollout"), "")
