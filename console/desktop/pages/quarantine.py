"""The questions behind a quarantine's ribbon: let a version go forward again, or let what was paused run again."""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.dialog import AskingWhy
from console.model.commands import Answer


class ResumeDialog(AskingWhy):
    """Asks why what a rollback paused may run again."""

    def __init__(self, target: str, names: str, version: str, parent: QWidget | None = None) -> None:
        text = (
            f"{names} was paused so that it does not bring {version} back. Resumed, it makes {target} what its source says again: look "
            f"first whether that still names {version}. This is a forward move: freezes and the target's arming hold it."
        )
        super().__init__(f"Resume {names} on {target}?", text, "Resume", parent=parent)


class LiftDialog(AskingWhy):
    """Asks why a version that was rolled back may go forward again."""

    def __init__(self, target: str, version: str, why: str, parent: QWidget | None = None) -> None:
        text = f"{version} was rolled back on {target}{why}. Lifted, it can be released there again; what is paused stays paused."
        super().__init__(f"Lift the quarantine of {version}?", text, "Lift the quarantine", "plain", parent)


class QuarantineMoves(QObject):
    """Opens the questions and carries their answers to the engine."""

    def __init__(self, around: Surroundings, window: QWidget, parent: QObject) -> None:
        super().__init__(parent)
        self._around, self._window = around, window
        self.dialog: AskingWhy | None = None

    def ask(self, what: str, target: str, version: str) -> None:
        """Ask to `resume` what is paused on a target, or to `lift` a version's quarantine."""
        view = self._around.known.targets.get(target)
        if view is None:
            return
        rows = [row for row in view.quarantine if (row.paused if what == "resume" else row.version == version)]
        if not rows:
            return
        if what == "resume":
            names = " and ".join(dict.fromkeys(name for row in rows for name in row.paused))
            self._open(ResumeDialog(target, names, rows[0].version, self._window), target, "")
        else:
            why = f" by {rows[0].by}" + (f": {rows[0].reason}" if rows[0].reason else "")
            self._open(LiftDialog(target, version, why, self._window), target, version)

    def _open(self, dialog: AskingWhy, target: str, version: str) -> None:
        dialog.reasoned.connect(lambda why: self._carry(dialog, target, version, why))
        self.dialog = dialog
        dialog.open()

    def _carry(self, dialog: AskingWhy, target: str, version: str, why: str) -> None:
        dialog.busy()

        def answered(answer: Answer) -> None:
            dialog.take_answer(answer)

        if version:
            self._around.bridge.ask(
                lambda desk: desk.lift_quarantine(target, version, why), lambda _: dialog.accept(), dialog.show_problem, dialog
            )
        else:
            self._around.bridge.ask(lambda desk: desk.resume_reconcilers(target, why), answered, dialog.show_problem, dialog)
