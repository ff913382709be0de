"""The sixteen state marks, drawn in code because their silhouettes are ours; any two differ without colour."""

from collections.abc import Callable, Iterable
from functools import cache

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPainterPath, QPainterPathStroker, QPixmap, QTransform
from PySide6.QtWidgets import QSizePolicy, QWidget

from console.desktop import theme
from console.desktop.widgets.painted import Painted, metrics, width_of, write
from console.model.verbs import STATE_OF_VERDICT, State, Verdict

BOX = 24.0


def _line(points: Iterable[tuple[float, float]], *, shut: bool = False) -> QPainterPath:
    path = QPainterPath()
    for index, (x, y) in enumerate(points):
        if index:
            path.lineTo(x, y)
        else:
            path.moveTo(x, y)
    if shut:
        path.closeSubpath()
    return path


def _stroke(path: QPainterPath, width: float, dashes: tuple[float, ...] = ()) -> QPainterPath:
    pen = QPainterPathStroker()
    pen.setWidth(width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap if dashes else Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if dashes:
        pen.setDashPattern(list(dashes))
    return pen.createStroke(path).simplified()


def _disc(x: float, y: float, r: float) -> QPainterPath:
    path = QPainterPath()
    path.addEllipse(QPointF(x, y), r, r)
    return path


def _healthy() -> QPainterPath:
    return _disc(12, 12, 10.4) - _stroke(_line([(7.3, 12.4), (10.7, 15.8), (16.8, 8.8)]), 2.7)


def _watching() -> QPainterPath:
    pill = QPainterPath()
    pill.addRoundedRect(QRectF(1.2, 6.6, 21.6, 10.8), 5.4, 5.4)
    return _stroke(pill, 2.0) + _disc(7.2, 12, 1.5) + _disc(12, 12, 1.5) + _disc(16.8, 12, 1.5)


def _no_data() -> QPainterPath:
    return _stroke(_disc(12, 12, 9.2), 2.2, (1.64, 1.64))


def _stale() -> QPainterPath:
    return _stroke(_disc(12, 12, 9.4), 2.2) + _stroke(_line([(12, 6.4), (12, 12), (16, 14.2)]), 2.2)


def _blind() -> QPainterPath:
    lens = QPainterPath(QPointF(1.8, 12))
    lens.cubicTo(6, 4.6, 18, 4.6, 22.2, 12)
    lens.cubicTo(18, 19.4, 6, 19.4, 1.8, 12)
    slash = _line([(3.6, 3.2), (20.4, 20.8)])
    gap = _stroke(slash.translated(1.5, -1.5), 2.4)
    return ((_stroke(lens, 2.1) + _stroke(_disc(12, 12, 2.8), 2.0)) - gap) + _stroke(slash, 2.3)


def _misconfigured() -> QPainterPath:
    edge = _stroke(_line([(12, 2.8), (22.2, 20.8), (1.8, 20.8)], shut=True), 2.2)
    return edge + _stroke(_line([(12, 9.4), (12, 13.6)]), 2.2) + _disc(12, 17.2, 1.4)


def _failed() -> QPainterPath:
    near, far = 1.6, 22.4
    cut = (far - near) * 0.293
    corners = [
        (near + cut, near), (far - cut, near), (far, near + cut), (far, far - cut),
        (far - cut, far), (near + cut, far), (near, far - cut), (near, near + cut),
    ]  # fmt: skip
    cross = _stroke(_line([(8.3, 8.3), (15.7, 15.7)]), 2.8) + _stroke(_line([(15.7, 8.3), (8.3, 15.7)]), 2.8)
    return _line(corners, shut=True) - cross


def _frozen() -> QPainterPath:
    arm = _stroke(_line([(12, 12), (12, 1.6)]), 2.0) + _stroke(_line([(9.2, 3.4), (12, 6.2), (14.8, 3.4)]), 1.8)
    star = QPainterPath()
    for turn in range(6):
        star += QTransform().translate(12, 12).rotate(60 * turn).translate(-12, -12).map(arm)
    return star


def _held() -> QPainterPath:
    bars = QPainterPath()
    bars.addRoundedRect(QRectF(4.4, 3.2, 5.6, 17.6), 1, 1)
    bars.addRoundedRect(QRectF(14, 3.2, 5.6, 17.6), 1, 1)
    return bars


def _rolling_back() -> QPainterPath:
    first = _line([(11.6, 4), (1.4, 12), (11.6, 20)], shut=True)
    return first + first.translated(11, 0)


def _unknown() -> QPainterPath:
    edge = _stroke(_line([(12, 1.6), (22.4, 12), (12, 22.4), (1.6, 12)], shut=True), 2.1)
    hook = QPainterPath(QPointF(9.4, 9.8))
    hook.cubicTo(9.5, 6.2, 14.8, 6.4, 14.6, 9.8)
    hook.cubicTo(14.5, 11.7, 12, 11.6, 12, 13.4)
    return edge + _stroke(hook, 2.0) + _disc(12, 16.7, 1.3)


def _drift() -> QPainterPath:
    bars = _stroke(_line([(3.6, 8.6), (20.4, 8.6)]), 2.4) + _stroke(_line([(3.6, 15.4), (20.4, 15.4)]), 2.4)
    return bars + _stroke(_line([(17.4, 3), (6.6, 21)]), 2.4)


def _in_rollout() -> QPainterPath:
    half = QPainterPath(QPointF(12, 2.6))
    half.arcTo(QRectF(2.6, 2.6, 18.8, 18.8), 90, -180)
    half.closeSubpath()
    return _stroke(_disc(12, 12, 9.4), 2.2) + half


def _hanging() -> QPainterPath:
    glass = QPainterPath(QPointF(6.2, 2.8))
    glass.cubicTo(6.2, 8, 10.6, 9.6, 12, 12)
    glass.cubicTo(10.6, 14.4, 6.2, 16, 6.2, 21.2)
    glass.lineTo(17.8, 21.2)
    glass.cubicTo(17.8, 16, 13.4, 14.4, 12, 12)
    glass.cubicTo(13.4, 9.6, 17.8, 8, 17.8, 2.8)
    glass.closeSubpath()
    rims = _stroke(_line([(4.2, 2.6), (19.8, 2.6)]), 2.2) + _stroke(_line([(4.2, 21.4), (19.8, 21.4)]), 2.2)
    return _stroke(glass, 2.0) + rims


def _waived() -> QPainterPath:
    ribbon = [(3.6, 3), (20.4, 3), (20.4, 21), (17.6, 18.4), (14.8, 21), (12, 18.4), (9.2, 21), (6.4, 18.4), (3.6, 21)]
    return _stroke(_line(ribbon, shut=True), 2.1) + _stroke(_line([(8.4, 10.6), (15.6, 10.6)]), 2.2)


def _planned() -> QPainterPath:
    return _stroke(_disc(12, 12, 4.4), 2.2)


_DRAWN: dict[State, Callable[[], QPainterPath]] = {
    State.HEALTHY: _healthy, State.WATCHING: _watching, State.NO_DATA: _no_data, State.STALE: _stale,
    State.BLIND: _blind, State.MISCONFIGURED: _misconfigured, State.FAILED: _failed, State.FROZEN: _frozen,
    State.HELD: _held, State.ROLLING_BACK: _rolling_back, State.UNKNOWN: _unknown, State.DRIFT: _drift,
    State.IN_ROLLOUT: _in_rollout, State.HANGING: _hanging, State.WAIVED: _waived, State.PLANNED: _planned,
}  # fmt: skip


@cache
def mark_path(state: State) -> QPainterPath:
    """Return a state's mark as one path to be filled, in a box of 24 by 24."""
    return _DRAWN[state]()


def paint_mark(painter: QPainter, state: State, rect: QRectF, colour: QColor | None = None) -> None:
    """Fill a state's mark into a square, in its family's colour unless another is given."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.topLeft())
    painter.scale(rect.width() / BOX, rect.height() / BOX)
    painter.fillPath(mark_path(state), colour if colour is not None else theme.state_colour(state))
    painter.restore()


@cache
def _pixmap(state: State, size: int, colour: int, ratio: float) -> QPixmap:
    image = QPixmap(round(size * ratio), round(size * ratio))
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    paint_mark(painter, state, QRectF(image.rect()), QColor.fromRgba(colour))
    painter.end()
    image.setDevicePixelRatio(ratio)
    return image


def mark_pixmap(state: State, size: int = 13, ink: str = "") -> QPixmap:
    """Return a state's mark as a cached pixmap, for delegates and labels."""
    app = QGuiApplication.instance()
    ratio = app.devicePixelRatio() if isinstance(app, QGuiApplication) else 1.0
    colour = theme.colour(ink) if ink else theme.state_colour(state)
    return _pixmap(state, size, colour.rgba(), ratio)


class MarkLabel(Painted):
    """A mark with its word in the state's colour."""

    def __init__(self, role: str = "label", size: int = 15, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._role, self._size = role, size
        self._state: State | None = None
        self._word = ""
        self._ink = ""
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def show_state(self, state: State | None, word: str = "", subject: str = "", ink: str = "") -> None:
        """Show a state; `word` replaces its usual word, `subject` is said to screen readers, `ink` replaces the word's colour."""
        wanted = (word or theme.state_word(state)) if state is not None else ""
        if (state, wanted, ink) == (self._state, self._word, self._ink):
            return
        self._state, self._word, self._ink = state, wanted, ink
        self.setAccessibleName(", ".join(part for part in (wanted, subject) if part))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the room for mark, gap and word."""
        if self._state is None:
            return QSize(0, theme.line_height(self._role))
        return QSize(round(self._size + 7 + width_of(self._word, self._role)) + 1, max(self._size, theme.line_height(self._role)))

    def minimumSizeHint(self) -> QSize:
        """Return the room for the mark alone; the word is elided then."""
        return QSize(self._size, self.sizeHint().height())

    def paint(self, painter: QPainter) -> None:
        """Paint mark and word on one line."""
        if self._state is None:
            return
        top = (self.height() - self._size) / 2
        paint_mark(painter, self._state, QRectF(0, top, self._size, self._size))
        room = QRectF(self._size + 7, 0, self.width() - self._size - 7, self.height())
        write(painter, room, (self._word, self._role, self._ink or theme.state_token(self._state)))


class Chip(MarkLabel):
    """A verdict on its tint; FAIL and PASS in capitals on cards, other verdicts in small letters."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("small.strong", 13, parent)
        self.setFixedHeight(theme.size("chip"))

    def show_verdict(self, verdict: Verdict, subject: str = "") -> None:
        """Show a gate's verdict."""
        word = verdict.value.upper() if verdict in {Verdict.FAIL, Verdict.PASS} else verdict.value
        self.show_state(STATE_OF_VERDICT[verdict], word, subject)

    def sizeHint(self) -> QSize:
        """Return the room with 8 px on both sides."""
        return super().sizeHint() + QSize(16, 0)

    def paint(self, painter: QPainter) -> None:
        """Paint the tint, then mark and word."""
        if self._state is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.state_tint(self._state))
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        top = (self.height() - self._size) / 2
        paint_mark(painter, self._state, QRectF(8, top, self._size, self._size))
        room = QRectF(self._size + 14, 0, metrics(self._role).horizontalAdvance(self._word) + 1, self.height())
        write(painter, room, (self._word, self._role, theme.state_token(self._state)))
