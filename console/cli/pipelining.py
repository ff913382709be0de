"""Prints what a pipeline does while a command follows its rollout: stages, lines, and the run's own page."""

from collections.abc import Callable

from console.cli.output import LINE
from console.model.readings import PipelineRun
from console.model.text import clean
from console.model.views import RolloutView, Update


class PipelineTeller:
    """Takes the views of one target's rollouts, and tells each change of their pipeline once."""

    def __init__(self, target: str, tell: Callable[[str], None]) -> None:
        self._target, self._tell = target, tell
        self._link = ""
        self._note = ""
        self._states: dict[str, str] = {}
        self._lines: dict[str, int] = {}

    def take(self, update: Update) -> None:
        """Tell what is new in an update."""
        for view in update.rollouts:
            if view.target == self._target and view.pipeline is not None and not view.phase.over:
                self._run(view, view.pipeline)

    def _run(self, view: RolloutView, run: PipelineRun) -> None:
        if run.link and run.link != self._link:
            self._link = run.link
            self._tell(f"pipeline: {clean(run.link, LINE)}")
        if run.note and run.note != self._note:
            self._tell(f"pipeline: {clean(run.note, LINE)}")
        self._note = run.note
        for line in view.log:
            if line.number > self._lines.get(line.stage, 0):
                self._lines[line.stage] = line.number
                self._tell(f"{clean(line.stage, 80)}| {clean(line.text, LINE)}")
        for stage in run.stages:
            if stage.state not in {"planned", self._states.get(stage.name, "planned")}:
                code = f", exit {stage.exit_code}" if stage.exit_code else ""
                self._tell(f"{clean(stage.name, 80)}: {stage.state}{code}")
            self._states[stage.name] = stage.state
