"""From nothing to a working target in the real window, without a query typed by hand."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from journeys.window import Program, program
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit
from pytestqt.qtbot import QtBot
from servers.fixtures import Upstream
from servers.haproxy_process import HaproxyServer
from servers.kubernetes_process import KubeServer
from servers.kubernetes_shop import open_shop
from servers.prometheus_process import PrometheusServer

from console.desktop.pages.connect import ConnectTarget
from console.desktop.pages.dialog import AskingWhy
from console.desktop.pages.targets import TargetsPage
from console.files.targetfile import load_target
from console.model.kubernetes import KubeDeployments, KubeRoute
from console.model.systems import PrometheusSource
from console.model.target import Environment, SessionGate
from console.model.views import TargetView

pytestmark = pytest.mark.journey


def opened_wizard(running: Program) -> ConnectTarget:
    """Open the wizard from the first start."""
    page = running.inside.pages["targets"]
    assert isinstance(page, TargetsPage)
    running.until(page.first.isVisible, "the first start")
    running.click(page.first.adding.wizard)
    assert page.wizard is not None
    assert page.wizard.isVisible()
    return page.wizard


def typed(field: QLineEdit, text: str) -> None:
    field.selectAll()
    QTest.keyClicks(field, text)


def onward(running: Program, wizard: ConnectTarget, what: str) -> None:
    """Wait until the wizard can go on, then go on."""
    at = wizard.at
    running.until(wizard.next.isEnabled, f"{what}: {wizard.steps[at].blocked()}", 30_000)
    running.click(wizard.next)
    running.until(lambda: wizard.at == at + 1, f"after {what}", 30_000)


def told(running: Program, name: str) -> TargetView:
    """Return a target as the window was told of it, once each connection was read."""
    known = running.inside.pages["targets"].around.known.targets
    running.until(lambda: name in known and all(each.ok for each in known[name].connections) and bool(known[name].connections), name)
    return known[name]


@pytest.mark.haproxy
def test_a_haproxy_and_a_prometheus_become_a_working_target(
    qapp: QApplication,
    qtbot: QtBot,
    haproxy_server: HaproxyServer,
    prometheus_server: PrometheusServer,
    upstreams: Mapping[str, Upstream],
    tmp_path: Path,
) -> None:
    upstreams["blue"].count(ok=97, failed=3)
    with program(qapp, qtbot) as running:
        wizard = opened_wizard(running)
        assert not wizard.next.isEnabled()
        typed(wizard.traffic.address["haproxy"], f"127.0.0.1:{haproxy_server.port}")
        running.click(wizard.traffic.looking.button)
        running.until(lambda: wizard.traffic.readings.text() != "", "the router is read", 30_000)
        assert "haproxy test-lb shop" in wizard.traffic.readings.text()
        onward(running, wizard, "traffic")
        running.until(lambda: "green runs 18.0.0" in wizard.versions.readings.text(), "the versions", 30_000)
        onward(running, wizard, "versions")
        typed(wizard.success.url, prometheus_server.url)
        running.click(wizard.success.looking.button)
        onward(running, wizard, "success")
        onward(running, wizard, "flag and pipeline")
        typed(wizard.safety.name, "shop-eu")
        running.click(wizard.safety.environment.buttons["staging"])
        onward(running, wizard, "safety")
        typed(wizard.review.folder, str(tmp_path))
        QTest.keyClick(wizard.review.folder, Qt.Key.Key_Return)
        running.until(lambda: str(tmp_path) in str(wizard.review.written and wizard.review.written.path), "the file's place", 30_000)
        assert not (tmp_path / "shop-eu.yaml").exists()
        onward(running, wizard, "review")
        assert wizard.finished
        assert any("observe-only" in label.text() and label.isVisible() for label in wizard.done.findChildren(QLabel))
        target = load_target(tmp_path / "shop-eu.yaml")
        assert target.traffic == haproxy_server.spec
        assert isinstance(target.metrics, PrometheusSource)
        assert target.gates == (SessionGate("Customers succeed", "resolved_ok", "resolved_failed"),)
        assert target.environment is Environment.STAGING
        running.click(wizard.done.arm)
        dialog = qapp.activeModalWidget()
        assert isinstance(dialog, AskingWhy)
        view = told(running, "shop-eu")
        assert not view.armed
        dialog.reason.setText("first release with it")
        running.click(dialog.answer)
        running.until(lambda: told(running, "shop-eu").armed, "armed")


@pytest.mark.kubernetes
def test_a_kubernetes_route_becomes_a_working_target(
    qapp: QApplication, qtbot: QtBot, kubernetes_server: KubeServer, tmp_path: Path
) -> None:
    shop = open_shop(kubernetes_server)
    shop.wait_ready()
    with program(qapp, qtbot) as running:
        wizard = opened_wizard(running)
        running.click(wizard.traffic.kind.buttons["kubernetes"])
        cluster = wizard.traffic.cluster
        typed(cluster.kubeconfig, str(kubernetes_server.kubeconfig))
        QTest.keyClick(cluster.kubeconfig, Qt.Key.Key_Return)
        running.until(lambda: cluster.context.findText("admin") >= 0, "the contexts", 30_000)
        cluster.context.setCurrentIndex(cluster.context.findText("admin"))
        running.until(lambda: cluster.namespace.findText(shop.namespace) >= 0, "the namespaces", 30_000)
        cluster.namespace.setCurrentText(shop.namespace)
        running.click(wizard.traffic.looking.button)
        running.until(lambda: wizard.traffic.route.count() == 2, "what splits traffic there", 30_000)
        onward(running, wizard, "traffic")
        running.until(lambda: "blue runs 17.4.0" in wizard.versions.readings.text(), "the versions", 30_000)
        onward(running, wizard, "versions")
        running.click(wizard.success.source.buttons["none"])
        for what in ("success", "flag and pipeline", "safety"):
            onward(running, wizard, what)
        typed(wizard.review.folder, str(tmp_path))
        QTest.keyClick(wizard.review.folder, Qt.Key.Key_Return)
        running.until(lambda: str(tmp_path) in str(wizard.review.written and wizard.review.written.path), "the file's place", 30_000)
        onward(running, wizard, "review")
        target = load_target(tmp_path / "shop.yaml")
        assert isinstance(target.traffic, KubeRoute)
        assert isinstance(target.workloads, KubeDeployments)
        running.click(wizard.next)
        assert not told(running, "shop").armed
