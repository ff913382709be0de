"""One pipeline as GitLab tells it now: its jobs as stages, manual ones as gates, and the lines that each has printed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from console.model.clock import Clock, from_iso
from console.model.errors import Refused
from console.model.readings import LogLine, PipelineRun, PipelineStageRun, RunChange
from console.model.text import clean
from console.providers.clients.strict import field
from console.providers.pipelines.following import Seen, distinct
from console.providers.pipelines.tailing import TailedLog

SYSTEM = "GitLab"
ENDED = {"success": "passed", "failed": "failed", "canceled": "cancelled", "skipped": "failed"}
"""How a pipeline ended, by its status; one whose every job was skipped showed nothing."""

_JOBS = {"success": "passed", "failed": "failed", "canceled": "cancelled", "skipped": "skipped", "running": "running", "manual": "waiting"}


class Reader:
    """Reads one pipeline, again and again; each reader tells it from its beginning."""

    def __init__(self, api: Any, clock: Clock, number: int, version: str) -> None:
        self._api, self._clock, self._number, self._version = api, clock, number, version
        self._logs: dict[int, TailedLog] = {}
        self._unsaid: list[LogLine] = []  # read in a look that then failed: told by the next one
        self.reason: Callable[[], str] = str
        """Gives the reason that a person gave when this console stopped it."""

    async def look(self) -> Seen:
        """Return the pipeline as it is now, and its new lines."""
        this = await self._api.get(f"pipelines/{self._number}")
        status = field(this, "status", str, SYSTEM)
        rows = sorted(await self._api.rows(f"pipelines/{self._number}/jobs"), key=lambda row: int(field(row, "id", int, SYSTEM)))
        names = distinct([str(row.get("name") or "") for row in rows])
        for row, name in zip(rows, names, strict=True):
            await self._read(row, name)
        stages = [self._stage(row, name) for row, name in zip(rows, names, strict=True)]
        lines, self._unsaid = self._unsaid, []
        version, link = self._version or clean(str(this.get("name") or ""), 80), _link(this.get("web_url"))
        state = ENDED.get(status, "running")
        reason = {"failed": _where(rows, status), "cancelled": self.reason() or "Cancelled on GitLab."}.get(state, "")
        return Seen(PipelineRun(str(self._number), version, state, tuple(stages), reason, link, _note(status, stages)), lines)

    def _stage(self, row: Mapping[str, Any], name: str) -> PipelineStageRun:
        state = _JOBS.get(str(row.get("status")), "planned")
        log = self._logs.get(row["id"])
        times = _instant(row.get("started_at")), _instant(row.get("finished_at"))
        gate = str(row["id"]) if state == "waiting" else ""
        return PipelineStageRun(name, state, *times, None, log.count if log else 0, _link(row.get("web_url")), gate)

    async def _read(self, row: Mapping[str, Any], name: str) -> None:
        status, number = str(row.get("status")), field(row, "id", int, SYSTEM)
        if status not in {"running", "success", "failed", "canceled"}:
            return
        log = self._logs.setdefault(number, TailedLog(name, self._clock))
        if log.ended:
            return
        try:
            data = await self._api.trace(number, log.offset)
        except Refused as error:
            if error.status not in {403, 404}:
                raise
            data = b"" if log.offset else f"GitLab gives no log of this job: {error.message}\n".encode()
            log.ended = True
        self._unsaid.extend(log.feed(data))
        if status != "running":
            self._unsaid.extend(log.end())


def change_of(row: Any) -> RunChange:
    """Return a commit as a change."""
    title = clean(str(field(row, "title", str, SYSTEM)), 200)
    return RunChange(clean(str(row.get("id") or ""), 64), clean(str(row.get("author_name") or ""), 120), title, _link(row.get("web_url")))


def _note(status: str, stages: Sequence[PipelineStageRun]) -> str:
    waiting = [stage.name for stage in stages if stage.state == "waiting"]
    if status == "manual" and waiting:
        return f"It waits for a person to play: {', '.join(waiting)}."
    if status in {"created", "waiting_for_resource", "preparing", "pending", "scheduled"}:
        return f"It waits: {status.replace('_', ' ')}."
    return ""


def _where(rows: Sequence[Mapping[str, Any]], status: str) -> str:
    if status == "skipped":
        return "Every job was skipped: nothing ran."
    failed = next((row for row in rows if row.get("status") == "failed" and row.get("allow_failure") is not True), None)
    if failed is None:
        return "It failed."
    why = clean(str(failed.get("failure_reason") or "failed").replace("_", " "), 80)
    return f"{clean(str(failed.get('name')), 80)} failed in the stage {clean(str(failed.get('stage')), 80)}: {why}"


def _link(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return text if text.startswith(("https://", "http://")) and len(text) < 500 and text.isprintable() else ""


def _instant(value: object) -> datetime | None:
    try:
        return from_iso(value) if isinstance(value, str) else None
    except ValueError:
        return None
