"""Lets Ctrl+C, a logout and `kill` end the program in order, as closing the window does."""

from __future__ import annotations

import signal
import socket

from PySide6.QtCore import QCoreApplication, QObject, QSocketNotifier

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Signals(QObject):
    """Ends the application's loop with 128 + the signal's number. Python's own handler would wait for Python code, which Qt may not run."""

    def __init__(self, app: QCoreApplication) -> None:
        super().__init__(app)
        self._app = app
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._came)
        self._before = {number: signal.signal(number, _pass_on) for number in ENDING}
        self._fd_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def let_go(self) -> None:
        """Put everything back as it was."""
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._notifier.setEnabled(False)
        self._reader.close()
        self._writer.close()

    def _came(self) -> None:
        for number in self._reader.recv(64):
            if number in ENDING:
                self._app.exit(128 + number)


def _pass_on(_number: int, _frame: object) -> None:
    """Do nothing here: the number arrives through the socket, in Qt's loop."""
