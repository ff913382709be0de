"""Ribbons over the page: freezes, an unreachable store, a lost wheel; at most three, worst on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from console.desktop import theme
from console.desktop.widgets.button import Link
from console.desktop.widgets.label import plain_tip
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import Painted, card, write_run
from console.model.verbs import State

MOST = 3


class RibbonView(NamedTuple):
    """One ribbon: its state's mark and family, words in bold, words, and a link that emits `key`. The highest `rank` stands on top.

    `also` is a second link, which emits `also_key`; `family` takes the colours of another state than the mark's.
    """

    key: str
    state: State
    strong: str
    text: str = ""
    link: str = ""
    rank: int = 0
    also: str = ""
    also_key: str = ""
    family: State | None = None

    @property
    def colours(self) -> State:
        """Return the state whose colours it takes."""
        return self.family or self.state


class Ribbon(Painted):
    """A line of 30 px in the tint of a state."""

    followed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view: RibbonView | None = None
        self.setFixedHeight(theme.size("ribbon"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._also, self._link = Link("", self), Link("", self)
        self._link.clicked.connect(self._follow)
        self._also.clicked.connect(self._follow_also)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(14)
        row.addStretch(1)
        row.addWidget(self._also)
        row.addWidget(self._link)

    def show_view(self, view: RibbonView) -> None:
        """Show one ribbon."""
        if view == self._view:
            return
        self._view = view
        self._link.setText(view.link)
        self._link.setVisible(bool(view.link))
        self._also.setText(view.also)
        self._also.setVisible(bool(view.also))
        self.setAccessibleName(f"{view.strong}. {view.text}")
        self.setToolTip(plain_tip(f"{view.strong} {view.text}"))
        self.update()

    @property
    def links(self) -> tuple[Link, ...]:
        """Return the links on screen, from the left."""
        return tuple(link for link in (self._also, self._link) if not link.isHidden())

    def _follow(self) -> None:
        if self._view is not None:
            self.followed.emit(self._view.key)

    def _follow_also(self) -> None:
        if self._view is not None:
            self.followed.emit(self._view.also_key)

    def paint(self, painter: QPainter) -> None:
        """Paint tint, mark and words."""
        if self._view is None:
            return
        card(painter, QRectF(self.rect()), theme.state_tint(self._view.colours), radius=4.0)
        ink = theme.state_token(self._view.colours)
        paint_mark(painter, self._view.state, QRectF(12, (self.height() - 14) / 2, 14, 14), theme.colour(ink))
        left = min((link.x() for link in self.links), default=self.width())
        room = QRectF(34, 0, left - 46, self.height())
        write_run(painter, room, [(self._view.strong, "label", ink), (self._view.text, "body", "text")], 8.0)


class Ribbons(QWidget):
    """The stack of ribbons."""

    followed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 12, 16, 0)
        self._column.setSpacing(4)
        self._ribbons: list[Ribbon] = []
        self.setVisible(False)

    @property
    def shown(self) -> tuple[Ribbon, ...]:
        """Return the ribbons on screen, from the top."""
        return tuple(ribbon for ribbon in self._ribbons if not ribbon.isHidden())

    def show_ribbons(self, views: Sequence[RibbonView]) -> None:
        """Show the worst three."""
        worst = sorted(views, key=lambda view: -view.rank)[:MOST]
        while len(self._ribbons) < len(worst):
            ribbon = Ribbon(self)
            ribbon.followed.connect(self.followed)
            self._ribbons.append(ribbon)
            self._column.addWidget(ribbon)
        for index, ribbon in enumerate(self._ribbons):
            ribbon.setVisible(index < len(worst))
            if index < len(worst):
                ribbon.show_view(worst[index])
        self.setVisible(bool(worst))
