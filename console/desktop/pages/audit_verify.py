"""Verifies the audit's chain in the background, with progress and cancel, and says the result in words."""

from collections.abc import Sequence
from threading import Event as Flag

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar, QWidget

from console.desktop import forms
from console.desktop.page import Surroundings
from console.desktop.pages.audit_anchors import WHY, AnchorButton, place_words
from console.desktop.pages.laying import Card, row
from console.desktop.pages.verify_details import VerifyDetails, signature_words, tail_words
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.panel import Facts
from console.model.audit import AnchorPlace, VerifyReport
from console.model.errors import ConsoleError
from console.model.verbs import State


def result_words(report: VerifyReport) -> tuple[State, str, str]:
    """Return mark, head and sentence of a verification."""
    if not report.ok:
        return State.FAILED, f"Record {report.first_bad:,} does not hold", report.problem
    if report.open_intents:
        count = len(report.open_intents)
        head = f"{report.size:,} of {report.size:,} hold"
        return State.UNKNOWN, head, f"{count} intent{'s' if count > 1 else ''} without an outcome: {', '.join(report.open_intents[:3])}"
    return State.HEALTHY, f"{report.size:,} of {report.size:,} hold", "Every body has its hash and every record names the one before."


def report_rows(report: VerifyReport) -> tuple[tuple[str, str], ...]:
    """Return what a verification looked at."""
    return (
        ("Log", report.log_id),
        ("Signed", signature_words(report)),
        ("Anchors", f"{report.anchors:,} from outside agree" if report.anchors else "none from outside was held against it"),
        ("Tail", tail_words(report)),
    )


class VerifyCard(Card):
    """The chain's state; its button verifies, or cancels a verification."""

    _moved = Signal(int, int)
    bad_found = Signal(int)
    told = Signal(object)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(pad=14, parent=parent)
        self._around = around
        self._stop = Flag()
        self._running = False
        self._report: VerifyReport | None = None
        self._state = MarkLabel("label", 15)
        self._words = Label("Not verified since the window opened.", "small", "text.2", wrap=True)
        self._facts = Facts(58)
        self._facts.hide()
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.hide()
        self.button = Button("Verify")
        self.button.setShortcut("Ctrl+Shift+V")
        self.button.setToolTip("Hash every record again (Ctrl Shift V)")
        self.button.clicked.connect(self._pressed)
        self.body.addLayout(row([Label("Audit chain", "section"), -1, self._state]))
        self.body.addWidget(self._words)
        self.body.addWidget(self._facts)
        self.body.addWidget(self._bar)
        self.details = Button("Details …")
        self.details.clicked.connect(self._open_details)
        self.details.hide()
        self.anchor = AnchorButton(around)
        self.anchor.told.connect(self.told)
        self.anchor.changed.connect(self._show_places)
        self.anchor.unread.connect(lambda why: self._tell_places(f"Whether anchors are kept outside was not read. {why}", "look"))
        self.anchor.working.connect(self._anchoring)
        self.places = Label(f"No anchor is kept outside. {WHY}", "small", "text.3", wrap=True)
        self.body.addWidget(self.places)
        self.body.addLayout(row([self.button, self.details, self.anchor, -1]))
        self._moved.connect(self._move)

    def load(self) -> None:
        """Ask where anchors are kept."""
        self.anchor.load()

    def _show_places(self, places: Sequence[AnchorPlace]) -> None:
        words = "\n".join(map(place_words, places)) or f"No anchor is kept outside. {WHY}"
        self._tell_places(words, "look" if any(place.problem for place in places) else "text.3")

    def _tell_places(self, words: str, ink: str) -> None:
        self.places.setText(words)
        self.places.set_ink(ink)

    def _anchoring(self, works: bool) -> None:
        self.button.set_locked("an anchor is being made" if works else "")
        if works:
            self._bar.setRange(0, 0)
        self._bar.setVisible(works or self._running)

    def _pressed(self) -> None:
        if self._running:
            self._stop.set()
            self.button.setEnabled(False)
            return
        self._running = True
        self._stop.clear()
        self.button.setText("Cancel")
        self._state.show_state(State.WATCHING, "Verifying")
        self._words.setText("Hashing every record again …")
        self._bar.setRange(0, 0)
        self._bar.show()
        self._around.bridge.ask(lambda desk: desk.audit_verify(self._progress), self._finished, self._failed)

    def _progress(self, done: int, size: int) -> bool:
        """Pass progress to the Qt thread; it is called in another one."""
        self._moved.emit(done, size)
        return not self._stop.is_set()

    def _move(self, done: int, size: int) -> None:
        if self._running:
            self._bar.setRange(0, max(1, size))
            self._bar.setValue(done)
            self._words.setText(f"{done:,} of {size:,} records hashed")

    def _finished(self, report: VerifyReport) -> None:
        self._rest()
        if self._stop.is_set() and report.ok and report.bodies_checked < report.size:
            self._state.show_state(State.NO_DATA, "Cancelled")
            self._words.setText(f"{report.bodies_checked:,} of {report.size:,} records hold; the rest was not looked at.")
            return
        state, head, words = result_words(report)
        self._state.show_state(state, head, "audit chain")
        self._words.setText(f"{words} Verified {forms.clock(self._around.clock.now())}.")
        self._facts.show_rows(report_rows(report))
        self._facts.show()
        self._report = report
        self.load()
        self.details.show()
        if report.first_bad is not None:
            self.bad_found.emit(report.first_bad)

    def _open_details(self) -> None:
        if self._report is not None:
            VerifyDetails(self._report, self).open()

    def _failed(self, error: ConsoleError) -> None:
        self._rest()
        cancelled = self._stop.is_set()
        self._state.show_state(State.NO_DATA if cancelled else State.BLIND, "Cancelled" if cancelled else "Not verified")
        self._words.setText("It was cancelled; nothing is known of the rest." if cancelled else str(error))

    def _rest(self) -> None:
        self._running = False
        self._bar.hide()
        self.button.setEnabled(True)
        self.button.setText("Verify again")
