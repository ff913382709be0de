"""What a person decides about a stopped row of a way back: try it again, pass over it with a reason, sign it, or stop there."""

from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from console.desktop.acting import notice
from console.desktop.page import Surroundings
from console.desktop.pages.dialog import AskingWhy
from console.desktop.widgets.label import Label
from console.model.errors import ConsoleError
from console.model.views import RolloutView, SendView

BY_HAND = "This step is done by hand. Do what stands here, then sign it: the audit keeps your name and what you did."
UNSAVED = "No snapshot restores what this step loses. Signed, it is done all the same: the audit keeps your name and why."


class SkipDialog(AskingWhy):
    """Asks why a step is passed over, and says what that leaves undone."""

    def __init__(self, row: SendView, parent: QWidget | None = None) -> None:
        left = f" It would have undone: {row.loses}." if row.loses else ""
        text = f"{row.what} ({row.system}) stays as it is; steps that wait for it go on.{left} The audit keeps who skipped it and why."
        super().__init__(f"Skip step {row.number}: {row.what}?", text, "Skip this step", "plain", parent)


class StopDialog(AskingWhy):
    """Asks why a way back is left where it stands."""

    def __init__(self, row: SendView, parent: QWidget | None = None) -> None:
        text = f"Nothing more is sent. Step {row.number} and those after it stay undone until someone presses Roll back again."
        super().__init__("Stop the way back here?", text, "Stop here", "plain", parent)


class SignDialog(AskingWhy):
    """Shows what a person has to do by hand, or what is lost for good, and takes the signature of who did it or answers for it."""

    def __init__(self, row: SendView, who: str, parent: QWidget | None = None) -> None:
        by_hand = row.kind == "manual" or not row.loses
        text = BY_HAND if by_hand else UNSAVED
        super().__init__(f"Sign step {row.number}: {row.what}", text, f"Sign as {who}", "act", parent)
        told = row.instructions or "Its file gives no instructions." if by_hand else f"It loses {row.loses}. {row.detail}".strip()
        shown = Label(told, "body", "text" if by_hand else "look", wrap=True)
        shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard)
        shown.setAccessibleName(f"Instructions: {shown.text()}")
        self.body.insertWidget(0, shown)
        if by_hand:
            self.asks.setText("What was done")
            self.reason.setPlaceholderText("what was done, for the audit")
            self.reason.setAccessibleName("What was done")


class BackMoves(QObject):
    """Opens the dialogs and carries their answers to the engine; `told` carries a Notice where one could not be carried out."""

    told = Signal(object)

    def __init__(self, around: Surroundings, parent: QWidget) -> None:
        super().__init__(parent)
        self._around, self._window = around, parent
        self.dialog: AskingWhy | None = None

    def move(self, view: RolloutView, seq: int, move: str) -> None:
        """Retry at once; ask for the reason of any other move first."""
        row = next((shown for shown in view.sends if shown.seq == seq), None)
        if row is None:
            return
        if move == "retry":
            self._around.bridge.ask(
                lambda desk: desk.move_step(view.id, seq, move, "tried again"), error=partial(self._failed, view, row), owner=self
            )
            return
        dialog = self._dialog(move, row)
        dialog.reasoned.connect(lambda why: self._carry(dialog, view, seq, move, why))
        self.dialog = dialog
        dialog.open()

    def _dialog(self, move: str, row: SendView) -> AskingWhy:
        if move == "skip":
            return SkipDialog(row, self._window)
        if move == "sign":
            return SignDialog(row, self._around.actor.name, self._window)
        return StopDialog(row, self._window)

    def _carry(self, dialog: AskingWhy, view: RolloutView, seq: int, move: str, why: str) -> None:
        dialog.busy()
        self._around.bridge.ask(
            lambda desk: desk.move_step(view.id, seq, move, why), lambda _: dialog.accept(), dialog.show_problem, dialog
        )

    def _failed(self, view: RolloutView, row: SendView, error: ConsoleError) -> None:
        title = f"Step {row.number} could not be tried again"
        self.told.emit(notice(self._around, "fail", title, str(error), view.target))
