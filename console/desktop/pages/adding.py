"""Takes target files in, one after the other: check, show every mistake, add observe-only."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.bad_file import BadFileDialog
from console.model.desk import FileProblem
from console.model.errors import ConsoleError
from console.model.views import Notice


class Adding(QObject):
    """Brings files to the engine. `added` carries a target's name, `told` a notice about a file that could not be taken."""

    added = Signal(str)
    told = Signal(object)

    def __init__(self, around: Surroundings, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = around
        self._window = parent

    def choose(self) -> None:
        """Let a person choose files."""
        dialog = QFileDialog(self._window, "Choose target files", "", "Target files (*.yaml *.yml)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(lambda names: self.take(tuple(Path(name) for name in names)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def take(self, paths: Sequence[Path]) -> None:
        """Check each file and add it when nothing is wrong with it."""
        for path in paths:
            self._check(path)

    def _check(self, path: Path) -> None:
        self._around.bridge.ask(
            lambda desk: desk.check_file(path),
            lambda problems: self._checked(path, problems),
            lambda error: self._failed(path, error),
            owner=self,
        )

    def _checked(self, path: Path, problems: Sequence[FileProblem]) -> None:
        if not problems:
            self._around.bridge.ask(lambda desk: desk.add_target(path), self.added.emit, lambda error: self._failed(path, error), self)
            return
        dialog = BadFileDialog(path, problems, self._window)
        dialog.answered.connect(lambda: self._again(dialog, path))
        dialog.open()

    def _again(self, dialog: BadFileDialog, path: Path) -> None:
        dialog.close()
        self._check(path)

    def _failed(self, path: Path, error: ConsoleError) -> None:
        text = f"{error.message} {error.means} {error.advice}".strip()
        self.told.emit(Notice(self._around.clock.now(), "fail", f"{path.name} was not added", text))
