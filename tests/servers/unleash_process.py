"""A real Unleash with a database of its own in the tests' PostgreSQL; each test makes a flag of its own."""

import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from servers.cached import CACHE
from servers.children import Child, answers_http, free_ports, require
from servers.postgres_process import PostgresServer

from console.model.systems import SecretRef, UnleashFlag

INSTALL = "sh tests/servers/unleash_install.sh"
ADMIN = "*:*.the-admin-token-of-the-tests"
CLIENTS = {"development": "default:development.the-client-token", "production": "default:production.the-client-token"}


@dataclass
class UnleashServer:
    """Where the Unleash listens, and its process."""

    url: str
    child: Child
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def spec(self, name: str) -> UnleashFlag:
        return UnleashFlag(self.url, name, "development", token=SecretRef("env", "ADMIN"), client_token=SecretRef("env", "CLIENT"))

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Send one request to the admin API past the console."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"authorization": ADMIN, "content-type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/admin/{path}", data=content, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=10.0) as reply:
            said = reply.read()
        return json.loads(said) if said else None

    def new_flag(self, percent: int | None = 100, *, on: bool = True) -> str:
        """Make a flag with a gradual rollout, None for one without strategies, and return its name."""
        name = f"flag-{next(self._numbers)}"
        self.ask("POST", "projects/default/features", {"name": name, "type": "release"})
        if percent is not None:
            self.add_strategy(name, "flexibleRollout", rollout=str(percent), stickiness="default", groupId=name)
        if on:
            self.ask("POST", f"{self.here(name)}/on", {})
        return name

    def add_strategy(self, name: str, kind: str, constraints: tuple[object, ...] = (), **parameters: str) -> None:
        body = {"name": kind, "parameters": parameters, "constraints": list(constraints), "segments": []}
        self.ask("POST", f"{self.here(name)}/strategies", body)

    def here(self, name: str) -> str:
        return f"projects/default/features/{name}/environments/development"

    def flag(self, name: str) -> tuple[bool, list[str]]:
        """Return whether a flag is on, and the percentages of its gradual rollouts."""
        value = self.ask("GET", self.here(name))
        rollouts = [each["parameters"]["rollout"] for each in value["strategies"] if each["name"] == "flexibleRollout"]
        return value["enabled"], rollouts

    def reset(self) -> None:
        """Start it where it does not run, and let it go where it is frozen."""
        if self.child.process is None or self.child.process.poll() is not None:
            self.child.start()
        self.child.thaw()
        until = time.monotonic() + 20
        while not self._has_its_database():  # another test may have stopped that
            assert time.monotonic() < until, f"Unleash does not answer: {self.child.log.read_text(errors='replace')[-1000:]}"
            time.sleep(0.05)

    def _has_its_database(self) -> bool:
        try:
            self.ask("GET", "projects/default/features")
        except OSError:
            return False
        return True


@pytest.fixture(scope="session")
def unleash_process(postgres_process: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnleashServer]:
    installed, node = CACHE / "unleash", shutil.which("node")
    require(bool(node) and (installed / ".installed").exists(), INSTALL)
    (port,) = free_ports(1)
    url, folder = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("unleash")
    settings = {
        "DATABASE_URL": postgres_process.url(postgres_process.new_database()),
        "DATABASE_SSL": "false",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(port),
        "INIT_ADMIN_API_TOKENS": ADMIN,
        "INIT_BACKEND_API_TOKENS": ",".join(CLIENTS.values()),
        "CHECK_VERSION": "false",
        "SEND_TELEMETRY": "false",
        "LOG_LEVEL": "warn",
        "NODE_OPTIONS": "--no-deprecation",
    }
    argv = ["env", *(f"{name}={value}" for name, value in settings.items())]
    argv += [str(node), str(installed / "node_modules" / "unleash-server" / "dist" / "server.js")]
    server = UnleashServer(url, Child(argv, folder / "unleash.log", lambda: answers_http(f"{url}/health"), ready_s=60.0))
    server.child.start()
    yield server
    server.child.stop()


@pytest.fixture
def unleash_server(postgres_server: PostgresServer, unleash_process: UnleashServer) -> UnleashServer:
    """A real Unleash."""
    unleash_process.reset()
    return unleash_process
