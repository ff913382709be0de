"""Secrets in the system's keyring: whether there is one, which names targets use, and a way to set each."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.dialog import Asking
from console.desktop.pages.laying import fill, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Hairline, Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.panel import Panel
from console.model.desk import SecretsState
from console.model.errors import ConsoleError
from console.model.verbs import State
from console.model.views import Notice, TargetView


class SecretDialog(Asking):
    """Takes a secret's value once; it is never shown again and never stored in a file."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(
            "Set a secret", "It goes into the system's keyring, and nowhere else. It cannot be read back here.", "Set", parent=parent
        )
        self.name, self.value = QLineEdit(name), QLineEdit()
        self.name.setAccessibleName("Name")
        self.name.setReadOnly(bool(name))
        self.value.setAccessibleName("Value")
        self.value.setEchoMode(QLineEdit.EchoMode.Password)
        for words, field in (("Name, as in keyring:NAME", self.name), ("Value", self.value)):
            self.body.addWidget(Label(words, "small", "text.3"))
            self.body.addWidget(field)
            field.textChanged.connect(self._weigh)
        (self.value if name else self.name).setFocus()
        self._weigh()

    def _weigh(self) -> None:
        whole = bool(self.name.text().strip()) and bool(self.value.text())
        self.answer.set_locked("" if whole else "needs a name and a value")


class SecretsPanel(Panel):
    """Told the targets; loads the keyring's state itself."""

    told = Signal(object)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__("Secrets", parent=parent)
        self._around = around
        self._names: dict[str, tuple[str, ...]] = {}
        self._usable = False
        self._state = MarkLabel("label", 15)
        self._words = Label("Looking for the system's keyring …", "small", "text.2", wrap=True)
        self._rows = QVBoxLayout()
        fill(self._rows, [], 4)
        self._none = Label("No target takes a secret from the keyring.", "small", "text.2", wrap=True)
        self.another = Button("Set another …", icon="key")
        self.another.clicked.connect(lambda: self._ask(""))
        self.again = Button("Look again", icon="refresh-cw")
        self.again.clicked.connect(self.load)
        self.head_widget(self._state)
        self.body.addWidget(self._words)
        self.body.addWidget(Hairline())
        self.body.addWidget(self._none)
        self.body.addLayout(self._rows)
        self.body.addLayout(row([self.another, self.again, -1]))

    def load(self) -> None:
        """Ask for the keyring's state."""
        self._around.bridge.ask(lambda desk: desk.secrets(), self.show_state, self._failed)

    def show_state(self, state: SecretsState) -> None:
        """Say whether secrets can be kept, and what to do when not."""
        self._usable = state.usable
        self._state.show_state(
            State.HEALTHY if state.usable else State.MISCONFIGURED, "Keyring found" if state.usable else "No usable keyring"
        )
        good = f"{state.keyring} keeps them; files only hold their names."
        self._words.setText(good if state.usable else f"{state.problem} {state.advice}".strip())
        self._words.set_ink("text.2" if state.usable else "text")
        self._shut()

    def show_targets(self, targets: Sequence[TargetView]) -> None:
        """Show the names that targets use, each with its targets."""
        names: dict[str, tuple[str, ...]] = {}
        for view in targets:
            for name in view.secrets:
                names[name] = (*names.get(name, ()), view.name)
        self._none.setVisible(not names)
        if names == self._names:
            return
        self._names = names
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        for name, users in sorted(names.items()):
            self._rows.addWidget(self._line(name, users))
        self._shut()

    def _line(self, name: str, users: tuple[str, ...]) -> QWidget:
        line = QWidget()
        button = Button("Set …")
        button.setAccessibleName(f"Set {name}")
        button.clicked.connect(lambda: self._ask(name))
        fill(
            QVBoxLayout(line), [row([Label(name, "mono"), Label(f"used by {', '.join(users)}", "small", "text.3", elide=True), button])], 0
        )
        return line

    def _shut(self) -> None:
        reason = "" if self._usable else "no usable keyring"
        self.another.set_locked(reason)
        for at in range(self._rows.count()):
            found = self._rows.itemAt(at)
            line = found.widget() if found is not None else None
            if line is not None:
                for button in line.findChildren(Button):
                    button.set_locked(reason)

    def _ask(self, name: str) -> None:
        dialog = SecretDialog(name, self)
        dialog.answered.connect(lambda: self._put(dialog))
        dialog.open()

    def _put(self, dialog: SecretDialog) -> None:
        name, value = dialog.name.text().strip(), dialog.value.text()
        dialog.busy()
        self._around.bridge.ask(lambda desk: desk.put_secret(name, value), lambda _: self._kept(dialog, name), dialog.show_problem, dialog)

    def _kept(self, dialog: SecretDialog, name: str) -> None:
        dialog.value.clear()
        dialog.accept()
        self.told.emit(
            Notice(self._around.clock.now(), "ok", f"{name} is set", "The keyring has it; systems use it from their next request on.")
        )

    def _failed(self, error: ConsoleError) -> None:
        self.show_state(SecretsState(False, "", error.message, error.advice))
