"""One run of a workflow as GitHub tells it now: its jobs as stages, the environments it waits for, and the logs of jobs that ended."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from console.model.clock import Clock, from_iso
from console.model.errors import ConsoleError, Refused
from console.model.readings import LogLine, PipelineRun, PipelineStageRun, RunChange
from console.model.text import clean
from console.providers.clients.output import Keeper, LineSplitter
from console.providers.clients.strict import field
from console.providers.pipelines.following import Seen, distinct
from console.providers.pipelines.github_api import SYSTEM, GithubApi

ENDED = {
    "success": "passed",
    "failure": "failed",
    "timed_out": "failed",
    "startup_failure": "failed",
    "action_required": "failed",
    "stale": "failed",
    "neutral": "skipped",
    "skipped": "skipped",
    "cancelled": "cancelled",
}
"""What a conclusion is to us; an unknown one is a failure."""

_STAMP = re.compile(rb"^\xef?\xbb?\xbf?\d{4}-\d\d-\d\dT[0-9:.]{8,20}Z ")


class Reader:
    """Reads one run, again and again; each reader tells the run from its beginning."""

    def __init__(self, api: GithubApi, clock: Clock, number: int) -> None:
        self._api, self._clock, self._number = api, clock, number
        self._lines: dict[int, int] = {}
        self._unsaid: list[LogLine] = []  # read in a look that then failed: told by the next one
        self.reason: Callable[[], str] = str
        """Gives the reason that a person gave when this console stopped the run."""
        self.version = ""

    async def look(self) -> Seen:
        """Return the run as it is now, and the lines of the jobs that ended since the last look. Raises as `GithubApi.get` does."""
        run = await self._api.get(f"actions/runs/{self._number}")
        status = field(run, "status", str, SYSTEM)
        jobs = [each async for each in self._api.rows(f"actions/runs/{self._number}/jobs", "jobs", filter="latest")]
        names = distinct([str(job.get("name") or "") for job in jobs])
        for job, name in zip(jobs, names, strict=True):
            self._unsaid.extend(await self._log(job, name))
        stages = [self._stage(job, name) for job, name in zip(jobs, names, strict=True)]
        if status == "waiting":
            stages.extend(await self._gates())
        lines, self._unsaid = self._unsaid, []
        return Seen(self._told(run, status, jobs, stages), lines)

    def _told(
        self, run: Mapping[str, Any], status: str, jobs: Sequence[Mapping[str, Any]], stages: Sequence[PipelineStageRun]
    ) -> PipelineRun:
        title = clean(str(run.get("display_title") or ""), 80)
        version = self.version or title
        link = _link(run.get("html_url"))
        if status != "completed":
            note = self._note(status, jobs, stages)
            return PipelineRun(str(self._number), version, "running", tuple(stages), "", link, note)
        conclusion = str(run.get("conclusion") or "")
        state = ENDED.get(conclusion, "failed")
        if state == "skipped":
            state, reason = "failed", "Every job was skipped: nothing ran."
        else:
            reason = (
                _where(jobs, conclusion) if state == "failed" else self.reason() or "Cancelled on GitHub." if state == "cancelled" else ""
            )
        return PipelineRun(str(self._number), version, state, tuple(stages), reason, link)

    def _note(self, status: str, jobs: Sequence[Mapping[str, Any]], stages: Sequence[PipelineStageRun]) -> str:
        found = []
        gates = [stage.name for stage in stages if stage.state == "waiting"]
        if status == "waiting" and gates:
            found.append(f"It waits for: {', '.join(gates)}.")
        elif status in {"queued", "requested", "pending"}:
            found.append("It waits for a runner.")
        for job in jobs:
            steps = [step for step in job.get("steps") or () if isinstance(step, dict)]
            now = next((step for step in steps if step.get("status") == "in_progress"), None)
            if now is not None:
                at = steps.index(now) + 1
                found.append(clean(f"{job.get('name')}: {now.get('name')} ({at} of {len(steps)}).", 160))
        if self._api.limits is not None and self._api.limits.low:
            found.append(f"It is looked at more seldom: {self._api.limits.words}.")
        return " ".join(found[:4])

    def _stage(self, job: Mapping[str, Any], name: str) -> PipelineStageRun:
        status = str(job.get("status") or "")
        state = {"completed": ENDED.get(str(job.get("conclusion") or ""), "failed"), "in_progress": "running", "waiting": "waiting"}
        lines = self._lines.get(field(job, "id", int, SYSTEM), 0)
        began, ended = _instant(job.get("started_at")), _instant(job.get("completed_at"))
        return PipelineStageRun(name, state.get(status, "planned"), began, ended, None, lines, _link(job.get("html_url")))

    async def _gates(self) -> Sequence[PipelineStageRun]:
        """Return the environments that the run waits for; those that this login may approve carry their gate."""
        found = []
        async for row in self._api.rows(f"actions/runs/{self._number}/pending_deployments", ""):
            environment = field(row, "environment", dict, SYSTEM)
            gate = str(field(environment, "id", int, SYSTEM)) if row.get("current_user_can_approve") is True else ""
            name = clean(f"Approval for {environment.get('name')}", 80)
            found.append(PipelineStageRun(name, "waiting", _instant(row.get("wait_timer_started_at")), gate=gate))
        return found

    async def _log(self, job: Mapping[str, Any], name: str) -> Sequence[LogLine]:
        number = field(job, "id", int, SYSTEM)
        if number in self._lines or job.get("status") != "completed" or job.get("conclusion") == "skipped":
            return []
        try:
            body = await self._api.log(f"actions/jobs/{number}/logs")
        except Refused as error:
            if error.retry_after_s is not None:
                raise
            self._lines[number] = 0
            return [LogLine(name, 1, f"GitHub gives no log of this job: {clean(error.message, 200)}", self._clock.now())]
        except ConsoleError as error:
            self._lines[number] = 0
            return [LogLine(name, 1, f"The log of this job could not be read: {clean(error.message, 200)}", self._clock.now())]
        found: list[LogLine] = []
        keeper, splitter = Keeper(lambda at, text: found.append(LogLine(name, at, text, self._clock.now()))), LineSplitter()
        for line in (*splitter.feed(body), *splitter.rest()):
            keeper.add(_STAMP.sub(b"", line))
        keeper.end()
        self._lines[number] = keeper.count
        return found


def change_of(row: Mapping[str, Any]) -> RunChange:
    """Return a commit as a change."""
    commit = field(row, "commit", dict, SYSTEM)
    author = commit.get("author")
    said = str(commit.get("message") or "").strip().splitlines() or [""]
    who = str(author.get("name") or "") if isinstance(author, dict) else ""
    return RunChange(clean(str(row.get("sha") or ""), 64), clean(who, 120), clean(said[0], 200), _link(row.get("html_url")))


def _where(jobs: Sequence[Mapping[str, Any]], conclusion: str) -> str:
    for job in jobs:
        if ENDED.get(str(job.get("conclusion") or ""), "") != "failed":
            continue
        steps = [step for step in job.get("steps") or () if isinstance(step, dict) and step.get("conclusion") in {"failure", "timed_out"}]
        at = f" at the step {clean(str(steps[0].get('name')), 80)}" if steps else ""
        return f"{clean(str(job.get('name')), 80)} failed{at}: {clean(conclusion, 40)}"
    return f"It ended with {clean(conclusion, 40) or 'no conclusion'}."


def _link(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return text if text.startswith(("https://", "http://")) and len(text) < 500 and text.isprintable() else ""


def _instant(value: object) -> datetime | None:
    try:
        return from_iso(value.replace("Z", "+00:00")) if isinstance(value, str) else None
    except ValueError:
        return None
