"""Fixtures with real servers: started once per worker, put back to their configured state before each test that asks for them."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from servers.children import Child, answers_http, free_ports, post
from servers.envoy_process import EnvoyServer, boot_envoy
from servers.haproxy_process import HaproxyServer, boot_haproxy
from servers.traefik_process import TraefikServer, boot_traefik

SIDES = {"blue": "17.4.0", "green": "18.0.0"}


@dataclass
class Upstream:
    """One side's service."""

    side: str
    version: str
    port: int
    child: Child

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, *, ok: int = 0, failed: int = 0) -> None:
        """Let it count resolved sessions."""
        post(f"{self.url}/count?ok={ok}&failed={failed}")

    def deploy(self, version: str) -> None:
        """Let another version run there."""
        post(f"{self.url}/deploy?version={version}")

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=5.0) as reply:
            return str(reply.read().decode())

    def reset(self) -> None:
        if self.child.process is None:
            self.child.start()
        self.child.thaw()


@dataclass
class FlagServer(Upstream):
    """A flag service with one flag, `new-checkout`."""

    def seen(self) -> dict[str, object]:
        """Return the flag as the service has it, with the idempotency keys it was sent."""
        found: dict[str, object] = json.loads(self.get("/flag"))
        return found


def boot_upstream(folder: Path, side: str, version: str, kind: Callable[..., Upstream] = Upstream) -> Upstream:
    """Start one side's service on a free port."""
    (port,) = free_ports(1)
    argv = [sys.executable, str(Path(__file__).with_name("upstream_app.py")), side, version, str(port)]
    child = Child(argv, folder / f"{side}.log", lambda: answers_http(f"http://127.0.0.1:{port}/version"), stdin=subprocess.PIPE)
    child.start()
    return kind(side, version, port, child)


@pytest.fixture(scope="session")
def upstream_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Upstream]]:
    folder = tmp_path_factory.mktemp("upstreams")
    started = {side: boot_upstream(folder, side, version) for side, version in SIDES.items()}
    yield started
    for each in started.values():
        each.child.stop()


@pytest.fixture
def upstreams(upstream_processes: dict[str, Upstream]) -> Mapping[str, Upstream]:
    """Both sides' services, blue and green."""
    for each in upstream_processes.values():
        each.reset()
    return upstream_processes


@pytest.fixture(scope="session")
def envoy_process(upstream_processes: dict[str, Upstream], tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnvoyServer]:
    server = boot_envoy(tmp_path_factory.mktemp("envoy"), {side: each.port for side, each in upstream_processes.items()})
    yield server
    server.child.stop()


@pytest.fixture
def envoy_server(upstreams: Mapping[str, Upstream], envoy_process: EnvoyServer) -> EnvoyServer:
    """A real Envoy that gives blue all the traffic."""
    envoy_process.reset()
    return envoy_process


@pytest.fixture(scope="session")
def haproxy_process(upstream_processes: dict[str, Upstream], tmp_path_factory: pytest.TempPathFactory) -> Iterator[HaproxyServer]:
    server = boot_haproxy(tmp_path_factory.mktemp("haproxy"), {side: each.port for side, each in upstream_processes.items()})
    yield server
    server.child.stop()


@pytest.fixture
def haproxy_server(upstreams: Mapping[str, Upstream], haproxy_process: HaproxyServer) -> HaproxyServer:
    """A real HAProxy that gives blue all the traffic."""
    haproxy_process.reset()
    return haproxy_process


@pytest.fixture(scope="session")
def traefik_process(upstream_processes: dict[str, Upstream], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraefikServer]:
    server = boot_traefik(tmp_path_factory.mktemp("traefik"), {side: each.port for side, each in upstream_processes.items()})
    yield server
    server.child.stop()


@pytest.fixture
def traefik_server(upstreams: Mapping[str, Upstream], traefik_process: TraefikServer) -> TraefikServer:
    """A real Traefik that gives blue all the traffic."""
    traefik_process.reset()
    return traefik_process


@pytest.fixture
def flag_server(tmp_path: Path) -> Iterator[FlagServer]:
    """A flag service of its own for one test."""
    server = boot_upstream(tmp_path, "flags", "1", FlagServer)
    assert isinstance(server, FlagServer)
    yield server
    server.child.stop()
