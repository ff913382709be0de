"""The dialogs that change what the console may do to a target: arm, trust, switch, remove."""

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QButtonGroup, QPlainTextEdit, QRadioButton, QWidget

from console.desktop import theme
from console.desktop.page import Surroundings
from console.desktop.pages.dialog import Asking, AskingWhy
from console.desktop.pages.forward import Forward
from console.model.commands import Command
from console.model.desk import Desk
from console.model.verbs import Verb
from console.model.views import TargetView


class TrustDialog(Asking):
    """Lists every command that a target's file would run, and asks once."""

    def __init__(self, view: TargetView, parent: QWidget | None = None) -> None:
        count = "1 command" if len(view.commands) == 1 else f"{len(view.commands)} commands"
        text = f"{view.path} declares {count}. They run on this computer with your rights. A changed file is asked about again."
        super().__init__(f"Trust the commands of {view.name}?", text, "Trust these commands", parent=parent)
        shown = QPlainTextEdit("\n".join(view.commands))
        shown.setReadOnly(True)
        shown.setFont(theme.font("mono"))
        shown.setAccessibleName("Commands")
        shown.setTabChangesFocus(True)
        shown.setMinimumHeight(120)
        self.setMinimumWidth(560)
        self.body.addWidget(shown)
        self.cancel.setDefault(True)
        self.cancel.setFocus()


class SwitchDialog(AskingWhy):
    """Asks which side gets all traffic."""

    def __init__(self, view: TargetView, parent: QWidget | None = None) -> None:
        text = "All traffic moves at once. Next you see what will be sent."
        super().__init__(f"Switch {view.name}", text, "Show what will be sent", parent=parent)
        self._group = QButtonGroup(self)
        versions = {view.stable: view.stable_version, view.canary: view.canary_version}
        for index, side in enumerate(view.sides):
            role = "stable" if side == view.stable else "canary"
            choice = QRadioButton(f"{side}, {role} {versions.get(side) or 'version unknown'}")
            choice.setChecked(side == view.canary)
            self._group.addButton(choice, index)
            self.body.insertWidget(index, choice)
        self._sides = view.sides

    @property
    def side(self) -> str:
        """Return the side chosen."""
        return self._sides[self._group.checkedId()]


class TargetMoves(QObject):
    """Opens the dialogs and carries their answers to the engine."""

    told = Signal(object)
    agreed = Signal(object)

    def __init__(self, around: Surroundings, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = around
        self._window = parent
        self._forward = Forward(around, parent)
        self._forward.agreed.connect(self.agreed)
        self._forward.told.connect(self.told)

    def arm(self, view: TargetView) -> None:
        """Ask why, then let the console write to a target, or make it observe-only."""
        if view.armed:
            dialog = AskingWhy(
                f"Make {view.name} observe-only?",
                "It is only read from then on. Nothing that runs is stopped.",
                "Make observe-only",
                "plain",
                self._window,
            )
        else:
            text = f"The console may then write to it: weights, flags, pipelines. Its file is {view.path}."
            dialog = AskingWhy(f"Arm {view.name}?", text, "Arm", parent=self._window)
        armed = not view.armed
        dialog.reasoned.connect(lambda why: self._carry(dialog, lambda desk: desk.arm(view.name, armed=armed, reason=why)))
        dialog.open()

    def trust(self, view: TargetView) -> None:
        """List the commands, then allow them as the file stands."""
        dialog = TrustDialog(view, self._window)
        dialog.answered.connect(lambda: self._carry(dialog, lambda desk: desk.trust(view.name)))
        dialog.open()

    def remove(self, view: TargetView) -> None:
        """Ask, then forget a target."""
        text = "The console forgets it; its file and its audit records stay. Traffic stays as it is."
        dialog = Asking(f"Remove {view.name}?", text, "Remove", "plain", self._window)
        dialog.answered.connect(lambda: self._carry(dialog, lambda desk: desk.drop_target(view.name)))
        dialog.open()

    def switch(self, view: TargetView) -> None:
        """Ask for the side and the reason, then preview."""
        dialog = SwitchDialog(view, self._window)
        dialog.reasoned.connect(lambda why: self._switch(dialog, view, why))
        dialog.open()

    def _switch(self, dialog: SwitchDialog, view: TargetView, reason: str) -> None:
        side = dialog.side
        dialog.close()
        verb = Verb.SWITCH_BACK if side == view.stable else Verb.SWITCH
        command = Command(verb, view.name, self._around.actor, reason=reason, side=side)
        if verb is Verb.SWITCH_BACK:
            self.agreed.emit(command)
        else:
            self._forward.begin(command, f"Switch {view.name} to {side}", view.environment)

    def _carry(self, dialog: Asking, work: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
        dialog.busy()
        self._around.bridge.ask(work, lambda _: dialog.accept(), dialog.show_problem, dialog)
