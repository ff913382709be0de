"""The gates of a rollout: what each stage needs, and numbers that are none."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from engine_fakes import BLUE, ERRORS, GREEN, PAYMENTS, SHOP

from console.engine.gates import GateWatch
from console.model.readings import MetricReading
from console.model.verbs import Verdict
from console.policy.planning import SidesNow, make_rollout_plan

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
SIDES = SidesNow(BLUE, "5.1", "5.2b", {BLUE: 100.0, GREEN: 0.0})
PLAN = make_rollout_plan(SHOP, "5.2b", SIDES, {PAYMENTS: (5, 12, 6, 11, 11)})


def watch() -> GateWatch:
    gates = GateWatch(PLAN, 1.0, {PAYMENTS: (1940, 60)}, START)
    gates.take(reading(0, 0, 0.0), "R-1", 5)
    return gates


def reading(second: int, canary_ok: int, errors: float) -> MetricReading:
    values = {
        BLUE: {"resolved_ok": 1940.0 + 20 * second, "resolved_failed": 60.0},
        GREEN: {"resolved_ok": float(canary_ok), "resolved_failed": 0.0, "http_errors": errors, "http_requests": 100.0 * second},
    }
    return MetricReading(values, {}, START + timedelta(seconds=second), "GET", {})


def verdict(gates: GateWatch, stage: int, second: int, gate: str) -> Verdict:
    return gates.judge(stage, START, START + timedelta(seconds=second))[gate].verdict


@pytest.mark.parametrize(("stage", "sessions"), list(enumerate((5, 12, 6, 11, 11))))
def test_each_stage_passes_with_the_sessions_that_it_needs_itself(stage: int, sessions: int) -> None:
    gates = watch()
    gates.take(reading(1, sessions - 1, 0.0), "R-1", PLAN.stages[stage].weight)
    gates.take(reading(60, sessions - 1, 0.0), "R-1", PLAN.stages[stage].weight)
    assert verdict(gates, stage, 60, PAYMENTS) is Verdict.WATCHING
    gates.take(reading(61, sessions, 0.0), "R-1", PLAN.stages[stage].weight)
    assert verdict(gates, stage, 61, PAYMENTS) is Verdict.PASS


def test_a_plan_without_a_number_for_a_stage_never_passes_it() -> None:
    gates = GateWatch(make_rollout_plan(SHOP, "5.2b", SIDES), 1.0, {PAYMENTS: (1940, 60)}, START)
    gates.take(reading(0, 0, 0.0), "R-1", 5)
    gates.take(reading(60, 500, 0.0), "R-1", 5)
    assert verdict(gates, 0, 60, PAYMENTS) is Verdict.WATCHING


def test_a_threshold_does_not_pass_before_the_stages_wait_is_over() -> None:
    gates = watch()
    gates.take(reading(10, 1, 0.0), "R-1", 5)
    assert verdict(gates, 0, 10, ERRORS) is Verdict.WATCHING
    gates.take(reading(45, 1, 0.0), "R-1", 5)
    assert verdict(gates, 0, 45, ERRORS) is Verdict.PASS


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_neither_passes_a_threshold_nor_spoils_what_was_counted(nonsense: float) -> None:
    gates = watch()
    gates.take(reading(45, 1, 0.0), "R-1", 5)
    gates.take(reading(46, 1, nonsense), "R-1", 5)
    assert verdict(gates, 0, 46, ERRORS) is Verdict.BLIND
    gates.take(reading(47, 1, 0.0), "R-1", 5)
    assert verdict(gates, 0, 47, ERRORS) is Verdict.PASS


@pytest.mark.parametrize(("begins", "counted"), [(2, 9), (3, 0)])
def test_the_first_stage_counts_from_the_last_reading_before_it_unless_that_is_old(begins: int, counted: int) -> None:
    gates = GateWatch(PLAN, 1.0, {PAYMENTS: (1940, 60)}, START)
    gates.origin(reading(0, 0, 0.0))
    gates.open_stage(START + timedelta(seconds=begins))
    gates.take(reading(9, 9, 0.0), "R-1", 5)
    assert gates.judge(0, START, START + timedelta(seconds=9))[PAYMENTS].stage_counts.canary == counted
    gates.take(reading(10, 11, 0.0), "R-1", 5)
    assert gates.judge(0, START, START + timedelta(seconds=10))[PAYMENTS].stage_counts.canary == counted + 2
