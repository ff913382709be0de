"""Asks before the window closes on a rollout that this console drives: with it gone nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from console.desktop import forms
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.veil import Veil

if TYPE_CHECKING:
    from console.desktop.known import Known
    from console.model.views import RolloutView

WIDE, TOP = 520, 160


def driven(known: Known) -> RolloutView | None:
    """Return a rollout that this console drives and that is not over; the practice shop's needs nobody."""
    mine = (view for view in known.rollouts.values() if view.wheel.mine and not view.phase.over)
    return next((view for view in mine if view.environment.value != "practice"), None)


class Leaving(Veil):
    """The question; Stay has the keyboard."""

    left = Signal()

    def __init__(self, parent: QWidget, rollout: RolloutView) -> None:
        super().__init__(parent, WIDE, TOP)
        seen = rollout.weight.read_back.value
        where = "in an unknown place" if seen is None else f"at {forms.per_cent(seen)}"
        words = f"It is {where}. When this window closes it stays there: no gate is judged, and it does not roll back by itself."
        self.stay, self.leave = Button("Stay", "act"), Button("Close anyway")
        self.stay.clicked.connect(self.shut)
        self.leave.clicked.connect(self._leave)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.leave)
        row.addWidget(self.stay)
        self.body.addWidget(Label(f"You drive {rollout.title}", "lead", elide=True))
        self.body.addWidget(Label(words, wrap=True))
        self.body.addLayout(row)
        self.closed.connect(self.deleteLater)

    def ask(self) -> None:
        """Show the question."""
        self.open()
        self.stay.setFocus(Qt.FocusReason.OtherFocusReason)

    def _leave(self) -> None:
        self.shut()
        self.left.emit()
