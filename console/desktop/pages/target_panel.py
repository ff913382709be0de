"""The panel beside the table: one target with its weights, systems and what can be done with it."""

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from console.desktop import forms, theme
from console.desktop.pages.channels_box import ChannelsBox
from console.desktop.pages.laying import Card, Scrolled, column, fill, row
from console.desktop.pages.schema_box import SchemaBox
from console.desktop.pages.target_order import moving
from console.desktop.widgets.age import AgeLabel
from console.desktop.widgets.button import Button, Link
from console.desktop.widgets.label import Hairline, Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.panel import Facts
from console.desktop.widgets.readiness import ReadinessBox
from console.desktop.widgets.split import SplitBar
from console.model.verbs import State
from console.model.views import ConnectionView, Fact, TargetView, WheelView

Rows = tuple[tuple[str, str], ...]


def weight_rows(view: TargetView) -> Rows:
    """Return asked, accepted, read back and the measured share, each with its time."""
    weight = view.weight
    asked = _at(weight.asked)
    accepted = "not accepted" if weight.accepted.value is None else _after(weight.accepted, weight.asked)
    back = "unknown, not read back" if weight.read_back.value is None else _at(weight.read_back)
    measured = "not measured" if weight.measured.value is None else f"{forms.per_cent(weight.measured.value)} of requests"
    return (("Asked", asked), ("Accepted", accepted), ("Read back", back), ("Measured", measured))


def _at(fact: Fact) -> str:
    if fact.value is None:
        return "nothing"
    return forms.per_cent(fact.value) + (f" at {forms.clock(fact.at)}" if fact.at else "")


def _after(fact: Fact, before: Fact) -> str:
    if fact.at is None or before.at is None:
        return _at(fact)
    return f"+{max(0.0, (fact.at - before.at).total_seconds()):.1f} s"


def state_rows(view: TargetView, wheel: WheelView | None, now: datetime) -> Rows:
    """Return freeze, traffic, flag, wheel and mode in words."""
    rows = [("Freeze", freeze_sentence(view, now))]
    if view.traffic is not None:
        share = "unknown" if view.traffic.share is None else forms.per_cent(view.traffic.share * 100)
        rows.append(("Traffic", f"{share} of the declared peak" + (", forward closed" if view.traffic.closed else "")))
    if view.flag:
        on = "not read" if view.flag_on is None else "on" if view.flag_on else "off"
        rows.append(("Flag", f"{view.flag}, {on}"))
    rows.append(("Wheel", wheel_words(wheel)))
    rows.append(("Writes", "armed: the console may write to it" if view.armed else "observe-only: nothing is written"))
    if view.owner:
        rows.append(("Owner", view.owner))
    return tuple(rows)


def freeze_sentence(view: TargetView, now: datetime) -> str:
    """Say whether a target is frozen, by what and until when, or when the next freeze begins."""
    freeze = view.freeze
    if freeze.frozen:
        until = f" until {forms.day_minute(freeze.until, now)}" if freeze.until else ", no end known"
        return f"frozen by {freeze.name or freeze.kind}{until}; backward is open"
    return f"open, next {forms.day_minute(freeze.next_start, now)}" if freeze.next_start else "open, none planned"


def wheel_words(wheel: WheelView | None) -> str:
    """Say who drives."""
    if wheel is None or wheel.lease is None:
        return "nobody"
    return f"you, lease {wheel.lease.token}" if wheel.mine else f"{wheel.lease.holder.name}, lease {wheel.lease.token}"


class ConnectionRow(QWidget):
    """One system of a target: mark, port, name and age; its error in words beneath, or what else it said."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mark = MarkLabel("small", 13)
        self._system = Label("", "small", "text.3", elide=True)
        self._system.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # the port's own word is cut last
        self._age = AgeLabel()
        self._problem = Label("", "small", "look", wrap=True)
        whole = QVBoxLayout(self)
        fill(whole, [row([self._mark, self._system, self._age], 6), self._problem], 1)

    def show_view(self, view: ConnectionView) -> None:
        """Show a system."""
        self._mark.show_state(State.HEALTHY if view.ok else State.BLIND, view.port, view.system, ink="text" if view.ok else "look")
        self._system.setText(view.system)
        self._age.show_age(view.last_at, view.limit_s)
        words = "; ".join(view.notes) if view.problem is None else f"{view.problem.what} {view.problem.advice}".strip()
        self._problem.set_ink("text.2" if view.problem is None else "look")
        self._problem.setText(words)
        self._problem.setVisible(bool(words))


class TargetPanel(Card):
    """A target in detail; its buttons ask the page."""

    opened = Signal()
    planned = Signal()
    switched = Signal()
    armed = Signal()
    trusted = Signal()
    removed = Signal()
    rehearsed = Signal()
    inspected = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(pad=13, parent=parent)
        self.setFixedWidth(theme.size("inspector") + 28)
        self._view: TargetView | None = None
        self._name = Label("", "section", elide=True)
        self._state = MarkLabel("label", 15)
        self._sentence = Label("", "small", "text.2", wrap=True)
        self._trust = self._trust_box()
        self._split = SplitBar()
        self._canary, self._stable = Label("", "small"), Label("", "small")
        self._weights, self._facts = Facts(66), Facts(66)
        self._gate = Label("", "small", "text.2", wrap=True)
        self.ready = ReadinessBox()
        self._ready_line = Hairline()
        self._problem = Label("", "small", "fail", wrap=True)
        self._systems = QVBoxLayout()
        fill(self._systems, [], 4)
        self._rows: list[ConnectionRow] = []
        self.schema, self._schema_line = SchemaBox(), Hairline()
        self.channels = ChannelsBox()
        self.inspect = Link("Workloads, pods and logs")
        self.inspect.clicked.connect(self.inspected)
        self.remove = Link("Remove from this console …")
        self.remove.clicked.connect(self.removed)
        content = QWidget()
        inside = QVBoxLayout(content)
        fill(
            inside,
            [
                self._trust, self._problem, self._split, row([self._canary, -1, self._stable]), self._weights, self._gate,
                self._ready_line, self.ready, Hairline(), Label("Systems", "small.strong"), self._systems,
                row([self.inspect, -1]), self._schema_line, self.schema, self.channels,
                Hairline(), self._facts,
                row([self.remove, -1]), -1,
            ],
            8,
        )  # fmt: skip
        inside.setContentsMargins(0, 0, 6, 0)
        self.body.addLayout(row([self._name, self._state]))
        self.body.addWidget(self._sentence)
        self.body.addWidget(Scrolled(content), 1)
        self.body.addLayout(self._buttons())

    @property
    def view(self) -> TargetView | None:
        """Return the target shown."""
        return self._view

    def show_view(self, view: TargetView, wheel: WheelView | None, now: datetime, refused: str = "") -> None:
        """Show a target as it stands now; `refused` says why this login may not move it forward."""
        self._view = view
        self._name.setText(view.name)
        self._state.show_state(view.state, subject=view.name)
        trial = f"{view.release}, canary {view.canary_version} against stable {view.stable_version}"
        self._sentence.setText(trial if moving(view) else f"{view.title}, all traffic on stable {view.stable_version}")
        self._show_split(view)
        self._weights.show_rows(weight_rows(view))
        self._weights.setVisible(moving(view) or view.weight.drift)
        self._gate.setText(view.gate_text or view.state_text)
        self._gate.setVisible(bool(view.gate_text or view.state_text))
        problem = view.problem
        self._problem.setText("" if problem is None else f"{problem.what} {problem.means} {problem.advice}".strip())
        self._problem.setVisible(problem is not None)
        self.ready.show_view(view.readiness, can_rehearse=view.can_rehearse)
        self._ready_line.setVisible(view.readiness is not None)
        self._show_systems(view.connections)
        self.inspect.setVisible(view.has_workloads)
        self.schema.show_view(view.schema)
        self._schema_line.setVisible(view.schema is not None)
        self.channels.show_view(view.name, view.channels)
        self._facts.show_rows(state_rows(view, wheel, now))
        self._trust.setVisible(bool(view.commands) and not view.trusted)
        self._show_buttons(view, refused)

    def _show_split(self, view: TargetView) -> None:
        self._split.show_view(view.weight)
        share = view.weight.measured.value if view.weight.measured.value is not None else view.weight.read_back.value
        known = share is not None
        self._canary.setText(f"{forms.per_cent(share)} canary {view.canary_version}" if share is not None else "canary unknown")
        self._stable.setText(f"{forms.per_cent(100 - share)} stable {view.stable_version}" if share is not None else "stable unknown")
        self._canary.set_ink("text" if known else "unknown")

    def _show_systems(self, systems: Sequence[ConnectionView]) -> None:
        while len(self._rows) < len(systems):
            made = ConnectionRow()
            self._rows.append(made)
            self._systems.addWidget(made)
        for index, shown in enumerate(self._rows):
            shown.setVisible(index < len(systems))
            if index < len(systems):
                shown.show_view(systems[index])

    def _trust_box(self) -> QWidget:
        box = QWidget()
        self.trust = Button("List and trust …", icon="shield")
        self.trust.clicked.connect(self.trusted)
        words = Label("Its file declares commands. None of them runs before you trust it.", "small", "look", wrap=True)
        fill(layout := QVBoxLayout(box), [words, self.trust], 6)
        layout.setContentsMargins(0, 0, 0, 4)
        return box

    def _buttons(self) -> QVBoxLayout:
        self.main = Button("Plan a release", "forward")
        self.main.clicked.connect(self._main)
        self.switch = Button("Switch …")
        self.switch.clicked.connect(self.switched)
        self.arm = Button("Arm …")
        self.arm.clicked.connect(self.armed)
        self.rehearse = Button("Rehearse …")
        self.rehearse.clicked.connect(self.rehearsed)
        return column([self.main, row([self.switch, self.arm, self.rehearse])], 8)

    def _main(self) -> None:
        if self._view is not None and moving(self._view):
            self.opened.emit()
        else:
            self.planned.emit()

    def _show_buttons(self, view: TargetView, refused: str) -> None:
        self.main.setText("Open rollout" if moving(view) else "Plan a release")
        self.arm.setText("Observe-only …" if view.armed else "Arm …")
        shut = refused or ("a rollout runs on it" if moving(view) else "" if view.armed else "observe-only: arm it first")
        self.main.set_locked("" if moving(view) else refused)
        self.arm.set_locked(refused)
        self.switch.set_locked(shut)
        self.switch.setVisible(not moving(view))
        self.rehearse.setVisible(view.can_rehearse)
        self.rehearse.set_locked(shut)
        self.remove.set_locked("a rollout runs on it" if moving(view) else refused)
