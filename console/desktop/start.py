"""Starts the desktop: the window first, then the engine in its thread, then the two are brought together."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from console.desktop import look, theme
from console.desktop.alarm import Alarm
from console.desktop.bridge import Bridge, Submit
from console.desktop.faults import catch_all, unforeseen
from console.desktop.known import Known
from console.desktop.page import Surroundings
from console.desktop.pages import PAGES
from console.desktop.single import call, instance_name, may_run
from console.desktop.widgets.frame import FocusRing
from console.desktop.window import Window
from console.model.clock import SystemClock
from console.model.errors import ConsoleError
from console.model.places import chosen_home

if TYPE_CHECKING:
    from console.model.desk import Desk

WARM_MS = 1500


class Booted(NamedTuple):
    """A running engine: `submit` runs a coroutine on its loop, `stop` ends it and waits for that."""

    desk: Desk
    submit: Submit
    stop: Callable[[], None]


Boot = Callable[[], Booted]


class Practice(NamedTuple):
    """The practice shop to open with the window; `start` also starts its rollout."""

    scenario: str
    speed: float
    start: bool


def run(boot: Boot | None = None, *, practice: tuple[str, float, bool] | None = None) -> int:
    """Open the window, or raise the one that is open already; return the exit code when it was closed."""
    app = QApplication(sys.argv[:1])
    app.setApplicationName("release-console")
    app.setDesktopFileName("release-console")
    wanted = Practice(*practice) if practice is not None else None
    name = instance_name(str(chosen_home() or ""))
    if may_run(name) and call(name, "" if wanted is None else f"practice {wanted.scenario} {wanted.speed} {int(wanted.start)}"):
        return 0
    window, around = build(app)
    starting = Starting(window, around, boot or open_console, wanted)
    window.frame.painted.connect(starting.begin, Qt.ConnectionType.QueuedConnection)
    starting.listen(name)
    code = app.exec()
    starting.end()
    return code


def build(app: QApplication) -> tuple[Window, Surroundings]:
    """Make and show the window, with nothing in it yet but rail and bars."""
    theme.apply(app, look.remembered())
    bridge = Bridge()
    around = Surroundings(bridge, None, SystemClock(), Known())
    window = Window(around, PAGES, Alarm(bridge))
    catch_all(bridge.failed.emit)
    window.show()
    return window, around


def open_console() -> Booted:
    """Open this computer's console: engine, records and targets, on a loop of its own."""
    from console.app import opened  # noqa: PLC0415 (the first paint does not wait for the engine)
    from console.engine.thread import EngineThread  # noqa: PLC0415

    thread = EngineThread()
    thread.start()
    context = opened(watch=None, keeps_watch=True)
    desk = thread.submit(context.__aenter__()).result()

    def stop() -> None:
        thread.submit(context.__aexit__(None, None, None)).result(STOP_S)
        thread.stop()

    return Booted(desk, thread.submit, stop)


STOP_S = 15.0


class Starting(QObject):
    """What comes after the first paint, in this order: the first page, the engine, the practice shop, the slow imports."""

    _booted = Signal(object)
    _broken = Signal(object)

    def __init__(self, window: Window, around: Surroundings, boot: Boot, practice: Practice | None) -> None:
        super().__init__(window)
        self._window, self._around, self._boot, self._practice = window, around, boot, practice
        self._engine: Booted | None = None
        self._booted.connect(self._attach)
        self._broken.connect(window.show_error)

    def begin(self) -> None:
        """Show the first page and boot the engine beside it."""
        from console.desktop.people import this_person  # noqa: PLC0415 (after the first paint)

        self._around.actor = this_person()
        app = QApplication.instance()
        if isinstance(app, QApplication):
            FocusRing(app, self._window)
        self._window.go("targets")
        threading.Thread(target=self._run_boot, name="boot", daemon=True).start()

    def listen(self, name: str) -> None:
        """Take the instance's name once the window is up, and come forward when a second start calls."""
        QTimer.singleShot(0, self, lambda: self._listen(name))

    def end(self) -> None:
        """Let the engine go: what is on its way is finished or written down first."""
        self._around.bridge.detach()
        if self._engine is not None:
            self._engine.stop()

    def open_practice(self, practice: Practice) -> None:
        """Start the practice shop and show its target, or its rollout when that was started too."""
        self._around.bridge.ask(
            lambda desk: desk.open_practice(practice.scenario, practice.speed, start=practice.start),
            lambda name: self._show_practice(name, started=practice.start),
        )

    def _run_boot(self) -> None:
        try:
            self._booted.emit(self._boot())
        except ConsoleError as problem:
            self._broken.emit(problem)
        except Exception as fault:
            self._broken.emit(unforeseen(fault))
            raise

    def _attach(self, booted: Booted) -> None:
        from console.desktop.pages.preferences import preferences  # noqa: PLC0415 (after the first paint)

        self._engine = booted
        self._around.actor = getattr(booted.desk, "actor", self._around.actor)
        chosen = preferences()
        chosen.changed.connect(lambda: look.remember(chosen.theme))
        self._around.bridge.attach(booted.desk, booted.submit)
        chosen.load(self._around.bridge)
        QGuiApplication.styleHints().colorSchemeChanged.connect(lambda _scheme: chosen.take_theme(chosen.theme))
        if self._practice is not None:
            self.open_practice(self._practice)
        QTimer.singleShot(WARM_MS, self, _warm)

    def _show_practice(self, name: str, *, started: bool) -> None:
        self._window.steering.pick(name)
        self._window.go("releases" if started else "targets", name)

    def _listen(self, name: str) -> None:
        from console.desktop.single import SingleInstance  # noqa: PLC0415

        single = SingleInstance(name, self)
        single.raised.connect(self._raised)
        single.listen()

    def _raised(self, wish: str) -> None:
        self._window.come_forward()
        self._window.activateWindow()
        words = wish.split()
        if len(words) == 4 and words[0] == "practice":
            self.open_practice(Practice(words[1], float(words[2]), words[3] == "1"))


def _warm() -> Any:
    import console.desktop.widgets.chart  # noqa: PLC0415 (pyqtgraph is slow to load; the first chart must not wait for it)

    return console.desktop.widgets.chart
