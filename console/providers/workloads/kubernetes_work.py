"""Acts on Deployments and Argo Rollouts as kubectl's own verbs do, each as an absolute state that is compared before it is written."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.model.clock import Clock
from console.model.errors import BadFile, Malformed, Refused
from console.model.kubernetes import ArgoWorkloads, KubeDeployments, Side
from console.model.text import clean
from console.model.verbs import Verb
from console.model.workloads import LogAsked, Revision, WorkloadNow, WorkloadsNow, WorkloadState
from console.providers.clients.argo import HASH
from console.providers.clients.kubeobjects import Document, last_change, number, objects, part, turning, uid
from console.providers.clients.kubernetes import DEPLOYMENTS, PODS, REPLICASETS, ROLLOUTS, KubeClient, Object, Resource
from console.providers.workloads.kubernetes import deployment_problems, version_in
from console.providers.workloads.kubernetes_pods import analyses_of, events_of, instant, log_lines, pods_of, selector

RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The annotation by which `kubectl rollout restart` lets a Deployment make its pods anew."""

RIGHTS_S = 30.0
"""An answer to "may I?" is held so long."""

_HASHES = (HASH, "pod-template-hash")
_MOST = "100"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What differs between the kinds: where revisions are numbered, and which part of the object each verb writes."""

    name: str
    resource: Resource
    revision: str
    writes: Mapping[Verb, str]


_SPEC = dict.fromkeys((Verb.UNDO_WORKLOAD, Verb.PAUSE_WORKLOAD, Verb.RESUME_WORKLOAD, Verb.RESTART_WORKLOAD, Verb.SET_IMAGE), "")
_DEPLOYMENT = _Kind("Deployment", DEPLOYMENTS, "deployment.kubernetes.io/revision", _SPEC)
_ROLLOUT = _Kind("Rollout", ROLLOUTS, "rollout.argoproj.io/revision", {**_SPEC, Verb.RETRY_WORKLOAD: "status"})


class KubeWork:
    """The Deployments of both sides, or the one Argo Rollout that has both."""

    def __init__(self, spec: KubeDeployments | ArgoWorkloads, sides: tuple[Side, Side], kube: KubeClient, clock: Clock) -> None:
        self._spec, self._kube, self._clock = spec, kube, clock
        self._kind = _DEPLOYMENT if isinstance(spec, KubeDeployments) else _ROLLOUT
        named = (
            {side: spec.deployments[side] for side in sides} if isinstance(spec, KubeDeployments) else dict.fromkeys(sides, spec.rollout)
        )
        self._sides = {name: tuple(side for side in sides if named[side] == name) for name in dict.fromkeys(named.values())}
        self._documents = {
            name: Document(kube, self._kind.resource.path(spec.namespace, name), f"{self._kind.name} {name}", spec.timeout_s)
            for name in self._sides
        }
        self._rights: dict[str, tuple[float, Mapping[Verb, str], str]] = {}

    async def look(self) -> WorkloadsNow:
        """Return the workloads, their revisions, pods, events and analysis runs; what our account may not read is noted."""
        spec, at = self._spec, self._clock.now()
        seen = await asyncio.gather(*(self._look_at(name, at) for name in self._sides))
        workloads = tuple(each for each, _ in seen)
        found, notes = [each for _, each in seen], list[str]()
        selectors = {each.name: selector(there) for each, there in zip(workloads, found, strict=True)}
        pods = await pods_of(self._kube, spec.namespace, selectors, spec.timeout_s, notes)
        names = {*selectors, *(each.name for each in pods), *(each.name for workload in workloads for each in workload.revisions)}
        events = await events_of(self._kube, spec.namespace, names, spec.timeout_s, notes)
        runs = await analyses_of(self._kube, spec.namespace, found, spec.timeout_s, notes) if self._kind is _ROLLOUT else ()
        notes += [said for name in self._sides if (said := self._rights[name][2])]
        return WorkloadsNow(at, workloads, pods, events, runs, tuple(dict.fromkeys(notes)))

    async def state(self, name: str) -> WorkloadState:
        """Return one workload's configuration as it is now."""
        at = self._clock.now()
        return self._state(await self._document(name).read(), at)

    async def change(self, name: str, verb: Verb, want: Mapping[str, Any], *, backward: bool) -> None:
        """Ask for an absolute state of a workload: its pauses, its images, its pod template. Raises Refused with 409 for a late write."""
        document = self._document(name)
        if verb is Verb.RETRY_WORKLOAD:
            path = ROLLOUTS.path(self._spec.namespace, name, "status")
            await self._kube.patch(
                path, {"metadata": {"uid": want["uid"]}, "status": {"abort": bool(want["aborted"])}}, self._spec.timeout_s
            )
            return
        kept = await self._kept(name, str(want["template"])) if verb is Verb.UNDO_WORKLOAD else {}

        def merged(now: Object) -> Object | None:
            if "uid" in want and uid(now, document.what) != want["uid"]:
                raise _other(document.what)
            spec = self._undone(now, kept) if kept else self._spec_of(verb, want, now)
            return {"spec": spec} if spec else None

        await document.write(merged, backward=backward)

    def log(self, asked: LogAsked) -> AsyncGenerator[str, None]:
        """Yield the lines of a container's log."""
        return log_lines(self._kube, PODS.path(self._spec.namespace, asked.pod, "log"), asked, self._spec.timeout_s)

    def _undone(self, now: Object, kept: Mapping[str, Any]) -> dict[str, Any]:
        """Return what of a spec an undo changes. A paused workload goes on, or the undo would have no effect."""
        template = turning(part(now, "spec", "template"), kept)
        return ({"template": template} if template else {}) | ({"paused": False} if part(now, "spec").get("paused") else {})

    def _spec_of(self, verb: Verb, want: Mapping[str, Any], now: Object) -> dict[str, Any]:
        """Return what of a spec a verb changes, nothing where it is as wanted already."""
        if verb is Verb.SET_IMAGE:
            images = {key.removeprefix("image "): value for key, value in want.items() if key.startswith("image ")}
            containers = objects(now, "spec", "template", "spec", "containers")
            changed = [{**each, "image": images.get(str(each.get("name")), each.get("image"))} for each in containers]
            return {"template": {"spec": {"containers": changed}}} if changed != containers else {}
        if verb is Verb.RESTART_WORKLOAD:
            at = want["restarted_at"]
            if self._restarted(now) == at:
                return {}
            return {"restartAt": at} if self._kind is _ROLLOUT else {"template": {"metadata": {"annotations": {RESTARTED: at}}}}
        paused = bool(want["paused"])
        return {"paused": paused} if bool(part(now, "spec").get("paused")) is not paused else {}

    def _restarted(self, found: Object) -> str:
        annotated = part(found, "spec", "template", "metadata", "annotations").get(RESTARTED)
        return str((part(found, "spec").get("restartAt") if self._kind is _ROLLOUT else annotated) or "")

    async def _look_at(self, name: str, at: datetime) -> tuple[WorkloadNow, Object]:
        found = await self._document(name).read()
        revisions = await self._revisions(found)
        spec, status = part(found, "spec"), part(found, "status")
        wanted = number(spec, "replicas", 1)
        problems = list(deployment_problems(found)) if self._kind is _DEPLOYMENT else [_argo_words(status)]
        seen = WorkloadNow(
            name=name,
            kind=self._kind.name,
            sides=self._sides[name],
            version=self._version(part(spec, "template")),
            state=self._state(found, at),
            replicas=f"{number(status, 'availableReplicas')} of {wanted} available",
            revisions=revisions,
            verbs=await self._may(name),
            problem="; ".join(each for each in problems if each),
        )
        return seen, found

    def _state(self, found: Object, at: datetime) -> WorkloadState:
        spec, status = part(found, "spec"), part(found, "status")
        template = part(spec, "template")
        values: dict[str, Any] = {
            "uid": uid(found, self._kind.name),
            "paused": bool(spec.get("paused")),
            "template": digest(template),
            "restarted_at": self._restarted(found),
        }
        if self._kind is _ROLLOUT:
            values["aborted"] = bool(status.get("abort"))
        for each in objects(template, "spec", "containers"):
            values[f"image {clean(str(each.get('name')), 63)}"] = clean(str(each.get("image") or ""), 200)
        return WorkloadState(values, at, last_change(found))

    async def _revisions(self, found: Object) -> tuple[Revision, ...]:
        """Return the pod templates that a workload still keeps, the newest first; none where our account may not list ReplicaSets."""
        ours = str(part(found, "metadata").get("uid"))
        kept = await self._replicasets(found)
        runs = str(part(found, "metadata", "annotations").get(self._kind.revision) or "")
        hashed = str(part(found, "status").get("currentPodHash") or "")
        revisions = []
        for each in kept:
            if all(owner.get("uid") != ours for owner in objects(each, "metadata", "ownerReferences")):
                continue
            meta, template = part(each, "metadata"), part(each, "spec", "template")
            count = str(part(meta, "annotations").get(self._kind.revision) or "")
            current = part(meta, "labels").get(HASH) == hashed if hashed else bool(count) and count == runs
            version, made = self._version(template), instant(meta.get("creationTimestamp"))
            numbered = int(count) if count.isdecimal() and len(count) < 10 else 0
            revisions.append(Revision(numbered, clean(str(meta.get("name")), 80), digest(template), version, made, current))
        return tuple(sorted(revisions, key=lambda each: each.number, reverse=True))

    async def _replicasets(self, found: Object) -> list[Mapping[str, Any]]:
        path, labels = REPLICASETS.path(self._spec.namespace), selector(found)
        try:
            return objects(await self._kube.get(path, self._spec.timeout_s, labelSelector=labels, limit=_MOST), "items")
        except Refused as refused:
            if refused.status != 403:
                raise
            return []

    async def _kept(self, name: str, template: str) -> dict[str, Any]:
        """Return the pod template with a digest, as its ReplicaSet keeps it. Raises Refused where none does any more."""
        for each in await self._replicasets(await self._document(name).read()):
            pods = part(each, "spec", "template")
            owned = any(owner.get("name") == name for owner in objects(each, "metadata", "ownerReferences"))
            if owned and digest(pods) == template:
                return _without_hash(pods)
        raise Refused(
            f"{self._document(name).what} does not keep that revision any more.",
            status=404,
            means="Nothing was changed.",
            advice="Choose one that it still keeps, or deploy that version again.",
        )

    async def _may(self, name: str) -> Mapping[Verb, str]:
        """Return what our account may do with a workload, each verb with why not."""
        since = self._clock.elapsed()
        if name in self._rights and since - self._rights[name][0] < RIGHTS_S:
            return self._rights[name][1]
        may: dict[Verb, str] = {}
        note = ""
        for written in dict.fromkeys(self._kind.writes.values()):
            resource, spec = self._kind.resource, self._spec
            what = f"{resource.plural}/{written}" if written else resource.plural
            why = f"Our account may not change {self._document(name).what}: it needs the verb patch on {what} there."
            try:
                allowed = await self._kube.may("patch", resource, spec.namespace, name, part=written, timeout_s=spec.timeout_s)
            except Refused as refused:
                allowed, note = True, f"It could not be asked what our account may do: {refused.message}"
            may |= {verb: "" if allowed else why for verb, place in self._kind.writes.items() if place == written}
        self._rights[name] = since, may, note
        return may

    def _document(self, name: str) -> Document:
        found = self._documents.get(name)
        if found is None:
            known = " and ".join(self._documents)
            raise BadFile(f"The target has no workload {clean(name, 60)}.", advice=f"It has {known}.")
        return found

    def _version(self, template: Mapping[str, Any]) -> str:
        try:
            return version_in(template, self._spec.version, self._spec.container, self._kind.name)
        except Malformed:
            return "unknown"


def digest(template: Mapping[str, Any]) -> str:
    """Return what tells a pod template from others, whichever ReplicaSet keeps it: SHA-256, its first 16 hex digits."""
    text = json.dumps(_without_hash(template), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_hash(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pod template as the workload itself has it: its controller adds a hash, the server an empty creation time."""
    meta = {key: value for key, value in part(template, "metadata").items() if value is not None}
    labels = {key: value for key, value in part(meta, "labels").items() if key not in _HASHES}
    return {**template, "metadata": {**meta, **({"labels": labels} if labels else {})}}


def _argo_words(status: Mapping[str, Any]) -> str:
    phase, message = clean(str(status.get("phase") or ""), 40), clean(str(status.get("message") or ""), 120)
    return "" if phase in {"", "Healthy"} else f"{phase}: {message}" if message else phase


def _other(what: str) -> Refused:
    return Refused(
        f"{what} was deleted and made anew since it was looked at.",
        status=409,
        means="Nothing was changed: this is another object under the same name.",
        advice="Look at it, then decide again.",
    )
