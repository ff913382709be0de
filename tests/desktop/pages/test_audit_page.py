"""The Audit page: filter, one record in full, verification in words, export."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from console.desktop.pages.audit import AuditPage, mark_of
from console.desktop.pages.audit_filter import moment_from
from console.desktop.pages.audit_record import holds, pretty
from console.desktop.pages.audit_verify import result_words
from console.model.audit import RecordKind
from console.model.errors import CannotRecord, StoreError
from console.model.verbs import State
from tests.desktop import samples
from tests.desktop.pages.fake_desk import record, tell

CLICK = Qt.MouseButton.LeftButton


def filled(shown, qtbot):
    page = shown(AuditPage, samples.incident())
    qtbot.waitUntil(lambda: page.model.rowCount() > 0)
    return page


def last_filter(desk):
    return desk.called("audit_page")[-1][0]


def test_the_newest_record_is_chosen_and_shown_in_full(shown, qtbot):
    page = filled(shown, qtbot)
    shown_rows = {name.text(): value.text() for name, value in page.record._facts._rows}
    assert page.record._title.text() == "Record 412"
    assert shown_rows["Who"] == "Rita M."
    assert page.record.proof.isVisible()
    assert page.record._holds.text() == "The body has this hash"


def test_a_body_that_was_changed_is_told(shown, qtbot):
    page = filled(shown, qtbot)
    page.record.show_view(replace(record(7, RecordKind.INTENT, "start"), body=b"{}"))
    assert "was changed" in page.record._holds.text()


def test_the_body_is_shown_readable_and_as_stored(shown, qtbot):
    page = filled(shown, qtbot)
    assert page.record.body_text.toPlainText().startswith('{\n  "actor"')
    qtbot.mouseClick(page.record._as_stored, CLICK)
    assert page.record.body_text.toPlainText().startswith('{"actor"')


def test_typing_narrows_the_question_after_a_moment(shown, qtbot, desk):
    page = filled(shown, qtbot)
    qtbot.keyClicks(page.filter.text, "payments")
    qtbot.waitUntil(lambda: last_filter(desk).text == "payments")


def test_kind_target_and_time_narrow_the_question(shown, qtbot, desk):
    page = filled(shown, qtbot)
    page.filter.kind.setCurrentIndex(page.filter.kind.findData(RecordKind.REFUSAL))
    page.filter.target.setCurrentIndex(page.filter.target.findData("checkout-eu"))
    page.filter.span.setCurrentIndex(1)
    qtbot.waitUntil(lambda: last_filter(desk).since is not None)
    chosen = last_filter(desk)
    assert chosen.kinds == {RecordKind.REFUSAL}
    assert chosen.target == "checkout-eu"
    assert chosen.since == samples.NOW - timedelta(hours=1)


def test_a_time_that_is_none_is_told_and_not_asked(shown, qtbot, desk):
    page = filled(shown, qtbot)
    page.filter.span.setCurrentIndex(page.filter.span.count() - 1)
    qtbot.waitUntil(lambda: not page.filter._wait.isActive())
    page.filter.since.setText("yesterday")
    assert page.filter._wrong.text() == "write it as 2026-11-24 10:10"
    assert not page.filter._wait.isActive()


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "24.11.2026"])
def test_what_is_no_time_is_none(text):
    assert moment_from(text) is None


def test_a_time_with_a_zone_is_taken_as_it_stands():
    assert moment_from("2026-11-24T10:10+01:00") == datetime(2026, 11, 24, 9, 10, tzinfo=UTC)


def test_opened_on_a_rollout_it_shows_only_that_rollout(shown, qtbot, desk):
    page = filled(shown, qtbot)
    page.show_subject("R-2291")
    qtbot.waitUntil(lambda: last_filter(desk).rollout == "R-2291")
    assert page.place()[1] == "narrowed"


def test_nothing_found_offers_to_clear_the_filter(shown, qtbot, desk):
    page = filled(shown, qtbot)
    desk.newest = 0
    qtbot.keyClicks(page.filter.text, "no such")
    qtbot.waitUntil(lambda: page._stack.currentWidget() is page._empty)
    qtbot.mouseClick(page._empty._button, CLICK)
    assert not page.filter.narrowing


def test_records_that_cannot_be_read_are_an_error_in_words(shown, qtbot, desk):
    desk.errors["audit_page"] = StoreError("The records cannot be read.", advice="Look at the disk.")
    page = shown(AuditPage, samples.incident())
    qtbot.waitUntil(lambda: page._stack.currentWidget() is page._problem)
    assert "Look at the disk." in page._problem.accessibleName()


def test_a_good_chain_is_told_with_its_figures(shown, qtbot, desk):
    page = filled(shown, qtbot)
    qtbot.mouseClick(page.verify.button, CLICK)
    qtbot.waitUntil(lambda: page.verify.button.text() == "Verify again")
    assert page.verify._state.accessibleName() == "412 of 412 hold, audit chain"


def test_a_bad_chain_names_its_first_bad_record_and_opens_it(shown, qtbot, desk):
    desk.report = replace(desk.report, first_bad=231, problem="Its hash does not fit its body.")
    page = filled(shown, qtbot)
    qtbot.mouseClick(page.verify.button, CLICK)
    qtbot.waitUntil(lambda: page.record._title.text() == "Record 231")
    assert page.verify._state.accessibleName().startswith("Record 231 does not hold")


def test_intents_without_an_outcome_are_not_called_good(desk):
    state, _, words = result_words(replace(desk.report, open_intents=("s-17",)))
    assert state is State.UNKNOWN
    assert words == "1 intent without an outcome: s-17"


def test_a_cancelled_verification_claims_nothing_of_the_rest(shown, qtbot, desk):
    page = filled(shown, qtbot)
    page.verify._running = True
    qtbot.mouseClick(page.verify.button, CLICK)
    assert page.verify._progress(10, 412) is False
    page.verify._finished(replace(desk.report, bodies_checked=10))
    assert page.verify._words.text() == "10 of 412 records hold; the rest was not looked at."


def test_export_writes_what_the_filter_passes(shown, qtbot, desk):
    page = filled(shown, qtbot)
    page.filter.rollout.setText("R-2291")
    page.export.export("jsonl", Path("/files/audit.jsonl"))
    ((path, chosen, _form),) = desk.called("audit_export")
    assert (path, chosen.rollout) == (Path("/files/audit.jsonl"), "R-2291")
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    assert page.heard["told"][0].title == "412 records exported"


def test_an_export_that_fails_says_why(shown, qtbot, desk):
    desk.errors["audit_export"] = CannotRecord("The disk is full.")
    page = filled(shown, qtbot)
    page.export.export("jsonl", Path("/files/audit.jsonl"))
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    assert page.heard["told"][0].level == "fail"
    assert page.export.isEnabled()


def test_only_what_should_stop_a_person_has_a_mark():
    assert mark_of(record(1, RecordKind.REFUSAL, "promote", "refused")) is State.FAILED
    assert mark_of(record(1, RecordKind.OUTCOME, "start", "unknown")) is State.UNKNOWN
    assert mark_of(record(1, RecordKind.INTENT, "start")) is None


def test_bytes_that_are_no_json_are_shown_as_they_are():
    assert pretty(b"\xff{") == "\\xff{"
    assert not holds(replace(record(1, RecordKind.INTENT, "start"), body=b"x"))


def test_targets_that_come_later_can_be_filtered_for(shown, qtbot, around):
    page = filled(shown, qtbot)
    tell(page, around, replace(samples.incident(), targets=(samples.target("late-eu"),)))
    assert page.filter.target.findData("late-eu") > 0
