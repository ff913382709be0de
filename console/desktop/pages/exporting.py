"""The ways in which records leave the Audit page: JSON Lines, CSV, HTML, and a rollout's evidence as one file or as a PDF."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from console.desktop.acting import notice
from console.desktop.page import Surroundings
from console.desktop.pdf import PdfJob
from console.desktop.widgets.button import Button
from console.model.audit import AuditFilter
from console.model.document import Part

RECORDS = (
    ("jsonl", "JSON Lines, can be verified …", "JSON Lines (*.jsonl)"),
    ("csv", "CSV …", "CSV (*.csv)"),
    ("html", "HTML page …", "HTML (*.html)"),
)
EVIDENCE = (
    ("zip", "Evidence of {} as one file …", "Evidence bundle (*.zip)"),
    ("pdf", "Evidence of {} as PDF …", "PDF (*.pdf)"),
)


class ExportButton(Button):
    """A button with a menu; `chosen` gives the filter of the page, `rollout` the rollout of the record that is shown."""

    told = Signal(object)

    def __init__(
        self, around: Surroundings, chosen: Callable[[], AuditFilter], rollout: Callable[[], str], parent: QWidget | None = None
    ) -> None:
        super().__init__("Export …", icon="download", parent=parent)
        self._around, self._chosen, self._rollout = around, chosen, rollout
        self._jobs: list[PdfJob] = []
        self.choices = QMenu(self)
        self.choices.aboutToShow.connect(self.fill)
        self.setMenu(self.choices)

    def fill(self) -> None:
        """Offer what can be exported now: a rollout's evidence where the record that is shown belongs to one."""
        self.choices.clear()
        for form, words, files in RECORDS:
            action = self.choices.addAction(words)
            action.triggered.connect(lambda _=False, form=form, files=files: self._ask(form, files, ""))
        rollout = self._rollout()
        if rollout:
            self.choices.addSeparator()
        for form, words, files in EVIDENCE if rollout else ():
            action = self.choices.addAction(words.format(rollout.replace("&", "&&")))
            action.triggered.connect(lambda _=False, form=form, files=files: self._ask(form, files, rollout))

    def export(self, form: str, path: Path, rollout: str = "") -> None:
        """Write a file in a form: jsonl, csv, html, or a rollout's evidence as zip or pdf."""
        self.set_locked("an export is being written")
        if form == "zip":
            self._around.bridge.ask(
                lambda desk: desk.audit_bundle(rollout, path),
                lambda count: self._written(path, f"{count:,} records of {rollout} in one file"),
                lambda error: self._failed(path, str(error)),
                owner=self,
            )
        elif form == "pdf":
            self._around.bridge.ask(
                lambda desk: desk.audit_report(rollout),
                lambda parts: self._print(path, rollout, parts),
                lambda error: self._failed(path, str(error)),
                owner=self,
            )
        else:
            self._export_records(form, path)

    def _export_records(self, form: str, path: Path) -> None:
        chosen = self._chosen()
        self._around.bridge.ask(
            lambda desk: desk.audit_export(path, chosen, form),
            lambda count: self._written(path, f"{count:,} records exported"),
            lambda error: self._failed(path, str(error)),
            owner=self,
        )

    def _print(self, path: Path, rollout: str, parts: Sequence[Part]) -> None:
        job = PdfJob(self)
        job.done.connect(lambda pages: self._written(path, f"Evidence of {rollout} on {pages:,} page{'s' if pages > 1 else ''}"))
        job.failed.connect(lambda why: self._failed(path, why))
        self._jobs.append(job)
        job.begin(path, f"Evidence of {rollout}", parts)

    def _ask(self, form: str, files: str, rollout: str) -> None:
        day = self._around.clock.now().strftime("%Y-%m-%d")
        name = f"evidence-{rollout}.{form}" if rollout else f"audit-{day}.{form}"
        dialog = QFileDialog(self, "Export", name, files)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(form)
        dialog.fileSelected.connect(lambda chosen: self.export(form, Path(chosen), rollout))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _written(self, path: Path, title: str) -> None:
        self._rest()
        self.told.emit(notice(self._around, "ok", title, str(path)))

    def _failed(self, path: Path, why: str) -> None:
        self._rest()
        self.told.emit(notice(self._around, "fail", f"{path.name} was not written", why))

    def _rest(self) -> None:
        self.set_locked("")
        self._jobs.clear()
