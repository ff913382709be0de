"""Notices that this console was away (asleep, stopped), and says what the traffic is now and what others did meanwhile."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.engine import judging, records, rejudging
from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget
from console.engine.wheel import TTL_S, span
from console.model.audit import AuditFilter, Record, RecordKind
from console.model.errors import ConsoleError, NotAllowed
from console.model.rollout import Rollout
from console.model.views import AbsenceView, Notice

LOG = logging.getLogger(__name__)

AWAY_S = TTL_S
"""A process that did not run for so long has lost every wheel it had."""

BEAT_S = 1.0
READ_S = 5.0
MOST_WORDS = 20
LOOKING = "What happened meanwhile is being read."

_TOLD = frozenset({RecordKind.INTENT, RecordKind.PHASE, RecordKind.TAKEOVER})


@dataclass(frozen=True, slots=True)
class _Gap:
    """A rollout as this console knew it when it went away."""

    live: LiveTarget
    record: LiveRollout
    before: Rollout


class Absences:
    """Beats once a second on the clock that runs through sleep; a missing beat is an absence."""

    def __init__(self, parts: Parts, *, agent: bool = False) -> None:
        self._parts, self._agent = parts, agent
        self._last = parts.around.clock.elapsed()
        self._gaps: list[_Gap] = []

    def beat(self) -> None:
        """Note that this process runs; after a gap every rollout that it drove says so at once, before any queued click is decided."""
        clock = self._parts.around.clock
        now = clock.elapsed()
        gap_s, self._last = now - self._last, now
        if gap_s < AWAY_S:
            return
        until = clock.now()
        for record in tuple(self._parts.records.values()):
            live = self._parts.targets.get(record.rollout.plan.target)
            if live is None or record.held_token is None or record.rollout.phase.over:
                continue
            since = until - timedelta(seconds=gap_s)
            since = min(since, record.absence.since) if record.absence is not None else since
            record.absence = AbsenceView(since, until, f"You were away for {_length(since, until)}. {LOOKING}")
            self._gaps.append(_Gap(live, record, record.rollout))
            self._parts.touch(live, record)

    async def watch(self) -> None:
        """Beat for ever, and fill in what happened after each absence; an outer door: a bug here must not stop the beat, and is logged."""
        while True:
            try:
                self.beat()
                while self._gaps:
                    await self._tell(self._gaps.pop(0))
            except Exception:
                LOG.exception("telling of an absence broke")
            await self._parts.around.sleep(BEAT_S)

    def seen(self, rollout: str) -> None:
        """Note that the person has read it."""
        record = self._parts.records.get(rollout)
        if record is None:
            raise NotAllowed(f"There is no rollout {rollout} on the targets that are watched.")
        record.absence = None
        self._parts.touch(self._parts.target(record.rollout.plan.target), record)

    async def _tell(self, gap: _Gap) -> None:
        record, absence = gap.record, gap.record.absence
        if absence is None:
            return
        rejudging.judge(self._parts, record) if judging.stage_of(record) is not None else None
        weight = await _weight_now(gap)
        try:
            fresh = await self._parts.around.store.journal.rollout(record.id)
            others = await self._others(record, absence.since)
        except ConsoleError as error:
            fresh, others = gap.before, ()
            record.unrecorded = error.message
        sentence = _sentence(absence, weight, gap.before, fresh, others)
        words = tuple(_words(each) for each in reversed(others))
        record.absence = None if self._agent else AbsenceView(absence.since, absence.until, sentence, words)
        title = f"{gap.live.target.title} {record.rollout.plan.release}: this console was away"
        now = self._parts.around.clock.now()
        self._parts.outbox.notice(Notice(now, "unknown", title, sentence, gap.live.name, record.id))
        if not record.mine and fresh.revision > record.rollout.revision:
            records.overtaken(self._parts, gap.live, record, fresh)
        self._parts.touch(gap.live, record)

    async def _others(self, record: LiveRollout, since: datetime) -> tuple[Record, ...]:
        """Return what other consoles recorded of a rollout since then, newest first."""
        chosen = AuditFilter(kinds=_TOLD, rollout=record.id, since=since)
        own = self._parts.around.actor.console
        found = await self._parts.around.store.audit.page(chosen, None, 4 * MOST_WORDS)
        return tuple(each for each in found if each.entry.actor.console != own)[:MOST_WORDS]


async def _weight_now(gap: _Gap) -> str:
    """Read the canary's weight now, in words."""
    try:
        async with asyncio.timeout(READ_S):
            split = await gap.live.connections.router.split()
    except (ConsoleError, TimeoutError):
        return "the traffic cannot be read"
    gap.live.split.took(split, split.at)
    return f"traffic {split.weights.get(gap.before.plan.canary, 0.0):g} %"


def _sentence(absence: AbsenceView, weight: str, before: Rollout, fresh: Rollout, others: tuple[Record, ...]) -> str:
    away = f"You were away for {_length(absence.since, absence.until)}: {weight}"
    names = ", ".join(dict.fromkeys(each.entry.actor.name for each in reversed(others)))
    if fresh.phase.over:
        return f"{away}, {fresh.phase.value} by {names or 'another console'} meanwhile."
    if fresh.stage > before.stage:
        return f"{away}; {names or 'another console'} went on meanwhile."
    return f"{away}, nothing advanced." + (f" {names} acted meanwhile." if names else "")


def _words(record: Record) -> str:
    entry = record.entry
    why = entry.reason or str(entry.detail.get("note", ""))
    return f"{entry.at:%H:%M:%S} UTC {entry.actor.name}: {entry.verb}" + (f" ({why})" if why else "")


def _length(since: datetime, until: datetime) -> str:
    return span((until - since).total_seconds())
