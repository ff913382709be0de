"""The act card after a fail: how long until traffic goes back by itself, the button that does it now, and what will be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.age import ticker
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.painted import RIGHT, Painted
from console.desktop.widgets.panel import Panel
from console.desktop.widgets.readiness import ReadinessBox, ReadinessLight, losses
from console.desktop.widgets.sends import SendList
from console.model.readiness import Light
from console.model.rollout import Phase
from console.model.verbs import State, Verb

if TYPE_CHECKING:
    from console.model.views import RolloutView

COUNTDOWN_MS = 100
CALM_MS = 1000
SENT_BACK = {Phase.ROLLED_BACK, Phase.ABORTED}


class CountdownBar(Painted):
    """A bar of 6 px that empties."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._share = 1.0
        self.setFixedHeight(6)

    def show_share(self, share: float) -> None:
        """Show what is left, 0 to 1."""
        share = max(0.0, min(1.0, share))
        if round(share * self.width()) != round(self._share * self.width()):
            self.update()
        self._share = share

    def paint(self, painter: QPainter) -> None:
        """Paint groove and rest."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.colour("bg.inset"))
        painter.setBrush(theme.colour("bg.inset"))
        painter.drawRoundedRect(QRectF(self.rect()), 2, 2)
        painter.setBrush(theme.colour("act.bg"))
        painter.drawRoundedRect(QRectF(0, 0, self.width() * self._share, 6), 2, 2)


class AutoActCard(Panel):
    """Shows the countdown while one runs, else whether the way back is open; and always what will be sent."""

    roll_back = Signal()
    hold = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._view: RolloutView | None = None
        self._words, self._left = Label("", "lead"), Label("", "title")
        self._light, self._ready = ReadinessLight(), ReadinessBox(brief=True)
        self._bar = CountdownBar()
        self._now = Button("Roll back now", "act", "rewind", tall=True)
        self._calm = Button("Roll back", icon="rewind", tall=True)
        self._hold = Button("Hold instead", tall=True)
        self._stay = Button("Hold", "act", "pause", tall=True)
        self._loses = Label("", "small", "look", wrap=True)
        self._heading = Label("What will be sent", "label")
        self._total = Label("", "small", "text.2", elide=True)
        self._rows = SendList()
        self._timer = QTimer(self)
        self._timer.setInterval(COUNTDOWN_MS)
        self._timer.timeout.connect(self._tick)
        ticker().ticked.connect(self._tick)
        self._now.clicked.connect(self.roll_back)
        self._calm.clicked.connect(self.roll_back)
        self._hold.clicked.connect(self.hold)
        self._stay.clicked.connect(self.hold)
        self._build()

    @property
    def button(self) -> Button:
        """Return the button that rolls back now: solid in a failure, where it takes the focus, plain else."""
        return self._calm if self._now.isHidden() else self._now

    @property
    def main(self) -> Button:
        """Return the brightest button: Hold where there is no way back, else the one that rolls back."""
        return self.button if self._stay.isHidden() else self._stay

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Return the buttons in the order of Tab."""
        return self._stay, self._now, self._calm, self._hold

    @property
    def countdown(self) -> str:
        """Return the time left as it is shown, "" while none runs."""
        return "" if self._left.isHidden() else self._left.text()

    def set_reduced_motion(self, reduced: bool) -> None:
        """Step the countdown once a second."""
        self._timer.setInterval(CALM_MS if reduced else COUNTDOWN_MS)

    def set_small(self, small: bool) -> None:
        """Take lower rows, for small windows."""
        self._rows.set_small(small)

    def show_view(self, rollout: RolloutView) -> None:
        """Show a rollout's way back."""
        self._view = rollout
        counting = rollout.auto_act is not None
        over = rollout.phase.over
        self._light.setVisible(not over and rollout.readiness is None)
        self._light.show_view(rollout.verbs.get(Verb.ROLLBACK) or rollout.verbs.get(Verb.ABORT))
        self._ready.show_view(None if over else rollout.readiness)
        self._bar.setVisible(counting)
        self._left.setVisible(counting)
        self._show_buttons(rollout, counting=counting)
        self._loses.setText(losses(rollout.sends))
        self._loses.setVisible(bool(self._loses.text()) and not over)
        self._rows.show_view(rollout.sends)
        self._heading.setVisible(not over)
        self._total.setVisible(not over)
        self._total.setText(f"{forms.span(_predicted_s(rollout))} all" if rollout.sends else "nothing is sent")
        if counting and not self._timer.isActive():
            self._timer.start()
        elif not counting:
            self._timer.stop()
        self._tick()

    def _show_buttons(self, rollout: RolloutView, *, counting: bool) -> None:
        """Offer Roll back, brightest in a failure; past the point of no return Hold is the brightest, and Roll back stays beside it."""
        back = rollout.verbs.get(Verb.ROLLBACK) or rollout.verbs.get(Verb.ABORT)
        stay = rollout.verbs.get(Verb.HOLD)
        failing, over = counting or rollout.state is State.FAILED, rollout.phase.over
        shut = self._shut
        self._now.setVisible(failing and not over and not shut)
        self._stay.setVisible(shut and not over)
        self._calm.setVisible((shut or not failing) and not over)
        self._calm.setText("Roll back all the same" if shut else "Roll back")
        for button in (self._now, self._calm):
            button.set_locked("" if back is not None and back.enabled else (back.second if back else "nothing to roll back"))
        self._hold.setVisible(counting and not shut)
        for button in (self._hold, self._stay):
            button.set_locked("" if stay is not None and stay.enabled else (stay.second if stay else "nothing to hold"))

    @property
    def _shut(self) -> bool:
        readiness = self._view.readiness if self._view is not None else None
        return readiness is not None and readiness.light is Light.SHUT

    def _tick(self) -> None:
        act = self._view.auto_act if self._view is not None else None
        if act is None:
            sent = self._view is not None and self._view.phase in SENT_BACK
            self._words.setText("What was sent back" if sent else "The way back")
            return
        left = (act.at - ticker().now()).total_seconds()
        does = "Rolls back, or asks you," if self._shut else "Rolls back by itself"  # a one-way step that is past ends it in a question
        self._words.setText(f"{does} in" if left > 0 else f"{does} now")
        self._left.setText(forms.countdown(left) if left > 0 else "")
        self._bar.show_share(left / act.total_s if act.total_s else 0.0)

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(7)
        head.addWidget(self._words)
        head.addWidget(self._left)
        head.addStretch(1)
        head.addWidget(self._light)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button, stretch in ((self._stay, 1), (self._now, 1), (self._calm, 1), (self._hold, 0)):
            buttons.addWidget(button, stretch)
        below = QHBoxLayout()
        below.addWidget(self._heading)
        below.addWidget(self._total, 1)
        self._total.setAlignment(RIGHT)
        self.body.setSpacing(8)
        self.body.addLayout(head)
        self.body.addWidget(self._bar)
        self.body.addLayout(buttons)
        self.body.addWidget(self._ready)
        self.body.addLayout(below)
        self.body.addWidget(self._rows)
        self.body.addWidget(self._loses)
        self.body.addStretch(1)


def _predicted_s(rollout: RolloutView) -> float:
    """Return the seconds that the light and the verb say as well: of the longest chain of rows, for rows may run side by side."""
    verb = rollout.verbs.get(Verb.ROLLBACK) or rollout.verbs.get(Verb.ABORT)
    if rollout.readiness is not None:
        return rollout.readiness.predicted_s
    if verb is not None and verb.predicted_s is not None:
        return verb.predicted_s
    return sum(row.predicted_s for row in rollout.sends)
