"""The top bar: environment, where we are, freeze, wheel, connections, palette hint, clock."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QMouseEvent, QPainter, QPainterPath, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from console.desktop import forms, icons, theme
from console.desktop.widgets.label import plain_tip
from console.desktop.widgets.painted import CENTRE, Painted, hairline, hatch, metrics, width_of, write_run
from console.model.verbs import State

if TYPE_CHECKING:
    from console.model.freeze import FreezeState
    from console.model.views import ConnectionView, WheelView

NARROW = 1400
"""Under this width the grey second parts go; the words stay."""


class EnvironmentTab(Painted):
    """The environment in capitals: filled for production, outlined for staging, hatched edge for practice."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._environment: str | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("No target")

    def show_environment(self, environment: str | None) -> None:
        """Show where the target lives; None when there is none."""
        if environment != self._environment:
            self._environment = environment
            self.setAccessibleName(environment or "No target")
            self.updateGeometry()
            self.update()

    @property
    def word(self) -> str:
        """Return the word on the tab."""
        return (self._environment or "no target").upper()

    def sizeHint(self) -> QSize:
        """Return the room for the word and 13 px on both sides."""
        return QSize(round(metrics("small.bold").horizontalAdvance(self.word) + 0.8 * len(self.word)) + 26, 43)

    def paint(self, painter: QPainter) -> None:
        """Paint the tab."""
        colour = theme.colour(theme.environment_token(self._environment))
        box = QRectF(self.rect())
        filled = self._environment == "production"
        if filled:
            painter.fillRect(box, colour)
        elif self._environment == "practice":
            strip = QPainterPath()
            strip.addRect(QRectF(box.right() - 4, 0, 4, box.height()))
            hatch(painter, strip, colour, 8.0)
        elif self._environment:
            painter.setPen(QPen(colour, 2))
            painter.drawLine(round(box.right()) - 1, 0, round(box.right()) - 1, round(box.height()))
        else:
            painter.fillRect(box, theme.colour("bg.raised"))
        font = QFont(theme.font("small.bold"))
        font.setLetterSpacing(font.SpacingType.AbsoluteSpacing, 0.8)
        painter.setFont(font)
        plain = theme.colour("text.2") if not self._environment else colour
        painter.setPen(theme.colour(f"env.{self._environment}.text") if filled else plain)
        painter.drawText(box, CENTRE, self.word)


class PlaceTitle(Painted):
    """Where we are: "checkout-eu > Checkout 5.2b" and a small grey second part."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._second = "", ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_place(self, title: str, second: str) -> None:
        """Show a title, its parts divided by " > ", and the grey part."""
        if (title, second) != (self._title, self._second):
            self._title, self._second = title, second
            self.setAccessibleName(", ".join(part for part in (title, second) if part))
            self.update()

    def paint(self, painter: QPainter) -> None:
        """Paint parts, chevrons and the grey part."""
        x = 0.0
        parts = self._title.split(" > ")
        for index, part in enumerate(parts):
            if index:
                painter.drawPixmap(round(x) + 8, round(self.height() / 2 - 6.5), icons.pixmap("chevron-right", 13, "text.3"))
                x += 28
            x = write_run(painter, QRectF(x, 0, self.width() - x, self.height()), [(part, "section", "text")])
        write_run(painter, QRectF(x + 9, 0, self.width() - x - 9, self.height()), [(self._second, "body", "text.2")])


class BarItem(Painted):
    """A fact in the bar: mark or icon, words in bold, a grey second part that goes when the window is narrow."""

    pressed = Signal()

    def __init__(self, icon: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon, self._state, self._ink = icon, "", "text"
        self._strong, self._grey = "", ""
        self._narrow = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def show_fact(self, strong: str, grey: str = "", *, state: State | None = None, ink: str = "text") -> None:
        """Show words; with a state its mark stands in place of the icon."""
        wanted = (strong, grey, state.value if state else "", ink)
        if wanted == (self._strong, self._grey, self._state, self._ink):
            return
        wider = wanted[:2] != (self._strong, self._grey)
        self._strong, self._grey, self._state, self._ink = wanted
        self.setAccessibleName(f"{strong} {grey}".strip())
        if wider:
            self.updateGeometry()
        self.update()

    def set_narrow(self, narrow: bool) -> None:
        """Drop the grey part, or show it again; it is in the tooltip then."""
        if narrow != self._narrow:
            self._narrow = narrow
            self.setToolTip(plain_tip(self.accessibleName()) if narrow else "")
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return the room for hairline, mark, words and padding."""
        words = width_of(self._strong, "label") + (width_of(self._grey, "body") + 5 if self._grey and not self._narrow else 0)
        return QSize(round(words + (23 if self._icon or self._state else 0)) + 27, 43)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tell that the fact was clicked."""
        if self.rect().contains(event.position().toPoint()):
            self.pressed.emit()

    def paint(self, painter: QPainter) -> None:
        """Paint one line between hairlines."""
        hairline(painter, 0, 10, 0, self.height() - 11)
        x = 13.0
        if self._icon or self._state:
            image = _picture(self._icon, self._state)
            painter.drawPixmap(round(x), round((self.height() - 14) / 2), image)
            x += 23
        pieces = [(self._strong, "label", self._ink), ("" if self._narrow else self._grey, "body", "text.2")]
        write_run(painter, QRectF(x, 0, self.width() - x, self.height()), pieces, 5.0)


def _picture(icon: str, state: str) -> QPixmap:
    if not state:
        return icons.pixmap(icon, 15, "text.2")
    from console.desktop.widgets.mark import mark_pixmap  # noqa: PLC0415 (the first paint has no marks)

    return mark_pixmap(State(state), 14)


class TopBar(QFrame):
    """The bar over everything; each part is told what it shows."""

    palette_asked = Signal()
    freeze_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("topbar")
        self.setFixedHeight(theme.size("top_bar"))
        self.tab, self.place = EnvironmentTab(), PlaceTitle()
        self.freeze, self.wheel, self.connections = BarItem("calendar"), BarItem("ship-wheel"), BarItem("activity")
        self.hint, self.time = BarItem("search"), BarItem()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 2, 1)
        row.setSpacing(0)
        row.addWidget(self.tab)
        row.addSpacing(16)
        row.addWidget(self.place, 1)
        for item in self._items():
            row.addWidget(item)
        self.hint.show_fact("", "Ctrl K")
        self.hint.setAccessibleName("Command palette, Ctrl K")
        self.hint.setCursor(Qt.CursorShape.PointingHandCursor)
        self.hint.pressed.connect(self.palette_asked)
        self.freeze.pressed.connect(self.freeze_asked)
        self.show_freeze(None, None)
        self.show_wheel(None, None)
        self.show_connections((), None)

    def show_freeze(self, freeze: FreezeState | None, now: datetime | None) -> None:
        """Show whether forward moves are closed for the target, until when or from when on."""
        self.freeze.setVisible(freeze is not None)
        if freeze is None or now is None:
            return
        if freeze.frozen:
            until = f"until {forms.day_minute(freeze.until, now)}" if freeze.until else freeze.name
            self.freeze.show_fact("Frozen", until, state=State.FROZEN, ink="ice")
            return
        soon = f"next {forms.day_minute(freeze.next_start, now)}" if freeze.next_start else ""
        self.freeze.show_fact("Not frozen", soon, state=State.HEALTHY)

    def show_wheel(self, wheel: WheelView | None, now: datetime | None) -> None:
        """Show who drives the target's rollout, and since when nothing was heard of them where their lease has run out."""
        lease = wheel.lease if wheel is not None else None
        if wheel is None or lease is None:
            self.wheel.show_fact("Nobody", "no rollout" if wheel is None else "drives")
            return
        left = (lease.expires_at - now).total_seconds() if now is not None else 1.0
        if left <= 0:
            who = "Your lease" if wheel.mine else lease.holder.name
            self.wheel.show_fact(f"{who} lost", f"{forms.countdown(-left)} ago", state=State.STALE, ink="look")
            return
        who = "You" if wheel.mine else lease.holder.name
        self.wheel.show_fact(who, f"lease {lease.token}" if wheel.mine else "you read only")

    def show_connections(self, connections: tuple[ConnectionView, ...], now: datetime | None) -> None:
        """Show how many systems answer, and the age of the oldest reading."""
        self.connections.setVisible(bool(connections))
        if not connections or now is None:
            return
        good = sum(one.ok for one in connections)
        ages = [(now - one.last_at).total_seconds() for one in connections if one.last_at is not None]
        oldest = f"oldest {forms.age(max(ages))}" if ages else "nothing read yet"
        late = good < len(connections)
        state = State.HANGING if late else None
        self.connections.show_fact(f"{good} of {len(connections)}", oldest, state=state, ink="unknown" if late else "text")

    def show_time(self, now: datetime) -> None:
        """Show the time of day with the window's zone."""
        self.time.show_fact(forms.clock(now), forms.zone_name())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Drop the grey parts when it gets narrow."""
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        for item in (self.freeze, self.wheel):
            item.set_narrow(narrow)

    def _items(self) -> tuple[BarItem, ...]:
        return self.freeze, self.wheel, self.connections, self.hint, self.time
