"""Where the records are kept: on this computer or in a team's database; who shares it now, and what this login may do there."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from console import __version__
from console.desktop import forms
from console.desktop.page import Surroundings
from console.desktop.pages.waiting_note import WaitingNote
from console.desktop.widgets.age import ticker
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
    rows = [("Where", view.place), ("Pinned", view.identity), ("You", view.login)]
    if view.team:
        rows.append(("Role", ", ".join(view.roles) or ("not read" if view.problem else "none: nothing but reading")))
        rows += [("May", f"{role}: {words}") for role, words in zip(view.roles, view.may, strict=False)]
        rows.append(("In", ", ".join(view.environments) or "all environments"))
    return tuple((name, words) for name, words in rows if words)


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
        for index, row in enumerate(self._rows):
            for part in row:
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
    """Asks the engine for it while it is on screen."""

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__("Records", "", parent)
        self._around = around
        self._view: RecordsView | None = None
        self._ticks = 0
        self.state = MarkLabel("label", 15)
        self.head_widget(self.state)
        self.facts, self.problem = Facts(58), Label("", "small", "look", wrap=True)
        self.consoles_head, self.consoles = Label("Consoles and agents", "small.strong", "text.2"), ConsoleRows()
        self.alone = Label(
            "Nobody shares these records. A team keeps them in a PostgreSQL database, where every console sees a change at once and the "
            "database itself enforces each person's role: see `release-console team --help`.",
            "small",
            "text.3",
            wrap=True,
        )
        self.waiting = WaitingNote()
        for part in (self.problem, self.waiting, self.facts, Hairline(), self.consoles_head, self.consoles, self.alone):
            self.body.addWidget(part)
        self.problem.hide()
        self.alone.hide()
        ticker().ticked.connect(self._tick)

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
        self.consoles.show_consoles(view.consoles)
        self.consoles_head.setVisible(bool(view.consoles))
        self.alone.setVisible(not view.team)
        self._show_age()

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
