"""What a person decides about a train: hold and roll back go at one click, resume asks why first."""

from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from console.desktop.acting import notice
from console.desktop.page import Surroundings
from console.desktop.pages.dialog import AskingWhy
from console.model.commands import Answer
from console.model.desk import Desk
from console.model.errors import ConsoleError

WHY = "from the Releases page"


class TrainMoves(QObject):
    """Carries a train's moves to the engine; `told` carries a Notice where one was refused or broke."""

    told = Signal(object)

    def __init__(self, around: Surroundings, parent: QWidget) -> None:
        super().__init__(parent)
        self._around, self._window = around, parent
        self.dialog: AskingWhy | None = None

    def hold(self, train: str) -> None:
        """Hold all of it now."""
        self._send("Hold", lambda desk: desk.hold_train(train, WHY))

    def roll_back(self, train: str) -> None:
        """Take back all of it now, without a question."""
        self._send("Roll back", lambda desk: desk.roll_back_train(train, WHY))

    def resume(self, train: str) -> None:
        """Say what goes on, and ask why."""
        text = "Members that were held with the train go on, and what waits for nothing starts. Each is asked of the policy again."
        dialog = AskingWhy(f"Resume the train {train}?", text, "Resume", parent=self._window)
        dialog.reasoned.connect(lambda why: self._carry(dialog, train, why))
        self.dialog = dialog
        dialog.open()

    def _carry(self, dialog: AskingWhy, train: str, why: str) -> None:
        dialog.busy()

        def answered(answer: Answer) -> None:
            if dialog.take_answer(answer) and answer.detail:
                self.told.emit(notice(self._around, "unknown", f"{train} goes on in part", answer.detail, ""))

        self._around.bridge.ask(lambda desk: desk.resume_train(train, why), answered, dialog.show_problem, dialog)

    def _send(self, what: str, work: Callable[[Desk], Coroutine[Any, Any, Answer]]) -> None:
        def answered(answer: Answer) -> None:
            if not answer.decision.allowed:
                self.told.emit(notice(self._around, "unknown", f"{what} of the train was refused", " ".join(answer.decision.reasons), ""))

        def broke(error: ConsoleError) -> None:
            self.told.emit(notice(self._around, "fail", f"{what} of the train did not go", str(error), ""))

        self._around.bridge.ask(work, answered, broke, self)
