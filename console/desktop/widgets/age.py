"""Every number has an age: one shared timer of a second moves them all."""

from datetime import datetime

from PySide6.QtCore import QCoreApplication, QObject, QRectF, QSize, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.mark import paint_mark
from console.desktop.widgets.painted import RIGHT, Painted, width_of, write
from console.model.clock import Clock, SystemClock
from console.model.verbs import State


class Ticker(QObject):
    """Ticks once a second for every age on screen, and tells them the time."""

    ticked = Signal()

    def __init__(self, clock: Clock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clock = clock
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self.ticked)
        self._timer.start()

    def now(self) -> datetime:
        """Return the instant, in UTC."""
        return self._clock.now()

    def set_clock(self, clock: Clock) -> None:
        """Take another clock, and tell everyone."""
        self._clock = clock
        self.ticked.emit()


def ticker() -> Ticker:
    """Return the application's one ticker, made at the first call."""
    app = QCoreApplication.instance()
    if app is None:
        raise RuntimeError("ages need a running application")
    found = app.findChild(Ticker)
    return found if isinstance(found, Ticker) else Ticker(SystemClock(), app)


class AgeLabel(Painted):
    """How old a number is; past its limit amber, semibold, with the clock mark."""

    def __init__(self, subject: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._subject = subject
        self._at: datetime | None = None
        self._limit_s = 0.0
        self._text, self._old = "", False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        ticker().ticked.connect(self._tick)

    @property
    def old(self) -> bool:
        """Tell whether the number is past its limit, or was never read."""
        return self._old

    def show_age(self, at: datetime | None, limit_s: float) -> None:
        """Count from an instant; `limit_s` is the age from which on the number is old."""
        self._at, self._limit_s = at, limit_s
        self._tick()

    def sizeHint(self) -> QSize:
        """Return the room for the text and, when old, the mark."""
        return QSize(round(width_of(self._text, self._role())) + 1 + (15 if self._old else 0), 14)

    def paint(self, painter: QPainter) -> None:
        """Paint at the right edge."""
        ink = "look" if self._old else "text.3"
        wide = write(painter, QRectF(self.rect()), (self._text, self._role(), ink), RIGHT)
        if self._old:
            paint_mark(painter, State.STALE, QRectF(self.width() - wide - 15, (self.height() - 11) / 2, 11, 11), theme.colour("look"))

    def _role(self) -> str:
        return "caption.strong" if self._old else "caption"

    def _tick(self) -> None:
        seconds = None if self._at is None else (ticker().now() - self._at).total_seconds()
        text = "not read" if seconds is None else forms.age(seconds)
        old = seconds is None or seconds > self._limit_s
        if (text, old) != (self._text, self._old):
            self._text, self._old = text, old
            aloud = text if seconds is None else f"{text} old" + (", too old" if old else "")
            self.setAccessibleName(f"{self._subject} {aloud}".strip())
            self.updateGeometry()
            self.update()
