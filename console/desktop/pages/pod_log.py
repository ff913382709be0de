"""The log of one pod's container, followed while it is shown; lines come from the engine's thread and are only appended here."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.laying import Card, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.log_view import LogView
from console.model.errors import ConsoleError
from console.model.readings import LogLine
from console.model.workloads import LogAsked, PodNow

HEIGHT = 150
LINES = 500


class Reading(QObject):
    """One reading of a log: `told` is called off the Qt thread and emits; when it is no longer wanted it says so, and the reading ends."""

    lined = Signal(tuple)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.wanted = True

    def told(self, lines: tuple[str, ...]) -> bool:
        """Pass lines on to the window; False ends the reading."""
        if self.wanted and lines:
            self.lined.emit(lines)
        return self.wanted


class PodLog(Card):
    """Told which pods there are; reads the log of the one chosen, and follows it until another is chosen or the card is left."""

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(pad=13, parent=parent)
        self._around, self._target = around, ""
        self._pods: dict[str, PodNow] = {}
        self._reading: Reading | None = None
        self._count = 0
        self.pods, self.containers = QComboBox(), QComboBox()
        self.pods.setAccessibleName("Pod")
        self.containers.setAccessibleName("Container")
        self.pods.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.pods.setMinimumContentsLength(24)
        self.follow, self.previous = Button("Follow", "segment"), Button("Before its restart", "segment")
        self.read, self.stop = Button("Read the log", icon="terminal"), Button("Stop", icon="circle-stop")
        self.stop.setVisible(False)
        self.status = Label("No log was read yet.", "small", "text.3", wrap=True)
        self.lines = LogView()
        self.lines.setMinimumHeight(HEIGHT)
        self.follow.setChecked(True)
        self.pods.currentTextChanged.connect(self._show_containers)
        self.read.clicked.connect(self._read)
        self.stop.clicked.connect(self._stop)
        self.body.setSpacing(6)
        self.body.addLayout(row([Label("Log", "label"), 6, self.pods, self.containers, -1]))
        self.body.addLayout(row([self.follow, self.previous, 6, self.read, self.stop, -1], 0))
        self.body.addWidget(self.status)
        self.body.addWidget(self.lines, 1)

    def show_pods(self, target: str, pods: Sequence[PodNow]) -> None:
        """Offer these pods; one that is read stays chosen as long as it is there."""
        self._target, names = target, [each.name for each in pods]
        self._pods = {each.name: each for each in pods}
        self.read.set_locked("" if names or self._reading is not None else "no pod runs there")
        if names == [self.pods.itemText(at) for at in range(self.pods.count())]:
            return
        chosen = self.pods.currentText()
        self.pods.blockSignals(True)
        self.pods.clear()
        self.pods.addItems(names)
        if chosen in names:
            self.pods.setCurrentText(chosen)
        self.pods.blockSignals(False)
        if self.pods.currentText() != chosen:
            self._show_containers(self.pods.currentText())

    def leave(self) -> None:
        """Read no further."""
        if self._reading is not None:
            self._reading.wanted = False
            self._reading = None
        self._show_reading()

    def _show_reading(self) -> None:
        self.read.setVisible(self._reading is None)
        self.stop.setVisible(self._reading is not None)

    def _stop(self) -> None:
        self.leave()
        self.status.setText("Stopped.")

    def _show_containers(self, pod: str) -> None:
        found = self._pods.get(pod)
        self.containers.clear()
        self.containers.addItems(list(found.containers) if found is not None else [])
        self.containers.setVisible(self.containers.count() > 1)

    def _read(self) -> None:
        self.lines.forget()
        self._count = 0
        reading = self._reading = Reading(self)
        reading.lined.connect(lambda lines: self._take(reading, lines))
        pod, container = self.pods.currentText(), self.containers.currentText()
        asked = LogAsked(pod, container, previous=self.previous.isChecked(), follow=self.follow.isChecked(), lines=LINES)
        self.status.setText(f"Reading {pod}{f', {container}' if container else ''} …")
        self._show_reading()
        target = self._target
        self._around.bridge.ask(
            lambda desk: desk.pod_log(target, asked, reading.told),
            lambda _: self._ended(reading, "It ended." if asked.follow else f"The last {LINES} lines at most."),
            lambda error: self._ended(reading, _words(error)),
            self,
        )

    def _take(self, reading: Reading, lines: tuple[str, ...]) -> None:
        if reading is not self._reading:
            return
        at, first = self._around.clock.now(), self._count + 1
        self._count += len(lines)
        self.lines.show_lines([LogLine("", number, text, at) for number, text in enumerate(lines, first)])

    def _ended(self, reading: Reading, words: str) -> None:
        if reading is self._reading:
            self.leave()
            self.status.setText(words)


def _words(error: ConsoleError) -> str:
    return str(error)
