"""Who is told of a target's rollouts: each channel with its last result, and a button that sends a marked test note."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from console.desktop.pages.laying import fill, row
from console.desktop.widgets.age import AgeLabel
from console.desktop.widgets.button import Link
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.model.errors import ConsoleError
from console.model.notes import ChannelTried, ChannelView
from console.model.verbs import State

_NEVER_OLD_S = 10 * 365 * 86_400.0
"""A channel that took its last note long ago is as good as ever: nothing happened since."""


class ChannelRow(QWidget):
    """One channel: mark, name, kind and when it took a note last; what is wrong stands beneath."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mark = MarkLabel("small", 13)
        self._system = Label("", "small", "text.3", elide=True)
        self._age = AgeLabel()
        self._words = Label("", "small", "look", wrap=True)
        fill(QVBoxLayout(self), [row([self._mark, self._system, self._age], 6), self._words], 1)

    def show_view(self, view: ChannelView) -> None:
        """Show a channel."""
        state = State.BLIND if view.problem else State.HEALTHY if view.last_at is not None else State.NO_DATA
        self._mark.show_state(state, view.name, view.system, ink="look" if view.problem else "text")
        self._system.setText(view.system)
        self._age.setVisible(view.last_at is not None)
        self._age.show_age(view.last_at, _NEVER_OLD_S)
        words = view.sentence if view.problem or view.waiting or view.dropped or view.last_at is None else ""
        self._words.setText(f"{words} {view.advice}".strip() if view.problem else words)
        self._words.set_ink("look" if view.problem or view.dropped else "text.3")
        self._words.setVisible(bool(words))


class ChannelsBox(QWidget):
    """The channels of the target that is shown; hidden where its file names none."""

    tested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ""
        self.test = Link("Send a test note")
        self.test.clicked.connect(self.tested)
        self.result = Label("", "small", "text.2", wrap=True)
        self.result.setVisible(False)
        self._places = QVBoxLayout()
        fill(self._places, [], 4)
        self.rows: list[ChannelRow] = []
        fill(QVBoxLayout(self), [row([Label("Who is told", "small.strong"), -1, self.test]), self._places, self.result], 4)

    def show_view(self, name: str, channels: Sequence[ChannelView]) -> None:
        """Show a target's channels; what a test of another target said goes."""
        if name != self._name:
            self._name = name
            self._say("")
        while len(self.rows) < len(channels):
            made = ChannelRow()
            self.rows.append(made)
            self._places.addWidget(made)
        for index, shown in enumerate(self.rows):
            shown.setVisible(index < len(channels))
            if index < len(channels):
                shown.show_view(channels[index])
        self.setVisible(bool(channels))

    def busy(self) -> None:
        """Say that a test is on its way."""
        self.test.set_locked("a test is on its way")
        self._say("A test note is on its way.")

    def show_tried(self, name: str, tried: Sequence[ChannelTried]) -> None:
        """Say what became of a test."""
        if name != self._name:
            return
        no = [each for each in tried if not each.accepted]
        told = [
            f"{each.name} did not accept the test: {each.problem.rstrip('.') or 'no reason given'}. {each.advice}".strip() for each in no
        ]
        self._say(" ".join(told) if told else "Every channel accepted the test.")

    def show_problem(self, name: str, error: ConsoleError) -> None:
        """Say why no test was sent."""
        if name == self._name:
            self._say(str(error))

    def _say(self, words: str) -> None:
        if words != "A test note is on its way.":
            self.test.set_locked("")
        self.result.setText(words)
        self.result.setVisible(bool(words))
