"""The wheel in two dialogs: taking it with the handover card before one's eyes, and handing it over with a note."""

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from console.desktop import forms
from console.desktop.acting import notice
from console.desktop.page import Surroundings
from console.desktop.pages.dialog import Asking, AskingWhy
from console.desktop.pages.laying import Scrolled
from console.desktop.standing import lost_words
from console.desktop.widgets.empty import Loading
from console.desktop.widgets.label import Label
from console.desktop.widgets.panel import Facts
from console.model.commands import Answer
from console.model.errors import ConsoleError
from console.model.views import HandoverCard, RolloutView

MOST = 300
"""How high a handover card may be before it scrolls, in px."""
ANYONE = "whoever takes it"


def card_rows(card: HandoverCard, now: datetime) -> tuple[tuple[str, str], ...]:
    """Return what a new driver has to know, a row for each."""
    weight = card.weight
    asked = "nothing" if weight.asked.value is None else forms.per_cent(weight.asked.value)
    read = "not read back" if weight.read_back.value is None else f"{forms.per_cent(weight.read_back.value)} read back"
    read += f" {forms.clock(weight.read_back.at)}" if weight.read_back.at is not None else ""
    rows = [
        ("Plan", f"{card.plan_hash[:4]} {card.plan_hash[4:8]}"),
        ("Driver", _driver(card, now)),
        ("Step", card.step),
        ("Why", card.why),
        ("Traffic", f"{asked} asked, {read}"),
        *(("Gate", f"{gate.name}: {gate.verdict}. {gate.sentence}{_age(gate.judged_at, now)}") for gate in card.gates),
        ("Note", card.note or "no note was left"),
        *(("Unknown", f"{one.what}, sent {forms.clock(one.sent_at)}: {one.read or 'nothing read yet'}") for one in card.unknowns),
        *(("Queued", words) for words in card.queued),
    ]
    return tuple((name, words) for name, words in rows if words)


def _driver(card: HandoverCard, now: datetime) -> str:
    if not card.holder:
        return "nobody"
    heard = f", last heard {forms.clock(card.renewed_at)}{_age(card.renewed_at, now)}" if card.renewed_at is not None else ""
    return f"{card.holder}, lease {card.token}{heard}"


def _age(at: datetime | None, now: datetime) -> str:
    return "" if at is None else f" ({forms.age((now - at).total_seconds())} ago)"


class TakeDialog(AskingWhy):
    """Shows the handover card once it was read, and asks why; a card that can't be read does not lock anyone out."""

    def __init__(self, view: RolloutView, now: datetime, parent: QWidget | None = None) -> None:
        text = "From then on this console drives it. Taking the wheel sends nothing: the rollout stands held until you move it."
        super().__init__(f"Take the wheel of {view.title} on {view.target}", text, "Take the wheel", parent=parent)
        self.setMinimumWidth(640)
        self.loading, self.facts = Loading(5), Facts(66)
        self._scrolled = Scrolled(self.facts)
        self._scrolled.hide()
        self._trouble = Label("", "small", "look", wrap=True)
        self._trouble.hide()
        for at, part in enumerate((self.loading, self._scrolled, self._trouble)):
            self.body.insertWidget(at, part)
        self.reason.setText(f"{lost_words(view, now)}" if view.lost_holder else "nobody drives it")

    def show_card(self, card: HandoverCard, now: datetime) -> None:
        """Show what was read."""
        self.loading.hide()
        self.facts.show_rows(card_rows(card, now))
        self._scrolled.setFixedHeight(min(MOST, self.facts.heightForWidth(self.width() - 60) + 4))
        self._scrolled.show()
        self.resize(self.width(), self.sizeHint().height())

    def wait(self) -> None:
        """Say what it waits for: a lost driver's lease has to be over on every clock first."""
        self.busy()
        self._trouble.setText("Waiting until the old lease can act no more, at most 20 s. Going back stays open.")
        self._trouble.show()

    def show_no_card(self, error: ConsoleError) -> None:
        """Say why there is no card."""
        self.loading.hide()
        self._trouble.setText(f"The handover card could not be read. {error}")
        self._trouble.show()


class HandOverDialog(Asking):
    """Asks for the note and for whom it is; `handed` carries both."""

    handed = Signal(str, str)

    def __init__(self, view: RolloutView, people: Sequence[str], parent: QWidget | None = None) -> None:
        text = "The rollout stands held until somebody drives it. Backward moves stay open to everybody with the role."
        super().__init__(f"Hand over {view.title} on {view.target}", text, "Hand over", parent=parent)
        self.note = QLineEdit()
        self.note.setMaxLength(500)
        self.note.setAccessibleName("Note to the next driver")
        self.note.setPlaceholderText("what the next driver has to know")
        self.to = QComboBox()
        self.to.setEditable(True)
        self.to.addItems([ANYONE, *people])
        self.to.setAccessibleName("To whom")
        for name, part in (("Note", self.note), ("To", self.to)):
            self.body.addWidget(Label(name, "small", "text.3"))
            self.body.addWidget(part)
        self.note.textChanged.connect(self._weigh)
        self.answered.connect(self._answer)
        self._weigh()
        self.note.setFocus()

    def _weigh(self) -> None:
        self.answer.set_locked("" if self.note.text().strip() else "needs a note")

    def _answer(self) -> None:
        to = self.to.currentText().strip()
        self.handed.emit(self.note.text().strip(), "" if to == ANYONE else to)


class WheelMoves(QObject):
    """Opens the two dialogs and carries their answers to the engine; `told` says what became of it."""

    told = Signal(object)

    def __init__(self, around: Surroundings, parent: QWidget) -> None:
        super().__init__(parent)
        self._around, self._window = around, parent
        self.dialog: Asking | None = None

    def take(self, view: RolloutView) -> None:
        """Open the dialog at once and bring the card into it; the target is read back for it."""
        dialog = TakeDialog(view, self._around.clock.now(), self._window)
        self.dialog = dialog
        dialog.reasoned.connect(lambda why: self._take(dialog, view, why))
        self._around.bridge.ask(
            lambda desk: desk.handover_card(view.id),
            lambda card: dialog.show_card(card, self._around.clock.now()),
            dialog.show_no_card,
            dialog,
        )
        dialog.open()

    def hand_over(self, view: RolloutView) -> None:
        """Ask for a note and to whom, then let the wheel go."""
        leases = (one.wheel.lease for one in self._around.known.rollouts.values() if not one.wheel.mine)
        people = sorted({lease.holder.name for lease in leases if lease is not None})
        dialog = HandOverDialog(view, people, self._window)
        self.dialog = dialog
        dialog.handed.connect(lambda note, to: self._hand_over(dialog, view, note, to))
        dialog.open()

    def _take(self, dialog: TakeDialog, view: RolloutView, why: str) -> None:
        dialog.wait()

        def answered(answer: Answer) -> None:
            if dialog.take_answer(answer):
                self._tell(view, "You have the wheel", f"{view.title} stands where it stood. Nothing was sent.")

        self._around.bridge.ask(lambda desk: desk.take_wheel(view.id, why), answered, dialog.show_problem, dialog)

    def _hand_over(self, dialog: HandOverDialog, view: RolloutView, note: str, to: str) -> None:
        dialog.busy()

        def answered(answer: Answer) -> None:
            if dialog.take_answer(answer):
                self._tell(view, "The wheel is handed over", f"{view.title} waits for {to or 'whoever takes it'}.")

        self._around.bridge.ask(lambda desk: desk.hand_over(view.id, note, to), answered, dialog.show_problem, dialog)

    def _tell(self, view: RolloutView, title: str, text: str) -> None:
        self.told.emit(notice(self._around, "ok", title, text, view.target))
