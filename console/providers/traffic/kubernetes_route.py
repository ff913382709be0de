"""A Gateway API HTTPRoute as a router: the weights of its backendRefs split the traffic."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from console.model.clock import Clock
from console.model.errors import Refused
from console.model.kubernetes import KubeRoute, Side
from console.model.readings import Foreseen, Identity, RequestCounts, Split, SplitChange
from console.model.text import clean
from console.providers.clients.kubeobjects import Document, no_ready_pod, objects, part, uid
from console.providers.clients.kubernetes import ROUTES, SERVICES, KubeClient, Object
from console.providers.clients.strict import malformed
from console.providers.traffic.shares import shares


class KubeRouteRouter:
    """Writes the weights of all rules that name both sides in one write, compared with the route as it was read.

    A weight is a part of the sum in its rule, 1 where none is given (gateway-api.sigs.k8s.io, "HTTPBackendRef"). The API server takes a
    weight before the gateway does; what the gateways say of this generation stands in the note.
    """

    def __init__(self, spec: KubeRoute, kube: KubeClient, clock: Clock) -> None:
        self._spec = spec
        self._kube = kube
        self._clock = clock
        self._document = Document(kube, ROUTES.path(spec.namespace, spec.route), f"HTTPRoute {spec.route}", spec.timeout_s)
        self._changes = kube.changes(ROUTES.path(spec.namespace), spec.route)

    async def identity(self) -> Identity:
        """Return the cluster and the object: a route that was deleted and made again is another one."""
        cluster = await self._kube.cluster_uid(self._spec.timeout_s)
        found = uid(await self._document.read(), self._document.what)
        return Identity(f"kubernetes {cluster} httproute {self._spec.namespace}/{self._spec.route} {found}", found)

    async def split(self) -> Split:
        """Return the weights of the rules that name both sides; where the rules differ, those of the first, and a note."""
        at = self._clock.now()
        found = await self._document.read()
        splits = [self._weights(rule) for rule in self._rules(found)]
        notes = [_gateways(found)]
        if any(shares(each) != shares(splits[0]) for each in splits[1:]):
            notes.append("its rules split differently: the first one is shown")
        if sum(splits[0].values()) == 0:
            notes.append("both weights are 0: every request is answered 500")
        return Split(shares(splits[0]), at, "; ".join(note for note in notes if note))

    async def set_split(self, change: SplitChange) -> None:
        """Write the weights of every rule that names both sides. Refused for a route whose spec was changed meanwhile."""
        names = {self._spec.backends[side]: weight for side, weight in change.weights.items()}

        def merged(now: Object) -> Object | None:
            if all(self._weights(rule) == dict(change.weights) for rule in self._rules(now)):
                return None
            rules = deepcopy(objects(now, "spec", "rules"))
            for rule in rules:
                if self._names_both(rule):
                    left = dict(names)  # a Service that is named twice in a rule gets its weight once
                    for backend in objects(rule, "backendRefs"):
                        if _is_service(backend, self._spec.namespace) and str(backend.get("name")) in names:
                            _as_dict(backend)["weight"] = left.pop(str(backend.get("name")), 0)
            return {"spec": {"rules": rules}}

        await self._document.write(merged, backward=change.backward)

    async def measured(self) -> RequestCounts:
        """Return no counts: an HTTPRoute has none; the gateway's own are its metrics."""
        return RequestCounts({}, self._clock.now())

    async def changed(self) -> None:
        """Return once the object was changed, by anybody."""
        await self._changes.next()

    async def foresee(self, weights: Sequence[int]) -> Foreseen:
        """Tell beforehand whether our account may write, whether both Services exist, and whether a gateway takes the route at all."""
        del weights  # whole per cents can all be had
        spec, found, warned = self._spec, [], []
        if not await self._kube.may("patch", ROUTES, spec.namespace, spec.route, timeout_s=spec.timeout_s):
            found.append(f"Our account may not change {self._document.what}: it needs the verb patch on httproutes there.")
        for side, name in spec.backends.items():
            try:
                service = await self._kube.get(SERVICES.path(spec.namespace, name), spec.timeout_s)
                if selector := part(service, "spec", "selector"):
                    found += await no_ready_pod(self._kube, spec.namespace, selector, side, spec.timeout_s)
            except Refused as refused:
                if refused.status == 404:
                    found.append(f"The Service {name} of {side} is not there: its traffic would be answered 500.")
                elif refused.status != 403:
                    raise
        if note := _gateways(await self._document.read()):
            warned.append(f"{self._document.what}: {note}.")
        return Foreseen(tuple(found), tuple(warned))

    def _rules(self, found: Object) -> list[Mapping[str, Any]]:
        """Return the rules that name both sides. Raises Refused when there is none: a weight would then move no traffic."""
        rules = [rule for rule in objects(found, "spec", "rules") if self._names_both(rule)]
        if rules:
            return rules
        raise Refused(
            f"{self._document.what} has no rule that names both {' and '.join(self._spec.backends.values())}.",
            means="Weights there would move no traffic between the sides.",
            advice="Check the backends in the target file against the route's backendRefs.",
        )

    def _names_both(self, rule: Mapping[str, Any]) -> bool:
        named = {str(each.get("name")) for each in objects(rule, "backendRefs") if _is_service(each, self._spec.namespace)}
        return named >= set(self._spec.backends.values())

    def _weights(self, rule: Mapping[str, Any]) -> dict[Side, int]:
        by_name: dict[str, int] = {}
        for backend in objects(rule, "backendRefs"):
            weight = backend.get("weight", 1)
            if not isinstance(weight, int) or isinstance(weight, bool) or weight < 0:
                raise malformed(self._document.what, "A weight is no whole number.")
            if _is_service(backend, self._spec.namespace):
                by_name[str(backend.get("name"))] = by_name.get(str(backend.get("name")), 0) + weight
        return {side: by_name[name] for side, name in self._spec.backends.items()}


def _is_service(backend: Mapping[str, Any], namespace: str) -> bool:
    kind, group = backend.get("kind") or "Service", backend.get("group") or ""
    return kind == "Service" and group == "" and (backend.get("namespace") or namespace) == namespace


def _as_dict(value: Mapping[str, Any]) -> dict[str, Any]:
    assert isinstance(value, dict)  # noqa: S101 - a deep copy of JSON
    return value


def _gateways(found: Object) -> str:
    """Return what the gateways do not take of the route as it stands, in words; "" when all take it."""
    parents = objects(found, "status", "parents")
    if not parents:
        return "no gateway has said that it takes this route"
    generation, said = part(found, "metadata").get("generation"), []
    for parent in parents:
        name = clean(str(part(parent, "parentRef").get("name") or "?"), 60)
        accepted = next((each for each in objects(parent, "conditions") if each.get("type") == "Accepted"), {})
        if accepted.get("status") != "True":
            why = clean(str(accepted.get("message") or accepted.get("reason") or "it has not said why"), 120)
            said.append(f"gateway {name} does not take it ({why})")
        elif accepted.get("observedGeneration") != generation:
            said.append(f"gateway {name} has not seen the newest weights yet")
    return "; ".join(said)
