"""Asks for a rehearsal of the way back, and tells when it is refused."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from console.desktop.acting import notice
from console.desktop.page import Surroundings
from console.desktop.pages.dialog import AskingWhy
from console.model.commands import Answer


class Rehearsing(QObject):
    """Opens the question and carries its answer to the engine; `told` says that it began."""

    told = Signal(object)

    def __init__(self, around: Surroundings, parent: QWidget) -> None:
        super().__init__(parent)
        self._around, self._window = around, parent
        self.dialog: AskingWhy | None = None

    def ask(self, target: str) -> None:
        """Say what a rehearsal does, and ask why."""
        text = (
            f"Every step of the way back is run on {target} for practice and measured; what it undoes is done again afterwards. "
            "The measured seconds replace the estimates."
        )
        dialog = AskingWhy(f"Rehearse the way back of {target}?", text, "Rehearse now", parent=self._window)
        dialog.reason.setText("rehearsal")
        dialog.reasoned.connect(lambda why: self._carry(dialog, target, why))
        self.dialog = dialog
        dialog.open()

    def _carry(self, dialog: AskingWhy, target: str, reason: str) -> None:
        dialog.busy()

        def answered(answer: Answer) -> None:
            if dialog.take_answer(answer):
                begun = notice(self._around, "ok", "The rehearsal has begun", "Its rows are on the Releases page.", target)
                self.told.emit(begun)

        self._around.bridge.ask(lambda desk: desk.rehearse(target, reason), answered, dialog.show_problem, dialog)
