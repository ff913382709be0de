"""The way back while it runs and when it has stopped or ended: where it stands, what is safe, and each of its rows."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from console.desktop.pages import back_words as words
from console.desktop.pages.back_rows import BackRows
from console.desktop.pages.laying import Card, row
from console.desktop.widgets.age import ticker
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.model.rollout import Phase
from console.model.views import RolloutView

RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class BackCard(Card):
    """Told a rollout; hidden unless it goes back or went back. `moved` carries a step's `seq` and the move chosen on it."""

    moved = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(pad=14, parent=parent)
        self._view: RolloutView | None = None
        self.head, self._aside = MarkLabel("label", 15), Label("", "small", "text.2", elide=True)
        self._aside.setAlignment(RIGHT)
        self.safe = Label("", "small.strong", wrap=True)
        self.advice = Label("", "small", "text.2", wrap=True)
        self.rows = BackRows()
        self.rows.moved.connect(self.moved)
        line = row([self.head, self._aside])
        line.setStretch(1, 1)
        self.body.addLayout(line)
        for part in (self.safe, self.advice, self.rows):
            self.body.addWidget(part)
        ticker().ticked.connect(self._tick)
        self.hide()

    def show_view(self, view: RolloutView) -> None:
        """Show a rollout's way back; the keyboard goes to the first move when it has just stopped."""
        stopped = words.stopped_row(view.sends) is not None
        before = self._view is not None and self._view.id == view.id and words.stopped_row(self._view.sends) is not None
        self._view = view
        going = view.phase in words.GOING_BACK and bool(view.sends)
        self.setVisible(going)
        if not going:
            return
        self.set_edge("look" if view.phase is Phase.BACK_STOPPED else "")
        self._tick()
        safe, ink = words.safe_words(view)
        self.safe.setText(safe)
        self.safe.set_ink(ink)
        self.advice.setText(words.advice(view))
        self.advice.setVisible(bool(self.advice.text()))
        if stopped and not before and self.isVisible() and not isinstance(QApplication.focusWidget(), QLineEdit):
            self._take_keyboard()

    def _take_keyboard(self) -> None:
        button = self.rows.first_move
        if button is not None:
            button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _tick(self) -> None:
        if self._view is None or self._view.phase not in words.GOING_BACK:
            return
        now = ticker().now()
        state, sentence, aside = words.head(self._view, now)
        self.head.show_state(state, sentence, self._view.target, ink="text" if self._view.phase.over else "")
        self._aside.setText(aside)
        self.rows.show_rows(self._view.sends, words.since(self._view), now)
