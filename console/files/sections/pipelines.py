"""The `pipeline` section: what builds and checks a release before it takes traffic."""

from typing import Annotated, Any, Literal

from pydantic import Field

from console.files.fields import Program, Secret, Section, Span, Text, Url, usual
from console.files.sections.spelled import given, written_secret
from console.files.spelling import write_span
from console.model.pipelines import BuildbotPipeline, GithubPipeline, GitlabPipeline, JenkinsPipeline, PipelineSpec
from console.model.systems import CommandPipeline, CommandStage


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


class BuildbotSection(Section):
    """Buildbot: a builder that is forced for a release."""

    provider: Literal["buildbot"]
    url: Url
    """The master's address."""
    builder: Text
    scheduler: Text
    """The ForceScheduler that starts the builder; it must take the two parameters below."""
    version_parameter: Text = "version"
    """The parameter that gets the release's version."""
    key_parameter: Text = "release_key"
    """The parameter that gets a key of this console, so that nothing is built a second time."""
    parameters: dict[Text, Text] = usual({}, {})
    """More parameters, and what they get."""
    user: Text | None = None
    """Whose login the token is. Without a user it is sent as a bearer token, for a proxy before Buildbot."""
    token: Secret | None = None
    limit: Span = usual(3600.0, "60 min")
    """When a run is stopped."""
    timeout: Span = usual(10.0, "10 s")
    """How long to wait for an answer."""


class GithubSection(Section):
    """GitHub Actions: a workflow that is dispatched for a release, with `run-name: ${{ inputs.version }} ${{ inputs.release_key }}`."""

    provider: Literal["github"]
    repository: Annotated[Text, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", max_length=200)]
    """OWNER/NAME."""
    workflow: Annotated[Text, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=200)]
    """The workflow's file in .github/workflows, or its number."""
    ref: Text = "main"
    """The branch or tag that is built."""
    url: Url = usual("https://api.github.com", "https://api.github.com")
    """The REST API's address; of a GitHub Enterprise Server https://HOST/api/v3."""
    version_input: Text = "version"
    """The workflow's input that gets the release's version."""
    key_input: Text = "release_key"
    """The workflow's input that gets a key of this console, so that nothing is built a second time."""
    inputs: dict[Text, Text] = usual({}, {})
    """More inputs, and what they get."""
    token: Secret | None = None
    limit: Span = usual(3600.0, "60 min")
    """When a run is stopped."""
    timeout: Span = usual(10.0, "10 s")
    """How long to wait for an answer."""


class GitlabSection(Section):
    """GitLab CI: a pipeline that is created for a release, with `workflow: {name: "$RELEASE_VERSION $RELEASE_KEY"}`."""

    provider: Literal["gitlab"]
    url: Url
    """GitLab's address."""
    project: Text
    """The project's path or number."""
    ref: Text = "main"
    """The branch or tag that is built."""
    version_variable: Text = "RELEASE_VERSION"
    """The variable that gets the release's version."""
    key_variable: Text = "RELEASE_KEY"
    """The variable that gets a key of this console, so that nothing is built a second time."""
    variables: dict[Text, Text] = usual({}, {})
    """More variables, and what they get."""
    token: Secret | None = None
    limit: Span = usual(3600.0, "60 min")
    """When a pipeline is stopped."""
    timeout: Span = usual(10.0, "10 s")
    """How long to wait for an answer."""


class JenkinsSection(Section):
    """Jenkins: a job that is built with parameters for a release."""

    provider: Literal["jenkins"]
    url: Url
    """Jenkins' address."""
    job: Text
    """The job's path through its folders, as shop/release. It must declare the two parameters below."""
    version_parameter: Text = "VERSION"
    """The parameter that gets the release's version."""
    key_parameter: Text = "RELEASE_KEY"
    """The parameter that gets a key of this console, so that nothing is built a second time."""
    parameters: dict[Text, Text] = usual({}, {})
    """More parameters, and what they get."""
    user: Text | None = None
    """Whose API token the token is."""
    token: Secret | None = None
    limit: Span = usual(3600.0, "60 min")
    """When a build is stopped."""
    timeout: Span = usual(10.0, "10 s")
    """How long to wait for an answer."""


AnyPipeline = CommandPipelineSection | BuildbotSection | GithubSection | GitlabSection | JenkinsSection
PipelineSection = Annotated[AnyPipeline, Field(discriminator="provider")]


def pipeline_of(section: AnyPipeline) -> PipelineSpec:
    """Return the pipeline."""
    if isinstance(section, CommandPipelineSection):
        return CommandPipeline(tuple(CommandStage(stage.name, tuple(stage.run), stage.timeout) for stage in section.stages), section.folder)
    if isinstance(section, GithubSection):
        return GithubPipeline(
            section.repository,
            section.workflow,
            section.ref,
            section.url,
            section.version_input,
            section.key_input,
            section.inputs,
            section.token,
            section.limit,
            section.timeout,
        )
    if isinstance(section, GitlabSection):
        return GitlabPipeline(
            section.url,
            section.project,
            section.ref,
            section.version_variable,
            section.key_variable,
            section.variables,
            section.token,
            section.limit,
            section.timeout,
        )
    if isinstance(section, JenkinsSection):
        return JenkinsPipeline(
            section.url,
            section.job,
            section.version_parameter,
            section.key_parameter,
            section.parameters,
            section.user or "",
            section.token,
            section.limit,
            section.timeout,
        )
    return BuildbotPipeline(
        section.url,
        section.builder,
        section.scheduler,
        section.version_parameter,
        section.key_parameter,
        section.parameters,
        section.user or "",
        section.token,
        section.limit,
        section.timeout,
    )


def commands_of(section: AnyPipeline) -> tuple[tuple[str, ...], ...]:
    """Return the commands that a pipeline would run here."""
    return tuple(tuple(stage.run) for stage in section.stages) if isinstance(section, CommandPipelineSection) else ()


def written_pipeline(spec: PipelineSpec) -> dict[str, Any]:
    """Return a pipeline as the file spells it."""
    if isinstance(spec, CommandPipeline):
        stages = [{"name": stage.name, "run": list(stage.run), "timeout": write_span(stage.timeout_s)} for stage in spec.stages]
        return {"provider": "command", "folder": spec.folder, "stages": stages}
    if isinstance(spec, GithubPipeline):
        return given(_github(spec))
    if isinstance(spec, GitlabPipeline):
        return given(_gitlab(spec))
    return given(_jenkins(spec) if isinstance(spec, JenkinsPipeline) else _buildbot(spec))


def _jenkins(spec: JenkinsPipeline) -> dict[str, Any]:
    return {
        "provider": "jenkins",
        "url": spec.url,
        "job": spec.job,
        "version_parameter": spec.version_parameter,
        "key_parameter": spec.key_parameter,
        "parameters": dict(spec.parameters),
        "user": spec.user or None,
        "token": written_secret(spec.token),
        "limit": write_span(spec.limit_s),
        "timeout": write_span(spec.timeout_s),
    }


def _gitlab(spec: GitlabPipeline) -> dict[str, Any]:
    return {
        "provider": "gitlab",
        "url": spec.url,
        "project": spec.project,
        "ref": spec.ref,
        "version_variable": spec.version_variable,
        "key_variable": spec.key_variable,
        "variables": dict(spec.variables),
        "token": written_secret(spec.token),
        "limit": write_span(spec.limit_s),
        "timeout": write_span(spec.timeout_s),
    }


def _github(spec: GithubPipeline) -> dict[str, Any]:
    return {
        "provider": "github",
        "repository": spec.repository,
        "workflow": spec.workflow,
        "ref": spec.ref,
        "url": spec.url,
        "version_input": spec.version_input,
        "key_input": spec.key_input,
        "inputs": dict(spec.inputs),
        "token": written_secret(spec.token),
        "limit": write_span(spec.limit_s),
        "timeout": write_span(spec.timeout_s),
    }


def _buildbot(spec: BuildbotPipeline) -> dict[str, Any]:
    return {
        "provider": "buildbot",
        "url": spec.url,
        "builder": spec.builder,
        "scheduler": spec.scheduler,
        "version_parameter": spec.version_parameter,
        "key_parameter": spec.key_parameter,
        "parameters": dict(spec.parameters),
        "user": spec.user or None,
        "token": written_secret(spec.token),
        "limit": write_span(spec.limit_s),
        "timeout": write_span(spec.timeout_s),
    }
