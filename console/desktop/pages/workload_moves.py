"""The dialogs before a verb acts on a workload: undo asks which revision, set image which image, and what goes forward is previewed."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QButtonGroup, QComboBox, QLineEdit, QRadioButton, QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.dialog import Asking, AskingWhy
from console.desktop.pages.forward import Forward
from console.desktop.pages.workload_card import made_words, revision_words
from console.model.commands import Command, OnWorkload
from console.model.verbs import Verb
from console.model.views import TargetView
from console.model.workloads import WorkloadNow
from console.policy.workloads import verb_words

_SHOWN = 6


class UndoDialog(Asking):
    """Asks which revision a workload goes back to; the one before is chosen."""

    def __init__(self, seen: WorkloadNow, parent: QWidget | None = None) -> None:
        text = f"{seen.kind} {seen.name} runs {seen.version}. That version is quarantined here, so that nothing brings it back unasked."
        super().__init__(f"Undo {seen.name}", text, "Undo now", "act", parent)
        self._group = QButtonGroup(self)
        before = seen.previous
        kept = sorted((each for each in seen.revisions if not each.current), key=lambda each: -each.number)[:_SHOWN]
        for each in kept:
            choice = QRadioButton(revision_words(each.number, each.version, made_words(seen, each.number)))
            choice.setChecked(before is not None and each.number == before.number)
            self._group.addButton(choice, each.number)
            self.body.addWidget(choice)
        self.reason = QLineEdit()
        self.reason.setMaxLength(300)
        self.reason.setPlaceholderText("why, for the audit; not needed")
        self.reason.setAccessibleName("Reason")
        self.body.addWidget(self.reason)

    @property
    def revision(self) -> int:
        """Return the revision chosen, 0 for the one before."""
        return max(0, self._group.checkedId())


class ImageDialog(AskingWhy):
    """Asks for an image, and for which container where there are several."""

    def __init__(self, seen: WorkloadNow, parent: QWidget | None = None) -> None:
        self.container, self.image = QComboBox(), QLineEdit()
        self._images = {name: str(seen.state.values[f"image {name}"]) for name in seen.containers}
        super().__init__(f"Set the image of {seen.name}", "Next you see what will be sent.", "Show what will be sent", parent=parent)
        self.container.addItems(list(seen.containers))
        self.container.setAccessibleName("Container")
        self.container.setVisible(len(seen.containers) > 1)
        self.container.currentTextChanged.connect(self._show_image)
        self.image.setMaxLength(500)
        self.image.setAccessibleName("Image")
        self.image.setMinimumWidth(420)
        self.image.textChanged.connect(self._weigh)
        self.body.insertWidget(0, self.container)
        self.body.insertWidget(1, self.image)
        self._show_image(self.container.currentText())
        self.image.setFocus()

    def _show_image(self, container: str) -> None:
        self.image.setText(self._images.get(container, ""))

    def _weigh(self) -> None:
        image = self.image.text().strip()
        if not image:
            self.answer.set_locked("needs an image")
        elif image == self._images.get(self.container.currentText()):
            self.answer.set_locked("it runs that image")
        else:
            super()._weigh()


class WorkloadMoves(QObject):
    """Carries a verb from a click to the window: what holds or goes back goes at once, what goes forward is previewed."""

    told = Signal(object)
    agreed = Signal(object)

    def __init__(self, around: Surroundings, parent: QWidget) -> None:
        super().__init__(parent)
        self._around, self._window = around, parent
        self.forward = Forward(around, parent)
        self.forward.agreed.connect(self.agreed)
        self.forward.told.connect(self.told)

    def ask(self, view: TargetView, seen: WorkloadNow, verb: Verb) -> None:
        """Begin a verb on a workload as it is shown."""
        on = OnWorkload(seen.name, seen=str(seen.state.values["template"]))
        if verb is Verb.PAUSE_WORKLOAD:
            self.agreed.emit(self._command(view, verb, on, ""))
        elif verb is Verb.UNDO_WORKLOAD:
            undo = UndoDialog(seen, self._window)
            undo.answered.connect(lambda: self._undo(undo, view, on))
            undo.open()
        elif verb is Verb.SET_IMAGE:
            image = ImageDialog(seen, self._window)
            image.reasoned.connect(lambda why: self._image(image, view, on, why))
            image.open()
        else:
            words = verb_words(verb, seen.name)
            title = f"{words[:1].upper()}{words[1:]}?"
            asking = AskingWhy(title, "Next you see what will be sent.", "Show what will be sent", parent=self._window)
            asking.reasoned.connect(lambda why: self._preview(asking, view, self._command(view, verb, on, why)))
            asking.open()

    def _undo(self, dialog: UndoDialog, view: TargetView, on: OnWorkload) -> None:
        command = self._command(view, Verb.UNDO_WORKLOAD, OnWorkload(on.name, revision=dialog.revision), dialog.reason.text().strip())
        dialog.accept()
        self.agreed.emit(command)

    def _image(self, dialog: ImageDialog, view: TargetView, on: OnWorkload, why: str) -> None:
        asked = OnWorkload(on.name, dialog.image.text().strip(), dialog.container.currentText(), seen=on.seen)
        self._preview(dialog, view, self._command(view, Verb.SET_IMAGE, asked, why))

    def _preview(self, dialog: Asking, view: TargetView, command: Command) -> None:
        dialog.accept()
        words = verb_words(command.verb, command.workload.name if command.workload is not None else "")
        self.forward.begin(command, f"{words[:1].upper()}{words[1:]}", view.environment)

    def _command(self, view: TargetView, verb: Verb, on: OnWorkload, reason: str) -> Command:
        return Command(verb, view.name, self._around.actor, reason=reason, workload=on)
