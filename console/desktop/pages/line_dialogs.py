"""The dialogs that stop the line and lift the stop."""

from collections.abc import Callable
from datetime import datetime, timedelta

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QWidget

from console.desktop.pages.dialog import AskingWhy
from console.desktop.pages.laying import row
from console.desktop.widgets.label import Label
from console.model.freeze import StopTheLine

ENDS = (
    ("when I lift it", None),
    ("by itself in 30 min", 30),
    ("by itself in 1 h", 60),
    ("by itself in 2 h", 120),
    ("by itself in 8 h", 480),
)


class StopDialog(AskingWhy):
    """Asks why, for which targets and until when; `stopped` carries the reason, the end (or None) and the targets."""

    stopped = Signal(str, object, object)

    def __init__(self, targets: tuple[str, ...], chosen: str, now: Callable[[], datetime], parent: QWidget | None = None) -> None:
        text = "No move that raises exposure is made from now on. Backward moves stay open: hold, step down, roll back, kill flag."
        super().__init__("Stop the line", text, "Stop the line", "act", parent)
        self._now = now
        self._targets = targets
        self.scope = QComboBox()
        self.scope.setAccessibleName("For")
        self.scope.addItem("every target", ())
        for name in sorted(targets, key=lambda one: (one != chosen, one)):
            self.scope.addItem(f"only {name}", (name,))
        self.until = QComboBox()
        self.until.setAccessibleName("Ends")
        for words, minutes in ENDS:
            self.until.addItem(words, minutes)
        self.body.addLayout(row([Label("for", "small", "text.3"), self.scope, Label("ends", "small", "text.3"), self.until, -1]))
        self.reasoned.connect(self._stop)

    def _stop(self, reason: str) -> None:
        minutes = self.until.currentData()
        until = None if minutes is None else self._now() + timedelta(minutes=minutes)
        self.stopped.emit(reason, until, tuple(self.scope.currentData()))


class LiftDialog(AskingWhy):
    """Asks why the line moves again."""

    def __init__(self, stops: tuple[StopTheLine, ...], parent: QWidget | None = None) -> None:
        names = " and ".join(f"{stop.by} ({stop.reason})" for stop in stops)
        text = f"Stopped by {names}. Forward moves are open again from then on, where no freeze holds them."
        super().__init__("Lift the stop?", text, "Lift the stop", parent=parent)
