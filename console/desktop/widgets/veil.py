"""A veil over the window with one card on it; Escape or a click beside the card takes both away."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QFrame, QVBoxLayout, QWidget

VEIL = QColor(0, 0, 0, round(0.62 * 255))


class Veil(QWidget):
    """Covers its parent; `card` is the overlay's frame, `body` its layout. The focus goes back where it was."""

    closed = Signal()

    def __init__(self, parent: QWidget, width: int, top: int) -> None:
        super().__init__(parent)
        self._home, self._width, self._top = parent, width, top
        self._before: QWidget | None = None
        self.card = QFrame(self)
        self.card.setObjectName("overlay")
        self.body = QVBoxLayout(self.card)
        self.body.setContentsMargins(16, 14, 16, 14)
        self.body.setSpacing(10)
        parent.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        """Show veil and card, and remember who had the keyboard."""
        self._before = QApplication.focusWidget()
        self.setGeometry(self._home.rect())
        self.show()
        self.raise_()
        self.place()

    def shut(self) -> None:
        """Take veil and card away."""
        if self.isVisible():
            self.hide()
            if self._before is not None and self._before.isVisible():
                self._before.setFocus(Qt.FocusReason.OtherFocusReason)
            self._before = None
            self.closed.emit()

    def place(self) -> None:
        """Put the card in its place, as high as it needs to be."""
        wide = min(self._width, self.width() - 32)
        self.card.setFixedWidth(wide)
        self.card.adjustSize()
        self.card.move((self.width() - wide) // 2, max(8, min(self._top, self.height() - self.card.height() - 8)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size."""
        if watched is self._home and event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self._home.rect())
            self.place()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Shut at Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.shut()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Shut at a click beside the card."""
        if not self.card.geometry().contains(event.position().toPoint()):
            self.shut()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Fill flat."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), VEIL)
        painter.end()
