"""Collects garbage on the Qt thread only: a collection that starts in another thread would destroy widgets there, and crash."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000
MIDDLE, WHOLE = 5, 30
"""After how many rounds the middle generation, and all of it, is looked through."""


class Garbage(QObject):
    """Takes the collector over from Python, which runs it in whatever thread happens to allocate; `stop` gives it back."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._before = gc.isenabled()
        gc.disable()
        self._rounds = 0
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def settle(self) -> None:
        """Leave what is there after the start out of every later look, so that a look is short."""
        gc.collect()
        gc.freeze()

    def collect(self) -> None:
        """Look through the newest objects, and now and then through the older ones."""
        self._rounds += 1
        generation = 2 if self._rounds % WHOLE == 0 else int(self._rounds % MIDDLE == 0)
        gc.collect(generation)

    def stop(self) -> None:
        """Collect what the windows left, here, and let Python collect by itself again."""
        self._timer.stop()
        gc.unfreeze()
        gc.collect()
        if self._before:
            gc.enable()
