"""The Targets page: the first start while nothing is connected, then all targets worst first with one of them in detail."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QStackedLayout, QStackedWidget, QWidget

from console.desktop.page import Page, Surroundings
from console.desktop.pages.add_target import yaml_files
from console.desktop.pages.adding import Adding
from console.desktop.pages.connect import ConnectTarget
from console.desktop.pages.first_start import FirstStart
from console.desktop.pages.laying import page_layout, row
from console.desktop.pages.preferences import preferences
from console.desktop.pages.rehearsing import Rehearsing
from console.desktop.pages.target_moves import TargetMoves
from console.desktop.pages.target_order import Group
from console.desktop.pages.target_panel import TargetPanel
from console.desktop.pages.targets_table import TargetsTable
from console.desktop.pages.workloads_pane import WorkloadsPane
from console.desktop.widgets.age import ticker
from console.desktop.widgets.empty import Loading
from console.model.audit import AuditFilter, Record
from console.model.errors import ConsoleError
from console.model.views import Notice, TargetView, Update

CONNECT = "connect:"
"""The subject that opens the wizard."""

PRACTICE_SPEED = 20.0
"""How much faster than a real shop the practice shop runs."""


class TargetsPage(Page):
    """Targets by state; a page composes the table and the panel."""

    title = "Targets"
    _progressed = Signal(str)
    """What the practice shop is doing while it opens; told from the engine's thread."""

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(around, parent)
        self._name = ""
        self._wanted = ""
        self.wizard: ConnectTarget | None = None
        self.setAcceptDrops(True)
        self.adding = Adding(around, self)
        self.adding.told.connect(self.told)
        self.adding.added.connect(self._expect)
        self.moves = TargetMoves(around, self)
        self.moves.told.connect(self.told)
        self.moves.agreed.connect(self.act)
        self.rehearsing = Rehearsing(around, self)
        self.rehearsing.told.connect(self.told)
        self._stack = QStackedLayout(self)
        self._left = QStackedWidget()
        self._loading = Loading()
        self.first = self._first_start()
        self._fleet = self._fleet_page()
        for shown in (self._loading, self.first, self._fleet):
            self._stack.addWidget(shown)
        ticker().ticked.connect(self._tick)
        preferences().changed.connect(self._take_preferences)
        self._take_preferences()
        around.bridge.attached.connect(self._look_around)
        if around.bridge.desk is not None:
            self._look_around()

    def show_update(self, _update: Update) -> None:
        """Show changed targets, and the first start when there are none."""
        targets = self.around.known.targets
        if self.wizard is not None:
            self._fill_table()
        elif not targets:
            ready = self.around.bridge.desk is not None
            self._stack.setCurrentWidget(self.first if ready else self._loading)
        else:
            self._stack.setCurrentWidget(self._fleet)
            self._fill_table()
        self.badge_changed.emit(self.table.model.count(Group.PERSON) if targets else 0)
        self.place_changed.emit()

    def show_subject(self, subject: str) -> None:
        """Choose a target by name, or open the wizard."""
        if subject == CONNECT:
            self.connect_target()
            return
        self._wanted = subject
        self._choose_one()

    def connect_target(self) -> None:
        """Open the wizard that makes a target; one that is open stays as it is."""
        if self.wizard is None:
            self.wizard = ConnectTarget(self.around, self)
            self.wizard.closed.connect(self._end_wizard)
            self.wizard.connected.connect(self._was_connected)
            self.wizard.armed.connect(self._arm_connected)
            self._stack.addWidget(self.wizard)
        self._stack.setCurrentWidget(self.wizard)
        self.place_changed.emit()

    def place(self) -> tuple[str, str]:
        """Return the title with the number of targets."""
        count = len(self.around.known.targets)
        if self.wizard is not None:
            return self.title, "connecting one"
        return self.title, "none yet" if not count else f"{count:,}, worst first"

    def focus_filter(self) -> None:
        """Put the keyboard into the filter."""
        self.table.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.table.filter.selectAll()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Welcome target files anywhere on the page."""
        if yaml_files(event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Take target files."""
        files = yaml_files(event.mimeData().urls())
        if files:
            event.acceptProposedAction()
            self.adding.take(files)

    def _first_start(self) -> FirstStart:
        made = FirstStart()
        made.practice.opened.connect(lambda scenario, start: self.open_practice(scenario, PRACTICE_SPEED, start=start))
        self._progressed.connect(made.practice.show_progress)
        made.adding.asked.connect(self.adding.choose)
        made.adding.wizard.clicked.connect(self.connect_target)
        made.adding.chosen.connect(lambda files: self.adding.take(tuple(Path(file) for file in files)))
        return made

    def _fleet_page(self) -> QWidget:
        whole = QWidget()
        self.table = TargetsTable(self.around.clock.now)
        self.table.chosen.connect(self._choose)
        self.table.opened.connect(self._open)
        self.table.add.clicked.connect(self.adding.choose)
        self.table.connect_one.clicked.connect(self.connect_target)
        self.table.practice.clicked.connect(lambda: self.open_practice(self.first.practice.scenario, PRACTICE_SPEED, start=False))
        self.panel = TargetPanel()
        self.panel.opened.connect(self._open)
        self.panel.planned.connect(lambda: self.went.emit("releases", f"plan:{self._name}"))
        for signal, move in (
            (self.panel.switched, self.moves.switch),
            (self.panel.armed, self.moves.arm),
            (self.panel.trusted, self.moves.trust),
            (self.panel.removed, self.moves.remove),
            (self.panel.rehearsed, lambda view: self.rehearsing.ask(view.name)),
            (self.panel.channels.tested, self._test_channels),
        ):
            signal.connect(lambda move=move: self._with_view(move))
        self.workloads = WorkloadsPane(self.around)
        self.workloads.told.connect(self.told)
        self.workloads.agreed.connect(self.act)
        self.workloads.closed.connect(lambda: self.switch(self._left, self.table))
        self.panel.inspected.connect(lambda: self._with_view(self._inspect))
        self._left.addWidget(self.table)
        self._left.addWidget(self.workloads)
        page_layout(whole).addLayout(row([self._left, self.panel], 12))
        return whole

    def _inspect(self, view: TargetView) -> None:
        """Show what runs on a target in the place of the table."""
        self.switch(self._left, self.workloads)
        self.workloads.show_target(view)

    def _test_channels(self, view: TargetView) -> None:
        box, name = self.panel.channels, view.name
        box.busy()
        self.around.bridge.ask(
            lambda desk: desk.test_channels(name),
            lambda tried: box.show_tried(name, tried),
            lambda error: box.show_problem(name, error),
            box,
        )

    def _fill_table(self) -> None:
        self.table.show_targets(tuple(self.around.known.targets.values()))
        self._choose_one()

    def _end_wizard(self) -> None:
        wizard, self.wizard = self.wizard, None
        if wizard is not None:
            self._stack.removeWidget(wizard)
            wizard.deleteLater()
        self.show_update(Update())

    def _was_connected(self, name: str) -> None:
        self._end_wizard()
        self._expect(name)

    def _arm_connected(self, name: str) -> None:
        """Ask whether the new target is to be armed, beside its detail."""
        self._was_connected(name)
        view = self.around.known.targets.get(name)
        if view is not None:
            self.moves.arm(view)

    def _choose_one(self) -> None:
        known = self.around.known.targets
        name = next((found for found in (self._wanted, self._name) if found in known), "") or self.table.first()
        if name == self._wanted:
            self._wanted = ""
        self.table.select(name)
        if name:
            self._choose(name)

    def _choose(self, name: str) -> None:
        view = self.around.known.targets.get(name)
        if view is None:
            return
        if name != self._name:
            self._name = name
            self.selected.emit(name)
        self._show_panel(view)

    def _show_panel(self, view: TargetView) -> None:
        rollout = self.around.known.rollout_of(view.name)
        self.workloads.show_rollout(rollout)
        self.panel.show_view(view, rollout.wheel if rollout else None, self.around.clock.now(), self.around.known.cannot_drive(view))

    def _open(self) -> None:
        view = self.around.known.targets.get(self._name)
        if view is not None and view.rollout:
            self.went.emit("releases", view.rollout)

    def _with_view(self, move: Callable[[TargetView], None]) -> None:
        view = self.around.known.targets.get(self._name)
        if view is not None:
            move(view)

    def _expect(self, name: str) -> None:
        self._wanted = name
        self._choose_one()

    def open_practice(self, scenario: str, speed: float, *, start: bool) -> None:
        """Open the practice shop, tell how far it is, then show its target, or its rollout when that was started too."""
        self.first.practice.show_opening()
        self.table.practice.setEnabled(False)
        self.around.bridge.ask(
            lambda desk: desk.open_practice(scenario, speed, start=start, progress=self._progressed.emit),
            lambda name: self._practice_opened(name, started=start),
            self._practice_failed,
            self,
        )

    def _practice_opened(self, name: str, *, started: bool) -> None:
        self.first.practice.show_closed()
        self.table.practice.setEnabled(True)
        self._expect(name)
        self.selected.emit(name)
        self.went.emit("releases" if started else "targets", name)

    def _practice_failed(self, error: ConsoleError) -> None:
        self.first.practice.show_closed(str(error))
        self.table.practice.setEnabled(True)
        if self.around.known.targets:
            self.told.emit(Notice(self.around.clock.now(), "fail", "The practice shop could not be opened", str(error)))

    def _look_around(self) -> None:
        bridge = self.around.bridge
        bridge.ask(lambda desk: desk.secrets(), self.first.show_secrets, self._no_facts)
        bridge.ask(lambda desk: desk.audit_page(AuditFilter(), None, 1), self._first_record, self._no_facts)

    def _first_record(self, records: Sequence[Record]) -> None:
        self.first.show_first_record(records[0] if records else None)

    def _no_facts(self, error: ConsoleError) -> None:
        self.told.emit(Notice(self.around.clock.now(), "fail", "The console could not look at its own records", str(error)))

    def _take_preferences(self) -> None:
        self.table.set_row_height(preferences().row_height)

    def _tick(self) -> None:
        if self.isVisible() and self._stack.currentWidget() is self._fleet:
            self.table.age()
            view = self.around.known.targets.get(self._name)
            if view is not None:
                self._show_panel(view)
