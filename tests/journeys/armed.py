"""A home whose console knows one target, armed, on a real Envoy; for the tests of journeys, commands and the app."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from journeys.kit import Shell, Wire, copied, prepare, wire_to
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream


@dataclass(frozen=True)
class Armed:
    """A home that knows the target `shop`, armed, and the wire over which it reaches its Envoy."""

    home: Path
    wire: Wire

    @property
    def shell(self) -> Shell:
        return Shell(self.home)


@pytest.fixture(scope="session")
def _first_home(
    envoy_process: EnvoyServer, upstream_processes: Mapping[str, Upstream], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Armed]:
    with wire_to(envoy_process.admin) as wire:
        yield Armed(prepare(tmp_path_factory.mktemp("armed"), wire.proxy.url, upstream_processes), wire)


@pytest.fixture
def armed(_first_home: Armed, envoy_server: EnvoyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Armed]:
    """A home of this test's own, on a real Envoy that gives blue all the traffic."""
    home = copied(_first_home.home, tmp_path / "home")
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(home))
    _first_home.wire.mend()
    _first_home.wire.forget()
    yield Armed(home, _first_home.wire)
    _first_home.wire.mend()
