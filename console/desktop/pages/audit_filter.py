"""The audit's filter: kind, target, rollout, who, words and a span of time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from console.desktop import icons
from console.desktop.pages.laying import fill, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.model.audit import AuditFilter, RecordKind

SPANS = (("any time", None), ("last hour", 1), ("today", 0), ("last 24 h", 24), ("last 7 days", 168), ("from … to …", -1))
_WAIT_MS = 250


def moment_from(text: str) -> datetime | None:
    """Return the instant that a person typed as local time, `2026-11-24 10:10` or a day alone; None when it is none.

    A zone written with it is taken as it stands.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found.astimezone(UTC)


class AuditFilterBar(QWidget):
    """`changed` says that `filter` gives another answer; typing waits a moment."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(_WAIT_MS)
        self._wait.timeout.connect(self.changed)
        self.text = _line("Search in all fields", 200)
        self.text.addAction(icons.icon("search", 15, "text.3"), QLineEdit.ActionPosition.LeadingPosition)
        self.kind = _combo("Kind")
        self.kind.addItem("every kind", None)
        for kind in RecordKind:
            self.kind.addItem(str(kind), kind)
        self.target = _combo("Target")
        self.target.addItem("every target", "")
        self.rollout, self.actor = _line("Rollout", 110), _line("Who", 110)
        self.span = _combo("Time")
        for words, hours in SPANS:
            self.span.addItem(words, hours)
        self.since, self.until = _line("from 2026-11-24 10:00", 160), _line("to, or now", 160)
        self._wrong = Label("", "small", "fail")
        self.clear = Button("Clear", "quiet", "x")
        self.clear.clicked.connect(self.empty)
        self._between = QWidget()
        fill(QVBoxLayout(self._between), [row([Label("between", "small", "text.3"), self.since, self.until, self._wrong, -1])], 0)
        self._between.hide()
        top = row([self.text, self.kind, self.target, self.rollout, self.actor, self.span, self.clear, -1], 6)
        fill(QVBoxLayout(self), [top, self._between], 6)
        self._connect()

    def show_targets(self, names: Sequence[str]) -> None:
        """Offer these targets."""
        chosen = self.target.currentData()
        wanted = ["", *sorted(names)] + ([chosen] if chosen and chosen not in names else [])
        if wanted == [self.target.itemData(at) for at in range(self.target.count())]:
            return
        self.target.blockSignals(True)
        self.target.clear()
        for name in wanted:
            self.target.addItem(name or "every target", name)
        self.target.setCurrentIndex(max(0, self.target.findData(chosen)))
        self.target.blockSignals(False)

    def narrow_to(self, *, target: str = "", rollout: str = "") -> None:
        """Show one target's or one rollout's records."""
        self.empty()
        self.rollout.setText(rollout)
        if target:
            self.show_targets([target, *(str(self.target.itemData(at)) for at in range(1, self.target.count()))])
            self.target.setCurrentIndex(self.target.findData(target))

    def empty(self) -> None:
        """Show everything again."""
        for line in (self.text, self.rollout, self.actor, self.since, self.until):
            line.clear()
        for box in (self.kind, self.target, self.span):
            box.setCurrentIndex(0)

    def filter(self, now: datetime) -> AuditFilter:
        """Return what is chosen."""
        kind = self.kind.currentData()
        since, until = self._times(now)
        return AuditFilter(
            kinds=frozenset({kind}) if kind is not None else frozenset(),
            target=self.target.currentData() or "",
            rollout=self.rollout.text().strip(),
            actor=self.actor.text().strip(),
            text=self.text.text().strip(),
            since=since,
            until=until,
        )

    @property
    def narrowing(self) -> bool:
        """Tell whether something is left out."""
        lines = any(line.text().strip() for line in (self.text, self.rollout, self.actor))
        return lines or any(box.currentIndex() for box in (self.kind, self.target, self.span))

    def _times(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        hours = self.span.currentData()
        if hours is None:
            return None, None
        if hours == 0:
            return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC), None
        if hours > 0:
            return now - timedelta(hours=hours), None
        return moment_from(self.since.text()), moment_from(self.until.text())

    def _connect(self) -> None:
        for line in (self.text, self.rollout, self.actor, self.since, self.until):
            line.textChanged.connect(self._soon)
        for box in (self.kind, self.target, self.span):
            box.currentIndexChanged.connect(self._soon)

    def _soon(self) -> None:
        self._between.setVisible(self.span.currentData() == -1)
        wrong = [line for line in (self.since, self.until) if line.text().strip() and moment_from(line.text()) is None]
        self._wrong.setText("write it as 2026-11-24 10:10" if wrong else "")
        if not wrong:
            self._wait.start()


def _line(name: str, width: int) -> QLineEdit:
    line = QLineEdit()
    line.setPlaceholderText(name)
    line.setAccessibleName(name)
    line.setClearButtonEnabled(True)
    line.setFixedWidth(width)
    return line


def _combo(name: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    return box
