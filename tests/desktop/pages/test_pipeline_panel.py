"""The pipeline's panel: what waits can be approved, a run's own page is opened, and only a web page is."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from console.desktop.pages import pipeline_panel
from console.desktop.pages.dialog import AskingWhy
from console.desktop.pages.pipeline_panel import stage_line, web_address, why_words
from console.desktop.pages.releases import ReleasesPage
from console.model.readings import PipelineRun, PipelineStageRun, RunChange
from console.model.verbs import State
from tests.desktop import samples

CLICK = Qt.MouseButton.LeftButton
WAITING = PipelineStageRun("Approval for production", "waiting", samples.NOW, gate="11")
RUN = PipelineRun("4711", "5.2b", "running", (WAITING,), link="https://ci.example/run/4711", note="It waits for a person.")


def with_run(run, changes=()):
    update = samples.healthy()
    return replace(update, rollouts=(replace(update.rollouts[0], pipeline=run, changes=changes),))


def test_a_waiting_gate_is_approved_with_a_reason(shown, qtbot, desk):
    page = shown(ReleasesPage, with_run(RUN))
    assert page.rollout.pipeline.approve.isVisible()
    assert page.rollout.pipeline.why.text() == "It waits for a person"
    qtbot.mouseClick(page.rollout.pipeline.approve, CLICK)
    dialog = page.findChild(AskingWhy)
    qtbot.keyClicks(dialog.reason, "tested by hand")
    qtbot.mouseClick(dialog.answer, CLICK)
    assert desk.called("approve_gate") == [("R-2291", "11", "tested by hand")]


@pytest.mark.parametrize("run", [replace(RUN, stages=(replace(WAITING, gate=""),)), replace(RUN, state="passed")])
def test_what_cannot_be_approved_here_has_no_button(shown, run):
    assert not shown(ReleasesPage, with_run(run)).rollout.pipeline.approve.isVisible()


def test_the_run_s_own_page_is_opened(shown, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr(pipeline_panel.QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    page = shown(ReleasesPage, with_run(RUN))
    qtbot.mouseClick(page.rollout.pipeline.open, CLICK)
    assert opened == ["https://ci.example/run/4711"]


@pytest.mark.parametrize("link", ["", "javascript:alert(1)", "file:///etc/passwd", "https://", "smb://host/x", "https:///x"])
def test_a_link_that_is_no_page_has_no_button(shown, link):
    assert not web_address(link)
    assert not shown(ReleasesPage, with_run(replace(RUN, link=link))).rollout.pipeline.open.isVisible()


def test_changes_are_shown_only_where_they_are_known(shown):
    panel = shown(ReleasesPage, with_run(RUN)).rollout.pipeline
    assert [button.text() for button in panel.tabs if button.isVisible()] == ["Pipeline", "Steps", "Evidence"]
    panel = shown(ReleasesPage, with_run(RUN, (RunChange("4f1c5d7e9a", "Ana", "Fix the cart"),))).rollout.pipeline
    assert [button.text() for button in panel.tabs if button.isVisible()] == ["Pipeline", "Changes", "Steps", "Evidence"]
    assert "Fix the cart" in panel.changes.accessibleName()


def test_what_a_run_waits_for_is_said():
    assert why_words(RUN) == "It waits for a person"
    assert why_words(replace(RUN, reason="smoke failed", note="")) == "smoke failed"
    assert stage_line(WAITING)[:3] == (State.HELD, "Approval for production", "waiting")
    assert stage_line(PipelineStageRun("smoke", "skipped"))[0] is State.WAIVED
