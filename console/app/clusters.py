"""Makes the providers of what a target has in Kubernetes, with one connection for each cluster that it names."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from console.model.clock import Clock
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
from console.model.ports import TrafficRouter, Workloads
from console.model.target import Target
from console.model.workloads import RunsWorkloads

if TYPE_CHECKING:
    from console.providers.clients.kubernetes import KubeClient


class Clusters:
    """The clusters of one target; `trusted` tells whether a person allowed the commands that its file names."""

    def __init__(self, target: Target, clock: Clock, trusted: Callable[[], bool]) -> None:
        self._target = target
        self._clock = clock
        self._trusted = trusted
        self._clients: dict[KubeCluster, KubeClient] = {}

    def router(self, spec: KubeTraffic) -> TrafficRouter:
        """Return the router of a target in Kubernetes."""
        kube = self._client(spec.cluster)
        if isinstance(spec, KubeService):
            from console.providers.traffic.kubernetes_service import KubeServiceRouter  # noqa: PLC0415

            return KubeServiceRouter(spec, kube, self._clock)
        if isinstance(spec, KubeRoute):
            from console.providers.traffic.kubernetes_route import KubeRouteRouter  # noqa: PLC0415

            return KubeRouteRouter(spec, kube, self._clock)
        from console.providers.traffic.argo_rollout import ArgoRouter  # noqa: PLC0415

        return ArgoRouter(spec, self._target.sides, kube, self._clock)

    def workloads(self, spec: KubeWorkloads) -> Workloads:
        """Return what tells the versions of a target in Kubernetes."""
        from console.providers.workloads.kubernetes import ArgoVersions, KubeDeploymentVersions  # noqa: PLC0415

        kube = self._client(spec.cluster)
        if isinstance(spec, KubeDeployments):
            return KubeDeploymentVersions(spec, kube, self._clock)
        return ArgoVersions(spec, self._target.sides, kube, self._clock)

    def work(self) -> RunsWorkloads | None:
        """Return what acts on the target's Deployments or Argo Rollout, None where it has none."""
        spec, traffic = self._target.workloads, self._target.traffic
        if isinstance(traffic, ArgoRollout) and not isinstance(spec, KubeWorkloads):
            spec = ArgoWorkloads(traffic.cluster, traffic.namespace, traffic.rollout, timeout_s=traffic.timeout_s)
        if not isinstance(spec, KubeWorkloads):
            return None
        from console.providers.workloads.kubernetes_work import KubeWork  # noqa: PLC0415

        return KubeWork(spec, self._target.sides, self._client(spec.cluster), self._clock)

    def _client(self, cluster: KubeCluster) -> "KubeClient":
        from console.providers.clients.kubernetes import KubeClient  # noqa: PLC0415

        if cluster not in self._clients:
            self._clients[cluster] = KubeClient(cluster, Path(self._target.path).parent, self._clock, self._trusted)
        return self._clients[cluster]

    async def aclose(self) -> None:
        """Let go of the connections to all clusters."""
        for client in self._clients.values():
            await client.aclose()
