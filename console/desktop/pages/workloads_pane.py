"""What runs on one target: its workloads with their verbs, pods, events, analysis runs and logs; read while it is in sight."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from console.desktop import forms
from console.desktop.page import Surroundings
from console.desktop.pages.laying import Card, Scrolled, column, fill, row
from console.desktop.pages.pipeline_panel import Line, Lines
from console.desktop.pages.pod_log import PodLog
from console.desktop.pages.workload_card import WorkloadCard
from console.desktop.pages.workload_moves import WorkloadMoves
from console.desktop.widgets.age import AgeLabel
from console.desktop.widgets.button import Link
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.model.errors import ConsoleError
from console.model.plan import StepKind
from console.model.rollout import StepRow, StepState
from console.model.verbs import State, Verb
from console.model.views import RolloutView, TargetView
from console.model.workloads import AnalysisNow, ClusterEvent, PodNow, WorkloadsView
from console.policy.workloads import verb_words

AGAIN_MS = 2000
OLD_S = 10.0
_LINE, _NAME, _PODS, _EVENTS = 24, 300, 12, 6
_BAD = ("BackOff", "Err", "OOM", "Crash", "Invalid", "Unschedulable")
_RUNS = {"Successful": State.HEALTHY, "Failed": State.FAILED, "Error": State.FAILED, "Inconclusive": State.BLIND, "Running": State.WATCHING}
_STEPS = {
    StepState.SENT: State.WATCHING,
    StepState.CONFIRMED: State.HEALTHY,
    StepState.FAILED: State.FAILED,
    StepState.UNKNOWN: State.UNKNOWN,
}


def pod_line(pod: PodNow) -> Line:
    """Return a pod as a line."""
    bad = any(word in pod.problem for word in _BAD)
    state = State.HEALTHY if not pod.problem else State.FAILED if bad else State.WATCHING
    restarts = "" if not pod.restarts else f"{pod.restarts} restart{'' if pod.restarts == 1 else 's'}"
    return state, pod.name, pod.problem or "ready", restarts


def event_line(event: ClusterEvent) -> Line:
    """Return an event as a line."""
    times = f" ({event.count} times)" if event.count > 1 else ""
    at = "" if event.at is None else forms.clock(event.at)
    return State.FAILED if event.warning else State.PLANNED, event.reason, f"{event.about}: {event.text}{times}", at


def run_line(run: AnalysisNow) -> Line:
    """Return an analysis run as a line."""
    words = "; ".join(part for part in (run.message, *run.metrics) if part)
    return _RUNS.get(run.phase, State.PLANNED), run.name, f"{run.phase}{f': {words}' if words else ''}", ""


def outcome_of(rollout: RolloutView | None) -> StepRow | None:
    """Return the newest verb on a workload in a rollout, None where it had none."""
    return next((row for row in reversed(rollout.steps) if row.step.kind is StepKind.WORKLOAD), None) if rollout is not None else None


class WorkloadsPane(QWidget):
    """`closed` leads back; `told` and `agreed` are the page's."""

    closed = Signal()
    told = Signal(object)
    agreed = Signal(object)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._around, self._target, self._asking = around, "", False
        self.view: WorkloadsView | None = None
        self.moves = WorkloadMoves(around, self)
        self.moves.told.connect(self.told)
        self.moves.agreed.connect(self.agreed)
        self.back = Link("All targets")
        self.back.clicked.connect(self.closed)
        self._title, self.age = Label("", "section", elide=True), AgeLabel("workloads")
        self._problem = Label("", "small", "look", wrap=True)
        self.outcome, self._detail = MarkLabel("small.strong", 13), Label("", "small", "text.2", wrap=True)
        self.cards: list[WorkloadCard] = []
        self._cards = column([], 8)
        self.pods, self.runs, self.events = Lines(_LINE, head=_NAME), Lines(_LINE, head=_NAME), Lines(_LINE)
        self.log = PodLog(around)
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(AGAIN_MS)
        self._timer.timeout.connect(self._look)

    def show_target(self, view: TargetView) -> None:
        """Show what runs on a target, read anew."""
        if view.name != self._target:
            self.log.leave()
            self.view = None
            self._target = view.name
            self._title.setText(f"What runs on {view.name}")
            self._problem.setText("Reading …")
            self._problem.setVisible(True)
            for card in self.cards:
                card.setVisible(False)
        self._look()

    def show_rollout(self, rollout: RolloutView | None) -> None:
        """Show what became of the newest verb, where the rollout is of the target shown."""
        found = outcome_of(rollout) if rollout is not None and rollout.target == self._target else None
        self.outcome.setVisible(found is not None)
        self._detail.setVisible(found is not None)
        if found is not None:
            words = verb_words(found.step.verb, found.step.name)
            said = {StepState.CONFIRMED: "done, read back", StepState.UNKNOWN: "its outcome is unknown"}.get(found.state, found.state.value)
            self.outcome.show_state(
                _STEPS.get(found.state, State.PLANNED), f"{words[:1].upper()}{words[1:]}", f"{said}, {found.actor.name}"
            )
            self._detail.setText(f"{said[:1].upper()}{said[1:]}, by {found.actor.name}. {found.detail}".strip())

    def showEvent(self, event: QShowEvent) -> None:
        """Read while it is in sight."""
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Read no further."""
        super().hideEvent(event)
        self._timer.stop()
        self.log.leave()

    def _lay_out(self) -> None:
        content = QWidget()
        inside = QVBoxLayout(content)
        beside = Card(pad=13)
        self._heads = {name: Label(name, "small.strong") for name in ("Pods", "Analysis runs", "Events")}
        for head, lines in zip(self._heads.values(), (self.pods, self.runs, self.events), strict=True):
            beside.body.addWidget(head)
            beside.body.addWidget(lines)
        fill(inside, [self._problem, self.outcome, self._detail, self._cards, beside, self.log, -1], 8)
        inside.setContentsMargins(0, 0, 6, 0)
        whole = QVBoxLayout(self)
        fill(whole, [row([self._title, -1, self.age, self.back]), Scrolled(content)], 8)
        self.outcome.setVisible(False)
        self._detail.setVisible(False)

    def _look(self) -> None:
        if self._asking or not self._target:
            return
        self._asking, name = True, self._target
        self._around.bridge.ask(lambda desk: desk.workloads(name), self._show, lambda error: self._fail(name, error), self)

    def _show(self, view: WorkloadsView) -> None:
        self._asking = False
        if view.target != self._target:
            self._look()
            return
        self.view, now = view, view.now
        self.age.show_age(now.at, OLD_S)
        self._problem.setText(" ".join(now.notes))
        self._problem.setVisible(bool(now.notes))
        while len(self.cards) < len(now.workloads):
            self._add_card()
        for at, card in enumerate(self.cards):
            card.setVisible(at < len(now.workloads))
            if at < len(now.workloads):
                card.show_view(view, now.workloads[at])
        self._show_lines("Pods", self.pods, tuple(pod_line(pod) for pod in now.pods[:_PODS]), len(now.pods))
        self._show_lines("Analysis runs", self.runs, tuple(run_line(run) for run in now.analyses), len(now.analyses))
        self._show_lines("Events", self.events, tuple(event_line(event) for event in now.events[:_EVENTS]), len(now.events))
        self.log.show_pods(view.target, now.pods)

    def _show_lines(self, name: str, shown: Lines, lines: tuple[Line, ...], count: int) -> None:
        head = self._heads[name]
        head.setText(name if count <= len(lines) else f"{name}, {len(lines)} of {count}")
        head.setVisible(bool(lines))
        shown.setVisible(bool(lines))
        shown.show_lines(lines)

    def _add_card(self) -> None:
        made = WorkloadCard()
        made.asked.connect(lambda verb: self._ask(made, verb))
        self.cards.append(made)
        self._cards.addWidget(made)

    def _ask(self, card: WorkloadCard, verb: Verb) -> None:
        target = self._around.known.targets.get(self._target)
        if card.seen is not None and target is not None:
            self.moves.ask(target, card.seen, verb)

    def _fail(self, name: str, error: ConsoleError) -> None:
        self._asking = False
        if name == self._target:
            self._problem.setText(str(error))
            self._problem.setVisible(True)
