"""A real Alertmanager of one test's own alerts."""

import json
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from servers.children import Child, answers_http, free_ports
from servers.prometheus_process import find

CONFIG = "route: {receiver: none, group_wait: 0s}\nreceivers: [{name: none}]\n"


@dataclass
class AlertmanagerServer:
    """Where the Alertmanager listens, and its process."""

    port: int
    child: Child

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fire(self, name: str, *, ago_s: float = 60.0, summary: str = "", **labels: str) -> None:
        """Let an alert fire, past the console."""
        begun = datetime.now(UTC) - timedelta(seconds=ago_s)
        ends = datetime.now(UTC) + timedelta(hours=1)
        alert = {"labels": {"alertname": name, **labels}, "annotations": {"summary": summary}}
        self.ask("POST", "alerts", [{**alert, "startsAt": begun.isoformat(), "endsAt": ends.isoformat()}])

    def silences(self) -> list[Mapping[str, Any]]:
        """Return the silences that are not over, past the console."""
        return [each for each in self.ask("GET", "silences") if each["status"]["state"] != "expired"]

    def ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(f"{self.url}/api/v2/{path}", method=method, headers={"content-type": "application/json"})
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=5.0) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def reset(self) -> None:
        """Begin without alerts and silences."""
        if self.child.process is None:
            self.child.start()
        self.child.thaw()
        for silence in self.silences():
            self.ask("DELETE", f"silence/{silence['id']}")
        over = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
        began = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        alerts = self.ask("GET", "alerts")
        if alerts:
            self.ask("POST", "alerts", [{"labels": each["labels"], "startsAt": began, "endsAt": over} for each in alerts])


@pytest.fixture(scope="session")
def alertmanager_process() -> Iterator[AlertmanagerServer]:
    binary, (port,) = find("prometheus-alertmanager"), free_ports(1)
    with tempfile.TemporaryDirectory(prefix="alertmanager-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "a.yml").write_text(CONFIG)
        options = [f"--config.file={folder / 'a.yml'}", f"--storage.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
        ready = f"http://127.0.0.1:{port}/-/ready"
        child = Child([binary, *options, "--cluster.listen-address="], folder / "a.log", lambda: answers_http(ready))
        child.start()
        yield AlertmanagerServer(port, child)
        child.stop()


@pytest.fixture
def alertmanager_server(alertmanager_process: AlertmanagerServer) -> AlertmanagerServer:
    """A real Alertmanager, running, without alerts and silences."""
    alertmanager_process.reset()
    return alertmanager_process
