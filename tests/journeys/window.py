"""The whole program in a test: the real window, the real engine in its thread, on this test's home; told apart only by who clicks."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from console.app import Console, opened
from console.desktop.inside import Inside
from console.desktop.start import build
from console.desktop.starting import Booted, Starting
from console.engine.thread import EngineThread
from console.model.events import Event, StageEntered
from console.model.verbs import Verb
from console.model.views import RolloutView, TargetView, Update

LONG_MS = 90_000


@dataclass
class Program:
    """A running program, what its window was told, and hands to use it."""

    starting: Starting
    inside: Inside
    qtbot: QtBot
    booted: list[Booted]
    begun: float
    events: list[Event] = field(default_factory=list)
    entered_at: dict[int, float] = field(default_factory=dict)
    moved_at: dict[int, dict[str, float]] = field(default_factory=dict)
    """By weight and role: when page traffic was first seen to move after that weight was read back, in seconds since then."""
    first_moved_s: float | None = None
    hit: int = 0

    @property
    def console(self) -> Console:
        desk = self.booted[0].desk
        assert isinstance(desk, Console)
        return desk

    @property
    def target(self) -> TargetView | None:
        return self.inside.steering.target

    @property
    def rollout(self) -> RolloutView | None:
        return self.inside.steering.rollout

    def until(self, holds: Callable[[], bool], what: str, timeout_ms: int = LONG_MS) -> None:
        def check() -> None:
            assert holds(), f"{what} did not come true: {self.rollout or self.target}"

        self.qtbot.waitUntil(check, timeout=timeout_ms)

    def phase(self, *names: str) -> bool:
        return self.rollout is not None and self.rollout.phase.value in names

    def click(self, widget: QWidget) -> None:
        assert widget.isVisible(), widget
        assert widget.isEnabled(), widget.accessibleName()
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    def press(self, verb: Verb) -> None:
        """Click a verb of the bottom bar."""
        self.click(self.inside.window.bottom.button_of(verb))

    def can(self, verb: Verb) -> bool:
        return self.inside.window.bottom.button_of(verb).isEnabled()

    def toasts(self) -> str:
        return "\n".join(f"{told.level}: {told.title}. {told.text}" for told in self.inside.toasts.shown)

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, StageEntered):
            self.entered_at.setdefault(event.weight, event.at.timestamp())

    def on_update(self, update: Update) -> None:
        if self.first_moved_s is None and any(_moves(view) for view in update.targets):
            self.first_moved_s = time.monotonic() - self.begun
        for view in update.rollouts:
            self.hit = max(self.hit, view.loss.customers_hit if view.loss else 0)
            requests = next((chart for chart in view.charts if chart.name == "Requests"), None)
            for weight, at in self.entered_at.items() if requests else ():
                for series in requests.series if requests else ():
                    moved = [when for when, value in zip(series.times, series.values, strict=True) if when > at and value > 0]
                    if moved:
                        self.moved_at.setdefault(weight, {}).setdefault(series.role, moved[0] - at)


def _moves(view: TargetView) -> bool:
    return view.requests is not None and any(value > 0 and not math.isnan(value) for value in view.requests.values)


@contextmanager
def program(app: QApplication, qtbot: QtBot) -> Iterator[Program]:
    """Open the window, then the engine beside it; all ends with the block. What nobody foresaw fails the test instead of a toast."""
    booted: list[Booted] = []

    def boot() -> Booted:
        thread = EngineThread()
        thread.start()
        context = opened(watch=None, keeps_watch=True)
        desk = thread.submit(context.__aenter__()).result(60)

        def stop() -> None:
            thread.submit(context.__aexit__(None, None, None)).result(60)
            thread.stop()

        booted.append(Booted(desk, thread.submit, stop))
        return booted[0]

    begun = time.monotonic()
    window = build(app)
    window.asks_first = None
    with patch("console.desktop.starting.catch_all"):
        starting = Starting(app, window, boot)
    bridge = starting._around.bridge
    running = Program(starting, starting.inside, qtbot, booted, begun)
    bridge.updated.connect(running.on_update)
    bridge.happened.connect(running.on_event)
    try:
        starting.begin(f"journey-{time.monotonic_ns()}", None)
        running.until(lambda: bridge.desk is not None, "the engine runs")
        yield running
    finally:
        starting.end()
        app.processEvents()  # what was still on its way arrives while its receiver lives: Qt keeps no hold on it
        bridge.updated.disconnect(running.on_update)
        bridge.happened.disconnect(running.on_event)
        window.close()
        window.deleteLater()
