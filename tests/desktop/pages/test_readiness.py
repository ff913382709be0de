"""The readiness light on every page: its words and seconds, its reasons in sight, and Hold in front where there is no way back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from console.desktop import forms
from console.desktop.pages.asks_again import AsksAgain
from console.desktop.pages.releases import ReleasesPage
from console.desktop.pages.targets import TargetsPage
from console.desktop.widgets.age import ticker
from console.desktop.widgets.readiness import light_words, rehearsal_words
from console.model.commands import Decision
from console.model.readiness import Light, Then
from console.model.verbs import State, Verb
from tests.desktop import samples

CLICK = Qt.MouseButton.LeftButton


@pytest.mark.parametrize(
    ("light", "state", "strong", "grey"),
    [
        (Light.READY, State.HEALTHY, "Rollback ready", "41 s"),
        (Light.CLOSING, State.STALE, "Closing in 0:24", "41 s (then hold only)"),
        (Light.SHUT, State.FAILED, "No way back", "hold only"),
        (Light.UNKNOWN, State.BLIND, "Not known", "whether the way back is open"),
    ],
)
def test_a_light_has_mark_words_and_seconds(light, state, strong, grey):
    assert light_words(samples.readiness(light), samples.NOW)[:3] == (state, strong, grey)


def test_a_light_that_is_amber_and_does_not_close_soon_points_to_its_reasons():
    for closes_at in (None, samples.NOW + timedelta(hours=3)):
        said = light_words(samples.readiness(Light.CLOSING, closes_at=closes_at), samples.NOW)
        assert said[1:3] == ("Rollback open", "41 s, but see why not ready")
    past = samples.readiness(Light.CLOSING, closes_at=samples.NOW - timedelta(seconds=1))
    assert light_words(past, samples.NOW).strong == "Closing now"


def test_a_ready_light_says_until_when_and_what_is_left_after_that():
    soon = samples.readiness(Light.READY, closes_at=samples.NOW + timedelta(minutes=50))
    until = forms.minute(samples.NOW + timedelta(minutes=50))
    assert light_words(soon, samples.NOW)[1:3] == ("Rollback ready", f"41 s until {until}, then hold only")
    later = samples.readiness(Light.READY, closes_at=samples.NOW + timedelta(hours=5))
    assert light_words(later, samples.NOW).grey == "41 s"


@pytest.mark.parametrize(
    ("light", "then", "closes", "strong", "grey"),
    [
        (Light.READY, Then("contract 118", 540.0, stage=3), None, "Rollback ready", "41 s (then 9 min)"),
        (Light.READY, Then("contract 118", None, stage=3), None, "Rollback ready", "41 s (then hold only)"),
        (Light.CLOSING, Then("contract 118", None, stage=3), 250, "Closing in 4:10", "41 s (then hold only)"),
        (Light.CLOSING, Then("contract 118", None, stage=3), None, "Rollback open", "41 s (then hold only), but see why not ready"),
        (Light.CLOSING, Then("old pods", 540.0), 24, "Closing in 0:24", "41 s (then 9 min)"),
    ],
)
def test_a_light_says_what_the_way_back_takes_after_the_next_stage_or_instant(light, then, closes, strong, grey):
    at = None if closes is None else samples.NOW + timedelta(seconds=closes)
    said = light_words(samples.readiness(light, then=then, closes_at=at), samples.NOW)
    assert said[1:3] == (strong, grey)


def test_the_clock_of_a_closing_way_back_runs(shown):
    page = shown(ReleasesPage, samples.lit(Light.CLOSING))
    light = page.rollout.act._ready.light
    assert light.accessibleName() == "Closing in 0:24, 41 s (then hold only)"
    ticker().set_clock(samples.SampleClock(samples.NOW + timedelta(seconds=4)))
    assert light.accessibleName() == "Closing in 0:20, 41 s (then hold only)"


def test_the_reasons_are_in_sight_on_the_release_page(shown):
    page = shown(ReleasesPage, samples.lit(Light.CLOSING))
    assert page.rollout.act._ready.reasons.isVisible()
    assert page.rollout.act._ready.reasons.sentences == ("Orders: Its snapshot counts for 24 s more.",)
    assert page.rollout.act._loses.text() == "Step 5 is lossy: loses payment references of 31 orders since 10:02."


def test_past_the_point_of_no_return_hold_is_in_front_and_roll_back_stays(shown, qtbot):
    page = shown(ReleasesPage, samples.lit(Light.SHUT))
    act = page.rollout.act
    assert act.main is act._stay
    assert not act._now.isVisible()
    assert act._calm.isVisible()
    assert act._calm.isEnabled()
    qtbot.mouseClick(act.main, CLICK)
    assert [command.verb for command in page.heard["act"]] == [Verb.HOLD]


def test_the_bar_shows_hold_as_the_bright_one_past_the_point_of_no_return(opened):
    inside = opened(samples.lit(Light.SHUT))
    assert inside.window.bottom.buttons[Verb.HOLD].solid
    assert not inside.window.bottom.buttons[Verb.ROLLBACK].solid
    assert inside.window.bottom.buttons[Verb.ROLLBACK].isEnabled()


def test_a_way_back_that_would_lose_something_asks_once_and_then_goes(opened, qtbot):
    inside = opened(samples.lit(Light.SHUT))
    inside.desk.decision = Decision(False, ("Going back would lose 31 orders.",), "Hold is what is left.", asks=True)
    qtbot.mouseClick(inside.window.bottom.buttons[Verb.ROLLBACK], CLICK)
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is not None)
    question = QApplication.activeModalWidget()
    assert isinstance(question, AsksAgain)
    assert "31 orders" in question.accessibleDescription()
    inside.desk.decision = Decision(True)
    qtbot.mouseClick(question.answer, CLICK)
    assert [command.verb for (command,) in inside.desk.called("act")] == [Verb.ABORT, Verb.ABORT]


def test_hold_can_be_chosen_in_its_place(opened, qtbot):
    inside = opened(samples.lit(Light.SHUT))
    inside.desk.decision = Decision(False, ("Going back would lose 31 orders.",), "Hold is what is left.", asks=True)
    qtbot.mouseClick(inside.window.bottom.buttons[Verb.ROLLBACK], CLICK)
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is not None)
    question = QApplication.activeModalWidget()
    inside.desk.decision = Decision(True)
    qtbot.mouseClick(question.hold, CLICK)
    assert [command.verb for (command,) in inside.desk.called("act")] == [Verb.ABORT, Verb.HOLD]


def test_the_target_panel_shows_the_light_with_every_reason(shown):
    page = shown(TargetsPage, samples.lit(Light.UNKNOWN))
    page.show_subject("checkout-eu")
    assert page.panel.ready.reasons.sentences == (
        "Token format: Cannot be read: redis did not answer within 5 s.",
        "Old version: 5.1 runs and is healthy.",
    )


def test_rehearse_is_offered_only_where_it_is_allowed(shown, qtbot, desk):
    page = shown(TargetsPage, samples.lit(Light.READY))
    page.show_subject("account-eu")
    qtbot.mouseClick(page.panel.rehearse, CLICK)
    qtbot.mouseClick(page.rehearsing.dialog.answer, CLICK)
    assert desk.called("rehearse") == [("account-eu", "rehearsal")]
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    page = shown(TargetsPage, samples.incident())
    page.show_subject("account-eu")
    assert not page.panel.rehearse.isVisible()


def test_a_refused_rehearsal_says_why(shown, qtbot, desk):
    desk.decision = Decision(False, ("A rollout runs on account-eu.",), "Rehearse when it is over.")
    page = shown(ReleasesPage, samples.lit(Light.READY))
    page.show_subject("plan:account-eu")
    qtbot.waitUntil(page.plan.rehearse.isVisible)
    qtbot.mouseClick(page.plan.rehearse, CLICK)
    dialog = page.rehearsing.dialog
    qtbot.mouseClick(dialog.answer, CLICK)
    qtbot.waitUntil(dialog._problem.isVisible)
    assert dialog._problem.text() == "A rollout runs on account-eu. Rehearse when it is over."
    dialog.reject()


def test_a_rehearsal_says_its_age_and_how_good_the_prediction_was():
    assert rehearsal_words(samples.rehearsal(), samples.NOW) == "Rehearsed 6 d ago: 38.2 s, predicted 41.0 s."
    assert rehearsal_words(None, samples.NOW) == "Never rehearsed."
    assert "did not come through" in rehearsal_words(replace(samples.rehearsal(), ok=False), samples.NOW)


def test_a_plan_without_a_way_back_starts_only_signed_and_with_a_reason(shown, qtbot, desk):
    desk.the_plan = replace(desk.the_plan, no_way_back="contract 118 drops a column.", decision=Decision(False, ("A person signs first.",)))
    page = shown(ReleasesPage, samples.lit(Light.READY))
    page.show_subject("plan:account-eu")
    qtbot.waitUntil(page.plan.signs.isVisible)
    assert page.plan._signs_words.text() == "contract 118 drops a column."
    assert not page.plan.start.isEnabled()
    page.plan.signs.setChecked(True)
    assert not page.plan.start.isEnabled()
    qtbot.keyClicks(page.plan.reason, "agreed with Ana")
    assert page.plan.start.isEnabled()
    qtbot.mouseClick(page.plan.start, CLICK)
    qtbot.waitUntil(lambda: bool(desk.called("preview")))
    ((command,),) = desk.called("preview")
    assert command.signs_no_way_back
    assert command.reason == "agreed with Ana"
