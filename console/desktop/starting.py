"""What comes after the first paint: pages, faults, the engine in its thread, the practice shop, and the slow imports."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from console.desktop import look, theme
from console.desktop.alarm import Alarm
from console.desktop.bridge import Bridge, Submit
from console.desktop.faults import catch_all, unforeseen
from console.desktop.garbage import Garbage
from console.desktop.inside import Inside
from console.desktop.known import Known
from console.desktop.page import Surroundings
from console.desktop.pages.preferences import preferences
from console.desktop.pages.targets import TargetsPage
from console.desktop.people import this_person
from console.desktop.single import SingleInstance
from console.desktop.style import ConsoleStyle
from console.desktop.wanted import Practice
from console.desktop.widgets.ring import FocusRing
from console.model.clock import SystemClock
from console.model.errors import ConsoleError

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from console.desktop.window import Window
    from console.model.desk import Desk

WARM_MS = 1500
STOP_S = 15.0


class Booted(NamedTuple):
    """A running engine: `submit` runs a coroutine on its loop, `stop` ends it and waits for that."""

    desk: Desk
    submit: Submit
    stop: Callable[[], None]


def open_console() -> Booted:
    """Open this computer's console: engine, records and targets, on a loop of its own."""
    from console.app import begin_logs, opened  # noqa: PLC0415 (the first paint does not wait for the engine)
    from console.engine.thread import EngineThread  # noqa: PLC0415

    begin_logs("desktop")
    thread = EngineThread()
    thread.start()
    context = opened(watch=None, keeps_watch=True)
    desk = thread.submit(context.__aenter__()).result()

    def stop() -> None:
        thread.submit(context.__aexit__(None, None, None)).result(STOP_S)
        thread.stop()

    return Booted(desk, thread.submit, stop)


class Starting(QObject):
    """Brings window and engine together."""

    _booted = Signal(object)
    _broken = Signal(object)

    def __init__(self, app: QApplication, window: Window, boot: Callable[[], Booted]) -> None:
        super().__init__(window)
        self._window, self._boot = window, boot
        self._garbage = Garbage(self)
        self._engine: Booted | None = None
        app.setStyle(ConsoleStyle())
        FocusRing(app, window)
        bridge = Bridge(self)
        self._around = Surroundings(bridge, this_person(), SystemClock(), Known())
        self.inside = Inside(self._around, window, Alarm(bridge))
        catch_all(bridge.failed.emit)
        self._booted.connect(self._attach)
        self._broken.connect(self.inside.show_error)

    def begin(self, name: str, practice: Practice | None) -> None:
        """Show the first page, boot the engine beside it, and listen for a second start under `name`."""
        self.inside.go("targets")
        if practice is not None:
            self.open_practice(practice)
        threading.Thread(target=self._run_boot, name="boot", daemon=True).start()
        single = SingleInstance(name, self)
        single.raised.connect(self._raised)
        single.listen()

    def end(self) -> None:
        """Let the engine go: what is on its way is finished or written down first."""
        self._around.bridge.detach()
        if self._engine is not None:
            self._engine.stop()
        self._garbage.stop()

    def open_practice(self, practice: Practice) -> None:
        """Start the practice shop as the Targets page does, which tells how far it is."""
        self.inside.go("targets")
        page = self.inside.page
        if isinstance(page, TargetsPage):
            page.open_practice(practice.scenario, practice.speed, start=practice.start)

    def _run_boot(self) -> None:
        try:
            self._booted.emit(self._boot())
        except ConsoleError as problem:
            self._broken.emit(problem)
        except Exception as fault:
            self._broken.emit(unforeseen(fault))
            raise

    def _attach(self, booted: Booted) -> None:
        catch_all(self._around.bridge.failed.emit)  # the log, which opened meanwhile, put its own doors in place
        self._engine = booted
        self._around.actor = getattr(booted.desk, "actor", self._around.actor)
        chosen = preferences()
        chosen.changed.connect(lambda: look.remember(chosen.theme, theme.current(), chosen.zoom))
        QGuiApplication.styleHints().colorSchemeChanged.connect(lambda _scheme: chosen.take_theme(chosen.theme))
        self._around.bridge.attach(booted.desk, booted.submit)
        chosen.load(self._around.bridge)
        QTimer.singleShot(WARM_MS, self, self._warm)

    def _raised(self, wish: str) -> None:
        self._window.come_forward()
        self._window.activateWindow()
        words = wish.split()
        if len(words) == 4 and words[0] == "practice":
            self.open_practice(Practice(words[1], float(words[2]), words[3] == "1"))

    def _warm(self) -> None:
        import console.desktop.widgets.chart  # noqa: F401, PLC0415 (pyqtgraph is slow to load; the first chart must not wait for it)

        self._garbage.settle()
