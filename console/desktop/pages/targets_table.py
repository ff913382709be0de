"""The table of targets with its filter, its chips by state and what adds another target."""

from collections.abc import Callable, Sequence
from datetime import datetime

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from console.desktop import icons, theme
from console.desktop.pages import targets_model as col
from console.desktop.pages.giving_table import GivingTable
from console.desktop.pages.laying import fill, row
from console.desktop.pages.mark_pill import MarkPill
from console.desktop.pages.target_order import Head, counts
from console.desktop.pages.targets_delegate import TargetsDelegate, spoken
from console.desktop.pages.targets_model import TargetsModel
from console.desktop.widgets.button import Button
from console.desktop.widgets.empty import EmptyState
from console.desktop.widgets.label import Label
from console.model.verbs import State
from console.model.views import TargetView

_WIDTHS = {
    col.STATE: 108,
    col.TARGET: 122,
    col.VERSIONS: 104,
    col.TRAFFIC: 70,
    col.WEIGHT: 112,
    col.REQUESTS: 84,
    col.FREEZE: 106,
    col.WRITES: 92,
    col.AGE: 44,
}
_GIVE_WAY = (col.REQUESTS, col.WRITES, col.TRAFFIC)
"""Columns that go first when the table is narrow; what they say is in the panel too."""
_GATE_LEAST = 146
_NARROW, _LEAST = 900, 600


class TargetsTable(QWidget):
    """Told all targets; tells which one is chosen or opened."""

    chosen = Signal(str)
    opened = Signal()

    def __init__(self, now: Callable[[], datetime], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._views: tuple[TargetView, ...] = ()
        self._states: frozenset[State] = frozenset()
        self._chips: dict[State, Button] = {}
        self._row_height = theme.size("table_head") - 2
        self.model = TargetsModel(spoken, self)
        self.view = self._make_view(now)
        self._nothing = EmptyState("No target passes the filter.", "Show all")
        self._nothing.pressed.connect(self.clear)
        self._nothing.hide()
        whole = QVBoxLayout(self)
        fill(whole, [self._bar(), self.view, self._nothing], 8)
        self.setMinimumWidth(_LEAST)  # what is behind another page, and was never given a size, must not widen the window

    def show_targets(self, views: Sequence[TargetView]) -> None:
        """Show these targets."""
        self._views = tuple(views)
        if not self.model.show(views) and views:
            return
        self.filter.setPlaceholderText(f"Filter {len(views):,} target{'s' if len(views) != 1 else ''}")
        self._show_chips()
        self._fit()

    def select(self, name: str) -> None:
        """Mark a target's row as chosen."""
        at = self.model.row_of(name)
        current = self.view.currentIndex()
        if at >= 0 and current.row() != at:
            index = self.model.index(at, 0)
            mode = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.view.selectionModel().setCurrentIndex(index, mode)

    def first(self) -> str:
        """Return the worst target's name, "" when there is none."""
        lines = (self.model.line(at) for at in range(self.model.rowCount()))
        return next((line.name for line in lines if line is not None and not isinstance(line, Head)), "")

    def age(self) -> None:
        """Move the ages."""
        self.model.age(self._now())

    def clear(self) -> None:
        """Show all targets again."""
        self._states = frozenset()
        for chip in self._chips.values():
            chip.setChecked(False)
        self.filter.clear()
        self._narrow()

    def set_row_height(self, height: int) -> None:
        """Show rows of another height: dense, normal or roomy."""
        self._row_height = height
        self.view.verticalHeader().setDefaultSectionSize(height)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten filter and buttons where there is little room, and show as many chips as fit, worst first."""
        super().resizeEvent(event)
        narrow = event.size().width() < _NARROW
        self.filter.setFixedWidth(168 if narrow else 240)
        self._slash.setVisible(not narrow)
        self.practice.setText("" if narrow else "Practice shop")
        self.add.setText("" if narrow else "Add a file")
        self._fit_chips()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go from the filter into the table with the Down key, and empty it with Escape."""
        if watched is self.filter and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Down:
                self.view.setFocus()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.clear()
                return True
        return super().eventFilter(watched, event)

    def _make_view(self, now: Callable[[], datetime]) -> GivingTable:
        view = GivingTable(_WIDTHS, _GIVE_WAY, _GATE_LEAST)
        view.setModel(self.model)
        self._delegate = TargetsDelegate(now)
        view.setItemDelegate(self._delegate)
        view.setAccessibleName("Targets, worst first")
        view.verticalHeader().setDefaultSectionSize(self._row_height)
        view.lay_columns(col.GATE)
        view.selectionModel().currentRowChanged.connect(self._current)
        view.doubleClicked.connect(self.opened)
        view.entered_row.connect(self.opened)
        return view

    def _bar(self) -> QHBoxLayout:
        self.filter = QLineEdit()
        self.filter.setAccessibleName("Filter targets")
        self.filter.setFixedWidth(240)
        self.filter.setClearButtonEnabled(True)
        self.filter.addAction(icons.icon("search", 15, "text.3"), QLineEdit.ActionPosition.LeadingPosition)
        self.filter.textChanged.connect(self._narrow)
        self.filter.installEventFilter(self)
        self._slash = Label("/", "caption", "text.3")
        self._slash.setToolTip("The key / puts the keyboard here")
        self._chip_row = QHBoxLayout()
        self._chip_row.setSpacing(6)
        self.practice = Button("Practice shop", "quiet", "play")
        self.practice.setAccessibleName("Open the practice shop")
        self.practice.setToolTip("Open the practice shop")
        self.connect_one = Button("Connect a target …", icon="plus")
        self.connect_one.setToolTip("Find out what a service has, and make a target of it (Ctrl N)")
        self.add = Button("Add a file", "quiet", "file")
        self.add.setAccessibleName("Add a target's file")
        self.add.setShortcut("Ctrl+O")
        self.add.setToolTip("Choose target files, or drop them on this page (Ctrl O)")
        return row([self.filter, self._slash, 2, self._chip_row, -1, self.practice, self.add, self.connect_one])

    def _show_chips(self) -> None:
        found = dict(counts(self._views))
        for state, chip in self._chips.items():
            chip.setVisible(state in found or chip.isChecked())
        for place, (state, count) in enumerate(found.items()):
            chip = self._chips.get(state) or self._new_chip(state)
            text = f"{count:,} {theme.state_word(state).lower()}"
            if chip.text() != text:
                chip.setText(text)
            if self._chip_row.indexOf(chip) != place:
                self._chip_row.insertWidget(place, chip)
        self._fit_chips()

    def _fit_chips(self) -> None:
        taken = (
            self.filter.width() + self.practice.sizeHint().width() + self.add.sizeHint().width() + self.connect_one.sizeHint().width() + 68
        )
        room = self.width() - taken
        for state in dict(counts(self._views)):
            chip = self._chips[state]
            room -= chip.sizeHint().width() + 6
            chip.setVisible(room >= 0 or chip.isChecked())

    def _new_chip(self, state: State) -> Button:
        chip = MarkPill(state)
        chip.setToolTip(f"Show only targets that are {theme.state_word(state).lower()}")
        chip.toggled.connect(lambda on: self._toggle(state, on=on))
        self._chips[state] = chip
        return chip

    def _toggle(self, state: State, *, on: bool) -> None:
        self._states = self._states | {state} if on else self._states - {state}
        self._narrow()

    def _narrow(self) -> None:
        self.model.narrow(self.filter.text(), self._states)
        self._fit()

    def _fit(self) -> None:
        self._nothing.setVisible(self.model.shown == 0)
        self.view.setVisible(self.model.shown > 0)
        for at in range(self.model.rowCount()):
            height = theme.size("group_head") if isinstance(self.model.line(at), Head) else self._row_height
            if self.view.rowHeight(at) != height:
                self.view.setRowHeight(at, height)

    def _current(self, now: QModelIndex, _before: QModelIndex) -> None:
        line = self.model.line(now.row())
        if line is not None and not isinstance(line, Head):
            self.chosen.emit(line.name)
