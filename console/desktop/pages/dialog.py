"""A window-modal dialog with a title, words, a body and buttons; it opens and never blocks."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QVBoxLayout, QWidget

from console.desktop.pages.laying import row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.model.commands import Answer
from console.model.errors import ConsoleError


class Asking(QDialog):
    """A question with one answer button and Cancel. `answered` is emitted instead of `accepted`, so that an answer can be refused first."""

    answered = Signal()

    def __init__(self, title: str, text: str, answer: str, kind: str = "forward", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(True)
        self.setMinimumWidth(460)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(20, 18, 20, 16)
        outer.setSpacing(10)
        outer.addWidget(Label(title, "lead"))
        self._text = Label(text, ink="text.2", wrap=True)
        self._text.setVisible(bool(text))
        outer.addWidget(self._text)
        self.body = QVBoxLayout()
        self.body.setSpacing(8)
        outer.addLayout(self.body, 1)
        self._problem = Label("", "small", "fail", wrap=True)
        self._problem.setVisible(False)
        outer.addWidget(self._problem)
        self.answer = Button(answer, kind)
        self.answer.setDefault(True)
        self.answer.clicked.connect(self.answered)
        self.cancel = Button("Cancel")
        self.cancel.clicked.connect(self.reject)
        self.missing = Label("", "small", "text.3", elide=True)
        """What is missing for an answer, in sight: a shut button alone is a riddle."""
        self.answer.locked.connect(self.missing.setText)
        self.foot = row([self.missing, self.cancel, self.answer])
        self.foot.setStretch(0, 1)
        outer.addLayout(self.foot)

    def event(self, event: QEvent) -> bool:
        """Grow when there is more to show than fits: a layout alone would squeeze its words."""
        taken = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest and (layout := self.layout()) is not None:
            wanted = layout.totalHeightForWidth(self.width()) if layout.hasHeightForWidth() else layout.totalSizeHint().height()
            if wanted > self.height():
                self.resize(self.width(), wanted)
        return taken

    def show_problem(self, problem: ConsoleError | str) -> None:
        """Say why the answer could not be carried out, and let the person try again."""
        self._problem.setText(str(problem))
        self._problem.setVisible(bool(str(problem)))
        self.answer.setEnabled(True)

    def take_answer(self, answer: Answer) -> bool:
        """Shut when the move was taken; else say why it was refused and what would be allowed. Returns whether it was taken."""
        decision = answer.decision
        if decision.allowed:
            self.accept()
        else:
            self.show_problem(" ".join(part for part in (*decision.reasons[:1], decision.allowed_instead) if part) or "It was refused.")
        return decision.allowed

    def busy(self) -> None:
        """Shut the answer button while the answer is carried out."""
        self.answer.setEnabled(False)
        self._problem.setVisible(False)


class AskingWhy(Asking):
    """A question that needs a reason in words; the answer stays shut until there is one."""

    reasoned = Signal(str)

    def __init__(self, title: str, text: str, answer: str, kind: str = "forward", parent: QWidget | None = None) -> None:
        super().__init__(title, text, answer, kind, parent)
        self.reason = QLineEdit()
        self.reason.setMaxLength(300)
        self.reason.setPlaceholderText("for the audit")
        self.reason.setAccessibleName("Reason")
        self.asks = Label("Reason", "small", "text.3")
        self.body.addWidget(self.asks)
        self.body.addWidget(self.reason)
        self.body.addStretch(1)
        self.reason.textChanged.connect(self._weigh)
        self.answered.connect(lambda: self.reasoned.emit(self.reason.text().strip()))
        self._weigh()
        self.reason.setFocus()

    def _weigh(self) -> None:
        self.answer.set_locked("" if self.reason.text().strip() else "needs a reason")
