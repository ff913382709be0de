"""What a page is: a widget that is told every batch, and that asks the window to act or to go elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QStackedWidget, QWidget

if TYPE_CHECKING:
    from console.desktop.bridge import Bridge
    from console.desktop.known import Known
    from console.model.clock import Clock
    from console.model.rollout import Actor
    from console.model.views import Update


class Surroundings:
    """What every page is given: the door to the engine, who acts, the clock, and what is known so far.

    `actor` is known before the first page is made, not before the first paint.
    """

    __slots__ = ("_actor", "bridge", "clock", "known")

    def __init__(self, bridge: Bridge, actor: Actor | None, clock: Clock, known: Known) -> None:
        self.bridge, self._actor, self.clock, self.known = bridge, actor, clock, known

    @property
    def actor(self) -> Actor:
        """Return who acts."""
        if self._actor is None:
            raise RuntimeError("nobody is known to act yet")
        return self._actor

    @actor.setter
    def actor(self, actor: Actor) -> None:
        self._actor = actor


class Page(QWidget):
    """One page of the window; a page composes widgets and owns nothing outside itself."""

    title = ""
    act = Signal(object)
    """A Command to send; the window sends it, and shows a refusal."""
    selected = Signal(str)
    """The target that frame, tab, bottom bar and title now stand for."""
    went = Signal(str, str)
    """Open another page, by its key, on a subject: a target's name or a rollout's id."""
    place_changed = Signal()
    """`place` is another one now."""
    told = Signal(object)
    """A Notice to show as a toast."""
    badge_changed = Signal(int)
    """How many things on this page need a person."""

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.around = around

    def switch(self, stack: QStackedWidget, shown: QWidget) -> None:
        """Show one widget of a stack. A keyboard that was in the one before is kept by the page: Qt would give it to the first button,
        which Enter would then press unasked.
        """
        before, now = stack.currentWidget(), QApplication.focusWidget()
        moves = before is not shown and before is not None and now is not None and before.isAncestorOf(now)
        stack.setCurrentWidget(shown)
        if moves:
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_update(self, update: Update) -> None:
        """Show a batch; the first one holds everything."""

    def show_subject(self, subject: str) -> None:
        """Show one thing: a target by name or a rollout by id."""

    def place(self) -> tuple[str, str]:
        """Return the title and its small grey second part, for the top bar."""
        return self.title, ""

    def shows_rollout(self, _rollout: str) -> bool:
        """Tell whether this rollout is shown in full now: then a toast would only lie over what it repeats."""
        return False

    def focus_filter(self) -> None:
        """Put the keyboard into the page's filter, where it has one."""


class PageEntry(NamedTuple):
    """A page on the rail; `make` imports it when it is first shown. `foot` puts it at the rail's foot."""

    key: str
    title: str
    icon: str
    make: Callable[[Surroundings], Page]
    foot: bool = False
