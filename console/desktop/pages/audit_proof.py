"""The proof of one audit record in words: who signed it under which key, and in which checkpoint it is proved."""

from PySide6.QtWidgets import QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.laying import column
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.panel import Facts
from console.model.audit import Record
from console.model.errors import ConsoleError
from console.model.proved import Proved
from console.model.verbs import State


def signed_words(record: Record) -> str:
    """Say whether a record is signed, before its signature was checked."""
    return f"by key {record.key[:8]}" if record.signed and record.key else "yes" if record.signed else "no, unsigned"


def verdict(record: Record, proved: Proved) -> tuple[State, str]:
    """Return mark and sentence of a proof: what fails comes first."""
    if record.signed and not proved.signature_holds:
        return State.FAILED, "The signature does not hold"
    if proved.covered and not proved.included:
        return State.FAILED, f"Not part of checkpoint {proved.size:,}"
    if proved.included:
        return State.HEALTHY, f"Proved in checkpoint {proved.size:,}"
    return State.WATCHING, "Not in a checkpoint yet" if proved.size else "No checkpoint was made yet"


def proof_rows(record: Record, proved: Proved) -> tuple[tuple[str, str], ...]:
    """Return what stands behind the sentence."""
    if not record.signed:
        by = "nobody: no key was at hand"
    else:
        by = f"{proved.key or 'an unknown key'}, {'holds' if proved.signature_holds else 'does not hold'}"
    rows = [("Signed", by)]
    if proved.size:
        signer = f"signed by {proved.checkpoint_key}" if proved.checkpoint_key else "unsigned"
        rows.append(("Head", f"{proved.size:,} records, {signer}"))
        rows.append(("Root", f"{proved.root[:8]} {proved.root[8:16]} …"))
    if proved.included:
        rows.append(("Path", f"{proved.steps} hashes lead from this record to the root"))
    return tuple(rows)


class ProofBox(QWidget):
    """Asks for the proof of the record that is shown; an answer for another record is passed over."""

    def __init__(self, around: Surroundings | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._around = around
        self._record: Record | None = None
        self.state, self.facts, self._trouble = MarkLabel("small.strong", 13), Facts(58), Label("", "small", "look", wrap=True)
        self.setLayout(column([self.state, self.facts, self._trouble], 3))
        self._trouble.hide()

    def show_record(self, record: Record) -> None:
        """Ask for a record's proof."""
        fresh = self._record is None or self._record.seq != record.seq
        self._record = record
        if self._around is None or not fresh:
            return
        self.state.show_state(State.WATCHING, "Proving …")
        self.facts.show_rows((("Signed", signed_words(record)),))
        self._around.bridge.ask(lambda desk: desk.audit_proof(record), lambda proved: self._show(record, proved), self._failed, owner=self)

    def _show(self, record: Record, proved: Proved) -> None:
        if self._record is not record:
            return
        self._trouble.hide()
        state, words = verdict(record, proved)
        self.state.show_state(state, words, f"record {record.seq}")
        self.facts.show_rows(proof_rows(record, proved))

    def _failed(self, error: ConsoleError) -> None:
        self.state.show_state(State.BLIND, "Not proved")
        self._trouble.setText(str(error))
        self._trouble.show()
