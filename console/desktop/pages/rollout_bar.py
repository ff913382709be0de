"""A line of buttons, one for each rollout, running ones first; shown only when there are several."""

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from console.desktop import theme
from console.desktop.pages.laying import fill
from console.desktop.pages.mark_pill import MarkPill
from console.desktop.pages.target_order import WORST_FIRST
from console.desktop.widgets.button import Button
from console.model.views import RolloutView

MOST = 5


def ordered(views: Iterable[RolloutView]) -> tuple[RolloutView, ...]:
    """Return rollouts that run first, worst first among them, then the newest of those that are over."""
    return tuple(sorted(views, key=lambda v: (v.phase.over, 0 if v.phase.over else WORST_FIRST.index(v.state), -v.started_at.timestamp())))


class RolloutBar(QWidget):
    """`chosen` carries a rollout's id."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: list[MarkPill] = []
        self._ids: list[str] = []
        self._more = Button("", "quiet")
        self._menu = QMenu(self._more)
        self._more.setMenu(self._menu)
        self._line = QHBoxLayout(self)
        fill(self._line, [self._more, -1], 6)
        self.hide()

    def show_rollouts(self, views: tuple[RolloutView, ...], shown: str) -> None:
        """Show ordered rollouts, with one of them pressed; the shown one always has a button of its own."""
        self.setVisible(len(views) > 1)
        top = list(views[:MOST])
        current = next((view for view in views if view.id == shown), None)
        if current is not None and current not in top:
            top[-1] = current
        self._ids = [view.id for view in top]
        while len(self.buttons) < len(top):
            self._add()
        for at, button in enumerate(self.buttons):
            button.setVisible(at < len(top))
            if at < len(top):
                view = top[at]
                button.setText(f"{view.title}, {view.target}")
                button.show_mark(view.state)
                button.setChecked(view.id == shown)
                button.setAccessibleName(f"{theme.state_word(view.state)}, {view.title} on {view.target}")
        self._rest([view for view in views if view not in top])

    def _add(self) -> None:
        at = len(self.buttons)
        button = MarkPill()
        button.clicked.connect(lambda: self.chosen.emit(self._ids[at]))
        self.buttons.append(button)
        self._line.insertWidget(at, button)

    def _rest(self, views: list[RolloutView]) -> None:
        self._more.setVisible(bool(views))
        self._more.setText(f"{len(views)} more")
        self._menu.clear()
        for view in views:
            action = self._menu.addAction(f"{view.title}, {view.target}, {view.phase}".replace("&", "&&"))
            action.triggered.connect(lambda _=False, rollout=view.id: self.chosen.emit(rollout))
