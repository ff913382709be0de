"""One audit record in full: every field, the canonical body readable and as stored, its hash and the one before."""

import hashlib
import json

from PySide6.QtGui import QGuiApplication, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from console.desktop import forms, theme
from console.desktop.page import Surroundings
from console.desktop.pages.audit_proof import ProofBox
from console.desktop.pages.laying import Card, Scrolled, fill, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Hairline, Label
from console.desktop.widgets.panel import Facts
from console.model.audit import Record
from console.model.clock import iso


def pretty(body: bytes) -> str:
    """Return canonical JSON with line breaks; bytes that are no JSON as they are."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "backslashreplace")


def fields(record: Record) -> tuple[tuple[str, str], ...]:
    """Return every field that says something, by name."""
    entry = record.entry
    rows = (
        ("When", f"{forms.moment(entry.at)} {forms.zone_name()}"),
        ("UTC", iso(entry.at)),
        ("Who", entry.actor.name),
        ("Console", entry.actor.console),
        ("Kind", str(entry.kind)),
        ("Verb", entry.verb),
        ("Target", entry.target),
        ("Rollout", entry.rollout),
        ("Why", entry.reason),
        ("Result", entry.result),
        ("Plan", entry.plan_hash[:16]),
    )
    return tuple((name, value) for name, value in rows if value)


def grouped(text: str) -> str:
    """Return a hash in groups of eight signs, so that it can be compared by eye and broken into lines."""
    return " ".join(text[at : at + 8] for at in range(0, len(text), 8))


def holds(record: Record) -> bool:
    """Tell whether the body still has the hash that was stored with it."""
    return hashlib.sha256(record.body).hexdigest() == record.hash


class RecordPanel(Card):
    """Told a record, or None."""

    def __init__(self, around: Surroundings | None = None, parent: QWidget | None = None) -> None:
        super().__init__(pad=14, parent=parent)
        self.proof = ProofBox(around)
        self._record: Record | None = None
        self._title, self._kind = Label("", "section"), Label("", "mono", "text.3")
        self._facts = Facts(58)
        self._hashes = Facts(58)
        self._holds = Label("", "small.strong")
        self._make_body()
        content = QWidget()
        inside = QVBoxLayout(content)
        fill(
            inside,
            [
                self._facts,
                Hairline(),
                self.proof,
                Hairline(),
                self._hashes,
                self._holds,
                Hairline(),
                row([self._as_read, self._as_stored, -1, self._copy], 0),
                self.body_text,
            ],
            7,
        )
        inside.setContentsMargins(0, 0, 8, 0)
        self.body.addLayout(row([self._title, -1, self._kind]))
        self._nothing = Label("Choose a record to see every field of it.", "small", "text.2", wrap=True)
        self.body.addWidget(self._nothing)
        self._content = Scrolled(content)
        self.body.addWidget(self._content, 1)
        self.show_view(None)

    def _make_body(self) -> None:
        self._as_read, self._as_stored = Button("Readable", "segment"), Button("As stored", "segment")
        for button in (self._as_read, self._as_stored):
            button.setAutoExclusive(True)
            button.toggled.connect(self._show_body)
        self._as_read.setChecked(True)
        self._copy = Button("Copy", icon="copy")
        self._copy.clicked.connect(self._copy_body)
        self.body_text = QPlainTextEdit()
        self.body_text.setReadOnly(True)
        self.body_text.setTabChangesFocus(True)
        self.body_text.setFont(theme.font("mono"))
        self.body_text.setAccessibleName("Body of the record")
        self.body_text.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        self.body_text.setMinimumHeight(170)

    @property
    def rollout(self) -> str:
        """Return the rollout that the record shown belongs to, or ""."""
        return self._record.entry.rollout if self._record is not None else ""

    def show_view(self, record: Record | None) -> None:
        """Show a record."""
        self._record = record
        self._nothing.setVisible(record is None)
        self._content.setVisible(record is not None)
        self._title.setText(f"Record {record.seq:,}" if record else "Record")
        self._kind.setText(str(record.entry.kind) if record else "")
        if record is None:
            return
        self._facts.show_rows(fields(record))
        signature = (("Signature", grouped(record.signature.hex())),) if record.signature else ()
        self._hashes.show_rows((("Hash", grouped(record.hash)), ("Before", grouped(record.prev)), *signature))
        self.proof.show_record(record)
        good = holds(record)
        self._holds.setText("The body has this hash" if good else "The body does not have this hash: it was changed")
        self._holds.set_ink("ok" if good else "fail")
        self._show_body()

    def _copy_body(self) -> None:
        QGuiApplication.clipboard().setText(self.body_text.toPlainText())

    def _show_body(self) -> None:
        if self._record is not None:
            self.body_text.setPlainText(
                pretty(self._record.body) if self._as_read.isChecked() else self._record.body.decode("utf-8", "backslashreplace")
            )
