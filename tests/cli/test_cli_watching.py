"""A target whose counters a real Prometheus keeps and whose alerts a real Alertmanager has: checked, added and shown by commands."""

import re
from pathlib import Path

import pytest
from journeys.kit import Shell, target_text
from servers.alertmanager_process import AlertmanagerServer
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream
from servers.prometheus_process import PrometheusServer


@pytest.mark.envoy
def test_status_shows_the_prometheus_and_what_fires(
    envoy_server: EnvoyServer,
    upstreams: dict[str, Upstream],
    prometheus_server: PrometheusServer,
    alertmanager_server: AlertmanagerServer,
    tmp_path: Path,
) -> None:
    shell, sides = Shell(tmp_path / "home"), prometheus_server.sides
    more = f"""
alerts: {{provider: alertmanager, url: {alertmanager_server.url}, match: 'service="shop"', silence: 'alertname="Restarts"'}}
dashboards: [{{name: Latency, url: "https://grafana.example/d/x"}}]
"""
    metrics = f"""metrics:
  provider: prometheus
  url: {prometheus_server.url}
  poll: 500 ms
  scrape: 500 ms
  sides: {{blue: '{sides["blue"]}', green: '{sides["green"]}'}}
gates:"""
    text = re.sub(r"metrics:\n.*?gates:", metrics, target_text(envoy_server.admin, upstreams, more), flags=re.DOTALL)
    path = tmp_path / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    alertmanager_server.fire("CheckoutDown", severity="critical", summary="no orders", service="shop", ago_s=300)
    assert shell("target", "check", str(path)).out == f"{path}: good\n"
    assert shell("target", "add", str(path)).code == 0
    said = shell("target", "status", "shop")
    assert said.code == 0, said.err
    assert "alerts    1 alert fires, " in said.out
    assert "critical CheckoutDown no orders, for 5 min" in said.out
    assert re.search(rf"metrics   Prometheus 127\.0\.0\.1:{prometheus_server.port}: answers, [0-5] s old", said.out), said.out
    assert f"alerts    Alertmanager 127.0.0.1:{alertmanager_server.port}: answers" in said.out
    assert "dashboard Latency: https://grafana.example/d/x" in said.out
    found = shell("target", "status", "shop", "--json").document
    assert found["alerts"]["alerts"][0]["name"] == "CheckoutDown"  # type: ignore[index]
