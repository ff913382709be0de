"""Whether the way back is open: the light with its words and seconds, and under it every reason with its age."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from console.desktop import forms
from console.desktop.widgets.age import ticker
from console.desktop.widgets.badges import Badge
from console.desktop.widgets.label import Label, plain_tip
from console.desktop.widgets.mark import MarkLabel
from console.model.readiness import Light
from console.model.verbs import State

if TYPE_CHECKING:
    from datetime import datetime

    from console.model.readiness import Readiness, ReadyItem, Rehearsal
    from console.model.views import SendView, VerbView

MARKS = {Light.READY: State.HEALTHY, Light.CLOSING: State.STALE, Light.SHUT: State.FAILED, Light.UNKNOWN: State.BLIND}
SOON_S = 3600.0
"""A way back that closes later than this shows no clock: its light is amber for another reason."""
WORST = (Light.SHUT, Light.UNKNOWN, Light.CLOSING, Light.READY)


class LightWords(NamedTuple):
    """What a light says: mark, words, grey second part and ink of the words."""

    state: State
    strong: str
    grey: str
    ink: str


def after_words(readiness: Readiness) -> str:
    """Return what is left after the next thing that changes the way back: `then 9 min`; hold alone where nothing says otherwise."""
    then = readiness.then
    return "then hold only" if then is None or then.predicted_s is None else f"then {forms.span(then.predicted_s)}"


def light_words(readiness: Readiness, now: datetime) -> LightWords:
    """Return what the light says: words and seconds now, the clock where it closes at a known time, and what is left after that."""
    seconds = forms.span(readiness.predicted_s)
    left = SOON_S if readiness.closes_at is None else (readiness.closes_at - now).total_seconds()
    after = after_words(readiness)
    if readiness.light is Light.READY:
        closes = f" until {forms.minute(readiness.closes_at)}, {after}" if readiness.closes_at is not None and left < SOON_S else ""
        stage = f" ({after})" if not closes and readiness.then is not None and readiness.then.stage else ""
        return LightWords(State.HEALTHY, "Rollback ready", f"{seconds}{closes}{stage}", "ok")
    if readiness.light is Light.SHUT:
        return LightWords(State.FAILED, "No way back", "hold only", "fail")
    if readiness.light is Light.UNKNOWN:
        return LightWords(State.BLIND, "Not known", "whether the way back is open", "look")
    if left >= SOON_S:
        stage = f" ({after})" if readiness.then is not None and readiness.then.stage else ""
        return LightWords(State.STALE, "Rollback open", f"{seconds}{stage}, but see why not ready", "look")
    return LightWords(State.STALE, f"Closing in {forms.countdown(left)}" if left > 0 else "Closing now", f"{seconds} ({after})", "look")


def rehearsal_words(rehearsal: Rehearsal | None, now: datetime) -> str:
    """Say when the way back was last rehearsed, and how its seconds compare with the predicted ones."""
    if rehearsal is None:
        return "Never rehearsed."
    ago = forms.age((now - rehearsal.at).total_seconds())
    if not rehearsal.ok:
        return f"Rehearsed {ago} ago: it did not come through."
    return f"Rehearsed {ago} ago: {rehearsal.took_s:.1f} s, predicted {rehearsal.predicted_s:.1f} s."


def losses(sends: tuple[SendView, ...]) -> str:
    """Return what a way back would lose, a line for each row that is not free; "" where nothing is lost."""
    lost = (row for row in sends if row.reversibility != "free" and row.state is None)
    return "\n".join(f"Step {row.number} is {row.reversibility}{f': loses {row.loses}' if row.loses else ''}." for row in lost)


class ReadinessLight(Badge):
    """Whether the way back is open, how long it takes, and if not, why."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._readiness: Readiness | None = None
        ticker().ticked.connect(self._tick)

    def show_view(self, verb: VerbView | None, readiness: Readiness | None = None) -> None:
        """Show what was judged; where nothing was, what the Roll back verb says (None when nothing can be rolled back)."""
        self._readiness = readiness
        self.setToolTip("" if verb is None else plain_tip(verb.second))
        if readiness is not None:
            self._tick()
        elif verb is None:
            self.show_badge(State.PLANNED, "Nothing to roll back", "", "text.2")
        elif verb.enabled:
            seconds = "" if verb.predicted_s is None else forms.span(verb.predicted_s)
            self.show_badge(State.HEALTHY, "Rollback ready", seconds, "ok")
        else:
            self.show_badge(State.FAILED, "No way back", verb.reasons[0] if verb.reasons else verb.second, "fail")

    def _tick(self) -> None:
        if self._readiness is not None:
            said = light_words(self._readiness, ticker().now())
            self.show_badge(said.state, said.strong, said.grey, said.ink)
            self.setToolTip(plain_tip(f"{said.strong}, {said.grey}"))


class ReasonList(QWidget):
    """The reasons of a light, worst first, each with its mark and age; `brief` leaves out those that hold while others do not."""

    def __init__(self, *, brief: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._brief = brief
        self._items: tuple[ReadyItem, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(7)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._rows: list[tuple[MarkLabel, Label, Label]] = []
        ticker().ticked.connect(self._tick)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return the sentences on screen, from the top."""
        return tuple(words.text() for _, words, _ in self._rows if not words.isHidden())

    def show_items(self, items: tuple[ReadyItem, ...]) -> None:
        """Show reasons."""
        worst = tuple(sorted(items, key=lambda item: WORST.index(item.light)))
        bad = tuple(item for item in worst if item.light is not Light.READY)
        self._items = (bad or worst[:2]) if self._brief else worst
        self.setVisible(bool(self._items))
        while len(self._rows) < len(self._items):
            self._add()
        for index, row in enumerate(self._rows):
            for part in row:
                part.setVisible(index < len(self._items))
        self._tick()

    def _tick(self) -> None:
        now = ticker().now()
        for (mark, words, age), item in zip(self._rows, self._items, strict=False):
            mark.show_state(MARKS[item.light], " ", item.light.value)
            words.setText(f"{item.name[:1].upper()}{item.name[1:]}: {item.sentence}" if item.name else item.sentence)
            words.set_ink("text.2" if item.light is Light.READY else "text")
            age.setText("" if item.at is None else forms.age((now - item.at).total_seconds()))

    def _add(self) -> None:
        at = len(self._rows)
        made = (MarkLabel("small", 13), Label("", "small", "text.2", wrap=True), Label("", "caption", "text.3"))
        made[0].setFixedWidth(14)
        for place, part in enumerate(made):
            self._grid.addWidget(part, at, place, Qt.AlignmentFlag.AlignTop if place != 1 else Qt.AlignmentFlag(0))
        self._rows.append(made)


class ReadinessBox(QWidget):
    """The light over its reasons, and when the way back was last rehearsed."""

    def __init__(self, *, brief: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._readiness: Readiness | None = None
        self.light = ReadinessLight()
        self.reasons = ReasonList(brief=brief)
        self._rehearsed = Label("", "small", "text.3", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        for part in (self.light, self.reasons, self._rehearsed):
            column.addWidget(part)
        ticker().ticked.connect(self._tick)
        self.hide()

    def show_view(self, readiness: Readiness | None, *, can_rehearse: bool = False) -> None:
        """Show a light with its reasons; None hides the box. A rehearsal is spoken of where there was one or could be one."""
        self._readiness = readiness
        self.setVisible(readiness is not None)
        if readiness is None:
            return
        self.light.show_view(None, readiness)
        self.reasons.show_items(readiness.items)
        self._rehearsed.setVisible(readiness.rehearsal is not None or can_rehearse)
        self._tick()

    def _tick(self) -> None:
        if self._readiness is not None:
            self._rehearsed.setText(rehearsal_words(self._readiness.rehearsal, ticker().now()))
