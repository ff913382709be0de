"""The questions about where records are kept: a team's database is tried and chosen, the history moved into it, or it is left."""

from threading import Event as Flag

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QProgressBar, QWidget
from shiboken6 import isValid

from console.desktop.page import Surroundings
from console.desktop.pages.dialog import Asking, AskingWhy
from console.desktop.pages.laying import row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.panel import Facts
from console.model.errors import ConsoleError
from console.model.team import RecordsView, TeamTried
from console.model.verbs import State

ADDRESS = "postgresql://LOGIN@HOST/DATABASE"
JOIN = (
    "A PostgreSQL database that was set up for it, where you have a login. Every console sees a change at once there, and the database "
    "itself enforces each person's role. Nothing changes before the next start."
)
MOVE = (
    "Every record, rollout, target and freeze window of this computer is copied, and verified there. What is here stays as it is. "
    "It can be stopped, and goes on later where it stopped."
)
LEAVE = "From the next start on records are kept on this computer, and nobody shares them. The team's records stay as they are."


def tried_rows(found: TeamTried) -> tuple[tuple[str, str], ...]:
    """Return what answered, and what it lets the login do."""
    may = tuple(("May", f"{role}: {words}") for role, words in zip(found.roles, found.may, strict=False))
    where = ", ".join(found.environments) or "all environments"
    return (
        ("Reached", found.place),
        ("Is", found.identity),
        ("On its way", found.protection),
        ("Role", ", ".join(found.roles) or "none: an administrator of the team has to add you"),
        *may,
        *((("In", where),) if found.roles else ()),
    )


def leave_words(view: RecordsView | None) -> str:
    """Return what leaving means, with what still waits for the team's database."""
    if view is None or not view.waiting:
        return LEAVE
    return f"{LEAVE} {view.waiting:,} records wait in this computer's journal: let the database answer first, so that it takes them."


def _busy_bar() -> QProgressBar:
    bar = QProgressBar()
    bar.setTextVisible(False)
    bar.setRange(0, 0)
    bar.hide()
    return bar


class JoinDialog(Asking):
    """Takes an address and a password; what was not tried with success cannot be chosen. `chosen` tells the place."""

    chosen = Signal(str)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__("Share the records with a team", JOIN, "Use it from the next start", parent=parent)
        self._around = around
        self._tried: tuple[str, str] | None = None
        self._place = ""
        self.setMinimumWidth(560)
        self.address, self.password = QLineEdit(), QLineEdit()
        self.address.setPlaceholderText(ADDRESS)
        self.address.setAccessibleName("Address of the database")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setPlaceholderText("left out: from ~/.pgpass, or a certificate")
        self.password.setAccessibleName("Password")
        self.test = Button("Test the connection")
        self.test.clicked.connect(self._test)
        self.state, self.facts, self.bar = MarkLabel("small.strong", 13), Facts(72), _busy_bar()
        for words, field in (("Address", self.address), ("Password, kept in the system's keyring", self.password)):
            self.body.addWidget(Label(words, "small", "text.3"))
            self.body.addWidget(field)
            field.textChanged.connect(self._weigh)
        self.body.addLayout(row([self.test, self.state, -1], 12))
        self.body.addWidget(self.bar)
        self.body.addWidget(self.facts)
        self.facts.hide()
        self.answered.connect(self._use)
        self.address.setFocus()
        self._weigh()

    def _given(self) -> tuple[str, str]:
        return self.address.text().strip(), self.password.text()

    def _weigh(self) -> None:
        self.test.set_locked("" if self._given()[0] else "needs an address")
        same = self._tried == self._given()
        self.answer.set_locked("" if same else "test the connection first")
        if not same:
            self.facts.hide()
            self.state.show_state(None)

    def _test(self) -> None:
        given, self._tried = self._given(), None
        self._weigh()
        self._begin("Connecting …")
        self._around.bridge.ask(lambda desk: desk.team_try(*given), lambda found: self._answered(given, found), self._failed, self)

    def _answered(self, given: tuple[str, str], found: TeamTried) -> None:
        self._end()
        self._tried, self._place = given, found.place
        self.state.show_state(
            State.HEALTHY if found.roles else State.MISCONFIGURED, "It answers" if found.roles else "It gives you no role"
        )
        self.facts.show_rows(tried_rows(found))
        self.facts.show()
        self._weigh()

    def _use(self) -> None:
        given = self._given()
        self._begin("Choosing …")
        self._around.bridge.ask(lambda desk: desk.team_use(*given), self._used, self._failed, self)

    def _used(self, _none: object) -> None:
        self.password.clear()
        self.chosen.emit(self._place)
        self.accept()

    def _begin(self, words: str) -> None:
        self.busy()
        self.state.show_state(State.WATCHING, words)
        self.test.set_locked("it is being asked")
        self.address.setEnabled(False)
        self.password.setEnabled(False)
        self.bar.show()

    def _end(self) -> None:
        self.bar.hide()
        self.address.setEnabled(True)
        self.password.setEnabled(True)
        self._weigh()

    def _failed(self, error: ConsoleError) -> None:
        self._tried = None
        self.show_problem(error)
        self._end()
        self.answer.setEnabled(False)
        self.state.show_state(State.BLIND, "Not reached")


class MoveDialog(AskingWhy):
    """Moves the history with progress; it stays open until the move has ended or was stopped. `moved` tells what is there now."""

    moved = Signal(str)
    _stepped = Signal(int, int)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__("Move this computer's history into the team's records", MOVE, "Move it", parent=parent)
        self._around = around
        self._stop, self._running = Flag(), False
        self.bar, self.count = _busy_bar(), Label("", "small", "text.2")
        self.body.addWidget(self.bar)
        self.body.addWidget(self.count)
        self.count.hide()
        self.reasoned.connect(self._begin)
        self._stepped.connect(self._step)

    def reject(self) -> None:
        """Stop a move that runs; shut when none does."""
        if self._running:
            self._stop.set()
            self.cancel.setEnabled(False)
            return
        super().reject()

    def _begin(self, reason: str) -> None:
        self._running = True
        self._stop.clear()
        self.busy()
        self.reason.setEnabled(False)
        self.cancel.setText("Stop")
        self.bar.setRange(0, 0)
        self.bar.show()
        self.count.setText("Looking at what is here and there …")
        self.count.show()
        self._around.bridge.ask(lambda desk: desk.team_move(reason, self._progress), self._done, self._failed, self)

    def _progress(self, done: int, total: int) -> bool:
        """Pass progress to the Qt thread; it is called in another one."""
        if isValid(self):
            self._stepped.emit(done, total)
        return not self._stop.is_set()

    def _step(self, done: int, total: int) -> None:
        if self._running:
            self.bar.setRange(0, max(1, total))
            self.bar.setValue(done)
            self.count.setText(f"{done:,} of {total:,} copied")

    def _done(self, words: str) -> None:
        self._rest()
        self.moved.emit(words)
        self.accept()

    def _failed(self, error: ConsoleError) -> None:
        self._rest()
        self.show_problem(error)

    def _rest(self) -> None:
        self._running = False
        self.bar.hide()
        self.count.hide()
        self.reason.setEnabled(True)
        self.cancel.setEnabled(True)
        self.cancel.setText("Cancel")
