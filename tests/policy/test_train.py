"""The order of a train: circles are refused in words, nothing starts early, and everything that started goes back, last first."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.plan import Plan, PlanKind, Step, StepKind
from console.model.rollout import Actor, Phase, Rollout
from console.model.target import Stage
from console.model.train import Member, MemberState, TrainPhase, TrainPlan, Until, train_hash
from console.model.verbs import Direction, Verb
from console.policy.train import (
    FORWARD,
    TAKEN_BACK,
    in_order,
    member_state,
    next_backs,
    next_starts,
    phase_now,
    problems_of,
    stop_words,
    waits_for,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DB, API, WEB = Member("db", "2"), Member("api", "2", ("db",)), Member("web", "2", ("api",))
CHAIN = (DB, API, WEB)
S = MemberState
UP = Step(0, StepKind.WEIGHT, Verb.STEP_UP, Direction.FORWARD, "envoy", {"green": 5})
DOWN = replace(UP, direction=Direction.BACKWARD, verb=Verb.ROLLBACK)
STAGES = (Stage(5, 60.0, ("g",)), Stage(95, 60.0, ("g",), bake=True))
PLAN = Plan(PlanKind.ROLLOUT, "db", "2", "blue", "green", "1", "2", (UP,), (DOWN,), STAGES)
ROLLOUT = Rollout("R-1", PLAN, Phase.RUNNING, 1, 1, Actor("ann", "desk"), "", NOON)
BACK = replace(ROLLOUT, id="R-2", plan=replace(PLAN, kind=PlanKind.ROLLBACK, steps=(DOWN,), stages=()), phase=Phase.ROLLED_BACK)


def states(*values: MemberState) -> dict[str, MemberState]:
    return dict(zip(("db", "api", "web"), values, strict=True))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ((), "A train needs at least one service."),
        ((DB, DB), "db stands in the train twice."),
        ((replace(DB, after=("db",)),), "db waits for itself."),
        ((API,), "api waits for db, which is not in the train."),
        ((replace(DB, after=("web",)), API, WEB), "db, web, api wait for each other in a circle: none of them could start."),
        (
            (Member("free", "1"), Member("late", "1", ("a",)), Member("a", "1", ("b",)), Member("b", "1", ("a",))),
            "a, b wait for each other in a circle: none of them could start.",
        ),
    ],
)
def test_an_order_that_cannot_be_kept_is_refused_in_words(members: tuple[Member, ...], words: str) -> None:
    assert problems_of(members) == (words,)
    with pytest.raises(ValueError, match=r"\w"):
        in_order(members)


def test_members_stand_behind_what_they_wait_for() -> None:
    assert in_order((WEB, API, DB)) == CHAIN


@pytest.mark.parametrize(
    ("rollout", "later", "until", "state"),
    [
        (None, (), Until.DONE, S.WAITING),
        (ROLLOUT, (), Until.DONE, S.UNDER_WAY),
        (replace(ROLLOUT, phase=Phase.PLANNED), (), Until.GATE, S.UNDER_WAY),
        (replace(ROLLOUT, stage=0), (), Until.GATE, S.UNDER_WAY),
        (replace(ROLLOUT, stage=1), (), Until.GATE, S.PASSED),
        (replace(ROLLOUT, stage=1), (), Until.DONE, S.UNDER_WAY),
        (replace(ROLLOUT, stage=0, plan=replace(PLAN, stages=STAGES[:1])), (), Until.GATE, S.UNDER_WAY),
        (replace(ROLLOUT, stage=1, phase=Phase.HELD), (), Until.GATE, S.STUCK),
        (replace(ROLLOUT, phase=Phase.STOPPED), (), Until.DONE, S.STUCK),
        (replace(ROLLOUT, phase=Phase.UNKNOWN), (), Until.DONE, S.STUCK),
        (replace(ROLLOUT, phase=Phase.ABORTING), (), Until.DONE, S.GOING_BACK),
        (replace(ROLLOUT, phase=Phase.BACK_STOPPED), (), Until.DONE, S.BACK_STOPPED),
        (replace(ROLLOUT, phase=Phase.ABORTED), (), Until.DONE, S.BACK),
        (replace(ROLLOUT, phase=Phase.DONE), (), Until.GATE, S.DONE),
        (replace(ROLLOUT, phase=Phase.DONE), (BACK,), Until.DONE, S.BACK),
        (replace(ROLLOUT, phase=Phase.DONE), (replace(BACK, phase=Phase.PLANNED),), Until.DONE, S.GOING_BACK),
        (replace(ROLLOUT, phase=Phase.DONE), (replace(BACK, phase=Phase.BACK_STOPPED),), Until.DONE, S.BACK_STOPPED),
        (replace(ROLLOUT, phase=Phase.DONE), (ROLLOUT, BACK), Until.DONE, S.LEFT),
        (replace(ROLLOUT, phase=Phase.DONE), (replace(BACK, plan=replace(BACK.plan, stable="green")),), Until.DONE, S.DONE),
        (replace(ROLLOUT, phase=Phase.DONE), (replace(BACK, plan=replace(BACK.plan, kind=PlanKind.FLAG)),), Until.DONE, S.DONE),
    ],
)
def test_a_member_stands_as_the_rollouts_of_its_target_say(rollout, later, until: Until, state: MemberState) -> None:
    assert member_state(replace(DB, until=until), rollout, later) is state


@pytest.mark.parametrize(
    ("now", "starts", "backs"),
    [
        ((S.WAITING, S.WAITING, S.WAITING), ("db",), ()),
        ((S.UNDER_WAY, S.WAITING, S.WAITING), (), ("db",)),
        ((S.STUCK, S.WAITING, S.WAITING), (), ("db",)),
        ((S.PASSED, S.WAITING, S.WAITING), ("api",), ("db",)),
        ((S.DONE, S.DONE, S.WAITING), ("web",), ("api",)),
        ((S.LEFT, S.WAITING, S.WAITING), (), ()),
        ((S.DONE, S.GOING_BACK, S.WAITING), (), ()),
        ((S.DONE, S.BACK, S.WAITING), (), ("db",)),
        ((S.DONE, S.BACK_STOPPED, S.WAITING), (), ("db",)),
        ((S.DONE, S.DONE, S.GOING_BACK), (), ()),
        ((S.BACK, S.UNDER_WAY, S.WAITING), (), ("api",)),
    ],
)
def test_what_starts_and_what_goes_back_next(now, starts: tuple[str, ...], backs: tuple[str, ...]) -> None:
    assert next_starts(CHAIN, states(*now)) == starts
    assert next_backs(CHAIN, states(*now)) == backs


@pytest.mark.parametrize(
    ("phase", "now", "then"),
    [
        (TrainPhase.RUNNING, (S.DONE, S.DONE, S.WAITING), TrainPhase.RUNNING),
        (TrainPhase.HELD, (S.DONE, S.BACK, S.WAITING), TrainPhase.GOING_BACK),
        (TrainPhase.RUNNING, (S.DONE, S.BACK_STOPPED, S.WAITING), TrainPhase.GOING_BACK),
        (TrainPhase.RUNNING, (S.DONE, S.LEFT, S.DONE), TrainPhase.DONE),
        (TrainPhase.GOING_BACK, (S.DONE, S.BACK, S.WAITING), TrainPhase.GOING_BACK),
        (TrainPhase.GOING_BACK, (S.GOING_BACK, S.BACK, S.WAITING), TrainPhase.GOING_BACK),
        (TrainPhase.GOING_BACK, (S.BACK, S.BACK, S.WAITING), TrainPhase.ROLLED_BACK),
        (TrainPhase.GOING_BACK, (S.BACK, S.BACK_STOPPED, S.WAITING), TrainPhase.STOPPED),
        (TrainPhase.STOPPED, (S.BACK, S.BACK, S.WAITING), TrainPhase.ROLLED_BACK),
        (TrainPhase.DONE, (S.DONE, S.BACK, S.DONE), TrainPhase.DONE),
    ],
)
def test_what_the_members_make_of_the_train(phase: TrainPhase, now, then: TrainPhase) -> None:
    assert phase_now(phase, CHAIN, states(*now)) is then


def test_a_way_back_that_is_refused_holds_up_nobody() -> None:
    now, refused = states(S.DONE, S.DONE, S.WAITING), frozenset({"api"})
    assert next_backs(CHAIN, now, refused) == ("db",)
    assert phase_now(TrainPhase.GOING_BACK, CHAIN, {**now, "db": S.BACK}, refused) is TrainPhase.STOPPED


def test_where_it_stopped_is_said_with_what_to_do() -> None:
    words = stop_words(CHAIN, states(S.BACK, S.BACK_STOPPED, S.BACK), {"api": "rollback stopped at step 2: schema: failed."})
    assert words == (
        "Stopped at member 2 of 3, api. api: rollback stopped at step 2: schema: failed. Back on stable: db, web. "
        "Mend it there (retry, skip, sign), or roll the train back again."
    )
    assert waits_for(API, states(S.STUCK, S.WAITING, S.WAITING)) == "waits for db"
    assert waits_for(API, states(S.DONE, S.WAITING, S.WAITING)) == ""


def test_what_is_approved_covers_the_order_and_each_members_plan() -> None:
    plan = TrainPlan("autumn", CHAIN)
    known = {train_hash(plan, {"db": "a"}), train_hash(plan, {"db": "b"}), train_hash(replace(plan, members=(DB, WEB)), {"db": "a"})}
    assert len(known) == 3
    assert train_hash(plan, {"db": "a", "api": "b"}) == train_hash(plan, {"api": "b", "db": "a"})


@st.composite
def trains(draw: st.DrawFn) -> tuple[Member, ...]:
    """Any train without a circle, told in any order."""
    count = draw(st.integers(1, 7))
    members = [Member(f"s{n}", "2", tuple(f"s{m}" for m in range(n) if draw(st.booleans()))) for n in range(count)]
    return tuple(draw(st.permutations(members)))


@given(trains(), st.randoms(use_true_random=False))
def test_any_train_goes_forward_in_order_and_back_in_reverse(members: tuple[Member, ...], chance) -> None:
    members = in_order(members)
    now = {each.target: S.WAITING for each in members}
    stop_after = chance.randint(0, len(members))
    started: list[str] = []
    while (ready := next_starts(members, now)) and len(started) < stop_after:
        name = chance.choice(ready)
        assert all(now[other] in {S.PASSED, S.DONE} for other in next(m for m in members if m.target == name).after)
        started.append(name)
        now[name] = chance.choice((S.DONE, S.PASSED))
    if not started:
        return
    now[started[-1]] = chance.choice((S.UNDER_WAY, S.STUCK, S.DONE))
    went: list[str] = []
    refused: frozenset[str] = frozenset()
    phase = TrainPhase.GOING_BACK
    for _ in range(3 * len(members)):
        ready = next_backs(members, now, refused)
        if not ready:
            break
        name = chance.choice(ready)
        for other in members:
            if name in other.after:
                assert now[other.target] not in FORWARD or other.target in refused, "what waited for it goes first"
        went.append(name)
        if chance.random() < 0.2:
            refused |= {name}
        else:
            now[name] = chance.choice((S.BACK, S.BACK, S.BACK_STOPPED))
    assert sorted(went) == sorted(started), "each that started is tried once, whatever became of the others"
    phase = phase_now(phase, members, now, refused)
    clean = not refused and all(state in {S.BACK, S.WAITING} for state in now.values())
    assert phase is (TrainPhase.ROLLED_BACK if clean else TrainPhase.STOPPED)


@given(trains(), st.data())
def test_nothing_starts_beside_what_was_taken_back(members: tuple[Member, ...], data: st.DataObject) -> None:
    now = {each.target: data.draw(st.sampled_from(list(S))) for each in members}
    if set(now.values()) & TAKEN_BACK:
        assert next_starts(members, now) == ()
        assert phase_now(TrainPhase.RUNNING, members, now) is TrainPhase.GOING_BACK


@given(trains(), st.data())
def test_a_circle_is_always_found(members: tuple[Member, ...], data: st.DataObject) -> None:
    first = data.draw(st.sampled_from(members))
    behind, names = {first.target}, [first.target]
    for each in in_order(members):
        if behind & set(each.after):
            behind.add(each.target)
            names.append(each.target)
    last = data.draw(st.sampled_from(names))
    bad = tuple(replace(each, after=(*each.after, last)) if each.target == first.target else each for each in members)
    assert len(problems_of(bad)) == 1
