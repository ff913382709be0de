"""Plans hold what will be done, in order, with the way back ready before the start."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.plan import PlanKind, StepKind
from console.model.systems import CommandPipeline, CommandStage, EnvoyTraffic, HaproxyTraffic, HttpFlag, HttpWorkloads, OpenMetricsSource
from console.model.target import Environment, Prices, SessionGate, Stage, Target, ThresholdGate
from console.model.verbs import Direction, Verb
from console.policy.planning import (
    SidesNow,
    make_flag_plan,
    make_rollback_plan,
    make_rollout_plan,
    make_switch_plan,
    rollback_steps,
    step_down_step,
    step_down_weight,
    traffic_name,
)
from console.policy.preflight import obstacles, warnings

GATE = "Payment completion"
STAGES = (*tuple(Stage(weight, 900, (GATE,)) for weight in (5, 25, 50, 95)), Stage(95, 900, (GATE,), bake=True))
TARGET = Target(
    name="shop",
    title="Shop",
    environment=Environment.PRODUCTION,
    sides=("blue", "green"),
    traffic=EnvoyTraffic("http://127.0.0.1:9901", "routing.shop", {"blue": "b", "green": "g"}),
    workloads=HttpWorkloads({"blue": "http://b", "green": "http://g"}),
    metrics=OpenMetricsSource({"blue": "http://b", "green": "http://g"}),
    pipeline=CommandPipeline((CommandStage("Test", ("make", "test"), 60), CommandStage("Build", ("make",), 30))),
    flag=HttpFlag("http://f", "checkout_v52", raise_at_start=True),
    gates=(SessionGate(GATE),),
    stages=STAGES,
    prices=Prices("EUR", 37.5),
    owner="checkout team",
)
SIDES = SidesNow("blue", "v17", "v18", {"blue": 100.0, "green": 0.0})


def test_a_rollout_goes_through_pipeline_flag_stages_and_then_all_traffic():
    plan = make_rollout_plan(TARGET, "v18", SIDES, {GATE: (4,)})
    assert [step.kind for step in plan.steps] == [StepKind.PIPELINE, StepKind.FLAG] + [StepKind.WEIGHT] * 6
    assert [step.want.get("green") for step in plan.steps[2:]] == [5, 25, 50, 95, 95, 100]
    assert [step.stage for step in plan.steps] == [-1, -1, 0, 1, 2, 3, 4, -1]
    assert [step.seq for step in (*plan.steps, *plan.rollback)] == list(range(10))
    assert all(step.direction is Direction.FORWARD for step in plan.steps)
    assert plan.steps[0].deadline_s == 90
    assert plan.needed == {GATE: (4,)}
    assert (plan.stable, plan.canary) == ("blue", "green")


def test_each_weight_step_starts_from_what_the_one_before_left():
    steps = [step for step in make_rollout_plan(TARGET, "v18", SIDES).steps if step.kind is StepKind.WEIGHT]
    assert steps[0].precondition == {"blue": 100.0, "green": 0.0}
    for before, after in itertools.pairwise(steps):
        assert after.precondition == before.want == after.undo
        assert sum(after.want.values()) == 100


def test_the_way_back_moves_traffic_first_and_asks_for_nothing():
    weight, flag = make_rollout_plan(TARGET, "v18", SIDES).rollback
    assert weight.want == {"blue": 100, "green": 0}
    assert flag.want == {"on": False, "percent": 0}
    assert (weight.verb, flag.verb) == (Verb.ROLLBACK, Verb.FLAG_KILL)
    assert all(step.direction is Direction.BACKWARD and step.precondition is None for step in (weight, flag))
    assert len(rollback_steps(replace(TARGET, rollback=("traffic",)), "blue")) == 1
    assert len(rollback_steps(replace(TARGET, flag=None), "blue")) == 1
    assert [s.kind for s in rollback_steps(replace(TARGET, rollback=("flag", "traffic")), "blue")] == [StepKind.WEIGHT, StepKind.FLAG]
    assert rollback_steps(replace(TARGET, rollback=()), "blue") == ()


def test_when_green_is_stable_blue_is_on_trial():
    plan = make_rollout_plan(TARGET, "v19", SidesNow("green", "v18", "v19", {"green": 100, "blue": 0}))
    assert plan.canary == "blue"
    assert plan.steps[2].want == {"green": 95, "blue": 5}
    assert plan.rollback[0].want == {"green": 100, "blue": 0}


def test_a_last_stage_at_all_traffic_is_not_repeated():
    plan = make_rollout_plan(replace(TARGET, stages=(Stage(50, 1, ()), Stage(100, 1, ()))), "v18", SIDES)
    assert [step.want["green"] for step in plan.steps[2:]] == [50, 100]


def test_equal_plans_have_equal_hashes_and_any_change_another():
    plan = make_rollout_plan(TARGET, "v18", SIDES, {GATE: (4,)})
    assert plan.hash == make_rollout_plan(TARGET, "v18", SIDES, {GATE: (4,)}).hash
    others = [
        make_rollout_plan(TARGET, "v19", SIDES, {GATE: (4,)}),
        make_rollout_plan(TARGET, "v18", SIDES, {GATE: (5,)}),
        make_rollout_plan(replace(TARGET, stages=STAGES[:-1]), "v18", SIDES, {GATE: (4,)}),
        make_rollout_plan(replace(TARGET, digest="x"), "v18", SIDES, {GATE: (4,)}),
        make_rollout_plan(TARGET, "v18", replace(SIDES, weights={"blue": 99, "green": 1}), {GATE: (4,)}),
    ]
    assert len({plan.hash, *(other.hash for other in others)}) == 6


def test_a_switch_is_forward_to_the_trial_side_and_backward_to_stable():
    there, back = make_switch_plan(TARGET, SIDES, "green"), make_switch_plan(TARGET, SIDES, "blue")
    assert there.kind is back.kind is PlanKind.SWITCH
    assert (there.steps[0].verb, there.steps[0].direction) == (Verb.SWITCH, Direction.FORWARD)
    assert there.steps[0].want == {"green": 100, "blue": 0}
    assert there.steps[0].precondition == SIDES.weights
    assert there.rollback[0].want == {"blue": 100, "green": 0}
    assert there.release == "v18"
    assert (back.steps[0].verb, back.steps[0].direction, back.steps[0].precondition) == (Verb.SWITCH_BACK, Direction.BACKWARD, None)
    assert back.release == "v17"


def test_a_rollback_without_a_rollout_is_a_plan_of_its_own():
    plan = make_rollback_plan(TARGET, SIDES)
    assert plan.kind is PlanKind.ROLLBACK
    assert plan.steps == rollback_steps(TARGET, "blue")


def test_a_flag_is_raised_forward_and_killed_backward():
    up, down = make_flag_plan(TARGET, SIDES, on=True), make_flag_plan(TARGET, SIDES, on=False)
    assert (up.steps[0].direction, down.steps[0].direction) == (Direction.FORWARD, Direction.BACKWARD)
    assert up.rollback[0].want == down.steps[0].want == {"on": False, "percent": 0}
    with pytest.raises(ValueError, match="no flag"):
        make_flag_plan(replace(TARGET, flag=None), SIDES, on=True)


@pytest.mark.parametrize(("weight", "lower"), [(100, 95), (95, 50), (50, 25), (25, 5), (30, 25), (5, 1), (3, 1), (1, 0), (0.5, 0), (0, 0)])
def test_stepping_down_goes_to_the_stage_before_then_to_one_then_to_none(weight, lower):
    assert step_down_weight(STAGES, weight) == lower


@given(st.lists(st.integers(0, 100), max_size=6), st.floats(0, 100))
def test_stepping_down_never_goes_up_and_ends_at_none(weights, weight):
    stages = [Stage(w, 1, ()) for w in weights]
    for _ in range(10):
        lower = step_down_weight(stages, weight)
        assert lower < weight or weight == lower == 0
        weight = lower
    assert weight == 0


def test_a_step_down_is_backward_with_absolute_weights():
    step = step_down_step(TARGET, "blue", 5)
    assert (step.want, step.direction, step.precondition) == ({"blue": 95, "green": 5}, Direction.BACKWARD, None)


def test_the_router_is_named_as_a_person_knows_it():
    assert traffic_name(TARGET) == "Envoy 127.0.0.1:9901"
    assert traffic_name(replace(TARGET, traffic=HaproxyTraffic("unix:/run/h", "shop", {}))) == "HAProxy unix:/run/h"


def test_a_complete_target_starts_without_a_warning():
    calm = replace(TARGET, environment=Environment.STAGING, flag=HttpFlag("http://f", "x"))
    assert obstacles(calm, SIDES) == ()
    assert warnings(calm) == ()


@pytest.mark.parametrize(
    ("target", "sides", "word"),
    [
        (replace(TARGET, rollback=()), None, "No way back"),
        (replace(TARGET, rollback=("flag",)), None, "No way back"),
        (replace(TARGET, stages=()), None, "no stage"),
        (replace(TARGET, metrics=None), None, "no metrics"),
        (TARGET, replace(SIDES, weights={"blue": 95, "green": 5}), "not all on the stable side blue (blue 95 % · green 5 %)"),
        (TARGET, replace(SIDES, weights={"blue": 0, "green": 0}), "not all on"),
        (TARGET, replace(SIDES, weights={}), "nothing read"),
        (replace(TARGET, pipeline=None), replace(SIDES, canary_version="v17"), "nothing to release"),
    ],
)
def test_what_forbids_a_start_is_said(target, sides, word):
    found = obstacles(target, sides)
    assert len(found) == 1
    assert word in found[0]


def test_two_sides_that_run_the_same_are_no_obstacle_where_a_pipeline_brings_the_release():
    assert obstacles(TARGET, replace(SIDES, canary_version="v17")) == ()


@pytest.mark.parametrize(
    ("target", "word"),
    [
        (TARGET, "raised at the start"),
        (replace(TARGET, gates=(ThresholdGate(GATE, "errors", "all", 0.05),)), "silent business failure"),
        (replace(TARGET, gates=(SessionGate(GATE, resolved=False),)), "counts attempts"),
        (replace(TARGET, gates=(SessionGate(GATE), SessionGate("Idle"))), "Idle is judged in no stage"),
        (replace(TARGET, stages=(Stage(5, 60, ()), *STAGES[1:])), "Stage 5 % has no gate"),
        (replace(TARGET, stages=(Stage(5, 0, (GATE,)), *STAGES[1:])), "does not wait"),
        (replace(TARGET, stages=STAGES[2:]), "already gives the canary 50 %"),
        (replace(TARGET, stages=STAGES[:-1]), "No stage bakes"),
        (replace(TARGET, stages=(STAGES[0], Stage(100, 60, (GATE,), bake=True))), "No holdback"),
        (replace(TARGET, rollback=("traffic",)), "leaves flag checkout_v52"),
        (replace(TARGET, prices=None), "loss meter"),
        (replace(TARGET, pipeline=None), "No pipeline"),
        (TARGET, "No freeze"),
        (replace(TARGET, owner=""), "owner"),
    ],
)
def test_what_a_person_should_know_is_said(target, word):
    assert any(word in warning for warning in warnings(target))
