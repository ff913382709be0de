"""Releases judged by a real Prometheus, with the alerts that they are expected to raise silenced in a real Alertmanager while they run."""

import os
import re
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen

import pytest
from journeys.kit import Shell, Traffic, target_text
from servers.alertmanager_process import AlertmanagerServer
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream
from servers.prometheus_process import PrometheusServer

from console.engine.silencing import LEASE_S

pytestmark = [pytest.mark.envoy, pytest.mark.journey]

LONG_S = 60.0


@pytest.fixture
def shell(
    envoy_server: EnvoyServer,
    prometheus_server: PrometheusServer,
    alertmanager_server: AlertmanagerServer,
    upstreams: dict[str, Upstream],
    tmp_path: Path,
) -> Shell:
    """A home whose shop has its counters in the Prometheus and its alerts in the Alertmanager; its release stands at 25 % for a moment."""
    sides = prometheus_server.sides
    alerts = "alerts: {provider: alertmanager, url: URL, match: 'service=\"shop\"', silence: 'alertname=\"Restarts\"'}"
    more = f"{alerts.replace('URL', alertmanager_server.url)}\nafter_a_fail: {{roll_back_after: 1 s}}"
    text = target_text(envoy_server.admin, upstreams, more, "  - {weight: 25 %, wait: 2 s}")
    metrics = f"provider: prometheus\n  url: {prometheus_server.url}\n  poll: 500 ms\n  scrape: 500 ms\n"
    metrics += f"  sides: {{blue: '{sides['blue']}', green: '{sides['green']}'}}\ngates:"
    text = re.sub(r"provider: openmetrics.*?gates:", metrics, text, flags=re.DOTALL)
    made = Shell(tmp_path / "home")
    made.home.mkdir()
    (made.home / "shop.yaml").write_text(text, encoding="utf-8")
    for words in (("target", "add", str(made.home / "shop.yaml")), ("target", "arm", "shop")):
        said = made(*words)
        assert said.code == 0, said.err
    return made


def start(shell: Shell) -> "Popen[str]":
    planned = shell("release", "plan", "shop", "--version", "18.0.0", "--json")
    assert planned.code == 0, planned.err
    return shell.start("release", "start", str(planned.document["plan_hash"]), "--reason", "a quiet Tuesday")


def wait(holds: Callable[[], object], what: str, process: "Popen[str]") -> None:
    ends = time.monotonic() + LONG_S
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ends, what
        time.sleep(0.1)


def test_a_release_that_prometheus_judges_is_done_and_its_silence_with_it(
    shell: Shell, alertmanager_server: AlertmanagerServer, upstreams: dict[str, Upstream]
) -> None:
    with Traffic(upstreams), start(shell) as process:
        wait(alertmanager_server.silences, "alerts are silenced", process)
        (silence,) = alertmanager_server.silences()
        out, err = process.communicate(timeout=LONG_S)
        assert process.returncode == 0, (out, err)
    assert {(each["name"], each["value"]) for each in silence["matchers"]} == {("service", "shop"), ("alertname", "Restarts")}
    assert alertmanager_server.silences() == []
    recorded = shell("audit", "list", "--json").out
    assert recorded.count('"silence alerts"') == 2
    assert recorded.count('"end silence"') == 2


def test_a_release_that_fails_in_prometheus_goes_back_and_its_silence_ends(
    shell: Shell, alertmanager_server: AlertmanagerServer, envoy_server: EnvoyServer, upstreams: dict[str, Upstream]
) -> None:
    traffic = Traffic(upstreams)
    traffic.canary_fails = True
    with traffic, start(shell) as process:
        wait(alertmanager_server.silences, "alerts are silenced", process)
        out, _ = process.communicate(timeout=LONG_S)
    assert process.returncode == 1, out
    assert envoy_server.runtime().get("routing.shop.green", "0") == "0"
    assert alertmanager_server.silences() == []


def test_a_console_that_is_killed_leaves_a_silence_that_ends_by_itself(
    shell: Shell, alertmanager_server: AlertmanagerServer, upstreams: dict[str, Upstream]
) -> None:
    with Traffic(upstreams), start(shell) as process:
        wait(alertmanager_server.silences, "alerts are silenced", process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    (silence,) = alertmanager_server.silences()
    assert datetime.fromisoformat(silence["endsAt"]) <= datetime.now(UTC) + timedelta(seconds=LEASE_S)
