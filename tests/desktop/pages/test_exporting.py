"""Records leave the Audit page in five forms; a PDF is written beside the window, which goes on drawing."""

import re
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer

from console.desktop.pages.audit import AuditPage
from console.desktop.pdf import PdfJob, shares, write_pdf
from console.model.document import Part
from console.model.errors import CannotRecord

HEAD = ("seq", "at", "who", "result", "hash")


def parts(rows):
    cells = [(str(number), "2026-11-24T10:10:22Z", "Rita M.", "<b>refused</b>", "c81e07d4" * 8) for number in range(rows)]
    return (Part("5.2b on checkout-eu", ("Rollout R-2291, rolled back.",)), Part("Actions", (), HEAD, cells), Part("Refusals", (), HEAD))


def pages_in(path):
    return len(re.findall(rb"/Type\s*/Page\b", path.read_bytes()))


@pytest.fixture
def page(shown, qtbot):
    made = shown(AuditPage)
    qtbot.waitUntil(lambda: made.record.rollout != "")
    return made


def offered(page):
    page.export.fill()
    return [action.text() for action in page.export.choices.actions() if action.text()]


def test_the_menu_offers_three_forms_and_the_rollouts_evidence(page):
    assert offered(page) == [
        "JSON Lines, can be verified …",
        "CSV …",
        "HTML page …",
        "Evidence of R-2291 as one file …",
        "Evidence of R-2291 as PDF …",
    ]
    page.record.show_view(None)
    assert len(offered(page)) == 3


@pytest.mark.parametrize("form", ["jsonl", "csv", "html"])
def test_records_are_exported_in_the_form_chosen(page, qtbot, desk, form):
    page.export.export(form, Path(f"/files/audit.{form}"))
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    ((path, _chosen, said),) = desk.called("audit_export")
    assert (path.name, said) == (f"audit.{form}", form)
    assert page.heard["told"][0].title == "412 records exported"


def test_the_evidence_of_a_rollout_is_written_as_one_file(page, qtbot, desk):
    page.export.export("zip", Path("/files/evidence.zip"), "R-2291")
    assert not page.export.isEnabled()
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    assert desk.called("audit_bundle") == [("R-2291", Path("/files/evidence.zip"))]
    assert page.heard["told"][0].title == "17 records of R-2291 in one file"
    assert page.export.isEnabled()


def test_a_bundle_that_cannot_be_written_says_why(page, qtbot, desk):
    desk.errors["audit_bundle"] = CannotRecord("The disk is full.")
    page.export.export("zip", Path("/files/evidence.zip"), "R-2291")
    qtbot.waitUntil(lambda: bool(page.heard["told"]))
    assert page.heard["told"][0].title == "evidence.zip was not written"
    assert page.export.isEnabled()


def test_the_evidence_is_written_as_a_pdf(page, qtbot, tmp_path):
    place = tmp_path / "evidence.pdf"
    page.export.export("pdf", place, "R-2291")
    qtbot.waitUntil(lambda: bool(page.heard["told"]), timeout=20_000)
    found = pages_in(place)
    assert found > 1
    assert page.heard["told"][0].title == f"Evidence of R-2291 on {found} pages"
    assert [left.name for left in tmp_path.iterdir()] == ["evidence.pdf"]


def test_a_pdf_that_cannot_be_written_says_why(page, qtbot, tmp_path, capfd):
    page.export.export("pdf", tmp_path / "missing" / "evidence.pdf", "R-2291")
    qtbot.waitUntil(lambda: bool(page.heard["told"]), timeout=20_000)
    assert page.heard["told"][0].title == "evidence.pdf was not written"
    assert page.export.isEnabled()


def test_the_window_goes_on_while_a_long_pdf_is_written(qtbot, tmp_path):
    beats, ended = [], []
    timer = QTimer()
    timer.setInterval(5)
    timer.timeout.connect(lambda: beats.append(time.monotonic()))
    job = PdfJob()
    job.done.connect(ended.append)
    timer.start()
    job.begin(tmp_path / "long.pdf", "long", parts(1500))
    qtbot.waitUntil(lambda: bool(ended), timeout=60_000)
    gaps = sorted(after - before for before, after in pairwise(beats))
    assert gaps[len(gaps) // 2] < 0.05
    assert pages_in(tmp_path / "long.pdf") == ended[0]


def test_columns_share_the_whole_width_and_none_is_lost():
    widths = shares(HEAD, [("1", "at", "Rita M.", "ok", "c" * 64)], 700.0)
    assert sum(widths) == pytest.approx(700.0)
    assert min(widths) > 30


def test_a_pdf_is_written_in_any_thread(qapp, tmp_path):
    ended = []
    thread = threading.Thread(target=lambda: ended.append(write_pdf(tmp_path / "one.pdf", "one", parts(3))))
    thread.start()
    thread.join(30)
    assert ended == [1]
