"""A Jenkins job as a pipeline: built with parameters, found from its queue item on, its stages and log followed, inputs approved."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from console.model.clock import Clock
from console.model.errors import BadFile, ConsoleError, OutcomeUnknown, Refused, Unreachable
from console.model.pipelines import JenkinsPipeline
from console.model.readings import LogLine, PipelineRun, RunChange
from console.model.text import clean
from console.providers.clients.http import HttpClient, Token
from console.providers.clients.strict import field
from console.providers.pipelines import jenkins_run
from console.providers.pipelines.following import Watched, follow
from console.providers.pipelines.jenkins_api import SYSTEM, JenkinsApi

POLL_S = 1.0
KEYS_KEPT = 100
"""A start looks for its key among the queue and so many of the job's newest builds."""

_QUEUED = "items[id,task[url],actions[parameters[name,value]]]"
_BUILDS = f"builds[number,queueId,actions[parameters[name,value]]]{{0,{KEYS_KEPT}}}"


class JenkinsRuns:
    """Builds of one job. They live on without this program, and are found again by the key among their parameters."""

    def __init__(self, spec: JenkinsPipeline, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec, self._clock = spec, clock
        self._api = JenkinsApi(spec, http, token)
        self._reasons: dict[str, str] = {}
        self._versions: dict[str, str] = {}
        self._starting = asyncio.Lock()

    async def start(self, version: str, key: str) -> str:
        """Put a build into the queue and return its queue item; where a queued or recent build carries the key, that is the one.

        Raises BadFile where the job does not declare the parameters, for Jenkins drops what it does not know.
        """
        if not version or clean(version) != version:
            raise BadFile(f"{clean(version, 60)!r} is no version.", means="Nothing was started.")
        async with self._starting:
            await self._check_parameters()
            run = await self.find(key) or await self._build(version, key)
            self._versions[run] = version
            return run

    async def find(self, key: str) -> str | None:
        """Return the run that carries a key, None where neither the queue nor the newest builds have it."""
        queue = await self._api.get("/queue/api/json", tree=_QUEUED)
        for item in field(queue, "items", list, SYSTEM):
            if self._carries(item, key) and self._api.is_ours(str((item.get("task") or {}).get("url") or "")):
                return f"queue-{field(item, 'id', int, SYSTEM)}"
        job = await self._api.get(f"{self._api.job}/api/json", tree=_BUILDS)
        for build in field(job, "builds", list, SYSTEM):
            if self._carries(build, key):
                return f"queue-{field(build, 'queueId', int, SYSTEM)}"
        return None

    async def follow(self, run: str) -> AsyncIterator[PipelineRun | LogLine]:
        """Yield everything from the run's beginning, then each change and line as it comes, until the run has ended."""
        reader = jenkins_run.Reader(self._api, self._clock, _item_of(run), self._versions.get(run, ""))
        reader.reason = lambda: self._reasons.get(run, "")
        watched = Watched(reader.look, lambda why: self.cancel(run, why), lambda: POLL_S)
        async for item in follow(watched, self._spec.limit_s, self._clock):
            yield item

    async def cancel(self, run: str, reason: str) -> None:
        """Stop a build, or take it out of the queue; Jenkins keeps no reason, so this console does. An ended one stays as it is."""
        number = await self._api.build_of(_item_of(run))
        if number is not None and not (await self._api.get(f"{self._api.job}/{number}/api/json", tree="building")).get("building"):
            return
        self._reasons[run] = clean(reason) or "cancelled"
        path = f"/queue/cancelItem?id={_item_of(run)}" if number is None else f"{self._api.job}/{number}/stop"
        try:
            await self._api.post(path)
        except Refused as error:
            if error.status is None or not 300 <= error.status < 400:  # Jenkins sends a browser on after it has done as told
                raise

    async def approve(self, run: str, gate: str, reason: str) -> None:
        """Let a build go on that waits at an input step; `gate` is its id. Jenkins keeps no reason: it stands in our records."""
        del reason
        number = await self._api.build_of(_item_of(run))
        if number is None or not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", gate, re.ASCII):
            raise Refused(f"The run waits at no input {clean(gate, 40)}.", means="Nothing was approved.")
        await self._api.post(f"{self._api.job}/{number}/input/{gate}/proceedEmpty")

    async def changes(self, run: str) -> Sequence[RunChange]:
        """Return the changes that Jenkins found for the build, the newest first; none while it waits in the queue."""
        number = await self._api.build_of(_item_of(run))
        if number is None:
            return ()
        tree = "changeSets[items[commitId,msg,author[fullName]]]"
        build = await self._api.get(f"{self._api.job}/{number}/api/json", tree=tree)
        sets = [each for each in build.get("changeSets") or () if isinstance(each, dict)]
        return tuple(jenkins_run.change_of(item) for each in sets for item in reversed(each.get("items") or ()))

    async def aclose(self) -> None:
        """Let go; builds go on, for they are not ours alone."""

    def _carries(self, row: Any, key: str) -> bool:
        actions = row.get("actions") if isinstance(row, Mapping) else None
        given = [each for action in actions or () if isinstance(action, dict) for each in action.get("parameters") or ()]
        return any(isinstance(each, dict) and each.get("name") == self._spec.key_parameter and each.get("value") == key for each in given)

    async def _check_parameters(self) -> None:
        job = await self._api.get(f"{self._api.job}/api/json", tree="property[parameterDefinitions[name]]")
        known = {
            str(each.get("name"))
            for part in job.get("property") or ()
            if isinstance(part, dict)
            for each in part.get("parameterDefinitions") or ()
            if isinstance(each, dict)
        }
        for wanted in (self._spec.key_parameter, self._spec.version_parameter, *self._spec.parameters):
            if wanted not in known:
                raise BadFile(
                    f"The job {clean(self._spec.job, 80)} declares no parameter {clean(wanted, 60)!r}.",
                    means="Nothing was started: Jenkins drops what it does not know, and a build could start twice.",
                    advice=f"Add a string parameter {clean(wanted, 60)} to the job.",
                )

    async def _build(self, version: str, key: str) -> str:
        given = {**self._spec.parameters, self._spec.version_parameter: version, self._spec.key_parameter: key}
        try:
            place = await self._api.post(f"{self._api.job}/buildWithParameters", urlencode(given).encode())
        except (OutcomeUnknown, Unreachable) as error:
            if isinstance(error, Unreachable) and not error.sent:
                raise
            return await self._found_after(error.message, key)
        item = re.search(r"/queue/item/(\d{1,15})/?$", place, re.ASCII)
        return f"queue-{item[1]}" if item else await self._found_after(f"{SYSTEM} named no queue item.", key)

    async def _found_after(self, message: str, key: str) -> str:
        try:
            found = await self.find(key)
        except ConsoleError:
            found = None
        if found is None:
            advice = f"Look at the queue and at the job {clean(self._spec.job, 80)}."
            raise OutcomeUnknown(message, means="A build may have been started.", advice=advice)
        return found


def _item_of(run: str) -> int:
    found = re.fullmatch(r"queue-(\d{1,15})", run, re.ASCII)
    if found is None:
        raise Refused(f"There is no run {clean(run, 60)} on {SYSTEM}.", advice="Start it again.")
    return int(found[1])
