"""The alerts that fire beside a rollout, with their age, and whether those that it is expected to raise are silenced."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from console.desktop import forms
from console.desktop.pages.laying import Card, row
from console.desktop.widgets.age import AgeLabel, ticker
from console.desktop.widgets.label import Label, plain_tip
from console.desktop.widgets.mark import MarkLabel
from console.model.alerts import Alert, AlertsView
from console.model.verbs import State
from console.model.views import RolloutView

SHOWN = 3
"""Alerts that have a line of their own; all stand in the tooltip."""

OLD_S = 20.0
_SEVERITIES = {"critical": 0, "page": 0, "error": 0, "info": 2, "none": 2}
"""What stands first among alerts that fire, and last; a severity that is not known stands between."""


class AlertsCard(Card):
    """Told a rollout; hidden where the target's file names no source of alerts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(pad=13, parent=parent)
        self._view: AlertsView | None = None
        self.head, self.age = MarkLabel("label", 15), AgeLabel("alerts")
        self.lines = [_Line() for _ in range(SHOWN)]
        self.more = Label("", "small", "text.3")
        self.quiet = Label("", "small", "text.2", wrap=True)
        self.body.setSpacing(4)
        self.body.addLayout(row([self.head, -1, self.age]))
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        for at, line in enumerate(self.lines):
            for column, part in enumerate(line.parts):
                grid.addWidget(part, at, column)
        self.body.addLayout(grid)
        self.body.addWidget(self.more)
        self.body.addWidget(self.quiet)
        ticker().ticked.connect(self._tick)

    def show_view(self, rollout: RolloutView) -> None:
        """Show what fires now."""
        view = self._view = rollout.alerts
        self.setVisible(view is not None)
        if view is None:
            return
        self.head.show_state(state_of(view), f"{view.words[:1].upper()}{view.words[1:]}", "beside the release")
        self.age.show_age(view.at, OLD_S)
        self.quiet.setText(view.problem or view.quiet)
        self.quiet.setVisible(bool(view.problem or view.quiet))
        self._tick()

    def _tick(self) -> None:
        view = self._view
        if view is None:
            return
        worst = sorted(view.alerts, key=lambda alert: (alert.silenced, _SEVERITIES.get(alert.severity.lower(), 1)))
        tip = plain_tip("\n".join(f"{_words(alert)}, for {_since(alert)}" for alert in worst))
        for line, alert in zip(self.lines, [*worst, *[None] * SHOWN], strict=False):
            line.show_alert(alert)
        left = len(worst) - SHOWN
        self.more.setText(f"and {left} more" if left > 0 else "")
        self.more.setVisible(left > 0)
        self.setToolTip(tip)


class _Line:
    """An alert: whether it fires or is silenced, what it says, and for how long; where there is little room its words are cut first."""

    def __init__(self) -> None:
        self.state, self.words, self.since = MarkLabel("small.strong", 13), Label("", "small", elide=True), Label("", "caption", "text.3")
        self.parts: tuple[QWidget, ...] = (self.state, self.words, self.since)
        self.since.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def show_alert(self, alert: Alert | None) -> None:
        """Show an alert, or nothing."""
        for part in self.parts:
            part.setVisible(alert is not None)
        if alert is None:
            return
        state, word = (State.PLANNED, "silenced") if alert.silenced else (State.FAILED, "fires")
        self.state.show_state(state, word, alert.name)
        self.words.setText(_words(alert))
        self.words.set_ink("text.2" if alert.silenced else "text")
        self.since.setText(f"for {_since(alert)}")


def state_of(view: AlertsView) -> State:
    """Return the mark: blind when they cannot be read, failed when something fires that nobody silenced."""
    if view.at is None or view.problem:
        return State.NO_DATA if view.at is None and not view.problem else State.BLIND
    return State.FAILED if any(not alert.silenced for alert in view.alerts) else State.HEALTHY


def _words(alert: Alert) -> str:
    summary = f": {alert.summary}" if alert.summary else ""
    return f"{' '.join(part for part in (alert.severity, alert.name) if part)}{summary}"


def _since(alert: Alert) -> str:
    return forms.age((ticker().now() - alert.since).total_seconds())
