"""Jenkins against its remote API's contract only: a scripted stand-in answers as its documentation says; no Jenkins was asked."""

import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from faults.routed import Asked, RoutedServer, routed_server, told
from faults.scripted import Answer

from console.model.clock import SystemClock
from console.model.errors import BadFile, OutcomeUnknown, Refused
from console.model.pipelines import JenkinsPipeline
from console.model.readings import LogLine, PipelineRun
from console.providers.clients.http import HttpClient
from console.providers.pipelines import jenkins
from console.providers.pipelines.jenkins import JenkinsRuns

pytestmark = pytest.mark.anyio

TOKEN = "canary-jenkins-1"
KEY = "R-1.0.1@2026-11-24T10:00:00.000Z"
JOB = "/job/shop/job/release"
LOGIN = f"Basic {base64.b64encode(f'ana:{TOKEN}'.encode()).decode()}"


async def secret() -> str:
    return TOKEN


@dataclass
class Jenkins:
    """The stand-in: one job, a queue, builds that a test moves on."""

    declares: tuple[str, ...] = ("VERSION", "RELEASE_KEY", "REGION")
    queue: list[dict[str, Any]] = field(default_factory=list)
    builds: list[dict[str, Any]] = field(default_factory=list)
    stages: list[dict[str, Any]] | None = field(default_factory=list)
    log: bytes = b""
    forgets_items: bool = False
    on_look: Callable[[int], None] = lambda number: None
    looks: int = 0
    posts: list[str] = field(default_factory=list)

    def route(self, asked: Asked) -> Answer:
        assert asked.headers["authorization"] == LOGIN
        if asked.path == "/crumbIssuer/api/json":
            body = {"crumb": "canary-crumb-1", "crumbRequestField": "Jenkins-Crumb"}
            return told(body, set_cookie="JSESSIONID.a1=canary-session-1; Path=/; HttpOnly")
        if asked.method == "POST":
            assert asked.headers["jenkins-crumb"] == "canary-crumb-1"
            assert asked.headers["cookie"] == "JSESSIONID.a1=canary-session-1"
            return self._does(asked)
        if asked.path == "/queue/api/json":
            return told({"items": self.queue})
        if asked.path.startswith("/queue/item/"):
            return self._item(int(asked.path.split("/")[3]))
        if asked.path == f"{JOB}/api/json":
            definitions = [{"name": name} for name in self.declares]
            return told({"property": [{}, {"parameterDefinitions": definitions}], "builds": self.builds})
        return self._build(asked)

    def _item(self, number: int) -> Answer:
        self.looks += 1
        self.on_look(self.looks)
        found = next((each for each in self.queue if each["id"] == number), None)
        return told({}, 404) if found is None or self.forgets_items else told(found)

    def _does(self, asked: Asked) -> Answer:
        self.posts.append(asked.path)
        if asked.path == f"{JOB}/buildWithParameters":
            number = 40 + len(self.queue)
            given = [{"name": name, "value": value} for name, value in asked.form().items()]
            item = {
                "id": number,
                "task": {"url": f"http://inside{JOB}/"},
                "actions": [{"parameters": given}],
                "why": "Waiting for executor",
            }
            self.queue.append(item)
            return Answer(201, b"", {"location": f"http://inside/queue/item/{number}/"})
        if asked.path == "/queue/cancelItem":
            self.queue[0]["cancelled"] = True
            return Answer(302, b"", {"location": "/"})
        if asked.path.endswith("/stop"):
            self.builds[0] |= {"building": False, "result": "ABORTED"}
            return Answer(302, b"", {"location": ".."})
        return Answer(200, b"", {})

    def _build(self, asked: Asked) -> Answer:
        rest = asked.path.removeprefix(f"{JOB}/7")
        if rest == "/api/json":
            self.looks += 1
            self.on_look(self.looks)
            return told(self.builds[0])
        if rest == "/wfapi/describe":
            return told({}, 404) if self.stages is None else told({"stages": self.stages})
        if rest == "/wfapi/pendingInputActions":
            return told([{"id": "Needs", "message": "Ship?", "inputs": [{"name": "x"}]}, {"id": "Ship", "message": "Ship?", "inputs": []}])
        start = int(asked.query["start"])
        more = {"x-more-data": "true"} if self.builds[0]["building"] else {}
        return Answer(200, self.log[start:], {"content-type": "text/plain", "x-text-size": str(len(self.log)), **more})

    def begins(self) -> None:
        """Let the first queue item become build 7."""
        self.queue[0]["executable"] = {"number": 7, "url": "x"}
        self.builds = [{"number": 7, "queueId": self.queue[0]["id"], "building": True, "result": None, "actions": self.queue[0]["actions"]}]

    def ends(self, result: str) -> None:
        self.builds[0] |= {"building": False, "result": result}


def stage_of(name: str, status: str) -> dict[str, Any]:
    return {"id": "1", "name": name, "status": status, "startTimeMillis": 1795531888000, "durationMillis": 2500}


@dataclass
class Rig:
    jenkins: Jenkins
    server: RoutedServer
    runs: JenkinsRuns


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(jenkins, "POLL_S", 0.02)
    stand_in, http = Jenkins(), HttpClient()
    async with routed_server(stand_in.route) as server:
        spec = JenkinsPipeline(server.url, "shop/release", parameters={"REGION": "eu"}, user="ana", timeout_s=1.0)
        yield Rig(stand_in, server, JenkinsRuns(spec, http, SystemClock(), secret))
    await http.aclose()


async def everything(runs: JenkinsRuns, run: str) -> tuple[list[PipelineRun], list[LogLine]]:
    items = [item async for item in runs.follow(run)]
    return [item for item in items if isinstance(item, PipelineRun)], [item for item in items if isinstance(item, LogLine)]


async def test_a_build_gets_version_and_key_and_a_second_start_makes_none(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    assert await rig.runs.start("18.0.0", KEY) == run == "queue-40"
    rig.jenkins.begins()
    rig.jenkins.queue = []
    assert await rig.runs.start("18.0.0", KEY) == run
    assert rig.jenkins.posts == [f"{JOB}/buildWithParameters"]
    sent = next(asked.form() for asked in rig.server.asked if asked.method == "POST")
    assert sent == {"REGION": "eu", "VERSION": "18.0.0", "RELEASE_KEY": KEY}


async def test_a_job_that_does_not_declare_the_key_is_not_built(rig: Rig) -> None:
    rig.jenkins.declares = ("VERSION", "REGION")
    with pytest.raises(BadFile, match="declares no parameter 'RELEASE_KEY'"):
        await rig.runs.start("18.0.0", KEY)
    assert rig.jenkins.posts == []


async def test_a_run_is_followed_from_the_queue_over_its_stages_to_its_end(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)

    def move(look: int) -> None:
        if look == 4:
            rig.jenkins.begins()
        if look == 5:
            rig.jenkins.stages, rig.jenkins.log = [stage_of("Build", "IN_PROGRESS")], b"first\nsec"
        if look == 7:
            rig.jenkins.stages = [stage_of("Build", "SUCCESS"), stage_of("Smoke", "SUCCESS")]
            rig.jenkins.log = b"first\nsecond\nthird"
            rig.jenkins.ends("SUCCESS")

    rig.jenkins.on_look = move
    runs, lines = await everything(rig.runs, run)
    assert runs[0].note == "Waiting for executor"
    assert [(line.number, line.text) for line in lines] == [(1, "first"), (2, "second"), (3, "third")]
    last = runs[-1]
    assert (last.state, last.version, last.reason) == ("passed", "18.0.0", "")
    assert last.link == f"{rig.server.url}{JOB}/7/"
    assert [(stage.name, stage.state) for stage in last.stages] == [("Build", "passed"), ("Smoke", "passed")]


@pytest.mark.parametrize(
    ("result", "said"), [("FAILURE", "Smoke failed in build 7: failure"), ("UNSTABLE", "Smoke failed in build 7: unstable")]
)
async def test_a_failing_stage_is_named(rig: Rig, result: str, said: str) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    rig.jenkins.begins()
    rig.jenkins.stages = [stage_of("Build", "SUCCESS"), stage_of("Smoke", "UNSTABLE" if result == "UNSTABLE" else "FAILED")]
    rig.jenkins.ends(result)
    runs, _ = await everything(rig.runs, run)
    assert (runs[-1].state, runs[-1].reason) == ("failed", said)


async def test_a_job_without_stages_and_a_forgotten_queue_item_are_followed_all_the_same(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    rig.jenkins.begins()
    rig.jenkins.stages, rig.jenkins.forgets_items = None, True
    rig.jenkins.ends("NOT_BUILT")
    runs, _ = await everything(rig.runs, run)
    assert (runs[-1].state, runs[-1].reason) == ("failed", "Build 7 failed: not_built")


async def test_an_input_that_asks_for_nothing_more_is_a_gate_that_is_approved(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    rig.jenkins.begins()
    rig.jenkins.stages = [stage_of("Ship", "PAUSED_PENDING_INPUT")]
    items = rig.runs.follow(run)
    first = await anext(items)
    assert isinstance(first, PipelineRun)
    assert [(stage.state, stage.gate) for stage in first.stages] == [("waiting", "Ship")]
    await rig.runs.approve(run, "Ship", "tested")
    assert rig.jenkins.posts[-1] == f"{JOB}/7/input/Ship/proceedEmpty"
    with pytest.raises(Refused):
        await rig.runs.approve(run, "../stop", "x")
    await items.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("begun", [True, False])
async def test_a_build_is_stopped_and_a_queued_one_taken_out_with_our_reason(rig: Rig, *, begun: bool) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    if begun:
        rig.jenkins.begins()
    await rig.runs.cancel(run, "wrong version")
    runs, _ = await everything(rig.runs, run)
    assert (runs[-1].state, runs[-1].reason) == ("cancelled", "wrong version")


async def test_a_lost_answer_finds_the_build_in_the_queue_or_is_unknown(rig: Rig) -> None:
    def lose(asked: Asked) -> Answer | None:
        if asked.method != "POST":
            return None
        rig.jenkins.route(asked)
        return Answer(raw=b"")

    rig.server.meddle = lose
    assert await rig.runs.start("18.0.0", KEY) == "queue-40"
    rig.server.meddle = lambda asked: Answer(raw=b"") if asked.method == "POST" else None
    with pytest.raises(OutcomeUnknown):
        await rig.runs.start("18.1.0", f"{KEY}2")


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_no_started_nothing_and_shows_no_secret(rig: Rig, status: int) -> None:
    said = f"{TOKEN} {LOGIN} canary-session-1 canary-crumb-1"
    rig.server.meddle = lambda asked: Answer(status, said.encode()) if asked.method == "POST" else None
    with pytest.raises(Refused) as caught:
        await rig.runs.start("18.0.0", KEY)
    assert "canary" not in str(caught.value)
    assert LOGIN[6:] not in str(caught.value)
