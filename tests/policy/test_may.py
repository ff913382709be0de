"""Forward moves meet every doubt; backward moves meet none of them."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.model.freeze import FreezeState, FreezeWindow, OneOff, StopTheLine, TrafficNow
from console.model.rollout import Actor, Lease, Phase
from console.model.verbs import ON_WORKLOADS, Direction, Verb
from console.model.views import QuarantineView
from console.policy.calendar import Calendar
from console.policy.clocks import clock_skew
from console.policy.direction import DIRECTIONS, direction
from console.policy.freezing import CalendarHealth, Restraints, freeze_state
from console.policy.may import may
from console.policy.permit import Permit
from console.policy.request import Request, RolloutNow, SystemSeen, TargetNow

NOW = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)
RITA = Actor("Rita", "desk:1:a")
ANA = Actor("Ana", "desk:2:b")
FORWARD = [verb for verb in Verb if direction(verb, side="green", stable="blue") is Direction.FORWARD]
BACKWARD = [verb for verb in Verb if direction(verb, side="blue", stable="blue") is Direction.BACKWARD]
ARMED = TargetNow("shop", armed=True, stable="blue", weight=5.0, has_flag=True, flag_on=True)
SALE = OneOff(datetime.fromisoformat("2026-11-26"), datetime.fromisoformat("2026-12-01"))
WINDOW = FreezeWindow(
    "w1",
    "Black Friday",
    "Rita",
    "sale",
    "Europe/Berlin",
    OneOff(datetime.fromisoformat("2026-11-26"), datetime.fromisoformat("2026-12-01")),
)
OPENING = {Verb.START, Verb.SWITCH, Verb.RESUME_RECONCILER} | ON_WORKLOADS
CLOSED = [Phase.STOPPED, Phase.ABORTING, Phase.BACK_STOPPED, Phase.DONE, Phase.ROLLED_BACK, Phase.ABORTED]
NONE = Calendar((), NOW - timedelta(days=1))

RESTRAINTS = {
    "open": Restraints(NONE),
    "window": Restraints(Calendar((WINDOW,), NOW - timedelta(days=1))),
    "blackout": Restraints(NONE, traffic=TrafficNow(0.9, closed=True, at=NOW, peak_per_min=800)),
    "unknown traffic": Restraints(NONE, traffic=TrafficNow(None, closed=True, at=NOW, peak_per_min=800)),
    "old traffic": Restraints(NONE, traffic=TrafficNow(0.1, closed=False, at=NOW - timedelta(minutes=3), peak_per_min=800)),
    "stop the line": Restraints(NONE, stops=(StopTheLine("Ana", "payments fail", NOW),)),
    "broken calendar": Restraints(NONE, health=CalendarHealth("the calendar file cannot be read")),
    "old calendar": Restraints(NONE, health=CalendarHealth(read_at=NOW - timedelta(hours=25))),
}
FREEZES = {name: freeze_state("shop", NOW, restraints) for name, restraints in RESTRAINTS.items()}


def lease(holder: Actor = RITA, token: int = 3, lasts_s: float = 15) -> Lease:
    return Lease("R-1", holder, token, NOW, NOW + timedelta(seconds=lasts_s))


def running(**changes) -> RolloutNow:
    return replace(RolloutNow("R-1", Phase.RUNNING, "hash", lease(), 3), **changes)


def ask(verb: Verb, **changes) -> Request:
    """A request that nothing stands against: openings with no rollout about, all else in a running one of our own."""
    opening = verb in OPENING
    phase = Phase.HELD if verb is Verb.RESUME else Phase.RUNNING
    target = replace(ARMED, flag_on=verb is not Verb.FLAG_UP)
    base = Request(verb, target, RITA, NOW, FREEZES["open"], None if opening else running(phase=phase), side="green", plan_hash="hash")
    return replace(base, **changes)


def test_every_verb_has_a_direction():
    assert set(DIRECTIONS) == set(Verb)
    assert direction(Verb.SWITCH, side="green", stable="blue") is Direction.FORWARD
    assert direction(Verb.SWITCH, side="blue", stable="blue") is Direction.BACKWARD
    assert direction(Verb.SWITCH, side="", stable="") is Direction.FORWARD
    assert len(FORWARD) == 14
    assert len(BACKWARD) == 11


def test_an_undo_to_a_quarantined_version_is_no_way_back():
    row = QuarantineView("18.0.0", NOW, "Rita", "payments fail", "R-9")
    held = replace(ARMED, quarantined=(row,))
    refused = may(ask(Verb.UNDO_WORKLOAD, target=held, versions=("18.0.0",)))
    assert (refused.allowed, "18.0.0 is quarantined" in refused.reasons[0]) == (False, True)
    frozen = FREEZES["stop the line"]
    assert may(ask(Verb.UNDO_WORKLOAD, target=held, versions=("17.4.0",), freeze=frozen)).allowed
    assert may(ask(Verb.UNDO_WORKLOAD, target=replace(ARMED, quarantined=(replace(row, lifted=True),)), versions=("18.0.0",))).allowed


@pytest.mark.parametrize("verb", sorted(ON_WORKLOADS))
def test_what_a_workload_or_our_account_does_not_allow_is_said_before_anything_else(verb):
    decision = may(ask(verb, cannot="our account may not patch deployments", freeze=FREEZES["window"]))
    assert (decision.allowed, decision.cannot_act, decision.reasons) == (False, True, ("our account may not patch deployments",))


@pytest.mark.parametrize("verb", list(Verb))
def test_with_nothing_against_it_every_verb_may(verb):
    assert may(ask(verb)).allowed


@pytest.mark.parametrize(("verb", "freeze"), list(itertools.product(FORWARD, [name for name in FREEZES if name != "open"])))
def test_every_forward_verb_is_refused_in_every_freeze(verb, freeze):
    for in_plan in (False, True):
        decision = may(ask(verb, freeze=FREEZES[freeze], in_plan=in_plan))
        assert not decision.allowed
        assert not decision.cannot_act
        assert decision.reasons[0]
        assert "Going back is open" in decision.allowed_instead


@pytest.mark.parametrize(("verb", "freeze"), list(itertools.product(BACKWARD, FREEZES)))
def test_every_backward_verb_works_with_everything_else_broken(verb, freeze):
    for seen, phase in itertools.product((SystemSeen.SAME, SystemSeen.UNREADABLE, SystemSeen.NOT_PINNED), (Phase.RUNNING, Phase.STOPPED)):
        request = ask(
            verb,
            side="blue",
            freeze=FREEZES[freeze],
            target=replace(ARMED, seen=seen, trusted=False, weight=None, flag_on=None),
            rollout=running(phase=phase, lease=lease(ANA, 9), token=None),
            recordable=False,
            skew=clock_skew(NOW, NOW + timedelta(minutes=5)),
            plan_hash="another",
            obstacles=("no rollback plan",),
        )
        assert may(request).allowed


@pytest.mark.parametrize("verb", list(Verb))
def test_an_observe_only_target_is_never_written_to(verb):
    decision = may(ask(verb, side="blue", target=replace(ARMED, armed=False, flag_on=verb is not Verb.FLAG_UP)))
    if verb is Verb.HOLD:
        assert decision.allowed
        return
    assert not decision.allowed
    assert "observe-only" in decision.reasons[0]
    assert decision.cannot_act == (verb in BACKWARD)


@pytest.mark.parametrize(("verb", "phase"), list(itertools.product(FORWARD, CLOSED)))
def test_after_an_abort_or_an_end_no_forward_step_follows(verb, phase):
    assert not may(ask(verb, rollout=running(phase=phase), in_plan=True)).allowed
    if not (phase.over and verb in OPENING):
        assert not may(ask(verb, rollout=running(phase=phase))).allowed


@pytest.mark.parametrize("phase", [Phase.DONE, Phase.ROLLED_BACK, Phase.ABORTED])
def test_a_new_plan_may_start_after_the_last_one_is_over(phase):
    old = running(phase=phase, plan_hash="old", lease=lease(ANA), token=None)
    assert may(ask(Verb.START, rollout=old)).allowed
    assert may(ask(Verb.SWITCH, rollout=old)).allowed


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.HELD, Phase.UNKNOWN])
def test_a_second_plan_does_not_start_beside_a_live_one(phase):
    assert not may(ask(Verb.START, rollout=running(phase=phase))).allowed
    assert not may(ask(Verb.SWITCH, rollout=running(phase=phase))).allowed


def test_a_planned_rollout_may_start_and_its_steps_may_run():
    assert may(ask(Verb.START, rollout=running(phase=Phase.PLANNED))).allowed
    assert may(ask(Verb.SWITCH, rollout=running(), in_plan=True)).allowed
    assert may(ask(Verb.STEP_UP, in_plan=True)).allowed


def test_steps_of_a_held_rollout_wait():
    assert not may(ask(Verb.STEP_UP, rollout=running(phase=Phase.HELD), in_plan=True)).allowed
    assert may(ask(Verb.PROMOTE, rollout=running(phase=Phase.HELD))).allowed


def test_after_an_unknown_step_a_person_chooses():
    unknown = running(phase=Phase.UNKNOWN)
    assert not may(ask(Verb.PROMOTE, rollout=unknown)).allowed
    assert may(ask(Verb.RESUME, rollout=unknown)).allowed
    assert may(ask(Verb.ROLLBACK, rollout=unknown)).allowed


@pytest.mark.parametrize("verb", [verb for verb in FORWARD if verb not in OPENING])
def test_forward_needs_the_wheel(verb):
    phase = Phase.HELD if verb is Verb.RESUME else Phase.RUNNING
    others = may(ask(verb, rollout=running(phase=phase, lease=lease(ANA))))
    assert others.reasons[0].startswith("Ana drives R-1")
    assert not may(ask(verb, rollout=running(phase=phase, token=2))).allowed
    assert not may(ask(verb, rollout=running(phase=phase, lease=lease(lasts_s=0)))).allowed
    assert not may(ask(verb, rollout=running(phase=phase, lease=None))).allowed
    assert may(ask(verb, rollout=running(phase=phase, lease=None, token=None))).allowed
    assert may(ask(verb, rollout=running(phase=phase, lease=lease(ANA, lasts_s=-1), token=None))).allowed


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"recordable": False}, "records"),
        ({"skew": clock_skew(NOW, NOW - timedelta(seconds=61))}, "61 s"),
        ({"target": replace(ARMED, seen=SystemSeen.DIFFERENT)}, "Another system"),
        ({"target": replace(ARMED, seen=SystemSeen.UNREADABLE)}, "cannot be read"),
        ({"target": replace(ARMED, seen=SystemSeen.NOT_PINNED)}, "not pinned"),
        ({"target": replace(ARMED, trusted=False)}, "commands"),
        ({"obstacles": ("No way back is planned.",)}, "No way back"),
        ({"rollout": running(phase=Phase.PLANNED, plan_hash="other")}, "hash differs"),
    ],
)
def test_each_doubt_alone_stops_a_start(change, word):
    decision = may(ask(Verb.START, **change))
    assert not decision.allowed
    assert word in decision.reasons[0]


def test_all_reasons_are_told_the_freeze_first():
    decision = may(ask(Verb.START, freeze=FREEZES["window"], target=replace(ARMED, armed=False), recordable=False))
    assert len(decision.reasons) == 3
    assert decision.reasons[0] == "Frozen by the window Black Friday (Rita) until Tue 1 Dec 00:00 CET (Mon 23:00 UTC): sale."


def test_the_end_of_a_freeze_is_told_in_the_readers_zone():
    decision = may(ask(Verb.START, freeze=FREEZES["window"], zone="America/New_York"))
    assert "until Mon 30 Nov 18:00 EST (23:00 UTC)" in decision.reasons[0]


def test_another_system_at_the_address_is_asked_about_once_on_the_way_back():
    different = replace(ARMED, seen=SystemSeen.DIFFERENT)
    asked = may(ask(Verb.ROLLBACK, target=different))
    assert not asked.allowed
    assert not asked.cannot_act
    assert may(ask(Verb.ROLLBACK, target=different, identity_confirmed=True)).allowed
    assert may(ask(Verb.HOLD, target=different)).allowed
    assert not may(ask(Verb.START, target=different, identity_confirmed=True)).allowed


@pytest.mark.parametrize(
    ("verb", "change"),
    [
        (Verb.HOLD, {"rollout": None}),
        (Verb.HOLD, {"rollout": running(phase=Phase.HELD)}),
        (Verb.HOLD, {"rollout": running(phase=Phase.DONE)}),
        (Verb.STEP_DOWN, {"target": replace(ARMED, weight=0.0)}),
        (Verb.STEP_DOWN, {"rollout": None}),
        (Verb.STEP_DOWN, {"rollout": running(phase=Phase.ABORTING)}),
        (Verb.ABORT, {"rollout": None}),
        (Verb.ROLLBACK, {"rollout": None, "target": replace(ARMED, weight=0.0, flag_on=False)}),
        (Verb.SWITCH_BACK, {"rollout": None, "target": replace(ARMED, weight=0.0)}),
        (Verb.FLAG_KILL, {"target": replace(ARMED, has_flag=False)}),
        (Verb.FLAG_KILL, {"target": replace(ARMED, flag_on=False)}),
        (Verb.PROMOTE, {"rollout": None}),
        (Verb.RESUME, {"rollout": running()}),
        (Verb.FLAG_UP, {"target": replace(ARMED, has_flag=False)}),
        (Verb.FLAG_UP, {"target": ARMED}),
    ],
)
def test_a_verb_with_nothing_to_act_on_cannot_act(verb, change):
    decision = may(ask(verb, **change))
    assert not decision.allowed
    assert decision.cannot_act
    assert decision.reasons[0]


@pytest.mark.parametrize(
    "change",
    [
        {"target": replace(ARMED, weight=None)},
        {"target": replace(ARMED, weight=0.0, flag_on=None)},
        {"target": replace(ARMED, weight=0.0, flag_on=False, can_go_back=True)},
        {"target": replace(ARMED, weight=0.0, flag_on=False), "rollout": running(phase=Phase.ABORTING)},
    ],
)
def test_what_is_not_known_to_be_back_may_be_rolled_back(change):
    assert may(ask(Verb.ROLLBACK, **{"rollout": None, **change})).allowed


def permit(**changes) -> Permit:
    return replace(Permit("hash", "shop", "Rita", "Mia", NOW + timedelta(minutes=45), 25), **changes)


def test_a_permit_opens_a_window_for_its_own_plan_only():
    request = ask(Verb.STEP_UP, freeze=FREEZES["window"], weight=25)
    assert may(replace(request, permits=(permit(),))).allowed
    assert may(replace(request, freeze=FREEZES["blackout"], permits=(permit(),))).allowed
    wrong = [
        permit(plan_hash="x"),
        permit(target="y"),
        permit(asker="Leo"),
        permit(approver="Rita"),
        permit(until=NOW),
        permit(max_weight=24),
    ]
    wrong.append(permit(used=True))
    for other in wrong:
        decision = may(replace(request, permits=(other,)))
        assert not decision.allowed
        assert "The permit does not fit" in decision.reasons[0]
    assert not may(replace(request, plan_hash="", permits=(permit(plan_hash=""),))).allowed


@pytest.mark.parametrize("freeze", ["stop the line", "broken calendar"])
def test_no_permit_opens_a_stopped_line_or_a_broken_calendar(freeze):
    assert not may(ask(Verb.STEP_UP, freeze=FREEZES[freeze], weight=5, permits=(permit(),))).allowed


requests = st.builds(
    Request,
    verb=st.sampled_from(Verb),
    target=st.builds(
        TargetNow,
        name=st.just("shop"),
        armed=st.booleans(),
        trusted=st.booleans(),
        stable=st.sampled_from(["", "blue", "green"]),
        weight=st.none() | st.floats(0, 100),
        can_go_back=st.booleans(),
        has_flag=st.booleans(),
        flag_on=st.none() | st.booleans(),
        seen=st.sampled_from(SystemSeen),
    ),
    actor=st.sampled_from([RITA, ANA]),
    at=st.just(NOW),
    freeze=st.sampled_from(list(FREEZES.values())),
    rollout=st.none()
    | st.builds(
        RolloutNow,
        id=st.just("R-1"),
        phase=st.sampled_from(Phase),
        plan_hash=st.sampled_from(["", "hash"]),
        lease=st.none() | st.builds(lease, st.sampled_from([RITA, ANA]), st.integers(1, 3), st.sampled_from([-1.0, 15.0])),
        token=st.none() | st.integers(1, 3),
    ),
    side=st.sampled_from(["", "blue", "green"]),
    weight=st.none() | st.integers(0, 100),
    plan_hash=st.sampled_from(["", "hash", "other"]),
    in_plan=st.booleans(),
    recordable=st.booleans(),
    skew=st.sampled_from([clock_skew(NOW), clock_skew(NOW, NOW + timedelta(minutes=5))]),
    identity_confirmed=st.booleans(),
    obstacles=st.sampled_from([(), ("No way back is planned.",)]),
)


@settings(max_examples=500, deadline=None)
@given(requests)
def test_whatever_is_asked_doubt_stops_forward_and_never_the_way_back(request):
    decision = may(request)
    assert decision.allowed == (not decision.reasons)
    assert all(reason.endswith(".") and reason.isprintable() for reason in decision.reasons)
    sound = request.target.armed and request.recordable and not request.skew.held and request.target.seen is SystemSeen.SAME
    if request.direction is Direction.FORWARD and (request.freeze.frozen or not sound):
        assert not decision.allowed
    other_system = request.target.seen is SystemSeen.DIFFERENT and not request.identity_confirmed
    if request.direction is Direction.BACKWARD and not decision.allowed:
        assert decision.cannot_act or other_system
    going_back = request.direction is Direction.BACKWARD and request.verb in {Verb.ROLLBACK, Verb.SWITCH_BACK, Verb.SWITCH}
    if going_back and request.target.armed and not other_system and request.target.weight != 0:
        assert decision.allowed


def test_clocks_warn_above_five_seconds_and_hold_above_sixty():
    assert not clock_skew(NOW, NOW + timedelta(seconds=5)).warn
    warned = clock_skew(NOW, None, NOW - timedelta(seconds=6))
    assert warned.warn
    assert not warned.held
    assert "target" in warned.text
    assert clock_skew(NOW, NOW, NOW + timedelta(seconds=61)).held
    assert not clock_skew(NOW).warn


def test_an_open_freeze_state_has_no_kind():
    assert FREEZES["open"] == FreezeState(False)
    assert [state.kind for name, state in FREEZES.items()] == [
        "", "window", "blackout", "blackout", "blackout", "stop the line", "calendar broken", "calendar broken",
    ]  # fmt: skip


QUARANTINED = QuarantineView("v18", NOW - timedelta(minutes=5), "Ana", "payments fail", "R-4")


@pytest.mark.parametrize("verb", [Verb.START, Verb.SWITCH, Verb.STEP_UP, Verb.PROMOTE, Verb.RESUME])
def test_a_quarantined_version_does_not_go_forward_and_the_reason_says_by_whom(verb):
    bad = replace(ask(verb).target, quarantined=(QUARANTINED,))
    decision = may(ask(verb, target=bad, versions=("v18",)))
    assert not decision.allowed
    assert decision.reasons[0].startswith("v18 is quarantined on shop since today 13:55 UTC by Ana (R-4): payments fail")
    assert "Lift the quarantine" in decision.allowed_instead
    assert may(ask(verb, target=bad, versions=("v19",))).allowed
    assert may(ask(verb, target=replace(bad, quarantined=(replace(QUARANTINED, lifted=True),)), versions=("v18",))).allowed


@pytest.mark.parametrize("verb", [verb for verb in BACKWARD if verb is not Verb.UNDO_WORKLOAD])
def test_a_quarantine_never_blocks_a_way_back(verb):
    bad = replace(ask(verb).target, quarantined=(QUARANTINED,))
    assert may(ask(verb, side="blue", target=bad, versions=("v17", "v18"))).allowed


@pytest.mark.parametrize("verb", BACKWARD)
def test_past_the_point_of_no_return_the_ways_to_stable_ask_once_and_offer_hold(verb):
    past = replace(ask(verb).target, losses=("contract cannot be undone. Going back would lose the old columns.",))
    decision = may(ask(verb, side="blue", target=past))
    if verb not in {Verb.ROLLBACK, Verb.ABORT, Verb.SWITCH_BACK}:
        assert decision.allowed
        return
    assert not decision.allowed
    assert decision.asks
    assert "would lose the old columns" in decision.reasons[0]
    assert decision.allowed_instead.startswith("Hold")
    assert may(ask(verb, side="blue", target=past, loss_confirmed=True)).allowed


def test_a_way_back_that_stopped_can_be_taken_again_and_lets_nothing_forward():
    stopped = running(phase=Phase.BACK_STOPPED)
    assert may(ask(Verb.ROLLBACK, rollout=stopped)).allowed
    assert not may(ask(Verb.STEP_DOWN, rollout=stopped)).allowed
    assert not may(ask(Verb.PROMOTE, rollout=stopped)).allowed
    assert "has stopped" in may(ask(Verb.HOLD, rollout=stopped)).reasons[0]
