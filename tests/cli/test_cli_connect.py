"""`target connect`: what is there as text, and a target made of it without a window."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from journeys.kit import Shell
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream
from servers.haproxy_process import HaproxyServer
from servers.prometheus_process import PrometheusServer

from console.files.targetfile import load_target


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "home")


@pytest.mark.haproxy
def test_a_haproxy_and_a_prometheus_become_a_target(
    shell: Shell, haproxy_server: HaproxyServer, prometheus_server: PrometheusServer, upstreams: Mapping[str, Upstream], tmp_path: Path
) -> None:
    upstreams["blue"].count(ok=3)
    file = tmp_path / "shop.yaml"
    where = ("--haproxy", f"127.0.0.1:{haproxy_server.port}", "--prometheus", prometheus_server.url, "--environment", "staging")
    shown = shell("target", "connect", *where)
    assert shown.code == 0, shown.err
    assert "set weights and states (its level is admin)" in shown.out
    assert "success by resolved_ok against resolved_failed" in shown.out
    assert "provider: haproxy" in shown.out
    made = shell("target", "connect", *where, "--to", str(file))
    assert made.code == 0, made.err
    assert "shop is added" in made.out
    assert load_target(file).traffic == haproxy_server.spec
    again = shell("target", "connect", *where, "--to", str(file))
    assert (again.code, "is there already" in again.err) == (2, True)


def test_an_envoy_is_shown_and_nothing_is_written(shell: Shell, envoy_server: EnvoyServer, tmp_path: Path) -> None:
    said = shell("target", "connect", "--envoy", envoy_server.spec.admin, "--name", "shop")
    assert said.code == 0, said.err
    assert f"runtime_prefix: {envoy_server.spec.runtime_prefix}" in said.out
    assert "no target" in shell("target", "list").out.lower() or "shop" not in shell("target", "list").out


def test_what_cannot_be_looked_at_is_told_with_its_exit_code(shell: Shell) -> None:
    assert shell("target", "connect").code == 2
    gone = shell("target", "connect", "--haproxy", "127.0.0.1:9")
    assert (gone.code, "cannot be reached" in gone.err) == (4, True)
    given = shell("target", "connect", "--haproxy", "127.0.0.1:9", "--prometheus", "http://127.0.0.1:9", "--token", "s3cret")
    assert (given.code, "s3cret" in given.err + given.out) == (2, False)
