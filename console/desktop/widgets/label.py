"""Text on screen: always plain text, by role and ink (a colour token)."""

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from console.desktop import theme
from console.desktop.widgets.painted import metrics


class Label(QLabel):
    """A line or paragraph of plain text. With `elide` what does not fit is cut, and the whole text is in the tooltip."""

    def __init__(
        self,
        text: str = "",
        role: str = "body",
        ink: str = "text",
        *,
        elide: bool = False,
        wrap: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._role, self._ink, self._elide = role, ink, elide
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(role))
        self.setWordWrap(wrap)
        self.setText(text)
        self._colour()
        if elide:
            self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def setText(self, text: str) -> None:
        """Show another text; nothing is repainted when it is the same."""
        if text != self.text():
            super().setText(text)
            self._tell()

    def set_ink(self, ink: str) -> None:
        """Write in another colour token."""
        if ink != self._ink:
            self._ink = ink
            self._colour()

    def set_role(self, role: str) -> None:
        """Write in another role of the type scale."""
        if role != self._role:
            self._role = role
            self.setFont(theme.font(role))

    def changeEvent(self, event: QEvent) -> None:
        """Take the ink's colour of the new theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._colour()

    def minimumSizeHint(self) -> QSize:
        """Return the least room: an elided label may shrink to nothing."""
        hint = super().minimumSizeHint()
        return QSize(0, hint.height()) if self._elide else hint

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the whole text in the tooltip when it is cut."""
        super().resizeEvent(event)
        self._tell()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cut the text where it does not fit; else paint as Qt does."""
        if not self._elide or self.wordWrap():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(theme.colour(self._ink if self.isEnabled() else "text.off"))
        cut = metrics(self._role).elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(QRectF(self.rect()), self.alignment() | Qt.TextFlag.TextSingleLine, cut)
        painter.end()

    def _colour(self) -> None:
        colour = theme.colour(self._ink)
        palette = self.palette()
        if palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.WindowText) != colour:
            palette.setColor(QPalette.ColorRole.WindowText, colour)
            self.setPalette(palette)

    def _tell(self) -> None:
        if self._elide and not self.wordWrap():
            cut = metrics(self._role).horizontalAdvance(self.text()) > self.width() + 0.5
            self.setToolTip(plain_tip(self.text()) if cut else "")


def plain_tip(text: str) -> str:
    """Return a tooltip that Qt will not take for HTML: a word joiner, which is not seen, behind each sign that could begin a tag."""
    return text.replace("<", "<\u2060").replace("&", "&\u2060")


class Hairline(QFrame):
    """A separator of 1 px."""

    def __init__(self, *, upright: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if upright:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Fill with the line colour of the theme."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("line"))
        painter.end()
