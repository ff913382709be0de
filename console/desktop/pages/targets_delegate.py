"""Draws a row of the table of targets: state, versions, split, weights, a sparkline, freeze, mode and age."""

import math
from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from console.desktop import forms, theme
from console.desktop.pages import targets_model as col
from console.desktop.pages.target_order import Group, Head, group_of, moving, oldest
from console.desktop.pages.targets_model import LINE
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import RIGHT, hairline, write, write_run
from console.desktop.widgets.split import paint_split
from console.model.verbs import State
from console.model.views import SeriesView, TargetView, WeightView

Index = QModelIndex | QPersistentModelIndex
Cell = Callable[[QPainter, QRectF, TargetView], None]
_POINTS = 41


def weight_words(weight: WeightView) -> tuple[str, str]:
    """Return the weight asked and the one read back, in words; the second is "unknown" when nothing was read back."""
    asked = "–" if weight.asked.value is None else forms.per_cent(weight.asked.value)
    back = "unknown" if weight.read_back.value is None else forms.per_cent(weight.read_back.value)
    return asked, back


def freeze_words(view: TargetView, now: datetime) -> str:
    """Say until when a target is frozen, or nothing when it is not."""
    if not view.freeze.frozen:
        return ""
    return f"until {forms.day_minute(view.freeze.until, now)}" if view.freeze.until else view.freeze.kind


def spark(series: SeriesView | None, box: QRectF) -> QPolygonF:
    """Return the newest points of a line fitted into a box; gaps are left out."""
    if series is None:
        return QPolygonF()
    values = series.values[-_POINTS:]
    known = [value for value in values if not math.isnan(value)]
    if len(known) < 2:
        return QPolygonF()
    low, high = min(known), max(known)
    reach = max(high - low, abs(high) * 0.25, 1e-9)
    step = box.width() / (_POINTS - 1)
    left = box.right() - step * (len(values) - 1)
    middle = (low + high) / 2
    points = (
        (left + step * n, box.center().y() - (value - middle) / reach * box.height())
        for n, value in enumerate(values)
        if not math.isnan(value)
    )
    return QPolygonF([QPointF(x, y) for x, y in points])


class TargetsDelegate(QStyledItemDelegate):
    """One delegate for all columns; what is calm is grey, what moves has words and bars."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._cells: dict[int, Cell] = {
            col.STATE: self._state,
            col.TARGET: self._target,
            col.VERSIONS: self._versions,
            col.TRAFFIC: self._traffic,
            col.WEIGHT: self._weight,
            col.GATE: self._gate,
            col.REQUESTS: self._requests,
            col.FREEZE: self._freeze,
            col.WRITES: self._writes,
            col.AGE: self._age,
        }

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell; a head is drawn by its first column and has a line above."""
        line = index.data(LINE)
        box = QRectF(option.rect)
        painter.save()
        if isinstance(line, Head):
            self._head(painter, box, line, index)
        elif line is not None:
            if option.state & QStyle.StateFlag.State_Selected:
                painter.fillRect(box, theme.colour("bg.selected"))
            self._cells[index.column()](painter, box.adjusted(6, 0, -6, 0), line)
        painter.restore()

    def _head(self, painter: QPainter, box: QRectF, head: Head, index: Index) -> None:
        if index.row() > 0:
            hairline(painter, box.left(), box.top(), box.right(), box.top())
        if index.column() == col.STATE:
            words = box.adjusted(6, 0, 300, 0)
            painter.setClipping(False)
            write_run(painter, words, ((head.group, "caption.strong", "text.2"), (f"{head.count:,}", "caption", "text.3")))

    def _state(self, painter: QPainter, box: QRectF, view: TargetView) -> None:
        paint_mark(painter, view.state, QRectF(box.left(), box.center().y() - 6.5, 13, 13))
        calm = group_of(view) is Group.CALM
        piece = (theme.state_word(view.state), "small" if calm else "small.strong", "text.2" if calm else theme.state_token(view.state))
        write(painter, box.adjusted(20, 0, 0, 0), piece)

    def _target(self, painter: QPainter, box: QRectF, view: TargetView) -> None:
        calm = group_of(view) is Group.CALM
        write(painter, box, (view.name, "small" if calm else "small.strong", "text"))

    def _versions(self, painter: QPainter, box: QRectF, view: TargetView) -> None:
        on_trial = moving(view) and view.canary_version != view.stable_version
        pieces = [(view.stable_version or "–", "small", "text.2")]
        if on_trial:
            pieces += [("→", "small", "text.3"), (view.canary_version, "small.strong", "text")]
        write_run(painter, box, pieces, gap=5)

    def _traffic(self, painter: QPainter, box: QRectF, view: TargetView) -> None:
        wide, high = theme.pair("split_bar_row")
        calm = group_of(view) is Group.CALM or not moving(view)
        paint_split(painter, QRectF(box.left(), box.center().y() - high / 2, min(wide, box.width()), high), view.weight, calm=calm)

    def _weight(self, painter: QPainter, box: QRectF, view: TargetView) -> None:
        if group_of(view) is Group.CALM or (not moving(view) and not view.weight.drift):
            return
        asked, back = weight_words(view.weight)
        ink = "look" if view.weight.drift else "text"
        wide = write(painter, box, (back, "small.strong" if back != "unknown" else "small", ink if back != "unknown" else "text.3"), RIGHT)
        write(painter, box.adjusted(0, 0, -wide - 4, 0), (f"{asked} /", "small", "text.2"), RIGHT)

    def _gate(self, painter: QPainter, box: QRectF, view: TargetView) -> None:
        calm = group_of(view) is Group.CALM
        words = view.problem.what if view.problem is not None else view.gate_text or view.state_text
        write(painter, box, (words, "small", "text.3" if calm else theme.state_token(view.state)))

    def _requests(self, painter: QPainter, box: QRectF, view: TargetView) -> None:
        wide, high = theme.pair("spark")
        line = spark(view.requests, QRectF(box.left(), box.center().y() - high / 2 + 2, min(wide, box.width()), high - 4))
        painter.setPen(QPen(theme.colour("series.baseline" if moving(view) else "text.3"), 1))
        painter.drawPolyline(line)

    def _freeze(self, painter: QPainter, box: QRectF, view: TargetView) -> None:
        words = freeze_words(view, self._now())
        write(painter, box, (words or "–", "small", "ice" if words else "text.3"))

    def _writes(self, painter: QPainter, box: QRectF, view: TargetView) -> None:
        if view.armed:
            write(painter, box, ("armed", "small", "text.2"))
        else:
            write(painter, box, ("observe-only", "small", "text.3"))

    def _age(self, painter: QPainter, box: QRectF, view: TargetView) -> None:
        seconds, late = oldest(view.connections, self._now())
        words = "never" if seconds is None else forms.age(seconds)
        write(painter, box, (words, "caption.strong" if late else "caption", "look" if late else "text.3"), RIGHT)


def spoken(view: TargetView) -> str:
    """Say a whole row in one string: state, name, versions, weights, gate, mode."""
    asked, back = weight_words(view.weight)
    parts = [theme.state_word(view.state), view.name, f"stable {view.stable_version}"]
    if moving(view):
        parts += [f"canary {view.canary_version}", f"asked {asked}, read back {back}", view.gate_text]
    parts += ["frozen" if view.freeze.frozen and view.state is not State.FROZEN else "", "armed" if view.armed else "observe-only"]
    return ", ".join(part for part in parts if part)
