"""A train on screen: its services in order, how each stands and what it waits for, and one button that takes all of it back."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from console.desktop import theme
from console.desktop.pages.laying import Card, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label, plain_tip
from console.desktop.widgets.mark import MarkLabel
from console.model.train import TrainPhase
from console.model.verbs import Verb
from console.model.views import MemberView, TrainView

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class TrainCard(Card):
    """Told a train; `chosen` carries a member's rollout, the others the train's id."""

    held = Signal(str)
    resumed = Signal(str)
    rolled_back = Signal(str)
    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(pad=13, parent=parent)
        self._train = ""
        self.head, self.note = MarkLabel("label", 15), Label("", "small", "text.2", wrap=True)
        self.hold, self.resume = Button("Hold all"), Button("Resume …", "forward")
        self.back = Button("Roll back the train", icon="rewind")
        self.hold.clicked.connect(lambda: self.held.emit(self._train))
        self.resume.clicked.connect(lambda: self.resumed.emit(self._train))
        self.back.clicked.connect(lambda: self.rolled_back.emit(self._train))
        self.body.setSpacing(6)
        self.effect = Label("", "small", "text.3", elide=True)
        self.effect.setAlignment(_RIGHT)
        head = row([self.head, self.effect, self.hold, self.resume, self.back])
        head.setStretch(1, 1)
        self.body.addLayout(head)
        self.body.addWidget(self.note)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(5, 1)
        self.body.addLayout(self._grid)
        self.rows: list[_Row] = []
        self.hide()

    def show_view(self, view: TrainView | None, rollout: str = "") -> None:
        """Show a train, or hide without one; `rollout` is the one that is on screen below."""
        self.setVisible(view is not None)
        if view is None:
            return
        self._train = view.id
        self.head.show_state(view.state, view.headline, view.name)
        self.note.setText(view.note)
        self.note.setVisible(bool(view.note))
        self.note.set_ink("look" if view.phase in {TrainPhase.STOPPED, TrainPhase.HELD} else "text.2")
        self.set_edge({TrainPhase.STOPPED: "look", TrainPhase.HELD: "look"}.get(view.phase, ""))
        resume, back = view.verbs[Verb.RESUME], view.verbs[Verb.ROLLBACK]
        self.hold.setVisible(view.verbs[Verb.HOLD].enabled)
        self.resume.setVisible(resume.enabled)
        self.back.setVisible(view.phase is not TrainPhase.ROLLED_BACK)
        self.back.setEnabled(back.enabled)
        self.back.setAccessibleName(f"Roll back the train {view.name}: {back.second}")
        self.back.setToolTip(plain_tip(back.second))
        self.hold.setToolTip(plain_tip(view.verbs[Verb.HOLD].second))
        self.resume.setToolTip(plain_tip(resume.second))
        self.effect.setText(f"Roll back {back.second}" if back.enabled else back.second)
        self.effect.setVisible(not self.back.isHidden())
        while len(self.rows) < len(view.members):
            self.rows.append(_Row(self, self._grid, len(self.rows)))
        for at, each in enumerate(self.rows):
            each.show_member(view.members[at] if at < len(view.members) else None, rollout)


class _Row:
    """A service in the grid: its place, how it stands, what it brings, its rollout, and what it waits for or what is wrong."""

    def __init__(self, card: TrainCard, grid: QGridLayout, at: int) -> None:
        self._member: MemberView | None = None
        self.number, self.state = Label("", "small", "text.2"), MarkLabel("small.strong", 13)
        self.name = Label("", "small.strong")
        self.what, self.fact = Label("", "small"), Label("", "small", "text.2", elide=True)
        self.number.setAlignment(_RIGHT)
        self.link = Button("", "link")
        self.link.setFont(theme.font("small"))
        self.link.clicked.connect(lambda: card.chosen.emit(self._shown()))
        self.parts: tuple[QWidget, ...] = (self.number, self.state, self.name, self.what, self.link, self.fact)
        for column, part in enumerate(self.parts):
            grid.addWidget(part, at, column)

    def show_member(self, member: MemberView | None, rollout: str) -> None:
        """Show a service, or nothing."""
        self._member = member
        for part in self.parts:
            part.setVisible(member is not None)
        if member is None:
            return
        self.number.setText(str(member.number))
        self.state.show_state(member.state, member.word, member.target)
        after = f", after {' and '.join(member.after)}" if member.after else ""
        until = ", the next starts once its gates passed" if member.until == "gate" else ""
        self.name.setText(member.target)
        self.what.setText(f"{member.title} {member.version}{after}{until}")
        shown = self._shown()
        self.link.setVisible(bool(shown) and shown != rollout)
        self.link.setText(shown)
        self.link.setAccessibleName(f"Show {shown} on {member.target}")
        self.fact.setText(member.fact)

    def _shown(self) -> str:
        return (self._member.back or self._member.rollout) if self._member is not None else ""
