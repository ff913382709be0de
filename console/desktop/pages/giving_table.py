"""A table whose least needed columns give way when it is narrow, and which opens a row with Enter."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from console.desktop import theme


class GivingTable(QTableView):
    """`widths` are the columns' fixed widths; the one column without a width takes the rest, never less than `least` px.

    Columns of `give_way` go first, in that order: what they say stands in the panel beside the table too.
    """

    entered_row = Signal()

    def __init__(self, widths: Mapping[int, int], give_way: Sequence[int], least: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._widths, self._give_way, self._least = dict(widths), tuple(give_way), least
        self.setObjectName("panel")
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(12)
        head = self.horizontalHeader()
        head.setFixedHeight(theme.size("table_head"))
        head.setHighlightSections(False)
        head.setSectionsClickable(False)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def lay_columns(self, stretched: int) -> None:
        """Give the columns their widths; call it once the model is set."""
        head = self.horizontalHeader()
        for column, width in self._widths.items():
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            self.setColumnWidth(column, width)
        head.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open the chosen row with Enter."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.entered_row.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Hide the columns that do not fit."""
        super().resizeEvent(event)
        room = self.viewport().width() - self._least - sum(self._widths.values())
        for column in self._give_way:
            self.setColumnHidden(column, room < 0)
            if room < 0:
                room += self._widths[column]
