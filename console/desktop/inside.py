"""What the window holds once it is on screen: pages, ribbons, toasts, keys; each is told what the engine says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from console.desktop import look, theme
from console.desktop.acting import notice
from console.desktop.aloud import announce
from console.desktop.choices import choices
from console.desktop.keys import bind
from console.desktop.leaving import Leaving, driven
from console.desktop.steering import Steering
from console.desktop.widgets.palette import Palette
from console.desktop.widgets.ribbon import Ribbons
from console.desktop.widgets.toast import Toasts

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.desktop.page import Page, Surroundings
    from console.desktop.window import Window
    from console.model.commands import Command, Decision
    from console.model.errors import ConsoleError
    from console.model.team import RecordsView
    from console.model.views import Notice, Update


class Inside(QObject):
    """One per window. Pages are made when they are first shown, and told everything that is known then."""

    def __init__(self, around: Surroundings, window: Window, alarm: Callable[[Notice], None] | None = None) -> None:
        super().__init__(window)
        self._around, self.window, self._alarm = around, window, alarm
        self.pages: dict[str, Page] = {}
        self.ribbons = Ribbons()
        self.toasts = Toasts(window.frame, theme.size("bottom_bar"))
        window.over_pages.addWidget(self.ribbons)
        self.steering = Steering(around, window, self.ribbons)
        self._wire()

    @property
    def page(self) -> Page | None:
        """Return the page that is shown, or None before the first one was made."""
        return next((page for page in self.pages.values() if page is self.window.stack.currentWidget()), None)

    def go(self, key: str, subject: str = "") -> None:
        """Show a page, on a subject where one is given."""
        page = self._page(key)
        self.window.rail.select(key)
        page.switch(self.window.stack, page)
        if subject:
            page.show_subject(subject)
        self._show_place()

    def show_error(self, error: ConsoleError) -> None:
        """Tell an error that no page took, in words."""
        self.tell(notice(self._around, "fail", error.message, " ".join(part for part in (error.means, error.advice) if part)))

    def tell(self, told: Notice) -> None:
        """Show a notice as a toast; a failure is announced and brings the window forward, without taking the keyboard."""
        if not (told.rollout and self.page is not None and self.page.shows_rollout(told.rollout)):
            self.toasts.show_notice(told)
        if told.level != "fail":
            return
        announce(self.window, f"{told.title}. {told.text}")
        if not self.window.isActiveWindow():
            self.window.come_forward()
            if self._alarm is not None:
                self._alarm(told)

    def open_palette(self) -> None:
        """Open the command palette."""
        palette = Palette(self.window.frame)
        palette.closed.connect(palette.deleteLater)
        pages = tuple(self.window.entries.values())
        palette.open_with(choices(self._around.known, pages, self.go, self.steering.preview_of, self.steering.acting.act))

    def choose_size(self, step: int) -> None:
        """Choose the next larger or smaller text size, or (0) the normal one, for the next start."""
        from console.desktop.pages.preferences import ZOOM, preferences  # noqa: PLC0415 (the first paint does not wait for it)

        size = preferences().step_zoom(step)
        self._around.bridge.ask(lambda desk: desk.set_setting(ZOOM, str(size)))
        when = "It is this now." if size == look.zoom() else "It takes effect at the next start."
        self.tell(notice(self._around, "ok", f"Text size {size} %", when))

    def _follow(self, key: str) -> None:
        """Open a page from a ribbon, or the question that its link stands for."""
        what, _, subject = key.partition(":")
        if what == "wheel":
            self.go("releases", subject)
            self.pages["releases"].take_wheel(subject)  # type: ignore[attr-defined]
        elif what in {"resume", "lift"}:
            from console.desktop.pages.quarantine import QuarantineMoves  # noqa: PLC0415 (the first paint does not wait for dialogs)

            target, _, version = subject.partition("@")
            moves = self.findChild(QuarantineMoves) or QuarantineMoves(self._around, self.window, self)
            moves.ask(what, target, version)
        else:
            self.go(what, subject)

    def _ask_again(self, command: Command, decision: Decision) -> None:
        from console.desktop.pages.asks_again import AsksAgain  # noqa: PLC0415 (the first paint does not wait for dialogs)

        question = AsksAgain(command, decision, self.window)
        question.chosen.connect(self.steering.acting.send)
        question.open()

    def _ask_first(self) -> bool:
        rollout = driven(self._around.known)
        if rollout is None:
            return False
        question = Leaving(self.window.frame, rollout)
        question.left.connect(self._leave)
        question.ask()
        return True

    def _leave(self) -> None:
        self.window.asks_first = None
        self.window.close()

    def _take(self, update: Update) -> None:
        self._around.known.take(update)
        for page in self.pages.values():
            page.show_update(update)
        self.steering.refresh()
        for told in update.notices:
            self.tell(told)

    def _ask_records(self) -> None:
        """Ask once whose records these are and what this login may do: what it may not is said on the buttons."""
        self._around.bridge.ask(lambda desk: desk.records(), self._know_records, self._no_records)

    def _know_records(self, view: RecordsView) -> None:
        self._around.known.records = view
        for page in self.pages.values():
            page.show_update(self._around.known.everything())

    def _no_records(self, _error: ConsoleError) -> None:
        """Leave every button as it is: the database refuses by itself what the role does not allow."""

    def _page(self, key: str) -> Page:
        if key not in self.pages:
            page = self.window.entries[key].make(self._around)
            self.pages[key] = page
            self.window.stack.addWidget(page)
            self.window.bottom.come_last()
            page.act.connect(self.steering.acting.send)
            page.selected.connect(self.steering.pick)
            page.went.connect(self.go)
            page.place_changed.connect(self._show_place)
            page.told.connect(self.tell)
            page.badge_changed.connect(lambda count: self.window.rail.set_badge(key, count))
            page.show_update(self._around.known.everything())
        return self.pages[key]

    def _show_place(self) -> None:
        if (page := self.page) is not None:
            self.window.top.place.show_place(*page.place())

    def _open_note(self, told: Notice) -> None:
        view = self._around.known.targets.get(told.target)
        rollout = told.rollout or (view.rollout if view is not None else "")
        self.go("releases" if rollout else "targets", rollout or told.target)

    def _refused(self, why: str) -> None:
        self.tell(notice(self._around, "refused", "This can't act now", why))

    def _wire(self) -> None:
        window = self.window
        self._around.bridge.updated.connect(self._take)
        self._around.bridge.failed.connect(self.show_error)
        self._around.bridge.attached.connect(self._ask_records)
        if self._around.bridge.desk is not None:
            self._ask_records()
        window.closing.connect(self._around.bridge.detach)
        window.rail.chosen.connect(self.go)
        window.top.palette_asked.connect(self.open_palette)
        window.top.freeze_asked.connect(lambda: self.go("calendar"))
        window.bottom.refused.connect(self._refused)
        self.ribbons.followed.connect(self._follow)
        self.toasts.opened.connect(self._open_note)
        self.steering.acting.told.connect(self.tell)
        self.steering.acting.asked.connect(self._ask_again)
        window.asks_first = self._ask_first
        bind(window, self)
