"""What runs on a target, beside its panel: verbs open only where they may act, what goes forward is previewed, and logs are plain text."""

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QApplication

from console.desktop.pages.targets import TargetsPage
from console.desktop.pages.workload_card import facts
from console.desktop.pages.workload_moves import ImageDialog, UndoDialog
from console.desktop.pages.workloads_pane import event_line, pod_line, run_line
from console.model.commands import Decision
from console.model.errors import Unreachable
from console.model.target import Environment
from console.model.verbs import ON_WORKLOADS, State, Verb
from console.model.views import Update
from console.model.workloads import (
    AnalysisNow,
    ClusterEvent,
    PodNow,
    Revision,
    WorkloadMove,
    WorkloadNow,
    WorkloadsNow,
    WorkloadState,
    WorkloadsView,
)
from tests.desktop import samples

VALUES = {"uid": "u1", "paused": False, "template": "aaaa", "restarted_at": "", "image web": "registry/shop:18.0.0"}
GREEN = WorkloadNow(
    "shop-green",
    "Deployment",
    ("green",),
    "18.0.0",
    WorkloadState(VALUES, samples.NOW, "rita at 2026-11-24 18:00:00 UTC"),
    "2 of 2 available",
    (Revision(4, "shop-green-4", "aaaa", "18.0.0", samples.NOW, current=True), Revision(3, "shop-green-3", "bbbb", "17.4.0", samples.NOW)),
    dict.fromkeys(ON_WORKLOADS - {Verb.RETRY_WORKLOAD}, ""),
)
PODS = (
    PodNow("shop-green-4-x", "shop-green", "ImagePullBackOff (no such tag)", 3, ("web", "proxy")),
    PodNow("shop-green-4-y", "shop-green", "", 0, ("web",)),
)
SEEN = WorkloadsNow(samples.NOW, (GREEN,), PODS)


def view_of(seen: WorkloadsNow = SEEN, **refused: str) -> WorkloadsView:
    moves = [
        WorkloadMove(GREEN.name, verb, Decision(verb.name not in refused, (refused[verb.name],) if verb.name in refused else ()))
        for verb in GREEN.verbs
    ]
    return WorkloadsView("basket-us", seen, tuple(moves))


@pytest.fixture
def pane(shown, desk, qtbot):
    desk.workloads_view = view_of(RESTART_WORKLOAD="The line is stopped by Ana: sale.")
    page = shown(TargetsPage, Update(targets=(replace(samples.target("basket-us"), has_workloads=True, environment=Environment.STAGING),)))
    page._choose("basket-us")
    page.panel.inspect.click()
    qtbot.waitUntil(lambda: page.workloads.view is not None)
    return page


def test_verbs_are_open_where_they_may_act_and_else_shut_with_why(pane):
    (card,) = pane.workloads.cards
    assert card.buttons[Verb.PAUSE_WORKLOAD].isEnabled()
    assert not card.buttons[Verb.RESTART_WORKLOAD].isEnabled()
    assert "The line is stopped by Ana" in card.buttons[Verb.RESTART_WORKLOAD].toolTip()
    assert [card.buttons[verb].isVisible() for verb in (Verb.RESUME_WORKLOAD, Verb.RETRY_WORKLOAD)] == [False, False]
    assert "changed last by rita" in facts(GREEN)


def test_a_pause_goes_at_once_and_an_undo_to_the_revision_chosen(pane):
    (card,) = pane.workloads.cards
    card.buttons[Verb.PAUSE_WORKLOAD].click()
    (pause,) = pane.heard["act"]
    assert (pause.verb, pause.workload.name) == (Verb.PAUSE_WORKLOAD, "shop-green")
    card.buttons[Verb.UNDO_WORKLOAD].click()
    dialog = next(each for each in QApplication.topLevelWidgets() if isinstance(each, UndoDialog) and each.isVisible())
    assert dialog.revision == 3
    dialog.answer.click()
    assert pane.heard["act"][-1].workload.revision == 3


def test_an_image_is_previewed_with_what_the_person_saw(pane, desk, qtbot):
    (card,) = pane.workloads.cards
    card.buttons[Verb.SET_IMAGE].click()
    dialog = next(each for each in QApplication.topLevelWidgets() if isinstance(each, ImageDialog) and each.isVisible())
    assert (dialog.image.text(), dialog.answer.isEnabled()) == ("registry/shop:18.0.0", False)
    dialog.image.setText("registry/shop:18.0.1")
    dialog.reason.setText("the fix")
    dialog.answer.click()
    qtbot.waitUntil(lambda: bool(desk.called("preview")))
    on = desk.called("preview")[0][0].workload
    assert (on.image, on.container, on.seen) == ("registry/shop:18.0.1", "web", "aaaa")
    assert pane.heard["act"] == []
    qtbot.waitUntil(lambda: pane.workloads.moves.forward.preview is not None)
    pane.workloads.moves.forward.preview.button.click()
    assert pane.heard["act"][0].verb is Verb.SET_IMAGE


def test_a_log_is_read_as_plain_text_and_another_pod_has_other_containers(pane, desk, qtbot):
    desk.log_batches = (("<b>paid</b> 12",), ("failed 3",))
    log = pane.workloads.log
    assert [log.containers.itemText(at) for at in range(log.containers.count())] == ["web", "proxy"]
    log.read.click()
    qtbot.waitUntil(lambda: log.lines.toPlainText() == "<b>paid</b> 12\nfailed 3")
    qtbot.waitUntil(lambda: log.status.text() == "It ended.")
    ((target, asked),) = desk.called("pod_log")
    assert (target, asked.pod, asked.container, asked.follow) == ("basket-us", "shop-green-4-x", "web", True)
    log.pods.setCurrentText("shop-green-4-y")
    assert not log.containers.isVisible()


def test_what_cannot_be_read_is_said_and_the_way_back_leads_to_the_table(pane, desk, qtbot):
    desk.errors["workloads"] = Unreachable("Kubernetes prod cannot be reached.", sent=False)
    pane.workloads._look()
    qtbot.waitUntil(lambda: "cannot be reached" in pane.workloads._problem.text())
    pane.workloads.back.click()
    assert pane.table.isVisible()


def test_each_line_says_its_state_in_words():
    assert pod_line(PODS[0]) == (State.FAILED, "shop-green-4-x", "ImagePullBackOff (no such tag)", "3 restarts")
    assert pod_line(PODS[1])[2] == "ready"
    event = ClusterEvent("shop-green-4-x", "Failed", "no such tag", warning=True, count=4)
    assert event_line(event) == (State.FAILED, "Failed", "shop-green-4-x: no such tag (4 times)", "")
    run = AnalysisNow("shop-2", "Failed", "success-rate failed", ("success-rate: Failed (3 failed)",))
    assert run_line(run) == (State.FAILED, "shop-2", "Failed: success-rate failed; success-rate: Failed (3 failed)", "")
