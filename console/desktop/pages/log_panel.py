"""The end of the program's own log on the Settings page: plain text, bounded, read beside the window."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from console.desktop import forms, theme
from console.desktop.page import Surroundings
from console.desktop.pages.laying import row
from console.desktop.widgets.button import Button
from console.desktop.widgets.panel import Panel
from console.files.logtail import last_lines
from console.model.errors import ConsoleError, StoreError

MOST = 200
HEIGHT = 300


async def _read(path: Path) -> Sequence[str]:
    try:
        return await asyncio.to_thread(last_lines, path, MOST)
    except OSError as error:
        raise StoreError(f"The log cannot be read: {(error.strerror or str(error)).lower()}.", advice=f"Look at {path}.") from error


class LogPanel(Panel):
    """Reads when it is first shown, and again at a click."""

    def __init__(self, around: Surroundings, path: Path, parent: QWidget | None = None) -> None:
        super().__init__("Log", f"the last {MOST} lines", parent)
        self._around, self._path = around, path
        self.lines = QPlainTextEdit()
        self.lines.setReadOnly(True)
        self.lines.setUndoRedoEnabled(False)
        self.lines.setMaximumBlockCount(MOST)
        self.lines.setTabChangesFocus(True)
        self.lines.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        self.lines.setFont(theme.font("mono"))
        self.lines.setAccessibleName("The program's log")
        self.lines.setPlaceholderText("Nothing was logged yet.")
        self.lines.setMinimumHeight(HEIGHT)
        self.again = Button("Read again", icon="refresh-cw")
        self.again.clicked.connect(self.read)
        self.body.addWidget(self.lines)
        self.body.addLayout(row([self.again, -1]))

    def read(self) -> None:
        """Ask for the lines; the window does not wait."""
        self._around.bridge.ask(lambda _desk: _read(self._path), self._show, self._fail)

    def _show(self, lines: Sequence[str]) -> None:
        self.lines.setPlainText("\n".join(lines))
        self.lines.verticalScrollBar().setValue(self.lines.verticalScrollBar().maximum())
        self.set_aside(f"the last {MOST} lines, read {forms.clock(self._around.clock.now())}")

    def _fail(self, error: ConsoleError) -> None:
        self.lines.setPlainText(str(error))
