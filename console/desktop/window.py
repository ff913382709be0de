"""The main window: a frame with rail, bars, pages, ribbons and toasts; what they show is told by others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from console.desktop import theme
from console.desktop.acting import notice
from console.desktop.keys import bind
from console.desktop.steering import Steering
from console.desktop.widgets.bottombar import BottomBar
from console.desktop.widgets.frame import EnvironmentFrame
from console.desktop.widgets.rail import Rail, RailEntry
from console.desktop.widgets.ribbon import Ribbons
from console.desktop.widgets.toast import Toasts
from console.desktop.widgets.topbar import TopBar

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.desktop.page import Page, PageEntry, Surroundings
    from console.model.errors import ConsoleError
    from console.model.views import Notice, Update


class Window(QMainWindow):
    """Pages are made when they are first shown, and told everything that is known then."""

    def __init__(self, around: Surroundings, pages: tuple[PageEntry, ...], alarm: Callable[[Notice], None] | None = None) -> None:
        super().__init__()
        self._around, self._entries, self._alarm = around, {entry.key: entry for entry in pages}, alarm
        self.pages: dict[str, Page] = {}
        self.frame, self.top, self.ribbons, self.bottom = EnvironmentFrame(), TopBar(), Ribbons(), BottomBar()
        self.rail = Rail([RailEntry(entry.key, entry.title, entry.icon, entry.foot) for entry in pages])
        self.stack = QStackedWidget()
        self.toasts = Toasts(self.frame, theme.size("bottom_bar"))
        self._lay_out()
        self.steering = Steering(around, self)
        self._wire()
        self.setMinimumSize(*theme.pair("window_min"))
        self.resize(*theme.pair("design"))

    @property
    def page(self) -> Page | None:
        """Return the page that is shown, or None before the first one was made."""
        return next((page for page in self.pages.values() if page is self.stack.currentWidget()), None)

    def go(self, key: str, subject: str = "") -> None:
        """Show a page, on a subject where one is given."""
        page = self._page(key)
        self.rail.select(key)
        self.stack.setCurrentWidget(page)
        if subject:
            page.show_subject(subject)
        self._show_place()

    def come_forward(self) -> None:
        """Come to the front without taking the keyboard, and ask for attention."""
        if self.isMinimized():
            self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
            self.showNormal()
        self.raise_()
        QApplication.alert(self)

    def show_error(self, error: ConsoleError) -> None:
        """Tell an error that no page took, in words."""
        self.tell(notice(self._around, "fail", error.message, " ".join(part for part in (error.means, error.advice) if part)))

    def tell(self, told: Notice) -> None:
        """Show a notice as a toast; a failure brings the window forward and is announced."""
        self.toasts.show_notice(told)
        if told.level == "fail" and not self.isActiveWindow():
            self.come_forward()
            if self._alarm is not None:
                self._alarm(told)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop listening before the widgets go."""
        self._around.bridge.detach()
        super().closeEvent(event)

    def _take(self, update: Update) -> None:
        self._around.known.take(update)
        for page in self.pages.values():
            page.show_update(update)
        self.steering.refresh()
        for told in update.notices:
            self.tell(told)

    def _page(self, key: str) -> Page:
        if key not in self.pages:
            page = self._entries[key].make(self._around)
            self.pages[key] = page
            self.stack.addWidget(page)
            page.act.connect(self.steering.acting.send)
            page.selected.connect(self.steering.pick)
            page.went.connect(self.go)
            page.place_changed.connect(self._show_place)
            page.told.connect(self.tell)
            page.badge_changed.connect(lambda count: self.rail.set_badge(key, count))
            page.show_update(self._around.known.everything())
        return self.pages[key]

    def _show_place(self) -> None:
        if (page := self.page) is not None:
            self.top.place.show_place(*page.place())

    def _open_note(self, told: Notice) -> None:
        view = self._around.known.targets.get(told.target)
        rollout = told.rollout or (view.rollout if view is not None else "")
        self.go("releases" if rollout else "targets", rollout or told.target)

    def open_palette(self) -> None:
        """Open the command palette."""
        from console.desktop.choices import choices  # noqa: PLC0415 (start-up time earns it)
        from console.desktop.widgets.palette import Palette  # noqa: PLC0415

        palette = Palette(self.frame)
        palette.closed.connect(palette.deleteLater)
        pages = tuple(self._entries.values())
        palette.open_with(choices(self._around.known, pages, self.go, self.steering.preview_of, self.steering.acting.act))

    def _lay_out(self) -> None:
        self.setCentralWidget(self.frame)
        column, middle, right = QVBoxLayout(self.frame), QHBoxLayout(), QVBoxLayout()
        for layout in (column, middle, right):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
        column.addWidget(self.top)
        column.addLayout(middle, 1)
        column.addWidget(self.bottom)
        middle.addWidget(self.rail)
        middle.addLayout(right, 1)
        right.addWidget(self.ribbons)
        right.addWidget(self.stack, 1)
        self.stack.addWidget(QWidget())

    def _wire(self) -> None:
        self._around.bridge.updated.connect(self._take)
        self._around.bridge.failed.connect(self.show_error)
        self.rail.chosen.connect(self.go)
        self.ribbons.followed.connect(self.go)
        self.toasts.opened.connect(self._open_note)
        self.top.palette_asked.connect(self.open_palette)
        self.top.freeze_asked.connect(lambda: self.go("calendar"))
        self.steering.acting.told.connect(self.tell)
        self.bottom.refused.connect(lambda why: self.tell(notice(self._around, "refused", "This can't act now", why)))
        bind(self, tuple(self._entries))
