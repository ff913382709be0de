"""The Audit page keeps anchors outside, holds the records against them, and says what waits outside of its list."""

from pathlib import Path

import pytest

from console.desktop.pages.audit import AuditPage
from console.desktop.pages.audit_anchors import place_words
from console.desktop.pages.dialog import Asking
from console.desktop.pages.waiting_note import waiting_words
from console.desktop.widgets.age import ticker
from console.model.audit import AnchorPlace
from console.model.errors import BadFile, StoreError
from tests.desktop import samples

USB = Path("/media/usb/anchors.jsonl")


@pytest.fixture
def page(shown, qtbot):
    made = shown(AuditPage, samples.incident())
    qtbot.waitUntil(lambda: made.model.rowCount() > 0)
    return made


def offered(page):
    page.verify.anchor.fill()
    return [action.text() for action in page.verify.anchor.choices.actions() if action.text()]


def choose(page, text):
    page.verify.anchor.fill()
    next(action for action in page.verify.anchor.choices.actions() if action.text() == text).trigger()


def test_a_window_without_anchors_says_what_is_missing(page):
    assert page.verify.places.text().startswith("No anchor is kept outside. Only an anchor outside shows")
    assert offered(page) == ["Keep one in a file …", "Keep one in a git repository …"]


def test_an_anchor_is_kept_and_its_place_is_known_from_then_on(page, desk, qtbot):
    page.verify.anchor.keep(USB)
    assert not page.verify.button.isEnabled()
    assert page.verify._bar.isVisible()
    qtbot.waitUntil(lambda: "the newest over 412 records" in page.verify.places.text())
    assert desk.called("audit_anchor") == [(USB, False)]
    assert page.verify.button.isEnabled()
    assert not page.verify._bar.isVisible()
    assert page.heard["told"][-1].title == "Anchored at 412 records"
    choose(page, f"Keep one more in {USB}")
    qtbot.waitUntil(lambda: len(desk.called("audit_anchor")) == 2)


def test_an_anchor_that_cannot_be_kept_is_told_in_words(page, desk, qtbot):
    desk.errors["audit_anchor"] = BadFile("/media/usb cannot be written: read-only file system.", advice="Choose another place.")
    page.verify.anchor.keep(USB, git=True)
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    assert page.heard["told"][-1].title == "/media/usb cannot be written: read-only file system."
    assert page.heard["told"][-1].text.endswith("Choose another place.")
    assert page.verify.anchor.isEnabled()


def test_a_place_is_given_up_only_after_a_question(page, desk, qtbot):
    desk.places = [AnchorPlace(str(USB), anchors=2, size=400)]
    page.verify.load()
    qtbot.waitUntil(lambda: len(offered(page)) == 4)
    choose(page, f"Give up {USB} …")
    (question,) = page.window().findChildren(Asking)
    assert desk.called("audit_forget_anchor") == []
    question.answered.emit()
    qtbot.waitUntil(lambda: page.verify.places.text().startswith("No anchor"))
    assert desk.called("audit_forget_anchor") == [(str(USB),)]


def test_a_place_that_cannot_be_read_is_shown_with_its_reason(page, desk, qtbot):
    desk.places = [AnchorPlace("/mnt/a.jsonl", problem="/mnt/a.jsonl cannot be read: no such file.")]
    page.verify.load()
    qtbot.waitUntil(lambda: "no such file" in page.verify.places.text())
    desk.errors["audit_anchors"] = StoreError("The records do not answer.")
    page.verify.load()
    qtbot.waitUntil(lambda: "was not read" in page.verify.places.text())
    assert place_words(AnchorPlace("/srv/repo", True, 1, 7)) == "/srv/repo (git): 1 anchor, the newest over 7 records"


def test_records_that_wait_are_counted_with_what_that_means(page, desk, qtbot):
    assert page.waiting.isHidden()
    desk.kept = samples.team_records(waiting=3, problem="The database does not answer.")
    for _ in range(3):
        ticker().ticked.emit()
    qtbot.waitUntil(page.waiting.isVisible)
    assert page.waiting.head.accessibleName() == "3 records wait in this computer's journal"
    assert page.waiting.means.text().startswith("They were written while the team's database took nothing. They are on this disk")
    desk.kept = samples.team_records()
    for _ in range(3):
        ticker().ticked.emit()
    qtbot.waitUntil(page.waiting.isHidden)


def test_one_record_and_a_journal_that_cannot_be_read_have_words_of_their_own():
    head, means = waiting_words(samples.records(waiting=1))
    assert head == "1 record waits in this computer's journal"
    assert "while the records' file took nothing. It is on this disk and goes into the audit by itself" in means
    assert waiting_words(samples.records(waiting=None))[0] == "Not known whether records wait"
    assert waiting_words(samples.records()) == ("", "")
