"""One freeze window in full: its next three occurrences here and there, whom it covers, and how to remove it."""

from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from console.desktop.pages.freeze_form import next_three
from console.desktop.pages.freeze_list import now_words
from console.desktop.pages.freeze_words import covers_words, occurrence_words, span_words, zone_short
from console.desktop.pages.laying import Card, Scrolled, fill, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Hairline, Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.panel import Facts
from console.model.verbs import State
from console.model.views import FreezeRow


class FreezePanel(Card):
    """Told a window; `removed` asks to remove it."""

    removed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(pad=14, parent=parent)
        self._row: FreezeRow | None = None
        self._name = Label("", "section", elide=True)
        self._state = MarkLabel("label", 15)
        self._span = Label("", "body", wrap=True)
        self._next_head = Label("Next three", "small.strong")
        self._next = [(Label("", "small", wrap=True), Label("", "caption", "text.3", wrap=True)) for _ in range(3)]
        self._facts = Facts(56)
        self._covers = Label("", "small", "text.2", wrap=True)
        self._open = MarkLabel("small.strong", 13)
        self._open.show_state(State.HEALTHY, "Backward moves: always allowed")
        self.remove = Button("Remove …", icon="trash-2")
        self.remove.clicked.connect(self.removed)
        self._why_not = Label("", "small", "text.3", wrap=True)
        content = QWidget()
        inside = QVBoxLayout(content)
        lines = [label for pair in self._next for label in pair]
        fill(
            inside, [self._span, Hairline(), self._next_head, *lines, Hairline(), self._covers, self._open, Hairline(), self._facts, -1], 5
        )
        inside.setContentsMargins(0, 0, 8, 0)
        self.body.addLayout(row([self._name, self._state]))
        self.body.addWidget(Scrolled(content), 1)
        self.body.addWidget(self._why_not)
        self.body.addLayout(row([self.remove, -1]))

    @property
    def row(self) -> FreezeRow | None:
        """Return the window shown."""
        return self._row

    def show_view(self, row: FreezeRow, now: datetime) -> None:
        """Show a window as it stands now."""
        self._row = row
        window = row.window
        self._name.setText(window.name)
        state, words = now_words(row, now)
        self._state.show_state(state, f"In force {words}" if state is State.FROZEN else words, window.name)
        self._span.setText(f"{span_words(window)}, {zone_short(window.zone)} time")
        coming = next_three(window, now)
        self._next_head.setText("Next three" if len(coming) == 3 else "Occurrences" if coming else "No occurrence is to come")
        for at, (there, here) in enumerate(self._next):
            first, second = occurrence_words(coming[at]) if at < len(coming) else ("", "")
            there.setText(("now: " if at < len(coming) and coming[at] == row.now else "") + first)
            here.setText(second)
            there.setVisible(bool(first))
            here.setVisible(bool(second))
        covers = covers_words(row.covers, every=not window.targets)
        self._covers.setText(covers[:1].upper() + covers[1:])
        self._facts.show_rows(
            (("Owner", window.owner), ("Reason", window.reason), ("Zone", window.zone), ("Made in", _origin(window.origin)))
        )
        from_file = window.origin != "console"
        self.remove.setVisible(not from_file)
        self._why_not.setText("It stands in a target file: change it there." if from_file else "")
        self._why_not.setVisible(from_file)


def _origin(origin: str) -> str:
    return "a target file" if origin == "file" else "this console"
