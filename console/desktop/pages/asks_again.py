"""Asked before a way back that would lose something, or that is not sure to reach the right system: read this, then choose."""

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from console.desktop.pages.dialog import Asking
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.model.commands import Command, Decision
from console.model.verbs import Verb


class AsksAgain(Asking):
    """`chosen` carries the command to send: the same one again, or Hold in its place."""

    chosen = Signal(object)

    def __init__(self, command: Command, decision: Decision, parent: QWidget | None = None) -> None:
        verb = "Roll back" if command.verb in {Verb.ROLLBACK, Verb.ABORT, Verb.SWITCH_BACK} else command.verb.capitalize()
        super().__init__(f"{verb} {command.target}?", decision.allowed_instead, f"{verb} all the same", "plain", parent)
        for reason in reversed(decision.reasons):
            self.body.insertWidget(0, Label(reason, "body", "look", wrap=True))
        self.setMinimumWidth(560)
        self.setAccessibleDescription(" ".join((*decision.reasons, decision.allowed_instead)))
        self.hold = Button("Hold instead", "act", "pause")
        self.hold.clicked.connect(lambda: self._choose(replace(command, verb=Verb.HOLD)))
        self.hold.setVisible(bool(command.rollout))
        self.foot.addWidget(self.hold)
        self.answered.connect(lambda: self._choose(command))
        self.answer.setDefault(False)
        (self.hold if command.rollout else self.cancel).setFocus()

    def _choose(self, command: Command) -> None:
        self.accept()
        self.chosen.emit(command)
