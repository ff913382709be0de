"""What every step of the wizard shares: the answers, a search that can be stopped, and what a read gave with its rights."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.laying import column, fill, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.model.desk import Desk
from console.model.errors import ConsoleError
from console.model.verbs import State
from console.model.wizard import Progress, Reach, Right, Route, TargetDraft, Tried

T = TypeVar("T")
NAME_WIDTH = 108


@dataclass
class Answers:
    """What was answered so far; each step changes its part of it."""

    draft: TargetDraft = field(default_factory=TargetDraft)
    reach: Reach = field(default_factory=lambda: Reach("haproxy"))
    route: Route | None = None


class Step(QWidget):
    """One question of the wizard; `changed` says that `blocked` may be another one now."""

    changed = Signal()
    title = ""
    words = ""

    def __init__(self, around: Surroundings, answers: Answers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.around, self.answers = around, answers
        self.body = QVBoxLayout(self)
        fill(self.body, [], 10)

    def enter(self) -> None:
        """Show what was answered before; called each time that the step comes up."""

    def blocked(self) -> str:
        """Return why the wizard cannot go on, "" when it can."""
        return ""


class Looking(QWidget):
    """A search that can be stopped: its button, what it does now, and why it failed. One at a time; a later one replaces an earlier one."""

    _progressed = Signal(int, str)

    def __init__(self, around: Surroundings, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._around, self._turn, self.busy = around, 0, False
        self.button = Button(words, icon="search")
        self.end = Button("Stop", icon="x")
        self.end.hide()
        self.end.clicked.connect(self.stop)
        self._now = Label("", "small", "text.2", elide=True)
        self.problem = Label("", "small", "fail", wrap=True)
        self.problem.hide()
        self._progressed.connect(self._show_progress)
        fill(QVBoxLayout(self), [row([self.button, self.end, self._now]), self.problem], 6)

    def run(
        self,
        work: Callable[[Desk, Progress], Coroutine[Any, Any, T]],
        done: Callable[[T], None],
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin a search; `done` gets what it found, on the Qt thread, unless it was stopped or another began.

        An error is shown here; `failed` is told of one.
        """
        self._turn += 1
        turn = self._turn
        self.show_problem("")
        self._show_busy(busy=True)
        self._around.bridge.ask(
            lambda desk: work(desk, lambda words: self._progressed.emit(turn, words)),
            lambda found: self._found(turn, found, done),
            lambda error: self._failed(turn, error, failed),
            self,
        )

    def stop(self) -> None:
        """Stop what looks around now."""
        self._turn += 1
        self._around.bridge.ask(lambda desk: desk.wizard.stop())
        self._show_busy(busy=False)
        self._now.setText("Stopped. Nothing was changed.")

    def show_problem(self, problem: str) -> None:
        """Say why something failed, and what to do next."""
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))

    def _show_busy(self, *, busy: bool) -> None:
        self.busy = busy
        self._now.setText("Looking …" if busy else "")
        self.end.setVisible(busy)
        self.button.setEnabled(not busy)

    def _show_progress(self, turn: int, words: str) -> None:
        if turn == self._turn:
            self._now.setText(f"{words} …")

    def _found(self, turn: int, found: T, done: Callable[[T], None]) -> None:
        if turn == self._turn:
            self._show_busy(busy=False)
            done(found)

    def _failed(self, turn: int, error: ConsoleError, failed: Callable[[], None]) -> None:
        if turn == self._turn:
            self._show_busy(busy=False)
            failed()
            self.show_problem(" ".join(part for part in (error.message, error.advice) if part))


class Readings(QWidget):
    """What each system of a draft answered: a mark, its words, what will be pinned, and what the credentials may and may not do."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = QVBoxLayout(self)
        fill(self._rows, [], 8)
        self.tried: tuple[Tried, ...] = ()

    def show_tried(self, tried: Sequence[Tried]) -> None:
        """Show these readings."""
        self.tried = tuple(tried)
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for each in tried:
            self._rows.addWidget(_reading(each))

    def text(self) -> str:
        """Return all that is shown, as text."""
        return "\n".join(" ".join((each.port, *each.facts, each.identity, each.problem)) for each in self.tried)


def _reading(tried: Tried) -> QWidget:
    made = QWidget()
    mark = MarkLabel("label", 15)
    mark.show_state(State.HEALTHY if tried.ok else State.BLIND, "read" if tried.ok else "cannot be read")
    mark.setMinimumWidth(mark.sizeHint().width())
    lines: list[QWidget] = [Label(fact, "small", "text.2", wrap=True) for fact in tried.facts]
    if tried.identity:
        lines.append(Label(f"will be pinned: {tried.identity}", "small", "text.2", wrap=True))
    if tried.problem:
        lines.append(Label(tried.problem, "small", "fail", wrap=True))
    lines += [right_row(right) for right in tried.rights]
    layout = QVBoxLayout(made)
    fill(layout, [row([mark, Label(tried.system, "body.medium", elide=True)]), column([*lines], 3)], 3)
    return made


def right_row(right: Right) -> QWidget:
    """Return a line for something that the credentials may, or may not, do."""
    made, mark = QWidget(), MarkLabel("small", 13)
    word = {True: "may", False: "may not", None: "not known"}[right.allowed]
    state = {True: State.HEALTHY, False: State.MISCONFIGURED, None: State.NO_DATA}[right.allowed]
    mark.show_state(state, word, right.what)
    mark.setFixedWidth(78)
    text = right.what + (f". {right.advice}" if right.advice else "")
    fill(QHBoxLayout(made), [mark, Label(text, "small", "text.2", wrap=True)], 6)
    made.layout().setStretch(1, 1)  # type: ignore[union-attr]
    return made


def line(name: str, placeholder: str = "", *, secret: bool = False) -> QLineEdit:
    """Return a field for one line of text."""
    made = QLineEdit()
    made.setAccessibleName(name)
    made.setPlaceholderText(placeholder)
    made.setMaxLength(500)
    if secret:
        made.setEchoMode(QLineEdit.EchoMode.Password)
    return made


class Fields(QWidget):
    """Rows of a grey name and a field."""

    def __init__(self, rows: Mapping[str, QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        for at, (name, widget) in enumerate(rows.items()):
            label = Label(name, "small", "text.2")
            label.setMinimumWidth(NAME_WIDTH)
            label.setBuddy(widget)
            grid.addWidget(label, at, 0)
            grid.addWidget(widget, at, 1)
