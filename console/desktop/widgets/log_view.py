"""A pipeline's output: plain text, bounded, and still while a person reads further up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from console.desktop import theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.model.readings import LogLine

LIMIT = 5000


class LogView(QPlainTextEdit):
    """The last lines of a log; new ones are appended, and followed only when the view stands at the end."""

    def __init__(self, limit: int = LIMIT, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._last: dict[str, int] = {}
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setMaximumBlockCount(limit)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        self.setFont(theme.font("mono"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Log")
        self.setPlaceholderText("No line yet.")

    def show_lines(self, lines: Sequence[LogLine]) -> None:
        """Append the lines that are not shown yet; the same lines may be told again."""
        fresh = []
        for line in lines:
            if line.number > self._last.get(line.stage, 0):
                self._last[line.stage] = line.number
                fresh.append(line.text)
        if not fresh:
            return
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 2
        self.appendPlainText("\n".join(fresh))
        if at_end:
            bar.setValue(bar.maximum())

    def forget(self) -> None:
        """Empty the view, for another run."""
        self._last.clear()
        self.clear()
