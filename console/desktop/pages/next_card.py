"""The next forward move of a rollout, or that it is over; forward stays inside the page and says what it sends."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from console.desktop import forms
from console.desktop.pages.laying import Card, column, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label, plain_tip
from console.desktop.widgets.mark import MarkLabel
from console.desktop.widgets.sends import rows_in_words
from console.model.rollout import Phase
from console.model.verbs import State, Verb, Verdict
from console.model.views import RolloutView, VerbView

FORWARD = (Verb.RESUME, Verb.STEP_UP, Verb.PROMOTE)
"""A held rollout is resumed first, a running one is promoted first."""
_OVER = {
    Phase.DONE: (State.HEALTHY, "Done"),
    Phase.ROLLED_BACK: (State.ROLLING_BACK, "Rolled back"),
    Phase.ABORTED: (State.ROLLING_BACK, "Aborted, traffic is on stable"),
}


def forward_verb(rollout: RolloutView) -> VerbView | None:
    """Return the forward move to offer: one that can act now before one that cannot; none when forward is closed."""
    if rollout.phase.forward_closed or rollout.phase is Phase.UNKNOWN:
        return None
    order = FORWARD if rollout.phase is Phase.HELD else FORWARD[::-1]
    found = [rollout.verbs[verb] for verb in order if verb in rollout.verbs]
    return next((verb for verb in found if verb.enabled), found[0] if found else None)


def next_words(rollout: RolloutView) -> str:
    """Say what comes next by itself."""
    if any(gate.verdict is not Verdict.PASS for gate in rollout.gates):
        waiting = next((gate for gate in rollout.gates if gate.needs_more), None)
        if waiting is not None and waiting.needs_more:
            about = f", about {forms.span(waiting.needs_about_s)}" if waiting.needs_about_s else ""
            return f"{waiting.name} needs {waiting.needs_more} more{about}"
        return "only a pass of every gate advances"
    return "goes on by itself when its wait is over" if rollout.phase is Phase.RUNNING else "stands still until it is resumed"


class NextCard(Card):
    """`asked` carries the forward verb; `audited` and `planned` are offered when a rollout is over."""

    asked = Signal(object)
    audited = Signal()
    planned = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(pad=13, parent=parent)
        self._verb: Verb | None = None
        self._head, self._words = Label("", "label", elide=True), Label("", "small", "text.2", wrap=True)
        self._over = MarkLabel("label", 15)
        self.button = Button("", "forward")
        self.button.clicked.connect(lambda: self.asked.emit(self._verb))
        self.audit = Button("Its audit", icon="file-check")
        self.audit.clicked.connect(self.audited)
        self.plan = Button("Plan a release", "forward")
        self.plan.clicked.connect(self.planned)
        line = row([column([self._head, self._words], 1), self.button])
        line.setStretch(0, 1)
        head = row([self._over, -1, self.audit, self.plan])
        self.body.setSpacing(4)
        self.body.addLayout(head)
        self.body.addLayout(line)

    def show_view(self, rollout: RolloutView) -> None:
        """Show what comes next."""
        over = rollout.phase.over
        verb = forward_verb(rollout)
        self.setVisible(over or verb is not None)
        self._over.setVisible(over)
        self._head.setVisible(not over)
        self.audit.setVisible(over)
        self.plan.setVisible(over)
        self.button.setVisible(verb is not None and not over)
        if over:
            self._show_over(rollout)
        elif verb is not None:
            self._show_verb(rollout, verb)

    def show_asking(self, asking: bool) -> None:
        """Shut the button while the policy is asked; the next view opens it."""
        self.button.set_locked("asking what will be sent" if asking else "")

    def _show_over(self, rollout: RolloutView) -> None:
        state, word = _OVER[rollout.phase]
        self._over.show_state(state, word, rollout.title)
        ended = f"Ended {forms.clock(rollout.ended_at)}." if rollout.ended_at else "Ended."
        self._words.setText(f"{ended} {rollout.note[:1].upper()}{rollout.note[1:]}".strip())

    def _show_verb(self, rollout: RolloutView, verb: VerbView) -> None:
        self._verb = verb.verb
        first = rollout.next_sends[0] if rollout.next_sends else None
        self._head.setText(f"Next: {first.what[:1].lower()}{first.what[1:]}" if first else "Next")
        self._head.setToolTip(plain_tip("\n".join(rows_in_words(rollout.next_sends))))
        self._words.setText(next_words(rollout) if verb.enabled else verb.second)
        self.button.setText(f"{verb.verb.capitalize()} …")
        self.button.set_locked("" if verb.enabled else verb.second or "not now")
