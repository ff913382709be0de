"""Brings audit records to a table a page at a time, newest first, and never all of them."""

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from console.desktop.pages.headed import HeadedModel
from console.model.audit import Record, RecordKind

Index = QModelIndex | QPersistentModelIndex
Deliver = Callable[[Sequence[Record]], None]
Fetch = Callable[[int | None, int, Deliver, Callable[[], None]], None]
"""Asks for at most `limit` records before a number and delivers them later, on the Qt thread; the last argument is called on failure."""

PAGE = 200
HEADS = ("No.", "When", "Who", "What", "Target", "Rollout", "Result", "Why")
NO, WHEN, WHO, WHAT, TARGET, ROLLOUT, RESULT, WHY = range(8)


class AuditModel(HeadedModel):
    """The records that were brought so far. A newer request makes the answers to older ones void."""

    heads = HEADS

    arrived = Signal()

    def __init__(self, fetch: Fetch, when: Callable[[Record], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._fetch = fetch
        self._when = when
        self._rows: list[Record] = []
        self._more = False
        self._asking = False
        self._generation = 0

    def restart(self) -> None:
        """Drop what is shown and begin again at the newest record."""
        self.beginResetModel()
        self._rows = []
        self._more = True
        self._generation += 1
        self._asking = False
        self.endResetModel()
        self.fetchMore(QModelIndex())

    def look_for_newer(self) -> None:
        """Ask for the newest page and put what is not yet shown on top, leaving the rest where it is."""
        if self._asking or not self._rows:
            if not self._asking:
                self.restart()
            return
        self._ask(None, self._put_on_top)

    def record(self, row: int) -> Record | None:
        """Return the record in a row."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    @property
    def asking(self) -> bool:
        """Tell whether an answer is awaited."""
        return self._asking

    @property
    def complete(self) -> bool:
        """Tell whether the oldest record that fits is among the rows."""
        return not self._more

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        """Return how many records were brought so far."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(HEADS)

    def canFetchMore(self, parent: Index) -> bool:
        """Tell the view whether older records may exist."""
        return not parent.isValid() and self._more and not self._asking

    def fetchMore(self, parent: Index) -> None:
        """Ask for the page before the oldest record shown."""
        if not parent.isValid() and self._more and not self._asking:
            self._ask(self._rows[-1].seq if self._rows else None, self._put_below)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's text; UserRole gives the record."""
        record = self.record(index.row())
        if record is None:
            return None
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return cell_text(record, index.column(), self._when)
        if role == Qt.ItemDataRole.UserRole:
            return record
        return None

    def _ask(self, before: int | None, put: Deliver) -> None:
        self._asking = True
        generation = self._generation

        def deliver(records: Sequence[Record]) -> None:
            if generation == self._generation:
                self._asking = False
                put(records)
                self.arrived.emit()

        def failed() -> None:
            if generation == self._generation:
                self._asking = False
                self._more = False
                self.arrived.emit()

        self._fetch(before, PAGE, deliver, failed)

    def _put_below(self, records: Sequence[Record]) -> None:
        self._more = len(records) >= PAGE
        if records:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(records) - 1)
            self._rows.extend(records)
            self.endInsertRows()

    def _put_on_top(self, records: Sequence[Record]) -> None:
        newest = self._rows[0].seq if self._rows else -1
        fresh = [record for record in records if record.seq > newest]
        if len(fresh) >= PAGE:
            self.restart()
        elif fresh:
            self.beginInsertRows(QModelIndex(), 0, len(fresh) - 1)
            self._rows[:0] = fresh
            self.endInsertRows()


def cell_text(record: Record, column: int, when: Callable[[Record], str]) -> str:
    """Return what a column says of a record."""
    entry = record.entry
    texts: dict[int, Callable[[], str]] = {
        NO: lambda: f"{record.seq:,}",
        WHEN: lambda: when(record),
        WHO: lambda: entry.actor.name,
        WHAT: lambda: f"{entry.kind} · {entry.verb}" if entry.verb and entry.verb != str(entry.kind) else str(entry.kind),
        TARGET: lambda: entry.target,
        ROLLOUT: lambda: entry.rollout,
        RESULT: lambda: entry.result or ("freeze" if entry.kind is RecordKind.FREEZE else ""),
        WHY: lambda: entry.reason,
    }
    return texts[column]()
