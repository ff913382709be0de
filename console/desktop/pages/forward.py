"""Carries a forward command from a click to the window: ask the policy, show what will be sent, and only then send."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from console.desktop.page import Surroundings
from console.desktop.widgets.confirm import ForwardPreview
from console.model.commands import Command, Decision
from console.model.errors import ConsoleError
from console.model.target import Environment
from console.model.views import Notice, SendView


class Forward(QObject):
    """One preview at a time. `agreed` carries a command to send, `told` a refusal in words."""

    agreed = Signal(object)
    told = Signal(object)
    asking = Signal(bool)
    """True while the policy is asked, so that a click is seen to be heard."""

    def __init__(self, around: Surroundings, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = around
        self._window = parent
        self.preview: ForwardPreview | None = None

    def begin(self, command: Command, title: str, environment: Environment) -> None:
        """Ask whether a command may run now and show what it would send; nothing is sent before a person agrees."""
        self.asking.emit(True)
        self._around.bridge.ask(
            lambda desk: desk.preview(command),
            lambda answer: self._show(command, title, environment, answer),
            lambda error: self._failed(command, error),
            owner=self,
        )

    def show_known(self, command: Command, title: str, environment: Environment, sends: Sequence[SendView]) -> None:
        """Show what is already known to be sent, for a command whose decision was just read."""
        self.preview = ForwardPreview(self._window.window())
        self.preview.sent.connect(lambda: self.agreed.emit(command))
        self.preview.open_for(title, tuple(sends), environment, command.target)

    def _show(self, command: Command, title: str, environment: Environment, answer: tuple[Decision, Sequence[SendView]]) -> None:
        self.asking.emit(False)
        decision, sends = answer
        if decision.allowed:
            self.show_known(command, title, environment, sends)
        else:
            text = " ".join(part for part in (*decision.reasons[:1], decision.allowed_instead) if part)
            self._tell(command, "refused", f"{command.verb.capitalize()} is refused", text)

    def _failed(self, command: Command, error: ConsoleError) -> None:
        self.asking.emit(False)
        self._tell(command, "fail", f"{command.verb.capitalize()} could not be prepared", str(error))

    def _tell(self, command: Command, level: str, title: str, text: str) -> None:
        self.told.emit(Notice(self._around.clock.now(), level, title, text, command.target, command.rollout))
