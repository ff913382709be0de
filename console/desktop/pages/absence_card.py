"""You were away: from when to when, where traffic is now, and what happened meanwhile; it lies over the release page until it is read."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from console.desktop import forms, theme
from console.desktop.aloud import announce
from console.desktop.pages.laying import Card, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.model.verbs import State
from console.model.views import AbsenceView


def absence_words(absence: AbsenceView) -> str:
    """Say how long this console was away, and what stands now: "You were away 61 min: traffic 5 %, nothing advanced"."""
    minutes = (absence.until - absence.since).total_seconds() / 60
    span = f"{minutes:.0f} min" if 1 <= minutes < 120 else forms.span(minutes * 60)
    return f"You were away {span}: {absence.sentence}" if absence.sentence else f"You were away {span}"


class AbsenceCard(Card):
    """Told an absence, or None; `read` is emitted when the person goes on. It covers its page from the top down to a widget's end."""

    read = Signal()

    def __init__(self, parent: QWidget, down_to: QWidget) -> None:
        super().__init__("look", pad=20, parent=parent)
        self._down_to = down_to
        self._absence: AbsenceView | None = None
        self.head = MarkLabel("lead", 20)
        self._span = Label("", "small", "text.2")
        self.meanwhile = Label("", "body", "text", wrap=True)
        self.go_on = Button("Go on reading", "act", tall=True)
        self.go_on.clicked.connect(self.read)
        head = row([self.head, self._span])
        head.setStretch(0, 1)
        foot = row([self.meanwhile, self.go_on], 16)
        foot.setStretch(0, 1)
        foot.setAlignment(self.meanwhile, Qt.AlignmentFlag.AlignTop)
        foot.setAlignment(self.go_on, Qt.AlignmentFlag.AlignBottom)
        self.body.addLayout(head)
        self.body.addLayout(foot, 1)
        parent.installEventFilter(self)
        self.hide()

    def show_absence(self, absence: AbsenceView | None) -> None:
        """Show an absence, and say it to screen readers when it is a new one."""
        fresh = absence is not None and absence != self._absence
        self._absence = absence
        if absence is None:
            self.hide()
            return
        self.head.show_state(State.STALE, absence_words(absence))
        self._span.setText(f"{forms.clock(absence.since)} to {forms.clock(absence.until)}")
        self.meanwhile.setText("\n".join(absence.meanwhile) or "Nothing happened meanwhile.")
        self.show()
        self.raise_()
        self._place()
        if fresh and self.isVisible():
            announce(self, f"{absence_words(absence)}. {' '.join(absence.meanwhile)}")
            if not isinstance(QApplication.focusWidget(), QLineEdit):
                self.go_on.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the page's width."""
        if watched is self.parent() and event.type() == QEvent.Type.Resize and not self.isHidden():
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:  # type: ignore[override]
        """Cover what lies beneath with the tint of what has to be looked at."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("bg.window"))
        painter.end()
        super().paintEvent(event)

    def _place(self) -> None:
        home = self.parentWidget()
        if home is not None:
            high = self.heightForWidth(home.width()) if self.hasHeightForWidth() else self.sizeHint().height()
            least = self._down_to.mapTo(home, self._down_to.rect().bottomLeft()).y() + 1
            self.setGeometry(0, 0, home.width(), min(home.height(), max(least, high)))
