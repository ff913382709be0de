"""Ctrl+C, `kill` and a logout end the program in order, and no slot is hit by an interrupt."""

import os
import signal
import sys

import pytest
from PySide6.QtCore import QEventLoop, QTimer
from pytestqt.qtbot import QtBot

from console.desktop.signals import ENDING, Signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself these signals there")


class Loop(QEventLoop):
    """Stands in for the application, whose own loop is the tests'."""


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_ends_the_loop_with_its_number(qtbot: QtBot, number: signal.Signals) -> None:
    before, loop = signal.getsignal(number), Loop()
    signals = Signals(loop)  # type: ignore[arg-type]
    try:
        QTimer.singleShot(0, loop, lambda: os.kill(os.getpid(), number))
        assert loop.exec() == 128 + number
    finally:
        signals.let_go()
    assert signal.getsignal(number) is before
