"""Remote text is plain text: no label, tooltip or box of ours can take it for HTML."""

import ast
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QLabel

import console
from console.desktop.widgets.label import Label, plain_tip
from console.desktop.widgets.ribbon import Ribbon, RibbonView
from console.model.verbs import State
from tests.desktop import samples

ROOT = Path(console.__file__).parent
EVIL = "<b>5.2</b><img src='http://evil.example/x.png'>"
HTML_CALLS = {"setHtml", "insertHtml", "appendHtml", "setMarkdown", "QMessageBox", "QTextBrowser", "QErrorMessage", "QWhatsThis"}


def modules(folder):
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(folder.rglob("*.py"))]


def test_labels_are_made_by_one_class_only():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in modules(ROOT / "desktop")
        if path.name != "label.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "QLabel"
    ]
    assert found == []


def test_nothing_of_ours_writes_html():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in modules(ROOT / "desktop")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name) and (node.attr if isinstance(node, ast.Attribute) else node.id) in HTML_CALLS
    ]
    assert found == []


def test_qt_is_imported_by_the_desktop_only():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in modules(ROOT)
        if path.relative_to(ROOT).parts[0] != "desktop"
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
        if name.split(".")[0] in {"PySide6", "pyqtgraph", "shiboken6"}
    ]
    assert found == []


@pytest.mark.parametrize("batch", [samples.incident, samples.healthy, samples.frozen, samples.unknown, samples.first_start])
def test_every_label_in_the_window_is_plain(opened, batch):
    inside = opened(batch())
    for key in inside.window.entries:
        inside.go(key)
    labels = inside.window.findChildren(QLabel)
    assert len(labels) > 20
    assert [label.text() for label in labels if label.textFormat() != Qt.TextFormat.PlainText] == []


def test_a_label_shows_tags_as_they_are(qtbot):
    label = Label(EVIL)
    qtbot.addWidget(label)
    assert label.text() == EVIL
    assert label.textFormat() == Qt.TextFormat.PlainText


def test_a_tooltip_is_not_taken_for_html(qtbot):
    ribbon = Ribbon()
    qtbot.addWidget(ribbon)
    ribbon.show_view(RibbonView("audit", State.FROZEN, EVIL, EVIL))
    assert not GuiQt.mightBeRichText(ribbon.toolTip())
    for text in (EVIL, "a < b", "&lt;b>5.2", "<!-- x -->", "line\n<b>x</b>"):
        assert not GuiQt.mightBeRichText(plain_tip(text))
    assert GuiQt.mightBeRichText(EVIL)


def test_text_that_does_not_fit_is_whole_in_the_tooltip(qtbot):
    label = Label("increase(payments_total{shop='eu'}[15s]) by (side, outcome)", elide=True)
    qtbot.addWidget(label)
    label.resize(80, 20)
    label.show()
    assert label.toolTip() == label.text()
    label.resize(900, 20)
    assert label.toolTip() == ""
