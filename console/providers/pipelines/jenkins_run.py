"""One build as Jenkins tells it now: the stages of its pipeline, the inputs it waits at, and its log."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from console.model.clock import Clock
from console.model.errors import Refused
from console.model.readings import LogLine, PipelineRun, PipelineStageRun, RunChange
from console.model.text import clean
from console.providers.clients.strict import field
from console.providers.pipelines.following import Seen, distinct
from console.providers.pipelines.jenkins_api import SYSTEM, JenkinsApi
from console.providers.pipelines.tailing import TailedLog

LOG = "log"
"""The stage under which lines are told: Jenkins keeps one log for the whole build."""

_STAGES = {
    "SUCCESS": "passed",
    "FAILED": "failed",
    "UNSTABLE": "failed",
    "ABORTED": "cancelled",
    "IN_PROGRESS": "running",
    "PAUSED_PENDING_INPUT": "waiting",
    "NOT_EXECUTED": "skipped",
}


class Reader:
    """Reads one run, from its queue item on; each reader tells it from its beginning."""

    def __init__(self, api: JenkinsApi, clock: Clock, item: int, version: str) -> None:
        self._api, self._item, self._version = api, item, version
        self._log = TailedLog(LOG, clock)
        self._unsaid: list[LogLine] = []  # read in a look that then failed: told by the next one
        self.reason: Callable[[], str] = str
        """Gives the reason that a person gave when this console stopped it."""

    async def look(self) -> Seen:
        """Return the run as it is now, and its new lines."""
        number = await self._api.build_of(self._item)
        if number is None:
            return Seen(await self._queued())
        path = f"{self._api.job}/{number}"
        build = await self._api.get(f"{path}/api/json", tree="number,building,result,timestamp,duration")
        building = build.get("building") is True
        stages = await self._stages(path, building=building)
        if not self._log.ended:
            data, until, more = await self._api.log(number, self._log.offset)
            self._unsaid.extend(self._log.feed(data))
            self._log.offset = until
            if not building and not more:
                self._unsaid.extend(self._log.end())
        lines, self._unsaid = self._unsaid, []
        return Seen(self._told(build, number, stages), lines)

    async def _queued(self) -> PipelineRun:
        item = await self._api.get(f"/queue/item/{self._item}/api/json")
        if item.get("cancelled") is True:
            return self._run("cancelled", (), self.reason() or "Taken out of Jenkins' queue.")
        return self._run("running", (), note=clean(str(item.get("why") or "It waits in the queue."), 160))

    def _told(self, build: Mapping[str, Any], number: int, stages: Sequence[PipelineStageRun]) -> PipelineRun:
        link = self._api.page(f"{self._api.job}/{number}")
        if build.get("building") is True or not self._log.ended:
            waiting = [stage.name for stage in stages if stage.state == "waiting"]
            note = f"It waits for a person: {', '.join(waiting)}." if waiting else ""
            return self._run("running", stages, link=link, note=note)
        result = str(build.get("result") or "")
        if result == "SUCCESS":
            return self._run("passed", stages, link=link)
        if result == "ABORTED":
            return self._run("cancelled", stages, self.reason() or "Aborted on Jenkins.", link)
        failed = next((stage.name for stage in stages if stage.state == "failed"), "")
        at = f"{failed} failed in build {number}" if failed else f"Build {number} failed"
        return self._run("failed", stages, f"{at}: {clean(result.lower(), 40) or 'no result'}", link)

    def _run(self, state: str, stages: Sequence[PipelineStageRun], reason: str = "", link: str = "", note: str = "") -> PipelineRun:
        return PipelineRun(f"queue-{self._item}", self._version, state, tuple(stages), reason, link, note)

    async def _stages(self, path: str, *, building: bool) -> Sequence[PipelineStageRun]:
        """Return the build's stages; none where it is no pipeline, or the plug-in that tells them is not there."""
        try:
            told = await self._api.get(f"{path}/wfapi/describe")
        except Refused as error:
            if error.status == 404:
                return ()
            raise
        rows = [row for row in field(told, "stages", list, SYSTEM) if isinstance(row, dict)]
        names = distinct([str(row.get("name") or "") for row in rows])
        gate = ""
        if building and any(row.get("status") == "PAUSED_PENDING_INPUT" for row in rows):
            inputs = await self._api.get(f"{path}/wfapi/pendingInputActions")
            gate = next((str(each.get("id") or "") for each in inputs if isinstance(each, dict) and not each.get("inputs")), "")
        return [_stage(row, name, gate) for row, name in zip(rows, names, strict=True)]


def change_of(row: Any) -> RunChange:
    """Return a change as Jenkins tells it."""
    author = row.get("author") if isinstance(row, Mapping) else None
    who = str(author.get("fullName") or "") if isinstance(author, Mapping) else ""
    title = (str(field(row, "msg", str, SYSTEM)).splitlines() or [""])[0]
    return RunChange(clean(str(row.get("commitId") or ""), 64), clean(who, 120), clean(title, 200))


def _stage(row: Mapping[str, Any], name: str, gate: str) -> PipelineStageRun:
    state = _STAGES.get(str(row.get("status")), "failed")
    began, took = row.get("startTimeMillis"), row.get("durationMillis")
    start = datetime.fromtimestamp(began / 1000, UTC) if isinstance(began, int) and 0 < began < 32_503_680_000_000 else None
    over = state in {"passed", "failed", "cancelled"} and isinstance(took, int) and 0 <= took < 10**11
    end = start + timedelta(milliseconds=took) if start is not None and over and isinstance(took, int) else None
    return PipelineStageRun(name, state, start, end, gate=gate if state == "waiting" else "")
