"""The judge of a watcher, fed with what is new, stands where one does that was rebuilt from everything."""

from datetime import UTC, datetime, timedelta

from engine_fakes import PAYMENTS, SHOP
from hypothesis import given
from hypothesis import strategies as st

from console.engine.gates import GateWatch
from console.model.rollout import GateSample
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
