"""The command palette: type a few letters, see what will be sent, go there or send it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from console.desktop import icons, theme
from console.desktop.scoring import Match, match
from console.desktop.widgets.label import Hairline, Label
from console.desktop.widgets.mark import mark_pixmap
from console.desktop.widgets.painted import CENTRE, RIGHT, card, metrics, width_of, write
from console.desktop.widgets.sends import SendList
from console.desktop.widgets.veil import Veil
from console.model.verbs import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.model.views import SendView

TOP, MOST, ROWS_SHOWN, HEAD = 92, 50, 11, 26
GROUPS = ("Backward, always allowed", "Forward", "Open")


class Choice(NamedTuple):
    """A line: `group` one of GROUPS, `go` opens it, `send` sends it at once (backward verbs only). With a `refusal` it can't be chosen."""

    group: str
    text: str
    go: Callable[[], None]
    aside: str = ""
    icon: str = ""
    state: State | None = None
    key: str = ""
    refusal: str = ""
    send: Callable[[], None] | None = None
    sends: tuple[SendView, ...] = ()


class _Row(NamedTuple):
    choice: Choice | None
    title: str
    at: tuple[int, ...]


def ranked(choices: Sequence[Choice], typed: str) -> list[tuple[Choice, Match]]:
    """Return the choices that fit, by group, then those that can be chosen, then best first, at most MOST.

    With nothing typed, what can't be chosen is left out: it would only hide the rest.
    """
    if not typed.strip():
        found = [(choice, Match(0, ())) for choice in choices if not choice.refusal]
    else:
        found = [(choice, fit) for choice in choices if (fit := match(typed, choice.text)) is not None]
    found.sort(key=lambda pair: (GROUPS.index(pair[0].group), bool(pair[0].refusal), -pair[1].score))
    return found[:MOST]


class _Rows(QAbstractListModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[_Row] = []

    def show_found(self, found: Sequence[tuple[Choice, Match]]) -> None:
        self.beginResetModel()
        self.rows, last = [], ""
        for choice, fit in found:
            if choice.group != last:
                self.rows.append(_Row(None, choice.group, ()))
                last = choice.group
            self.rows.append(_Row(choice, choice.text, fit.at))
        self.endResetModel()

    def rowCount(self, _parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return len(self.rows)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> object:
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.AccessibleTextRole and row.choice is not None:
            return ", ".join(part for part in (row.title, row.choice.aside, row.choice.refusal) if part)
        return row.title if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole) else None

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        choice = self.rows[index.row()].choice
        if choice is None or choice.refusal:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, _option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        model = index.model()
        head = isinstance(model, _Rows) and model.rows[index.row()].choice is None
        return QSize(200, HEAD if head else theme.pair("palette")[1])

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        model = index.model()
        if not isinstance(model, _Rows):
            return
        row = model.rows[index.row()]
        box = QRectF(option.rect)
        if row.choice is None:
            write(painter, box.adjusted(16, 4, -16, 0), (row.title, "small.strong", "text.2"))
            return
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, theme.colour("bg.selected"))
            painter.fillRect(QRectF(box.left(), box.top(), 3, box.height()), theme.colour("accent"))
        self._paint_choice(painter, box, row, row.choice)

    def _paint_choice(self, painter: QPainter, box: QRectF, row: _Row, choice: Choice) -> None:
        off = bool(choice.refusal)
        picture = icons.pixmap("lock", 15, "text.3") if off else None
        if picture is None:
            picture = (
                mark_pixmap(choice.state, 15) if choice.state is not None else icons.pixmap(choice.icon or "chevron-right", 15, "text")
            )
        painter.drawPixmap(round(box.left()) + 17, round(box.center().y() - 7.5), picture)
        right = box.right() - 16
        if choice.key:
            wide = width_of(choice.key, "caption") + 10
            cap = QRectF(right - wide, box.center().y() - 9, wide, 18)
            card(painter, cap, theme.colour("bg.panel"), theme.colour("line"), 3.0)
            write(painter, cap, (choice.key, "caption", "text.2"), CENTRE)
        aside = choice.refusal or choice.aside
        room = min(300.0, width_of(aside, "body") + 2)
        write(painter, QRectF(right - 64 - room, box.top(), room, box.height()), (aside, "body", "wait" if off else "text.2"), RIGHT)
        self._paint_words(painter, QRectF(box.left() + 48, box.top(), right - 64 - room - 60 - box.left(), box.height()), row, off=off)

    def _paint_words(self, painter: QPainter, box: QRectF, row: _Row, *, off: bool) -> None:
        font, found = metrics("body.medium"), set(row.at)
        painter.setFont(theme.font("body.medium"))
        x, at = box.left(), 0
        text = font.elidedText(row.title, Qt.TextElideMode.ElideRight, box.width())
        while at < len(text):
            end = at
            while end < len(text) and (end in found) == (at in found):
                end += 1
            painter.setPen(theme.colour("accent" if at in found else "text.3" if off else "text"))
            painter.drawText(QRectF(x, box.top(), box.right() - x + 4, box.height()), Qt.AlignmentFlag.AlignVCenter, text[at:end])
            x += font.horizontalAdvance(text[at:end])
            at = end


class Palette(Veil):
    """A field, the lines that fit, and at the foot what will be sent."""

    sent = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, theme.pair("palette")[0], TOP)
        self._choices: Sequence[Choice] = ()
        self.body.setContentsMargins(1, 1, 1, 8)
        self.body.setSpacing(0)
        self.field = QLineEdit()
        self.field.setObjectName("palette")
        self.field.setFont(theme.font("lead.plain"))
        self.field.setPlaceholderText("What to do, or where to go")
        self.field.setAccessibleName("Command palette")
        self.field.textChanged.connect(self._find)
        self.field.installEventFilter(self)
        self._count = Label("", "small", "text.2")
        self._rows = _Rows(self)
        self.list = QListView()
        self.list.setModel(self._rows)
        self.list.setItemDelegate(_Delegate(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.clicked.connect(lambda _index: self._go())
        self.list.selectionModel().currentChanged.connect(lambda _now, _before: self._foot())
        self._sends = SendList(small=True)
        self._hint = Label("Enter opens it.  Ctrl Enter sends it now, backward verbs only.", "small", "text.2")
        self._build()

    def open_with(self, choices: Sequence[Choice]) -> None:
        """Open with everything that can be chosen now."""
        self._choices = choices
        self.field.clear()
        self._find("")
        self.open()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let arrows and Enter work while the keyboard is in the field."""
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and self._key(event):
            return True
        return super().eventFilter(watched, event)

    def chosen(self) -> Choice | None:
        """Return the line that is marked."""
        index = self.list.currentIndex()
        return self._rows.rows[index.row()].choice if index.isValid() else None

    def _key(self, event: QKeyEvent) -> bool:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8}
        if event.key() in steps:
            self._move(steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._go(now=bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
        elif event.key() == Qt.Key.Key_Escape:
            self.shut()
        else:
            return False
        return True

    def _find(self, typed: str) -> None:
        found = ranked(self._choices, typed)
        self._rows.show_found(found)
        self._count.setText(f"{len(found)} of {len(self._choices)}")
        high = theme.pair("palette")[1]
        self.list.setFixedHeight(min(ROWS_SHOWN * high, sum(HEAD if row.choice is None else high for row in self._rows.rows)) + 4)
        self._move(0)

    def _move(self, step: int) -> None:
        free = [n for n, row in enumerate(self._rows.rows) if row.choice is not None and not row.choice.refusal]
        if not free:
            self._foot()
            return
        now = self.list.currentIndex().row()
        place = free.index(now) + step if now in free and step else 0
        self.list.setCurrentIndex(self._rows.index(free[max(0, min(len(free) - 1, place))], 0))

    def _foot(self) -> None:
        chosen = self.chosen()
        rows = chosen.sends if chosen is not None else ()
        self._sends.show_view(rows)
        self._below.setVisible(bool(rows))
        self.place()

    def _go(self, *, now: bool = False) -> None:
        chosen = self.chosen()
        if chosen is None or chosen.refusal:
            return
        self.shut()
        if now and chosen.send is not None:
            chosen.send()
            self.sent.emit()
        else:
            chosen.go()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(16, 0, 16, 0)
        glass = Label()
        glass.setPixmap(icons.pixmap("search", 16, "text.2"))
        head.addWidget(glass)
        head.addWidget(self.field, 1)
        head.addWidget(self._count)
        self._below = QWidget()
        foot = QHBoxLayout(self._below)
        foot.setContentsMargins(16, 6, 16, 6)
        foot.addWidget(self._sends)
        hint = QHBoxLayout()
        hint.setContentsMargins(16, 8, 16, 2)
        hint.addWidget(self._hint)
        self.body.addLayout(head)
        self.body.addWidget(Hairline())
        self.body.addWidget(self.list)
        self.body.addWidget(self._below)
        self.body.addWidget(Hairline())
        self.body.addLayout(hint)
