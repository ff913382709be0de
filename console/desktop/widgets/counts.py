"""Counts first: the canary's customers one by one in large figures, then the baseline over the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.evidence_chart import span_of
from console.desktop.widgets.mark import mark_pixmap
from console.desktop.widgets.painted import Painted, width_of, write, write_run
from console.model.verbs import State

if TYPE_CHECKING:
    from console.model.views import EvidenceView

MOST_MARKS = 60
LARGE_MARKS = 8
MOST_DOTS = 114
DOT, PITCH, DOTS_A_ROW = 7.0, 10.8, 19
WIDE = 262
LEGEND = 84
"""The room that the piece of line and its word need beside the figures."""
LOW = 170
"""Under this height the large figures shrink, and a bar takes the place of dots that would be cut off."""


class Counts(Painted):
    """Hero count with one mark per customer, baseline count with one dot per attempt, and the span in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view: EvidenceView | None = None
        self._hero = "text"
        self.setFixedWidth(WIDE)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def show_view(self, view: EvidenceView | None, hero: str) -> None:
        """Show counts; `hero` is the ink of the large figures."""
        if (view, hero) != (self._view, self._hero):
            self._view, self._hero = view, hero
            self.setAccessibleName("" if view is None else ", ".join(part for part in (*words(view), stage_words(view)) if part))
            self.update()

    def sizeHint(self) -> QSize:
        """Return the room for everything."""
        return QSize(WIDE, 220)

    def paint(self, painter: QPainter) -> None:
        """Paint from the top; what does not fit into a low card is left out from the bottom."""
        view = self._view
        if view is None:
            return
        low = self.height() < LOW
        high = 34 if low else 44
        counted = f"{view.canary_ok} of {view.canary_total}"
        role = "display" if low or width_of(counted, "hero") > WIDE - LEGEND else "hero"
        end = write_run(painter, QRectF(0, 0, WIDE, high), [(counted, role, self._hero)])
        self._legend(painter, end + 13, high * 0.64, "canary", "")
        y = self._paint_marks(painter, high + (1.0 if low else 4.0), view)
        if not low:
            write(painter, QRectF(0, y, WIDE, 16), ("canary sessions that went well", "small", "text.2"))
            y += 21 if self.height() < 200 else 27
        if stage_words(view):
            y -= 0 if low else 8
            write(painter, QRectF(0, y, WIDE, 16), (stage_words(view), "small.strong", "text"))
            y += 22
        counts = f"{view.baseline_ok} of {view.baseline_total}"
        end = write_run(painter, QRectF(0, y, WIDE, 26), [(counts, "title", "text")])
        share = forms.per_cent(100 * view.baseline_ok / view.baseline_total, 0) if view.baseline_total else ""
        self._legend(painter, end + 11, y + 14, "baseline", share)
        y = self._paint_dots(painter, y + (28 if low else 31), view)
        for line in words(view)[2:]:
            if y + 16 <= self.height():
                write(painter, QRectF(0, y, WIDE, 16), (line, "small", "text.2"))
            y += 18

    def _legend(self, painter: QPainter, x: float, y: float, series: str, aside: str) -> None:
        pen = QPen(theme.colour(f"series.{series}"), 3.0)
        if series == "baseline":
            pen.setDashPattern([1.8, 0.9])
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawLine(QPointF(x, y), QPointF(x + 16, y))
        room = WIDE - x - 22
        fits = width_of(series, "label") + 8.0 + width_of(aside, "body") <= room
        write_run(painter, QRectF(x + 22, y - 9, room, 18), [(series, "label", "text"), (aside if fits else "", "body", "text.2")], 8.0)

    def _paint_marks(self, painter: QPainter, y: float, view: EvidenceView) -> float:
        shown = min(view.canary_total, MOST_MARKS)
        if not shown:
            return y
        bad = min(view.canary_total - view.canary_ok, shown)
        size, pitch = (20, 28) if shown <= LARGE_MARKS else (11, 13)
        a_row = WIDE // pitch
        for index in range(shown):
            image = mark_pixmap(State.FAILED if index < bad else State.HEALTHY, size)
            painter.drawPixmap(QPointF((index % a_row) * pitch, y + (index // a_row) * pitch), image)
        bottom = y + ((shown - 1) // a_row) * pitch + size + 5
        if view.canary_total > shown:
            more = f"and {view.canary_total - shown} more"
            write(painter, QRectF(WIDE - width_of(more, "caption") - 2, bottom - 3, 120, 14), (more, "caption", "text.2"))
        return bottom

    def _paint_dots(self, painter: QPainter, y: float, view: EvidenceView) -> float:
        if not view.baseline_total:
            return y
        colour = theme.colour("series.baseline")
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows = (view.baseline_total - 1) // DOTS_A_ROW + 1
        if view.baseline_total > MOST_DOTS or y + rows * PITCH > self.height():
            painter.setPen(QPen(colour, 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(0.5, y + 0.5, 205, 9))
            painter.fillRect(QRectF(0, y, 206 * view.baseline_ok / view.baseline_total, 10), colour)
            return y + 18
        painter.setPen(QPen(colour, 1.3))
        for index in range(view.baseline_total):
            painter.setBrush(colour if index < view.baseline_ok else Qt.GlobalColor.transparent)
            spot = QPointF((index % DOTS_A_ROW) * PITCH + DOT / 2 + 0.5, y + (index // DOTS_A_ROW) * PITCH + DOT / 2)
            painter.drawEllipse(spot, DOT / 2 - 0.4, DOT / 2 - 0.4)
        return y + ((view.baseline_total - 1) // DOTS_A_ROW) * PITCH + DOT + 8


def stage_words(view: EvidenceView) -> str:
    """Say how many of the canary's sessions count for the stage, and why the others do not; "" where all do."""
    counting = view.canary_counting
    if counting is None or counting >= view.canary_total:
        return ""
    return f"{counting or 'none'} count{'s' if counting == 1 else ''} for this stage, {view.canary_total - counting} came before it"


def words(view: EvidenceView) -> list[str]:
    """Return the counts as they are read aloud: canary, baseline, the span, and the time before the start."""
    lines = [f"{view.canary_ok} of {view.canary_total} on the canary", f"{view.baseline_ok} of {view.baseline_total} on the baseline"]
    lines.append(f"same {forms.span(span_of(view))}, stable version")
    if view.history_total:
        share = forms.per_cent(100 * view.history_ok / view.history_total, 0)
        lines.append(f"before the start: {forms.number(view.history_ok)} of {forms.number(view.history_total)}, {share}")
    return lines
