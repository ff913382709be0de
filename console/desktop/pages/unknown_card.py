"""The card of a step whose effect nobody knows: what was sent, what is read now, and the two ways on."""

from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from console.desktop import forms
from console.desktop.pages.laying import Card, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.panel import Facts
from console.desktop.widgets.sends import SendList
from console.model.verbs import State, Verb
from console.model.views import RolloutView, UnknownView


def unknown_rows(unknown: UnknownView) -> tuple[tuple[str, str], ...]:
    """Return what was sent and what was read since."""
    read = f"{unknown.read}, {forms.clock(unknown.read_at)}" if unknown.read_at else unknown.read or "nothing yet"
    return (("Sent", f"{unknown.what}, {forms.clock(unknown.sent_at)}"), ("Read back", read))


class UnknownCard(Card):
    """`resumed` and `rolled_back` are what a person chooses; hidden when nothing is unknown."""

    resumed = Signal()
    rolled_back = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("unknown", pad=14, parent=parent)
        self._head = MarkLabel("section", 18)
        self._facts = Facts(64)
        self._why = Label("", "small", "text.2", wrap=True)
        self.resume = Button("Resume …", "forward", tall=True)
        self.resume.clicked.connect(self.resumed)
        self.roll_back = Button("Roll back", "act", "rewind", tall=True)
        self.roll_back.clicked.connect(self.rolled_back)
        self.body.addWidget(self._head)
        self.body.addWidget(self._facts)
        self.body.addWidget(self._why)
        self.body.addLayout(row([self.roll_back, self.resume, -1]))
        self._rows = SendList(small=True)
        self.body.addWidget(Label("What Roll back sends", "small.strong", "text.2"))
        self.body.addWidget(self._rows)
        self.hide()

    def show_view(self, rollout: RolloutView, _now: datetime) -> None:
        """Show what is unknown in a rollout."""
        unknowns = rollout.unknowns
        self.setVisible(bool(unknowns))
        if not unknowns:
            return
        count = "1 action unknown" if len(unknowns) == 1 else f"{len(unknowns)} actions unknown"
        self._rows.show_view(rollout.sends)
        self._head.show_state(State.UNKNOWN, count, rollout.target)
        self._facts.show_rows([pair for unknown in unknowns[:3] for pair in unknown_rows(unknown)])
        resume = rollout.verbs.get(Verb.RESUME)
        shut = "it is not allowed now" if resume is None else "" if resume.enabled else resume.second
        self.resume.set_locked(shut)
        back = rollout.verbs.get(Verb.ROLLBACK) or rollout.verbs.get(Verb.ABORT)
        self.roll_back.set_locked("" if back is not None and back.enabled else back.second if back else "nothing to roll back")
        refused = f"; now it is shut: {shut}" if shut else ""
        self._why.setText(f"Nothing is sent again blindly. Resume shows what it sends first{refused}.")
