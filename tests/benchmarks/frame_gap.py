"""The longest gaps between frames of an idle window, and of the same window beside 200 targets polled once a second.

QT_QPA_PLATFORM=offscreen PYTHONPATH=. python tests/benchmarks/frame_gap.py [--seconds 20] [--targets 200]
"""

import argparse
import statistics
import sys
import threading
from dataclasses import replace
from datetime import timedelta

from PySide6.QtCore import QElapsedTimer, Qt, QTimer
from PySide6.QtWidgets import QApplication

from console.desktop import theme
from console.desktop.bridge import Bridge
from console.desktop.inside import Inside
from console.desktop.known import Known
from console.desktop.page import Surroundings
from console.desktop.pages import PAGES
from console.desktop.style import ConsoleStyle
from console.desktop.window import Window
from console.model.clock import SystemClock
from console.model.views import ConnectionView, Fact, Update
from tests.desktop import samples

GOAL_MS = 5.0
BATCH_S = 0.1
FRAME_MS = 4


class Poller(threading.Thread):
    """A thread like the engine's: each 100 ms a batch with a tenth of the targets, each read once a second."""

    def __init__(self, tell, count):
        super().__init__(daemon=True)
        self.tell, self.ended, self.views = tell, threading.Event(), list(samples.fleet(count))

    def run(self):
        turn = 0
        while not self.ended.wait(BATCH_S):
            now = SystemClock().now()
            chosen = range(turn % 10, len(self.views), 10)
            for index in chosen:
                view = self.views[index]
                systems = tuple(replace(one, last_at=now) for one in view.connections)
                self.views[index] = replace(view, connections=systems, weight=replace(view.weight, read_back=Fact(0.0, now)))
            self.tell(Update(targets=tuple(self.views[index] for index in chosen)))
            turn += 1


def gaps(app, seconds):
    """Return the gaps between turns of a timer of 4 ms, in ms: what a frame would have waited."""
    found, clock, last = [], QElapsedTimer(), [0]
    clock.start()

    def turn():
        now = clock.nsecsElapsed()
        found.append((now - last[0]) / 1e6)
        last[0] = now

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(turn)
    timer.start(FRAME_MS)
    QTimer.singleShot(int(seconds * 1000), app.quit)
    app.exec()
    timer.stop()
    return found[5:]


def p99(values):
    """Return the 99th percentile."""
    return statistics.quantiles(values, n=100)[98]


def main():
    """Measure idle and polled in turn, and print both and their difference."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--targets", type=int, default=200)
    chosen = parser.parse_args()
    app = QApplication(sys.argv[:1])
    theme.apply(app, "dark")
    app.setStyle(ConsoleStyle())
    bridge, window = Bridge(), Window(PAGES)
    around = Surroundings(bridge, samples.ACTOR, SystemClock(), Known())
    inside = Inside(around, window)
    window.show()
    inside.go("targets")
    at = SystemClock().now() - timedelta(seconds=1)
    old = ConnectionView("traffic", "Envoy", True, at, 10.0)
    bridge.updated.emit(Update(targets=tuple(replace(view, connections=(old,)) for view in samples.fleet(chosen.targets))))
    gaps(app, 2.0)
    idle = gaps(app, chosen.seconds)
    poller = Poller(bridge.updated.emit, chosen.targets)
    poller.start()
    gaps(app, 1.0)
    polled = gaps(app, chosen.seconds)
    poller.ended.set()
    poller.join()
    difference = p99(polled) - p99(idle)
    print(
        f"idle p99 {p99(idle):.1f} ms, longest {max(idle):.0f} ms; beside {chosen.targets} targets p99 {p99(polled):.1f} ms, "
        f"longest {max(polled):.0f} ms; difference of p99 {difference:.1f} ms, goal {GOAL_MS:.0f}"
    )
    return 0 if difference <= GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
