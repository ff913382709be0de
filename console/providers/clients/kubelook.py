"""Looks around in a Kubernetes namespace that no target file names yet: what can split traffic there, and what our account may do."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from console.model.errors import Refused
from console.model.text import clean
from console.model.wizard import Found, Part, Right, Route
from console.policy.drafting import guessed
from console.providers.clients.kubeconfig import Access
from console.providers.clients.kubeobjects import objects, part
from console.providers.clients.kubernetes import DEPLOYMENTS, EVENTS, PODS, ROLLOUTS, ROUTES, SERVICES, KubeClient, Object, Resource

_MOST = "500"
_S = 8.0
_WRITES: Mapping[str, Resource] = {"kubernetes-service": SERVICES, "kubernetes-httproute": ROUTES, "argo-rollout": ROLLOUTS}


def login_of(access: Access) -> tuple[str, ...]:
    """Return the words of the command by which a context logs in, none where it needs none."""
    return access.plugin.words if access.plugin is not None else ()


async def namespaces(kube: KubeClient) -> tuple[str, ...]:
    """Return the namespaces of a cluster. Raises Refused where our account may not list them."""
    found = await kube.get("/api/v1/namespaces", _S, limit=_MOST)
    return tuple(sorted(_name(each) for each in objects(found, "items")))


async def look_kubernetes(kube: KubeClient, namespace: str) -> Found:
    """Return what can split traffic in a namespace: Services, HTTPRoutes and Argo Rollouts, with the Deployments behind them."""
    kinds = (SERVICES, DEPLOYMENTS, ROUTES, ROLLOUTS)
    answers = await asyncio.gather(*(_list(kube, kind, namespace) for kind in kinds))
    services, deployments, routes, rollouts = (found for found, _ in answers)
    notes = tuple(dict.fromkeys(note for _, note in answers if note))
    split = _routes(routes, services, deployments)
    taken = {part.name for route in split for part in route.parts}  # a Service that is one side of a route is no place to switch
    free = [each for each in services if _name(each) not in taken]
    found = [*_rollouts(rollouts), *split, *_services(free, deployments)]
    return Found(kube.system, tuple(found), notes=notes)


async def kube_rights(kube: KubeClient, kind: str, namespace: str, name: str) -> tuple[Right, ...]:
    """Ask what our account may do with a route and beside it (SelfSubjectAccessReview)."""
    written = _WRITES[kind]
    asked: list[tuple[str, str, Resource, str]] = [
        (f"read {written.plural}", "get", written, name),
        (f"change {written.plural[:-1]} {name}", "patch", written, name),
        *([] if kind == "argo-rollout" else [("read deployments", "get", DEPLOYMENTS, "")]),
        ("list pods, to say why one is not healthy", "list", PODS, ""),
        ("list events, to say why one is not healthy", "list", EVENTS, ""),
    ]

    async def right(what: str, verb: str, resource: Resource, named: str) -> Right:
        allowed = await kube.may(verb, resource, namespace, named, timeout_s=_S)
        group = f" in the group {resource.group}" if resource.group else ""
        advice = f"A Role in {namespace} needs the verb {verb} on {resource.plural}{group}."
        return Right(what, allowed, "" if allowed else advice)

    return tuple(await asyncio.gather(*(right(*each) for each in asked)))


async def _list(kube: KubeClient, kind: Resource, namespace: str) -> tuple[Sequence[Object], str]:
    """Return the objects of a kind, or why they cannot be listed: a cluster that does not know the kind has none."""
    try:
        return objects(await kube.get(kind.path(namespace), _S, limit=_MOST), "items"), ""
    except Refused as refused:
        if refused.status == 404:
            return [], ""
        if refused.status == 403:
            return [], f"Our account may not list {kind.plural} in {namespace}: give it the verb list to find them here."
        raise


def _rollouts(rollouts: Sequence[Object]) -> list[Route]:
    found = []
    for each in rollouts:
        if part(each, "spec", "strategy", "canary"):
            name = _name(each)
            found.append(Route("argo-rollout", name, (Part("stable", 0), Part("canary", 1)), f"Argo Rollout, {_images(each)}"))
    return found


def _routes(routes: Sequence[Object], services: Sequence[Object], deployments: Sequence[Object]) -> list[Route]:
    behind = {_name(service): _behind(service, deployments) for service in services}
    found = []
    for each in routes:
        names: list[str] = []
        for rule in objects(each, "spec", "rules"):
            backends = [clean(str(one.get("name", "")), 80) for one in objects(rule, "backendRefs")]
            if len(backends) >= 2:
                names += [name for name in backends if name and name not in names]
        if len(names) >= 2:
            parts = (Part(name, detail=_detail(behind.get(name)), workload=_name(behind.get(name))) for name in names)
            found.append(Route("kubernetes-httproute", _name(each), guessed(parts), "HTTPRoute, by weight"))
    return found


def _services(services: Sequence[Object], deployments: Sequence[Object]) -> list[Route]:
    """Return the Services whose selector would choose another Deployment if one of its values were another."""
    found = []
    for service in services:
        selector = dict(part(service, "spec", "selector"))
        for key in selector:
            rest = {name: value for name, value in selector.items() if name != key}
            by_value: dict[str, Object] = {}
            for each in deployments:
                labels = part(each, "spec", "template", "metadata", "labels")
                if rest and key in labels and all(labels.get(name) == value for name, value in rest.items()):
                    by_value.setdefault(str(labels[key]), each)
            if len(by_value) >= 2 and str(selector[key]) in by_value:
                parts = (Part(clean(value, 63), detail=_detail(each), workload=_name(each)) for value, each in by_value.items())
                detail = f"Service, all or nothing, by the label {clean(key, 80)}"
                found.append(Route("kubernetes-service", _name(service), guessed(parts), detail, label=clean(key, 120)))
    return found


def _behind(service: Object, deployments: Sequence[Object]) -> Object | None:
    selector = part(service, "spec", "selector")
    for each in deployments:
        labels = part(each, "spec", "template", "metadata", "labels")
        if selector and all(labels.get(name) == value for name, value in selector.items()):
            return each
    return None


def _detail(deployment: Object | None) -> str:
    return f"Deployment {_name(deployment)}, {_images(deployment)}" if deployment is not None else "no Deployment behind it"


def _images(found: Object) -> str:
    images = [str(each.get("image", "")) for each in objects(found, "spec", "template", "spec", "containers")]
    return clean(images[0].rpartition("/")[2], 60) if images else "no image"


def _name(found: Mapping[str, Any] | None) -> str:
    return clean(str(part(found or {}, "metadata").get("name", "")), 120)
