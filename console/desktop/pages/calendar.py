"""The Calendar page: what freezes now and next, the stop-the-line, and the form for a new freeze window."""

from datetime import datetime

from PySide6.QtWidgets import QSizePolicy, QStackedLayout, QStackedWidget, QVBoxLayout, QWidget

from console.desktop import forms, theme
from console.desktop.page import Page, Surroundings
from console.desktop.pages.dialog import AskingWhy
from console.desktop.pages.freeze_form import FreezeForm
from console.desktop.pages.freeze_list import FreezeTable
from console.desktop.pages.freeze_panel import FreezePanel
from console.desktop.pages.laying import column, fill, page_layout, row
from console.desktop.pages.line_dialogs import LiftDialog, StopDialog
from console.desktop.pages.peak_panel import PeakPanel
from console.desktop.pages.week_strip import WeekStrip
from console.desktop.widgets.age import ticker
from console.desktop.widgets.button import Button
from console.desktop.widgets.empty import EmptyState, Loading
from console.desktop.widgets.label import Label
from console.desktop.widgets.panel import Panel
from console.desktop.widgets.ribbon import Ribbons, RibbonView
from console.model.freeze import FreezeWindow, StopTheLine
from console.model.verbs import State
from console.model.views import CalendarView, FreezeRow, Notice, Update


class CalendarPage(Page):
    """Freeze windows as a week strip and a list, with one of them, or the form, in the panel beside them."""

    title = "Calendar"

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(around, parent)
        self._view: CalendarView | None = None
        self._window = ""
        self._target = ""
        self._stack = QStackedLayout(self)
        self._loading = Loading()
        self._stack.addWidget(self._loading)
        self._stack.addWidget(self._whole())
        ticker().ticked.connect(self._tick)

    def show_update(self, update: Update) -> None:
        """Show a changed calendar, and offer changed targets in the form."""
        self.form.show_targets(sorted(self.around.known.targets))
        calendar = self.around.known.calendar
        if calendar is not None and (update.calendar is not None or self._view is None):
            self._show(calendar)

    def show_subject(self, subject: str) -> None:
        """Take a target as the one that a stop is offered for."""
        self._target = subject

    def place(self) -> tuple[str, str]:
        """Return the title with what is in force."""
        held = [row.window.name for row in self._view.rows if row.now is not None] if self._view else []
        return self.title, ", ".join(held[:2]) + " in force" if held else "nothing in force"

    def _whole(self) -> QWidget:
        whole = QWidget()
        self._headline, self._subline = Label("", "title"), Label("", "small", "text.2", elide=True)
        self.new = Button("New freeze window", icon="plus")
        self.new.clicked.connect(self._open_form)
        self.stop = Button("Stop the line", icon="circle-stop")
        self.stop.clicked.connect(self._ask_stop)
        self._ribbons = Ribbons()
        fill(self._ribbons.layout(), [], 4)
        self._ribbons.followed.connect(lambda _: self._ask_lift())
        left, side = self._lists(), self._beside()
        layout = page_layout(whole)
        layout.addWidget(self._ribbons)
        layout.addLayout(row([column([self._headline, self._subline], 2), -1, self.stop, self.new]))
        layout.addLayout(row([left, side], theme.size("gutter")), 1)
        return whole

    def _lists(self) -> QVBoxLayout:
        self.strip = WeekStrip()
        week = Panel("Coming week", f"times in {forms.zone_name()}")
        week.body.addWidget(self.strip)
        week.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.table = FreezeTable()
        self.table.chosen.connect(self._choose)
        self._empty = EmptyState("No freeze window covers anything yet.", "New freeze window")
        self._empty.pressed.connect(self._open_form)
        self._nothing = Panel("Freeze windows")
        self._nothing.body.addWidget(self._empty)
        self._nothing.body.addStretch(1)
        self.peak = PeakPanel()
        left = column([week, self.table, self._nothing, self.peak], theme.size("gutter"))
        left.setStretch(1, 1)
        left.setStretch(2, 1)
        return left

    def _beside(self) -> QStackedWidget:
        self.panel = FreezePanel()
        self.panel.removed.connect(self._ask_remove)
        self.form = FreezeForm(self.around.clock.now, self.around.actor.name)
        self.form.saved.connect(self._save)
        self.form.closed.connect(self._close_form)
        self._side = QStackedWidget()
        self._side.setFixedWidth(theme.size("inspector") + 60)
        for shown in (self.panel, self.form):
            self._side.addWidget(shown)
        return self._side

    def _show(self, view: CalendarView) -> None:
        self._view = view
        now = self.around.clock.now()
        self._stack.setCurrentIndex(1)
        self._headline.setText(headline(view))
        self._subline.setText(subline(view, now))
        self._show_stops(view, now)
        self.strip.show_week(view.week, now)
        self.table.freezes.show_rows(view.rows, now, len(self.around.known.targets))
        self.table.select(self._window)
        self.table.setVisible(bool(view.rows))
        self._nothing.setVisible(not view.rows)
        self.peak.show_view(view.blackouts)
        self._show_side()
        self.badge_changed.emit(1 if view.broken else 0)
        self.place_changed.emit()

    def _show_side(self) -> None:
        row = self._chosen()
        editing = self._side.currentWidget() is self.form
        self._side.setVisible(editing or row is not None)
        if row is not None:
            self.panel.show_view(row, self.around.clock.now())

    def _show_stops(self, view: CalendarView, now: datetime) -> None:
        ribbons = [RibbonView("stop", State.FROZEN, stop_head(stop), stop_words(stop, now), "Lift the stop …") for stop in view.stops]
        if view.broken:
            ribbons.append(RibbonView("broken", State.BLIND, "Every target counts as frozen", view.broken, rank=1))
        self._ribbons.show_ribbons(ribbons)
        self.stop.setText("Lift the stop …" if view.stops else "Stop the line")

    def _chosen(self) -> FreezeRow | None:
        rows = self._view.rows if self._view else ()
        return next((row for row in rows if row.window.id == self._window), None)

    def _choose(self, window_id: str) -> None:
        self._window = window_id
        self._close_form()

    def _open_form(self) -> None:
        self.form.reset()
        self._side.setCurrentWidget(self.form)
        self._side.show()
        self.form.name.setFocus()

    def _close_form(self) -> None:
        self._side.setCurrentWidget(self.panel)
        self._show_side()

    def _save(self, window: FreezeWindow) -> None:
        self.around.bridge.ask(lambda desk: desk.add_freeze(window), lambda _: self._saved(window), self.form.failed, self)

    def _saved(self, window: FreezeWindow) -> None:
        self._window = window.id
        self._close_form()
        self.told.emit(
            Notice(self.around.clock.now(), "ok", f"{window.name} is saved", "It is enforced by this console; backward moves stay open.")
        )

    def _ask_remove(self) -> None:
        shown = self._chosen()
        if shown is None:
            return
        window = shown.window
        ends = " It is in force now: forward moves are open again from then on." if shown.now else ""
        dialog = AskingWhy(f"Remove {window.name}?", f"It no longer freezes anything.{ends}", "Remove", "plain", self)
        dialog.reasoned.connect(
            lambda why: self.around.bridge.ask(
                lambda desk: desk.remove_freeze(window.id, why), lambda _: dialog.accept(), dialog.show_problem, dialog
            )
        )
        dialog.open()

    def _ask_stop(self) -> None:
        if self._view is not None and self._view.stops:
            self._ask_lift()
            return
        dialog = StopDialog(tuple(sorted(self.around.known.targets)), self._target, self.around.clock.now, self)
        dialog.stopped.connect(lambda why, until, targets: self._stop(dialog, why, until, targets))
        dialog.open()

    def _stop(self, dialog: StopDialog, why: str, until: datetime | None, targets: tuple[str, ...]) -> None:
        dialog.busy()
        self.around.bridge.ask(lambda desk: desk.stop_the_line(why, until, targets), lambda _: dialog.accept(), dialog.show_problem, dialog)

    def _ask_lift(self) -> None:
        if self._view is None or not self._view.stops:
            return
        dialog = LiftDialog(self._view.stops, self)
        dialog.reasoned.connect(
            lambda why: self.around.bridge.ask(lambda desk: desk.lift_the_line(why), lambda _: dialog.accept(), dialog.show_problem, dialog)
        )
        dialog.open()

    def _tick(self) -> None:
        if self.isVisible() and self._view is not None:
            now = self.around.clock.now()
            self.strip.show_week(self._view.week, now)
            self._subline.setText(subline(self._view, now))


def headline(view: CalendarView) -> str:
    """Say what freezes now."""
    if view.broken:
        return "The calendar cannot be read"
    if view.stops:
        return "The line is stopped"
    held = [row.window.name for row in view.rows if row.now is not None]
    closed = [name for name, traffic in view.blackouts.items() if traffic.closed]
    if held:
        return f"{held[0]} is in force" if len(held) == 1 else f"{len(held)} freeze windows are in force"
    return f"Peak traffic holds {closed[0]}" if closed else "Nothing is frozen"


def subline(view: CalendarView, now: datetime) -> str:
    """Count the windows and say which begins next."""
    count = len(view.rows)
    words = f"{count} freeze window" + ("" if count == 1 else "s")
    coming = min((found for row in view.rows for found in row.upcoming if found.start > now), key=lambda found: found.start, default=None)
    after = (
        f"  ·  next {coming.window.name}, {forms.day_minute(coming.start, now)}, in {forms.span((coming.start - now).total_seconds())}"
        if coming
        else ""
    )
    return f"{words}{after}  ·  backward moves are always open"


def stop_head(stop: StopTheLine) -> str:
    """Say who stopped what."""
    return f"Stopped by {stop.by}" + (f" for {', '.join(stop.targets)}" if stop.targets else "")


def stop_words(stop: StopTheLine, now: datetime) -> str:
    """Say why, since when and until when the line is stopped."""
    until = f"ends {forms.day_minute(stop.until, now)}" if stop.until else "until it is lifted"
    return f"{stop.reason}  ·  since {forms.day_minute(stop.since, now)}, {until}. Backward moves are open."
