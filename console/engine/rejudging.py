"""Brings the judge of a rollout that another console drives to where that one's stands, from the increments that it stored."""

import asyncio

from console.engine import judging
from console.engine.forward import watch_of
from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget

LONG_RECORD = 500
"""Samples that are judged in some milliseconds; more of them are judged beside the loop."""

JUDGE_SHARE = 19.0
"""Rebuilding a judge from all samples waits so many times as long as it took."""


async def again(parts: Parts, live: LiveTarget, record: LiveRollout) -> None:
    """Take in the samples that are new, and judge; rebuild from all of them where that is needed, a long record less often."""
    if not record.rollout.plan.gates:
        return
    if record.judged_until is None or not await _follow(parts, record):
        record.judge_late = parts.around.clock.elapsed() < record.judge_after
        if record.judge_late or not await _rebuild(parts, live, record):
            return
    record.judge_late = False
    judge(parts, record)


def judge(parts: Parts, record: LiveRollout) -> None:
    """Judge the stage that a rollout stands in, as of now or of its end, without acting on it."""
    rollout = record.rollout
    if judging.stage_of(record) is not None and rollout.stage_since is not None:
        record.judged = record.gates.judge(rollout.stage, rollout.stage_since, rollout.ended_at or parts.around.clock.now())


async def _follow(parts: Parts, record: LiveRollout) -> bool:
    fresh = await parts.around.store.samples.of(record.id, record.judged_until)
    if record.mine or record.driver_works:
        return True  # the wheel came to this console meanwhile: its own judge is the newer one
    if not record.gates.follow(fresh, record.rollout.stage_since):
        return False
    record.judged_until = fresh[-1].at if fresh else record.judged_until
    return True


async def _rebuild(parts: Parts, live: LiveTarget, record: LiveRollout) -> bool:
    """Rebuild the judge; False when the wheel came to this console meanwhile."""
    around, rollout = parts.around, record.rollout
    began = around.clock.elapsed()
    gates = watch_of(live.target, rollout, around.clock.now())
    samples = await around.store.samples.of(rollout.id)
    if len(samples) < LONG_RECORD:
        gates.rebuild(samples, rollout.stage_since)
    else:
        await asyncio.to_thread(gates.rebuild, samples, rollout.stage_since)
    ended = around.clock.elapsed()
    record.judge_after = ended + JUDGE_SHARE * (ended - began)
    if record.mine or record.driver_works:
        return False
    record.gates = gates
    record.judged_until = samples[-1].at if samples else rollout.started_at
    return True
