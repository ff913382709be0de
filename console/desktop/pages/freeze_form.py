"""The form for a new freeze window: what it says, when it freezes, what it covers, and its next three occurrences before saving."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import available_timezones

from PySide6.QtCore import QDate, QDateTime, QSignalBlocker, Qt, QTime, QTimeZone, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDateTimeEdit,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTimeEdit,
    QVBoxLayout,
    QWidget,
)

from console.desktop.pages.freeze_draft import Draft, problems, window_of
from console.desktop.pages.freeze_words import DAYS, covers_words, occurrence_words
from console.desktop.pages.laying import Card, Scrolled, column, fill, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.model.errors import ConsoleError
from console.model.freeze import FreezeWindow, Occurrence
from console.policy.freezing import active, upcoming

_FORMAT = "ddd d MMM yyyy HH:mm"
FIELDS = ("name", "owner", "reason", "zone", "span", "targets")


def next_three(window: FreezeWindow, now: datetime) -> tuple[Occurrence, ...]:
    """Return the occurrence that holds now, if one does, and those that come, three in all."""
    holding = active(window, now)
    coming = upcoming(window, now, 3)
    return ((holding,) if holding is not None else ()) + coming[: 2 if holding else 3]


class FreezeForm(Card):
    """`saved` carries a FreezeWindow; `closed` means that nothing is to be saved."""

    saved = Signal(object)
    closed = Signal()

    def __init__(self, now: Callable[[], datetime], owner: str, parent: QWidget | None = None) -> None:
        super().__init__(pad=14, parent=parent)
        self._now = now
        self._owner = owner
        self._told = False
        self._problems = {field: Label("", "caption", "fail", wrap=True) for field in FIELDS}
        self.body.addWidget(Label("New freeze window", "section"))
        content = QWidget()
        inside = QVBoxLayout(content)
        fill(inside, self._fields(), 4)
        inside.setContentsMargins(2, 0, 8, 2)
        self.body.addWidget(Scrolled(content), 1)
        self._failure = Label("", "small", "fail", wrap=True)
        self._failure.hide()
        self.save = Button("Save freeze", "forward")
        self.save.clicked.connect(self._save)
        self.cancel = Button("Cancel")
        self.cancel.clicked.connect(self.closed)
        self.body.addWidget(self._failure)
        self.body.addLayout(row([self.save, self.cancel, -1]))
        self._connect()
        self.reset()

    def reset(self) -> None:
        """Empty the form: an hour from now for an hour, here, for every target."""
        self._told = False
        start = (self._now().astimezone().replace(tzinfo=None) + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
        self.name.clear()
        self.reason.clear()
        self.owner.setText(self._owner)
        self.zone.setCurrentText(bytes(QTimeZone.systemTimeZoneId().data()).decode() or "UTC")
        self.first.setDateTime(_moment_of(start))
        self.last.setDateTime(_moment_of(start + timedelta(hours=1)))
        self.start.setTime(QTime(18, 0))
        self.end.setTime(QTime(6, 0))
        self.once.setChecked(True)
        for day in self.days:
            day.setChecked(False)
        self.scope.setCurrentIndex(0)
        self.failed(None)
        self._look()

    def show_targets(self, names: Sequence[str]) -> None:
        """Offer these targets; those that were ticked stay ticked."""
        shown = [self.picker.item(at).text() for at in range(self.picker.count())]
        if list(names) == shown:
            return
        ticked = set(self._ticked())
        with QSignalBlocker(self.picker):
            self.picker.clear()
            for name in names:
                item = QListWidgetItem(name)
                item.setCheckState(Qt.CheckState.Checked if name in ticked else Qt.CheckState.Unchecked)
                self.picker.addItem(item)
        self._look()

    def failed(self, error: ConsoleError | None) -> None:
        """Say why the window could not be saved; what was typed stays."""
        self._failure.setText("" if error is None else str(error))
        self._failure.setVisible(error is not None)
        self.save.setEnabled(True)

    def draft(self) -> Draft:
        """Return what is typed."""
        return Draft(
            name=self.name.text(),
            owner=self.owner.text(),
            reason=self.reason.text(),
            zone=self.zone.currentText(),
            weekly=self.weekly.isChecked(),
            first=_wall(self.first.dateTime()),
            last=_wall(self.last.dateTime()),
            days=frozenset(day for day, button in enumerate(self.days) if button.isChecked()),
            start=_time(self.start.time()),
            end=_time(self.end.time()),
            targets=None if self.scope.currentIndex() == 0 else self._ticked(),
        )

    def _fields(self) -> list[QWidget | QHBoxLayout | QVBoxLayout | int]:
        self.name, self.owner, self.reason = (_line(text) for text in ("Name", "Owner", "Reason"))
        self.zone = QComboBox()
        self.zone.setEditable(True)
        self.zone.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.zone.setMinimumContentsLength(8)
        self.zone.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.zone.addItems(sorted(available_timezones()))
        self.zone.setAccessibleName("Time zone")
        self._make_span()
        self.scope = QComboBox()
        self.scope.addItems(["Every target", "Chosen targets"])
        self.scope.setAccessibleName("Covers")
        self.picker = QListWidget()
        self.picker.setAccessibleName("Targets covered")
        self.picker.setFixedHeight(92)
        self._covers = Label("", "caption", "text.2", wrap=True)
        self._next = Label("", "caption", "text.2", wrap=True)
        wrong = self._problems
        return [
            row([_name("Name"), self.name]), wrong["name"], row([_name("Owner"), self.owner]), wrong["owner"],
            row([_name("Reason"), self.reason]), wrong["reason"], row([_name("Zone"), self.zone]), wrong["zone"],
            row([_name("When"), row([self.once, self.weekly], 0), -1]), self._once_row, self._week_row, wrong["span"],
            row([_name("Covers"), self.scope]), self.picker, self._covers, wrong["targets"],
            column([Label("Next three", "small.strong"), self._next], 2), -1,
        ]  # fmt: skip

    def _make_span(self) -> None:
        self.once, self.weekly = Button("Once", "segment"), Button("Every week", "segment")
        for button in (self.once, self.weekly):
            button.setAutoExclusive(True)
        self.first, self.last = _moment("Starts"), _moment("Ends")
        self.start, self.end = _clock("Starts"), _clock("Ends")
        self._once_row, self._week_row = QWidget(), QWidget()
        fill(QVBoxLayout(self._once_row), [row([_name("from"), self.first]), row([_name("to"), self.last])], 4)
        self.days = [_day(name) for name in DAYS]
        fill(
            QVBoxLayout(self._week_row),
            [row(self.days, 3), row([_name("from"), self.start, Label("to", "small", "text.3"), self.end, -1])],
            6,
        )

    def _connect(self) -> None:
        for line in (self.name, self.owner, self.reason):
            line.textChanged.connect(self._look)
        self.zone.currentTextChanged.connect(self._look)
        self.scope.currentIndexChanged.connect(self._look)
        self.picker.itemChanged.connect(self._look)
        for button in (self.once, self.weekly, *self.days):
            button.toggled.connect(self._look)
        for edit in (self.first, self.last):
            edit.dateTimeChanged.connect(self._look)
        for clock in (self.start, self.end):
            clock.timeChanged.connect(self._look)

    def _ticked(self) -> tuple[str, ...]:
        items = (self.picker.item(at) for at in range(self.picker.count()))
        return tuple(item.text() for item in items if item.checkState() is Qt.CheckState.Checked)

    def _look(self) -> None:
        draft = self.draft()
        wrong = problems(draft, self._now())
        self._once_row.setVisible(not draft.weekly)
        self._week_row.setVisible(draft.weekly)
        self.picker.setVisible(draft.targets is not None)
        every = tuple(self.picker.item(at).text() for at in range(self.picker.count()))
        self._covers.setText(covers_words(every if draft.targets is None else draft.targets, every=draft.targets is None))
        for field, label in self._problems.items():
            words = wrong.get(field, "") if self._told or field in {"zone", "span"} else ""
            label.setText(words)
            label.setVisible(bool(words))
        self._next.setText(self._coming(draft, blocked=bool({"zone", "span"} & set(wrong))))

    def _coming(self, draft: Draft, *, blocked: bool) -> str:
        if blocked:
            return "shown once zone and time are right"
        found = next_three(window_of(draft, "draft"), self._now())
        return "\n".join(" · ".join(part for part in occurrence_words(one) if part) for one in found) or "none in the coming weeks"

    def _save(self) -> None:
        draft = self.draft()
        wrong = problems(draft, self._now())
        self._told = True
        self._look()
        if wrong:
            first = next(field for field in FIELDS if field in wrong)
            inputs = {"name": self.name, "owner": self.owner, "reason": self.reason, "zone": self.zone, "targets": self.picker}
            inputs.get(first, self.first if self.once.isChecked() else self.days[0]).setFocus()
            return
        self.save.setEnabled(False)
        self.saved.emit(window_of(draft, uuid4().hex))


def _name(text: str) -> Label:
    label = Label(text, "small", "text.3")
    label.setFixedWidth(46)
    return label


def _line(name: str) -> QLineEdit:
    line = QLineEdit()
    line.setAccessibleName(name)
    line.setMaxLength(200)
    return line


def _moment(name: str) -> QDateTimeEdit:
    edit = QDateTimeEdit()
    edit.setAccessibleName(name)
    edit.setDisplayFormat(_FORMAT)
    edit.setCalendarPopup(True)
    edit.setMinimumWidth(120)
    edit.setTimeZone(QTimeZone(QTimeZone.Initialization.UTC))  # a wall time of any zone: none may be skipped here
    return edit


def _clock(name: str) -> QTimeEdit:
    edit = QTimeEdit()
    edit.setAccessibleName(name)
    edit.setButtonSymbols(QTimeEdit.ButtonSymbols.NoButtons)
    edit.setDisplayFormat("HH:mm")
    return edit


def _day(name: str) -> Button:
    button = Button(name[:2], "segment")
    button.setAccessibleName(name)
    button.setMinimumWidth(30)
    return button


def _moment_of(wall: datetime) -> QDateTime:
    day, clock = QDate(wall.year, wall.month, wall.day), QTime(wall.hour, wall.minute)
    return QDateTime(day, clock, QTimeZone(QTimeZone.Initialization.UTC))


def _wall(moment: QDateTime) -> datetime:
    day = moment.date()
    return datetime.combine(date(day.year(), day.month(), day.day()), _time(moment.time()))


def _time(clock: QTime) -> time:
    return time(clock.hour(), clock.minute())
