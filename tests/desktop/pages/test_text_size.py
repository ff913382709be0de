"""Text size: chosen in Settings, in force from the next start, and nothing is cut off at any of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from console.desktop import look, start
from console.desktop.pages.dialog import Asking
from console.desktop.pages.preferences import preferences
from console.desktop.pages.settings import SettingsPage
from console.desktop.widgets.bottombar import BottomBar
from console.desktop.widgets.label import Label
from tests.desktop import samples
from tests.desktop.clipping import clipped

ROOT = Path(start.__file__).parents[2]


@pytest.fixture(autouse=True)
def _back_to_normal():
    yield
    preferences().zoom = 100


@pytest.mark.parametrize("size", [100, 125, 150, 200])
def test_nothing_is_cut_off_on_any_page(size):
    look.remember("dark", "dark", size)
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "desktop" / "zoomed.py")], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    ratio, *cut = done.stdout.splitlines()
    assert float(ratio) == size / 100
    assert cut == []


def test_what_is_cut_off_is_found(qtbot):
    box = QWidget()
    qtbot.addWidget(box)
    line = Label("a sentence that is longer than its place")
    line.setFixedWidth(60)
    elided = Label("a sentence that is longer than its place", elide=True)
    elided.setFixedWidth(60)
    low = QLabel("two lines of words in the height of one")
    low.setWordWrap(True)
    low.setFixedSize(90, 14)
    column = QVBoxLayout(box)
    for label in (line, elided, low):
        column.addWidget(label)
    box.show()
    assert len(clipped(box)) == 2


def test_a_text_size_is_stored_and_said_to_need_a_start(shown, qtbot, desk):
    page = shown(SettingsPage)
    assert not page._size_note.isVisible()
    qtbot.mouseClick(page.sizes.buttons["150"], Qt.MouseButton.LeftButton)
    assert ("text_size", "150") in desk.called("set_setting")
    assert page._size_note.text() == "150 % takes effect at the next start; now it is 100 %."


def test_ctrl_plus_and_minus_step_through_the_sizes_and_say_when_they_hold(opened, qtbot):
    inside = opened(samples.incident())
    inside.window.activateWindow()
    qtbot.waitUntil(inside.window.isActiveWindow)
    for keys, size in (("Plus", "125"), ("Equal", "150"), ("Minus", "125"), ("0", "100"), ("Minus", "100")):
        qtbot.keyClick(inside.window, getattr(Qt.Key, f"Key_{keys}"), Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(lambda size=size: inside.desk.called("set_setting")[-1:] == [("text_size", size)])
        assert preferences().zoom == int(size)


def test_the_largest_size_is_the_last():
    preferences().zoom = 200
    assert preferences().step_zoom(1) == 200
    assert preferences().step_zoom(0) == 100


def test_theme_and_size_are_remembered_together(tmp_path):
    assert (look.remembered(), look.zoom()) == ("system", 100)
    look.remember("system", "light", 150)
    assert (look.remembered(), look.zoom()) == ("light", 150)
    look.remember("system", "light", 100)
    assert look.zoom() == 100


@pytest.mark.parametrize("words", ["dark dark", "dark dark 137", "dark dark many", "", "dark dark 150000"])
def test_a_size_that_is_not_offered_is_normal(words):
    look.remember("dark", "light", 125)
    look._file().write_text(words, encoding="utf-8")
    assert look.zoom() == 100


def test_every_verb_stays_on_the_bar_in_a_very_narrow_window(qtbot):
    bar = BottomBar()
    qtbot.addWidget(bar)
    bar.resize(720, 60)
    bar.show()
    assert all(button.geometry().right() < 720 and button.isVisible() for button in bar.buttons.values())


def test_the_questions_about_the_records_have_room_for_their_words(opened, qtbot):
    inside = opened(samples.incident())
    inside.desk.kept = samples.team_records(waiting=3, unmoved=412)
    inside.go("settings")
    team = inside.pages["settings"].team
    qtbot.waitUntil(lambda: team._view is not None)
    for ask in (team._ask_join, team._ask_move, team._ask_leave):
        ask()
    inside.go("audit")
    for dialog in inside.window.findChildren(Asking):
        assert clipped(dialog) == []
        dialog.close()
