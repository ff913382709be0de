"""The focus ring: one frame that follows the keyboard through a window."""

from PySide6.QtCore import QObject, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QFocusFrame, QWidget
from shiboken6 import isValid

from console.desktop import theme
from console.desktop.style import RingStyle

RINGLESS = "palette"
"""The palette's field fills its card and has the only caret: a ring would lie on what stands beside it."""


class _Ring(QFocusFrame):
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.colour("focus"), 2.0))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        painter.end()


def _bare(widget: QWidget) -> bool:
    """Tell whether a widget that has the keyboard takes no ring: the palette's field, and a page that only keeps it for a while."""
    return widget.objectName() == RINGLESS or widget.focusPolicy() is Qt.FocusPolicy.NoFocus


class FocusRing(QObject):
    """The ring of 2 px around whatever has the keyboard, 2 px outside of it: one frame that follows the focus through a window."""

    def __init__(self, app: QApplication, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._ring: _Ring | None = None
        self._style = RingStyle()
        app.focusChanged.connect(self._follow)

    @property
    def around(self) -> QWidget | None:
        """Return the control that the ring is drawn around."""
        return self._ring.widget() if self._ring is not None and isValid(self._ring) and self._ring.isVisible() else None

    def _follow(self, _before: QWidget | None, now: QWidget | None) -> None:
        by_mouse = QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton
        if now is None or by_mouse or now is self._window or _bare(now) or not self._window.isAncestorOf(now):
            if self._ring is not None and isValid(self._ring):
                self._ring.hide()
            return
        if self._ring is None or not isValid(self._ring):
            self._ring = _Ring(self._window)
            self._ring.setStyle(self._style)
        self._ring.setWidget(now)
        self._ring.show()
