"""GitHub's own description of its API, answered by Prism: what we send is allowed by it, and what it gives is understood."""

from collections.abc import AsyncIterator

import pytest
from servers.prism_process import Prism

from console.model.clock import SystemClock
from console.model.errors import Refused
from console.model.pipelines import GithubPipeline
from console.providers.clients.http import HttpClient
from console.providers.pipelines.github import GithubRuns
from console.providers.pipelines.github_run import Reader

pytestmark = [pytest.mark.anyio, pytest.mark.prism]


@pytest.fixture
async def ours(prism: Prism) -> AsyncIterator[GithubRuns]:
    async def token() -> str:
        return "any"

    http = HttpClient()
    yield GithubRuns(GithubPipeline("octo-org/shop", "release.yml", url=prism.url), http, SystemClock(), token)
    await http.aclose()


async def test_a_dispatch_is_what_the_api_takes_and_its_answer_names_the_run(ours: GithubRuns) -> None:
    assert (await ours.start("18.0.0", "R-1.0.1@2026-11-24T10:00:00.000Z")).isdigit()


async def test_runs_jobs_and_their_steps_are_understood(ours: GithubRuns) -> None:
    seen = await Reader(ours._api, SystemClock(), 30433642).look()
    assert seen.run.link == "https://github.com/octo-org/octo-repo/actions/runs/30433642"
    assert seen.run.state == "running"
    assert [(stage.name, stage.state) for stage in seen.run.stages] == [("build", "passed")]
    assert seen.run.stages[0].started_at is not None


async def test_a_cancel_is_accepted(ours: GithubRuns) -> None:
    await ours.cancel("30433642", "wrong version")


async def test_environments_that_wait_are_understood_and_an_approval_is_what_the_api_takes(ours: GithubRuns) -> None:
    gates = await Reader(ours._api, SystemClock(), 30433642)._gates()
    assert [(gate.state, gate.gate.isdigit()) for gate in gates] == [("waiting", True)]
    await ours.approve("30433642", gates[0].gate, "tested by hand")


async def test_the_changes_of_a_run_are_understood(ours: GithubRuns) -> None:
    changes = await ours.changes("30433642")
    assert [(change.author, change.title) for change in changes] == [("Monalisa Octocat", "Fix all the bugs")]
    assert changes[0].link.startswith("https://github.com/")


async def test_what_the_description_does_not_allow_is_refused_there(ours: GithubRuns) -> None:
    with pytest.raises(Refused):
        await ours._api.post("actions/runs/1/pending_deployments", {"environment_ids": ["production"], "state": "maybe", "comment": ""})
