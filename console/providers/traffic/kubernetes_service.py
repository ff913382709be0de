"""A Kubernetes Service as a router: its selector gives all traffic to one side, so the weights are 0 and 100."""

from collections.abc import Mapping, Sequence

from console.model.clock import Clock
from console.model.errors import Refused
from console.model.kubernetes import KubeService, Side
from console.model.readings import Foreseen, Identity, RequestCounts, Split, SplitChange
from console.model.text import clean
from console.providers.clients.kubeobjects import Document, no_ready_pod, part, uid
from console.providers.clients.kubernetes import SERVICES, KubeClient, Object


class KubeServiceRouter:
    """Moves all traffic by one write of one label in a selector, compared with the Service as it was read.

    The API server takes the selector at once; the endpoints follow within a second, and connections that are open stay where they are.
    Source: kubernetes.io, "Service", and "API concepts" on resourceVersion.
    """

    def __init__(self, spec: KubeService, kube: KubeClient, clock: Clock) -> None:
        self._spec = spec
        self._kube = kube
        self._clock = clock
        self._document = Document(kube, SERVICES.path(spec.namespace, spec.service), f"Service {spec.service}", spec.timeout_s)
        self._changes = kube.changes(SERVICES.path(spec.namespace), spec.service)

    async def identity(self) -> Identity:
        """Return the cluster and the object: a Service that was deleted and made again is another one."""
        cluster = await self._kube.cluster_uid(self._spec.timeout_s)
        found = uid(await self._document.read(), self._document.what)
        return Identity(f"kubernetes {cluster} service {self._spec.namespace}/{self._spec.service} {found}", found)

    async def split(self) -> Split:
        """Return which side the selector names; with neither, nobody knows who gets the traffic, and the note says why."""
        at = self._clock.now()
        chosen = self._chosen(await self._document.read())
        weights = {side: 100.0 if value == chosen else 0.0 for side, value in self._spec.values.items()}
        if any(weights.values()):
            return Split(weights, at)
        says = f"says {clean(str(chosen), 60)!r}, which is no side" if chosen else "is not there: pods of both sides may get traffic"
        return Split(weights, at, f"{self._spec.label} in the selector {says}")

    async def set_split(self, change: SplitChange) -> None:
        """Write the selector, which names one side. Refused for weights between 0 and 100, and for a Service changed meanwhile."""
        chosen = self._spec.values[self._side_of(change.weights)]

        def merged(now: Object) -> Object | None:
            return None if self._chosen(now) == chosen else {"spec": {"selector": {self._spec.label: chosen}}}

        await self._document.write(merged, backward=change.backward)

    async def measured(self) -> RequestCounts:
        """Return no counts: a Service has no request counters."""
        return RequestCounts({}, self._clock.now())

    async def changed(self) -> None:
        """Return once the object was changed, by anybody."""
        await self._changes.next()

    async def foresee(self, weights: Sequence[int]) -> Foreseen:
        """Tell beforehand whether our account may write, and whether each side has a pod that would take the traffic."""
        spec, found = self._spec, []
        if not await self._kube.may("patch", SERVICES, spec.namespace, spec.service, timeout_s=spec.timeout_s):
            found.append(f"Our account may not change {self._document.what}: it needs the verb patch on services there.")
        if any(weight not in {0, 100} for weight in weights):
            found.append(f"{self._document.what} gives all its traffic to one side: a stage below 100 % cannot be had.")
        selector = part(await self._document.read(), "spec", "selector")
        for side, value in spec.values.items():
            found += await no_ready_pod(self._kube, spec.namespace, {**selector, spec.label: value}, side, spec.timeout_s)
        return Foreseen(tuple(found))

    def _chosen(self, found: Object) -> str:
        return str(part(found, "spec", "selector").get(self._spec.label) or "")

    def _side_of(self, weights: Mapping[Side, int]) -> Side:
        whole = [side for side, weight in weights.items() if weight == 100]
        if len(whole) == 1 and sum(weights.values()) == 100:
            return whole[0]
        asked = ", ".join(f"{side} {weight} %" for side, weight in weights.items())
        raise Refused(
            f"{self._document.what} gives all its traffic to one side: {asked} cannot be had.",
            means="Nothing was sent.",
            advice="Plan a switch, or split the traffic with an HTTPRoute.",
        )
