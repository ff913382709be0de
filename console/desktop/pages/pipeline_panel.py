"""Beside the gates: the pipeline with its live log, the steps that were sent, and a gate's evidence."""

from PySide6.QtCore import QRectF, QSize, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QPainter
from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from console.desktop import forms, theme
from console.desktop.pages.laying import Card, Scrolled, fill, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.empty import EmptyState
from console.desktop.widgets.evidence import EvidenceCard
from console.desktop.widgets.label import Label
from console.desktop.widgets.log_view import LogView
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import RIGHT, Painted, hairline, write
from console.model.readings import PipelineRun, PipelineStageRun, RunChange
from console.model.rollout import StepRow, StepState
from console.model.verbs import State
from console.model.views import GateView, RolloutView

_STAGE_MARKS = {
    "planned": State.PLANNED,
    "waiting": State.HELD,
    "skipped": State.WAIVED,
    "running": State.IN_ROLLOUT,
    "passed": State.HEALTHY,
    "failed": State.FAILED,
    "cancelled": State.HELD,
}
_STEP_MARKS = {
    StepState.PLANNED: State.PLANNED,
    StepState.SENT: State.WATCHING,
    StepState.CONFIRMED: State.HEALTHY,
    StepState.FAILED: State.FAILED,
    StepState.UNKNOWN: State.UNKNOWN,
    StepState.SKIPPED: State.WAIVED,
}
LEAST = 140
"""Its least height, in px."""
Line = tuple[State, str, str, str]
"""Mark, head, words and what stands at the right edge."""


def stage_line(stage: PipelineStageRun) -> Line:
    """Return a pipeline stage as a line."""
    took = "" if stage.started_at is None or stage.ended_at is None else forms.span((stage.ended_at - stage.started_at).total_seconds())
    code = "" if stage.exit_code in {None, 0} else f"exit {stage.exit_code}"
    return _STAGE_MARKS.get(stage.state, State.PLANNED), stage.name, ", ".join(part for part in (stage.state, code) if part), took


def why_words(run: PipelineRun) -> str:
    """Return why a run ended as it did, or what it waits for; empty where it simply runs."""
    return ". ".join(words.rstrip(".") for words in (run.reason, run.note) if words)


def web_address(link: str) -> bool:
    """Tell whether a link from outside leads to a page: nothing else is opened."""
    address = QUrl(link, QUrl.ParsingMode.StrictMode)
    return address.isValid() and address.scheme() in {"http", "https"} and bool(address.host())


def change_line(change: RunChange) -> Line:
    """Return a change as a line."""
    return State.PLANNED, change.revision[:10] or "change", change.title, change.author


def step_line(step: StepRow) -> Line:
    """Return a step as a line: what was sent to which system, and what became of it."""
    want = ", ".join(f"{name} {value}" for name, value in step.step.want.items())
    words = f"{step.step.system}: {want}" + (f"  ·  {step.detail}" if step.detail else "")
    late = "" if step.recorded == "journal" else f", {step.recorded}"
    return _STEP_MARKS[step.state], f"{step.step.verb}", words, f"{forms.clock(step.sent_at)}{late}"


class Lines(Painted):
    """Rows of mark, head, words and an edge; `head` is how wide the head may be, in px."""

    def __init__(self, height: int, parent: QWidget | None = None, *, head: int = 150) -> None:
        super().__init__(parent)
        self._height, self._head = height, head
        self._lines: tuple[Line, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_lines(self, lines: tuple[Line, ...]) -> None:
        """Show these rows."""
        if lines == self._lines:
            return
        longer = len(lines) != len(self._lines)
        self._lines = lines
        self.setAccessibleName("; ".join(f"{head}, {theme.state_word(state)}, {words}" for state, head, words, _ in lines))
        if longer:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room for all rows."""
        return QSize(240, max(1, len(self._lines)) * self._height)

    def paint(self, painter: QPainter) -> None:
        """Paint each row under a hairline."""
        for at, (state, head, words, edge) in enumerate(self._lines):
            top = at * self._height
            if at:
                hairline(painter, 0, top, self.width(), top)
            paint_mark(painter, state, QRectF(0, top + (self._height - 13) / 2, 13, 13))
            name = write(painter, QRectF(22, top, self._head, self._height), (head, "small.strong", "text"))
            right = write(painter, QRectF(0, top, self.width(), self._height), (edge, "caption", "text.3"), RIGHT)
            write(painter, QRectF(32 + name, top, self.width() - 44 - name - right, self._height), (words, "small", "text.2"))


class PipelinePanel(Card):
    """Views in one place; `cancelled` asks to stop the pipeline's run, `approved` to let a waiting stage of it go on."""

    cancelled = Signal()
    approved = Signal(str, str)
    """A gate that a person may approve, and the stage's name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(pad=13, parent=parent)
        self._views = {name: Button(name, "segment") for name in ("Pipeline", "Changes", "Steps", "Evidence")}
        self._stack = QStackedWidget()
        self._aside = Label("", "caption", "text.3", elide=True)
        self.cancel = Button("Cancel the run", "quiet", "x")
        self.cancel.clicked.connect(self.cancelled)
        self.open, self.approve = Button("Open in the browser", "quiet"), Button("Approve…", "quiet", "check")
        self.open.clicked.connect(self._open)
        self.approve.clicked.connect(self._approve)
        for each in (self.open, self.approve, self._views["Changes"]):
            each.setVisible(False)
        self._run: PipelineRun | None = None
        for at, button in enumerate(self._views.values()):
            button.setAutoExclusive(True)
            button.setFont(theme.font("small"))
            button.clicked.connect(lambda _=False, at=at: self._stack.setCurrentIndex(at))
        self.body.addLayout(row([*self._views.values(), 8, self._aside, self.cancel], 0))
        self.body.addWidget(self._stack, 1)
        self._stack.addWidget(self._pipeline())
        self._stack.addWidget(self._changes_view())
        self._stack.addWidget(self._steps_view())
        self._stack.addWidget(self._evidence_view())
        self.setMinimumHeight(LEAST)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._shown, self._piped = "", False
        self.show_tab("Pipeline")

    def sizeHint(self) -> QSize:
        """Ask for the least room: it takes what is left, and never makes the way back scroll."""
        return QSize(super().sizeHint().width(), LEAST)

    @property
    def tabs(self) -> tuple[Button, ...]:
        """Return the buttons of the three views."""
        return tuple(self._views.values())

    def show_tab(self, name: str) -> None:
        """Show one of the three views."""
        self._views[name].setChecked(True)
        self._stack.setCurrentIndex(list(self._views).index(name))

    def show_view(self, rollout: RolloutView) -> None:
        """Show a rollout's pipeline and steps."""
        if rollout.id != self._shown:
            self._shown, self._piped = rollout.id, False
            self.log.forget()
            self.show_tab("Steps")
        if rollout.pipeline is not None and not self._piped:
            self._piped = True
            self.show_tab("Pipeline")
        run = rollout.pipeline
        self._views["Pipeline"].setVisible(run is not None)
        self.cancel.setVisible(run is not None and run.state == "running")
        self._run = run
        self._aside.setText("" if run is None else f"run {run.id}, {run.version}, {run.state}")
        self.why.setText("" if run is None else why_words(run))
        self.why.setVisible(bool(self.why.text()))
        self.open.setVisible(run is not None and web_address(run.link))
        self.approve.setVisible(run is not None and run.state == "running" and any(stage.gate for stage in run.stages))
        self._views["Changes"].setVisible(bool(rollout.changes))
        self.changes.show_lines(tuple(change_line(change) for change in rollout.changes))
        if run is not None:
            self.stages.show_lines(tuple(stage_line(stage) for stage in run.stages))
            self.log.show_lines(rollout.log)
        steps = tuple(step_line(step) for step in reversed(rollout.steps))
        self.steps.show_lines(steps)
        self._no_steps.setVisible(not steps)
        self.steps.setVisible(bool(steps))

    def show_evidence(self, gate: GateView) -> None:
        """Open a gate's evidence card."""
        self.refresh_evidence(gate)
        self.show_tab("Evidence")

    def refresh_evidence(self, gate: GateView) -> None:
        """Keep the evidence card current without opening it."""
        self.evidence.show_view(gate)

    def _pipeline(self) -> QWidget:
        view = QWidget()
        self.stages, self.log = Lines(24), LogView()
        self.why = Label("", "small", "text.2", wrap=True)
        self.log.setMinimumHeight(84)
        fill(column := QVBoxLayout(view), [self.stages, self.why, row([self.approve, self.open, -1], 6), self.log], 6)
        column.setStretch(3, 1)
        return Scrolled(view)

    def _open(self) -> None:
        if self._run is not None and web_address(self._run.link):
            QDesktopServices.openUrl(QUrl(self._run.link))

    def _approve(self) -> None:
        waiting = next((stage for stage in self._run.stages if stage.gate), None) if self._run is not None else None
        if waiting is not None:
            self.approved.emit(waiting.gate, waiting.name)

    def _changes_view(self) -> QWidget:
        content = QWidget()
        self.changes = Lines(24)
        fill(QVBoxLayout(content), [self.changes, -1], 0)
        return Scrolled(content)

    def _steps_view(self) -> QWidget:
        content = QWidget()
        self.steps = Lines(24)
        self._no_steps = EmptyState("Nothing was sent yet.")
        fill(QVBoxLayout(content), [self.steps, self._no_steps, -1], 0)
        return Scrolled(content)

    def _evidence_view(self) -> QWidget:
        self.evidence = EvidenceCard()
        return Scrolled(self.evidence)
