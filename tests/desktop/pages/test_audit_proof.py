"""A record's signature and proof on screen, and everything that a verification found with the command of the separate verifier."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from console.desktop.pages.audit import AuditPage
from console.desktop.pages.audit_proof import proof_rows, signed_words, verdict
from console.desktop.pages.verify_details import COMMAND, all_rows, signature_words, tail_words
from console.model.audit import RecordKind
from console.model.errors import Unreachable
from console.model.proved import Proved
from console.model.verbs import State
from tests.desktop.pages.fake_desk import FakeDesk, record

CLICK = Qt.MouseButton.LeftButton
SIGNED, UNSIGNED = record(412, RecordKind.INTENT, "start"), record(405, RecordKind.INTENT, "start")
GOOD = FakeDesk().proved


def test_a_record_is_proved_when_it_is_chosen(shown, qtbot, desk):
    page = shown(AuditPage)
    qtbot.waitUntil(lambda: page.record.proof.state.accessibleName() == "Proved in checkpoint 412, record 412")
    assert desk.called("audit_proof")[0] == (412,)
    rows = {name.text(): value.text() for name, value in page.record.proof.facts._rows}
    assert rows["Signed"] == "Rita M. (keyring, 4f2a9c11), holds"
    assert rows["Head"] == "412 records, signed by Rita M. (keyring, 4f2a9c11)"


def test_a_proof_that_comes_late_is_not_shown_at_another_record(shown, qtbot):
    page = shown(AuditPage)
    qtbot.waitUntil(lambda: page.model.rowCount() > 0)
    page.record.proof._show(SIGNED, replace(GOOD, size=9))
    assert "checkpoint 9" not in page.record.proof.state.accessibleName()


def test_a_proof_that_cannot_be_read_says_why(shown, qtbot, desk):
    desk.errors["audit_proof"] = Unreachable("The records do not answer.", sent=False)
    page = shown(AuditPage)
    qtbot.waitUntil(lambda: not page.record.proof._trouble.isHidden())
    assert "do not answer" in page.record.proof._trouble.text()


@pytest.mark.parametrize(
    ("shown_record", "proved", "state", "words"),
    [
        (SIGNED, GOOD, State.HEALTHY, "Proved in checkpoint 412"),
        (SIGNED, replace(GOOD, signature_holds=False), State.FAILED, "The signature does not hold"),
        (SIGNED, replace(GOOD, included=False), State.FAILED, "Not part of checkpoint 412"),
        (SIGNED, replace(GOOD, seq=413, included=False), State.WATCHING, "Not in a checkpoint yet"),
        (UNSIGNED, Proved(405), State.WATCHING, "No checkpoint was made yet"),
    ],
)
def test_a_proof_is_said_with_what_fails_first(shown_record, proved, state, words):
    assert verdict(shown_record, proved) == (state, words)


def test_an_unsigned_record_says_that_nobody_signed_it():
    assert signed_words(UNSIGNED) == "no, unsigned"
    assert proof_rows(UNSIGNED, Proved(405)) == (("Signed", "nobody: no key was at hand"),)
    assert signed_words(SIGNED) == "by key 4f2a9c11"


def test_the_details_name_keys_anchors_and_the_tail(shown, qtbot):
    page = shown(AuditPage)
    qtbot.mouseClick(page.verify.button, CLICK)
    qtbot.waitUntil(page.verify.details.isVisible)
    qtbot.mouseClick(page.verify.details, CLICK)
    dialog = QApplication.activeModalWidget()
    rows = [(name.text(), value.text()) for name, value in dialog.facts._rows]
    assert ("Signed by", "Ana R. (keyring, 77ab01fe): 27") in rows
    assert ("Checkpoints", "12 agree") in rows
    assert ("Tail", "14 records after the last anchor") in rows
    qtbot.mouseClick(dialog.copy, CLICK)
    assert QGuiApplication.clipboard().text() == COMMAND
    dialog.accept()


def test_a_log_without_anchors_says_what_that_means():
    report = replace(FakeDesk().report, anchors=0, unanchored=None, signatures={}, unsigned=412)
    assert tail_words(report) == "no anchor was given: all 412 records rest on this computer alone"
    assert signature_words(report) == "none checked, 412 unsigned"
    assert ("Anchors", "none given") in all_rows(report)
    assert tail_words(replace(report, unanchored=0)) == "none: the last anchor covers every record"
    assert tail_words(replace(report, unanchored=1)) == "1 record after the last anchor"


def test_the_first_bad_record_is_named_in_the_details():
    report = replace(FakeDesk().report, first_bad=231, problem="its body does not have its hash")
    assert ("First bad", "record 231: its body does not have its hash") in all_rows(report)
