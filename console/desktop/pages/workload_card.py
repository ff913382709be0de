"""One Deployment or Argo Rollout: what it runs, and the verbs that may act on it now."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from console.desktop import forms
from console.desktop.pages.laying import Card, row
from console.desktop.widgets.button import Button
from console.desktop.widgets.label import Label
from console.desktop.widgets.mark import MarkLabel
from console.model.verbs import State, Verb
from console.model.workloads import WorkloadNow, WorkloadsView

NAMES = {
    Verb.UNDO_WORKLOAD: ("Undo …", "rewind"),
    Verb.PAUSE_WORKLOAD: ("Pause", "pause"),
    Verb.RESUME_WORKLOAD: ("Resume …", "play"),
    Verb.RESTART_WORKLOAD: ("Restart …", "refresh-cw"),
    Verb.SET_IMAGE: ("Set image …", "layers"),
    Verb.RETRY_WORKLOAD: ("Retry …", "play"),
}


class WorkloadCard(Card):
    """Told a workload; `asked` carries the verb that was clicked."""

    asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(pad=13, parent=parent)
        self.seen: WorkloadNow | None = None
        self._head, self._version = MarkLabel("label", 15), Label("", "small.strong")
        self._facts, self._problem = Label("", "small", "text.2", wrap=True), Label("", "small", "look", wrap=True)
        self.buttons = {verb: Button(text, icon=icon) for verb, (text, icon) in NAMES.items()}
        for verb, button in self.buttons.items():
            button.clicked.connect(lambda _=False, verb=verb: self.asked.emit(verb))
        self.body.setSpacing(6)
        self.body.addLayout(row([self._head, -1, self._version]))
        self.body.addWidget(self._facts)
        self.body.addWidget(self._problem)
        self.body.addLayout(row([*self.buttons.values(), -1], 6))

    def show_view(self, view: WorkloadsView, seen: WorkloadNow) -> None:
        """Show a workload as it was read."""
        self.seen = seen
        paused = bool(seen.state.values["paused"])
        state = State.HELD if paused else State.WATCHING if seen.problem else State.HEALTHY
        self._head.show_state(state, seen.name, f"{seen.kind}, {' and '.join(seen.sides)}{', paused' if paused else ''}")
        self._version.setText(seen.version)
        self._facts.setText(facts(seen))
        self._problem.setText(seen.problem)
        self._problem.setVisible(bool(seen.problem))
        for verb, button in self.buttons.items():
            decision = view.decision(seen.name, verb)
            other = verb is (Verb.PAUSE_WORKLOAD if paused else Verb.RESUME_WORKLOAD)
            button.setVisible(decision is not None and not other)
            button.setAccessibleName(f"{button.text().removesuffix(' …')} {seen.name}")
            if decision is not None:
                button.set_locked("" if decision.allowed else " ".join(decision.reasons[:1]) or "refused")


def facts(seen: WorkloadNow) -> str:
    """Return what a workload runs, in words."""
    images = [f"{key.removeprefix('image ')}: {value}" for key, value in seen.state.values.items() if key.startswith("image ")]
    kept = len(seen.revisions)
    current = f"revision {seen.current.number} of {kept} kept" if seen.current is not None else ""
    restarted = str(seen.state.values.get("restarted_at") or "")
    parts = (
        f"{seen.kind}, {' and '.join(seen.sides)}",
        seen.replicas,
        current,
        f"restarted at {restarted}" if restarted else "",
        f"changed last by {seen.state.changed}".strip(),
    )
    told = [part for part in parts if part and part != "changed last by"]
    return f"{'; '.join(images)}\n{'; '.join(told)}"


def revision_words(number: int, version: str, made: str) -> str:
    """Return a revision as a choice."""
    return ", ".join(part for part in (f"revision {number}", version, made) if part)


def made_words(seen: WorkloadNow, number: int) -> str:
    """Return when a revision was made, in words; "" where that is not known."""
    at = next((each.made_at for each in seen.revisions if each.number == number), None)
    return "" if at is None else f"made {forms.day_minute(at, seen.state.at)}"
