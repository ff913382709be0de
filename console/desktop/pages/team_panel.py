"""Where the records are kept: on this computer or in a team's database; who shares it now, and what this login may do there."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from console import __version__
from console.desktop import forms
from console.desktop.acting import notice
from console.desktop.page import Surroundings
from console.desktop.pages.dialog import Asking
from console.desktop.pages.laying import row
from console.desktop.pages.team_dialogs import JoinDialog, MoveDialog, leave_words
from console.desktop.pages.waiting_note import WaitingNote
from console.desktop.widgets.age import ticker
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Hairline, Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.panel import Facts, Panel
from console.model.errors import ConsoleError
from console.model.stores import ConsoleSeen
from console.model.team import RecordsView
from console.model.verbs import State

EVERY = 3
"""Seconds between two readings while the panel is on screen."""
KINDS = {"desktop": "Console", "cli": "Command", "agent": "Agent"}


def state_of(view: RecordsView) -> tuple[State, str]:
    """Return mark and words of the store."""
    if not view.team:
        return State.HEALTHY, "On this computer"
    return (State.BLIND, "Team database does not answer") if view.problem else (State.HEALTHY, "Team database")


def fact_rows(view: RecordsView) -> tuple[tuple[str, str], ...]:
    """Return where the records are, as whom they are written, and what that login may do."""
    rows = [("Where", view.place), ("Pinned", view.identity), ("On its way", view.protection), ("You", view.login)]
    if view.team:
        rows.append(("Role", ", ".join(view.roles) or ("not read" if view.problem else "none: nothing but reading")))
        rows += [("May", f"{role}: {words}") for role, words in zip(view.roles, view.may, strict=False)]
        rows.append(("In", ", ".join(view.environments) or "all environments"))
    return tuple((name, words) for name, words in rows if words)


def caution_words(view: RecordsView) -> str:
    """Say what to do where the connection to a team's database is not protected on its way; "" where it is, or where there is none."""
    if "NOT " not in view.protection:
        return ""
    return "The way to the database is not safe. Ask for an address with sslmode=verify-full, and share with the team anew."


def console_words(console: ConsoleSeen) -> tuple[str, str]:
    """Return a process in words: what it is and whose, and its version where that is another than ours."""
    other = "" if console.version == __version__ else ", another version than this window"
    return f"{KINDS.get(console.kind, console.kind)} of {console.person}", f"{console.console}, {console.version}{other}"


class ConsoleRows(QWidget):
    """Processes that share the records, with the age of their last sign of life."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        self._rows: list[tuple[Label, Label, Label]] = []
        self._shown: Sequence[ConsoleSeen] = ()
        ticker().ticked.connect(self._tick)

    @property
    def words(self) -> tuple[str, ...]:
        """Return what is on screen, a row each."""
        return tuple(", ".join(part.text() for part in row) for row in self._rows if not row[0].isHidden())

    def show_consoles(self, consoles: Sequence[ConsoleSeen]) -> None:
        """Show processes."""
        self._shown = consoles
        while len(self._rows) < len(consoles):
            made = (Label("", "small.strong"), Label("", "small", "text.2", wrap=True), Label("", "caption", "text.3"))
            for place, part in enumerate(made):
                self._grid.addWidget(part, len(self._rows), place, Qt.AlignmentFlag.AlignTop if place != 1 else Qt.AlignmentFlag(0))
            self._rows.append(made)
        for index, line in enumerate(self._rows):
            for part in line:
                part.setVisible(index < len(consoles))
        self._tick()

    def _tick(self) -> None:
        now = ticker().now()
        for (what, more, age), console in zip(self._rows, self._shown, strict=False):
            words = console_words(console)
            what.setText(words[0])
            more.setText(words[1])
            more.set_ink("text.2" if console.version == __version__ else "look")
            age.setText(forms.age((now - console.seen_at).total_seconds()))


class TeamPanel(Panel):
    """Asks the engine for it while it is on screen; its buttons choose another place for the records."""

    told = Signal(object)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__("Records", "", parent)
        self._around = around
        self._view: RecordsView | None = None
        self._ticks = 0
        self.state = MarkLabel("label", 15)
        self.head_widget(self.state)
        self.facts, self.problem = Facts(66), Label("", "small", "look", wrap=True)
        self.caution = Label("", "small.strong", "look", wrap=True)
        self.consoles_head, self.consoles = Label("Consoles and agents", "small.strong", "text.2"), ConsoleRows()
        self.alone = Label(
            "Nobody shares these records. A team keeps them in a PostgreSQL database, where every console sees a change at once and the "
            "database itself enforces each person's role.",
            "small",
            "text.3",
            wrap=True,
        )
        self.waiting, self.next = WaitingNote(), Label("", "small.strong", "look", wrap=True)
        for part in (
            self.problem,
            self.waiting,
            self.facts,
            self.caution,
            Hairline(),
            self.consoles_head,
            self.consoles,
            self.alone,
            self.next,
        ):
            self.body.addWidget(part)
        self.body.addLayout(self._buttons())
        self.problem.hide()
        self.alone.hide()
        ticker().ticked.connect(self._tick)

    def _buttons(self) -> QHBoxLayout:
        self.join, self.move_here = Button("Share with a team …", icon="database"), Button("Move this computer's history …")
        self.leave = Button("Back to this computer …")
        for button, ask in ((self.join, self._ask_join), (self.move_here, self._ask_move), (self.leave, self._ask_leave)):
            button.clicked.connect(ask)
            button.hide()
        return row([self.join, self.move_here, self.leave, -1])

    def load(self) -> None:
        """Ask for it now."""
        self._around.bridge.ask(lambda desk: desk.records(), self.show_view, self._failed, self)

    def show_view(self, view: RecordsView) -> None:
        """Show what holds the records."""
        self._view = view
        self._around.known.records = view
        state, words = state_of(view)
        self.state.show_state(state, words, "records")
        trouble = f"{view.problem} Forward moves wait; going back goes on, and is written to this computer's journal."
        self.problem.setText(trouble if view.problem else "")
        self.problem.setVisible(bool(view.problem))
        self.waiting.show_view(view)
        self.facts.show_rows(fact_rows(view))
        self.caution.setText(caution_words(view))
        self.caution.setVisible(bool(self.caution.text()))
        self.consoles.show_consoles(view.consoles)
        self.consoles_head.setVisible(bool(view.consoles))
        self.alone.setVisible(not view.team)
        self.next.setText(f"From the next start on, records are kept in {view.from_next_start}." if view.from_next_start else "")
        self.next.setVisible(bool(view.from_next_start))
        self.join.setVisible(not view.team)
        self.move_here.setText(f"Move this computer's {view.unmoved:,} records …")
        self.move_here.setVisible(view.team and bool(view.unmoved))
        self.move_here.set_locked("the team's database does not answer" if view.problem else "")
        self.leave.setVisible(view.team or bool(view.from_next_start))
        self._show_age()

    def _ask_join(self) -> None:
        question = JoinDialog(self._around, self.window())
        question.chosen.connect(lambda place: self._done("Chosen for the next start", f"Records will be kept in {place}."))
        question.open()

    def _ask_move(self) -> None:
        question = MoveDialog(self._around, self.window())
        question.moved.connect(lambda words: self._done("The history is in the team's records", f"{words}, verified there."))
        question.open()

    def _ask_leave(self) -> None:
        question = Asking("Keep records on this computer again?", leave_words(self._view), "Back to this computer", "plain", self.window())
        question.answered.connect(lambda: self._leave(question))
        question.open()

    def _leave(self, question: Asking) -> None:
        question.busy()
        self._around.bridge.ask(lambda desk: desk.team_leave(), lambda _: self._left(question), question.show_problem, question)

    def _left(self, question: Asking) -> None:
        question.accept()
        self._done("Chosen for the next start", "Records will be kept on this computer.")

    def _done(self, title: str, text: str) -> None:
        self.told.emit(notice(self._around, "ok", title, text))
        self.load()

    def _failed(self, error: ConsoleError) -> None:
        self.state.show_state(State.BLIND, "Not read", "records")
        self.problem.setText(str(error))
        self.problem.show()

    def _tick(self) -> None:
        self._ticks += 1
        self._show_age()
        if self._ticks % EVERY == 0 and self.isVisible() and self._around.bridge.desk is not None:
            self.load()

    def _show_age(self) -> None:
        if self._view is not None:
            self.set_aside(f"read {forms.age((ticker().now() - self._view.at).total_seconds())} ago")
