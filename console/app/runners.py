"""Makes what runs a target's pipeline: a new pipeline system is one branch here."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from console.model.clock import Clock
from console.model.pipelines import BuildbotPipeline, GithubPipeline, GitlabPipeline, JenkinsPipeline
from console.model.systems import CommandPipeline, SecretRef
from console.model.target import Target

if TYPE_CHECKING:
    from console.providers.clients.http import HttpClient, Token
    from console.providers.pipelines.buildbot import BuildbotRuns
    from console.providers.pipelines.command import CommandRunner
    from console.providers.pipelines.github import GithubRuns
    from console.providers.pipelines.gitlab import GitlabRuns
    from console.providers.pipelines.jenkins import JenkinsRuns

    Runner = CommandRunner | BuildbotRuns | GithubRuns | GitlabRuns | JenkinsRuns


def pipeline_runner(
    target: Target, http: "HttpClient", clock: Clock, token: "Callable[[SecretRef | None], Token | None]"
) -> "Runner | None":
    """Return what runs the target's pipeline, None where it has none; nothing is sent yet."""
    pipeline = target.pipeline
    if isinstance(pipeline, CommandPipeline):
        from console.providers.pipelines.command import CommandRunner  # noqa: PLC0415

        return CommandRunner(pipeline, Path(target.path).parent, clock)
    if isinstance(pipeline, BuildbotPipeline):
        from console.providers.pipelines.buildbot import BuildbotRuns  # noqa: PLC0415

        return BuildbotRuns(pipeline, http, clock, token(pipeline.token))
    if isinstance(pipeline, GithubPipeline):
        from console.providers.pipelines.github import GithubRuns  # noqa: PLC0415

        return GithubRuns(pipeline, http, clock, token(pipeline.token))
    if isinstance(pipeline, GitlabPipeline):
        from console.providers.pipelines.gitlab import GitlabRuns  # noqa: PLC0415

        return GitlabRuns(pipeline, http, clock, token(pipeline.token))
    if isinstance(pipeline, JenkinsPipeline):
        from console.providers.pipelines.jenkins import JenkinsRuns  # noqa: PLC0415

        return JenkinsRuns(pipeline, http, clock, token(pipeline.token))
    return None
