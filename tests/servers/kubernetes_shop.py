"""A shop in a namespace of a real Kubernetes: two Deployments, a Service that chooses one of them, a route that splits between two."""

import json
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError

from servers.kubernetes_process import KubeServer

VERSIONS = {"blue": "17.4.0", "green": "18.0.0"}
APPS = "/apis/apps/v1/namespaces"
ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces"
ROLLOUTS = "/apis/argoproj.io/v1alpha1/namespaces"
STEPS = ({"setWeight": 0}, {"pause": {}}, {"setWeight": 5}, {"pause": {}}, {"setWeight": 50}, {"pause": {}})


@dataclass
class KubeShop:
    """Where the shop's objects are, and how they look past the console."""

    server: KubeServer
    namespace: str

    @property
    def service(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/services/shop"

    @property
    def route(self) -> str:
        return f"{ROUTES}/{self.namespace}/httproutes/shop"

    @property
    def rollout(self) -> str:
        return f"{ROLLOUTS}/{self.namespace}/rollouts/shop"

    def deployment(self, side: str) -> str:
        return f"{APPS}/{self.namespace}/deployments/shop-{side}"

    def kubectl(self, *words: str, stdin: str = "") -> str:
        return self.server.kubectl("-n", self.namespace, *words, stdin=stdin)

    def selected(self) -> str:
        """Return what the Service's selector says, by kubectl."""
        return self.kubectl("get", "service", "shop", "-o", "jsonpath={.spec.selector.version}")

    def weights(self) -> dict[str, int]:
        """Return the route's weights, by kubectl."""
        found = json.loads(self.kubectl("get", "httproute", "shop", "-o", "jsonpath={.spec.rules[0].backendRefs}"))
        return {each["name"]: each["weight"] for each in found}

    def wait_ready(self, *sides: str) -> None:
        for side in sides or VERSIONS:
            self.kubectl("rollout", "status", f"deployment/shop-{side}", "--timeout=20s")

    def deploy(self, side: str, image: str, replicas: int = 2, **annotations: str) -> None:
        labels = {"app": "shop", "version": side}
        pods = {
            "metadata": {"labels": {**labels, "release": image.rpartition(":")[2]}, "annotations": annotations},
            "spec": {"containers": [{"name": "web", "image": image}]},
        }
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pods}
        self.server.ask("POST", f"{APPS}/{self.namespace}/deployments", {"metadata": {"name": f"shop-{side}"}, "spec": spec})


def open_shop(server: KubeServer) -> KubeShop:
    """Make both sides, the Service on blue, and a route that gives blue everything."""
    shop = KubeShop(server, server.new_namespace())
    for side, version in VERSIONS.items():
        shop.deploy(side, f"registry:5000/shop:{version}")
        _serve(shop, f"shop-{side}", {"app": "shop", "version": side})
    _serve(shop, "shop", {"app": "shop", "version": "blue"})
    backends = [{"name": "shop-blue", "port": 80, "weight": 100}, {"name": "shop-green", "port": 80, "weight": 0}]
    admin = {"matches": [{"path": {"value": "/admin"}}], "backendRefs": [{"name": "shop-blue", "port": 80}]}
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "shop"},
        "spec": {"hostnames": ["shop.example"], "rules": [{"backendRefs": backends}, admin]},
    }
    server.ask("POST", f"{ROUTES}/{shop.namespace}/httproutes", route)
    return shop


def _serve(shop: KubeShop, name: str, selector: Mapping[str, str]) -> None:
    spec = {"selector": selector, "ports": [{"port": 80, "name": "http"}]}
    shop.server.ask("POST", f"/api/v1/namespaces/{shop.namespace}/services", {"metadata": {"name": name}, "spec": spec})


def roll_out(shop: KubeShop, version: str = "17.4.0", steps: Any = STEPS, replicas: int = 4, *, routed: bool = True) -> None:
    """Make an Argo Rollout, which nothing moves but a stand-in for its controller."""
    canary: dict[str, Any] = {"steps": list(steps)}
    if routed:
        canary |= {"stableService": "shop-blue", "canaryService": "shop-green", "trafficRouting": {"nginx": {"stableIngress": "shop"}}}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "rolled"}},
        "strategy": {"canary": canary},
        "template": {
            "metadata": {"labels": {"app": "rolled"}},
            "spec": {"containers": [{"name": "web", "image": f"registry:5000/shop:{version}"}]},
        },
    }
    made = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "shop"}, "spec": spec}
    shop.server.ask("POST", f"{ROLLOUTS}/{shop.namespace}/rollouts", made)


class ArgoStandIn:
    """Stands in for Argo's controller, which is not to be had: it moves one Rollout's status as the real one is documented to do.

    It keeps a ReplicaSet of no pods for each pod template, goes from setWeight to setWeight, waits at pauses, and follows abort, retry
    and full promotion. What it proves is what we send and how we read, not Argo.
    """

    def __init__(self, shop: KubeShop) -> None:
        self._shop = shop
        self._stop = threading.Event()
        self._kept, self._revision = "", 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "ArgoStandIn":
        self._thread.start()
        self.until(lambda status: status.get("phase") == "Healthy")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def until(self, holds: Any) -> None:
        ends = time.monotonic() + 20
        while not holds(self._shop.server.ask("GET", self._shop.rollout).get("status") or {}):
            assert time.monotonic() < ends, self._shop.server.ask("GET", self._shop.rollout)
            time.sleep(0.02)

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            with suppress(OSError, URLError):
                self._turn()

    def _turn(self) -> None:
        found = self._shop.server.ask("GET", self._shop.rollout)
        status = dict(found.get("status") or {})
        image = found["spec"]["template"]["spec"]["containers"][0]["image"]
        template = image.rpartition(":")[2].replace(".", "-")
        self._keep(found, template)
        moved = self._moved(found, status, template)
        if moved != found.get("status"):
            version = found["metadata"]["resourceVersion"]
            self._shop.server.merge(f"{self._shop.rollout}/status", {"metadata": {"resourceVersion": version}, "status": moved})

    def _keep(self, found: Any, template: str) -> None:
        sets = f"{APPS}/{self._shop.namespace}/replicasets"
        labels = {"app": "rolled", "rollouts-pod-template-hash": template}
        owner = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "name": "shop",
            "uid": found["metadata"]["uid"],
            "controller": True,
        }
        pods = {"metadata": {"labels": labels}, "spec": found["spec"]["template"]["spec"]}
        made = {
            "metadata": {"name": f"shop-{template}", "labels": labels, "ownerReferences": [owner]},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pods},
        }
        if self._kept == template:
            return
        self._kept, self._revision = template, self._revision + 1
        with suppress(URLError):  # it is there
            self._shop.server.ask("POST", sets, made)
        numbered = {"metadata": {"annotations": {"rollout.argoproj.io/revision": str(self._revision)}}}
        self._shop.server.merge(f"{sets}/shop-{template}", numbered)

    def _moved(self, found: Any, status: dict[str, Any], template: str) -> dict[str, Any]:
        steps = found["spec"]["strategy"]["canary"]["steps"]
        if status.get("currentPodHash") != template:
            status |= {"currentPodHash": template, "currentStepIndex": 0, "abort": False, "pauseConditions": None}
        status.setdefault("stableRS", template)
        status["observedGeneration"] = str(found["metadata"]["generation"])
        index, weight = (
            status.get("currentStepIndex") or 0,
            (status.get("canary") or {}).get("weights", {}).get("canary", {}).get("weight", 0),
        )
        if status.get("promoteFull") or status["stableRS"] == template or (index >= len(steps) and not status.get("abort")):
            index, weight = len(steps), 0
            status |= {"stableRS": template, "promoteFull": None, "pauseConditions": None, "controllerPause": None, "phase": "Healthy"}
        elif status.get("abort"):
            index, weight = 0, 0
            status |= {
                "phase": "Degraded",
                "message": "RolloutAborted: aborted by a person",
                "pauseConditions": None,
                "controllerPause": None,
            }
        elif not found["spec"].get("paused"):
            status["message"] = None
            index, weight = self._step(status, steps, index, weight)
        routes = {"canary": {"weight": weight, "serviceName": "shop-green"}, "stable": {"weight": 100 - weight, "serviceName": "shop-blue"}}
        if "trafficRouting" in found["spec"]["strategy"]["canary"]:
            status["canary"] = {"weights": routes}
        status["currentStepIndex"] = index
        return {key: value for key, value in status.items() if value is not None} | {
            key: None for key, value in status.items() if value is None
        }

    def _step(self, status: dict[str, Any], steps: Any, index: int, weight: int) -> tuple[int, int]:
        step = steps[index]
        status["phase"] = "Progressing"
        if "setWeight" in step:
            return index + 1, step["setWeight"]
        if status.get("pauseConditions"):
            status["phase"] = "Paused"
        elif status.get("controllerPause"):  # a person took the conditions away
            status["controllerPause"] = None
            return index + 1, weight
        else:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            status |= {"pauseConditions": [{"reason": "CanaryPauseStep", "startTime": now}], "controllerPause": True, "phase": "Paused"}
        return index, weight
