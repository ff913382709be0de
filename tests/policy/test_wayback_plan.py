"""The way back as a plan: traffic first, then each step when what it waits for is confirmed or skipped."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.plan import StepKind
from console.model.rollout import StepState
from console.model.systems import EnvoyTraffic, HttpFlag, HttpUndo, HttpWorkloads
from console.model.target import Environment, Reconciler, Reversibility, Snapshot, Stage, Target, UndoKind, UndoStep
from console.model.verbs import Verb
from console.policy.planning import SidesNow, Timing, make_rehearsal_plan, make_rollout_plan, rollback_steps
from console.policy.preflight import obstacles, warnings
from console.policy.wayback import GOOD, in_order, open_steps, predicted_s, runnable, without_return

CALL = HttpUndo("http://u", "http://u")
CODE = UndoStep("code", UndoKind.CODE, CALL, predicted_s=3.0)
SCHEMA = UndoStep("schema", UndoKind.MIGRATION, CALL, ("code",), predicted_s=4.0)
CACHE = UndoStep("cache", UndoKind.CACHE, CALL, ("traffic", "flag"), predicted_s=2.0)
DESK = UndoStep("desk", UndoKind.MANUAL, None, ("schema",), instructions="Ring them.")
LOSSY = replace(SCHEMA, reversibility=Reversibility.LOSSY, loses="two columns")
CONTRACT = UndoStep("contract", UndoKind.MIGRATION, CALL, reversibility=Reversibility.ONE_WAY, loses="old columns")
ROBOT = Reconciler("robot", CALL, CALL)
TARGET = Target(
    name="shop",
    title="Shop",
    environment=Environment.PRODUCTION,
    sides=("blue", "green"),
    traffic=EnvoyTraffic("http://127.0.0.1:9901", "routing.shop", {"blue": "b", "green": "g"}),
    workloads=HttpWorkloads({"blue": "http://b", "green": "http://g"}),
    flag=HttpFlag("http://f", "v52"),
    stages=(Stage(5, 900, ()),),
    undo=(DESK, SCHEMA, CODE, CACHE),
)
SIDES = SidesNow("blue", "v17", "v18", {"blue": 100.0, "green": 0.0})


def named(target: Target) -> list[tuple[str, list[str]]]:
    steps = rollback_steps(target, "blue", first_seq=5)
    words = {step.seq: step.name or step.kind.value for step in steps}
    return [(words[step.seq], [words[seq] for seq in step.after]) for step in steps]


def test_traffic_is_first_and_every_step_stands_behind_what_it_waits_for():
    assert named(TARGET) == [
        ("weight", []),
        ("flag", []),
        ("code", ["weight"]),
        ("schema", ["code"]),
        ("desk", ["schema"]),
        ("cache", ["weight", "flag"]),
    ]


def test_reconcilers_are_paused_right_after_traffic_and_before_what_they_would_bring_back():
    steps = named(replace(TARGET, reconcilers=(ROBOT,)))
    assert [name for name, _ in steps][:3] == ["weight", "flag", "robot"]
    assert dict(steps)["robot"] == []
    assert "robot" in dict(steps)["code"]
    assert "robot" in dict(steps)["schema"]
    assert "robot" not in dict(steps)["cache"]


def test_a_step_that_waits_for_a_flag_which_is_not_there_waits_for_the_rest():
    assert dict(named(replace(TARGET, flag=None)))["cache"] == ["weight"]


def test_the_declared_steps_are_part_of_the_plan_and_of_its_hash():
    plan = make_rollout_plan(TARGET, "v18", SIDES)
    assert [step.verb for step in plan.rollback[2:]] == [Verb.UNDO] * 4
    assert [step.seq for step in plan.rollback] == list(range(len(plan.steps), len(plan.steps) + 6))
    others = [
        replace(TARGET, undo=()),
        replace(TARGET, undo=(DESK, SCHEMA, replace(CODE, after=()), CACHE)),
        replace(TARGET, undo=(DESK, LOSSY, CODE, CACHE)),
        replace(TARGET, reconcilers=(ROBOT,)),
    ]
    assert plan.hash not in {make_rollout_plan(each, "v18", SIDES).hash for each in others}


def test_steps_that_wait_for_each_other_are_refused():
    with pytest.raises(ValueError, match="wait for each other: schema, code"):
        in_order((SCHEMA, replace(CODE, after=("schema",))))


def test_nothing_begins_before_the_traffic_was_sent_and_then_only_what_waits_for_nothing():
    steps = rollback_steps(TARGET, "blue")
    assert [step.seq for step in runnable(steps, {})] == [0]
    assert [step.kind for step in runnable(steps, {0: StepState.SENT})] == [StepKind.FLAG]
    assert [step.name for step in runnable(steps, {0: StepState.UNKNOWN})] == [""]
    assert [step.name for step in runnable(steps, {0: StepState.CONFIRMED, 1: StepState.FAILED})] == ["code"]
    assert [step.name for step in runnable(steps, {0: StepState.CONFIRMED, 1: StepState.SKIPPED})] == ["code", "cache"]


def test_a_manual_step_is_never_begun_by_the_console_and_is_what_is_left():
    steps = rollback_steps(TARGET, "blue")
    states = {step.seq: StepState.CONFIRMED for step in steps if step.kind is not StepKind.MANUAL}
    assert runnable(steps, states) == ()
    assert [step.name for step in open_steps(steps, states)] == ["desk"]


def test_a_way_back_takes_as_long_as_its_longest_chain():
    steps = rollback_steps(TARGET, "blue", timing=Timing(weight_s=1.0, flag_s=9.0))
    assert predicted_s(steps) == 1.0 + 3.0 + 4.0 + 5.0
    measured = rollback_steps(TARGET, "blue", timing=Timing(undo_s={"code": 20.0}))
    assert predicted_s(measured) == 1.0 + 20.0 + 4.0 + 5.0
    assert predicted_s(()) == 0.0


def test_what_has_no_snapshot_has_to_be_signed_before_the_start():
    assert without_return(TARGET) == ""
    lossy = replace(TARGET, undo=(CODE, LOSSY))
    assert "schema loses two columns" in make_rollout_plan(lossy, "v18", SIDES).no_way_back
    assert any("has to sign" in line for line in obstacles(lossy, SIDES))
    assert obstacles(lossy, SIDES, signed=True) == ()
    assert without_return(replace(TARGET, undo=(CODE, replace(LOSSY, snapshot=Snapshot(CALL, 60.0))))) == ""


def test_a_target_without_any_way_back_starts_only_signed():
    bare = replace(TARGET, rollback=(), undo=())
    assert obstacles(bare, SIDES)[0].startswith("No way back is planned")
    assert obstacles(bare, SIDES, signed=True) == ()
    assert make_rollout_plan(bare, "v18", SIDES).no_way_back


def test_one_way_and_manual_steps_are_told_before_the_start():
    said = warnings(replace(TARGET, undo=(CONTRACT, CODE, SCHEMA, DESK)))
    assert any("Once contract is past, going back would lose old columns" in line for line in said)
    assert any("desk is done by hand" in line for line in said)


def test_a_rehearsal_leaves_out_what_only_a_person_can_do_and_what_must_not_be_done():
    plan = make_rehearsal_plan(replace(TARGET, undo=(CONTRACT, DESK, SCHEMA, CODE, CACHE), reconcilers=(ROBOT,)), SIDES)
    assert [step.name for step in plan.steps] == ["", "", "code", "schema", "cache"]
    assert all(set(step.after) <= {each.seq for each in plan.steps} for step in plan.steps)


@st.composite
def ways(draw) -> Target:
    made: list[UndoStep] = []
    for number in range(draw(st.integers(0, 7))):
        after = tuple(draw(st.lists(st.sampled_from(["traffic", "flag", *(step.name for step in made)]), max_size=3, unique=True)))
        made.append(UndoStep(f"s{number}", draw(st.sampled_from([UndoKind.CODE, UndoKind.CACHE, UndoKind.MANUAL])), CALL, after))
    return replace(TARGET, undo=tuple(draw(st.permutations(made))), reconcilers=(ROBOT,) if draw(st.booleans()) else ())


@given(ways(), st.randoms())
def test_any_way_back_can_be_walked_to_its_end_with_nothing_before_its_time(target, random):
    steps = rollback_steps(target, "blue")
    assert steps[0].kind is StepKind.WEIGHT
    states: dict[int, StepState] = {}
    while open_steps(steps, states):
        ready = runnable(steps, states)
        due = [
            step
            for step in open_steps(steps, states)
            if step.kind is StepKind.MANUAL and 0 in states and all(states.get(seq) in GOOD for seq in step.after)
        ]
        chosen = random.choice([*ready, *due])
        assert all(states.get(seq) in GOOD for seq in chosen.after)
        assert chosen.kind is StepKind.WEIGHT or 0 in states
        states[chosen.seq] = random.choice([StepState.CONFIRMED, StepState.SKIPPED])
    assert set(states) == {step.seq for step in steps}
