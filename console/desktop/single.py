"""One window for each home folder: a second start raises the first one's window and ends."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

from PySide6.QtCore import QDir, QObject, Signal

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalSocket

CONNECT_MS = 300
MOST_BYTES = 200


class SingleInstance(QObject):
    """Listens under a name; `raised` when a second start asks for the window, with what else it wants ("" for nothing)."""

    raised = Signal(str)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        from PySide6.QtNetwork import QLocalServer  # noqa: PLC0415 (start-up time earns it)

        super().__init__(parent)
        self._callers: list[QLocalSocket] = []
        self._name, self._remove = name, QLocalServer.removeServer
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._greeted)

    def listen(self) -> bool:
        """Take the name; False when another process has it and answers. A name left behind by a crash is taken over."""
        if self._server.listen(self._name):
            return True
        if call(self._name):
            return False
        self._remove(self._name)
        return self._server.listen(self._name)

    def _greeted(self) -> None:
        while self._server.hasPendingConnections():
            socket = self._server.nextPendingConnection()
            self._callers.append(socket)
            socket.disconnected.connect(self._hung_up)
        self._hung_up()

    def _hung_up(self) -> None:
        """Read what callers said that have gone; one that is gone already tells nothing more."""
        from PySide6.QtNetwork import QLocalSocket  # noqa: PLC0415

        for socket in [one for one in self._callers if one.state() == QLocalSocket.LocalSocketState.UnconnectedState]:
            self._callers.remove(socket)
            wish = bytes(socket.read(MOST_BYTES).data()).decode("utf-8", "replace").strip()
            socket.deleteLater()
            self.raised.emit(wish)


def instance_name(home: str) -> str:
    """Return the name for a person and a home folder."""
    person = os.path.expanduser("~")
    return f"release-console-{zlib.crc32(f'{person}|{home}'.encode()):08x}"


def may_run(name: str) -> bool:
    """Tell whether something may listen under a name, without loading the network: its socket or pipe exists."""
    pipe = rf"\\.\pipe\{name}" if os.name == "nt" else os.path.join(QDir.tempPath(), name)
    return os.path.exists(pipe)


def call(name: str, wish: str = "") -> bool:
    """Ask the program that listens under a name to show its window; False when nobody answers."""
    from PySide6.QtNetwork import QLocalSocket  # noqa: PLC0415 (start-up time earns it)

    socket = QLocalSocket()
    socket.connectToServer(name)
    if not socket.waitForConnected(CONNECT_MS):
        return False
    socket.write(wish.encode() + b"\n")
    socket.waitForBytesWritten(CONNECT_MS)
    socket.disconnectFromServer()
    return True
