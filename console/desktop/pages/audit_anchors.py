"""Anchors of the audit outside of the records, from the window: where they are kept, a new one, and a place that is given up."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from console.desktop.acting import notice
from console.desktop.page import Surroundings
from console.desktop.pages.dialog import Asking
from console.desktop.widgets.button import Button
from console.model.audit import AnchorPlace
from console.model.errors import ConsoleError

WHY = "Only an anchor outside shows that the end was cut off, or that somebody who has a key wrote all of it anew."


def place_words(place: AnchorPlace) -> str:
    """Say what a place holds, or why it cannot be used."""
    if place.problem:
        return f"{place.path}: {place.problem}"
    kept = f"{place.anchors:,} anchor{'' if place.anchors == 1 else 's'}, the newest over {place.size:,} records"
    return f"{place.path}{' (git)' if place.git else ''}: {kept}"


class AnchorButton(Button):
    """A button with a menu of the places. `changed` tells the places as they are now, `unread` why they are not known, and `working`
    that an anchor is being made, or no more.
    """

    told = Signal(object)
    changed = Signal(object)
    unread = Signal(str)
    working = Signal(bool)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__("Anchor …", parent=parent)
        self._around = around
        self._places: Sequence[AnchorPlace] = ()
        self.choices = QMenu(self)
        self.choices.aboutToShow.connect(self.fill)
        self.setMenu(self.choices)
        self.setToolTip(WHY)

    def load(self) -> None:
        """Ask where anchors are kept."""
        self._around.bridge.ask(lambda desk: desk.audit_anchors(), self._take, lambda error: self.unread.emit(str(error)), owner=self)

    def fill(self) -> None:
        """Offer a new place, and each known one again."""
        self.choices.clear()
        self.choices.addAction("Keep one in a file …").triggered.connect(self._ask_file)
        self.choices.addAction("Keep one in a git repository …").triggered.connect(self._ask_folder)
        for words, act in (("Keep one more in {}", self._again), ("Give up {} …", self._ask_forget)):
            if self._places:
                self.choices.addSeparator()
            for place in self._places:
                action = self.choices.addAction(words.format(place.path.replace("&", "&&")))
                action.triggered.connect(lambda _=False, act=act, place=place: act(place))

    def keep(self, path: Path, *, git: bool = False) -> None:
        """Keep an anchor in a file, or commit it in a folder."""
        self.set_locked("an anchor is being made")
        self.working.emit(True)
        self._around.bridge.ask(lambda desk: desk.audit_anchor(path, git=git), self._kept, self._failed)

    def forget(self, place: AnchorPlace) -> None:
        """Give a place up."""
        self._around.bridge.ask(lambda desk: desk.audit_forget_anchor(place.path), lambda _: self.load(), self._failed, owner=self)

    def _again(self, place: AnchorPlace) -> None:
        self.keep(Path(place.path), git=place.git)

    def _ask_file(self) -> None:
        day = self._around.clock.now().strftime("%Y-%m-%d")
        dialog = QFileDialog(self, "Keep an anchor on another disk or computer", f"audit-anchor-{day}.jsonl", "Anchors (*.jsonl)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)  # an anchor is added at the file's end
        dialog.setDefaultSuffix("jsonl")
        dialog.fileSelected.connect(lambda chosen: self.keep(Path(chosen)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _ask_folder(self) -> None:
        dialog = QFileDialog(self, "Keep an anchor in a git repository")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda chosen: self.keep(Path(chosen), git=True))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _ask_forget(self, place: AnchorPlace) -> None:
        text = f"{place.path} stays as it is, and no verification in this window holds the records against it any more. It is on record."
        question = Asking("Give up this place of anchors?", text, "Give it up", "plain", self.window())
        question.answered.connect(lambda: self.forget(place))
        question.answered.connect(question.accept)
        question.open()

    def _take(self, places: Sequence[AnchorPlace]) -> None:
        self._places = places
        self.changed.emit(places)

    def _kept(self, place: AnchorPlace) -> None:
        self._rest()
        self.told.emit(notice(self._around, "ok", f"Anchored at {place.size:,} records", place.path))
        self.load()

    def _failed(self, error: ConsoleError) -> None:
        self._rest()
        self.told.emit(notice(self._around, "fail", error.message, " ".join(part for part in (error.means, error.advice) if part)))

    def _rest(self) -> None:
        self.set_locked("")
        self.working.emit(False)
