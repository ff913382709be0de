"""GitLab CI against the API's contract only: a scripted stand-in answers as GitLab's documentation says; no GitLab was asked."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from faults.routed import Asked, RoutedServer, routed_server, told
from faults.scripted import Answer

from console.model.clock import SystemClock
from console.model.errors import OutcomeUnknown, Refused
from console.model.pipelines import GitlabPipeline
from console.model.readings import LogLine, PipelineRun
from console.providers.clients.http import HttpClient
from console.providers.pipelines import gitlab
from console.providers.pipelines.gitlab import GitlabRuns

pytestmark = pytest.mark.anyio

TOKEN = "canary-gitlab-1"
KEY = "R-1.0.1@2026-11-24T10:00:00.000Z"
PROJECT = "/api/v4/projects/shop%2Fcheckout"


async def secret() -> str:
    return TOKEN


@dataclass
class Gitlab:
    """The stand-in: pipelines that a test moves on."""

    pipelines: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    traces: dict[int, bytes] = field(default_factory=dict)
    played: list[str] = field(default_factory=list)
    ranges: bool = True
    on_look: Callable[[int], None] = lambda number: None
    looks: int = 0

    def route(self, asked: Asked) -> Answer:
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        assert asked.path.startswith(PROJECT)
        rest = asked.path.removeprefix(PROJECT)
        if asked.method == "POST":
            return self._does(asked, rest)
        if rest == "/pipelines":
            return told([each for each in self.pipelines if asked.query.get("status") in {None, each["status"]}])
        if rest.endswith("/jobs"):
            return told(self.jobs[::-1])
        if rest.endswith("/trace"):
            return self._trace(asked, int(rest.split("/")[2]))
        if rest == "/repository/compare":
            commit = {"id": "4f1c", "title": "Fix the cart", "author_name": "Ana", "web_url": "https://gitlab.example/c/4f1c"}
            return told({"commits": [{**commit, "id": "0aaa", "title": "First"}, commit]})
        self.looks += 1
        self.on_look(self.looks)
        return told(next(each for each in self.pipelines if rest == f"/pipelines/{each['id']}"))

    def _does(self, asked: Asked, rest: str) -> Answer:
        if rest == "/pipeline":
            given = {each["key"]: each["value"] for each in asked.json()["variables"]}
            name = f"{given['RELEASE_VERSION']} {given['RELEASE_KEY']}"
            self.pipelines.insert(0, pipeline_of(70 + len(self.pipelines), name))
            return told(self.pipelines[0], 201)
        if rest.endswith("/play"):
            self.played.append(rest.split("/")[2])
            return told({})
        self.pipelines[0] |= {"status": "canceled"}
        return told(self.pipelines[0])

    def _trace(self, asked: Asked, job: int) -> Answer:
        text, begin = self.traces.get(job, b""), asked.headers.get("range", "")
        if not begin or not self.ranges:
            return Answer(200, text, {"content-type": "text/plain"})
        at = int(begin.removeprefix("bytes=").removesuffix("-"))
        return Answer(206, text[at:], {"content-type": "text/plain"}) if at < len(text) else Answer(416, b"")


def pipeline_of(number: int, name: str, status: str = "running") -> dict[str, Any]:
    link = f"https://gitlab.example/p/{number}"
    return {"id": number, "name": name, "status": status, "sha": f"sha{number}", "ref": "main", "web_url": link}


def job_of(number: int, name: str, status: str, **more: Any) -> dict[str, Any]:
    times = {"started_at": "2026-11-24T10:00:00.123Z", "finished_at": None}
    return {"id": number, "name": name, "stage": "test", "status": status, "web_url": "https://gitlab.example/j", **times, **more}


@dataclass
class Rig:
    gitlab: Gitlab
    server: RoutedServer
    runs: GitlabRuns


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(gitlab, "POLL_S", 0.02)
    stand_in, http = Gitlab(), HttpClient()
    async with routed_server(stand_in.route) as server:
        spec = GitlabPipeline(server.url, "shop/checkout", variables={"REGION": "eu"}, timeout_s=1.0)
        yield Rig(stand_in, server, GitlabRuns(spec, http, SystemClock(), secret))
    await http.aclose()


async def everything(runs: GitlabRuns, run: str) -> tuple[list[PipelineRun], list[LogLine]]:
    items = [item async for item in runs.follow(run)]
    return [item for item in items if isinstance(item, PipelineRun)], [item for item in items if isinstance(item, LogLine)]


async def test_a_pipeline_gets_version_and_key_and_a_second_start_makes_none(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    assert await rig.runs.start("18.0.0", KEY) == run == "70"
    assert await rig.runs.find(KEY[:-1]) is None
    (sent,) = [asked.json() for asked in rig.server.asked if asked.method == "POST"]
    assert sent["ref"] == "main"
    assert {each["key"]: each["value"] for each in sent["variables"]} == {"REGION": "eu", "RELEASE_VERSION": "18.0.0", "RELEASE_KEY": KEY}


@pytest.mark.parametrize("ranges", [True, False])
async def test_jobs_are_stages_and_their_traces_are_read_on_from_where_they_were_left(rig: Rig, *, ranges: bool) -> None:
    rig.gitlab.ranges = ranges
    run = await rig.runs.start("18.0.0", KEY)

    def move(look: int) -> None:
        rig.gitlab.jobs = [job_of(1, "build", "running"), job_of(2, "smoke", "created")]
        rig.gitlab.traces[1] = b"first\nsec"
        if look >= 3:
            rig.gitlab.traces[1] = b"first\nsecond\n\x1b[0;31mthird"
            rig.gitlab.jobs = [job_of(1, "build", "success"), job_of(2, "smoke", "skipped")]
            rig.gitlab.pipelines[0]["status"] = "success"

    rig.gitlab.on_look = move
    runs, lines = await everything(rig.runs, run)
    assert [(line.stage, line.number, line.text) for line in lines] == [
        ("build", 1, "first"),
        ("build", 2, "second"),
        ("build", 3, "third"),
    ]
    assert [(stage.name, stage.state) for stage in runs[0].stages] == [("build", "running"), ("smoke", "planned")]
    last = runs[-1]
    assert (last.state, last.version, last.link) == ("passed", "18.0.0", "https://gitlab.example/p/70")
    assert [(stage.state, stage.lines) for stage in last.stages] == [("passed", 3), ("skipped", 0)]


async def test_a_failing_job_is_named_with_its_stage_and_one_that_may_fail_is_not(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    flaky = job_of(1, "lint", "failed", allow_failure=True)
    rig.gitlab.jobs = [flaky, job_of(2, "smoke", "failed", failure_reason="script_failure")]
    rig.gitlab.pipelines[0]["status"] = "failed"
    runs, _ = await everything(rig.runs, run)
    assert (runs[-1].state, runs[-1].reason) == ("failed", "smoke failed in the stage test: script failure")


async def test_a_pipeline_that_skipped_everything_did_not_pass(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    rig.gitlab.pipelines[0]["status"] = "skipped"
    runs, _ = await everything(rig.runs, run)
    assert (runs[-1].state, runs[-1].reason) == ("failed", "Every job was skipped: nothing ran.")


async def test_a_manual_job_is_a_gate_that_is_played(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    rig.gitlab.jobs = [job_of(7, "to production", "manual")]
    rig.gitlab.pipelines[0]["status"] = "manual"
    items = rig.runs.follow(run)
    first = await anext(items)
    assert isinstance(first, PipelineRun)
    assert [(stage.state, stage.gate) for stage in first.stages] == [("waiting", "7")]
    assert first.note == "It waits for a person to play: to production."
    await rig.runs.approve(run, "7", "tested")
    assert rig.gitlab.played == ["7"]
    await items.aclose()  # type: ignore[attr-defined]


async def test_a_pipeline_is_cancelled_with_our_reason_and_an_ended_one_stays(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    await rig.runs.cancel(run, "wrong version")
    runs, _ = await everything(rig.runs, run)
    assert (runs[-1].state, runs[-1].reason) == ("cancelled", "wrong version")
    posts = sum(asked.method == "POST" for asked in rig.server.asked)
    await rig.runs.cancel(run, "again")
    assert sum(asked.method == "POST" for asked in rig.server.asked) == posts


async def test_the_changes_are_those_since_the_last_good_pipeline(rig: Rig) -> None:
    rig.gitlab.pipelines = [pipeline_of(60, "17.4 k", "success")]
    run = await rig.runs.start("18.0.0", KEY)
    changes = await rig.runs.changes(run)
    assert [(change.revision, change.title) for change in changes] == [("4f1c", "Fix the cart"), ("0aaa", "First")]
    compared = next(asked for asked in rig.server.asked if asked.path.endswith("/compare"))
    assert compared.query == {"from": "sha60", "to": f"sha{run}"}


@pytest.mark.parametrize("named", [True, False])
async def test_a_lost_answer_finds_the_pipeline_or_says_what_it_needs(rig: Rig, *, named: bool) -> None:
    def lose(asked: Asked) -> Answer | None:
        if asked.method != "POST":
            return None
        rig.gitlab.route(asked)
        rig.gitlab.pipelines[0]["name"] = rig.gitlab.pipelines[0]["name"] if named else None
        return Answer(raw=b"")

    rig.server.meddle = lose
    if named:
        assert await rig.runs.start("18.0.0", KEY) == "70"
        return
    with pytest.raises(OutcomeUnknown) as caught:
        await rig.runs.start("18.0.0", KEY)
    assert "$RELEASE_VERSION $RELEASE_KEY" in caught.value.advice


@pytest.mark.parametrize("status", [401, 403, 404, 422])
async def test_a_no_started_nothing_and_shows_no_token(rig: Rig, status: int) -> None:
    rig.server.meddle = lambda asked: told({"message": TOKEN}, status) if asked.method == "POST" else None
    with pytest.raises(Refused) as caught:
        await rig.runs.start("18.0.0", KEY)
    assert "canary" not in str(caught.value)
