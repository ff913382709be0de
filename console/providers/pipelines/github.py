"""A GitHub Actions workflow as a pipeline: dispatched with the step's key, its jobs as stages, its environments' gates approved."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence

from console.model.clock import Clock
from console.model.errors import BadFile, ConsoleError, OutcomeUnknown, Refused, Unreachable
from console.model.pipelines import GithubPipeline
from console.model.readings import LogLine, PipelineRun, RunChange
from console.model.text import clean
from console.providers.clients.http import HttpClient, Token
from console.providers.clients.strict import field
from console.providers.pipelines import github_run
from console.providers.pipelines.following import Watched, follow
from console.providers.pipelines.github_api import SYSTEM, GithubApi

POLL_S = 3.0
"""How often a run is looked at: GitHub tells nothing by itself to a program that no web request can reach."""

APPEAR_S = 30.0
"""So long after a dispatch its run is looked for, where the answer does not name it."""

APPEAR_AGAIN_S = 1.0
KEYS_KEPT = 200
"""A start looks for its key among so many of the workflow's newest runs."""


class GithubRuns:
    """Runs of one workflow. They live on without this program, and are found again by the key in their name."""

    def __init__(self, spec: GithubPipeline, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec, self._clock = spec, clock
        self._api = GithubApi(spec, http, clock, token)
        self._reasons: dict[str, str] = {}
        self._versions: dict[str, str] = {}
        self._starting = asyncio.Lock()

    async def start(self, version: str, key: str) -> str:
        """Dispatch the workflow and return its run's id; where one of the newest runs has the key in its name, that is the one.

        GitHub's answer names the run only in newer versions; in others the run is looked for by its name, so the workflow has to have
        `run-name: ${{ inputs.version }} ${{ inputs.release_key }}`.
        """
        if not version or clean(version) != version:
            raise BadFile(f"{clean(version, 60)!r} is no version.", means="Nothing was started.")
        async with self._starting:
            found = await self.find(key)
            run = found if found is not None else await self._dispatch(version, key)
            self._versions[run] = version
            return run

    async def find(self, key: str) -> str | None:
        """Return the run that has the key in its name, None where none of the newest has."""
        seen, carries = 0, re.compile(rf"(?<!\S){re.escape(key)}(?!\S)")
        async for row in self._api.rows(f"{self._workflow}/runs", "workflow_runs", event="workflow_dispatch"):
            seen += 1
            if carries.search(str(row.get("display_title") or "")):
                return str(field(row, "id", int, SYSTEM))
            if seen >= KEYS_KEPT:
                break
        return None

    async def follow(self, run: str) -> AsyncIterator[PipelineRun | LogLine]:
        """Yield the run at each change, and the lines of each job once it has ended: GitHub gives them no sooner."""
        reader = github_run.Reader(self._api, self._clock, _number(run))
        reader.version = self._versions.get(run, "")
        reader.reason = lambda: self._reasons.get(run, "")
        watched = Watched(reader.look, lambda why: self.cancel(run, why), lambda: self._api.every_s(POLL_S))
        async for item in follow(watched, self._spec.limit_s, self._clock):
            yield item

    async def cancel(self, run: str, reason: str) -> None:
        """Ask for a run's end; GitHub keeps no reason, so this console does. A run that has ended stays as it is."""
        number = _number(run)
        before, self._reasons[run] = self._reasons.get(run, ""), clean(reason) or "cancelled"
        try:
            await self._api.post(f"actions/runs/{number}/cancel")
        except Refused as error:
            self._reasons[run] = before
            if error.status != 409:
                raise

    async def approve(self, run: str, gate: str, reason: str) -> None:
        """Approve the environment that a run waits for; `gate` is its id."""
        if not re.fullmatch(r"\d{1,15}", gate, re.ASCII):
            raise Refused(f"The run waits for no environment {clean(gate, 40)}.", means="Nothing was approved.")
        body = {"environment_ids": [int(gate)], "state": "approved", "comment": clean(reason, 500) or "approved"}
        await self._api.post(f"actions/runs/{_number(run)}/pending_deployments", body)

    async def changes(self, run: str) -> Sequence[RunChange]:
        """Return the commits since the workflow's last good run on the same branch, the newest first; without one, the run's own."""
        this = await self._api.get(f"actions/runs/{_number(run)}")
        head, number = field(this, "head_sha", str, SYSTEM), field(this, "id", int, SYSTEM)
        base = await self._last_good(number, str(this.get("head_branch") or self._spec.ref))
        if base is None or base == head:
            return (github_run.change_of(await self._api.get(f"commits/{head}")),)
        compared = await self._api.get(f"compare/{base}...{head}")
        commits = [each for each in field(compared, "commits", list, SYSTEM) if isinstance(each, dict)]
        return tuple(github_run.change_of(each) for each in reversed(commits))

    async def aclose(self) -> None:
        """Let go; runs go on, for they are not ours alone."""

    @property
    def _workflow(self) -> str:
        return f"actions/workflows/{self._spec.workflow}"

    async def _last_good(self, number: int, branch: str) -> str | None:
        async for row in self._api.rows(f"{self._workflow}/runs", "workflow_runs", status="success", branch=branch):
            if field(row, "id", int, SYSTEM) < number:
                return str(field(row, "head_sha", str, SYSTEM))
        return None

    async def _dispatch(self, version: str, key: str) -> str:
        inputs = {**self._spec.inputs, self._spec.version_input: version, self._spec.key_input: key}
        body = {"ref": self._spec.ref, "inputs": inputs, "return_run_details": True}
        try:
            answer = await self._api.post(f"{self._workflow}/dispatches", body)
        except (OutcomeUnknown, Unreachable) as error:
            if isinstance(error, Unreachable) and not error.sent:
                raise
            return await self._appears(key, error.message)
        number = answer.get("workflow_run_id") if isinstance(answer, Mapping) else None
        if isinstance(number, int) and not isinstance(number, bool):
            return str(number)
        return await self._appears(key, f"{SYSTEM} accepted the dispatch, but no run with its key in its name appears.")

    async def _appears(self, key: str, otherwise: str) -> str:
        """Return the run that a dispatch made, once it appears; runs do some seconds later."""
        until = self._clock.elapsed() + APPEAR_S
        while True:
            try:
                found = await self.find(key)
            except ConsoleError:
                found = None
            if found is not None:
                return found
            if self._clock.elapsed() >= until:
                break
            await asyncio.sleep(APPEAR_AGAIN_S)
        name = f"${{{{ inputs.{self._spec.version_input} }}}} ${{{{ inputs.{self._spec.key_input} }}}}"
        raise OutcomeUnknown(
            otherwise,
            means="A run may have been started.",
            advice=f"Look at the workflow's runs; it must have `run-name: {name}`.",
        )


def _number(run: str) -> int:
    if not re.fullmatch(r"\d{1,15}", run, re.ASCII):
        raise Refused(f"There is no run {clean(run, 60)} on {SYSTEM}.", advice="Start it again.")
    return int(run)
