"""A release on a real Traefik with a flag of a real Unleash: asked, taken up and in effect are told apart, and the way back holds."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from journeys.kit import Shell, target_text
from servers.customer import Customer
from servers.fixtures import Upstream
from servers.traefik_process import TraefikServer
from servers.unleash_process import ADMIN, CLIENTS, UnleashServer

pytestmark = [pytest.mark.journey, pytest.mark.traefik, pytest.mark.unleash]


def traefik_text(server: TraefikServer, unleash: UnleashServer, flag: str, upstreams: Mapping[str, Upstream]) -> str:
    """Return the target file of the test Envoy with a Traefik in its place, and a flag of an Unleash."""
    text = target_text("http://127.0.0.1:1", upstreams)
    begin, end = text.index("traffic:"), text.index("workloads:")
    services = ", ".join(f"{side}: {side}" for side in server.ports)
    traffic = f"traffic: {{provider: traefik, api: {server.api!r}, file: {str(server.file)!r}, service: shop, services: {{{services}}}}}\n"
    found = f"flag: {{provider: unleash, url: {unleash.url!r}, environment: development, name: {flag}, "
    found += "token: env:UNLEASH_ADMIN, client_token: env:UNLEASH_CLIENT}\n"
    return (text[:begin] + traffic + found + text[end:]).replace("rollback: [traffic]", "rollback: [traffic, flag]")


@pytest.fixture
def flag(unleash_server: UnleashServer) -> str:
    return unleash_server.new_flag(percent=100)


@pytest.fixture
def shell(
    traefik_server: TraefikServer,
    unleash_server: UnleashServer,
    flag: str,
    upstreams: Mapping[str, Upstream],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Shell:
    monkeypatch.setenv("UNLEASH_ADMIN", ADMIN)
    monkeypatch.setenv("UNLEASH_CLIENT", CLIENTS["development"])
    file = tmp_path / "shop.yaml"
    file.write_text(traefik_text(traefik_server, unleash_server, flag, upstreams), encoding="utf-8")
    shell = Shell(tmp_path / "home")
    added = shell("target", "add", str(file))
    assert added.code == 0, added.err
    assert shell("target", "arm", "shop", "--reason", "test").code == 0
    return shell


def test_traffic_and_flag_go_back_together_and_the_file_keeps_its_comments(
    shell: Shell, traefik_server: TraefikServer, unleash_server: UnleashServer, flag: str
) -> None:
    there = shell("switch", "shop", "--to", "green", "--reason", "try it")
    assert there.code == 0, there.err
    assert Customer(traefik_server.url).side() == "green"
    status = shell("target", "status", "shop")
    assert "on for 100 %" in status.out
    assert "Traefik" in status.out
    back = shell("rollback", "shop", "--reason", "customers call")
    assert back.code == 0, back.err
    assert traefik_server.weights() == {"blue": 100, "green": 0}
    assert Customer(traefik_server.url).side() == "blue"
    assert traefik_server.file.read_text() == traefik_server.configured
    assert unleash_server.flag(flag) == (False, ["0"])
    assert shell("audit", "verify").code == 0
    for told in (there, status, back):
        assert not any(secret in told.out + told.err for secret in (ADMIN, CLIENTS["development"]))


def test_a_killed_flag_is_off_and_stays_harmless(shell: Shell, unleash_server: UnleashServer, flag: str) -> None:
    killed = shell("flag", "kill", "shop", flag, "--reason", "it breaks the basket")
    assert killed.code == 0, killed.err
    assert unleash_server.flag(flag) == (False, ["0"])


def test_a_file_that_traefik_does_not_take_up_stops_a_switch_and_says_why(shell: Shell, traefik_server: TraefikServer) -> None:
    broken = traefik_server.configured.replace("weight: 0 ", "weight: 30 ") + "tcp: [wrong, for, Traefik]\n"
    traefik_server.write(broken)
    refused = shell("switch", "shop", "--to", "green", "--reason", "try it")
    assert refused.code != 0
    assert "Traefik runs blue 100, green 0" in refused.out + refused.err
    assert traefik_server.file.read_text() == broken
    assert "which Traefik has not taken up" in shell("target", "status", "shop").out
