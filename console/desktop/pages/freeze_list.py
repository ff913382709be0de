"""The list of freeze windows: state now, name, when, what comes next, whom it covers and where it was made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRectF, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from console.desktop import forms, theme
from console.desktop.pages.freeze_words import occurrence_words, span_words, zone_short
from console.desktop.pages.giving_table import GivingTable
from console.desktop.pages.headed import HeadedModel
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import write
from console.model.verbs import State
from console.model.views import FreezeRow

Index = QModelIndex | QPersistentModelIndex
HEADS = ("Now", "Window", "Freezes", "Next", "Covers", "Owner", "Made in")
NOW, NAME, WHEN, NEXT, COVERS, OWNER, ORIGIN = range(7)
_WIDTHS = {NOW: 136, NAME: 132, NEXT: 176, COVERS: 86, OWNER: 112, ORIGIN: 74}
ROW = Qt.ItemDataRole.UserRole


def now_words(row: FreezeRow, now: datetime) -> tuple[State, str]:
    """Return the mark and words of a window now: in force until when, or planned."""
    if row.now is not None:
        return State.FROZEN, f"until {forms.day_minute(row.now.end, now)}"
    return State.PLANNED, "Planned" if row.upcoming else "Over"


class FreezeModel(HeadedModel):
    """Windows in force first, then by their next occurrence."""

    heads = HEADS

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[FreezeRow, ...] = ()
        self._at: datetime | None = None
        self._count = 0

    def show_rows(self, rows: Sequence[FreezeRow], at: datetime, targets: int) -> None:
        """Show these windows at an instant; `targets` is how many targets there are in all."""
        ordered = sorted(
            rows, key=lambda row: (row.now is None, row.upcoming[0].start.timestamp() if row.upcoming else float("inf"), row.window.name)
        )
        same = [row.window.id for row in ordered] == [row.window.id for row in self._rows]
        if same:
            self._rows, self._at, self._count = tuple(ordered), at, targets
            if ordered:
                self.dataChanged.emit(self.index(0, 0), self.index(len(ordered) - 1, ORIGIN))
        else:
            self.beginResetModel()
            self._rows, self._at, self._count = tuple(ordered), at, targets
            self.endResetModel()

    def row(self, at: int) -> FreezeRow | None:
        """Return the window in a row."""
        return self._rows[at] if 0 <= at < len(self._rows) else None

    def row_of(self, window_id: str) -> int:
        """Return the row of a window, -1 when it is gone."""
        return next((at for at, row in enumerate(self._rows) if row.window.id == window_id), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        """Return the number of windows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(HEADS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's text; ROW gives the window."""
        row = self.row(index.row())
        if row is None or self._at is None:
            return None
        if role == ROW:
            return row
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return self._texts(row, self._at)[index.column()]
        return None

    def _texts(self, row: FreezeRow, at: datetime) -> tuple[str, ...]:
        window = row.window
        following = next((found for found in row.upcoming if found.start > at), None)
        return (
            now_words(row, at)[1],
            window.name,
            f"{span_words(window)} {zone_short(window.zone)}",
            occurrence_words(following)[0] if following else "–",
            "every target" if not window.targets else f"{len(row.covers)} of {self._count}",
            window.owner,
            "file" if window.origin == "file" else "console",
        )


class _Delegate(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW)
        box = QRectF(option.rect)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, theme.colour("bg.selected"))
        box.adjust(8, 0, -6, 0)
        text = str(index.data())
        if index.column() == NOW and row is not None:
            state = State.FROZEN if row.now is not None else State.PLANNED
            paint_mark(painter, state, QRectF(box.left(), box.center().y() - 6.5, 13, 13))
            write(painter, box.adjusted(20, 0, 0, 0), (text, "small.strong", theme.state_token(state)))
        else:
            write(
                painter, box, (text, "small.strong" if index.column() == NAME else "small", "text" if index.column() <= NEXT else "text.2")
            )
        painter.restore()


class FreezeTable(GivingTable):
    """Windows as rows; `chosen` carries a window's id."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_WIDTHS, (ORIGIN, OWNER, COVERS), 190, parent)
        self.freezes = FreezeModel(self)
        self._delegate = _Delegate()
        self.setModel(self.freezes)
        self.setItemDelegate(self._delegate)
        self.setAccessibleName("Freeze windows, in force first")
        self.verticalHeader().setDefaultSectionSize(theme.size("plan_row"))
        self.lay_columns(WHEN)
        self.selectionModel().currentRowChanged.connect(self._current)

    def select(self, window_id: str) -> None:
        """Choose a window, or the first one when it is gone."""
        at = max(0, self.freezes.row_of(window_id))
        if self.currentIndex().row() != at and self.freezes.rowCount():
            self.selectRow(at)

    def _current(self, now: QModelIndex, _before: QModelIndex) -> None:
        row = self.freezes.row(now.row())
        if row is not None:
            self.chosen.emit(row.window.id)
