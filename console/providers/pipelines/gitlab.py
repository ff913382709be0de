"""A GitLab CI pipeline: created with variables, its jobs as stages with their traces, manual jobs played by a person."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from console.model.clock import Clock
from console.model.errors import BadFile, ConsoleError, OutcomeUnknown, Refused, Unreachable
from console.model.pipelines import GitlabPipeline
from console.model.readings import LogLine, PipelineRun, RunChange
from console.model.text import clean
from console.providers.clients.http import Call, HttpClient, Token
from console.providers.clients.strict import field, load_json, malformed
from console.providers.pipelines import gitlab_run
from console.providers.pipelines.following import Watched, follow

SYSTEM = "GitLab"
POLL_S = 2.0
REPLY_LIMIT = 8 * 1024 * 1024
TRACE_LIMIT = 32 * 1024 * 1024


class GitlabApi:
    """Asks one project."""

    def __init__(self, spec: GitlabPipeline, http: HttpClient, token: Token | None) -> None:
        self._spec, self._http, self._token = spec, http, token
        self._base = f"{spec.url.rstrip('/')}/api/v4/projects/{quote(spec.project, safe='')}"

    async def get(self, path: str, **query: str | int) -> Any:
        """Return a reply's value. Raises as `HttpClient.send` does."""
        return (await self._http.send(self._call(path, query))).json()

    async def rows(self, path: str, **query: str | int) -> Sequence[Mapping[str, Any]]:
        """Return the objects of a list's first hundred. Raises as `HttpClient.send` does."""
        found = await self.get(path, per_page=100, **query)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise malformed(SYSTEM, "A list of objects was expected.")
        return found

    async def post(self, path: str, content: Mapping[str, Any] | None = None) -> Any:
        """Have something done and return the answer's value."""
        call = self._call(path, {}, method="POST", content=json.dumps(content or {}).encode())
        body = (await self._http.send(call)).body
        return load_json(body, SYSTEM) if body else None

    async def trace(self, job: int, offset: int) -> bytes:
        """Return a job's log from a byte on; where GitLab sends all of it again, the begin is left out."""
        statuses: list[int] = []
        call = self._call(f"jobs/{job}/trace", {}, limit=TRACE_LIMIT, heed=lambda status, _: statuses.append(status), offset=offset)
        try:
            body = (await self._http.send(call)).body
        except Refused as error:
            if error.status == 416:  # nothing beyond this byte yet (RFC 9110, section 15.5.17)
                return b""
            raise
        return body if statuses[-1] == 206 else body[offset:]

    def _call(self, path: str, query: Mapping[str, str | int], *, offset: int = 0, **more: Any) -> Call:
        asked = f"?{urlencode(query)}" if query else ""
        headers = {"content-type": "application/json"} if "content" in more else {}
        if offset:
            headers = {"range": f"bytes={offset}-", "accept-encoding": "identity"}
        given = {"limit": REPLY_LIMIT, "headers": headers, **more}
        return Call(SYSTEM, f"{self._base}/{path}{asked}", timeout_s=self._spec.timeout_s, token=self._token, **given)


class GitlabRuns:
    """Pipelines of one project and ref. They live on without this program, and are found again by the key in their name."""

    def __init__(self, spec: GitlabPipeline, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec, self._clock = spec, clock
        self._api = GitlabApi(spec, http, token)
        self._reasons: dict[str, str] = {}
        self._versions: dict[str, str] = {}
        self._starting = asyncio.Lock()

    async def start(self, version: str, key: str) -> str:
        """Create a pipeline and return its id; where one of the newest has the key in its name, that is the one.

        The project's `.gitlab-ci.yml` has to name its pipelines: `workflow: {name: "$RELEASE_VERSION $RELEASE_KEY"}`.
        """
        if not version or clean(version) != version:
            raise BadFile(f"{clean(version, 60)!r} is no version.", means="Nothing was started.")
        async with self._starting:
            run = await self.find(key) or await self._create(version, key)
            self._versions[run] = version
            return run

    async def find(self, key: str) -> str | None:
        """Return the pipeline that has the key in its name, None where none of the newest hundred has."""
        carries = re.compile(rf"(?<!\S){re.escape(key)}(?!\S)")
        for row in await self._api.rows("pipelines", ref=self._spec.ref, order_by="id", sort="desc"):
            if carries.search(str(row.get("name") or "")):
                return str(field(row, "id", int, SYSTEM))
        return None

    async def follow(self, run: str) -> AsyncIterator[PipelineRun | LogLine]:
        """Yield everything from the pipeline's beginning, then each change and line as it comes, until it has ended."""
        reader = gitlab_run.Reader(self._api, self._clock, _number(run), self._versions.get(run, ""))
        reader.reason = lambda: self._reasons.get(run, "")
        watched = Watched(reader.look, lambda why: self.cancel(run, why), lambda: POLL_S)
        async for item in follow(watched, self._spec.limit_s, self._clock):
            yield item

    async def cancel(self, run: str, reason: str) -> None:
        """Stop a pipeline; GitLab keeps no reason, so this console does. One that has ended stays as it is."""
        number = _number(run)
        this = await self._api.get(f"pipelines/{number}")
        if gitlab_run.ENDED.get(str(this.get("status"))) is not None:
            return
        self._reasons[run] = clean(reason) or "cancelled"
        await self._api.post(f"pipelines/{number}/cancel")

    async def approve(self, run: str, gate: str, reason: str) -> None:
        """Play a manual job; `gate` is its id. GitLab keeps no reason: it stands in this console's records."""
        del run, reason
        if not re.fullmatch(r"\d{1,15}", gate, re.ASCII):
            raise Refused(f"There is no manual job {clean(gate, 40)}.", means="Nothing was played.")
        await self._api.post(f"jobs/{gate}/play")

    async def changes(self, run: str) -> Sequence[RunChange]:
        """Return the commits since the last good pipeline of the same ref, the newest first."""
        this = await self._api.get(f"pipelines/{_number(run)}")
        good = await self._api.rows("pipelines", ref=str(this.get("ref") or self._spec.ref), status="success", order_by="id", sort="desc")
        base = next((str(row.get("sha")) for row in good if field(row, "id", int, SYSTEM) < field(this, "id", int, SYSTEM)), None)
        head = field(this, "sha", str, SYSTEM)
        if base is None:
            return (gitlab_run.change_of(await self._api.get(f"repository/commits/{quote(head, safe='')}")),)
        compared = await self._api.get("repository/compare", **{"from": base, "to": head})
        return tuple(gitlab_run.change_of(each) for each in reversed(field(compared, "commits", list, SYSTEM)))

    async def aclose(self) -> None:
        """Let go; pipelines go on, for they are not ours alone."""

    async def _create(self, version: str, key: str) -> str:
        given = {**self._spec.variables, self._spec.version_variable: version, self._spec.key_variable: key}
        body = {"ref": self._spec.ref, "variables": [{"key": name, "value": value} for name, value in given.items()]}
        try:
            made = await self._api.post("pipeline", body)
        except (OutcomeUnknown, Unreachable) as error:
            if isinstance(error, Unreachable) and not error.sent:
                raise
            return await self._found_after(error, key)
        return str(field(made, "id", int, SYSTEM))

    async def _found_after(self, error: ConsoleError, key: str) -> str:
        try:
            found = await self.find(key)
        except ConsoleError:
            found = None
        if found is None:
            name = f"${self._spec.version_variable} ${self._spec.key_variable}"
            advice = f'Look at the project\'s pipelines; .gitlab-ci.yml must have `workflow: {{name: "{name}"}}`.'
            raise OutcomeUnknown(error.message, means="A pipeline may have been created.", advice=advice) from None
        return found


def _number(run: str) -> int:
    if not re.fullmatch(r"\d{1,15}", run, re.ASCII):
        raise Refused(f"There is no pipeline {clean(run, 60)} on {SYSTEM}.", advice="Start it again.")
    return int(run)
