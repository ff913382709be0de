"""Judges the stage of a live rollout, and stops forward at the first fail."""

from datetime import datetime, timedelta

from console.engine import records
from console.engine.gates import Judged
from console.engine.parts import Parts
from console.engine.records import By
from console.engine.state import LiveRollout, LiveTarget
from console.model.audit import Entry, RecordKind
from console.model.errors import ConsoleError, NotAllowed
from console.model.events import StageJudged
from console.model.readings import MetricReading
from console.model.rollout import Phase
from console.model.stores import RolloutChange
from console.model.target import Stage
from console.model.verbs import Verdict

WATCHED = frozenset({Phase.RUNNING, Phase.HELD, Phase.STOPPED, Phase.UNKNOWN})
"""The phases in which gates are judged: a held canary can fail too."""


def stage_of(record: LiveRollout) -> Stage | None:
    """Return the stage that a rollout stands in; None before the first."""
    rollout = record.rollout
    return rollout.plan.stages[rollout.stage] if 0 <= rollout.stage < len(rollout.plan.stages) else None


async def take(parts: Parts, record: LiveRollout, reading: MetricReading | ConsoleError) -> None:
    """Feed a reading to the gates of a rollout that this process drives, and keep the increments."""
    if not record.mine or record.rollout.phase not in WATCHED or record.rollout.stage < 0:
        if isinstance(reading, MetricReading) and not record.rollout.phase.over and record.mine:
            record.gates.origin(reading)
        return
    if isinstance(reading, ConsoleError):
        record.gates.blind(reading.message)
    else:
        samples = record.gates.take(reading, record.id, record.rollout.asked_weight)
        if samples and (record.judged_until is None or record.judged_until < reading.at):
            record.judged_until = reading.at  # should the wheel go elsewhere, what was counted here is not taken in from the records too
        try:
            await parts.around.store.samples.add(samples)
        except ConsoleError as error:
            record.unrecorded = error.message
    record.wake.set()
    parts.outbox.touch_rollout(record.id)


async def judge(parts: Parts, live: LiveTarget, record: LiveRollout) -> None:
    """Judge every gate of the stage, tell what changed, and stop forward at a fail."""
    stage, since = stage_of(record), record.rollout.stage_since
    if stage is None or since is None or record.rollout.phase not in WATCHED:
        return
    now = parts.around.clock.now()
    judged = record.gates.judge(record.rollout.stage, since, now)
    for name, verdict in judged.items():
        before = record.judged.get(name)
        if before is None or before.verdict is not verdict.verdict:
            await _tell(parts, live, record, verdict)
    if judged != record.judged:
        record.judged = judged
        parts.touch(live, record)
    failed = [verdict for verdict in judged.values() if verdict.verdict is Verdict.FAIL]
    if failed and record.rollout.phase in {Phase.RUNNING, Phase.HELD, Phase.UNKNOWN}:
        await _stop(parts, live, record, failed, now)


def passed(record: LiveRollout, number: int, now: datetime) -> bool:
    """Tell whether every gate of the stage passes and its wait is over, or a person promotes on gates that pass without it."""
    return not missing(record, number, now, skip_wait=record.promote)


def missing(record: LiveRollout, number: int, now: datetime, *, skip_wait: bool) -> tuple[str, ...]:
    """Return what a stage lacks to go on, in words; empty when nothing."""
    stage, since = record.rollout.plan.stages[number], record.rollout.stage_since
    if since is None:
        return ("the stage has not begun",)
    judged = record.gates.judge(number, since, now, skip_wait=skip_wait)
    lacking = [
        f"{verdict.gate}: {verdict.verdict.value}. {verdict.sentence}" for verdict in judged.values() if verdict.verdict is not Verdict.PASS
    ]
    rest_s = stage.wait_s - (now - since).total_seconds()
    if not skip_wait and rest_s > 0:
        lacking.append(f"the stage's wait ends in {rest_s:.0f} s")
    return tuple(lacking)


async def _stop(parts: Parts, live: LiveTarget, record: LiveRollout, failed: list[Judged], now: datetime) -> None:
    plan, acts = record.rollout.plan, any(verdict.acts for verdict in failed)
    worst = next((verdict for verdict in failed if verdict.acts), failed[0])
    back_at = now + timedelta(seconds=plan.auto_rollback_after_s) if acts else None
    note = f"{worst.gate}: {worst.sentence}"
    record.epoch += 1
    what = RolloutChange(phase=Phase.STOPPED, note=note, auto_back_at=back_at)
    try:
        await records.change(parts, live, record, what, By(parts.around.actor, "gate failed"))
    except NotAllowed:
        records.overtaken(parts, live, record, await parts.around.store.journal.rollout(record.id))
    except ConsoleError as error:
        record.unrecorded = error.message
        await records.change_anyhow(parts, live, record, what, By(parts.around.actor, "gate failed"))


async def _tell(parts: Parts, live: LiveTarget, record: LiveRollout, verdict: Judged) -> None:
    now, card = parts.around.clock.now(), verdict.evidence
    parts.outbox.tell(StageJudged(now, live.name, record.id, record.rollout.stage, verdict.gate, verdict.verdict, verdict.sentence))
    detail: dict[str, object] = {"gate": verdict.gate, "stage": str(record.rollout.stage), "sentence": verdict.sentence}
    if card is not None:
        detail |= {
            "test": card.test,
            "query": card.query,
            "canary": f"{card.canary_ok} of {card.canary_total}",
            "baseline": f"{card.baseline_ok} of {card.baseline_total}",
            "evidence": f"{card.evidence:.6g}",
            "limit": f"{card.limit:.6g}",
            "rule": card.rule,
        }
    error = await parts.around.note(
        Entry(
            RecordKind.VERDICT,
            parts.around.actor,
            now,
            "judge",
            target=live.name,
            rollout=record.id,
            result=verdict.verdict.value,
            plan_hash=record.rollout.plan.hash,
            detail=detail,
        )
    )
    if error is not None:
        record.unrecorded = error.message
