"""Starts the desktop: the window first, with nothing loaded that its first paint does not need; then all the rest."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from console.desktop import look, theme
from console.desktop.pages import PAGES
from console.desktop.single import call, instance_name, may_run
from console.desktop.wanted import Practice
from console.desktop.window import Window
from console.model.places import chosen_home

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.desktop.signals import Signals
    from console.desktop.starting import Booted, Starting

    Boot = Callable[[], Booted]


SCALE = "QT_SCALE_FACTOR"
"""Qt reads it once, when the application is made."""
NORMAL = 100


def run(boot: Boot | None = None, *, practice: tuple[str, float, bool] | None = None) -> int:
    """Open the window, or raise the one that is open already; return the exit code when it was closed.

    `boot` opens the engine, in a thread of its own after the first paint; by default this computer's console.
    """
    app = make_app(sys.argv[:1])
    app.setApplicationName("release-console")
    app.setDesktopFileName("release-console")
    wanted = Practice(*practice) if practice is not None else None
    name = instance_name(str(chosen_home() or ""))
    if may_run(name) and call(name, "" if wanted is None else f"practice {wanted.scenario} {wanted.speed} {int(wanted.start)}"):
        return 0
    window = build(app)
    begun: list[Starting] = []
    heard: list[Signals] = []

    def begin() -> None:
        from console.desktop.signals import Signals  # noqa: PLC0415 (after the first paint)
        from console.desktop.starting import Starting, open_console  # noqa: PLC0415 (after the first paint)

        heard.append(Signals(app))
        begun.append(Starting(app, window, boot or open_console))
        begun[0].begin(name, wanted)

    window.frame.painted.connect(begin, Qt.ConnectionType.QueuedConnection)
    code = app.exec()
    for starting in begun:
        starting.end()
    for signals in heard:
        signals.let_go()
    return code


def make_app(argv: list[str]) -> QApplication:
    """Make the application at the text size that was chosen: Qt scales fonts and lengths alike, so that nothing is cut off.

    A factor that the environment gives is multiplied; children of the console are not given ours.
    """
    size, given = look.zoom(), os.environ.get(SCALE)
    if size == NORMAL:
        return QApplication(argv)
    try:
        before = float(given or 1.0)
    except ValueError:
        before = 1.0
    os.environ[SCALE] = f"{before * size / NORMAL:g}"
    try:
        return QApplication(argv)
    finally:
        if given is None:
            del os.environ[SCALE]
        else:
            os.environ[SCALE] = given


def build(app: QApplication) -> Window:
    """Make and show the window: rail and bars, and nothing in it yet."""
    theme.apply(app, look.remembered())
    window = Window(PAGES)
    window.show()
    return window
