"""The wizard that makes a target: one question after the other, each answered by a look around; nothing is written before its end."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from console.desktop import theme
from console.desktop.page import Surroundings
from console.desktop.pages.connect_done import DoneStep
from console.desktop.pages.connect_more import MoreStep
from console.desktop.pages.connect_parts import Answers, Looking, Step
from console.desktop.pages.connect_review import ReviewStep
from console.desktop.pages.connect_safety import SafetyStep
from console.desktop.pages.connect_success import SuccessStep
from console.desktop.pages.connect_traffic import TrafficStep
from console.desktop.pages.connect_versions import VersionsStep
from console.desktop.pages.laying import Card, Scrolled, fill, page_layout, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Hairline, Label
from console.desktop.widgets.mark import MarkLabel
from console.model.verbs import State

_NAMES = ("Traffic", "Versions", "Success", "Flag, pipeline", "Safety", "Review", "Connected")
_NOTHING_YET = "No file is written before the last step."


class ConnectTarget(QWidget):
    """`closed` ends it; `connected` carries the name of the target that was made, `armed` that of one to be armed."""

    closed = Signal()
    connected = Signal(str)
    armed = Signal(str)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._around, self.at, self._name = around, 0, ""
        answers = Answers()
        self.answers = answers
        self.traffic, self.versions = TrafficStep(around, answers), VersionsStep(around, answers)
        self.success, self.more = SuccessStep(around, answers), MoreStep(around, answers)
        self.safety, self.review, self.done = SafetyStep(around, answers), ReviewStep(around, answers), DoneStep(around, answers)
        self.steps: tuple[Step, ...] = (self.traffic, self.versions, self.success, self.more, self.safety, self.review, self.done)
        self._title, self._words = Label("", "title"), Label("", "body", "text.2", wrap=True)
        self._stack = QStackedWidget()
        for step in self.steps:
            holder = QWidget()
            inside = QVBoxLayout(holder)
            fill(inside, [step], 0)
            inside.setContentsMargins(2, 2, 12, 2)
            self._stack.addWidget(Scrolled(holder))
            step.changed.connect(self._weigh)
        self.back, self.next, self.cancel = Button("Back"), Button("Next", "forward", tall=True), Button("Cancel")
        self._why = Label("", "small", "text.3", elide=True)
        self._writing = Looking(around, "")
        self._writing.button.hide()
        self._marks = [MarkLabel("body", 15) for _ in self.steps]
        self._lay_out()
        self.back.clicked.connect(lambda: self.go(self.at - 1))
        self.next.clicked.connect(self._forward)
        self.cancel.clicked.connect(self._leave)
        self.done.armed.connect(lambda: self.armed.emit(self._name))
        self.go(0)

    def go(self, at: int) -> None:
        """Show a step."""
        self.at = max(0, min(at, len(self.steps) - 1))
        step = self.steps[self.at]
        self._title.setText(step.title)
        self._words.setText(step.words)
        self._stack.setCurrentIndex(self.at)
        step.enter()
        self._weigh()
        if self.isVisible():
            self._focus_first(step)

    @property
    def finished(self) -> bool:
        """Tell whether the target was made."""
        return self.at == len(self.steps) - 1

    def _focus_first(self, step: QWidget) -> None:
        """Put the keyboard into a step that opens, so that nobody has to go there from Next."""
        for each in step.findChildren(QWidget):
            if each.focusPolicy() & Qt.FocusPolicy.TabFocus and each.isVisibleTo(step) and each.isEnabled():
                each.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def _lay_out(self) -> None:
        names = QVBoxLayout()
        fill(names, [Label("Connect a target", "lead"), 6, *self._marks, -1], 12)
        steps = Card(pad=18)
        steps.setFixedWidth(212)
        steps.body.addLayout(names)
        main = Card(pad=22)
        head = QVBoxLayout()
        fill(head, [self._title, self._words], 4)
        main.body.addLayout(head)
        main.body.addSpacing(8)
        main.body.addWidget(self._stack, 1)
        main.body.addWidget(self._writing)
        main.body.addWidget(Hairline())
        main.body.addLayout(row([self.cancel, self._why, self.back, self.next], 10))
        whole = page_layout(self)
        both = QHBoxLayout()
        fill(both, [steps, main], theme.size("gutter"))
        both.setStretch(1, 1)
        whole.addLayout(both)

    def _weigh(self) -> None:
        """Shut Next while something is missing, and say what."""
        why = self.steps[self.at].blocked()
        self.next.set_locked(why)
        self._why.setText(why or ("" if self.finished or self.steps[self.at] is self.review else _NOTHING_YET))
        self.back.setVisible(self.at > 0 and not self.finished)
        self.cancel.setVisible(not self.finished)
        self.next.setText("Show the target" if self.finished else "Write the file" if self.steps[self.at] is self.review else "Next")
        for at, (mark, name) in enumerate(zip(self._marks, _NAMES, strict=True)):
            state = State.HEALTHY if at < self.at or self.finished else State.IN_ROLLOUT if at == self.at else State.PLANNED
            mark.show_state(state, name, f"step {at + 1} of {len(self.steps)}", "text" if at == self.at else "text.2")

    def _forward(self) -> None:
        if self.finished:
            self.connected.emit(self._name)
        elif self.steps[self.at] is self.review and self.review.written is not None:
            written = self.review.written
            self.next.set_locked("It is being written.")
            self._writing.run(lambda desk, _: desk.wizard.write(written), self._was_written)
        else:
            self.go(self.at + 1)

    def _was_written(self, name: str) -> None:
        self._name = name
        self.done.show_target(name, self.review.written)
        self.go(len(self.steps) - 1)

    def _leave(self) -> None:
        self._around.bridge.ask(lambda desk: desk.wizard.stop())
        self.closed.emit()
