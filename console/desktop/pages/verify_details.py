"""Everything that a verification of the audit found, and how to check it without this program."""

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QWidget

from console.desktop import theme
from console.desktop.pages.dialog import Asking
from console.desktop.pages.laying import row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.panel import Facts
from console.model.audit import VerifyReport

COMMAND = "python verify_audit.py EXPORT.jsonl"
"""The separate verifier; it lies in every evidence bundle and shares no code with the program."""


def tail_words(report: VerifyReport) -> str:
    """Say how many records no anchor outside covers."""
    if report.unanchored is None:
        return f"no anchor was given: all {report.size:,} records rest on this computer alone"
    if not report.unanchored:
        return "none: the last anchor covers every record"
    return f"{report.unanchored:,} record{'s' if report.unanchored > 1 else ''} after the last anchor"


def signature_words(report: VerifyReport) -> str:
    """Say how many signatures hold, under how many keys, and how many records have none."""
    total, keys = sum(report.signatures.values()), len(report.signatures)
    unsigned = f", {report.unsigned:,} unsigned" if report.unsigned else ""
    return f"{total:,} hold, {keys} key{'' if keys == 1 else 's'}{unsigned}" if total else f"none checked{unsigned}"


def all_rows(report: VerifyReport) -> tuple[tuple[str, str], ...]:
    """Return every fact of a verification."""
    rows = [
        ("Log", report.log_id),
        ("Size", f"{report.size:,} records, {report.bodies_checked:,} bodies hashed"),
        ("First bad", "none" if report.first_bad is None else f"record {report.first_bad:,}: {report.problem}"),
        ("Head", report.head),
        ("Root", report.root),
        *((("Signed by", f"{label}: {count:,}")) for label, count in report.signatures.items()),
        ("Unsigned", f"{report.unsigned:,} records" if report.unsigned else "none"),
        ("Checkpoints", f"{report.checkpoints:,} agree"),
        ("Anchors", f"{report.anchors:,} from outside agree" if report.anchors else "none given"),
        ("Tail", tail_words(report)),
        ("Open", ", ".join(report.open_intents) or "no intent without an outcome"),
    ]
    return tuple((name, words) for name, words in rows if words)


class VerifyDetails(Asking):
    """Shows all of it; the command of the separate verifier can be copied."""

    def __init__(self, report: VerifyReport, parent: QWidget | None = None) -> None:
        super().__init__("Verification of the audit", "", "Close", "plain", parent)
        self.setMinimumWidth(640)
        self.cancel.hide()
        self.answered.connect(self.accept)
        self.facts = Facts(84)
        self.facts.show_rows(all_rows(report))
        self.command = QLineEdit(COMMAND)
        self.command.setReadOnly(True)
        self.command.setFont(theme.font("mono"))
        self.command.setAccessibleName("Command of the separate verifier")
        self.copy = Button("Copy", icon="copy")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(COMMAND))
        self.body.addWidget(self.facts)
        self.body.addWidget(Label("Check it without this program, on an export or an evidence bundle:", "small", "text.3"))
        self.body.addLayout(row([self.command, self.copy]))
