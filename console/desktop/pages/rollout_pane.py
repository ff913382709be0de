"""One rollout on screen: the sentence, the loss, the stages, the gates with evidence, the way back, charts and pipeline."""

from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from console.desktop import theme
from console.desktop.known import WheelSeen
from console.desktop.pages.absence_card import AbsenceCard
from console.desktop.pages.alerts_card import AlertsCard
from console.desktop.pages.back_card import BackCard
from console.desktop.pages.back_words import GOING_BACK
from console.desktop.pages.gates import Gates, worst_first
from console.desktop.pages.laying import Scrolled, column, fill, row
from console.desktop.pages.links_row import LinksRow
from console.desktop.pages.next_card import NextCard
from console.desktop.pages.pipeline_panel import PipelinePanel
from console.desktop.pages.target_panel import wheel_words
from console.desktop.pages.unknown_card import UnknownCard
from console.desktop.pages.wheel_card import WheelCard
from console.desktop.widgets.age import ticker
from console.desktop.widgets.autoact import AutoActCard
from console.desktop.widgets.chart import ChartCard
from console.desktop.widgets.label import Label
from console.desktop.widgets.loss import LossMeter
from console.desktop.widgets.strip import StageStrip
from console.model.verbs import Verb
from console.model.views import GateView, RolloutView

_CHARTS, _CHART_LEAST = 4, 132
_ACTS_SMALL = 404
_SMALL = (1330, 700)
"""Under this width or height of the page, cards are lower and columns narrower."""


def way_back(rollout: RolloutView) -> Verb:
    """Return the verb that takes this rollout back: a whole rollback where the engine offers one, else an abort."""
    return Verb.ROLLBACK if Verb.ROLLBACK in rollout.verbs else Verb.ABORT


class RolloutPane(QWidget):
    """Told a rollout. `asked` carries a forward verb to preview, `sent` a backward verb to send now."""

    asked = Signal(object)
    sent = Signal(object)
    audited = Signal()
    planned = Signal()
    cancelled = Signal()
    approved = Signal(str, str)
    """A gate of the pipeline that a person may approve, and its name."""
    moved = Signal(int, str)
    """A step of the way back, by `seq`, and the move that a person chose on it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view: RolloutView | None = None
        self._evidence = ""
        self.headline, self._subline = Label("", "title", elide=True), Label("", "small", "text.2", elide=True)
        self.loss, self.strip, self.gates = LossMeter(), StageStrip(), Gates()
        self.gates.evidence_asked.connect(self._open_evidence)
        self.unknown, self.act, self.next, self.pipeline = UnknownCard(), AutoActCard(), NextCard(), PipelinePanel()
        self.back, self.wheel, self.alerts = BackCard(), WheelCard(), AlertsCard()
        self.links = LinksRow()
        self._connect()
        self.charts: list[ChartCard] = []
        self._chart_row = QHBoxLayout()
        fill(self._chart_row, [], theme.size("gutter"))
        self._chart_box = QWidget()
        self._chart_box.setLayout(self._chart_row)
        left = column([self.gates, self._chart_box], theme.size("gutter"))
        left.setStretch(0, 1)
        acts = QWidget()
        cards = [self.back, self.unknown, self.act, self.next, self.alerts, self.links, self.wheel, self.pipeline]
        fill(right := QVBoxLayout(acts), cards, theme.size("gutter"))
        right.setStretch(7, 1)
        self._right = Scrolled(acts)
        self._right.setFixedWidth(_ACTS_SMALL)  # the least, until there is a size: a page behind another one must not widen the window
        head = row([column([self.headline, self._subline], 2), self.loss], 16)
        head.setStretch(0, 1)
        fill(whole := QVBoxLayout(self), [head, self.strip, row([left, self._right], theme.size("gutter"))], theme.size("gutter"))
        whole.setStretch(2, 1)
        self.absence = AbsenceCard(self, self.strip)
        self._order()

    def show_view(self, rollout: RolloutView, over: WheelSeen | None = None) -> None:
        """Show a rollout as it stands now; `over` is what became of this window's own lease on it."""
        failed_now = rollout.auto_act is not None and (self._view is None or self._view.auto_act is None)
        self._view = rollout
        self.headline.setText(rollout.headline)
        who = wheel_words(rollout.wheel)
        plan = "" if " plan " in rollout.subline else f"  ·  plan {rollout.plan_hash[:4]} {rollout.plan_hash[4:8]}"
        self._subline.setText(f"{rollout.subline}{plan}  ·  wheel {who}")
        self.loss.show_view(rollout.loss)
        self.strip.show_view(rollout)
        self.gates.show_view(rollout.gates)
        count = len(self.back.rows.buttons)
        self.back.show_view(rollout)
        if len(self.back.rows.buttons) != count:
            self._order()
        back = rollout.phase in GOING_BACK and bool(rollout.sends)
        self.unknown.show_view(rollout, ticker().now())
        if back:
            self.unknown.hide()
        self.act.show_view(rollout)
        self.act.setVisible(not rollout.unknowns and not back)
        self.next.show_view(rollout)
        self.alerts.show_view(rollout)
        self.links.show_links(rollout.dashboards)
        self.wheel.show_view(rollout, over)
        self.absence.show_absence(rollout.absence)
        self.pipeline.show_view(rollout)
        self._show_evidence(rollout)
        self._show_charts(rollout)
        if failed_now and self.isVisible() and not isinstance(QApplication.focusWidget(), QLineEdit):
            self.act.main.setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take lower cards and a narrower act column in a small window."""
        super().resizeEvent(event)
        wide, high = event.size().width(), event.size().height()
        narrow, low = wide < _SMALL[0] - 40, high < _SMALL[1]
        self._right.setFixedWidth(_ACTS_SMALL if narrow else theme.pair("act_card")[0])
        self._chart_box.setFixedHeight(124 if low else 218)
        self.strip.set_small(low)
        self.act.set_small(low)

    def _order(self) -> None:
        """Let Tab go as a person looks: the way back, the evidence, then the panels beside it."""
        acts = (self.unknown.roll_back, self.unknown.resume, *self.act.buttons, self.next.button)
        ways = (*self.back.rows.buttons, *acts, self.wheel.take, self.wheel.hand_over)
        steps = (*ways, self.gates.card.link, *self.pipeline.tabs, self.pipeline.open, self.pipeline.approve, self.pipeline.cancel)
        for before, after in pairwise(steps):
            self.setTabOrder(before, after)

    def _connect(self) -> None:
        self.unknown.resumed.connect(lambda: self.asked.emit(Verb.RESUME))
        self.unknown.rolled_back.connect(self._back)
        self.act.roll_back.connect(self._back)
        self.act.hold.connect(lambda: self.sent.emit(Verb.HOLD))
        self.back.moved.connect(self.moved)
        self.next.asked.connect(self.asked)
        self.next.audited.connect(self.audited)
        self.next.planned.connect(self.planned)
        self.pipeline.cancelled.connect(self.cancelled)
        self.pipeline.approved.connect(self.approved)

    def _back(self) -> None:
        if self._view is not None:
            self.sent.emit(way_back(self._view))

    def _show_charts(self, rollout: RolloutView) -> None:
        shown, idle = rollout.charts[:_CHARTS], rollout.weight.read_back.value == 0
        while len(self.charts) < len(shown):
            made = ChartCard()
            made.setMinimumWidth(_CHART_LEAST)
            self.charts.append(made)
            self._chart_row.addWidget(made, 1)
        self._chart_box.setVisible(bool(shown))
        for at, made in enumerate(self.charts):
            made.setVisible(at < len(shown))
            if at < len(shown):
                made.show_view(shown[at], rollout.markers, idle=idle)

    def _open_evidence(self, gate: GateView) -> None:
        self._evidence = gate.name
        self.pipeline.show_evidence(gate)

    def _show_evidence(self, rollout: RolloutView) -> None:
        gates = worst_first(rollout.gates)
        gate = next((found for found in gates if found.name == self._evidence), gates[0] if gates else None)
        if gate is not None:
            self.pipeline.refresh_evidence(gate)
