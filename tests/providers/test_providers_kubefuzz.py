"""Nothing that a kubeconfig or a server may hold breaks the readers: it is read, or told as what it is."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.model.clock import SystemClock
from console.model.errors import ConsoleError
from console.model.kubernetes import ArgoRollout, ArgoWorkloads, KubeCluster, KubeDeployments, KubeRoute, KubeService
from console.model.readings import SplitChange
from console.providers.clients.kubeconfig import access_of
from console.providers.traffic.argo_rollout import ArgoRouter
from console.providers.traffic.kubernetes_route import KubeRouteRouter
from console.providers.traffic.kubernetes_service import KubeServiceRouter
from console.providers.workloads.kubernetes import ArgoVersions, KubeDeploymentVersions

LEAVES = st.none() | st.booleans() | st.integers(-3, 200) | st.sampled_from(["", "blue", "green", "Service", "5", "{", "a:b@c", "\x1b[31m"])
ANY = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "weight"]), inner), max_leaves=5
)
CONFIG_KEYS = ("name", "context", "cluster", "user", "server", "token", "exec", "command", "args", "env", "apiVersion", "client-key-data")


@st.composite
def bent(draw: st.DrawFn, value: Any) -> Any:
    """Draw what has a good one's shape, in which any part may be missing or anything."""
    if draw(st.integers(0, 19)) == 0:
        return draw(ANY)
    if isinstance(value, dict):
        return {key: draw(bent(each)) for key, each in value.items() if draw(st.integers(0, 9)) > 0}
    if isinstance(value, list):
        return [draw(bent(each)) for each in value for _ in range(draw(st.integers(0, 2)))]
    return value


CONDITION = {"type": "Ready", "status": "False", "reason": "x", "message": "y", "observedGeneration": 1}
META = {
    "uid": "u",
    "resourceVersion": "1",
    "generation": 2,
    "name": "n",
    "labels": {"a": "b"},
    "annotations": {"release-console/sides": '{"blue": "h"}'},
    "ownerReferences": [{"kind": "Rollout", "name": "shop"}],
    "managedFields": [{"manager": "m", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {}}}],
}
TEMPLATE = {"metadata": {"labels": {"version": "1"}}, "spec": {"containers": [{"name": "web", "image": "a:1"}]}}
OBJECT = {
    "metadata": META,
    "spec": {
        "replicas": 2,
        "paused": False,
        "selector": {"version": "blue", "matchLabels": {"a": "b"}},
        "template": TEMPLATE,
        "rules": [{"backendRefs": [{"name": "blue", "weight": 1}, {"name": "green", "weight": 0, "kind": "Service"}]}],
        "strategy": {"canary": {"steps": [{"setWeight": 5}, {"pause": {"duration": 1}}], "trafficRouting": {}}},
    },
    "status": {
        "observedGeneration": 2,
        "replicas": 2,
        "updatedReplicas": 1,
        "availableReplicas": 1,
        "conditions": [CONDITION],
        "containerStatuses": [{"state": {"waiting": {"reason": "r"}}}],
        "parents": [{"parentRef": {"name": "g"}, "conditions": [CONDITION]}],
        "stableRS": "h",
        "currentPodHash": "i",
        "currentStepIndex": 1,
        "abort": False,
        "pauseConditions": [],
        "phase": "Degraded",
        "canary": {"weights": {"canary": {"weight": 5}}},
        "allowed": True,
    },
    "items": [{"metadata": META, "spec": {"replicas": 1, "template": TEMPLATE}, "status": {"conditions": [CONDITION]}}],
}
EXEC = {"apiVersion": "v1", "command": "x", "args": ["a"], "env": [{"name": "A", "value": "b"}]}
CONFIG = {
    "clusters": [{"name": "blue", "cluster": {"server": "https://h", "certificate-authority-data": "eA=="}}],
    "contexts": [{"name": "blue", "context": {"cluster": "blue", "user": "blue"}}],
    "users": [{"name": "blue", "user": {"token": "t", "exec": EXEC}}],
}


class Kube:
    """Answers everything with one object."""

    system = "Kubernetes"

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found

    async def get(self, *_: object, **__: object) -> Any:
        return self.found

    patch = create = get

    async def cluster_uid(self, *_: object) -> str:
        return "c"

    async def may(self, *_: object, **__: object) -> bool:
        return True

    def changes(self, *_: object) -> None:
        return None


@given(bent(CONFIG))
@settings(max_examples=100)
def test_any_kubeconfig_is_read_or_refused(tree: Any) -> None:
    told: list[ConsoleError] = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config").write_text(json.dumps(tree))
        try:
            access_of(KubeCluster("blue", kubeconfig="config"), Path(folder))
        except ConsoleError as error:
            told.append(error)
    assert all(error.advice for error in told)


@pytest.mark.anyio
@given(found=bent(OBJECT).filter(lambda each: isinstance(each, dict)))
@settings(max_examples=100)
async def test_any_object_of_a_server_is_read_or_refused(found: dict[str, Any]) -> None:
    kube: Any = Kube(found)
    cluster, pair, sides, clock = KubeCluster(), ("blue", "green"), {"blue": "blue", "green": "green"}, SystemClock()
    routers = (
        KubeServiceRouter(KubeService(cluster, "n", "s", "version", sides, 0.01), kube, clock),
        KubeRouteRouter(KubeRoute(cluster, "n", "r", sides, 0.01), kube, clock),
        ArgoRouter(ArgoRollout(cluster, "n", "shop", 0.01), pair, kube, clock),
    )
    change = SplitChange({"blue": 0, "green": 100}, "k", backward=True)
    told: list[ConsoleError] = []
    asked: list[Any] = [call for each in routers for call in (each.split, each.identity)]
    asked += [lambda each=each: each.foresee([5, 100]) for each in routers]
    asked += [lambda each=each: each.set_split(change) for each in routers]
    asked += [
        lambda: KubeDeploymentVersions(KubeDeployments(cluster, "n", sides), kube, clock).version("blue"),
        lambda: ArgoVersions(ArgoWorkloads(cluster, "n", "shop"), pair, kube, clock).version("blue"),
        lambda: ArgoVersions(ArgoWorkloads(cluster, "n", "shop"), pair, kube, clock).version("green"),
    ]
    for call in asked:
        try:
            await call()
        except ConsoleError as error:
            told.append(error)
    assert all(error.message for error in told)
