"""The verdict card: what the judge says of a gate, counts first, and the evidence for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from console.desktop import forms, theme
from console.desktop.widgets.age import AgeLabel
from console.desktop.widgets.button import Link
from console.desktop.widgets.counts import Counts
from console.desktop.widgets.evidence_chart import EvidenceChart
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.painted import Painted, hairline
from console.model.verbs import STATE_OF_VERDICT, State, Verdict

if TYPE_CHECKING:
    from console.model.views import GateView

FOOT = 36
FADED = {Verdict.STALE, Verdict.BLIND, Verdict.NO_DATA}


def verdict_word(verdict: Verdict) -> str:
    """Return a verdict's word as cards write it: FAIL and PASS in capitals, others in small letters."""
    return verdict.value.upper() if verdict in {Verdict.FAIL, Verdict.PASS} else verdict.value


def head_words(gate: GateView) -> str:
    """Return what a card's head says: the sentence without the counts that stand large below it."""
    counts, _, rest = gate.sentence.partition(". ")
    return rest if rest and gate.evidence is not None and "baseline" in counts else gate.sentence


class VerdictCard(Painted):
    """Head in the state's tint, counts at the left, evidence at the right, the query as sent at the foot."""

    evidence_asked = Signal(object)
    """The link to the evidence card was followed; carries the GateView."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gate: GateView | None = None
        self._state = State.PLANNED
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._mark = MarkLabel("lead", 20)
        self._name = Label("", "section")
        self._sentence = Label("", "body", "text.2", elide=True)
        self._judged = Label("", "small", "text.2")
        self._age = AgeLabel("sample")
        self._alarm = Label("", "label", "look", wrap=True)
        self._plain = Label("", "lead", wrap=True)
        self._counts, self._chart = Counts(), EvidenceChart()
        self._chart_title = Label("Evidence against the canary", "label")
        self._rule = Label("", "small", "text.2", elide=True)
        self._query = Label("", "mono", "text", elide=True)
        self._link = Link("Evidence card")
        self._link.clicked.connect(lambda: self.evidence_asked.emit(self._gate))
        self._build()

    @property
    def link(self) -> Link:
        """Return the link to the evidence card."""
        return self._link

    def show_view(self, gate: GateView, sample_limit_s: float = 30.0) -> None:
        """Show a gate; older than `sample_limit_s` its sample is marked as old."""
        self._gate = gate
        self._state = STATE_OF_VERDICT[gate.verdict]
        failed = gate.verdict is Verdict.FAIL
        self._mark.show_state(self._state, verdict_word(gate.verdict), gate.name)
        self._name.setText(gate.name)
        self._sentence.setText(head_words(gate))
        self._judged.setText(f"judged {forms.clock(gate.judged_at)}" if gate.judged_at is not None else "not judged yet")
        self._age.show_age(gate.sample_at, sample_limit_s)
        self._alarm.setText(gate.alarm)
        self._alarm.setVisible(bool(gate.alarm))
        view = gate.evidence
        self._plain.setText(gate.sentence if view is None else "")
        for part in (self._counts, self._chart, self._chart_title, self._rule, self._query, self._link):
            part.setVisible(view is not None)
        self._plain.setVisible(view is None)
        if view is not None:
            faded = gate.verdict in FADED
            counted = view if gate.verdict is Verdict.WATCHING else replace(view, canary_counting=None)
            self._counts.show_view(counted, "fail" if failed else "text.3" if faded else "text")
            self._chart.show_view(view, failed=failed)
            self._rule.setText(view.rule)
            self._query.setText(view.query)
        self.setAccessibleName(f"{theme.state_word(self._state)}, {gate.name}, {gate.sentence}")
        self.update()

    def paint(self, painter: QPainter) -> None:
        """Paint the card, its head's tint and, only for a fail, an edge of 2 px."""
        failed = self._state is State.FAILED
        line = 2.0 if failed else 1.0
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPainterPath()
        inset = line / 2
        outline.addRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), 6, 6)
        painter.fillPath(outline, theme.colour("bg.panel"))
        painter.save()
        painter.setClipPath(outline)
        painter.fillRect(QRectF(0, 0, self.width(), theme.size("verdict_head")), theme.state_tint(self._state))
        painter.restore()
        painter.setPen(QPen(theme.state_colour(self._state) if failed else theme.colour("line"), line))
        painter.drawPath(outline)
        if self._gate is not None and self._gate.evidence is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            hairline(painter, 1, self.height() - FOOT - 1, self.width() - 2, self.height() - FOOT - 1)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QWidget()
        head.setFixedHeight(theme.size("verdict_head"))
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 0, 15, 0)
        row.setSpacing(10)
        for part, stretch in ((self._mark, 0), (self._name, 0), (self._sentence, 1), (self._judged, 0), (self._age, 0)):
            row.addWidget(part, stretch)
        column.addWidget(head)
        inner = QVBoxLayout()
        inner.setContentsMargins(16, 8, 15, 4)
        inner.setSpacing(4)
        inner.addWidget(self._alarm)
        inner.addWidget(self._plain, 0, Qt.AlignmentFlag.AlignTop)
        body = QHBoxLayout()
        body.setSpacing(8)
        body.addWidget(self._counts)
        body.addLayout(self._right(), 1)
        inner.addLayout(body, 1)
        column.addLayout(inner, 1)
        column.addWidget(self._foot())

    def _right(self) -> QVBoxLayout:
        right = QVBoxLayout()
        right.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._chart_title)
        row.addWidget(self._rule, 1)
        self._rule.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        right.addLayout(row)
        right.addWidget(self._chart, 1)
        return right

    def _foot(self) -> QWidget:
        foot = QWidget()
        foot.setFixedHeight(FOOT)
        row = QHBoxLayout(foot)
        row.setContentsMargins(16, 0, 15, 0)
        row.setSpacing(12)
        self._query.setAccessibleDescription("Query as sent")
        row.addWidget(Label("Query", "small", "text.2"))
        row.addWidget(self._query, 1)
        row.addWidget(self._link)
        return foot
