"""A real Kubernetes API with its controllers for Deployments and endpoints; without nodes, so a loop says that pods run."""

import base64
import gzip
import itertools
import json
import os
import shutil
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from servers.children import Child, answers_http, free_ports, require

from console.model.kubernetes import KubeCluster

HERE = Path(__file__).parent
INSTALL = (
    "apt-get install -y --no-install-recommends etcd-server golang-1.19-go golang-github-modern-go-reflect2-dev dpkg-dev "
    "&& sh tests/servers/kubernetes_build.sh"
)
KUBECTL = "apt-get install -y --no-install-recommends kubernetes-client"
ACCOUNTS = {"admin": "system:masters", "releaser": "releasers", "viewer": "viewers", "nobody": ""}
NEVER_READY = "tests/never-ready"
"""A pod with this annotation never becomes ready; its value is the reason that it waits for."""
_SERVICE_ACCOUNTS = "https://kubernetes.default.svc"


@dataclass
class KubeServer:
    """Where the API listens, how each account reaches it, and the processes."""

    port: int
    folder: Path
    tokens: Mapping[str, str]
    children: list[Child] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def at(cls, folder: Path) -> "KubeServer":
        """Return a server that is still to be started."""
        return cls(free_ports(1)[0], folder, {name: f"{name}-{os.urandom(12).hex()}" for name in ACCOUNTS})

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def cluster(self, account: str = "releaser") -> KubeCluster:
        """Return how the console reaches the cluster as an account."""
        return KubeCluster(context=account, kubeconfig=str(self.kubeconfig))

    def ask(self, method: str, path: str, body: Any = None, media: str = "application/json") -> Any:
        """Ask the API past the console, as the administrator."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.tokens['admin']}", "content-type": media}
        request = urllib.request.Request(f"{self.url}{path}", data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10.0, context=self._trust) as reply:
                return json.loads(reply.read())
        except urllib.error.HTTPError as error:
            error.add_note(error.read(2000).decode(errors="replace"))
            raise

    def merge(self, path: str, change: Any) -> Any:
        """Change an object past the console."""
        return self.ask("PATCH", path, change, "application/merge-patch+json")

    def kubectl(self, *words: str, stdin: str = "", account: str = "admin") -> str:
        """Run the real kubectl, which knows nothing of the console, and return what it says."""
        program = shutil.which("kubectl")
        require(program is not None, KUBECTL)
        argv = [str(program), "--kubeconfig", str(self.kubeconfig), "--context", account, "--cache-dir", str(self.folder / "cache"), *words]
        said = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=30, check=False)
        assert said.returncode == 0, said.stderr
        return said.stdout.strip()

    def new_namespace(self) -> str:
        """Make a namespace in which the releaser may release and the viewer may look."""
        name = f"shop-{os.getpid()}-{next(self._numbers)}"
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        for account, role in (("releaser", "releaser"), ("viewer", "view-all")):
            binding = {
                "metadata": {"name": account},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": account}],
            }
            self.ask("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/rolebindings", binding)
        return name

    @property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "certificates" / "apiserver.crt"))

    def stop(self) -> None:
        for child in reversed(self.children):
            child.stop()


class Kubelet:
    """Says of every pod that it runs and is ready, as the nodes would that are not there."""

    def __init__(self, server: KubeServer) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._addresses = itertools.count(1)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(20)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            with suppress(OSError, urllib.error.URLError):
                for pod in self._server.ask("GET", "/api/v1/pods")["items"]:
                    self._tend(pod)

    def _tend(self, pod: Mapping[str, Any]) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        with suppress(urllib.error.HTTPError):  # it went meanwhile
            if meta.get("deletionTimestamp"):
                self._server.ask("DELETE", path, {"gracePeriodSeconds": 0})
            elif pod["status"].get("phase") != "Running" and not pod["status"].get("containerStatuses"):
                self._server.merge(f"{path}/status", {"status": self._status(pod)})

    def _status(self, pod: Mapping[str, Any]) -> Mapping[str, Any]:
        stuck = pod["metadata"].get("annotations", {}).get(NEVER_READY)
        number = next(self._addresses)
        address = f"10.1.{number // 250}.{number % 250 + 1}"
        ready = "False" if stuck else "True"
        containers = [
            {
                "name": each["name"],
                "image": each["image"],
                "imageID": each["image"],
                "ready": not stuck,
                "restartCount": 0,
                "state": {"waiting": {"reason": stuck, "message": f"Back-off pulling image {each['image']}"}} if stuck else {"running": {}},
            }
            for each in pod["spec"]["containers"]
        ]
        conditions = [{"type": kind, "status": ready} for kind in ("Ready", "ContainersReady")]
        return {
            "phase": "Pending" if stuck else "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": conditions,
            "containerStatuses": containers,
        }


def boot_kubernetes(server: KubeServer) -> None:
    """Start etcd, the API server and the controllers, and make what every test needs."""
    etcd, binaries = shutil.which("etcd"), _binaries()
    require(etcd is not None and binaries is not None, INSTALL)
    folder, certificates = server.folder, server.folder / "certificates"
    store, peers = free_ports(2)
    users = "".join(f'{server.tokens[name]},{name},{name},"{group}"\n' for name, group in ACCOUNTS.items())
    (folder / "tokens.csv").write_text(users, encoding="utf-8")
    keys = _keys(folder)
    etcd_argv = [
        str(etcd),
        "--unsafe-no-fsync",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{store}",
        f"--advertise-client-urls=http://127.0.0.1:{store}",
        f"--listen-peer-urls=http://127.0.0.1:{peers}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peers}",
        f"--initial-cluster=default=http://127.0.0.1:{peers}",
    ]
    api_argv = [
        f"{binaries}/kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{store}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={server.port}",
        f"--cert-dir={certificates}",
        f"--service-account-issuer={_SERVICE_ACCOUNTS}",
        f"--service-account-key-file={keys}",
        f"--service-account-signing-key-file={keys}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        "--endpoint-reconciler-type=none",
    ]
    controllers_argv = [
        f"{binaries}/kube-controller-manager",
        f"--kubeconfig={server.kubeconfig}",
        "--leader-elect=false",
        "--controllers=deployment,replicaset,endpoint",
        "--port=0",
        "--secure-port=0",
    ]
    _start(server, etcd_argv, lambda: _healthy(f"http://127.0.0.1:{store}/health"))
    _start(server, api_argv, lambda: (certificates / "apiserver.crt").exists() and _ready(server))
    _write_kubeconfig(server, certificates / "apiserver.crt")
    _start(server, controllers_argv, lambda: True)
    _prepare(server)


def _binaries() -> Path | None:
    found = subprocess.run(["sh", str(HERE / "kubernetes_build.sh"), "--find"], capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def _start(server: KubeServer, argv: list[str], ready: Any) -> None:
    child = Child(argv, server.folder / f"{Path(argv[0]).name}.log", ready, ready_s=90.0)
    server.children.append(child)
    child.start()


def _keys(folder: Path) -> Path:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(65537, 2048)
    path = folder / "accounts.key"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    path.write_bytes(made.private_bytes(*form))
    return path


def _write_kubeconfig(server: KubeServer, certificate: Path) -> None:
    authority = base64.b64encode(certificate.read_bytes()).decode()
    named = [{"name": name, "context": {"cluster": "test", "user": name}} for name in ACCOUNTS]
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "admin",
        "clusters": [{"name": "test", "cluster": {"server": server.url, "certificate-authority-data": authority}}],
        "contexts": named,
        "users": [{"name": name, "user": {"token": token}} for name, token in server.tokens.items()],
    }
    server.kubeconfig.write_text(json.dumps(config), encoding="utf-8")
    server.kubeconfig.chmod(0o600)


def _prepare(server: KubeServer) -> None:
    for path in sorted((HERE / "kubernetes").glob("*.json.gz")):
        schema = _without_empty_defaults(json.loads(gzip.decompress(path.read_bytes())))
        server.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", schema)
    groups, kinds = ["", "apps", "gateway.networking.k8s.io", "argoproj.io"], ["get", "list", "watch"]
    may = {
        "view-all": [(groups, ["*"], kinds)],
        "releaser": [(groups, ["*"], [*kinds, "patch", "update"])],
    }
    for name, rules in may.items():
        made = [{"apiGroups": each, "resources": what, "verbs": verbs} for each, what, verbs in rules]
        server.ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", {"metadata": {"name": name}, "rules": made})
    see_cluster = {
        "metadata": {"name": "see-the-cluster"},
        "rules": [{"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]}],
    }
    server.ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", see_cluster)
    bound = {
        "metadata": {"name": "see-the-cluster"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "see-the-cluster"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name} for name in ("releaser", "viewer")],
    }
    server.ask("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", bound)


def _without_empty_defaults(schema: Any) -> Any:
    """Return a schema without defaults that are an empty text, which this old server takes for null and refuses.

    A list whose key had one is then no map any more, which matters to server-side apply alone.
    """
    if isinstance(schema, list):
        return [_without_empty_defaults(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    dropped = {"default"} if schema.get("default") == "" else set()
    keyed = schema.get("items", {}).get("properties", {}) if isinstance(schema.get("x-kubernetes-list-map-keys"), list) else {}
    if any(keyed.get(key, {}).get("default") == "" for key in schema.get("x-kubernetes-list-map-keys", ())):
        dropped = {"x-kubernetes-list-map-keys", "x-kubernetes-list-type"}
    return {key: _without_empty_defaults(value) for key, value in schema.items() if key not in dropped}


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0) as reply:
            return b"true" in reply.read()
    except (OSError, urllib.error.URLError):
        return False


def _ready(server: KubeServer) -> bool:
    """Tell whether the API has made what it makes at its start; before that, roles and namespaces are missing."""
    try:
        server.ask("GET", "/api/v1/namespaces/kube-system")
        request = urllib.request.Request(f"{server.url}/readyz", headers={"authorization": f"Bearer {server.tokens['admin']}"})
        with urllib.request.urlopen(request, timeout=2.0, context=server._trust) as reply:
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError, ssl.SSLError):
        return False


@contextmanager
def kubectl_proxy(server: KubeServer, folder: Path, account: str = "releaser") -> Iterator[str]:
    """Run a kubectl proxy: the real API without encryption, so that a fault can be put between."""
    program = shutil.which("kubectl")
    require(program is not None, KUBECTL)
    (port,) = free_ports(1)
    argv = [str(program), "--kubeconfig", str(server.kubeconfig), "--context", account, "proxy", f"--port={port}"]
    child = Child(argv, folder / "proxy.log", lambda: answers_http(f"http://127.0.0.1:{port}/version"))
    child.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        child.stop()


@pytest.fixture(scope="session")
def kubernetes_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeServer]:
    server = KubeServer.at(tmp_path_factory.mktemp("kubernetes"))
    kubelet = Kubelet(server)
    try:
        boot_kubernetes(server)
        kubelet.start()
        yield server
    finally:
        kubelet.stop()
        server.stop()


@pytest.fixture
def kubernetes_server(kubernetes_process: KubeServer) -> KubeServer:
    """A real Kubernetes API; each test makes a namespace of its own."""
    for child in kubernetes_process.children:
        if child.process is None:
            child.start()
        child.thaw()
    return kubernetes_process
