"""The audit table brings records page by page and never all of them."""

from dataclasses import replace
from datetime import UTC, datetime

from PySide6.QtCore import QModelIndex, Qt

from console.desktop.pages.audit_model import PAGE, RESULT, TARGET, WHAT, AuditModel, cell_text
from console.model.audit import Entry, Record, RecordKind
from console.model.rollout import Actor

AT = datetime(2026, 11, 24, 10, 10, 22, tzinfo=UTC)


def record(seq):
    return Record(seq, Entry(RecordKind.INTENT, Actor("Rita M.", "host:1:a"), AT, "rollback", "checkout-eu"), "0" * 64, "1" * 64, b"{}")


class Log:
    """A fake log that answers at once or when told, and remembers what was asked."""

    def __init__(self, size):
        self.newest, self.asked, self.waiting, self.hold = size, [], [], False

    def fetch(self, before, limit, deliver, failed):
        self.asked.append((before, limit))
        top = self.newest if before is None else before - 1
        page = [record(seq) for seq in range(top, max(0, top - limit), -1)]
        if self.hold:
            self.waiting.append((lambda: deliver(page), failed))
        else:
            deliver(page)


def model_on(log):
    return AuditModel(log.fetch, lambda found: found.entry.at.strftime("%H:%M:%S"))


def test_a_million_records_cost_one_page_at_first(qapp):
    log = Log(1_000_000)
    model = model_on(log)
    model.restart()
    assert model.rowCount() == PAGE
    assert log.asked == [(None, PAGE)]
    assert model.record(0).seq == 1_000_000


def test_scrolling_asks_for_the_page_before_the_oldest_shown(qapp):
    log = Log(1_000)
    model = model_on(log)
    model.restart()
    model.fetchMore(QModelIndex())
    assert log.asked[-1] == (1_000 - PAGE + 1, PAGE)
    assert [model.record(row).seq for row in (0, PAGE, 2 * PAGE - 1)] == [1_000, 800, 601]


def test_a_short_page_is_the_last(qapp):
    log = Log(30)
    model = model_on(log)
    model.restart()
    assert model.complete
    assert not model.canFetchMore(QModelIndex())


def test_the_answer_to_an_older_question_is_void(qapp):
    log = Log(30)
    log.hold = True
    model = model_on(log)
    model.restart()
    model.restart()
    log.waiting[0][0]()
    assert model.rowCount() == 0
    log.waiting[1][0]()
    assert model.rowCount() == 30


def test_newer_records_come_on_top_and_leave_the_rest(qapp):
    log = Log(500)
    model = model_on(log)
    model.restart()
    model.fetchMore(QModelIndex())
    log.newest = 503
    model.look_for_newer()
    assert model.rowCount() == 2 * PAGE + 3
    assert [model.record(row).seq for row in range(4)] == [503, 502, 501, 500]


def test_a_failed_answer_ends_the_asking(qapp):
    log = Log(500)
    log.hold = True
    model = model_on(log)
    model.restart()
    log.waiting[0][1]()
    assert not model.asking
    assert model.rowCount() == 0


def test_cells_say_who_did_what_where(qapp):
    log = Log(1)
    model = model_on(log)
    model.restart()
    assert model.data(model.index(0, WHAT)) == "intent · rollback"
    assert model.data(model.index(0, TARGET), Qt.ItemDataRole.DisplayRole) == "checkout-eu"


def test_a_freeze_has_a_word_beside_its_mark(qapp):
    plain = record(1)
    assert cell_text(plain, RESULT, str) == ""
    assert cell_text(replace(plain, entry=replace(plain.entry, kind=RecordKind.FREEZE)), RESULT, str) == "freeze"
