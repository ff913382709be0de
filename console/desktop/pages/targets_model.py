"""Keeps the table of targets: in groups, worst first, changed in place so that selection and scrolling stay."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt

from console.desktop.pages.headed import HeadedModel
from console.desktop.pages.target_order import Group, Head, Line, Place, lines, place_of
from console.model.verbs import State
from console.model.views import TargetView

Index = QModelIndex | QPersistentModelIndex

HEADS = (
    "State",
    "Target",
    "Stable → canary",
    "Traffic",
    "Asked / read back",
    "Gate, or what is wrong",
    "Requests",
    "Freeze",
    "Writes",
    "Age",
)
STATE, TARGET, VERSIONS, TRAFFIC, WEIGHT, GATE, REQUESTS, FREEZE, WRITES, AGE = range(10)
LINE = Qt.ItemDataRole.UserRole


class TargetsModel(HeadedModel):
    """Lines of the table: heads of groups, and targets under them. `LINE` gives the head or the view of a row."""

    heads = HEADS

    def __init__(self, spoken: Callable[[TargetView], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._spoken = spoken
        self._views: dict[str, TargetView] = {}
        self._places: dict[str, Place] = {}
        self._lines: list[Line] = []
        self._rows: dict[str, int] = {}
        self._text = ""
        self._states: frozenset[State] = frozenset()

    def show(self, views: Iterable[TargetView]) -> bool:
        """Show these targets and no others; tell whether any of them may stand elsewhere now, or only rows have changed."""
        before, self._views = self._views, {view.name: view for view in views}
        changed = [view for name, view in self._views.items() if before.get(name) is not view]
        places = {view.name: place_of(view) for view in changed}
        if len(before) == len(self._views) and all(self._places.get(name) == place for name, place in places.items()):
            self._replace(changed)
            return False
        self._places = {name: places.get(name) or self._places[name] for name in self._views}
        self._arrange()
        return True

    def count(self, group: Group) -> int:
        """Return how many targets are in a group, whether they pass the filter or not."""
        return sum(1 for place in self._places.values() if place.group is group)

    def narrow(self, text: str, states: frozenset[State]) -> None:
        """Keep only targets that hold every word and are in one of these states (all, when empty)."""
        self._text, self._states = text, states
        self._arrange()

    def age(self, _now: datetime) -> None:
        """Repaint ages."""
        if self._lines:
            self.dataChanged.emit(self.index(0, AGE), self.index(len(self._lines) - 1, AGE))

    @property
    def shown(self) -> int:
        """Return how many targets pass the filter."""
        return sum(1 for line in self._lines if not isinstance(line, Head))

    def line(self, row: int) -> Line | None:
        """Return what stands in a row."""
        return self._lines[row] if 0 <= row < len(self._lines) else None

    def row_of(self, name: str) -> int:
        """Return the row of a target, -1 when it is not shown."""
        return self._rows.get(name, -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        """Return the number of lines, heads included."""
        return 0 if parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(HEADS)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Let targets be chosen, heads not."""
        if isinstance(self.line(index.row()), Head):
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the line of a row, and what a screen reader says of it."""
        line = self.line(index.row())
        if line is None:
            return None
        if role == LINE:
            return line
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{line.group}, {line.count}" if isinstance(line, Head) else self._spoken(line)
        if role == Qt.ItemDataRole.ToolTipRole and not isinstance(line, Head) and index.column() in {STATE, GATE}:
            return line.gate_text if index.column() == GATE else line.state_text
        return None

    def _arrange(self) -> None:
        fresh = list(lines(self._views.values(), self._text, self._states))
        if [_key(line) for line in fresh] != [_key(line) for line in self._lines]:
            self._reorder(fresh)
            return
        old, self._lines = self._lines, fresh
        for row, (before, after) in enumerate(zip(old, fresh, strict=True)):
            if before is not after:
                self.dataChanged.emit(self.index(row, 0), self.index(row, AGE))

    def _replace(self, views: Iterable[TargetView]) -> None:
        """Show newer views in the rows where their targets stand."""
        for view in views:
            row = self._rows.get(view.name)
            if row is not None:
                self._lines[row] = view
                self.dataChanged.emit(self.index(row, 0), self.index(row, AGE))

    def _reorder(self, fresh: list[Line]) -> None:
        self.layoutAboutToBeChanged.emit()
        kept = [(index, _key(self._lines[index.row()])) for index in self.persistentIndexList()]
        self._lines = fresh
        rows = {_key(line): row for row, line in enumerate(fresh)}
        self._rows = {line.name: row for row, line in enumerate(fresh) if not isinstance(line, Head)}
        for index, key in kept:
            row = rows.get(key, -1)
            self.changePersistentIndex(index, self.index(row, index.column()) if row >= 0 else QModelIndex())
        self.layoutChanged.emit()


def _key(line: Line) -> str:
    return f"group {line.group}" if isinstance(line, Head) else f"target {line.name}"
