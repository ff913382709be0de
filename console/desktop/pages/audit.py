"""The Audit page: every record newest first, brought page by page, with filter, detail, verification and export."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QPoint, QRectF, Qt
from PySide6.QtGui import QPainter, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from console.desktop import forms, theme
from console.desktop.page import Page, Surroundings
from console.desktop.pages import audit_model as col
from console.desktop.pages.audit_filter import AuditFilterBar
from console.desktop.pages.audit_model import AuditModel, Deliver, Index
from console.desktop.pages.audit_record import RecordPanel
from console.desktop.pages.audit_verify import VerifyCard
from console.desktop.pages.exporting import ExportButton
from console.desktop.pages.giving_table import GivingTable
from console.desktop.pages.laying import column, page_layout, row
from console.desktop.pages.waiting_note import WaitingNote
from console.desktop.widgets.age import ticker
from console.desktop.widgets.empty import EmptyState, Loading, ProblemPanel
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import RIGHT, write
from console.model.audit import AuditFilter, Record, RecordKind
from console.model.errors import ConsoleError
from console.model.verbs import State
from console.model.views import Problem, Update

_WIDTHS = {col.NO: 62, col.WHEN: 118, col.WHO: 98, col.WHAT: 172, col.TARGET: 116, col.ROLLOUT: 86, col.RESULT: 110}
_EVERY = 3


def mark_of(record: Record) -> State | None:
    """Return the mark that stands before a record's verb: only where a person should stop."""
    result = record.entry.result.lower()
    if "unknown" in result:
        return State.UNKNOWN
    if record.entry.kind is RecordKind.REFUSAL or "fail" in result:
        return State.FAILED
    if record.entry.kind is RecordKind.FREEZE:
        return State.FROZEN
    return State.HEALTHY if result in {"confirmed", "pass", "ok", "done"} else None


class _Delegate(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        record = index.data(Qt.ItemDataRole.UserRole)
        box = QRectF(option.rect)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, theme.colour("bg.selected"))
        box.adjust(7, 0, -7, 0)
        text = str(index.data() or "")
        if index.column() == col.NO:
            write(painter, box, (text, "caption", "text.3"), RIGHT)
        elif index.column() == col.RESULT:
            state = mark_of(record)
            if state is not None:
                paint_mark(painter, state, QRectF(box.left(), box.center().y() - 6, 12, 12))
                box.adjust(18, 0, 0, 0)
            write(painter, box, (text, "small", theme.state_token(state) if state is not None else "text.2"))
        else:
            write(
                painter,
                box,
                (text, "small.strong" if index.column() == col.WHAT else "small", "text" if index.column() < col.ROLLOUT else "text.2"),
            )
        painter.restore()


class AuditPage(Page):
    """A table that never loads all, and one record in full."""

    title = "Audit"

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(around, parent)
        self._begun = False
        self._failed = False
        self._ticks = 0
        self.filter = AuditFilterBar()
        self.filter.changed.connect(self._restart)
        self.model = AuditModel(self._fetch, lambda record: forms.local(record.entry.at).strftime("%d %b %H:%M:%S"), self)
        self.model.arrived.connect(self._arrived)
        self.table = self._table()
        self._problem = ProblemPanel()
        self._empty = EmptyState("No record passes the filter.", "Clear the filter")
        self._empty.pressed.connect(self.filter.empty)
        self._loading = Loading()
        self._stack = QStackedWidget()
        for shown in (self._loading, self.table, self._empty, self._problem):
            self._stack.addWidget(shown)
        self.record = RecordPanel(around)
        self.verify = VerifyCard(around)
        self.verify.bad_found.connect(self._open_record)
        self.verify.told.connect(self.told)
        self.waiting = WaitingNote()
        self.export = ExportButton(around, lambda: self.filter.filter(around.clock.now()), lambda: self.record.rollout)
        self.export.told.connect(self.told)
        self._count = Label("", "small", "text.3")
        side = column([self.record, self.verify], theme.size("gutter"))
        side.setStretch(0, 1)
        frame = QWidget()
        frame.setLayout(side)
        frame.setFixedWidth(theme.size("inspector") + 60)
        left = column([self.waiting, self._stack, row([self._count, -1, self.export])], 8)
        layout = page_layout(self)
        layout.addWidget(self.filter)
        layout.addLayout(row([left, frame], theme.size("gutter")), 1)
        ticker().ticked.connect(self._tick)

    def show_update(self, _update: Update) -> None:
        """Offer changed targets in the filter."""
        self.filter.show_targets(sorted(self.around.known.targets))

    def show_subject(self, subject: str) -> None:
        """Show the records of a target or a rollout."""
        if subject in self.around.known.targets:
            self.filter.narrow_to(target=subject)
        elif subject:
            self.filter.narrow_to(rollout=subject)

    def place(self) -> tuple[str, str]:
        """Return the title with what the table is narrowed to."""
        return self.title, "narrowed" if self.filter.narrowing else "every record, newest first"

    def focus_filter(self) -> None:
        """Put the keyboard into the search."""
        self.filter.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.text.selectAll()

    def showEvent(self, event: QShowEvent) -> None:
        """Bring the newest records when the page is first shown, and look for newer ones afterwards."""
        super().showEvent(event)
        self._ask_records()
        self.verify.load()
        if not self._begun:
            self._begun = True
            self.model.restart()
        else:
            self.model.look_for_newer()

    def _table(self) -> GivingTable:
        table = GivingTable(_WIDTHS, (col.ROLLOUT, col.WHO, col.NO), 150)
        table.setModel(self.model)
        self._delegate = _Delegate()
        table.setItemDelegate(self._delegate)
        table.setAccessibleName("Audit records, newest first")
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(theme.size("plan_row_small"))
        table.lay_columns(col.WHY)
        table.selectionModel().currentRowChanged.connect(self._choose)
        return table

    def _fetch(self, before: int | None, limit: int, deliver: Deliver, failed: Callable[[], None]) -> None:
        chosen = self.filter.filter(self.around.clock.now())

        def fail(error: ConsoleError) -> None:
            self._problem.show_view(Problem(error.message, error.means, error.advice, self.around.clock.now()))
            self._stack.setCurrentWidget(self._problem)
            failed()

        def done(records: Sequence[Record]) -> None:
            self._failed = False
            deliver(records)

        self._failed = True
        self.around.bridge.ask(lambda desk: desk.audit_page(chosen, before, limit), done, fail, self)

    def _restart(self) -> None:
        self.place_changed.emit()
        if self._begun:
            self.model.restart()

    def _arrived(self) -> None:
        if self._failed:
            self._count.setText("")
            return
        count = self.model.rowCount()
        self._stack.setCurrentWidget(self.table if count else self._empty)
        self._count.setText(f"{count:,} records" if self.model.complete else f"{count:,} records brought so far, older ones as you scroll")
        if count and not self.table.currentIndex().isValid():
            self.table.selectRow(0)
        if not count:
            self.record.show_view(None)

    def _open_record(self, seq: int) -> None:
        def show(records: Sequence[Record]) -> None:
            if records and records[0].seq == seq:
                self.record.show_view(records[0])

        self.around.bridge.ask(lambda desk: desk.audit_page(AuditFilter(), seq + 1, 1), show, owner=self)

    def _ask_records(self) -> None:
        """Look how many records wait outside of the list."""
        self.around.bridge.ask(lambda desk: desk.records(), self.waiting.show_view, lambda _: None, self)

    def _choose(self, now: QModelIndex, _before: QModelIndex) -> None:
        self.record.show_view(self.model.record(now.row()))

    def _tick(self) -> None:
        self._ticks += 1
        if self._ticks % _EVERY or not self.isVisible() or not self._begun:
            return
        self._ask_records()
        if self.table.indexAt(QPoint(1, 1)).row() <= 0:
            self.model.look_for_newer()
