"""The judge of a watcher, fed with what is new, stands where one does that was rebuilt from everything."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from engine_fakes import PAYMENTS, SHOP, world
from hypothesis import given
from hypothesis import strategies as st

from console.engine import rejudging
from console.engine.gates import GateWatch
from console.model.readings import MetricReading
from console.model.rollout import GateSample
from console.model.verbs import Verb
from console.policy.planning import SidesNow, make_rollout_plan

START = datetime(2026, 11, 24, 10, tzinfo=UTC)
SIDES = SidesNow("blue", "5.1", "5.2b", {"blue": 100.0, "green": 0.0})
PLAN = make_rollout_plan(SHOP, "5.2b", SIDES, {PAYMENTS: (3,) * 5})


def watch() -> GateWatch:
    return GateWatch(PLAN, 1.0, None, START)


def sample(second: int, ok: int, failed: int) -> GateSample:
    return GateSample("R-1", PAYMENTS, START + timedelta(seconds=second), 5, 20, 1, ok, failed)


COUNTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=40)


@given(COUNTS, st.integers(0, 40), st.integers(0, 45))
def test_following_is_the_same_as_rebuilding(counts, cut: int, stage_at: int) -> None:
    samples = [sample(second, *each) for second, each in enumerate(counts, 1)]
    before, after = samples[:cut], samples[cut:]
    early, late = START, START + timedelta(seconds=stage_at)
    since = early if stage_at < cut else late
    followed, rebuilt = watch(), watch()
    followed.rebuild(before, early)
    assert followed.follow(after, since)
    rebuilt.rebuild(samples, since)
    now = START + timedelta(seconds=60)
    assert followed.judge(0, since, now) == rebuilt.judge(0, since, now)
    assert followed.counts(PAYMENTS) == rebuilt.counts(PAYMENTS)


def test_a_stage_that_began_before_what_is_counted_already_needs_a_rebuild() -> None:
    gates = watch()
    gates.rebuild([sample(10, 1, 0)], START)
    assert not gates.follow([sample(11, 1, 0)], START + timedelta(seconds=5))
    assert not gates.follow([], None)
    assert gates.follow([], START)


def reading(second: int, canary_ok: int) -> MetricReading:
    values = {
        "blue": {"resolved_ok": 1940.0 + 20 * second, "resolved_failed": 60.0},
        "green": {"resolved_ok": float(canary_ok), "resolved_failed": 0.0},
    }
    return MetricReading(values, {}, START + timedelta(seconds=second), "GET", {})


def test_a_console_that_counts_again_after_another_one_did_counts_nothing_twice() -> None:
    gates = watch()
    gates.take(reading(0, 0), "R-1", 5)
    gates.take(reading(1, 2), "R-1", 5)
    assert gates.follow([sample(2, 3, 0), sample(3, 4, 0)], None)
    gates.take(reading(4, 10), "R-1", 5)
    gates.take(reading(5, 11), "R-1", 5)
    counted = gates.counts(PAYMENTS)
    assert counted is not None
    assert counted.canary_ok == 2 + 3 + 4 + 1, "the first reading is where its own count begins again"


@pytest.mark.anyio
async def test_what_a_console_counted_itself_is_not_taken_in_from_the_records_too(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        desk = await w.desk()
        rollout = await desk.start()
        await desk.until_stage(rollout, 1)
        record, live = desk.engine._parts.records[rollout], desk.engine._parts.targets["shop"]
        record.judged_until, record.gates._opened = record.rollout.started_at, record.rollout.stage_since  # it watched before it drove
        await desk.act(Verb.HOLD)
        await desk.until_phase(rollout, "held")
        await w.time.advance(30)
        counted = record.gates.counts(PAYMENTS)
        assert counted is not None
        assert counted.canary > 0
        assert record.driver is not None
        record.driver.cancel()
        record.driver, record.mine = None, False  # as when a renewal fails
        await w.time.through(rejudging.again(desk.engine._parts, live, record))
        assert record.gates.counts(PAYMENTS) == counted
