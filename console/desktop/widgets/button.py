"""Push buttons: plain, forward (blue), act (solid ink), quiet, and links."""

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import QPushButton, QWidget

from console.desktop import icons, theme
from console.desktop.widgets.label import plain_tip

ICON, GAP = 15, 5
_INK = {"forward": "text.inverse", "act": "act.text", "link": "accent"}


class Button(QPushButton):
    """A button of one kind for all its life: plain, forward, act, quiet, link, pill or segment. `locked` carries why it was shut, or ""."""

    locked = Signal(str)

    def __init__(self, text: str, kind: str = "plain", icon: str = "", *, tall: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._kind, self._icon, self._locked = kind, icon, ""
        self.setProperty("kind", kind)
        self.setProperty("tall", tall)
        self.setFont(theme.font("body" if kind == "link" else "label"))
        self.setAutoDefault(False)
        if kind in {"pill", "segment"}:
            self.setCheckable(True)
        if kind == "link":
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setFlat(True)
        self._tint()

    def set_icon(self, icon: str) -> None:
        """Show another icon."""
        self._icon = icon
        self._tint()

    def set_locked(self, reason: str) -> None:
        """Shut the button and say why in its tooltip and to screen readers; an empty reason frees it."""
        if reason == self._locked:
            return
        self._locked = reason
        self.setEnabled(not reason)
        self.setToolTip(plain_tip(reason))
        self.setAccessibleDescription(reason)
        self._tint()
        self.locked.emit(reason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press at Enter as at Space: Qt does so in dialogs only, and Roll back now must go at the first key."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.click()
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Tint the icon for the new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._tint()

    def _tint(self) -> None:
        name = "lock" if self._locked else self._icon
        if name:
            self.setIcon(_spaced(name, _INK.get(self._kind, "text")))
            self.setIconSize(QSize(ICON + GAP, ICON))
        elif not self.icon().isNull():
            self.setIcon(QIcon())


def _spaced(name: str, ink: str) -> QIcon:
    """Return an icon with air at its right: neither Fusion nor a style sheet gives any."""
    made = QIcon()
    for mode, shade in ((QIcon.Mode.Normal, ink), (QIcon.Mode.Disabled, "text.off")):
        image = icons.pixmap(name, ICON, shade)
        ratio = image.devicePixelRatio()
        wide = QPixmap(round((ICON + GAP) * ratio), round(ICON * ratio))
        wide.setDevicePixelRatio(ratio)
        wide.fill(Qt.GlobalColor.transparent)
        painter = QPainter(wide)
        painter.drawPixmap(0, 0, image)
        painter.end()
        made.addPixmap(wide, mode)
    return made


class Link(Button):
    """A text that opens something."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, "link", parent=parent)
