"""The alerts that fire beside a rollout, with their age, and whether those that it is expected to raise are silenced."""

from PySide6.QtWidgets import QWidget

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


class AlertsCard(Card):
    """Told a rollout; hidden where the target's file names no source of alerts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(pad=13, parent=parent)
        self._view: AlertsView | None = None
        self.head, self.age = MarkLabel("label", 15), AgeLabel("alerts")
        self.lines = [Label("", "small", elide=True) for _ in range(SHOWN)]
        self.quiet = Label("", "small", "text.2", wrap=True)
        self.body.setSpacing(4)
        self.body.addLayout(row([self.head, -1, self.age]))
        for line in self.lines:
            self.body.addWidget(line)
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
        told = [_words(alert) for alert in view.alerts]
        tip = plain_tip("\n".join(told))
        for line, words in zip(self.lines, [*told, *[""] * SHOWN], strict=False):
            line.setText(words)
            line.setVisible(bool(words))
            line.setToolTip(tip)


def state_of(view: AlertsView) -> State:
    """Return the mark: blind when they cannot be read, failed when something fires that nobody silenced."""
    if view.at is None or view.problem:
        return State.NO_DATA if view.at is None and not view.problem else State.BLIND
    return State.FAILED if any(not alert.silenced for alert in view.alerts) else State.HEALTHY


def _words(alert: Alert) -> str:
    since = forms.age((ticker().now() - alert.since).total_seconds())
    parts = ("silenced" if alert.silenced else "", alert.severity, alert.name)
    summary = f": {alert.summary}" if alert.summary else ""
    return f"{' '.join(part for part in parts if part)}{summary}, for {since}"
