"""The pipelines that a target file can name, a value each: what is needed to reach them, and nothing of how."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.model.systems import CommandPipeline, SecretRef


@dataclass(frozen=True, slots=True)
class BuildbotPipeline:
    """A builder of a Buildbot, forced through a ForceScheduler that takes the version and our key as parameters.

    `user` and `token` are a login of Buildbot itself, or of a proxy before it; a token without user is a proxy's bearer token.
    """

    url: str
    builder: str
    scheduler: str
    version_parameter: str = "version"
    key_parameter: str = "release_key"
    parameters: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    token: SecretRef | None = None
    limit_s: float = 3600.0
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class GithubPipeline:
    """A GitHub Actions workflow, dispatched on `ref`; `repository` is OWNER/NAME, `workflow` its file's name or number.

    `url` is the REST API's address: of a GitHub Enterprise Server, https://HOST/api/v3. `token` needs the right "actions: write".
    """

    repository: str
    workflow: str
    ref: str = "main"
    url: str = "https://api.github.com"
    version_input: str = "version"
    key_input: str = "release_key"
    inputs: Mapping[str, str] = field(default_factory=dict)
    token: SecretRef | None = None
    limit_s: float = 3600.0
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class GitlabPipeline:
    """A GitLab project whose pipeline is created on `ref` with variables; `project` is its path or number.

    The project names its pipelines: `workflow: {name: "$RELEASE_VERSION $RELEASE_KEY"}`. `token` needs the right "api".
    """

    url: str
    project: str
    ref: str = "main"
    version_variable: str = "RELEASE_VERSION"
    key_variable: str = "RELEASE_KEY"
    variables: Mapping[str, str] = field(default_factory=dict)
    token: SecretRef | None = None
    limit_s: float = 3600.0
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class JenkinsPipeline:
    """A Jenkins job with parameters; `job` is its path through folders, as shop/release. `token` is an API token of `user`."""

    url: str
    job: str
    version_parameter: str = "VERSION"
    key_parameter: str = "RELEASE_KEY"
    parameters: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    token: SecretRef | None = None
    limit_s: float = 3600.0
    timeout_s: float = 10.0


PipelineSpec = CommandPipeline | BuildbotPipeline | GithubPipeline | GitlabPipeline | JenkinsPipeline
