"""Releases and verbs on a real Kubernetes API by click, in the real window, with kubectl as the witness of each effect."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from journeys.kit import Traffic
from journeys.test_kubernetes_journey import ARGO, DEPLOYMENTS, ROUTE, SERVICE, file_text
from journeys.window import LONG_MS, Program, program
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from servers.fixtures import Upstream
from servers.kubernetes_process import KubeServer
from servers.kubernetes_shop import ArgoStandIn, KubeShop, open_shop, roll_out

from console.desktop.pages.dialog import Asking
from console.desktop.pages.releases import ReleasesPage
from console.desktop.pages.targets import TargetsPage
from console.desktop.pages.workload_card import WorkloadCard
from console.desktop.pages.workload_moves import ImageDialog, UndoDialog
from console.desktop.pages.workloads_pane import WorkloadsPane
from console.model.verbs import Verb
from console.model.workloads import WorkloadNow

pytestmark = [pytest.mark.journey, pytest.mark.kubernetes]

AT_ONCE = "  - {weight: 100 %, wait: 1 s}"


@pytest.fixture
def shop(kubernetes_server: KubeServer) -> KubeShop:
    shop = open_shop(kubernetes_server)
    shop.wait_ready()
    return shop


@pytest.fixture
def traffic(upstreams: dict[str, Upstream]) -> Iterator[Traffic]:
    with Traffic(upstreams) as running:
        yield running


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot) -> Iterator[Program]:
    with program(qapp, qtbot) as running:
        yield running


def connected(window: Program, folder: Path, text: str) -> None:
    """Let the window know a target file, armed."""
    (folder / "shop.yaml").write_text(text, encoding="utf-8")
    submit, console = window.booted[0].submit, window.console
    submit(console.add_target(folder / "shop.yaml")).result(30)
    submit(console.arm("shop", armed=True, reason="test")).result(30)
    window.until(
        lambda: window.target is not None and window.target.armed and all(each.ok for each in window.target.connections), "it is read"
    )


def release_by_click(window: Program) -> None:
    """Plan, look at what will be sent, start, and wait for the end."""
    window.inside.go("releases", "plan:shop")
    page = window.inside.page
    assert isinstance(page, ReleasesPage)
    window.until(lambda: page.plan.start.isVisible() and page.plan.start.isEnabled(), "the plan may start")
    window.click(page.plan.start)
    window.until(lambda: page.forward.preview is not None and page.forward.preview.isVisible(), "what will be sent is shown first")
    assert page.forward.preview is not None
    window.click(page.forward.preview.button)
    window.until(lambda: window.phase("done", "stopped", "held", "unknown"), "the rollout ends", 2 * LONG_MS)
    assert window.phase("done"), window.rollout


def back_by_click(window: Program) -> None:
    window.until(lambda: window.can(Verb.ROLLBACK), "Roll back is open")
    window.press(Verb.ROLLBACK)
    window.until(lambda: window.phase("rolled back"), "it is rolled back on screen")


@pytest.mark.parametrize("kind", ["service", "route", "argo"])
def test_a_release_by_click_goes_to_its_end_and_one_click_takes_it_back(
    window: Program, shop: KubeShop, upstreams: Mapping[str, Upstream], tmp_path: Path, traffic: Traffic, kind: str
) -> None:
    with ExitStack() as stack:
        if kind == "argo":
            roll_out(shop)
            argo = stack.enter_context(ArgoStandIn(shop))  # stands in for Argo's controller, which is not to be had
            image = '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"registry:5000/shop:18.0.0"}]}}}}'
            shop.kubectl("patch", "rollout", "shop", "--type=merge", "-p", image)
            argo.until(lambda status: status.get("phase") == "Paused" and status.get("currentPodHash") == "18-0-0")
        routers = {"service": (SERVICE, AT_ONCE), "route": (ROUTE, "  - {weight: 5 %, wait: 1 s}"), "argo": (ARGO, ARGO_STAGES)}
        router, stages = routers[kind]
        connected(window, tmp_path, file_text(shop, upstreams, router, stages, ARGO if kind == "argo" else DEPLOYMENTS))
        release_by_click(window)
        assert witness(shop, kind) == "green"
        back_by_click(window)
        if kind == "argo":
            argo.until(lambda status: status.get("stableRS") == "17-4-0")
        assert witness(shop, kind) == "blue"


ARGO_STAGES = "  - {weight: 5 %, wait: 1 s}\n  - {weight: 50 %, wait: 1 s}\n  - {weight: 100 %, wait: 1 s, bake: true}"


def witness(shop: KubeShop, kind: str) -> str:
    """Return which side has all traffic, by kubectl."""
    if kind == "service":
        return shop.selected()
    if kind == "route":
        return next(name.removeprefix("shop-") for name, weight in shop.weights().items() if weight == 100)
    return {"17-4-0": "blue", "18-0-0": "green"}[shop.kubectl("get", "rollout", "shop", "-o", "jsonpath={.status.stableRS}")]


def inspected(window: Program) -> WorkloadsPane:
    page = window.inside.pages["targets"]
    assert isinstance(page, TargetsPage)
    window.inside.go("targets", "shop")
    window.until(page.panel.inspect.isVisible, "the target is shown")
    window.click(page.panel.inspect)
    pane = page.workloads
    window.until(lambda: pane.view is not None and len(pane.view.now.pods) >= 4, "what runs is read")
    return pane


def card_of(pane: WorkloadsPane, name: str) -> WorkloadCard:
    return next(card for card in pane.cards if card.seen is not None and card.seen.name == name)


def seen_of(pane: WorkloadsPane, name: str) -> WorkloadNow:
    seen = card_of(pane, name).seen
    assert seen is not None
    return seen


def open_dialog(window: Program, card: WorkloadCard, verb: Verb) -> Asking:
    window.until(card.buttons[verb].isEnabled, f"{verb.value} may act")
    window.click(card.buttons[verb])
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, Asking)
    return dialog


def image_of(shop: KubeShop) -> str:
    return shop.kubectl("get", "deployment", "shop-green", "-o", "jsonpath={.spec.template.spec.containers[0].image}")


def set_image(window: Program, pane: WorkloadsPane, image: str) -> None:
    """Choose an image, read what will be sent, and send it."""
    dialog = open_dialog(window, card_of(pane, "shop-green"), Verb.SET_IMAGE)
    assert isinstance(dialog, ImageDialog)
    assert not dialog.answer.isEnabled()
    dialog.image.setText(image)
    dialog.reason.setText("the fix")
    pane.moves.forward.preview = None
    window.click(dialog.answer)


def sent(window: Program, pane: WorkloadsPane) -> None:
    window.until(lambda: pane.moves.forward.preview is not None and pane.moves.forward.preview.isVisible(), "what will be sent is shown")
    assert pane.moves.forward.preview is not None
    window.click(pane.moves.forward.preview.button)


def test_workloads_are_paused_resumed_given_an_image_and_undone_by_click(
    window: Program, shop: KubeShop, upstreams: Mapping[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    connected(window, tmp_path, file_text(shop, upstreams, SERVICE, AT_ONCE))
    pane = inspected(window)
    card = card_of(pane, "shop-green")
    window.until(card.buttons[Verb.PAUSE_WORKLOAD].isEnabled, "pause may act")
    window.click(card.buttons[Verb.PAUSE_WORKLOAD])
    window.until(card.buttons[Verb.RESUME_WORKLOAD].isVisible, "it is paused on screen")
    assert shop.kubectl("get", "deployment", "shop-green", "-o", "jsonpath={.spec.paused}") == "true"
    window.until(lambda: "done, read back" in pane.outcome.accessibleName(), "its outcome is shown")
    assert not card.buttons[Verb.RESTART_WORKLOAD].isEnabled()
    assert "is paused" in card.buttons[Verb.RESTART_WORKLOAD].toolTip()
    resume = open_dialog(window, card, Verb.RESUME_WORKLOAD)
    resume.reason.setText("looked at it")  # type: ignore[attr-defined]
    window.click(resume.answer)
    sent(window, pane)
    window.until(card.buttons[Verb.PAUSE_WORKLOAD].isVisible, "it is resumed on screen")
    set_image(window, pane, "registry:5000/shop:18.1.0")
    sent(window, pane)
    window.until(lambda: seen_of(pane, "shop-green").version == "18.1.0", "the image is set")
    assert image_of(shop) == "registry:5000/shop:18.1.0"
    window.until(lambda: seen_of(pane, "shop-green").previous is not None, "the revision before is kept")
    undo = open_dialog(window, card, Verb.UNDO_WORKLOAD)
    assert isinstance(undo, UndoDialog)
    window.click(undo.answer)
    window.until(lambda: seen_of(pane, "shop-green").version == "18.0.0", "it is undone")
    assert image_of(shop) == "registry:5000/shop:18.0.0"
    window.until(lambda: not card.buttons[Verb.UNDO_WORKLOAD].isEnabled(), "what was undone is quarantined")
    assert "18.1.0 is quarantined" in card.buttons[Verb.UNDO_WORKLOAD].toolTip()


def test_an_image_that_somebody_else_set_meanwhile_is_overwritten_by_nobody_and_told_with_who_and_what(
    window: Program, shop: KubeShop, upstreams: Mapping[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    connected(window, tmp_path, file_text(shop, upstreams, SERVICE, AT_ONCE))
    pane = inspected(window)
    window.until(card_of(pane, "shop-green").buttons[Verb.SET_IMAGE].isEnabled, "it may act")
    dialog = open_dialog(window, card_of(pane, "shop-green"), Verb.SET_IMAGE)
    shop.kubectl("set", "image", "deployment/shop-green", "web=registry:5000/shop:9.9.9", "--field-manager=rita")
    assert isinstance(dialog, ImageDialog)
    dialog.image.setText("registry:5000/shop:18.1.0")
    dialog.reason.setText("the fix")
    said: list[str] = []
    pane.told.connect(lambda notice: said.append(notice.text))
    window.click(dialog.answer)
    window.until(lambda: bool(said), "it is refused in words")
    assert "was changed by rita at 20" in said[0]
    assert "image web from registry:5000/shop:18.0.0 to registry:5000/shop:9.9.9" in said[0]
    assert said[0] in window.toasts()
    assert image_of(shop) == "registry:5000/shop:9.9.9"


def test_an_account_that_may_only_look_finds_every_verb_shut_with_why_and_a_log_says_what_the_server_says(
    window: Program, shop: KubeShop, upstreams: Mapping[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    connected(window, tmp_path, file_text(shop, upstreams, SERVICE, AT_ONCE, account="viewer"))
    pane = inspected(window)
    for verb in (Verb.PAUSE_WORKLOAD, Verb.UNDO_WORKLOAD, Verb.RESTART_WORKLOAD, Verb.SET_IMAGE):
        button = card_of(pane, "shop-blue").buttons[verb]
        assert not button.isEnabled()
        assert "it needs the verb patch on deployments" in button.toolTip()
    window.click(pane.log.read)
    window.until(lambda: "Reading" not in pane.log.status.text(), "the log ended")
    assert pane.log.read.isVisible()
