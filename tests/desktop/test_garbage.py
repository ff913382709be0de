"""Widgets that nobody holds any more are destroyed on the Qt thread, whatever other threads do."""

import gc
import threading
import weakref

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from console.desktop.garbage import WHOLE, Garbage


def lost_widget() -> "weakref.ref[QWidget]":
    """Make a widget that only the collector can free."""
    widget = QWidget()
    widget.itself = widget
    return weakref.ref(widget)


def test_only_the_qt_thread_destroys_widgets_that_were_lost(qtbot: QtBot) -> None:
    garbage = Garbage()
    lost = lost_widget()
    busy = threading.Thread(target=lambda: [[number] for number in range(300_000)])
    busy.start()
    busy.join()
    assert lost() is not None
    for _ in range(WHOLE):
        garbage.collect()
    assert lost() is None
    garbage.stop()


def test_what_was_there_at_the_start_is_given_back_at_the_end(qtbot: QtBot) -> None:
    gc.enable()
    garbage = Garbage()
    assert not gc.isenabled()
    garbage.settle()
    assert gc.get_freeze_count() > 0
    garbage.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    gc.disable()
