"""The stage strip: what was done, what runs with asked / accepted / read back, and what comes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.age import ticker
from console.desktop.widgets.label import plain_tip
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import Painted, card, hairline, width_of, write, write_run
from console.model.verbs import State

if TYPE_CHECKING:
    from console.model.views import Fact, RolloutView, StageView, WeightView

RUNNING_SHARE = 2.5
PAD = 12
THIRDS = (0.32, 0.28, 0.4)
"""How the triple shares the running cell."""
STANDING = {State.HELD, State.FAILED, State.UNKNOWN, State.ROLLING_BACK}
"""In these a stage does not wait for its end."""


class StageCell(Painted):
    """One stage; the running one is raised, has a line in its state's colour, and shows the triple."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view: StageView | None = None
        self._weight: WeightView | None = None

    def show_stage(self, view: StageView, weight: WeightView) -> None:
        """Show a stage; only the running one takes the weight."""
        wanted = weight if view.running else None
        if (view, wanted) == (self.view, self._weight):
            return
        self.view, self._weight = view, wanted
        words = [view.name, view.word, view.fact]
        if wanted is not None:
            words += [f"{name} {fact}" for name, fact, _ in self._triple(wanted)]
        self.setAccessibleName(", ".join(word for word in words if word))
        self.setToolTip(plain_tip("\n".join(word for word in words if word)))
        self.update()

    def paint(self, painter: QPainter) -> None:
        """Paint the cell."""
        if self.view is None:
            return
        if self.view.running and self._weight is not None:
            self._paint_running(painter, self.view, self._weight)
        else:
            self._paint_still(painter, self.view)

    def _paint_still(self, painter: QPainter, view: StageView) -> None:
        room = float(self.width() - 2 * PAD + 4)
        planned = view.state is State.PLANNED
        step = (self.height() - 10) / 3
        write(painter, QRectF(PAD, 8, room, 18), (view.name, "body" if planned else "label", "text.2" if planned else "text"))
        paint_mark(painter, view.state, QRectF(PAD, 5 + step + (step - 13) / 2, 13, 13))
        ink = "text.2" if planned else theme.state_token(view.state)
        write(painter, QRectF(PAD + 20, 5 + step, room - 20, step), (view.word, "small" if planned else "small.strong", ink))
        write(painter, QRectF(PAD, 4 + 2 * step, room, step), (view.fact, "small", "text.2"))

    def _paint_running(self, painter: QPainter, view: StageView, weight: WeightView) -> None:
        painter.fillRect(self.rect().adjusted(0, 1, 0, -1), theme.colour("bg.raised"))
        painter.fillRect(0, 0, self.width(), 3, theme.state_colour(view.state))
        room = float(self.width() - 2 * PAD)
        wide = width_of(view.word, "label")
        write(painter, QRectF(self.width() - PAD - wide - 1, 8, wide + 2, 20), (view.word, "label", theme.state_token(view.state)))
        paint_mark(painter, view.state, QRectF(self.width() - PAD - wide - 21, 11, 14, 14))
        space = room - wide - 30
        about = _fitting(waiting_words(view, ticker().now()), space - width_of(view.name, "label") - 10)
        write_run(painter, QRectF(PAD, 8, space, 20), [(view.name, "label", "text"), (about, "body", "text.2")], 8.0)
        small = self.height() < theme.size("stage_strip")
        x = float(PAD)
        for share, (name, value, time) in zip(THIRDS, self._triple(weight), strict=True):
            third = room * share
            write(painter, QRectF(x, 26 if small else 31, third, 14), (name, "caption", "text.2"))
            ink = "text.3" if value == "not read" else "text"
            fits = width_of(value, "section") + width_of(time, "caption") + 14 <= third
            pieces = [(value, "section", ink), (time if fits else "", "caption", "text.2")]
            write_run(painter, QRectF(x, 39 if small else 45, third, 18), pieces)
            x += third
        self._paint_measured(painter, x - third, third, weight)

    def _paint_measured(self, painter: QPainter, x: float, room: float, weight: WeightView) -> None:
        seen = weight.measured
        words = "measured: none yet" if seen.value is None else f"measured {forms.per_cent(seen.value)}{_ago(seen.at).removesuffix(' ago')}"
        state = State.DRIFT if weight.drift else None
        if width_of(words, "caption") > room and seen.value is not None:
            words = f"meas. {forms.per_cent(seen.value)}{_ago(seen.at).removesuffix(' ago')}"
        box = QRectF(x, self.height() - 20, room, 14)
        if state is not None:
            paint_mark(painter, state, QRectF(x, self.height() - 19, 12, 12))
            box.adjust(17, 0, 0, 0)
        write(painter, box, (words, "caption.strong" if state else "caption", "look" if state else "text.2"))

    def _triple(self, weight: WeightView) -> Iterator[tuple[str, str, str]]:
        yield "asked", _share(weight.asked), forms.clock(weight.asked.at) if weight.asked.at else ""
        yield "accepted", _share(weight.accepted), _after(weight.asked.at, weight.accepted.at)
        yield "read back", _share(weight.read_back), _ago(weight.read_back.at).strip()


class StageStrip(Painted):
    """All stages of a rollout in the order of time; each cell is a child that can be read aloud."""

    def __init__(self, *, small: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cells: list[StageCell] = []
        self._stages: tuple[StageView, ...] = ()
        self.setFixedHeight(theme.size("stage_strip_small" if small else "stage_strip"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Stages")
        ticker().ticked.connect(self._tick)

    @property
    def cells(self) -> tuple[StageCell, ...]:
        """Return the cells that are shown."""
        return tuple(self._cells[: len(self._stages)])

    def set_small(self, small: bool) -> None:
        """Take the lower form, for small windows."""
        self.setFixedHeight(theme.size("stage_strip_small" if small else "stage_strip"))

    def show_view(self, rollout: RolloutView | None) -> None:
        """Show a rollout's stages; None shows an empty strip."""
        stages = rollout.stages if rollout is not None else ()
        while len(self._cells) < len(stages):
            self._cells.append(StageCell(self))
        for index, cell in enumerate(self._cells):
            cell.setVisible(index < len(stages))
            if rollout is not None and index < len(stages):
                cell.show_stage(stages[index], rollout.weight)
        if [stage.running for stage in stages] != [stage.running for stage in self._stages]:
            self._stages = stages
            self._place()
        self._stages = stages
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give each cell its share of the width."""
        super().resizeEvent(event)
        self._place()

    def sizeHint(self) -> QSize:
        """Return a width that the page will stretch."""
        return QSize(640, self.height())

    def paint(self, painter: QPainter) -> None:
        """Paint the card and the hairlines between cells."""
        card(painter, QRectF(self.rect()), theme.colour("bg.panel"), theme.colour("line"))
        for cell in self.cells[1:]:
            hairline(painter, cell.x() - 1, 1, cell.x() - 1, self.height() - 2)

    def _place(self) -> None:
        shares = [RUNNING_SHARE if stage.running else 1.0 for stage in self._stages]
        whole = sum(shares) or 1.0
        x = 1.0
        for cell, share in zip(self._cells, shares, strict=False):
            wide = (self.width() - 2) * share / whole
            cell.setGeometry(round(x), 0, round(x + wide) - round(x) - 1, self.height())
            x += wide

    def _tick(self) -> None:
        for cell in self.cells:
            if cell.view is not None and cell.view.running and cell.isVisible():
                cell.update()


def waiting_words(view: StageView, now: datetime) -> tuple[str, ...]:
    """Return how long a stage waits, what is left of it, and its gates: the whole first, then what can be said in less room."""
    wait, gates = forms.span(view.wait_s) if view.wait_s else "", _gates(view.gates)
    whole = ", ".join(part for part in (wait, gates) if part)
    if not wait or view.since is None or view.state in STANDING:
        return whole, wait
    left_s = view.wait_s - (now - view.since).total_seconds() * view.speed
    left = f"{forms.span(left_s)} left" if left_s >= 1 else "wait is over"
    return f"{wait}, {gates}, {left}" if gates else f"{wait}, {left}", f"{wait}, {left}", left, wait


def _fitting(choices: tuple[str, ...], room: float) -> str:
    """Return the first of these words that fits, else none of them."""
    return next((words for words in choices if width_of(words, "body") <= room), "")


def _gates(count: int) -> str:
    return "" if not count else f"{count} gate" + ("s" if count > 1 else "")


def _share(fact: Fact) -> str:
    return "not read" if fact.value is None else forms.per_cent(fact.value)


def _after(asked: datetime | None, accepted: datetime | None) -> str:
    return "" if asked is None or accepted is None else f"+{max(0.0, (accepted - asked).total_seconds()):.1f} s"


def _ago(at: datetime | None) -> str:
    return "" if at is None else f" {forms.age((ticker().now() - at).total_seconds())} ago"
