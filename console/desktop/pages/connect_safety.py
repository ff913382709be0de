"""The wizard's fifth question: the target's name, where it lives, and how careful a release goes there, in plain words."""

import re
from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtWidgets import QVBoxLayout, QWidget

from console.desktop import forms
from console.desktop.page import Surroundings
from console.desktop.pages.connect_parts import Answers, Fields, Step, line
from console.desktop.pages.first_start import Tab
from console.desktop.pages.laying import fill, row
from console.desktop.pages.settings import Segments
from console.desktop.widgets.label import Hairline, Label
from console.model.kubernetes import ArgoRollout, KubeService
from console.model.target import Environment, FreezeRule, Stage
from console.model.wizard import TargetDraft
from console.policy.drafting import missing, usual_stages

_PACES = {"careful": "Careful", "quick": "Quick"}
_FREEZE = {"hold": "Hold", "roll back": "Roll back"}
_ENVIRONMENTS = {"production": "Production", "staging": "Staging"}
_SAFETY: Mapping[Environment, str] = {
    Environment.PRODUCTION: "This colour frames the window while it is chosen. Every forward move shows first what it sends.",
    Environment.STAGING: "This colour frames the window while it is chosen. As safe as production; only its waits may be shorter.",
    Environment.PRACTICE: "",
}


class SafetyStep(Step):
    """Asks for the name and the environment, and proposes stages that suit it."""

    title = "How careful?"
    words = "What is proposed suits most services. All of it stands in the file, and can be changed there."

    def __init__(self, around: Surroundings, answers: Answers, parent: QWidget | None = None) -> None:
        super().__init__(around, answers, parent)
        self.name, self.display, self.owner = line("Name", "checkout-eu"), line("Title", "Checkout EU"), line("Owner", "checkout team")
        self.name.setMaxLength(63)
        self.environment = Segments("Environment", _ENVIRONMENTS)
        self._tabs = {key: Tab(key) for key in _ENVIRONMENTS}
        self.pace = Segments("Pace", _PACES)
        self.freeze = Segments("When a freeze begins", _FREEZE)
        self._safety = Label("", "small", "text.3", wrap=True)
        self._stages = QVBoxLayout()
        fill(self._stages, [], 4)
        stages = QWidget()
        stages.setLayout(self._stages)
        where = QWidget()
        fill(QVBoxLayout(where), [row([self.environment, *self._tabs.values(), -1], 10)], 0)
        names = {"Name": self.name, "Title": self.display, "Owner": self.owner, "Environment": where}
        for item in (
            Fields(names), self._safety, Hairline(),
            Fields({"Pace": self.pace, "Stages": stages}), Hairline(),
            Fields({"In a freeze": self.freeze}),
            Label("What a rollout on its way does when a freeze begins. Going back is never stopped by one.", "small", "text.3", wrap=True),
            Label("After a fail traffic goes back by itself after 20 s, and Hold cancels that.", "small", "text.3", wrap=True),
        ):  # fmt: skip
            self.body.addWidget(item)
        self.body.addStretch(1)
        for field in (self.name, self.display, self.owner):
            field.textChanged.connect(self._take)
        for segments in (self.environment, self.pace, self.freeze):
            for button in segments.buttons.values():
                button.toggled.connect(self._take)
        self.environment.choose("production")
        self.pace.choose("careful")
        self.freeze.choose("hold")

    def enter(self) -> None:
        """Propose a name by what was chosen before."""
        route = self.answers.route
        if not self.name.text() and route is not None:
            slug = re.sub(r"[^a-z0-9.-]+", "-", route.name.lower()).strip("-.")[:63]
            self.name.setText(slug)
            self.display.setText(slug.replace("-", " ").capitalize())
        self.pace.setEnabled(not isinstance(self.answers.draft.traffic, KubeService))
        self._take()

    def blocked(self) -> str:
        """Return what is missing."""
        return next(iter(missing(self.answers.draft)), "")

    def _take(self) -> None:
        chosen = {
            name: next((key for key, button in segments.buttons.items() if button.isChecked()), "")
            for name, segments in (("environment", self.environment), ("pace", self.pace), ("freeze", self.freeze))
        }
        if not all(chosen.values()):
            return
        environment = Environment(chosen["environment"])
        for key, tab in self._tabs.items():
            tab.setVisible(key == environment.value)
        self._safety.setText(_SAFETY[environment])
        careful = Environment.PRODUCTION if chosen["pace"] == "careful" else Environment.STAGING
        self.answers.draft = replace(
            self.answers.draft,
            name=self.name.text().strip(),
            title=self.display.text().strip(),
            owner=self.owner.text().strip(),
            environment=environment,
            stages=usual_stages(careful, self.answers.draft.traffic),
            freeze_rule=FreezeRule(chosen["freeze"]),
        )
        self._show_stages(self.answers.draft)
        self.changed.emit()

    def _show_stages(self, draft: TargetDraft) -> None:
        while (item := self._stages.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for text in stage_words(draft):
            self._stages.addWidget(Label(text, "body", "text", wrap=True))


def stage_words(draft: TargetDraft) -> tuple[str, ...]:
    """Return the stages of a draft in plain words."""
    judged = " and ".join(f"“{gate.name}”" for gate in draft.gates)
    told = [_stage(stage, judged) for stage in draft.stages]
    if isinstance(draft.traffic, KubeService):
        told.append("A Service's selector knows no part of the traffic: all of it moves at once, and back at once.")
    if isinstance(draft.traffic, ArgoRollout):
        told.append("The Rollout's own steps must hold these weights, each with a pause without duration.")
    return tuple(told)


def _stage(stage: Stage, judged: str) -> str:
    last = "; then the rest moves" if stage.bake and stage.weight < 100 else ""
    watched = f", while {judged} is judged" if judged else ", with nothing that judges it"
    return f"{stage.weight} % of the traffic for {forms.span(stage.wait_s)}{watched}{last}"
