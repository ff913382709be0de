"""A plan before its start: its stages, what it can see and not see, what is sent first, the way back, and Start."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QStackedWidget, QVBoxLayout, QWidget

from console.desktop import forms, theme
from console.desktop.page import Surroundings
from console.desktop.pages.detect_list import DetectList
from console.desktop.pages.laying import Scrolled, column, fill, row
from console.desktop.pages.plan_stages import PlanStages
from console.desktop.widgets.button import Button
from console.desktop.widgets.empty import Loading, ProblemPanel
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.panel import Panel
from console.desktop.widgets.readiness import ReadinessBox, losses
from console.desktop.widgets.sends import SendList
from console.model.commands import Command
from console.model.desk import PlanView
from console.model.errors import ConsoleError
from console.model.plan import StepKind
from console.model.verbs import State, Verb
from console.model.views import SendView, TargetView

_SHOWN_WARNINGS = 6


class PlanPane(QWidget):
    """Asks the engine for a plan. `started` carries the command to preview and its title; `left` goes back."""

    started = Signal(object, str)
    left = Signal()
    rehearsed = Signal()

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._around = around
        self._target: TargetView | None = None
        self._plan: PlanView | None = None
        self._asked = 0
        self._headline, self._subline = Label("", "title", elide=True), Label("", "small", "text.2", elide=True)
        self.release = QLineEdit()
        self.release.setAccessibleName("Name of the release")
        self.release.setFixedWidth(170)
        self.release.returnPressed.connect(self.make)
        self.again = Button("Make the plan again", icon="refresh-cw")
        self.again.clicked.connect(self.make)
        self.back = Button("Back to targets", "quiet")
        self.back.clicked.connect(self.left)
        head = row([column([self._headline, self._subline], 2), Label("Release", "small", "text.3"), self.release, self.again, self.back])
        head.setStretch(0, 1)
        self._loading, self._problem = Loading(8), ProblemPanel()
        self._stack = QStackedWidget()
        for shown in (self._loading, self._failure(), self._whole()):
            self._stack.addWidget(shown)
        fill(whole := QVBoxLayout(self), [head, self._stack], theme.size("gutter"))
        whole.setStretch(1, 1)

    @property
    def target(self) -> str:
        """Return the name of the target that the plan is for."""
        return self._target.name if self._target is not None else ""

    def open_for(self, view: TargetView) -> None:
        """Make a plan for the canary's version on a target."""
        self._target = view
        self.release.setText(view.canary_version)
        self.reason.clear()
        self.signs.setChecked(False)
        self.make()

    def make(self) -> None:
        """Ask the engine for the plan as things stand now."""
        if self._target is None:
            return
        name, release = self._target.name, self.release.text().strip() or self._target.canary_version
        self._asked += 1
        asked = self._asked
        self._plan = None
        self._headline.setText(f"Making the plan for {release} on {name}")
        self._subline.setText("reading both sides' versions, then simulating what its stages can see")
        self._stack.setCurrentIndex(0)
        self._around.bridge.ask(
            lambda desk: desk.plan(name, release), lambda plan: self._show(asked, plan), lambda error: self._fail(asked, error), self
        )

    def show_asking(self, asking: bool) -> None:
        """Shut Start while the policy is asked again."""
        if asking:
            self.start.set_locked("asking what will be sent")
        elif self._plan is not None:
            self._show_start(self._plan)

    def _show(self, asked: int, plan: PlanView) -> None:
        if asked != self._asked or self._target is None:
            return
        self._plan = plan
        self._stack.setCurrentIndex(2)
        allowed = plan.decision.allowed
        self._headline.setText(f"{plan.release} is {'ready' if allowed else 'not ready'} for {plan.target}")
        view = self._target
        made = forms.clock(self._around.clock.now())
        brought = any(each.kind == StepKind.PIPELINE.value for each in plan.sends)
        canary = f"canary in place of {view.canary_version} on {view.canary}" if brought else f"canary {view.canary_version}"
        sides = f"{canary} against stable {view.stable_version}"
        self._subline.setText(f"{sides}  ·  {view.environment}  ·  made {made}")
        self._stages_panel.set_aside(f"plan {plan.plan_hash[:4]} {plan.plan_hash[4:8]}")
        self._stages.show_stages(plan.stages)
        self._total.setText(f"{forms.span(plan.total_s)} in all, if every gate passes")
        self._found.setText(plan.found)
        self._not_seen.show_state(State.BLIND if plan.not_seen else None, plan.not_seen)
        self._not_seen_words.setText(plan.not_seen)
        for part in (self._not_seen_row,):
            part.setVisible(bool(plan.not_seen))
        self.detect.show_rows(plan.detect)
        first = sent_at_once(plan.sends)
        rest = len(plan.sends) - len(first)
        self._first.show_view(first)
        self._first_panel.set_aside(f"for the first stage; {rest} follow, each after a pass" if rest else "after Start")
        self._rollback.show_view(plan.rollback)
        self._show_way_back(plan, view)
        self._show_warnings(plan.warnings)
        self._show_start(plan)

    def _show_way_back(self, plan: PlanView, view: TargetView) -> None:
        """Show the light, its reasons and what would be lost; without a light, what the rows say."""
        self._rollback_head.setVisible(plan.readiness is None)
        self._rollback_head.show_state(State.HEALTHY if plan.rollback else State.FAILED, _ready(plan), "rollback")
        self.ready.show_view(plan.readiness, can_rehearse=view.can_rehearse)
        self.rehearse.setVisible(view.can_rehearse)
        self._loses.setText(losses(plan.rollback))
        self._loses.setVisible(bool(self._loses.text()))

    def _show_warnings(self, warnings: tuple[str, ...]) -> None:
        self._warnings_panel.setVisible(bool(warnings))
        shown = warnings[:_SHOWN_WARNINGS]
        rest = len(warnings) - len(shown)
        self._warnings.setText("\n".join(shown) + (f"\n{rest} more" if rest else ""))

    def _show_start(self, plan: PlanView) -> None:
        first = next((stage for stage in plan.stages if stage.weight), None)
        self.start.setText(f"Start, {forms.per_cent(first.weight)} …" if first is not None and first.weight else "Start …")
        reasons = plan.decision.reasons
        self.signs.setVisible(bool(plan.no_way_back))
        self._signs_words.setVisible(bool(plan.no_way_back))
        self._signs_words.setText(plan.no_way_back)
        self.start.set_locked(self._shut(plan))
        self._refused.setVisible(not plan.decision.allowed)
        self._refused_mark.show_state(None if plan.decision.allowed else State.FAILED, "Refused")
        self._refused_words.setText(". ".join(part.rstrip(".") for part in (*reasons, plan.decision.allowed_instead) if part) + ".")

    def _shut(self, plan: PlanView) -> str:
        """Return why Start is shut: the decision, or a signature that is asked for; the policy is asked again at the click."""
        refused = self._around.known.cannot_drive(self._target) if self._target is not None else ""
        if refused:
            return refused
        if plan.no_way_back:
            signed = self.signs.isChecked() and self.reason.text().strip()
            return "" if signed else "sign that there is no way back, with a reason"
        return "" if plan.decision.allowed else (plan.decision.reasons or ("refused",))[0]

    def _sign(self) -> None:
        if self._plan is not None:
            self.start.set_locked(self._shut(self._plan))

    def _fail(self, asked: int, error: ConsoleError) -> None:
        if asked == self._asked:
            self._headline.setText(f"No plan could be made for {self.target}")
            self._subline.setText("")
            self._problem.show_error(error)
            self._stack.setCurrentIndex(1)

    def _start(self) -> None:
        plan, view = self._plan, self._target
        if plan is None or view is None:
            return
        command = Command(
            Verb.START,
            plan.target,
            self._around.actor,
            reason=self.reason.text().strip(),
            release=plan.release,
            plan_hash=plan.plan_hash,
            signs_no_way_back=bool(plan.no_way_back) and self.signs.isChecked(),
        )
        self.started.emit(command, f"Start {plan.release} on {plan.target}")

    def _failure(self) -> QWidget:
        box = QWidget()
        fill(QVBoxLayout(box), [self._problem, -1], 0)
        return box

    def _whole(self) -> QWidget:
        content = QWidget()
        left, middle, right = column([self._left(), -1], 12), column([self._middle(), self._leaves_out(), -1], 12), self._right()
        fill(whole := QHBoxLayout(content), [left, middle, right], theme.size("gutter"))
        for at, share in enumerate((35, 40, 35)):
            whole.setStretch(at, share)
        return Scrolled(content)

    def _left(self) -> QWidget:
        box = QWidget()
        self._stages_panel = Panel("Plan")
        self._stages, self._total = PlanStages(), Label("", "small", "text.2")
        self._stages_panel.body.addWidget(self._stages)
        self._stages_panel.body.addWidget(self._total)
        self._first_panel = Panel("What will be sent first", "after Start")
        self._first = SendList()
        self._first_panel.body.addWidget(self._first)
        fill(QVBoxLayout(box), [self._stages_panel, self._first_panel, self._start_panel()], theme.size("gutter"))
        return box

    def _start_panel(self) -> Panel:
        start = Panel()
        self.reason = QLineEdit()
        self.reason.setPlaceholderText("Reason, for the audit")
        self.reason.setAccessibleName("Reason")
        self.reason.textChanged.connect(self._sign)
        self.signs, self._signs_words = QCheckBox("I sign that this cannot be taken back:"), Label("", "small", "look", wrap=True)
        self.signs.toggled.connect(self._sign)
        self.start = Button("Start …", "forward", tall=True)
        self.start.clicked.connect(self._start)
        self._refused_mark, self._refused_words = MarkLabel("label", 15), Label("", "small", wrap=True)
        self._refused = QWidget()
        fill(QVBoxLayout(self._refused), [self._refused_mark, self._refused_words], 3)
        shown: tuple[QWidget, ...] = (self.signs, self._signs_words, self.reason, self.start, self._refused)
        for part in shown:
            start.body.addWidget(part)
        return start

    def _leaves_out(self) -> Panel:
        self._warnings_panel = Panel("What this plan leaves out")
        self._warnings = Label("", "small", "look", wrap=True)
        self._warnings_panel.body.addWidget(self._warnings)
        return self._warnings_panel

    def _middle(self) -> Panel:
        panel = Panel("What this plan can see", "95 of 100 cases")
        self._found = Label("", wrap=True)
        self._not_seen, self._not_seen_words = MarkLabel("label", 15), Label("", "label", "look", wrap=True)
        self._not_seen.setFixedWidth(18)
        self._not_seen_row = QWidget()
        fill(line := QHBoxLayout(self._not_seen_row), [self._not_seen, self._not_seen_words], 4)
        line.setStretch(1, 1)
        self.detect = DetectList()
        legend = Label(
            "bar: success shares that are found; a pass means that a worse one would have been seen, not proof of health",
            "small",
            "text.3",
            wrap=True,
        )
        for part in (self._found, self._not_seen_row, self.detect, legend):
            panel.body.addWidget(part)
        panel.body.addStretch(1)
        return panel

    def _right(self) -> QVBoxLayout:
        wrong = Panel("If it goes wrong")
        self._rollback_head = MarkLabel("label", 15)
        wrong.head_widget(self._rollback_head)
        self._rollback, self.ready, self._loses = SendList(), ReadinessBox(), Label("", "small", "look", wrap=True)
        self.rehearse = Button("Rehearse …", icon="rewind")
        self.rehearse.clicked.connect(self.rehearsed)
        shown: tuple[QWidget, ...] = (self.ready, self._rollback, self._loses)
        for part in shown:
            wrong.body.addWidget(part)
        wrong.body.addLayout(row([self.rehearse, -1]))
        return column([wrong, -1], theme.size("gutter"))


def sent_at_once(sends: tuple[SendView, ...]) -> tuple[SendView, ...]:
    """Return what Start sends: everything up to the first stage's traffic, since all after it waits for a pass."""
    opens = next((at for at, send in enumerate(sends) if send.stage >= 0), len(sends))
    return sends[: opens + 1]


def _ready(plan: PlanView) -> str:
    if not plan.rollback:
        return "No way back"
    return f"Rollback ready, {forms.span(sum(send.predicted_s for send in plan.rollback))}"
