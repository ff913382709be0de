"""What a backward verb would send, shown above its button after the first press of its key; Enter sends, Escape takes it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from console.desktop.widgets.label import Label
from console.desktop.widgets.sends import SendList

if TYPE_CHECKING:
    from console.model.views import SendView

WIDE = 440


class VerbPreview(QFrame):
    """Stands above the verb that has the focus, and goes when the focus does."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("overlay")
        self.setFixedWidth(WIDE)
        self._home = parent
        self._button: QWidget | None = None
        self._title, self._note = Label("", "label", elide=True), Label("", "small", "text.2", wrap=True)
        self._rows = SendList(small=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 11, 14, 11)
        column.setSpacing(7)
        for part in (self._title, self._rows, self._note, Label("Enter sends, Escape leaves it", "caption", "text.3")):
            column.addWidget(part)
        self.hide()

    def open_over(self, button: QWidget, title: str) -> None:
        """Stand above a button, before the rows are known."""
        self._leave()
        self._button = button
        button.installEventFilter(self)
        self._title.setText(title)
        self.show_rows((), "Reading what will be sent.")
        self.show()
        self.raise_()

    def show_rows(self, rows: tuple[SendView, ...], note: str = "") -> None:
        """Show the rows, or a sentence where there are none."""
        self._rows.show_view(rows)
        self._rows.setVisible(bool(rows))
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go away with the focus, at Escape, and once the verb was sent."""
        if watched is self._button:
            escape = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Escape
            if escape or event.type() == QEvent.Type.FocusOut:
                self.shut()
        return False

    def shut(self) -> None:
        """Go away."""
        self._leave()
        self.hide()

    def _leave(self) -> None:
        if self._button is not None:
            self._button.removeEventFilter(self)
            self._button = None

    def _place(self) -> None:
        if self._button is None:
            return
        self.adjustSize()
        spot = self._button.mapTo(self._home, QPoint(0, 0))
        self.move(max(8, min(spot.x(), self._home.width() - WIDE - 8)), spot.y() - self.height() - 12)
