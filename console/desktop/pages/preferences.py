"""What a person prefers for the whole window: theme, text size, row height, motion; kept as settings and told to every page."""

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtWidgets import QApplication

from console.desktop import look, theme
from console.desktop.bridge import Bridge

THEME, ROWS, MOTION, OPERATOR, ZOOM = "theme", "row_height", "reduced_motion", "operator", "text_size"
"""The keys under which they are stored."""
HEIGHTS = {"dense": 17, "normal": 24, "roomy": 32}


class Preferences(QObject):
    """One for the application; `changed` tells pages to look again."""

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.theme = "system"
        self.rows = "normal"
        self.reduced_motion = False
        self.zoom = look.zoom()
        """The text size of the next start, in per cent."""

    @property
    def row_height(self) -> int:
        """Return the height of a table's rows, in px."""
        return HEIGHTS[self.rows]

    def load(self, bridge: Bridge) -> None:
        """Ask for what was stored, and take it."""
        bridge.ask(lambda desk: desk.setting(THEME, "system"), self.take_theme)
        bridge.ask(lambda desk: desk.setting(ROWS, "normal"), self.take_rows)
        bridge.ask(lambda desk: desk.setting(MOTION, "no"), self.take_motion)
        bridge.ask(lambda desk: desk.setting(ZOOM, str(look.zoom())), self.take_zoom)

    def take_theme(self, choice: str) -> None:
        """Put a theme in force; one that does not exist is passed over."""
        app = QApplication.instance()
        if choice in theme.CHOICES and isinstance(app, QApplication):
            self.theme = choice
            if theme.resolve(choice) != theme.current():
                theme.apply(app, choice)
            self.changed.emit()

    def take_rows(self, rows: str) -> None:
        """Show tables in another row height; one that does not exist is passed over."""
        if rows in HEIGHTS:
            self.rows = rows
            self.changed.emit()

    def take_zoom(self, size: str) -> None:
        """Take a text size in per cent for the next start; one that is not offered is passed over."""
        if size in {str(offered) for offered in look.ZOOMS}:
            self.zoom = int(size)
            self.changed.emit()

    def step_zoom(self, step: int) -> int:
        """Take the next larger (1) or smaller (-1) text size for the next start, or (0) the normal one, and return it."""
        place = look.ZOOMS.index(self.zoom) + step if step else 0
        self.take_zoom(str(look.ZOOMS[min(max(place, 0), len(look.ZOOMS) - 1)]))
        return self.zoom

    def take_motion(self, reduced: str) -> None:
        """Reduce motion, or not: `yes` or `no`."""
        self.reduced_motion = reduced == "yes"
        self.changed.emit()


def preferences() -> Preferences:
    """Return the application's one set of preferences, made at the first call."""
    app = QCoreApplication.instance()
    if app is None:
        raise RuntimeError("preferences need a running application")
    found = app.findChild(Preferences)
    return found if isinstance(found, Preferences) else Preferences(app)
