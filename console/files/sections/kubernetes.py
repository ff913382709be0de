"""The sections of a target file that name something in a Kubernetes cluster."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from console.files.fields import KubeLabel, KubeLabelValue, KubeName, KubeVersion, Program, Section, SideName, Span, Text, YesNo, usual
from console.files.problems import Mistake, shown
from console.files.spelling import Misspelled, read_weight, write_span
from console.model.kubernetes import (
    ArgoRollout,
    ArgoWorkloads,
    KubeCluster,
    KubeDeployments,
    KubeRoute,
    KubeService,
    KubeTraffic,
    KubeWorkloads,
)


class ClusterSection(Section):
    """Something in a Kubernetes cluster."""

    context: Text | None = None
    """The kubeconfig's context. There is no default: what kubectl uses now may be another cluster tomorrow."""
    in_cluster: YesNo = usual(False, "false")
    """Use the account of the pod that this console runs in, instead of a context."""
    kubeconfig: Text | None = None
    """Where the kubeconfig lies, seen from this file; left out: where kubectl looks."""
    login: list[Program] | None = None
    """The command by which the context logs in, with what it sets in the environment first. Another one is not run, nor is this one before
    the file is trusted."""
    namespace: KubeName
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""


class KubeServiceSection(ClusterSection):
    """A Service whose selector gives all traffic to one side or to the other."""

    provider: Literal["kubernetes-service"]
    service: KubeName
    label: KubeLabel
    """The key in the Service's selector that tells the sides apart."""
    values: dict[SideName, KubeLabelValue]
    """What the selector holds under that key for each side."""


class KubeRouteSection(ClusterSection):
    """A Gateway API HTTPRoute whose weights split the traffic."""

    provider: Literal["kubernetes-httproute"]
    route: KubeName
    backends: dict[SideName, KubeName]
    """The Service of each side. Every rule of the route that names both is changed, all in one write."""


class ArgoRolloutSection(ClusterSection):
    """An Argo Rollout with the canary strategy; its first side is stable until the other one was promoted."""

    provider: Literal["argo-rollout"]
    rollout: KubeName


class KubeDeploymentsSection(ClusterSection):
    """Deployments, one a side."""

    provider: Literal["kubernetes"]
    deployments: dict[SideName, KubeName]
    version: KubeVersion = "image"
    """Where a Deployment tells its version: its image's tag, or a label or an annotation of its pods."""
    container: KubeName | None = None
    """Whose image tells the version; left out: the first container's."""


class ArgoWorkloadsSection(ClusterSection):
    """The two versions that an Argo Rollout runs."""

    provider: Literal["argo-rollout"]
    rollout: KubeName
    version: KubeVersion = "image"
    """Where a version is told: the image's tag, or a label or an annotation of the pods."""
    container: KubeName | None = None
    """Whose image tells the version; left out: the first container's."""


KubeTrafficSection = KubeServiceSection | KubeRouteSection | ArgoRolloutSection
KubeWorkloadsSection = KubeDeploymentsSection | ArgoWorkloadsSection


def traffic_of(section: KubeTrafficSection) -> KubeTraffic:
    """Return the router that a section names."""
    cluster = _cluster_of(section)
    if isinstance(section, KubeServiceSection):
        return KubeService(cluster, section.namespace, section.service, section.label, section.values, section.timeout)
    if isinstance(section, KubeRouteSection):
        return KubeRoute(cluster, section.namespace, section.route, section.backends, section.timeout)
    return ArgoRollout(cluster, section.namespace, section.rollout, section.timeout)


def workloads_of(section: KubeWorkloadsSection) -> KubeWorkloads:
    """Return what runs on each side."""
    cluster, container = _cluster_of(section), section.container or ""
    if isinstance(section, KubeDeploymentsSection):
        return KubeDeployments(cluster, section.namespace, section.deployments, section.version, container, section.timeout)
    return ArgoWorkloads(cluster, section.namespace, section.rollout, section.version, container, section.timeout)


def logins_of(*sections: object) -> tuple[tuple[str, ...], ...]:
    """Return the commands by which sections log in to clusters."""
    return tuple(tuple(section.login) for section in sections if isinstance(section, ClusterSection) and section.login)


def written_kube_traffic(spec: KubeTraffic) -> dict[str, Any]:
    """Return a router as the file spells it."""
    if isinstance(spec, KubeService):
        return _written("kubernetes-service", spec, {"service": spec.service, "label": spec.label, "values": dict(spec.values)})
    if isinstance(spec, KubeRoute):
        return _written("kubernetes-httproute", spec, {"route": spec.route, "backends": dict(spec.backends)})
    return _written("argo-rollout", spec, {"rollout": spec.rollout})


def written_kube_workloads(spec: KubeWorkloads) -> dict[str, Any]:
    """Return what runs on each side as the file spells it."""
    told = {"version": spec.version, **({"container": spec.container} if spec.container else {})}
    if isinstance(spec, KubeDeployments):
        return _written("kubernetes", spec, {"deployments": dict(spec.deployments), **told})
    return _written("argo-rollout", spec, {"rollout": spec.rollout, **told})


def mistakes_on_kubernetes(tree: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what does not fit together in sections on Kubernetes; it reads the plain tree."""
    for part in ("traffic", "workloads"):
        section = tree.get(part)
        if not isinstance(section, dict) or str(section.get("provider")) not in _PROVIDERS:
            continue
        inside = str(section.get("in_cluster", "")).lower() in {"true", "yes"}
        if not inside and not section.get("context"):
            yield Mistake((part, "context"), "nothing", "the name of a kubeconfig's context, or `in_cluster: true`")
        for key in ("context", "kubeconfig", "login"):
            if inside and section.get(key):
                yield Mistake((part, key), shown(section[key]), "nothing: with `in_cluster` the pod's own account is used")
    traffic = tree.get("traffic")
    if isinstance(traffic, dict) and traffic.get("provider") == "kubernetes-service":
        yield from _all_or_nothing(tree.get("stages"))


def _all_or_nothing(stages: object) -> Iterator[Mistake]:
    for number, stage in enumerate(stages if isinstance(stages, list) else ()):
        weight = stage.get("weight") if isinstance(stage, dict) else None
        try:
            part = isinstance(weight, str) and read_weight(weight) not in {0, 100}
        except Misspelled:
            continue
        if part:
            yield Mistake(("stages", number, "weight"), shown(weight), "100 %: a Service's selector gives all traffic to one side")


_PROVIDERS = frozenset({"kubernetes", "kubernetes-service", "kubernetes-httproute", "argo-rollout"})


def _cluster_of(section: ClusterSection) -> KubeCluster:
    return KubeCluster(section.context or "", section.in_cluster, section.kubeconfig or "", tuple(section.login or ()))


def _written(provider: str, spec: KubeTraffic | KubeWorkloads, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section as the file spells it; `more` is what this provider has besides."""
    cluster = spec.cluster
    reached = {
        "context": cluster.context,
        "in_cluster": cluster.in_cluster,
        "kubeconfig": cluster.kubeconfig,
        "login": list(cluster.login),
    }
    given = {key: value for key, value in reached.items() if value}
    return {"provider": provider, **given, "namespace": spec.namespace, **more, "timeout": write_span(spec.timeout_s)}
