"""The wizard's second question: what runs on each side, and where it tells its version."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.connect_parts import Answers, Fields, Looking, Readings, Step, line
from console.desktop.pages.laying import fill
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.model.systems import HttpWorkloads, TrafficSpec, WorkloadsSpec
from console.model.wizard import Tried


class VersionsStep(Step):
    """Finds the address at which each side tells its version, or the Deployments behind it, and reads them."""

    title = "What runs there?"
    words = "Before a release the console reads which version each side runs. It asks the usual addresses of the servers that you named."

    def __init__(self, around: Surroundings, answers: Answers, parent: QWidget | None = None) -> None:
        super().__init__(around, answers, parent)
        self._for: TrafficSpec | None = None
        self._about = Label("", "body", "text.2", wrap=True)
        self.urls: tuple[QLineEdit, QLineEdit] = (line("First side"), line("Second side"))
        self._rows = QWidget()
        fill(QVBoxLayout(self._rows), [], 0)
        self.looking = Looking(around, "Look for them")
        self.looking.button.clicked.connect(self.look)
        self.read = Button("Read these", icon="refresh-cw")
        self.read.clicked.connect(self._typed)
        self._read_row = QWidget()
        fill(QHBoxLayout(self._read_row), [self.read, -1], 0)
        for each in self.urls:
            each.returnPressed.connect(self._typed)
            each.textEdited.connect(self._edited)
        self.readings = Readings()
        for item in (self._about, self._rows, self.looking, self.readings):
            self.body.addWidget(item)
        self.body.addStretch(1)

    def enter(self) -> None:
        """Look for the versions of the sides chosen before."""
        draft = self.answers.draft
        if self._for == draft.traffic:
            return
        self._for = draft.traffic
        self._show_rows()
        kube = draft.workloads is not None and not isinstance(draft.workloads, HttpWorkloads)
        self._rows.setVisible(not kube)
        self.readings.show_tried(())
        if kube:
            self._about.setText("The Deployments behind the sides tell it, by the tag of their image.")
            self._read()
        elif self.answers.reach.kind == "kubernetes":
            self._about.setText("No Deployment was found behind one of the sides: give addresses at which each side tells its version.")
        else:
            self._about.setText("An address each, which answers JSON with a field “version”, or the version as plain text.")
            self.look()

    def blocked(self) -> str:
        """Return what is missing."""
        if self.answers.draft.workloads is None:
            return "Give an address for each side, and read them."
        return "" if any(each.ok for each in self.readings.tried) else "The versions were not read yet, or could not be."

    def look(self) -> None:
        """Ask the usual addresses."""
        route, draft = self.answers.route, self.answers.draft
        if route is None:
            return
        if draft.workloads is not None and not isinstance(draft.workloads, HttpWorkloads):
            self._read()
            return
        self.looking.run(lambda desk, progress: desk.wizard.versions(route, draft, progress), self._was_found)

    def _show_rows(self) -> None:
        layout = self._rows.layout()
        old = layout.takeAt(0) if layout is not None else None
        if old is not None and (widget := old.widget()) is not None:
            for each in (*self.urls, self._read_row):
                each.setParent(None)
            widget.deleteLater()
        names = self.answers.draft.sides
        for field, name in zip(self.urls, names, strict=True):
            field.setAccessibleName(f"Version address of {name}")
            field.setPlaceholderText("http://HOST:PORT/version")
            field.clear()
        if layout is not None:
            layout.addWidget(Fields({f"{names[0]} at": self.urls[0], f"{names[1]} at": self.urls[1], "": self._read_row}))

    def _was_found(self, found: WorkloadsSpec | None) -> None:
        if not isinstance(found, HttpWorkloads):
            self.looking.show_problem("None of the usual addresses tells a version. Type the two addresses, then read them.")
            return
        for field, side in zip(self.urls, self.answers.draft.sides, strict=True):
            field.setText(found.urls[side])
        self._take(found)

    def _edited(self) -> None:
        self.answers.draft = replace(self.answers.draft, workloads=None)
        self.readings.show_tried(())
        self.changed.emit()

    def _typed(self) -> None:
        typed = [field.text().strip() for field in self.urls]
        for text in typed:
            if urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).hostname:
                self.looking.show_problem("Both sides need an address that begins with http:// or https://.")
                return
        if typed[0] == typed[1]:
            self.looking.show_problem("Both sides have the same address: each needs its own, or they cannot be told apart.")
            return
        self._take(HttpWorkloads(dict(zip(self.answers.draft.sides, typed, strict=True))))

    def _take(self, found: HttpWorkloads) -> None:
        self.answers.draft = replace(self.answers.draft, workloads=found)
        self._read()

    def _read(self) -> None:
        draft = self.answers.draft
        self.looking.run(lambda desk, progress: desk.wizard.attempt(draft, ("workloads",), progress), self._was_read)

    def _was_read(self, tried: Sequence[Tried]) -> None:
        self.readings.show_tried(tried)
        self.changed.emit()
