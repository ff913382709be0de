"""A real Prometheus that scrapes both sides' services every second."""

import json
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from servers.children import Child, free_ports, require
from servers.fixtures import Upstream

from console.model.systems import PrometheusSource

INSTALL = "apt-get install -y --no-install-recommends prometheus prometheus-alertmanager"
SCRAPE_S = 0.5


@dataclass
class PrometheusServer:
    """Where the Prometheus listens, and its process. It tells the sides by the label `deployment`, as `shop-blue` and `shop-green`."""

    port: int
    child: Child
    sides: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def spec(self) -> PrometheusSource:
        return PrometheusSource(self.url, self.sides, poll_s=0.5, scrape_s=SCRAPE_S, timeout_s=3.0)

    def reset(self) -> None:
        if self.child.process is None:
            self.child.start()
        self.child.thaw()


def find(binary: str) -> str:
    """Return where a server's program is; skips or fails without it."""
    found = shutil.which(binary, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    require(found is not None, INSTALL)
    return str(found)


def boot_prometheus(folder: Path, upstream_ports: Mapping[str, int]) -> PrometheusServer:
    """Start a Prometheus on a free port."""
    binary, (port,) = find("prometheus"), free_ports(1)
    config = folder / "prometheus.yml"
    jobs = "\n".join(
        f"      - {{targets: ['127.0.0.1:{upstream}'], labels: {{deployment: shop-{side}}}}}" for side, upstream in upstream_ports.items()
    )
    config.write_text(
        f"global: {{scrape_interval: {SCRAPE_S * 1000:.0f}ms, scrape_timeout: {SCRAPE_S * 1000:.0f}ms}}\n"
        f"scrape_configs:\n  - job_name: shop\n    static_configs:\n{jobs}\n"
    )
    argv = [
        binary,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        "--scrape.discovery-reload-interval=100ms",  # else the first scrape waits for 5 s
    ]
    child = Child(argv, folder / "prometheus.log", lambda: _scrapes(port, len(upstream_ports)))
    child.start()
    return PrometheusServer(port, child, {side: f'deployment="shop-{side}"' for side in upstream_ports})


def _scrapes(port: int, count: int) -> bool:
    """Tell whether it has read every service at least once."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?query=up%3D%3D1", timeout=1.0) as reply:
            return len(json.load(reply)["data"]["result"]) == count
    except OSError:
        return False


@pytest.fixture(scope="session")
def prometheus_process(upstream_processes: dict[str, Upstream]) -> Iterator[PrometheusServer]:
    with tempfile.TemporaryDirectory(prefix="prometheus-", ignore_cleanup_errors=True) as folder:
        server = boot_prometheus(Path(folder), {side: each.port for side, each in upstream_processes.items()})
        yield server
        server.child.stop()


@pytest.fixture
def prometheus_server(upstreams: Mapping[str, Upstream], prometheus_process: PrometheusServer) -> PrometheusServer:
    """A real Prometheus, running, that scrapes blue and green."""
    prometheus_process.reset()
    return prometheus_process
