"""The bottom bar: the four verbs that only lower exposure, always in this place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from console.desktop import icons, theme
from console.desktop.widgets.label import Label, plain_tip
from console.desktop.widgets.painted import CENTRE, card, width_of, write, write_run
from console.model.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.model.views import VerbView

ORDER = (
    (Verb.HOLD, "Hold", "F6", "pause"),
    (Verb.STEP_DOWN, "Step down", "F7", "trending-down"),
    (Verb.ROLLBACK, "Roll back", "F8", "rewind"),
    (Verb.FLAG_KILL, "Kill flag", "F9", "flag-off"),
)
NARROW = 1400
ALONE = 1000
"""Under this width there is no room for the remark beside the verbs."""
ACTS_ON, LEAST_VERB = 168, 112
"""The room for what the bar acts on, and the least for a verb: its name and key."""
NEEDS_ROLLOUT = "needs a rollout"


class VerbButton(QAbstractButton):
    """One verb: name, key, and as second line the prediction or why it can't act."""

    def __init__(self, name: str, key: str, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.key, self._icon = name, key, icon
        self._second, self._solid, self._why = NEEDS_ROLLOUT, False, ""
        self.setText(name)
        self.setFixedSize(*theme.pair("verb"))
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._name_aloud()

    @property
    def second(self) -> str:
        """Return the second line."""
        return self._second

    @property
    def solid(self) -> bool:
        """Tell whether it is the bright one."""
        return self._solid

    @property
    def why(self) -> str:
        """Return why it can't act, whole; the second line where nothing more is known."""
        return self._why or self._second

    def show_verb(self, second: str, *, enabled: bool, solid: bool = False, why: str = "") -> None:
        """Show the second line, whether it can act, and whether it is the way back out of a failure; `why` is the whole reason."""
        self._second, self._solid, self._why = second, solid and enabled, why
        self.setEnabled(enabled)
        self._name_aloud()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the fixed size."""
        return self.minimumSize()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Act at Enter as at a click."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint ground, icon, name, key and second line."""
        painter = QPainter(self)
        on = self.isEnabled()
        ground, edge, ink, quiet = self._inks(on)
        card(painter, QRectF(self.rect()), theme.colour(ground), theme.colour(edge))
        painter.drawPixmap(14, (self.height() - 16) // 2, icons.pixmap(self._icon, 16, ink))
        x = 42.0
        end = write_run(painter, QRectF(x, 5, self.width() - x - 8, 18), [(self.name, "label", ink)])
        wide = width_of(self.key, "caption") + 8
        cap = QRectF(round(end + 8), 6, round(wide), 16)
        if cap.right() < self.width() - 4:
            card(painter, cap, theme.colour(ground), theme.colour(quiet if self._solid else "line"), 3.0)
            write(painter, cap, (self.key, "caption", quiet), CENTRE)
        write(painter, QRectF(x, 23, self.width() - x - 8, 16), (self._second, "caption", quiet))
        painter.end()

    def _inks(self, on: bool) -> tuple[str, str, str, str]:
        if self._solid:
            return "act.bg", "act.bg", "act.text", "act.text"
        if not on:
            return "bg.panel", "line", "text.off", "text.3"
        ground = "bg.selected" if self.isDown() else "bg.hover" if self.underMouse() else "bg.raised"
        return ground, "line.strong", "text", "text.2"

    def _name_aloud(self) -> None:
        self.setAccessibleName(f"{self.name}, {self._second}")
        self.setAccessibleDescription(self.key)
        fits = self.why == self._second and width_of(self._second, "caption") < theme.pair("verb_small")[0] - 54
        self.setToolTip("" if fits else plain_tip(self.why))


class BottomBar(QFrame):
    """What the bar acts on, the four verbs, and one remark at the right."""

    acted = Signal(object)
    """A Verb to carry out now."""
    asked = Signal(object)
    """A Verb whose preview is wanted: the first press of its key."""
    refused = Signal(str)
    """The key of a verb that can't act was pressed; the reason in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bottombar")
        self.setFixedHeight(theme.size("bottom_bar"))
        self._subject, self._failing = Label("no target", "label", elide=True), False
        self._strong = Label("", "small.strong", "text.2")
        self._remark = Label("These four stay in this place, always.", "small", "text.3", elide=True)
        self._remark.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.buttons: dict[Verb, VerbButton] = {}
        self._told: dict[Verb, Verb] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 14, 0)
        row.setSpacing(8)
        row.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)
        row.addWidget(self._acts_on())
        row.addSpacing(8)
        for verb, name, key, icon in ORDER:
            button = VerbButton(name, key, icon, self)
            button.clicked.connect(lambda _on=False, chosen=verb: self.acted.emit(self._told[chosen]))
            self.buttons[verb] = button
            row.addWidget(button)
        row.addLayout(self._right(), 1)
        self.show_verbs("", {}, failing=False)

    def show_verbs(self, subject: str, verbs: Mapping[Verb, VerbView], *, failing: bool, shut: bool = False) -> None:
        """Show what the bar acts on and what each verb can do; in a failure Roll back turns solid and keys act at once.

        "Roll back" is the verb `rollback`, or `abort` where only that is told. With `shut` there is no way back without a loss: then Hold
        turns solid in its place.
        """
        self._failing = failing
        cut = width_of(subject, "label") > ACTS_ON
        self._subject.setText((subject.removesuffix(" canary") if cut else subject) or "no target")
        for verb, button in self.buttons.items():
            view = verbs.get(verb) or (verbs.get(Verb.ABORT) if verb is Verb.ROLLBACK else None)
            self._told[verb] = view.verb if view is not None else verb
            solid = failing and verb is (Verb.HOLD if shut else Verb.ROLLBACK)
            if view is None:
                button.show_verb(NEEDS_ROLLOUT, enabled=False)
            else:
                button.show_verb(view.second, enabled=view.enabled, solid=solid, why=" ".join(view.reasons) if not view.enabled else "")

    def show_remark(self, strong: str, text: str, ink: str = "text.2") -> None:
        """Show the two lines at the right: who enforces, or what changed around the console."""
        self._strong.setText(strong)
        self._strong.set_ink(ink)
        self._strong.setVisible(bool(strong) and self.width() >= ALONE)
        self._remark.setText(text)

    def button_of(self, verb: Verb) -> VerbButton:
        """Return the button of a verb as it was told to the bar."""
        return next((self.buttons[shown] for shown, told in self._told.items() if told is verb), self.buttons[Verb.ROLLBACK])

    def come_last(self) -> None:
        """Let Tab reach the verbs after everything else in the window."""
        first, *others = self.buttons.values()
        here: QWidget | None = self.window().previousInFocusChain()
        while here is not None and here is not self.window():
            if here not in self.buttons.values():
                self.setTabOrder(here, first)
            if here.nextInFocusChain() is first:
                break  # Qt passes over widgets that cannot take the keyboard, and over some that can
            here = here.previousInFocusChain()
        for before, after in zip((first, *others), others, strict=False):
            self.setTabOrder(before, after)

    def press_key(self, verb: Verb) -> None:
        """Do what a verb's key does: act while a gate fails, else show its preview first with the focus on its button."""
        button = self.buttons[verb]
        if not button.isEnabled():
            self.refused.emit(f"{button.name}: {button.why}")
        elif self._failing:
            self.acted.emit(self._told[verb])
        else:
            button.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.asked.emit(self._told[verb])

    def minimumSizeHint(self) -> QSize:
        """Return the room in which each verb still shows its name and key."""
        return QSize(ACTS_ON + 78 + LEAST_VERB * len(ORDER), theme.size("bottom_bar"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the verbs narrower in a narrow window: never is one hidden, and what is cut is in its tooltip."""
        super().resizeEvent(event)
        wide, high = theme.pair("verb_small" if self.width() < NARROW else "verb")
        alone = self.width() < ALONE
        self._remark.setVisible(not alone)
        self._strong.setVisible(not alone and bool(self._strong.text()))
        room = (self.width() - ACTS_ON - 78) // len(self.buttons)
        for button in self.buttons.values():
            button.setFixedSize(max(LEAST_VERB, min(wide, room)), high)

    def _acts_on(self) -> QWidget:
        box = QWidget()
        box.setFixedWidth(ACTS_ON)
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 12, 0, 12)
        column.setSpacing(0)
        column.addWidget(Label("Acts on", "caption", "text.3"))
        column.addWidget(self._subject)
        return box

    def _right(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setContentsMargins(0, 12, 0, 12)
        column.setSpacing(0)
        column.addWidget(self._strong, 0, Qt.AlignmentFlag.AlignRight)
        column.addWidget(self._remark)
        return column
