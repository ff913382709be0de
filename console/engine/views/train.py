"""The picture of a train: its members in order, how each stands, and what can be done with all of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.model.rollout import Phase, Rollout
from console.model.train import Member, MemberState, Train, TrainPhase
from console.model.verbs import State, Verb
from console.model.views import MemberView, TrainView, VerbView
from console.policy.train import FORWARD, waits_for

_STATE = {
    MemberState.WAITING: State.PLANNED,
    MemberState.UNDER_WAY: State.IN_ROLLOUT,
    MemberState.STUCK: State.HELD,
    MemberState.PASSED: State.HEALTHY,
    MemberState.DONE: State.HEALTHY,
    MemberState.GOING_BACK: State.ROLLING_BACK,
    MemberState.BACK_STOPPED: State.FAILED,
    MemberState.BACK: State.HELD,
    MemberState.LEFT: State.WAIVED,
}

_STATE_OF_PHASE = {
    TrainPhase.RUNNING: State.IN_ROLLOUT,
    TrainPhase.HELD: State.HELD,
    TrainPhase.GOING_BACK: State.ROLLING_BACK,
    TrainPhase.STOPPED: State.FAILED,
    TrainPhase.DONE: State.HEALTHY,
    TrainPhase.ROLLED_BACK: State.HELD,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a train's members stand: the state, the rollout and the way back of each, by target; `refused` why one could not go back."""

    states: Mapping[str, MemberState]
    rollouts: Mapping[str, Rollout] = field(default_factory=dict)
    backs: Mapping[str, Rollout] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


def train_view(train: Train, stands: Standing, titles: Mapping[str, str]) -> TrainView:
    """Return a train's picture; `titles` are the targets' titles where they are known."""
    members = train.plan.members
    rows = tuple(_row(number, each, stands, titles) for number, each in enumerate(members, 1))
    return TrainView(
        id=train.id,
        name=train.plan.name,
        phase=train.phase,
        state=_STATE_OF_PHASE[train.phase],
        headline=headline(train, stands),
        members=rows,
        verbs=_verbs(train, stands),
        driver=train.driver.name,
        started_by=train.started_by.name,
        started_at=train.started_at,
        reason=train.reason,
        plan_hash=train.hash,
        note=train.note,
        ended_at=train.ended_at,
    )


def headline(train: Train, stands: Standing) -> str:
    """Return the one sentence that says where a train stands."""
    members, states = train.plan.members, stands.states
    name, count = f"{train.plan.name} ({train.id})", len(members)
    done = sum(state in {MemberState.DONE, MemberState.PASSED, MemberState.LEFT} for state in states.values())
    back = sum(state is MemberState.BACK for state in states.values())
    started = sum(state is not MemberState.WAITING for state in states.values())
    match train.phase:
        case TrainPhase.RUNNING:
            now = [each.target for each in members if states[each.target] in {MemberState.UNDER_WAY, MemberState.STUCK}]
            return f"{name}: {done} of {count} passed" + (f", {' and '.join(now)} on the way" if now else "")
        case TrainPhase.HELD:
            return f"{name} is held at {done} of {count}"
        case TrainPhase.GOING_BACK:
            return f"{name} is going back: {back} of {started} back on stable"
        case TrainPhase.STOPPED:
            return f"The rollback of {name} stopped: {back} of {started} back on stable"
        case TrainPhase.DONE:
            return f"{name} is done: all {count} services"
        case TrainPhase.ROLLED_BACK:
            return f"{name} was rolled back: {started} of {count} had started"


def _row(number: int, member: Member, stands: Standing, titles: Mapping[str, str]) -> MemberView:
    state, rollout = stands.states[member.target], stands.rollouts.get(member.target)
    back, word = stands.backs.get(member.target), state.value
    fact = waits_for(member, stands.states) if state is MemberState.WAITING else ""
    if state is MemberState.STUCK and rollout is not None:
        word, fact = rollout.phase.value, rollout.note
    elif state is MemberState.UNDER_WAY and rollout is not None:
        fact = f"canary {rollout.asked_weight} %"
    elif state in {MemberState.BACK_STOPPED, MemberState.BACK, MemberState.GOING_BACK}:
        fact = (back or rollout or _NOTHING).note
    shown = State.FAILED if rollout is not None and rollout.phase is Phase.STOPPED else _STATE[state]
    if rollout is not None and rollout.phase is Phase.UNKNOWN:
        shown = State.UNKNOWN
    return MemberView(
        number,
        member.target,
        titles.get(member.target, member.target),
        member.version,
        member.after,
        member.until.value,
        shown,
        word,
        stands.refused.get(member.target, "") or fact,
        "" if rollout is None else rollout.id,
        "" if back is None else back.id,
    )


class _Nothing:
    note = ""


_NOTHING = _Nothing()


def _verbs(train: Train, stands: Standing) -> dict[Verb, VerbView]:
    phase, forward = train.phase, [name for name, state in stands.states.items() if state in FORWARD]
    stopped = [name for name, state in stands.states.items() if state is MemberState.BACK_STOPPED]
    holds = phase is TrainPhase.RUNNING
    hold = VerbView(Verb.HOLD, holds, "nothing starts, what runs stays" if holds else f"the train is {phase.value}")
    resumes = phase is TrainPhase.HELD
    resume = VerbView(Verb.RESUME, resumes, "what was held goes on" if resumes else f"the train is {phase.value}")
    count = len(forward) + len(stopped)
    can = count > 0 and phase is not TrainPhase.ROLLED_BACK
    what = f"takes back {' and '.join(reversed([*forward, *stopped]))}" if count <= 2 else f"takes back {count} services, last first"
    back = VerbView(Verb.ROLLBACK, can, what if can else "nothing of it is forward")
    return {Verb.HOLD: hold, Verb.RESUME: resume, Verb.ROLLBACK: back}
