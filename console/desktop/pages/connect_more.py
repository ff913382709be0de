"""The wizard's fourth question, which may be left out: a feature flag that hides the change, and a pipeline that builds it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from PySide6.QtWidgets import QLineEdit, QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.connect_parts import Answers, Fields, Looking, Readings, Step, line
from console.desktop.pages.connect_secret import SecretField
from console.desktop.pages.settings import Segments
from console.desktop.widgets.label import Hairline, Label
from console.model.pipelines import BuildbotPipeline, GithubPipeline, PipelineSpec
from console.model.systems import FlagSpec, HttpFlag, LaunchDarklyFlag, UnleashFlag
from console.model.wizard import Tried

_FLAGS = {"none": "No flag", "unleash": "Unleash", "launchdarkly": "LaunchDarkly", "http": "HTTP"}
_PIPELINES = {"none": "No pipeline", "buildbot": "Buildbot", "github": "GitHub Actions"}
_FLAG_FIELDS: Mapping[str, Mapping[str, str]] = {
    "unleash": {"Address": "https://unleash.example", "Project": "default", "Environment": "production", "Flag": "checkout_v52"},
    "launchdarkly": {"Project": "default", "Environment": "production", "Flag": "checkout-v52"},
    "http": {"Address": "http://HOST:PORT/flags/checkout_v52", "Flag": "checkout_v52"},
}
_PIPELINE_FIELDS: Mapping[str, Mapping[str, str]] = {
    "buildbot": {"Address": "http://HOST:8010", "Builder": "release", "Scheduler": "force"},
    "github": {"Repository": "OWNER/NAME", "Workflow": "release.yml", "Branch": "main"},
}
_REPOSITORY, _WORKFLOW = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII), re.compile(r"[\w.-]+", re.ASCII)


class MoreStep(Step):
    """Takes a flag and a pipeline by what names them; both can be added to the file later."""

    title = "A flag, a pipeline?"
    words = "Both are optional, and can be added to the file later."

    def __init__(self, around: Surroundings, answers: Answers, parent: QWidget | None = None) -> None:
        super().__init__(around, answers, parent)
        self.flag = _Choice("Flag", _FLAGS, _FLAG_FIELDS)
        self.reading = Looking(around, "Read the flag")
        self.reading.button.clicked.connect(self._keep_and_read)
        self.readings = Readings()
        self.pipeline = _Choice("Pipeline", _PIPELINES, _PIPELINE_FIELDS)
        self.keeping = Looking(around, "Keep the token")
        self.keeping.button.clicked.connect(self._keep_pipelines)
        self._without = Label("Without a pipeline the canary's code is taken as it runs.", "small", "text.3", wrap=True)
        self.body.addWidget(Label("A feature flag that hides the change", "label"))
        for item in (*self.flag.widgets(), self.reading, self.readings, Hairline()):
            self.body.addWidget(item)
        self.body.addWidget(Label("What builds and checks a release first", "label"))
        for item in (*self.pipeline.widgets(), self.keeping, self._without):
            self.body.addWidget(item)
        self.body.addStretch(1)
        for choice in (self.flag, self.pipeline):
            choice.listen(self._take)
        self._take()

    def blocked(self) -> str:
        """Return what is missing of what was chosen."""
        for choice in (self.flag, self.pipeline):
            if choice.token.field.text() and choice.kind != "none":
                button = self.reading if choice is self.flag else self.keeping
                return f"Press “{button.button.text()}”, so that the token goes into the keyring."
        if self.flag.kind != "none" and self.answers.draft.flag is None:
            return "The flag needs all of its fields" + ("" if self.flag.kind == "http" else ", and a token") + "."
        if self.pipeline.kind != "none" and self.answers.draft.pipeline is None:
            return "The pipeline needs all of its fields, written as shown."
        return ""

    def _take(self) -> None:
        self.flag.show_kind()
        self.pipeline.show_kind()
        for each in (self.reading, self.readings):
            each.setVisible(self.flag.kind != "none")
        self.keeping.setVisible(self.pipeline.kind != "none" and bool(self.pipeline.token.field.text()))
        self._without.setVisible(self.pipeline.kind == "none")
        flag = _flag(self.flag)
        if flag != self.answers.draft.flag:
            self.readings.show_tried(())
        self.answers.draft = replace(self.answers.draft, flag=flag, pipeline=_pipeline(self.pipeline))
        self.changed.emit()

    def _keep_and_read(self) -> None:
        self.flag.token.keep(self.reading, _secret_name(self.flag), self._read)

    def _read(self) -> None:
        self._take()
        draft = self.answers.draft
        if draft.flag is None:
            self.reading.show_problem(self.blocked())
            return
        self.reading.run(lambda desk, progress: desk.wizard.attempt(draft, ("flag",), progress), self._was_read)

    def _keep_pipelines(self) -> None:
        self.pipeline.token.keep(self.keeping, _secret_name(self.pipeline), self._take)

    def _was_read(self, tried: Sequence[Tried]) -> None:
        self.readings.show_tried(tried)


class _Choice:
    """One of several kinds, each with fields of its own, and a token."""

    def __init__(self, name: str, kinds: dict[str, str], fields: Mapping[str, Mapping[str, str]]) -> None:
        self.kinds = Segments(name, kinds)
        self.kinds.choose("none")
        self.token = SecretField(f"{name}'s token", "a token, or env:NAME; kept in the keyring")
        self.fields = {kind: {key: line(f"{name}: {key}", hint) for key, hint in each.items()} for kind, each in fields.items()}
        self._forms = {kind: Fields(dict(each)) for kind, each in self.fields.items()}
        self._token_row = Fields({"Token": self.token})

    @property
    def kind(self) -> str:
        """Return the kind that is chosen."""
        return next((key for key, button in self.kinds.buttons.items() if button.isChecked()), "none")

    def widgets(self) -> tuple[QWidget, ...]:
        """Return what is shown, in order."""
        return (self.kinds, *self._forms.values(), self._token_row)

    def listen(self, changed: Callable[[], None]) -> None:
        """Tell when something was typed or chosen."""
        for button in self.kinds.buttons.values():
            button.toggled.connect(changed)
        lines: list[QLineEdit] = [field for each in self.fields.values() for field in each.values()]
        for field in (*lines, self.token.field):
            field.textChanged.connect(changed)

    def show_kind(self) -> None:
        """Show the fields of the kind that is chosen."""
        for kind, form in self._forms.items():
            form.setVisible(kind == self.kind)
        self._token_row.setVisible(self.kind != "none")

    def typed(self) -> Mapping[str, str]:
        """Return what was typed; an empty field is "" and counts as missing."""
        return {key: field.text().strip() for key, field in self.fields.get(self.kind, {}).items()}


def _secret_name(choice: _Choice) -> str:
    """Return the name under which a token is kept: of what it opens, so that tokens of two projects do not replace each other."""
    typed = choice.typed()
    host = urlsplit(typed.get("Address", "")).hostname or "" if _is_address(typed.get("Address", "")) else ""
    parts = (choice.kind, host, typed.get("Project", ""), typed.get("Repository", ""))
    return "-".join(re.sub(r"[^A-Za-z0-9.]+", "-", part) for part in parts if part)


def _flag(choice: _Choice) -> FlagSpec | None:
    typed, token = choice.typed(), choice.token.ref
    if not typed or not all(typed.values()) or ("Address" in typed and not _is_address(typed["Address"])):
        return None
    if choice.kind == "http":
        return HttpFlag(typed["Address"], typed["Flag"], token=token)
    if token is None:
        return None
    if choice.kind == "unleash":
        return UnleashFlag(typed["Address"], typed["Flag"], typed["Environment"], typed["Project"], token=token)
    return LaunchDarklyFlag(typed["Flag"], typed["Project"], typed["Environment"], token=token)


def _pipeline(choice: _Choice) -> PipelineSpec | None:
    typed = choice.typed()
    if not typed or not all(typed.values()):
        return None
    if choice.kind == "github":
        good = _REPOSITORY.fullmatch(typed["Repository"]) and _WORKFLOW.fullmatch(typed["Workflow"])
        return GithubPipeline(typed["Repository"], typed["Workflow"], typed["Branch"], token=choice.token.ref) if good else None
    if not _is_address(typed["Address"]):
        return None
    return BuildbotPipeline(typed["Address"], typed["Builder"], typed["Scheduler"], token=choice.token.ref)


def _is_address(text: str) -> bool:
    try:
        return urlsplit(text).scheme in {"http", "https"} and bool(urlsplit(text).hostname)
    except ValueError:
        return False
