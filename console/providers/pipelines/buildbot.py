"""A Buildbot builder as a pipeline: forced with the step's key, followed by server-sent events, stopped with a reason."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from console.model.clock import Clock
from console.model.errors import BadFile, ConsoleError, OutcomeUnknown, Refused, Unreachable
from console.model.pipelines import BuildbotPipeline
from console.model.readings import LogLine, PipelineRun, RunChange
from console.model.text import clean
from console.providers.clients.http import HttpClient, Token
from console.providers.clients.strict import field, malformed
from console.providers.pipelines import buildbot_run
from console.providers.pipelines.buildbot_api import SYSTEM, BuildbotApi, part
from console.providers.pipelines.following import Watched, follow

KEYS_KEPT = 200
"""A start looks for its key among so many of the builder's newest requests."""

POLL_S = 1.0
"""How often a run is looked at while no events come."""

SEEN_S = 2.0
"""How often a run is looked at although events come: one may be lost."""

LISTEN_AGAIN_S = 5.0

WHO = "release-console <release-console@example.invalid>"
"""Who forces a build, in the form that Buildbot's own field wants; with a login, the login is who."""


class BuildbotRuns:
    """Runs of one builder. They live on without this program, and are found again by their key."""

    def __init__(self, spec: BuildbotPipeline, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec, self._clock = spec, clock
        self._api = BuildbotApi(spec, http, token)
        self._reasons: dict[str, str] = {}
        self._starting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, version: str, key: str) -> str:
        """Force a build and return its request's id; where one of the newest requests carries the same key, that is the one.

        Raises BadFile where the scheduler takes no key, for Buildbot drops what it does not know. Where the answer is lost, the request is
        looked for by its key, and only when it is not found the outcome is unknown.
        """
        if not version or clean(version) != version:
            raise BadFile(f"{clean(version, 60)!r} is no version.", means="Nothing was started.")
        async with self._starting:
            builder = await self._builder()
            await self._check_scheduler()
            found = await self._requested(builder, key)
            if found is None:
                found = await self._force(builder, version, key)
            return f"request-{found}"

    async def find(self, key: str) -> str | None:
        """Return the run that was started with a key, None where none of the newest requests carries it."""
        found = await self._requested(await self._builder(), key)
        return None if found is None else f"request-{found}"

    async def follow(self, run: str) -> AsyncIterator[PipelineRun | LogLine]:
        """Yield everything from the run's beginning, then each change and line as it comes, until the run has ended."""
        request = _request_of(run)
        reader = buildbot_run.Reader(self._api, self._spec, self._clock, request)
        reader.reason = lambda: self._reasons.get(run, "")
        watched = Watched(reader.look, lambda why: self.cancel(run, why), lambda: SEEN_S if reader.heard else POLL_S)
        listening = asyncio.get_running_loop().create_task(self._listen(reader, watched.wake), name=f"events of {run}")
        self._tasks.add(listening)
        listening.add_done_callback(self._tasks.discard)
        try:
            async for item in follow(watched, self._spec.limit_s, self._clock):
                yield item
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def cancel(self, run: str, reason: str) -> None:
        """Stop a run's build, or take its request back where none has begun; a run that has ended stays as it is."""
        request = _request_of(run)
        asked = (await self._api.rows(f"buildrequests/{request}", "buildrequests"))[0]
        if asked.get("complete"):
            return
        why = clean(reason) or "cancelled"
        self._reasons[run] = why
        build = await buildbot_run.newest_build(self._api, request)
        path, method = (f"buildrequests/{request}", "cancel") if build is None else (f"builds/{build['buildid']}", "stop")
        await self._api.control(path, method, {"reason": why})

    async def changes(self, run: str) -> Sequence[RunChange]:
        """Return the changes that the run's build takes in, the newest first."""
        build = await buildbot_run.newest_build(self._api, _request_of(run))
        rows = [] if build is None else await self._api.rows(f"builds/{build['buildid']}/changes", "changes")
        found = [buildbot_run.change_of(row) for row in rows]
        return found[::-1]

    async def aclose(self) -> None:
        """Stop listening; runs go on, for they are not ours alone."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _builder(self) -> int:
        found = await self._api.rows("builders", "builders", name=self._spec.builder)
        if not found:
            raise BadFile(f"{SYSTEM} has no builder {clean(self._spec.builder, 60)}.", advice="Correct `builder` in the target file.")
        return int(field(found[0], "builderid", int, SYSTEM))

    async def _check_scheduler(self) -> None:
        """See that the scheduler takes what we send."""
        name = clean(self._spec.scheduler, 60)
        try:
            found = await self._api.rows(f"forceschedulers/{part(self._spec.scheduler)}", "forceschedulers")
        except Refused as error:
            if error.status == 404:
                raise BadFile(f"{SYSTEM} has no force scheduler {name}.", advice="Correct `scheduler` in the target file.") from None
            raise
        known = set(_field_names(found))
        for wanted in (self._spec.key_parameter, self._spec.version_parameter, *self._spec.parameters):
            if wanted not in known:
                raise BadFile(
                    f"The force scheduler {name} takes no parameter {clean(wanted, 60)!r}.",
                    means="Nothing was started: Buildbot drops what it does not know, and a build could start twice.",
                    advice=f"Add util.StringParameter(name={clean(wanted, 60)!r}) to its properties in the master's configuration.",
                )

    async def _requested(self, builder: int, key: str) -> int | None:
        name = self._spec.key_parameter
        rows = await self._api.rows(
            f"builders/{builder}/buildrequests", "buildrequests", order="-buildrequestid", limit=KEYS_KEPT, property=name
        )
        for row in rows:
            properties = row.get("properties") or {}
            carried = properties.get(name) if isinstance(properties, Mapping) else None
            if isinstance(carried, list) and carried[:1] == [key]:
                return int(field(row, "buildrequestid", int, SYSTEM))
        return None

    async def _force(self, builder: int, version: str, key: str) -> int:
        params = {
            **self._spec.parameters,
            "builderid": str(builder),
            "username": WHO,
            "reason": f"release {version}",
            self._spec.version_parameter: version,
            self._spec.key_parameter: key,
        }
        try:
            result = await self._api.control(f"forceschedulers/{part(self._spec.scheduler)}", "force", params)
        except (OutcomeUnknown, Unreachable) as error:
            return await self._found_after(error, builder, key)
        requests = result[1] if isinstance(result, list) and len(result) == 2 else None
        request = requests.get(str(builder)) if isinstance(requests, Mapping) else None
        if isinstance(request, int) and not isinstance(request, bool):
            return request
        return await self._found_after(malformed(SYSTEM, "It named no build request."), builder, key)

    async def _found_after(self, error: ConsoleError, builder: int, key: str) -> int:
        """Return the request that was made although its answer was lost. Raises the error where none is found."""
        if isinstance(error, Unreachable) and not error.sent:
            raise error
        with suppress(ConsoleError):
            found = await self._requested(builder, key)
            if found is not None:
                return found
        raise OutcomeUnknown(
            error.message, means="A build may have been started.", advice=f"Look at the builder {self._spec.builder} in {SYSTEM}."
        )

    async def _listen(self, reader: "buildbot_run.Reader", wake: asyncio.Event) -> None:
        """Wake the follower at each event of its run, for as long as it follows; without events it goes on looking by itself."""
        while True:
            with suppress(ConsoleError):
                await self._api.listen(reader.hearing(wake))
            reader.heard = False
            listener = asyncio.current_task()
            if listener is not None and listener.cancelling():
                return  # the connection's end was told as an error of the system
            await asyncio.sleep(LISTEN_AGAIN_S)


def _request_of(run: str) -> int:
    found = re.fullmatch(r"request-(\d{1,15})", run, re.ASCII)
    if found is None:
        raise Refused(f"There is no run {clean(run, 60)} in {SYSTEM}.", advice="Start it again.")
    return int(found[1])


def _field_names(parts: Sequence[Any]) -> Sequence[str]:
    """Return the names of a scheduler's fields, which may stand in groups."""
    found: list[str] = []
    todo = list(parts)
    while todo and len(found) < 1000:
        each = todo.pop()
        if isinstance(each, Mapping):
            found.append(str(each.get("fullName") or each.get("name") or ""))
            for key in ("all_fields", "fields"):
                inner = each.get(key)
                todo.extend(inner if isinstance(inner, list) else [])
    return found
