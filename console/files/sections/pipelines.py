"""The `pipeline` section: what builds and checks a release before it takes traffic."""

from typing import Annotated, Any, Literal

from pydantic import Field

from console.files.fields import Program, Section, Span, Text, usual
from console.files.spelling import write_span
from console.model.systems import CommandPipeline, CommandStage, PipelineSpec


class CommandSection(Section):
    """One stage of the pipeline: a command that passes when it exits 0."""

    name: Text
    run: Annotated[list[Program], Field(min_length=1, max_length=200)]
    """The command and its arguments; no shell reads them. RELEASE_VERSION is set."""
    timeout: Span = usual(600.0, "10 min")
    """When the command is stopped."""


class CommandPipelineSection(Section):
    """Commands that build and check a release before it takes traffic."""

    provider: Literal["command"]
    folder: Text = "."
    """Where the commands run, seen from this file."""
    stages: Annotated[list[CommandSection], Field(min_length=1, max_length=50)]


PipelineSection = CommandPipelineSection


def pipeline_of(section: CommandPipelineSection) -> PipelineSpec:
    """Return the pipeline."""
    return CommandPipeline(tuple(CommandStage(stage.name, tuple(stage.run), stage.timeout) for stage in section.stages), section.folder)


def commands_of(section: CommandPipelineSection) -> tuple[tuple[str, ...], ...]:
    """Return the commands that a pipeline would run here."""
    return tuple(tuple(stage.run) for stage in section.stages)


def written_pipeline(spec: PipelineSpec) -> dict[str, Any]:
    """Return a pipeline as the file spells it."""
    stages = [{"name": stage.name, "run": list(stage.run), "timeout": write_span(stage.timeout_s)} for stage in spec.stages]
    return {"provider": "command", "folder": spec.folder, "stages": stages}
