"""Starting: nothing slow before the first paint, one window per home, faults in words, and the engine let go at the end."""

import asyncio
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from PySide6.QtCore import qInstallMessageHandler

from console.desktop import faults, look
from console.desktop.pages import PAGES
from console.desktop.single import SingleInstance, call, instance_name, may_run
from console.desktop.starting import Booted, Starting
from console.desktop.wanted import Practice
from console.desktop.window import Window
from console.model.errors import ConsoleError
from tests.desktop import samples
from tests.desktop.pages.fake_desk import FakeDesk, run_now

ROOT = Path(faults.__file__).parents[2]
SLOW = (
    "pyqtgraph",
    "numpy",
    "sqlalchemy",
    "httpx",
    "keyring",
    "pydantic",
    "typer",
    "desktop_notifier",
    "asyncio",
    "console.model.views",
    "console.app",
)


def test_nothing_slow_is_loaded_before_the_first_paint():
    program = f"""
        import sys
        from PySide6.QtWidgets import QApplication
        from console.desktop.start import build

        app = QApplication([])
        window = build(app)
        window.frame.painted.connect(lambda: QApplication.exit(0))
        app.exec()
        print(*(name for name in {SLOW!r} if name in sys.modules))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == []


def test_rail_and_bars_can_be_read_before_anything_else(qtbot):
    window = Window(PAGES)
    qtbot.addWidget(window)
    with qtbot.waitSignal(window.frame.painted):
        window.show()
    assert window.rail.isVisible()
    assert [button.name for button in window.bottom.buttons.values()] == ["Hold", "Step down", "Roll back", "Kill flag"]


@pytest.fixture
def begun(qtbot, qapp, monkeypatch):
    """Start with a boot of our own; the hooks of the whole process stay as they are."""
    monkeypatch.setattr("console.desktop.starting.catch_all", lambda _tell: None)
    made = []

    def begin(boot, practice=None):
        window = Window(PAGES)
        qtbot.addWidget(window)
        window.show()
        starting = Starting(qapp, window, boot)
        made.append(starting)
        starting.begin(f"rc-test-{os.getpid()}-{time.monotonic_ns()}", practice)
        return starting

    yield begin
    for starting in made:
        starting.end()


def test_the_window_is_there_before_the_engine_and_takes_its_batches_after(qtbot, begun):
    desk, gate = FakeDesk(), threading.Event()

    def boot():
        gate.wait()
        return Booted(desk, run_now, lambda: None)

    starting = begun(boot)
    assert starting.inside.page is starting.inside.pages["targets"]
    gate.set()
    qtbot.waitUntil(lambda: desk.on_update is not None)
    desk.on_update(samples.incident())
    assert starting.inside.steering.target.name == "checkout-eu"


def test_a_practice_shop_is_opened_and_its_rollout_shown(qtbot, begun):
    desk = FakeDesk()
    starting = begun(lambda: Booted(desk, run_now, lambda: None), Practice("silent-payment", 20.0, True))
    qtbot.waitUntil(lambda: starting.inside.page is starting.inside.pages.get("releases"))
    assert desk.called("open_practice") == [("silent-payment", 20.0, True)]


def test_an_engine_that_cannot_start_is_told_in_words(qtbot, begun):
    def boot():
        raise ConsoleError("The records cannot be opened.", means="Nothing can be recorded.", advice="Free some space.")

    starting = begun(boot)
    qtbot.waitUntil(lambda: bool(starting.inside.toasts.shown))
    assert starting.inside.toasts.shown[0].title == "The records cannot be opened."


def test_at_the_end_the_engine_is_let_go(qtbot, begun):
    stopped, desk = [], FakeDesk()
    starting = begun(lambda: Booted(desk, run_now, lambda: stopped.append(True)))
    qtbot.waitUntil(lambda: desk.on_update is not None)
    starting.end()
    assert stopped == [True]


def test_a_second_start_raises_the_first_ones_window(qtbot):
    name = f"rc-test-{os.getpid()}-{time.monotonic_ns()}"
    first = SingleInstance(name)
    assert first.listen()
    with qtbot.waitSignal(first.raised) as heard:
        assert call(name, "practice healthy 20.0 1")
    assert heard.args == ["practice healthy 20.0 1"]
    assert may_run(name)


def test_nobody_answers_under_a_name_that_is_free(qapp):
    assert not call("rc-test-nobody")


def test_two_homes_have_two_windows():
    assert instance_name("/one") != instance_name("/two")


def test_the_theme_is_remembered_for_the_next_start():
    assert look.remembered() == "system"
    look.remember("system", "light")
    assert look.remembered() == "light"


def test_a_look_that_cannot_be_kept_is_only_logged(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        look.remember("dark", "dark")
    assert "could not be remembered" in caplog.text
    assert look.remembered() == "system"


@pytest.fixture
def caught(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(faults, "qInstallMessageHandler", lambda _handler: None)
    faults.catch_all(told.append)
    return told


def test_an_uncaught_fault_is_logged_and_told_in_words(caught, caplog):
    try:
        raise KeyError("weights")
    except KeyError as fault:
        sys.excepthook(KeyError, fault, fault.__traceback__)
    assert "Traceback" in caplog.text
    assert caught[0].message == "Something went wrong inside the console."
    assert "weights" not in str(caught[0])


def test_a_fault_in_a_thread_is_told_as_well(caught):
    def breaks():
        raise ConsoleError("The router does not answer.")

    thread = threading.Thread(target=breaks)
    thread.start()
    thread.join()
    assert [problem.message for problem in caught] == ["The router does not answer."]


def test_qt_s_own_messages_go_to_the_log(caplog):
    before = qInstallMessageHandler(faults._from_qt)
    try:
        from PySide6.QtCore import qWarning

        with caplog.at_level(logging.WARNING):
            qWarning("a font is missing")
    finally:
        qInstallMessageHandler(before)
    assert "Qt: a font is missing" in caplog.text


def test_a_desktop_without_notifications_is_only_logged(monkeypatch, caplog):
    from console.desktop import alarm

    def missing():
        raise OSError("no bus")

    class Door:
        def ask(self, work):
            asyncio.run(work(None))

    monkeypatch.setattr(alarm, "_load", missing)
    alarm.Alarm(Door())(samples.notice())
    assert "no desktop notification: no bus" in caplog.text
