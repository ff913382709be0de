"""Shows every mistake in a target file at once: line, field, what was found, what is wanted, the nearest known key."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from console.desktop import theme
from console.desktop.pages.dialog import Asking
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label, plain_tip
from console.model.desk import FileProblem

HEADS = ("Line", "Field", "Found", "Wanted", "Nearest")


def as_text(problems: Sequence[FileProblem]) -> str:
    """Return the mistakes as lines of text, as a compiler writes them."""
    return "\n".join(
        f"{p.path}:{p.line}: {p.field}: found {p.found}, wanted {p.wanted}" + (f"; nearest {p.nearest}" if p.nearest else "")
        for p in problems
    )


class BadFileDialog(Asking):
    """The mistakes of one file; `answered` asks to read the file again."""

    def __init__(self, path: Path, problems: Sequence[FileProblem], parent: QWidget | None = None) -> None:
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        super().__init__(
            f"{path.name} has {count}", "Nothing was taken in. Mend all of them, then read the file again.", "Read it again", parent=parent
        )
        self._problems = tuple(problems)
        self.setMinimumSize(820, 360)
        where = Label(str(path), "mono", "text.2", elide=True)
        self.body.addWidget(where)
        self.table = self._table()
        self.body.addWidget(self.table, 1)
        copy = Button("Copy all", icon="copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(as_text(self._problems)))
        edit = Button("Open the file", icon="file")
        edit.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))))
        self.foot.insertWidget(0, copy)
        self.foot.insertWidget(1, edit)
        self.cancel.setText("Close")

    def _table(self) -> QTableWidget:
        table = QTableWidget(len(self._problems), len(HEADS))
        table.setHorizontalHeaderLabels(list(HEADS))
        table.setAccessibleName("Mistakes")
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(theme.size("plan_row"))
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        for at, problem in enumerate(self._problems):
            cells = (str(problem.line) if problem.line else "–", problem.field, problem.found, problem.wanted, problem.nearest or "–")
            for column, text in enumerate(cells):
                table.setItem(at, column, _cell(text, mono=column in {1, 2, 4}))
        head = table.horizontalHeader()
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column, width in enumerate((52, 190, 150, 0, 130)):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive if width else QHeaderView.ResizeMode.Stretch)
            if width:
                table.setColumnWidth(column, width)
        return table


def _cell(text: str, *, mono: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setFont(theme.font("mono" if mono else "small"))
    item.setToolTip(plain_tip(text))
    return item
