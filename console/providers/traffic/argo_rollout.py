"""An Argo Rollout as a router: its steps set the weights, and we promote it from pause to pause, or abort it."""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from console.model.clock import Clock
from console.model.errors import NotAllowed, Refused
from console.model.kubernetes import ArgoRollout, Side
from console.model.readings import Foreseen, Identity, RequestCounts, Split, SplitChange
from console.model.text import clean
from console.providers.clients import argo
from console.providers.clients.argo import HASH, SIDES, Reading, read_rollout
from console.providers.clients.kubeobjects import Document, objects, part, turning, uid
from console.providers.clients.kubernetes import REPLICASETS, ROLLOUTS, KubeClient, Object

LOOK_S = 0.1
"""How soon the controller is asked again whether it has seen a pod template that was put back."""


class ArgoRouter:
    """Maps weights to what Argo's own plugin does: the next step's weight is a promotion, 100 a full one, 0 an abort.

    Its controller decides when; a weight is what its status says. A weight that is not the next step's is refused in words. After a full
    promotion the way back is an undo: the pod template that the other side had is put back and fully promoted.
    """

    def __init__(self, spec: ArgoRollout, sides: tuple[Side, Side], kube: KubeClient, clock: Clock) -> None:
        self._spec = spec
        self._sides = sides
        self._kube = kube
        self._clock = clock
        self._path = ROLLOUTS.path(spec.namespace, spec.rollout)
        self._document = Document(kube, self._path, f"Rollout {spec.rollout}", spec.timeout_s)
        self._changes = kube.changes(ROLLOUTS.path(spec.namespace), spec.rollout)

    async def identity(self) -> Identity:
        """Return the cluster and the object: a Rollout that was deleted and made again is another one."""
        cluster = await self._kube.cluster_uid(self._spec.timeout_s)
        found = uid(await self._document.read(), self._document.what)
        return Identity(f"kubernetes {cluster} rollout {self._spec.namespace}/{self._spec.rollout} {found}", found)

    async def split(self) -> Split:
        """Return the weight that the Rollout's status says, and in the note what it is doing."""
        at = self._clock.now()
        found = await self._document.read()
        seen = read_rollout(found, self._sides)
        notes = [f"{seen.phase}: {clean(seen.message, 120)}" if seen.message else ""]
        if not argo.observed(found):
            notes.append("its controller has not seen the newest change yet")
        if seen.trial and not argo.routed(found):
            status = part(found, "status")
            notes.append(f"pods carry the split: {status.get('updatedReplicas') or 0} of {status.get('replicas') or 0} are the canary's")
        if seen.trial and seen.aborted:
            notes.append("aborted: a retry starts its steps again")
        return Split({seen.stable: 100.0 - seen.weight, seen.canary: seen.weight}, at, "; ".join(note for note in notes if note))

    async def set_split(self, change: SplitChange) -> None:
        """Promote, fully promote, abort or undo, whichever leads to the weights. Raises Refused where nothing leads there."""
        found = await self._document.read()
        seen = read_rollout(found, self._sides)
        wanted = float(change.weights.get(seen.canary, 0))
        if not seen.trial:
            await self._without_trial(found, seen, wanted)
        elif wanted == 0:
            await self.abort()
        elif wanted == 100:
            await self._note_sides(found, seen)
            await self.promote(full=True)
        elif wanted != seen.weight or seen.aborted:
            await self._to_step(found, seen, int(wanted), backward=change.backward)

    async def measured(self) -> RequestCounts:
        """Return no counts: the Rollout has none; those of the router that Argo drives are its metrics."""
        return RequestCounts({}, self._clock.now())

    async def changed(self) -> None:
        """Return once the object was changed, by anybody."""
        await self._changes.next()

    async def foresee(self, weights: Sequence[int]) -> Foreseen:
        """Tell beforehand whether our account may act, and which weights the Rollout's steps cannot give."""
        spec, found = self._spec, await self._document.read()
        obstacles, warnings = [], []
        for name in ("", "status"):
            if not await self._kube.may("patch", ROLLOUTS, spec.namespace, spec.rollout, part=name, timeout_s=spec.timeout_s):
                what = f"rollouts/{name}" if name else "rollouts"
                obstacles.append(f"Our account may not act on {self._document.what}: it needs the verb patch on {what} there.")
        obstacles += step_obstacles(found, weights, self._document.what)
        warnings += step_warnings(found, weights, self._document.what)
        return Foreseen(tuple(obstacles), tuple(warnings))

    async def promote(self, *, full: bool = False) -> None:
        """Let a paused Rollout go on to its next pause, or with `full` past all of its steps, pauses and analyses."""
        if full:
            await self._status({"promoteFull": True})
            return
        found = await self._document.read()
        if part(found, "status").get("pauseConditions"):
            await self._status({"pauseConditions": None})
        if part(found, "spec").get("paused"):
            await self._kube.patch(self._path, {"spec": {"paused": False}}, self._spec.timeout_s)

    async def pause(self, *, paused: bool = True) -> None:
        """Stop a Rollout where it stands, or let it go on."""
        await self._kube.patch(self._path, {"spec": {"paused": paused}}, self._spec.timeout_s)

    async def abort(self) -> None:
        """Return all traffic to stable; the new pod template stays in the Rollout."""
        await self._status({"abort": True})

    async def retry(self) -> None:
        """Begin the steps of an aborted Rollout again."""
        await self._status({"abort": False})

    async def restart(self) -> None:
        """Let all pods be made anew, from now on."""
        at = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        await self._kube.patch(self._path, {"spec": {"restartAt": at}}, self._spec.timeout_s)

    async def undo(self, template: str) -> None:
        """Put back the pod template with a hash. Raises NotAllowed where no ReplicaSet keeps it any more."""
        found = await self._kube.get(
            REPLICASETS.path(self._spec.namespace), self._spec.timeout_s, labelSelector=f"{HASH}={template}", limit="5"
        )
        kept = next((each for each in objects(found, "items") if self._owned(each)), None)
        if not template or kept is None:
            raise NotAllowed(
                f"{self._document.what} does not keep the version that it had before any more.",
                means="Nothing was changed.",
                advice="Deploy that version again, and raise revisionHistoryLimit so that it is kept.",
            )
        pods = dict(part(kept, "spec", "template"))
        meta = dict(part(pods, "metadata"))
        meta["labels"] = {key: value for key, value in part(meta, "labels").items() if key != HASH}
        pods["metadata"] = meta
        await self._document.write(lambda now: {"spec": {"template": turning(part(now, "spec", "template"), pods)}}, backward=True)

    async def _without_trial(self, found: Object, seen: Reading, wanted: float) -> None:
        """Act where one version has all the traffic: give it back to the one before, or tell that nothing is on trial."""
        if wanted == 0:
            return
        before = argo.recorded(found).get(seen.canary, "")
        if wanted != 100 or not before:
            raise Refused(
                f"{self._document.what} has no canary: one version has all the traffic.",
                means="Nothing was changed.",
                advice="Deploy the new version into its pod template first.",
            )
        await self.undo(before)
        try:
            async with asyncio.timeout(self._spec.timeout_s):
                while not (again := read_rollout(await self._document.read(), self._sides)).trial:  # noqa: ASYNC110 - elsewhere, no event
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return  # put back; the controller has not seen it yet, and reading back will tell
        if again.canary_hash == before:
            await self.promote(full=True)

    async def _to_step(self, found: Object, seen: Reading, wanted: int, *, backward: bool) -> None:
        """Go to the step with a weight, which must be the next one."""
        why = ""
        if backward or wanted < seen.weight:
            why = "it steps down to 0 % only, by an abort"
        elif seen.next_weight != wanted:
            nothing = "only full promotion" if seen.next_weight is None else f"{seen.next_weight} %"
            why = f"its next step is {nothing}"
        elif not seen.aborted and not (seen := await self._once_paused(seen)).paused:
            why = f"it is {seen.phase.lower() or 'busy'}, not paused"
        if why:
            raise Refused(
                f"{self._document.what} cannot go to {wanted} % now: {why}.",
                means="Nothing was changed.",
                advice="Match the stages in the target file with the Rollout's steps, a pause without duration after each weight.",
            )
        await self._note_sides(found, seen)
        await (self.retry() if seen.aborted else self.promote())

    async def _once_paused(self, seen: Reading) -> Reading:
        """Wait a moment for the pause that follows a weight which was only just reached; returns what was read last."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._spec.timeout_s / 2):
                while not seen.paused:
                    await asyncio.sleep(LOOK_S)
                    found = await self._kube.get(self._path, self._spec.timeout_s)  # not what the write is compared with
                    seen = read_rollout(found, self._sides)
        return seen

    async def _note_sides(self, found: Object, seen: Reading) -> None:
        """Write down which pod template each side has, compared with the Rollout as it was read: a conflict stops us before we act."""
        sides = {seen.stable: seen.stable_hash, seen.canary: seen.canary_hash}
        said = json.dumps(sides, sort_keys=True)

        def merged(now: Object) -> Object | None:
            known = part(now, "metadata", "annotations").get(SIDES) == said
            return None if known and now.get("spec") == found.get("spec") else {"metadata": {"annotations": {SIDES: said}}}

        await self._document.write(merged, backward=False)

    async def _status(self, change: Mapping[str, Any]) -> None:
        await self._kube.patch(f"{self._path}/status", {"status": dict(change)}, self._spec.timeout_s)

    def _owned(self, found: Object) -> bool:
        return any(
            owner.get("kind") == "Rollout" and owner.get("name") == self._spec.rollout
            for owner in objects(found, "metadata", "ownerReferences")
        )


def step_obstacles(found: Object, weights: Sequence[int], what: str) -> list[str]:
    """Return, in words, which weights a Rollout's steps cannot give; the weights are the stages' in order, 100 is full promotion."""
    if not part(found, "spec", "strategy").get("canary"):
        return [f"{what} does not use the canary strategy."]
    steps, obstacles = argo.steps(found), []
    known = [(index, weight) for index, weight in argo.step_weights(found) if weight > 0]
    wanted = [weight for weight in dict.fromkeys(weights) if 0 < weight < 100]
    has = f"its steps set {', '.join(f'{weight} %' for _, weight in known) or 'no weight'}"
    missing = [weight for weight in wanted if weight not in {each for _, each in known}]
    obstacles += [f"{what} has no step with {weight} %: {has}." for weight in missing]
    last = max(wanted, default=0)
    between = [weight for _, weight in known if weight not in wanted and weight < last]
    obstacles += [f"{what} has a step with {weight} % between the plan's stages: it would stop there." for weight in between]
    for index, weight in known:
        after = steps[index + 1] if index + 1 < len(steps) else {}
        if weight in wanted and ("pause" not in after or part(after, "pause").get("duration")):
            obstacles.append(f"{what} goes on from {weight} % by itself: that step needs a pause without duration after it.")
    return obstacles


def step_warnings(found: Object, weights: Sequence[int], what: str) -> list[str]:
    """Return, in words, what a person should know of a Rollout's steps before a start."""
    warnings, steps = [], argo.steps(found)
    if steps and not _waits(steps):
        warnings.append(f"{what} gives a new version traffic as soon as it is deployed: let its steps begin with setWeight 0 and a pause.")
    replicas = part(found, "spec").get("replicas", 1)
    if not argo.routed(found) and isinstance(replicas, int):
        for weight in dict.fromkeys(weights):
            pods, share = argo.pod_share(replicas, weight)
            if abs(share - weight) > 1:
                warnings.append(
                    f"{what} splits by pods: {weight} % of {replicas} replicas is {pods} pod{'' if pods == 1 else 's'}, "
                    f"about {share:.0f} % of traffic."
                )
    return warnings


def _waits(steps: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the steps begin with a wait for a person, before any weight."""
    first = steps[0]
    if "pause" in first:
        return not part(first, "pause").get("duration")
    return first.get("setWeight") == 0 and len(steps) > 1 and "pause" in steps[1] and not part(steps[1], "pause").get("duration")
