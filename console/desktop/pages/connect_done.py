"""The wizard's end: the target is there, it is only read, and what it takes to change that."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.connect_parts import Answers, Step
from console.desktop.pages.laying import row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.model.wizard import Written


class DoneStep(Step):
    """Says that the target is observe-only; `armed` wants it armed."""

    armed = Signal()
    title = "It is connected"
    words = "The console reads it from now on."

    def __init__(self, around: Surroundings, answers: Answers, parent: QWidget | None = None) -> None:
        super().__init__(around, answers, parent)
        self._head = Label("", "lead", wrap=True)
        self._file = Label("", "mono", "text.2", wrap=True)
        observe = (
            "It is observe-only: weights, versions and numbers are read, and nothing is ever written. "
            "Watch it for a while; arm it when you want to release with it."
        )
        self.arm = Button("Arm …", icon="shield")
        self.arm.clicked.connect(self.armed)
        asks = Label("asks why, and goes into the audit; it can be made observe-only again at any time", "small", "text.3", wrap=True)
        self._commit = Label("", "small", "text.3", wrap=True)
        self._login = Label("", "small", "look", wrap=True)
        self._login.hide()
        for item in (self._head, self._file, self._commit, self._login, Label(observe, "body", "text.2", wrap=True)):
            self.body.addWidget(item)
        beside = row([self.arm, asks], 10)
        beside.setStretch(1, 1)
        self.body.addLayout(beside)
        self.body.addStretch(1)

    def show_target(self, name: str, written: Written | None) -> None:
        """Show which target was made, and where its file is."""
        self._head.setText(f"{name} is a target now")
        self._file.setText(str(written.path) if written is not None else "")
        login = " ".join(self.answers.reach.login)
        self._login.setText(f"Its context logs in by a command ({login}): trust it on the target's page, or nothing is read.")
        self._login.setVisible(bool(login))
        in_git = written is not None and written.git is not None
        self._commit.setText("Commit the file, so that others see who connected it." if in_git else "")
