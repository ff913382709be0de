"""Small facts with an icon or mark and their word: who enforces, who drives, whether it is frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import forms, icons
from console.desktop.widgets.age import ticker
from console.desktop.widgets.mark import mark_pixmap
from console.desktop.widgets.painted import Painted, width_of, write_run
from console.model.verbs import State

if TYPE_CHECKING:
    from console.model.freeze import FreezeState
    from console.model.views import WheelView

ENFORCED = {
    "target": ("shield", "At the target", "the system itself refuses", "text.2"),
    "shared": ("database", "Shared authority", "no console can pass it", "text.2"),
    "console": ("monitor", "This console only", "others can move it", "look"),
}
"""Icon, word, meaning and ink of each layer that can hold a freeze."""
CUT_PX = 60.0
"""A grey part with less room than this is left out: a few letters and dots say nothing."""


class Badge(Painted):
    """An icon or a mark, words in bold and a grey second part."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: tuple[str, str] | State = ("", "")
        self._strong, self._grey, self._ink = "", "", "text"
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_badge(self, picture: tuple[str, str] | State, strong: str, grey: str = "", ink: str = "text") -> None:
        """Show a picture (icon and its ink, or a state's mark) with words."""
        wanted = (picture, strong, grey, ink)
        if wanted == (self._picture, self._strong, self._grey, self._ink):
            return
        self._picture, self._strong, self._grey, self._ink = wanted
        self.setAccessibleName(f"{strong}, {grey}" if grey else strong)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room for picture and words."""
        grey = width_of(self._grey, "small") + 8 if self._grey else 0
        return QSize(round(23 + width_of(self._strong, "label") + grey) + 1, 20)

    def minimumSizeHint(self) -> QSize:
        """Return the room for the bold words."""
        return QSize(round(24 + width_of(self._strong, "label")), 20)

    def paint(self, painter: QPainter) -> None:
        """Paint one line."""
        if not self._strong:
            return
        image = mark_pixmap(self._picture, 15) if isinstance(self._picture, State) else icons.pixmap(self._picture[0], 15, self._picture[1])
        painter.drawPixmap(0, (self.height() - 15) // 2, image)
        room = QRectF(23, 0, self.width() - 23, self.height())
        left = room.width() - width_of(self._strong, "label") - 8
        grey = self._grey if left >= min(width_of(self._grey, "small"), CUT_PX) else ""
        write_run(painter, room, [(self._strong, "label", self._ink), (grey, "small", "text.2")], 8.0)


class EnforcementBadge(Badge):
    """Which layer holds a freeze for this target."""

    def show_view(self, enforced_by: str) -> None:
        """Show `target`, `shared` or `console`."""
        icon, word, meaning, ink = ENFORCED.get(enforced_by, ENFORCED["console"])
        self.show_badge((icon, ink), word, meaning, "text" if ink == "text.2" else ink)


class WheelBadge(Badge):
    """Who drives a rollout, under which lease, with the seconds it has left."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wheel: WheelView | None = None
        ticker().ticked.connect(self._tick)

    def show_view(self, wheel: WheelView | None) -> None:
        """Show who drives; None when no rollout runs."""
        self._wheel = wheel
        self._tick()

    def _tick(self) -> None:
        lease = self._wheel.lease if self._wheel is not None else None
        if self._wheel is None or lease is None:
            self.show_badge(("ship-wheel", "text.2"), "Nobody", "no rollout runs" if self._wheel is None else "nobody drives")
            return
        left = (lease.expires_at - ticker().now()).total_seconds()
        if left <= 0:
            who = "Your lease" if self._wheel.mine else lease.holder.name
            self.show_badge(State.STALE, f"{who} lost", f"{forms.countdown(-left)} ago", "look")
        elif self._wheel.mine:
            self.show_badge(("ship-wheel", "text"), "You", f"lease {lease.token}, {forms.span(left)} left")
        else:
            self.show_badge(("ship-wheel", "text"), lease.holder.name, "you read only")


class FreezeBadge(Badge):
    """Whether forward moves are closed, until when and by what, or what comes next."""

    def show_view(self, freeze: FreezeState | None) -> None:
        """Show a freeze state; None shows nothing."""
        now = ticker().now()
        if freeze is None:
            self.show_badge(("", ""), "")
        elif freeze.frozen:
            until = f"Frozen until {forms.day_minute(freeze.until, now)}" if freeze.until else "Frozen"
            self.show_badge(State.FROZEN, until, freeze.name, "ice")
        else:
            soon = f"next {forms.day_minute(freeze.next_start, now)} {freeze.next_name}" if freeze.next_start else "no window is coming"
            self.show_badge(State.HEALTHY, "Not frozen", soon)
