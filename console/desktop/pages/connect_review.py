"""The wizard's last question: every connection read once more, and the file as it will be written, with what it changes."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from console.desktop import theme
from console.desktop.page import Surroundings
from console.desktop.pages.connect_parts import Answers, Looking, Readings, Step, line
from console.desktop.pages.laying import fill, row
from console.desktop.pages.settings import Segments
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label, plain_tip
from console.files.folders import folders
from console.model.wizard import GitState, TargetDraft, Tried, Written

_SHOWN = {"file": "The file", "difference": "What changes"}


class ReviewStep(Step):
    """Shows what will be written, and where; nothing is on the disk before the wizard says so."""

    title = "Look it over"
    words = "Every connection is read once more. The file is what counts: keep it where you keep such things, best under git."

    def __init__(self, around: Surroundings, answers: Answers, parent: QWidget | None = None) -> None:
        super().__init__(around, answers, parent)
        self.written: Written | None = None
        self._draft: TargetDraft | None = None
        self.folder = line("Folder")
        self.folder.setText(str(folders().config / "targets"))
        self.folder.editingFinished.connect(self._write_up)
        browse = Button("Choose …", icon="folder-open")
        browse.clicked.connect(self._browse)
        place = QWidget()
        fill(QHBoxLayout(place), [Label("Folder", "small", "text.2"), self.folder, browse], 6)
        self.folder.textChanged.connect(lambda words: self.folder.setToolTip(plain_tip(words)))
        self.folder.setToolTip(plain_tip(self.folder.text()))
        self.git = Label("", "small", "text.3", wrap=True)
        self.writing = Looking(around, "Try again")
        self.writing.button.hide()
        self.writing.button.clicked.connect(self._write_up)
        self.shown = Segments("Shown", _SHOWN)
        self.shown.choose("file")
        self.shown.buttons["difference"].toggled.connect(self._show_text)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFont(theme.font("mono"))
        self.text.setAccessibleName("The file as it will be written")
        self.text.setTabChangesFocus(True)
        self.text.setMinimumHeight(220)
        self.warning = Label("", "small", "look", wrap=True)
        self.warning.hide()
        self.trying = Looking(around, "Read all again")
        self.trying.button.clicked.connect(self._try)
        self.readings = Readings()
        anyhow = "The file can be written all the same: the target then shows what cannot be read."
        self._unread = Label(anyhow, "small", "text.3", wrap=True)
        self._unread.hide()
        left, right = QWidget(), QWidget()
        left.setFixedWidth(330)
        fill(QVBoxLayout(left), [Label("Connections", "label"), self.readings, self._unread, self.trying, -1], 8)
        fill(QVBoxLayout(right), [place, self.git, row([self.shown, -1]), self.warning, self.text, self.writing], 8)
        both = QWidget()
        fill(QHBoxLayout(both), [right, left], 18)
        self.body.addWidget(both, 1)

    def enter(self) -> None:
        """Read every connection once more, and make the file."""
        if self._draft != self.answers.draft:
            self._draft = self.answers.draft
            self.readings.show_tried(())
            self._try()
        self._write_up()

    def blocked(self) -> str:
        """Return why nothing can be written."""
        if self.written is None:
            return "The file is not made yet."
        if self.written.replaces and not self.shown.buttons["difference"].isChecked():
            return "There is a file of this name already: look at what changes first."
        return "It would change nothing: the file says all this already." if self.written.replaces and not self.written.difference else ""

    def _try(self) -> None:
        draft = self.answers.draft
        self.trying.run(lambda desk, progress: desk.wizard.attempt(draft, (), progress), self._was_read)

    def _was_read(self, tried: Sequence[Tried]) -> None:
        self.readings.show_tried(tried)
        self._unread.setVisible(not all(each.ok for each in tried))
        self.changed.emit()

    def _write_up(self) -> None:
        draft = self.answers.draft
        path = Path(self.folder.text().strip() or ".") / f"{draft.name}.yaml"
        self.written = None
        self.changed.emit()
        self.writing.run(lambda desk, _: desk.wizard.write_up(draft, path), self._was_made, self.writing.button.show)

    def _was_made(self, written: Written) -> None:
        self.written = written
        self.writing.button.hide()
        self.git.setText(git_words(written.git))
        self.shown.setVisible(written.replaces)
        self.shown.choose("file")
        told = (
            f"{written.path} is there already. Its comments and what the wizard does not ask stay; look at what changes before you write."
        )
        self.warning.setText(told)
        self.warning.setVisible(written.replaces)
        self._show_text()

    def _show_text(self) -> None:
        if self.written is not None:
            differs = self.shown.buttons["difference"].isChecked() and self.written.replaces
            self.text.setPlainText("\n".join(self.written.difference) if differs else self.written.text)
        self.changed.emit()

    def _browse(self) -> None:
        dialog = QFileDialog(self, "Choose a folder for target files", self.folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self._take_folder)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _take_folder(self, name: str) -> None:
        self.folder.setText(name)
        self._write_up()


def git_words(state: GitState | None) -> str:
    """Return in words what repository a folder is in."""
    if state is None:
        return "This folder is in no git repository: nobody sees who changes a file in it, or when."
    clean = "nothing uncommitted here" if not state.changed else f"{state.changed} uncommitted file{'s' if state.changed != 1 else ''} here"
    return f"Git repository {state.root}, branch {state.branch}, {clean}. The new file is yours to commit."
