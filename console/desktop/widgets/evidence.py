"""The evidence card: everything a verdict rests on, to be read beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from console.desktop import forms
from console.desktop.widgets.counts import Counts
from console.desktop.widgets.evidence_chart import span_of
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.panel import Facts, Panel
from console.desktop.widgets.verdict import verdict_word
from console.model.verbs import STATE_OF_VERDICT, Verdict

if TYPE_CHECKING:
    from console.model.views import EvidenceView, GateView


class EvidenceCard(Panel):
    """Verdict, counts, number and limit, samples, rule, and the query as sent."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Evidence", parent=parent)
        self._mark = MarkLabel("label", 15)
        self.head_widget(self._mark)
        self._sentence = Label("", "small", "text.2", wrap=True)
        self._counts = Counts()
        self._facts = Facts()
        self._asked = Label("Query as sent", "caption", "text.2")
        self._query = Label("", "mono", wrap=True)
        self._query.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        inset = QFrame()
        inset.setObjectName("inset")
        room = QVBoxLayout(inset)
        room.setContentsMargins(8, 7, 8, 7)
        room.addWidget(self._query)
        self._inset = inset
        for part in (self._sentence, self._counts, self._facts, self._asked, inset):
            self.body.addWidget(part)
        self.body.addStretch(1)

    def show_view(self, gate: GateView) -> None:
        """Show a gate's evidence; a gate without counts shows its sentence alone."""
        view = gate.evidence
        self.set_title(f"Evidence, {forms.clock(gate.judged_at)}" if gate.judged_at is not None else "Evidence")
        self._mark.show_state(STATE_OF_VERDICT[gate.verdict], verdict_word(gate.verdict), gate.name)
        self._sentence.setText(f"{gate.name}: {gate.sentence}")
        for part in (self._counts, self._facts, self._asked, self._inset):
            part.setVisible(view is not None)
        if view is None:
            return
        self._counts.show_view(view, "fail" if gate.verdict is Verdict.FAIL else "text")
        self._facts.show_rows(list(_rows(view, gate)))
        self._query.setText(view.query)


def _rows(view: EvidenceView, gate: GateView) -> list[tuple[str, str]]:
    more = [] if gate.needs_more is None else [("Needs", f"{gate.needs_more} more sessions{_about(gate.needs_about_s)}")]
    return [
        ("Evidence", f"{forms.short(view.evidence)} of {forms.short(view.limit)} needed to fail"),
        ("Limit", view.limit_means),
        *more,
        ("Test", view.test),
        ("Watched", forms.span(span_of(view))),
        ("Samples", forms.number(view.samples)),
        ("Rule", view.rule),
    ]


def _about(seconds: float | None) -> str:
    return "" if seconds is None else f", about {forms.span(seconds)}"
