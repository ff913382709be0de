"""Peak traffic: the measured rate of each target against its declared peak, and whether forward is closed by it."""

from collections.abc import Mapping

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from console.desktop import forms, theme
from console.desktop.pages.laying import fill, row
from console.desktop.widgets.age import AgeLabel
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.painted import Painted, card
from console.desktop.widgets.panel import Panel
from console.model.freeze import TrafficNow
from console.model.verbs import State

LIMIT_S = 120.0
"""The age from which on measured traffic counts as unknown."""
_SHOWN = 4


def peak_words(traffic: TrafficNow) -> tuple[State, str, str]:
    """Return mark, word and the sentence of a target's traffic."""
    rule = f"closes at {forms.per_cent(traffic.close_at * 100)}, opens under {forms.per_cent(traffic.open_at * 100)}"
    if traffic.share is None:
        return State.NO_DATA, "Unknown", f"not measured, so forward is held; {rule}"
    measured = f"{forms.per_cent(traffic.share * 100)} of {forms.number(traffic.peak_per_min)} a minute; {rule}"
    return (State.FROZEN, "Closed", measured) if traffic.closed else (State.HEALTHY, "Open", measured)


class _Gauge(Painted):
    """The share of the peak as a bar, with a tick at each threshold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._traffic: TrafficNow | None = None
        self.setFixedSize(QSize(150, 12))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_view(self, traffic: TrafficNow) -> None:
        """Show measured traffic."""
        self._traffic = traffic
        self.setAccessibleName(peak_words(traffic)[2])
        self.update()

    def paint(self, painter: QPainter) -> None:
        """Paint bar and ticks."""
        if self._traffic is None:
            return
        room = QRectF(0, 3, self.width(), 6)
        card(painter, room, theme.colour("bg.inset"), radius=3)
        if self._traffic.share is not None:
            token = "ice" if self._traffic.closed else "series.stable"
            card(painter, QRectF(0, 3, min(1.0, self._traffic.share) * self.width(), 6), theme.colour(token), radius=3)
        painter.setPen(QPen(theme.colour("text"), 1))
        for at in (self._traffic.open_at, self._traffic.close_at):
            x = int(at * self.width())
            painter.drawLine(x, 0, x, 11)


class _Line(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mark, self._name, self._words = (
            MarkLabel("small.strong", 13),
            Label("", "small.strong"),
            Label("", "small", "text.2", elide=True),
        )
        self._gauge, self._age = _Gauge(), AgeLabel()
        self._mark.setFixedWidth(84)
        self._name.setMinimumWidth(110)
        fill(layout := QVBoxLayout(self), [row([self._mark, self._name, self._gauge, 6, self._words, self._age])], 0)
        layout.setContentsMargins(0, 1, 0, 1)

    def show_view(self, name: str, traffic: TrafficNow) -> None:
        state, word, sentence = peak_words(traffic)
        self._mark.show_state(state, word, f"peak traffic of {name}")
        self._name.setText(name)
        self._words.setText(sentence)
        self._gauge.show_view(traffic)
        self._age.show_age(traffic.at, LIMIT_S)


class PeakPanel(Panel):
    """Told the blackouts of the calendar; hidden when no target declares one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Peak traffic", parent=parent)
        self._lines: list[_Line] = []
        self._more = Label("", "caption", "text.3")
        self.body.addWidget(self._more)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.hide()

    def show_view(self, blackouts: Mapping[str, TrafficNow]) -> None:
        """Show measured traffic, closed ones and unknown ones first."""
        ordered = sorted(blackouts.items(), key=lambda item: (not item[1].closed, item[0]))
        shown = ordered[:_SHOWN]
        while len(self._lines) < len(shown):
            self._lines.append(_Line())
            self.body.insertWidget(len(self._lines) - 1, self._lines[-1])
        for at, line in enumerate(self._lines):
            line.setVisible(at < len(shown))
            if at < len(shown):
                line.show_view(*shown[at])
        rest = len(ordered) - len(shown)
        self._more.setText(f"{rest} more, all open" if rest and not any(t.closed for _, t in ordered[_SHOWN:]) else f"{rest} more")
        self._more.setVisible(rest > 0)
        self.setVisible(bool(ordered))
