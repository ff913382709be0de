"""Who drives a rollout, under which lease, and how to take the wheel or hand it over."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from console.desktop import forms
from console.desktop.known import WheelSeen
from console.desktop.pages.laying import Card, row
from console.desktop.standing import lost_words
from console.desktop.widgets.age import ticker
from console.desktop.widgets.badges import WheelBadge
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.model.views import RolloutView


class WheelCard(Card):
    """Told a rollout and what this window has seen of its wheel; hidden when the rollout is over."""

    taken = Signal()
    handed_over = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(pad=13, parent=parent)
        self._view: RolloutView | None = None
        self.badge, self.words = WheelBadge(), Label("", "small", "text.2", wrap=True)
        self.take = Button("Take the wheel …", icon="ship-wheel")
        self.take.clicked.connect(self.taken)
        self.hand_over = Button("Hand over …")
        self.hand_over.clicked.connect(self.handed_over)
        line = row([self.badge, self.take, self.hand_over])
        line.setStretch(0, 1)
        self.body.setSpacing(4)
        self.body.addLayout(line)
        self.body.addWidget(self.words)
        ticker().ticked.connect(self._tick)

    def show_view(self, view: RolloutView, over: WheelSeen | None) -> None:
        """Show who drives; `over` is what became of this window's own lease, None where it has none that ended."""
        self._view = view
        self.setVisible(not view.phase.over)
        self.badge.show_view(view.wheel)
        lease = view.wheel.lease
        gone = bool(view.lost_holder) or lease is None
        self.take.setVisible(gone)
        self.hand_over.setVisible(view.wheel.mine and not gone)
        self.set_edge("look" if view.lost_holder else "")
        self.words.set_ink("look" if gone else "text.2")
        self._over = (
            ""
            if over is None or lease is None
            else (f"Wheel with {lease.holder.name} since {forms.minute(over.since)}, your lease {over.mine} is over.")
        )
        self._tick()

    def _tick(self) -> None:
        view = self._view
        if view is None:
            return
        if view.lost_holder:
            words = f"{lost_words(view, ticker().now())}. It stands held: nothing goes forward until somebody drives."
        elif view.wheel.lease is None:
            words = "Nobody drives: nothing goes forward until somebody takes the wheel."
        else:
            words = self._over
        self.words.setText(words)
        self.words.setVisible(bool(words))
