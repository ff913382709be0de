"""The loss meter: what a failure has cost so far and what it costs a minute; it informs, the verdict alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.label import plain_tip
from console.desktop.widgets.painted import Painted, card, hairline, width_of, write

if TYPE_CHECKING:
    from console.model.views import LossView

PAD = 13


class LossMeter(Painted):
    """Four cells between hairlines, in neutral ink."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cells: tuple[tuple[str, str], ...] = ()
        self.setFixedHeight(theme.size("loss_meter"))
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def show_view(self, loss: LossView | None) -> None:
        """Show a loss; None shows nothing."""
        cells = () if loss is None else _cells(loss)
        if cells == self._cells:
            return
        self._cells = cells
        self.setToolTip("" if loss is None else plain_tip(loss.assumption))
        self.setAccessibleName("; ".join(f"{value} {name}" for value, name in cells))
        self.setVisible(bool(cells))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room for all cells."""
        return QSize(round(sum(_width(cell) for cell in self._cells)) + 1, self.height())

    def minimumSizeHint(self) -> QSize:
        """Return the room for the first two cells; the last ones go first."""
        return QSize(round(sum(_width(cell) for cell in self._cells[:2])) + 1, self.height())

    def paint(self, painter: QPainter) -> None:
        """Paint the cells that fit."""
        if not self._cells:
            return
        card(painter, QRectF(self.rect()), theme.colour("bg.panel"), theme.colour("line"))
        x = 0.0
        for value, name in self._cells:
            wide = _width((value, name))
            if x + wide > self.width() + 2:
                break
            if x:
                hairline(painter, x, 1, x, self.height() - 2)
            write(painter, QRectF(x + PAD, 4, wide - PAD, 20), (value, "lead", "text"))
            write(painter, QRectF(x + PAD, 25, wide - PAD, 14), (name, "caption", "text.2"))
            x += wide


def _width(cell: tuple[str, str]) -> float:
    return max(width_of(cell[0], "lead"), width_of(cell[1], "caption")) + 2 * PAD + 2


def _cells(loss: LossView) -> tuple[tuple[str, str], ...]:
    lost = f"lost so far, {loss.factor}" if loss.factor and loss.saved is None else "lost so far"
    first = ((forms.number(loss.customers_hit), "customers hit"), (forms.amount(loss.currency, loss.lost), lost))
    if loss.saved is not None:
        now = (forms.amount(loss.currency, loss.per_min_now), "a minute now")
        return (*first, now, (forms.amount(loss.currency, loss.saved), "saved against the 90 min case"))
    now = (f"+ {forms.amount(loss.currency, loss.per_min_now)}", f"a minute at {loss.weight} %")
    return (*first, now, (forms.amount(loss.currency, loss.per_min_full), "a minute if it were at 100 %"))
