"""The wizard's fourth question, which may be left out: a feature flag that hides the change, and a pipeline that builds it."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from PySide6.QtWidgets import QCheckBox, QWidget

from console.desktop.page import Surroundings
from console.desktop.pages.connect_parts import Answers, Fields, Looking, Readings, Step, line
from console.desktop.widgets.label import Label
from console.model.pipelines import BuildbotPipeline
from console.model.systems import HttpFlag
from console.model.wizard import Tried


class MoreStep(Step):
    """Takes a flag and a pipeline by their addresses; both can be added to the file later."""

    title = "A flag, a pipeline?"
    words = "Both are optional, and can be added to the file later: feature flags of Unleash or LaunchDarkly and other pipelines too."

    def __init__(self, around: Surroundings, answers: Answers, parent: QWidget | None = None) -> None:
        super().__init__(around, answers, parent)
        self.flag = QCheckBox("A feature flag hides the change")
        self.flag_url, self.flag_name = line("Flag's address", "http://HOST:PORT/flags/NAME"), line("Flag's name", "checkout_v52")
        self._flag_rows = Fields({"Address": self.flag_url, "Name": self.flag_name})
        self.reading = Looking(around, "Read the flag")
        self.reading.button.clicked.connect(self._read)
        self.readings = Readings()
        self.pipeline = QCheckBox("A Buildbot builds and checks it first")
        self.pipeline_url = line("Buildbot's address", "http://HOST:8010")
        self.builder, self.scheduler = line("Builder", "release"), line("Force scheduler", "force")
        self._pipeline_rows = Fields({"Address": self.pipeline_url, "Builder": self.builder, "Scheduler": self.scheduler})
        self._without = Label("Without a pipeline the canary's code is taken as it runs.", "small", "text.3", wrap=True)
        for item in (
            self.flag, self._flag_rows, self.reading, self.readings, self.pipeline, self._pipeline_rows, self._without,
        ):  # fmt: skip
            self.body.addWidget(item)
        self.body.addStretch(1)
        for box in (self.flag, self.pipeline):
            box.toggled.connect(self._take)
        for field in (self.flag_url, self.flag_name, self.pipeline_url, self.builder, self.scheduler):
            field.textChanged.connect(self._take)
        self._take()

    def blocked(self) -> str:
        """Return what is missing of what was ticked."""
        if self.flag.isChecked() and self.answers.draft.flag is None:
            return "The flag needs an address that begins with http:// or https://, and a name."
        if self.pipeline.isChecked() and self.answers.draft.pipeline is None:
            return "The pipeline needs an address, a builder and a scheduler."
        return ""

    def _take(self) -> None:
        wants_flag, wants_pipeline = self.flag.isChecked(), self.pipeline.isChecked()
        for each in (self._flag_rows, self.reading, self.readings):
            each.setVisible(wants_flag)
        self._pipeline_rows.setVisible(wants_pipeline)
        self._without.setVisible(not wants_pipeline)
        url, name = self.flag_url.text().strip(), self.flag_name.text().strip()
        flag = HttpFlag(url, name) if wants_flag and _is_address(url) and name else None
        if flag != self.answers.draft.flag:
            self.readings.show_tried(())
        master, builder, scheduler = (each.text().strip() for each in (self.pipeline_url, self.builder, self.scheduler))
        whole = wants_pipeline and _is_address(master) and builder and scheduler
        pipeline = BuildbotPipeline(master, builder, scheduler) if whole else None
        self.answers.draft = replace(self.answers.draft, flag=flag, pipeline=pipeline)
        self.changed.emit()

    def _read(self) -> None:
        draft = self.answers.draft
        if draft.flag is None:
            self.reading.show_problem(self.blocked())
            return
        self.reading.run(lambda desk, progress: desk.wizard.attempt(draft, ("flag",), progress), self._was_read)

    def _was_read(self, tried: Sequence[Tried]) -> None:
        self.readings.show_tried(tried)


def _is_address(text: str) -> bool:
    try:
        return urlsplit(text).scheme in {"http", "https"} and bool(urlsplit(text).hostname)
    except ValueError:
        return False
