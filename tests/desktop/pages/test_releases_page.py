"""The Releases page: going back takes one click, going forward shows first what is sent."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from console.desktop.pages.detect_list import down_to, missed
from console.desktop.pages.dialog import AskingWhy
from console.desktop.pages.next_card import forward_verb
from console.desktop.pages.releases import ReleasesPage
from console.desktop.pages.rollout_bar import ordered
from console.model.commands import Decision
from console.model.desk import DetectRow
from console.model.errors import Unreachable
from console.model.readings import PipelineRun, PipelineStageRun
from console.model.rollout import Phase
from console.model.target import Environment
from console.model.verbs import State, Verb, Verdict
from console.model.views import Update, VerbView
from tests.desktop import samples
from tests.desktop.pages.fake_desk import plan, tell

CLICK = Qt.MouseButton.LeftButton


def with_verb(update, verb, *, enabled=True, second="asks for the target's name"):
    (view,) = update.rollouts
    return replace(update, rollouts=(replace(view, verbs={**view.verbs, verb: VerbView(verb, enabled, second)}),))


def test_without_a_rollout_the_page_says_where_to_begin(shown, qtbot):
    page = shown(ReleasesPage, samples.first_start())
    assert page._stack.currentIndex() == 1


def test_roll_back_now_acts_at_one_click_without_a_question(shown, qtbot, desk):
    page = shown(ReleasesPage, samples.incident())
    qtbot.mouseClick(page.rollout.act.button, CLICK)
    (command,) = page.heard["act"]
    assert command.verb in {Verb.ROLLBACK, Verb.ABORT}
    assert (command.target, command.rollout) == ("checkout-eu", "R-2291")
    assert not desk.called("preview")


def test_roll_back_undoes_the_release_whole_where_the_engine_offers_that(shown, qtbot):
    page = shown(ReleasesPage, with_verb(samples.incident(), Verb.ROLLBACK))
    qtbot.mouseClick(page.rollout.act.button, CLICK)
    assert page.heard["act"][0].verb is Verb.ROLLBACK


def test_hold_instead_holds(shown, qtbot):
    page = shown(ReleasesPage, samples.incident())
    qtbot.mouseClick(page.rollout.act._hold, CLICK)
    assert [command.verb for command in page.heard["act"]] == [Verb.HOLD]


def test_a_fail_puts_the_keyboard_on_roll_back_now(shown, qtbot, around):
    page = shown(ReleasesPage, samples.healthy())
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    tell(page, around, samples.incident())
    assert page.rollout.act.button.hasFocus()
    qtbot.keyClick(page.rollout.act.button, Qt.Key.Key_Return)
    assert [command.verb for command in page.heard["act"]] == [Verb.ABORT]


def test_promote_shows_what_is_sent_and_sends_only_after_the_typed_name(shown, qtbot, desk):
    page = shown(ReleasesPage, with_verb(samples.healthy(), Verb.PROMOTE))
    qtbot.mouseClick(page.rollout.next.button, CLICK)
    qtbot.waitUntil(lambda: page.forward.preview is not None)
    assert page.heard["act"] == []
    assert not page.forward.preview.button.isEnabled()
    qtbot.keyClicks(page.forward.preview.field, "checkout-eu")
    qtbot.mouseClick(page.forward.preview.button, CLICK)
    assert [command.verb for command in page.heard["act"]] == [Verb.PROMOTE]


def test_a_refused_promote_says_who_refuses_and_what_is_open(shown, qtbot, desk):
    desk.decision = Decision(False, ("Sale weekend freezes it",), "Hold and roll back stay open.")
    page = shown(ReleasesPage, with_verb(samples.healthy(), Verb.PROMOTE))
    qtbot.mouseClick(page.rollout.next.button, CLICK)
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    assert page.heard["told"][0].text == "Sale weekend freezes it Hold and roll back stay open."
    assert page.heard["act"] == []


def test_a_promote_that_cannot_act_is_locked_with_its_reason(shown):
    page = shown(ReleasesPage, with_verb(samples.healthy(), Verb.PROMOTE, enabled=False, second="gate is watching"))
    assert not page.rollout.next.button.isEnabled()
    assert page.rollout.next._words.text() == "gate is watching"


def test_after_a_fail_nothing_forward_is_offered(shown):
    page = shown(ReleasesPage, with_verb(samples.incident(), Verb.PROMOTE))
    assert not page.rollout.next.isVisible()


def test_a_resume_that_is_shut_says_so_in_sight(shown):
    card = shown(ReleasesPage, samples.unknown()).rollout.unknown
    assert not card.resume.isEnabled()
    assert card._why.text().endswith("Resume shows what it sends first; now it is shut: it is not allowed now.")


def test_an_unknown_outcome_offers_roll_back_at_once_and_resume_with_a_preview(shown, qtbot, desk):
    page = shown(ReleasesPage, with_verb(samples.unknown(), Verb.RESUME))
    card = page.rollout.unknown
    assert card._head.accessibleName() == "1 action unknown, checkout-eu"
    assert card._facts._rows[1][1].text() == "router does not answer"
    qtbot.mouseClick(card.resume, CLICK)
    qtbot.waitUntil(lambda: page.forward.preview is not None)
    assert page.heard["act"] == []
    page.forward.preview.shut()
    qtbot.mouseClick(card.roll_back, CLICK)
    assert page.heard["act"][0].verb in {Verb.ROLLBACK, Verb.ABORT}


def test_practice_needs_no_typed_name(shown, qtbot):
    update = with_verb(samples.healthy(), Verb.PROMOTE)
    (view,) = update.rollouts
    page = shown(ReleasesPage, replace(update, rollouts=(replace(view, environment=Environment.PRACTICE),)))
    qtbot.mouseClick(page.rollout.next.button, CLICK)
    qtbot.waitUntil(lambda: page.forward.preview is not None)
    assert not page.forward.preview.field.isVisible()
    qtbot.mouseClick(page.forward.preview.button, CLICK)
    assert len(page.heard["act"]) == 1


def test_the_failing_gate_opens_and_the_others_are_rows(shown, qtbot):
    update = samples.incident()
    (view,) = update.rollouts
    other = replace(samples.gate(Verdict.PASS), name="Errors")
    page = shown(ReleasesPage, replace(update, rollouts=(replace(view, gates=(other, samples.gate(Verdict.FAIL))),)))
    assert page.rollout.gates.card._name.text() == "Payment completion"
    (row,) = [row for row in page.rollout.gates.rows if row.isVisible()]
    qtbot.mouseClick(row, CLICK)
    assert page.rollout.gates.card._name.text() == "Payment completion", "a failing gate gives way to no other"


def test_a_healthy_gate_opens_at_a_click(shown, qtbot):
    update = samples.healthy()
    (view,) = update.rollouts
    other = replace(samples.gate(Verdict.PASS), name="Errors")
    page = shown(ReleasesPage, replace(update, rollouts=(replace(view, gates=(samples.gate(Verdict.PASS), other)),)))
    (row,) = [row for row in page.rollout.gates.rows if row.isVisible()]
    qtbot.mouseClick(row, CLICK)
    assert page.rollout.gates.card._name.text() == "Errors"


def test_the_evidence_card_opens_beside_the_gates(shown, qtbot):
    page = shown(ReleasesPage, samples.incident())
    qtbot.mouseClick(page.rollout.gates.card._link, CLICK)
    assert page.rollout.pipeline.evidence.isVisible()


def test_a_running_pipeline_is_cancelled_with_a_reason(shown, qtbot, desk):
    update = samples.healthy()
    (view,) = update.rollouts
    run = PipelineRun("p-1", "5.2b", "running", (PipelineStageRun("image", "running", samples.NOW),))
    page = shown(ReleasesPage, replace(update, rollouts=(replace(view, pipeline=run),)))
    qtbot.mouseClick(page.rollout.pipeline.cancel, CLICK)
    dialog = page.findChild(AskingWhy)
    qtbot.keyClicks(dialog.reason, "wrong version")
    qtbot.mouseClick(dialog.answer, CLICK)
    assert desk.called("cancel_pipeline") == [("R-2291", "wrong version")]


def test_several_rollouts_stand_in_a_bar_running_ones_first(shown, qtbot):
    running = samples.healthy().rollouts[0]
    over = replace(running, id="R-1", phase=Phase.DONE, state=State.HEALTHY, title="Old")
    failing = replace(samples.incident_rollout(), id="R-3")
    assert [view.id for view in ordered((over, running, failing))] == ["R-3", "R-2291", "R-1"]
    page = shown(ReleasesPage, Update(targets=(samples.incident_target(),), rollouts=(over, running)))
    assert page.bar.isVisible()
    qtbot.mouseClick(page.bar.buttons[1], CLICK)
    assert page.place() == ("checkout-eu  ›  Old", "rollout R-1")


def test_a_rollout_that_is_over_leads_to_its_audit(shown, qtbot):
    (view,) = samples.incident().rollouts
    done = replace(view, phase=Phase.ROLLED_BACK, auto_act=None, ended_at=samples.NOW)
    page = shown(ReleasesPage, replace(samples.incident(), rollouts=(done,)))
    qtbot.mouseClick(page.rollout.next.audit, CLICK)
    assert page.heard["went"] == [("audit", "R-2291")]


def planned(shown, qtbot, **changes):
    page = shown(ReleasesPage, Update(targets=(samples.target("account-eu", **changes),)))
    page.show_subject("plan:account-eu")
    return page


def test_a_plan_says_what_it_finds_and_what_it_does_not_see(shown, qtbot, desk):
    page = planned(shown, qtbot)
    qtbot.waitUntil(lambda: page.plan._stack.currentIndex() == 2)
    assert desk.called("plan") == [("account-eu", "5.2b")]
    assert page.plan._found.text().startswith("At 5 % for 15 min")
    assert page.plan._not_seen_words.text().startswith("A drop from 95 % to 80 %")


def test_a_refused_plan_cannot_be_started_and_says_why(shown, qtbot, desk):
    desk.the_plan = plan(allowed=False)
    page = planned(shown, qtbot)
    qtbot.waitUntil(lambda: page.plan._stack.currentIndex() == 2)
    assert not page.plan.start.isEnabled()
    assert page.plan._refused_words.text() == "Sale weekend freezes it until Tue 08:00. Hold, step down and roll back stay open."


def test_start_sends_the_plan_that_was_read(shown, qtbot, desk):
    page = planned(shown, qtbot)
    qtbot.waitUntil(lambda: page.plan._stack.currentIndex() == 2)
    qtbot.keyClicks(page.plan.reason, "payment references")
    qtbot.mouseClick(page.plan.start, CLICK)
    qtbot.waitUntil(lambda: page.forward.preview is not None)
    qtbot.keyClicks(page.forward.preview.field, "account-eu")
    qtbot.mouseClick(page.forward.preview.button, CLICK)
    (command,) = page.heard["act"]
    assert (command.verb, command.release, command.reason) == (Verb.START, "5.2b", "payment references")
    assert command.plan_hash == desk.the_plan.plan_hash


def test_a_started_plan_makes_way_for_its_rollout(shown, qtbot, desk, around):
    page = planned(shown, qtbot, environment=Environment.PRACTICE)
    qtbot.waitUntil(lambda: page.plan._stack.currentIndex() == 2)
    qtbot.mouseClick(page.plan.start, CLICK)
    qtbot.waitUntil(lambda: page.forward.preview is not None)
    qtbot.mouseClick(page.forward.preview.button, CLICK)
    started = replace(samples.healthy().rollouts[0], target="account-eu")
    tell(page, around, Update(targets=(samples.target("account-eu", rollout="R-2291"),), rollouts=(started,)))
    assert page._stack.currentWidget() is page.rollout


def test_a_plan_that_cannot_be_made_says_why_and_what_to_do(shown, qtbot, desk):
    desk.errors["plan"] = Unreachable("Blue does not tell its version.", sent=False, advice="Look whether it runs.")
    page = planned(shown, qtbot)
    qtbot.waitUntil(lambda: page.plan._stack.currentIndex() == 1)
    assert "Look whether it runs." in page.plan._problem.accessibleName()


def test_the_answer_to_an_older_plan_is_dropped(shown, qtbot, desk):
    page = planned(shown, qtbot)
    qtbot.waitUntil(lambda: page.plan._stack.currentIndex() == 2)
    page.plan._show(page.plan._asked - 1, replace(desk.the_plan, release="stale"))
    assert "stale" not in page.plan._headline.text()


@pytest.mark.parametrize("size", [(1330, 766), (1080, 540)])
def test_the_button_that_goes_back_is_never_cut(shown, size):
    page = shown(ReleasesPage, samples.incident(), size)
    button = page.rollout.act.button
    assert page.rect().contains(button.rect().translated(button.mapTo(page, button.rect().topLeft())))
    assert button.height() >= 40


@pytest.mark.parametrize(("phase", "first"), [(Phase.RUNNING, Verb.PROMOTE), (Phase.HELD, Verb.RESUME)])
def test_a_running_rollout_offers_promote_and_a_held_one_resume(phase, first):
    (view,) = samples.healthy().rollouts
    both = {verb: VerbView(verb, False, "not now") for verb in (Verb.RESUME, Verb.PROMOTE)}
    assert forward_verb(replace(view, phase=phase, verbs=both)).verb is first


def test_a_forward_verb_that_can_act_goes_before_one_that_cannot():
    (view,) = samples.healthy().rollouts
    both = {Verb.RESUME: VerbView(Verb.RESUME, True, ""), Verb.PROMOTE: VerbView(Verb.PROMOTE, False, "not now")}
    assert forward_verb(replace(view, phase=Phase.RUNNING, verbs=both)).verb is Verb.RESUME


def test_a_stage_says_what_it_misses_and_not_again_what_it_finds():
    row = DetectRow(5, 900.0, 9.75, "At 5 % a total failure is found in about 6 min; a drop to 78 % will not be seen.")
    assert missed(row) == "a drop to 78 % will not be seen."
    assert down_to(row) == "finds a drop down to 9.8 %"
    assert down_to(replace(row, smallest=None)) == "finds nothing for sure"
    assert down_to(replace(row, smallest=0.0)) == "finds only a total failure"


def test_start_is_shut_while_the_policy_is_asked_again(shown, qtbot):
    page = planned(shown, qtbot)
    qtbot.waitUntil(lambda: page.plan._stack.currentIndex() == 2)
    qtbot.mouseClick(page.plan.start, CLICK)
    assert not page.plan.start.isEnabled()
    qtbot.waitUntil(lambda: page.forward.preview is not None)
    assert page.plan.start.isEnabled()
