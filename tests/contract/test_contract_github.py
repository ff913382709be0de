"""GitHub Actions against the API's contract only: a scripted stand-in answers as GitHub's documentation says; no GitHub was asked."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from faults.routed import Asked, RoutedServer, routed_server, told
from faults.scripted import Answer

from console.model.clock import SystemClock
from console.model.errors import OutcomeUnknown, Refused, Unreachable
from console.model.pipelines import GithubPipeline
from console.model.ports import ApprovesGates, FindsRuns, TellsChanges
from console.model.readings import LogLine, PipelineRun
from console.providers.clients.http import HttpClient
from console.providers.pipelines import github
from console.providers.pipelines.github import GithubRuns

pytestmark = pytest.mark.anyio

TOKEN = "canary-github-1"
REPO = "/repos/octo-org/shop"
KEY = "R-1.0.1@2026-11-24T10:00:00.000Z"


async def secret() -> str:
    return TOKEN


@dataclass
class Github:
    """The stand-in: one workflow, runs that a test moves on."""

    names_the_run: bool = True
    forgets_the_key: bool = False
    runs: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    environments: list[dict[str, Any]] = field(default_factory=list)
    approved: list[Any] = field(default_factory=list)
    on_look: Callable[[int], None] = lambda number: None
    looks: int = 0

    def route(self, asked: Asked) -> Answer:
        assert asked.headers.get("authorization") == f"Bearer {TOKEN}" or asked.path.startswith("/logs")
        rest = asked.path.removeprefix(REPO)
        if rest == "/actions/workflows/release.yml/dispatches":
            return self._dispatched(asked.json())
        if rest == "/actions/workflows/release.yml/runs":
            return self._page(asked)
        if rest.endswith("/jobs"):
            return told({"total_count": len(self.jobs), "jobs": self.jobs})
        if rest.endswith("/pending_deployments"):
            if asked.method == "POST":
                self.approved.append(asked.json())
                return told([])
            return told(self.environments)
        if rest.endswith("/logs"):
            return Answer(302, b"", {"location": f"http://{asked.headers['host']}/logs/1?sig=canary-log-1"})
        if asked.path.startswith("/logs"):
            assert "authorization" not in asked.headers
            return Answer(200, b"\xef\xbb\xbf2026-11-24T10:00:01.1234567Z building\n2026-11-24T10:00:02.0Z \x1b[31mdone\n", {})
        return self._about(asked, rest)

    def _about(self, asked: Asked, rest: str) -> Answer:
        if rest.endswith("/cancel"):
            run = self.runs[0]
            if run["status"] == "completed":
                return told({"message": "Cannot cancel a workflow run that is completed."}, 409)
            run |= {"status": "completed", "conclusion": "cancelled"}
            return told({}, 202)
        if rest.startswith("/compare/"):
            commits = [commit(name) for name in ("first", "second")]
            return told({"commits": commits})
        if rest.startswith("/actions/runs/"):
            self.looks += 1
            self.on_look(self.looks)
            return told(next(run for run in self.runs if str(run["id"]) == rest.rpartition("/")[2]))
        return told({"message": "Not Found"}, 404)

    def _dispatched(self, body: Any) -> Answer:
        key = "" if self.forgets_the_key else body["inputs"]["release_key"]
        number = 1000 + len(self.runs)
        self.runs.insert(0, run_of(number, f"{body['inputs']['version']} {key}"))
        if self.names_the_run:
            return told({"workflow_run_id": number, "run_url": "x", "html_url": "y"})
        return Answer(204, b"", {})

    def _page(self, asked: Asked) -> Answer:
        runs = [run for run in self.runs if asked.query.get("status") in {None, run["conclusion"]}]
        page, size = int(asked.query.get("page", "1")), int(asked.query["per_page"])
        shown = runs[(page - 1) * size : page * size]
        more = {"link": f'<http://{asked.headers["host"]}{asked.path}?per_page={size}&page={page + 1}>; rel="next"'}
        return told({"total_count": len(runs), "workflow_runs": shown}, **(more if page * size < len(runs) else {}))


def run_of(number: int, title: str, conclusion: str | None = None) -> dict[str, Any]:
    status = "completed" if conclusion else "queued"
    link = f"https://github.com/octo-org/shop/actions/runs/{number}"
    return {
        "id": number,
        "display_title": title,
        "status": status,
        "conclusion": conclusion,
        "html_url": link,
        "head_sha": f"sha{number}",
        "head_branch": "main",
    }


def commit(name: str) -> dict[str, Any]:
    return {"sha": name, "html_url": f"https://github.com/c/{name}", "commit": {"message": f"{name}\n\nmore", "author": {"name": "Ana"}}}


def job_of(number: int, name: str, status: str, conclusion: str | None = None, steps: Any = ()) -> dict[str, Any]:
    times = {"started_at": "2026-11-24T10:00:00Z", "completed_at": "2026-11-24T10:00:09Z" if conclusion else None}
    return {
        "id": number,
        "name": name,
        "status": status,
        "conclusion": conclusion,
        "steps": list(steps),
        "html_url": "https://g/j",
        **times,
    }


@dataclass
class Rig:
    github: Github
    server: RoutedServer
    runs: GithubRuns


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(github, "POLL_S", 0.02)
    monkeypatch.setattr(github, "APPEAR_S", 0.3)
    monkeypatch.setattr(github, "APPEAR_AGAIN_S", 0.02)
    stand_in, http = Github(), HttpClient()
    async with routed_server(stand_in.route) as server:
        spec = GithubPipeline("octo-org/shop", "release.yml", url=server.url, inputs={"region": "eu"}, timeout_s=1.0)
        yield Rig(stand_in, server, GithubRuns(spec, http, SystemClock(), secret))
    await http.aclose()


async def everything(runs: GithubRuns, run: str) -> tuple[list[PipelineRun], list[LogLine]]:
    items = [item async for item in runs.follow(run)]
    return [item for item in items if isinstance(item, PipelineRun)], [item for item in items if isinstance(item, LogLine)]


async def test_a_dispatch_carries_version_and_key_and_a_second_start_sends_none(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    assert await rig.runs.start("18.0.0", KEY) == run == "1000"
    sent = [asked.json() for asked in rig.server.asked if asked.method == "POST"]
    inputs = {"region": "eu", "version": "18.0.0", "release_key": KEY}
    assert sent == [{"ref": "main", "inputs": inputs, "return_run_details": True}]


async def test_an_older_github_that_does_not_name_the_run_is_searched_for_it(rig: Rig) -> None:
    rig.github.names_the_run = False
    assert await rig.runs.start("18.0.0", KEY) == "1000"


async def test_a_key_is_found_on_the_second_page_and_never_in_part(rig: Rig) -> None:
    rig.github.runs = [run_of(number, f"17.0 {KEY}0") for number in range(300, 160, -1)] + [run_of(7, f"18.0 {KEY}")]
    assert await rig.runs.find(KEY) == "7"
    assert [asked.query.get("page") for asked in rig.server.asked] == [None, "2"]


async def test_a_page_that_leads_elsewhere_gets_no_token(rig: Rig) -> None:
    rig.server.meddle = lambda asked: told({"workflow_runs": []}, link='<http://elsewhere.example/x>; rel="next"')
    assert await rig.runs.find(KEY) is None
    assert len(rig.server.asked) == 1


async def test_a_workflow_that_does_not_show_the_key_is_unknown_and_the_line_it_needs_is_said(rig: Rig) -> None:
    rig.github.names_the_run, rig.github.forgets_the_key = False, True
    with pytest.raises(OutcomeUnknown) as caught:
        await rig.runs.start("18.0.0", KEY)
    assert "run-name: ${{ inputs.version }} ${{ inputs.release_key }}" in caught.value.advice


async def test_a_dispatch_whose_answer_is_lost_finds_its_run(rig: Rig) -> None:
    def lose(asked: Asked) -> Answer | None:
        if asked.method != "POST":
            return None
        rig.github.route(asked)
        return Answer(raw=b"")

    rig.server.meddle = lose
    assert await rig.runs.start("18.0.0", KEY) == "1000"
    assert len(rig.github.runs) == 1


@pytest.mark.parametrize(("status", "said"), [(401, "credentials"), (404, "nothing at this address"), (422, "Unexpected inputs")])
async def test_a_no_is_told_in_github_s_words_and_started_nothing(rig: Rig, status: int, said: str) -> None:
    body = {"message": f"Unexpected inputs provided {TOKEN}"}
    rig.server.meddle = lambda asked: told(body, status) if asked.method == "POST" else None
    with pytest.raises(Refused, match=said) as caught:
        await rig.runs.start("18.0.0", KEY)
    assert caught.value.means == "Nothing was changed."
    assert "canary" not in str(caught.value)


async def test_jobs_are_stages_and_their_logs_come_without_stamps_and_without_our_token(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    steps = [{"name": "Check out", "status": "completed"}, {"name": "Compile", "status": "in_progress"}]

    def move(look: int) -> None:
        if look == 2:
            rig.github.runs[0] |= {"status": "in_progress"}
            rig.github.jobs = [job_of(1, "build", "in_progress", None, steps), job_of(2, "smoke", "queued")]
        if look == 3:
            rig.github.jobs = [job_of(1, "build", "completed", "success"), job_of(2, "smoke", "completed", "skipped")]
            rig.github.runs[0] |= {"status": "completed", "conclusion": "success"}

    rig.github.on_look = move
    runs, lines = await everything(rig.runs, run)
    assert runs[0].note == "It waits for a runner."
    assert [(stage.name, stage.state) for stage in runs[1].stages] == [("build", "running"), ("smoke", "planned")]
    assert runs[1].note == "build: Compile (2 of 2)."
    last = runs[-1]
    assert (last.state, last.version, last.link) == ("passed", "18.0.0", "https://github.com/octo-org/shop/actions/runs/1000")
    assert [(stage.state, stage.lines) for stage in last.stages] == [("passed", 2), ("skipped", 0)]
    assert [(line.stage, line.number, line.text) for line in lines] == [("build", 1, "building"), ("build", 2, "done")]


async def test_a_failing_job_is_named_with_its_step(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    rig.github.jobs = [job_of(1, "smoke", "completed", "failure", [{"name": "Buy a cart", "conclusion": "failure"}])]
    rig.github.runs[0] |= {"status": "completed", "conclusion": "failure"}
    runs, _ = await everything(rig.runs, run)
    assert (runs[-1].state, runs[-1].reason) == ("failed", "smoke failed at the step Buy a cart: failure")


@pytest.mark.parametrize("conclusion", ["neutral", "skipped", "stale", "action_required", "timed_out", "something new", ""])
async def test_nothing_but_success_is_a_pass(rig: Rig, conclusion: str) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    rig.github.runs[0] |= {"status": "completed", "conclusion": conclusion or None}
    runs, _ = await everything(rig.runs, run)
    assert runs[-1].state == "failed"
    assert runs[-1].reason


async def test_a_run_is_cancelled_with_our_reason_and_an_ended_one_stays(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    await rig.runs.cancel(run, "wrong version")
    runs, _ = await everything(rig.runs, run)
    assert (runs[-1].state, runs[-1].reason) == ("cancelled", "wrong version")
    rig.github.runs[0] |= {"conclusion": "success"}
    await rig.runs.cancel(run, "too late")
    assert (await everything(rig.runs, run))[0][-1].state == "passed"


async def test_a_waiting_environment_is_a_gate_only_for_who_may_approve_it(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    rig.github.runs[0] |= {"status": "waiting"}
    rig.github.environments = [
        {"environment": {"id": 11, "name": "production"}, "current_user_can_approve": True, "wait_timer_started_at": None},
        {"environment": {"id": 12, "name": "bank"}, "current_user_can_approve": False, "wait_timer_started_at": None},
    ]
    items = rig.runs.follow(run)
    first = await anext(items)
    assert isinstance(first, PipelineRun)
    assert [(stage.name, stage.state, stage.gate) for stage in first.stages] == [
        ("Approval for production", "waiting", "11"),
        ("Approval for bank", "waiting", ""),
    ]
    await rig.runs.approve(run, "11", "tested by hand")
    assert rig.github.approved == [{"environment_ids": [11], "state": "approved", "comment": "tested by hand"}]
    with pytest.raises(Refused):
        await rig.runs.approve(run, "11 or more", "x")
    await items.aclose()  # type: ignore[attr-defined]


async def test_the_changes_of_a_run_are_those_since_the_last_good_one(rig: Rig) -> None:
    rig.github.runs = [run_of(900, "17.4.0 k", "success")]
    run = await rig.runs.start("18.0.0", KEY)
    rig.github.runs[0]["id"] = 1001
    changes = await rig.runs.changes("1001")
    assert [(change.revision, change.author, change.title) for change in changes] == [
        ("second", "Ana", "second"),
        ("first", "Ana", "first"),
    ]
    assert any(asked.path.endswith("/compare/sha900...sha1001") for asked in rig.server.asked)
    assert run


async def test_an_answer_that_has_not_changed_is_not_sent_again(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)

    def tagged(asked: Asked) -> Answer | None:
        if asked.method == "POST" or "/actions/runs/" not in asked.path:
            return None
        if rig.github.looks >= 3:
            rig.github.runs[0] |= {"status": "completed", "conclusion": "success"}
            return None
        rig.github.looks += asked.path.endswith("/1000")
        if asked.headers.get("if-none-match") == '"one"':
            return Answer(304, b"", {"etag": '"one"'})
        answer = rig.github.route(asked)
        return Answer(answer.status, answer.body, {**answer.headers, "etag": '"one"'})

    rig.server.meddle = tagged
    runs, _ = await everything(rig.runs, run)
    assert runs[-1].state == "passed"
    assert sum(asked.headers.get("if-none-match") == '"one"' for asked in rig.server.asked) >= 2


LIMITS = {"x_ratelimit_limit": "5000", "x_ratelimit_reset": "4102444800"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait_s"),
    [
        (429, {"retry_after": "7"}, "slow down", 7),
        (403, {"retry_after": "30"}, "You have exceeded a secondary rate limit", 30),
        (403, {}, "You have exceeded a secondary rate limit", 60),
        (429, {}, "slow down", 60),
    ],
)
async def test_a_limit_is_a_wait_and_not_a_missing_right(rig: Rig, status: int, headers: Any, body: str, wait_s: float) -> None:
    rig.server.meddle = lambda asked: told({"message": body}, status, x_ratelimit_remaining="41", **LIMITS, **headers)
    with pytest.raises(Refused, match="asks us to wait") as caught:
        await rig.runs.start("18.0.0", KEY)
    assert caught.value.retry_after_s == wait_s
    assert "41 of 5000 requests are left until" in caught.value.message


async def test_the_hour_s_limit_is_a_wait_until_it_is_given_anew(rig: Rig) -> None:
    reset = int(SystemClock().now().timestamp()) + 90
    headers = {"x_ratelimit_limit": "60", "x_ratelimit_remaining": "0", "x_ratelimit_reset": str(reset)}
    rig.server.meddle = lambda asked: told({"message": "API rate limit exceeded"}, 403, **headers)
    with pytest.raises(Refused) as caught:
        await rig.runs.find(KEY)
    assert 80 < (caught.value.retry_after_s or 0) <= 90


async def test_a_403_that_is_no_limit_stays_a_missing_right(rig: Rig) -> None:
    rig.server.meddle = lambda asked: told({"message": "Resource not accessible"}, 403, x_ratelimit_remaining="41", **LIMITS)
    with pytest.raises(Refused, match="does not permit this") as caught:
        await rig.runs.find(KEY)
    assert caught.value.retry_after_s is None


async def test_few_requests_left_are_shown_and_slow_the_looks_down(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    reset = str(int(SystemClock().now().timestamp()) + 3600)

    def low(asked: Asked) -> Answer:
        answer = rig.github.route(asked)
        more = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "40", "x-ratelimit-reset": reset}
        return Answer(answer.status, answer.body, {**answer.headers, **more})

    rig.server.meddle = low
    items = rig.runs.follow(run)
    first = await anext(items)
    assert isinstance(first, PipelineRun)
    assert "looked at more seldom: 40 of 5000 requests are left until" in first.note
    assert 250 < rig.runs._api.every_s(3.0) <= 300
    await items.aclose()  # type: ignore[attr-defined]


async def test_a_run_that_is_out_of_sight_for_a_while_goes_on(rig: Rig) -> None:
    run = await rig.runs.start("18.0.0", KEY)
    bad = iter([Answer(raw=b""), Answer(502, b"bad gateway"), told({"message": "slow"}, 429, retry_after="0"), Answer(200, b"<html>")])

    def meddle(asked: Asked) -> Answer | None:
        if rig.github.looks < 2 or asked.method == "POST":
            return None
        found = next(bad, None)
        if found is None:
            rig.github.runs[0] |= {"status": "completed", "conclusion": "success"}
        return found

    rig.server.meddle = meddle
    runs, _ = await everything(rig.runs, run)
    assert runs[-1].state == "passed"
    assert any(run.note.startswith("It cannot be read now") for run in runs)


async def test_a_github_that_is_not_there_started_nothing() -> None:
    http = HttpClient()
    with pytest.raises(Unreachable) as caught:
        await GithubRuns(GithubPipeline("o/r", "w", url="http://127.0.0.1:9"), http, SystemClock()).start("1", KEY)
    assert not caught.value.sent
    await http.aclose()


def test_what_it_can_do_besides_shows_in_its_type() -> None:
    made = GithubRuns(GithubPipeline("o/r", "w"), HttpClient(), SystemClock())
    assert isinstance(made, ApprovesGates)
    assert isinstance(made, TellsChanges)
    assert isinstance(made, FindsRuns)
    assert json.dumps(KEY)
