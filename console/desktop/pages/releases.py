"""The Releases page: rollouts, running ones first, one of them in full; or a plan before its start."""

from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from console.desktop.page import Page, Surroundings
from console.desktop.pages.back_moves import BackMoves
from console.desktop.pages.dialog import AskingWhy
from console.desktop.pages.forward import Forward
from console.desktop.pages.handover import WheelMoves
from console.desktop.pages.laying import page_layout
from console.desktop.pages.plan_pane import PlanPane
from console.desktop.pages.preferences import preferences
from console.desktop.pages.rehearsing import Rehearsing
from console.desktop.pages.rollout_bar import RolloutBar, ordered
from console.desktop.pages.rollout_pane import RolloutPane
from console.desktop.pages.train_card import TrainCard
from console.desktop.pages.train_moves import TrainMoves
from console.desktop.widgets.empty import EmptyState, Loading
from console.desktop.widgets.label import Label
from console.model.commands import Command
from console.model.verbs import State, Verb
from console.model.views import RolloutView, Update

PLAN = "plan:"
"""A subject that begins so opens the plan view of the target named after it."""


class ReleasesPage(Page):
    """Told rollouts; shows the chosen one, else the worst that runs."""

    title = "Releases"

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(around, parent)
        self._shown = ""
        self._started = ""
        self.forward = Forward(around, self)
        self.forward.agreed.connect(self._agreed)
        self.forward.told.connect(self.told)
        self.bar = RolloutBar()
        self.bar.chosen.connect(self.show_subject)
        self.rollout = RolloutPane()
        self.rollout.asked.connect(self._ask)
        self.rollout.sent.connect(self._send)
        self.rollout.audited.connect(lambda: self.went.emit("audit", self._shown))
        self.rollout.planned.connect(self._plan_again)
        self.rollout.cancelled.connect(self._ask_cancel)
        self.rollout.approved.connect(self._ask_approval)
        self.moves = BackMoves(around, self)
        self.moves.told.connect(self.told)
        self.rollout.moved.connect(self._move_step)
        self.wheel = WheelMoves(around, self)
        self.wheel.told.connect(self.told)
        self.rollout.wheel.taken.connect(lambda: self.take_wheel(self._shown))
        self.rollout.wheel.handed_over.connect(self._hand_over)
        self.rollout.absence.read.connect(self._go_on)
        self.plan = PlanPane(around)
        self.plan.started.connect(self._start)
        self.plan.left.connect(self._leave_plan)
        self.rehearsing = Rehearsing(around, self)
        self.rehearsing.told.connect(self.told)
        self.plan.rehearsed.connect(lambda: self.rehearsing.ask(self.plan.target))
        self.forward.asking.connect(self.plan.show_asking)
        self.forward.asking.connect(self.rollout.next.show_asking)
        self.train, self.train_moves = TrainCard(), TrainMoves(around, self)
        self.train_moves.told.connect(self.told)
        self.train.held.connect(self.train_moves.hold)
        self.train.resumed.connect(self.train_moves.resume)
        self.train.rolled_back.connect(self.train_moves.roll_back)
        self.train.chosen.connect(self.show_subject)
        self._empty = self._nothing()
        self._stack = QStackedWidget()
        for shown in (Loading(6), self._empty, self.rollout, self.plan):
            self._stack.addWidget(shown)
        layout = page_layout(self)
        layout.addWidget(self.bar)
        layout.addWidget(self.train)
        layout.addWidget(self._stack, 1)
        preferences().changed.connect(self._take_preferences)
        self._take_preferences()

    def show_update(self, update: Update) -> None:
        """Show changed rollouts; a plan that was just started makes way for its rollout."""
        views = ordered(self.around.known.rollouts.values())
        if self._planning and self._started:
            found = self.around.known.rollout_of(self._started)
            if found is not None and not found.phase.over:
                self._show_rollout(found)
        if not self._planning:
            shown = self.around.known.rollouts.get(self._shown) or (views[0] if views else None)
            changed = {view.id for view in update.rollouts}
            if shown is None:
                self._stack.setCurrentIndex(1 if self.around.bridge.desk is not None else 0)
            elif shown.id in changed or shown.id != self._shown or self._stack.currentIndex() != 2:
                self._show_rollout(shown)
        self.bar.show_rollouts(views, "" if self._planning else self._shown)
        self._show_train()
        self.badge_changed.emit(sum(1 for view in views if view.state in {State.FAILED, State.UNKNOWN} and not view.phase.over))

    def show_subject(self, subject: str) -> None:
        """Show a rollout by id, a target's rollout by its name, or a target's plan."""
        known = self.around.known
        if subject.startswith(PLAN):
            view = known.targets.get(subject.removeprefix(PLAN))
            if view is not None:
                self._started = ""
                self.switch(self._stack, self.plan)
                self.plan.open_for(view)
                self.selected.emit(view.name)
        else:
            found = known.rollouts.get(subject) or known.rollout_of(subject)
            if found is not None:
                self._show_rollout(found)
        self.bar.show_rollouts(ordered(known.rollouts.values()), "" if self._planning else self._shown)
        self._show_train()
        self.place_changed.emit()

    def place(self) -> tuple[str, str]:
        """Return what is shown: a plan or a rollout."""
        if self._planning:
            return f"{self.plan.target}  ›  plan", "before its start"
        shown = self.around.known.rollouts.get(self._shown)
        return (f"{shown.target}  ›  {shown.title}", f"rollout {shown.id}") if shown is not None else (self.title, "none yet")

    def shows_rollout(self, _rollout: str) -> bool:
        """Tell whether this rollout is the one on screen."""
        return not self._planning and _rollout == self._shown

    def take_wheel(self, rollout: str) -> None:
        """Ask whether this console takes the wheel of a rollout, with the handover card."""
        view = self.around.known.rollouts.get(rollout)
        if view is not None:
            self.wheel.take(view)

    @property
    def _planning(self) -> bool:
        return self._stack.currentWidget() is self.plan

    def _nothing(self) -> QWidget:
        box = QWidget()
        empty = EmptyState("No release was started yet. Choose a target and plan one: nothing is sent before you start it.", "Open targets")
        empty.pressed.connect(lambda: self.went.emit("targets", ""))
        inside = QVBoxLayout(box)
        inside.addWidget(Label("Releases", "title"))
        inside.addWidget(empty)
        inside.addStretch(1)
        return box

    def _show_rollout(self, view: RolloutView) -> None:
        fresh = view.id != self._shown or self._planning
        self._shown = view.id
        self.switch(self._stack, self.rollout)
        self.rollout.show_view(view, self.around.known.lost_wheel(view))
        if fresh:
            self.selected.emit(view.target)
            self.place_changed.emit()

    def _show_train(self) -> None:
        """Show the train of the rollout on screen over it."""
        self.train.show_view(None if self._planning else self.around.known.train_of(self._shown), self._shown)

    def _command(self, verb: Verb) -> Command | None:
        view = self.around.known.rollouts.get(self._shown)
        return Command(verb, view.target, self.around.actor, rollout=view.id) if view is not None else None

    def _send(self, verb: Verb) -> None:
        command = self._command(verb)
        if command is not None:
            self.act.emit(command)

    def _ask(self, verb: Verb) -> None:
        command, view = self._command(verb), self.around.known.rollouts.get(self._shown)
        if command is not None and view is not None:
            self.forward.begin(command, f"{verb.capitalize()} {view.title} on {view.target}", view.environment)

    def _start(self, command: Command, title: str) -> None:
        view = self.around.known.targets.get(command.target)
        if view is not None:
            self.forward.begin(command, title, view.environment)

    def _agreed(self, command: Command) -> None:
        self._started = command.target if command.verb is Verb.START else ""
        self.act.emit(command)

    def _plan_again(self) -> None:
        view = self.around.known.rollouts.get(self._shown)
        if view is not None:
            self.show_subject(PLAN + view.target)

    def _leave_plan(self) -> None:
        self._stack.setCurrentIndex(1)
        self.show_update(Update(rollouts=tuple(self.around.known.rollouts.values())))
        self.went.emit("targets", self.plan.target)

    def _ask_cancel(self) -> None:
        view = self.around.known.rollouts.get(self._shown)
        if view is None:
            return
        text = "The running command is ended and its stage counts as cancelled. The rollout then stands held."
        dialog = AskingWhy("Cancel the pipeline's run?", text, "Cancel the run", "act", self)
        dialog.cancel.setText("Let it run")
        dialog.reasoned.connect(
            lambda why: self.around.bridge.ask(
                lambda desk: desk.cancel_pipeline(view.id, why), lambda _: dialog.accept(), dialog.show_problem, dialog
            )
        )
        dialog.open()

    def _ask_approval(self, gate: str, name: str) -> None:
        view = self.around.known.rollouts.get(self._shown)
        if view is None:
            return
        text = f"{name}: the pipeline's run waits for a person and goes on once you approve. The reason is sent with it."
        dialog = AskingWhy("Approve the gate?", text, "Approve", "act", self)
        dialog.reasoned.connect(
            lambda why: self.around.bridge.ask(
                lambda desk: desk.approve_gate(view.id, gate, why), lambda _: dialog.accept(), dialog.show_problem, dialog
            )
        )
        dialog.open()

    def _move_step(self, seq: int, move: str) -> None:
        view = self.around.known.rollouts.get(self._shown)
        if view is not None:
            self.moves.move(view, seq, move)

    def _hand_over(self) -> None:
        view = self.around.known.rollouts.get(self._shown)
        if view is not None:
            self.wheel.hand_over(view)

    def _go_on(self) -> None:
        self.rollout.absence.show_absence(None)
        rollout = self._shown
        self.around.bridge.ask(lambda desk: desk.seen_absence(rollout))

    def _take_preferences(self) -> None:
        self.rollout.act.set_reduced_motion(preferences().reduced_motion)
