"""One forced build as Buildbot tells it now: its steps as stages, and the lines that each has printed."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from console.model.clock import Clock
from console.model.errors import Malformed, Refused
from console.model.pipelines import BuildbotPipeline
from console.model.readings import LogLine, PipelineRun, PipelineStageRun, RunChange
from console.model.text import clean
from console.providers.clients.output import KEPT_FIRST, KEPT_LAST, LINE_LIMIT
from console.providers.clients.sse import EventSplitter
from console.providers.clients.strict import field
from console.providers.pipelines.buildbot_api import SYSTEM, BuildbotApi
from console.providers.pipelines.following import Seen, distinct

RESULTS = ("passed", "passed", "failed", "skipped", "failed", "running", "cancelled")
"""Buildbot's results 0 to 6: success, warnings, failure, skipped, exception, retry, cancelled."""

RETRY = 5
PIECE = 500
"""Lines of a log that are read at once."""

_EXIT = re.compile(r"program finished with exit code (-?\d{1,9})")
_CANCELLED = re.compile(r"cancelled \((.*?)\)")
_OWN = "worker_preparation"
"""Buildbot's own first step, shown only where it is what went wrong."""


@dataclass
class _Log:
    """How far a log was read, in Buildbot's lines."""

    raw: int = 0


@dataclass
class _Step:
    """What is remembered of a step between two looks."""

    exit_code: int | None = None
    lines: int = 0
    read: bool = False


class Reader:
    """Reads one run, again and again; each reader tells the run from its beginning."""

    def __init__(self, api: BuildbotApi, spec: BuildbotPipeline, clock: Clock, request: int) -> None:
        self._api, self._spec, self._clock, self._request = api, spec, clock, request
        self._build: Mapping[str, Any] | None = None
        self._version = ""
        self._steps: dict[int, _Step] = {}
        self._logs: dict[int, _Log] = {}
        self._usual: tuple[str, ...] | None = None
        self._unsaid: list[LogLine] = []  # read in a look that then failed: told by the next one
        self.reason: Callable[[], str] = str
        """Gives the reason that a person gave when this console stopped the run."""
        self.heard = False
        """Tells whether events come."""

    def hearing(self, wake: Any) -> Callable[[bytes], None]:
        """Return what takes the bytes of an event stream and sets `wake` at each event of this run, and at the stream's begin."""
        splitter = EventSplitter(SYSTEM)

        def take(chunk: bytes) -> None:
            for data in splitter.feed(chunk):
                if not self.heard or self._concerns(data):
                    self.heard = True
                    wake.set()

        return take

    def _concerns(self, data: bytes) -> bool:
        try:
            message = json.loads(data).get("message")
            told = {key: message.get(key) for key in ("buildrequestid", "buildid", "stepid")}
        except (ValueError, AttributeError, RecursionError):
            return False
        build = None if self._build is None else self._build["buildid"]
        return told["buildrequestid"] == self._request or (build is not None and told["buildid"] == build) or told["stepid"] in self._steps

    async def look(self) -> Seen:
        """Return the run as it is now, and its new lines. Raises as `BuildbotApi.rows` does."""
        if self._build is None:
            waits = await self._begin()
            if waits is not None:
                return Seen(waits)
        assert self._build is not None  # noqa: S101 - it has begun
        build = _one(await self._api.rows(f"builds/{field(self._build, 'buildid', int, SYSTEM)}", "builds"))
        steps = await self._api.rows(f"builds/{build['buildid']}/steps", "steps")
        steps = [step for step in steps if not step.get("hidden") and (step.get("name") != _OWN or _state(step) in {"failed", "cancelled"})]
        names = distinct([str(step.get("name", "")) for step in steps])
        for step, name in zip(steps, names, strict=True):
            await self._lines(step, name)
        stages = [self._stage(step, name, build) for step, name in zip(steps, names, strict=True)]
        planned = await self._planned(build, names)
        lines, self._unsaid = self._unsaid, []
        if build.get("complete") and build.get("results") == RETRY:
            self._build = None
            return Seen(self._run("running", build, [], note="Its worker was lost; Buildbot builds it again."), lines)
        return Seen(self._told(build, stages, planned), lines)

    async def _begin(self) -> PipelineRun | None:
        """Find the build of the request; return the run where there is none yet, or none will ever be."""
        name = self._spec.version_parameter
        asked = _one(await self._api.rows(f"buildrequests/{self._request}", "buildrequests", property=name))
        self._version = _property(asked, name)
        build = await newest_build(self._api, self._request)
        again = build is not None and build.get("complete") and build.get("results") == RETRY
        if build is not None and (not again or asked.get("complete")):
            self._build = build
            self._steps, self._logs = {}, {}
            return None
        if asked.get("complete"):
            state = _word(asked.get("results"))
            return PipelineRun(
                f"request-{self._request}", self._version, _honest(state), (), self._why("") or f"It {state} before it began."
            )
        waits = "It waits for a worker." if not again else "Its worker was lost; it waits for another one."
        return PipelineRun(f"request-{self._request}", self._version, "running", (), note=waits)

    def _told(self, build: Mapping[str, Any], stages: Sequence[PipelineStageRun], planned: Sequence[str]) -> PipelineRun:
        if not build.get("complete"):
            return self._run("running", build, [*stages, *(PipelineStageRun(name, "planned") for name in planned)])
        state = _honest(_word(build.get("results")))
        rest = [] if state == "passed" else [PipelineStageRun(name, "planned") for name in planned]
        said = clean(str(build.get("state_string", "")), 160)
        if state == "cancelled":
            found = _CANCELLED.match(said)
            return self._run(state, build, [*stages, *rest], self._why(found[1] if found else said))
        if state == "failed":
            return self._run(state, build, [*stages, *rest], _where(build, stages, said))
        return self._run(state, build, stages)

    def _run(
        self, state: str, build: Mapping[str, Any], stages: Sequence[PipelineStageRun], reason: str = "", note: str = ""
    ) -> PipelineRun:
        link = self._api.page(f"builders/{build.get('builderid')}/builds/{build.get('number')}")
        return PipelineRun(f"request-{self._request}", self._version, state, tuple(stages), reason, link, note)

    def _why(self, said: str) -> str:
        return self.reason() or said

    def _stage(self, step: Mapping[str, Any], name: str, build: Mapping[str, Any]) -> PipelineStageRun:
        kept = self._steps[field(step, "stepid", int, SYSTEM)]
        link = self._api.page(f"builders/{build.get('builderid')}/builds/{build.get('number')}/steps/{step.get('number')}")
        times = _instant(step, "started_at"), _instant(step, "complete_at")
        return PipelineStageRun(name, _state(step), *times, kept.exit_code, kept.lines, link)

    async def _planned(self, build: Mapping[str, Any], names: Sequence[str]) -> Sequence[str]:
        """Return the steps that the builder's last good build had after those seen so far: Buildbot tells a step once it begins."""
        if self._usual is None:
            self._usual = await self._usual_steps(build)
        usual = list(self._usual)
        for name in names:
            if name in usual:
                del usual[: usual.index(name) + 1]
        return usual

    async def _usual_steps(self, build: Mapping[str, Any]) -> tuple[str, ...]:
        builder = field(build, "builderid", int, SYSTEM)
        try:
            before = await self._api.rows(f"builders/{builder}/builds", "builds", results=0, order="-number", limit=1)
            steps = await self._api.rows(f"builds/{before[0]['buildid']}/steps", "steps") if before else []
        except (Refused, Malformed, KeyError):
            return ()
        return distinct([str(step.get("name", "")) for step in steps if not step.get("hidden") and step.get("name") != _OWN])

    async def _lines(self, step: Mapping[str, Any], name: str) -> None:
        """Read what a step has printed since the last look."""
        stepid = field(step, "stepid", int, SYSTEM)
        kept = self._steps.setdefault(stepid, _Step())
        if kept.read or not step.get("started_at"):
            return
        for log in await self._api.rows(f"steps/{stepid}/logs", "logs"):
            if log.get("slug") == "cancelled" or log.get("type") == "h":
                continue
            await self._piece(log, name, kept)
        kept.read = bool(step.get("complete"))

    async def _piece(self, log: Mapping[str, Any], name: str, kept: _Step) -> None:
        logid, total = field(log, "logid", int, SYSTEM), field(log, "num_lines", int, SYSTEM)
        at = self._logs.setdefault(logid, _Log())
        ended = bool(log.get("complete"))
        while at.raw < total:
            if at.raw >= KEPT_FIRST:
                if not ended:
                    break
                skipped = total - KEPT_LAST - at.raw
                if skipped > 0:
                    at.raw, kept.lines = at.raw + skipped, kept.lines + skipped
                    self._unsaid.append(LogLine(name, kept.lines, f"… {skipped} lines are not kept …", self._clock.now()))
            until = min(total, KEPT_FIRST) if at.raw < KEPT_FIRST else total
            rows = await self._api.rows(f"logs/{logid}/contents", "logchunks", offset=at.raw, limit=min(PIECE, until - at.raw))
            texts = "".join(str(row.get("content", "")) for row in rows).split("\n")[:-1]
            if not texts:
                break
            at.raw += len(texts)
            self._unsaid.extend(self._printed(texts, name, kept, marked=log.get("type") == "s"))

    def _printed(self, texts: Sequence[str], name: str, kept: _Step, *, marked: bool) -> Sequence[LogLine]:
        """Return what the step printed; lines of the worker, among them its environment, are not shown, but tell the exit code."""
        found = []
        for text in texts:
            if marked and text.startswith("h"):
                code = _EXIT.search(text)
                kept.exit_code = int(code[1]) if code else kept.exit_code
                continue
            kept.lines += 1
            found.append(LogLine(name, kept.lines, clean(text[1:] if marked else text, LINE_LIMIT), self._clock.now()))
        return found


async def newest_build(api: BuildbotApi, request: int) -> Mapping[str, Any] | None:
    """Return the newest build of a request, None where none has begun. Raises as `BuildbotApi.rows` does."""
    found = await api.rows(f"buildrequests/{request}/builds", "builds")
    return max(found, key=lambda row: int(field(row, "buildid", int, SYSTEM)), default=None)


def change_of(row: Mapping[str, Any]) -> RunChange:
    """Return a change as Buildbot tells it."""
    said = str(row.get("comments") or "").strip().splitlines() or [""]
    link = str(row.get("revlink") or "")
    return RunChange(
        clean(str(row.get("revision") or ""), 64),
        clean(str(row.get("author") or ""), 120),
        clean(said[0], 200),
        link if link.startswith(("https://", "http://")) else "",
    )


def _where(build: Mapping[str, Any], stages: Sequence[PipelineStageRun], said: str) -> str:
    number = build.get("number")
    failed = next((stage for stage in stages if stage.state == "failed"), None)
    if failed is None:
        return f"Build {number}: {said}"
    code = "" if failed.exit_code is None else f" with exit code {failed.exit_code}"
    return f"{failed.name} failed{code} in build {number}: {said}"


def _word(results: object) -> str:
    known = isinstance(results, int) and not isinstance(results, bool) and 0 <= results < len(RESULTS)
    return RESULTS[results] if known and isinstance(results, int) else "failed"


def _honest(state: str) -> str:
    """Return how a run ended; one whose every step was skipped showed nothing, so it did not pass."""
    return "failed" if state == "skipped" else state


def _state(step: Mapping[str, Any]) -> str:
    if not step.get("complete"):
        return "running" if step.get("started_at") else "planned"
    return _word(step.get("results"))


def _property(row: Mapping[str, Any], name: str) -> str:
    properties = row.get("properties")
    value = properties.get(name) if isinstance(properties, Mapping) else None
    return clean(str(value[0]), 80) if isinstance(value, list) and value else ""


def _one(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    if not rows:
        raise Refused(f"{SYSTEM} does not know this run any more.", status=404, advice="Look whether its database was cleaned.")
    return rows[0]


def _instant(row: Mapping[str, Any], name: str) -> datetime | None:
    value = row.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 32_503_680_000:
        return None
    return datetime.fromtimestamp(value, UTC)
