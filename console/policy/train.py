"""What the members of a train wait for: what starts next, what goes back next, and what that makes of the train."""

from collections.abc import Mapping, Sequence

from console.model.plan import PlanKind
from console.model.rollout import Phase, Rollout
from console.model.train import Member, MemberState, TrainPhase, Until
from console.model.verbs import Direction

PASSED = frozenset({MemberState.PASSED, MemberState.DONE})
"""States in which those that wait for a member may start."""

TAKEN_BACK = frozenset({MemberState.GOING_BACK, MemberState.BACK_STOPPED, MemberState.BACK})
"""States that take the whole train back."""

FORWARD = frozenset({MemberState.UNDER_WAY, MemberState.STUCK, MemberState.PASSED, MemberState.DONE})
"""States of a member that started and was not taken back."""

_OUT_OF_THE_WAY = frozenset({MemberState.WAITING, MemberState.BACK, MemberState.BACK_STOPPED, MemberState.LEFT})
"""States of a member that holds up no way back of what it waited for: a partial failure never blocks the others."""

_BACK_STATES = {
    Phase.ABORTING: MemberState.GOING_BACK,
    Phase.BACK_STOPPED: MemberState.BACK_STOPPED,
    Phase.ROLLED_BACK: MemberState.BACK,
    Phase.ABORTED: MemberState.BACK,
}

States = Mapping[str, MemberState]
"""The state of each member, by target."""


def problems_of(members: Sequence[Member]) -> tuple[str, ...]:
    """Return why members cannot be a train, each in words; empty when they can."""
    if not members:
        return ("A train needs at least one service.",)
    names = [each.target for each in members]
    found = [f"{name} stands in the train twice." for name in dict.fromkeys(names) if names.count(name) > 1]
    for each in members:
        found += [f"{each.target} waits for itself." for name in dict.fromkeys(each.after) if name == each.target]
        found += [f"{each.target} waits for {name}, which is not in the train." for name in each.after if name not in names]
    if found:
        return tuple(found)
    circle = _circle(members)
    return (f"{', '.join(circle)} wait for each other in a circle: none of them could start.",) if circle else ()


def _circle(members: Sequence[Member]) -> tuple[str, ...]:
    """Return the targets of one circle in the order in which each waits for the next; empty when there is none."""
    left = {each.target: each.after for each in members}
    while left:
        free = [name for name, after in left.items() if not any(other in left for other in after)]
        if not free:
            break
        for name in free:
            del left[name]
    if not left:
        return ()
    walked = [next(iter(left))]
    while True:
        onward = next(name for name in left[walked[-1]] if name in left)
        if onward in walked:
            return tuple(walked[walked.index(onward) :])
        walked.append(onward)


def in_order(members: Sequence[Member]) -> tuple[Member, ...]:
    """Return members so that each stands behind those it waits for, otherwise as given. Raises ValueError where `problems_of` finds any."""
    problems = problems_of(members)
    if problems:
        raise ValueError(" ".join(problems))
    placed, left = dict[str, Member](), list(members)
    while left:
        free = next(each for each in left if all(name in placed for name in each.after))
        placed[free.target] = free
        left.remove(free)
    return tuple(placed.values())


def member_state(member: Member, rollout: Rollout | None, later: Sequence[Rollout]) -> MemberState:
    """Return how a member stands by its rollout and by those that began `later` on its target, oldest first."""
    if rollout is None:
        return MemberState.WAITING
    if rollout.phase in _BACK_STATES:
        return _BACK_STATES[rollout.phase]
    if rollout.phase is Phase.DONE:
        return _after_its_end(rollout, later)
    if rollout.phase in {Phase.HELD, Phase.STOPPED, Phase.UNKNOWN}:
        return MemberState.STUCK
    return MemberState.PASSED if member.until is Until.GATE and _in_bake(rollout) else MemberState.UNDER_WAY


def _after_its_end(rollout: Rollout, later: Sequence[Rollout]) -> MemberState:
    """Return what became of a finished member: the first plan since that moved traffic to another side tells."""
    for each in later:
        if each.plan.kind not in {PlanKind.ROLLOUT, PlanKind.SWITCH, PlanKind.ROLLBACK}:
            continue
        if any(step.direction is Direction.FORWARD for step in each.plan.steps):
            return MemberState.LEFT
        if each.plan.stable != rollout.plan.stable:
            continue  # it asserts the side that the member brought: nothing of it went back
        return _BACK_STATES.get(each.phase, MemberState.GOING_BACK)
    return MemberState.DONE


def _in_bake(rollout: Rollout) -> bool:
    """Tell whether the last gated stage before the bake has passed; a plan without a bake passes only when it is done."""
    first = next((number for number, stage in enumerate(rollout.plan.stages) if stage.bake), None)
    return first is not None and rollout.stage >= first


def next_starts(members: Sequence[Member], states: States) -> tuple[str, ...]:
    """Return the targets that may start now, in order; none once anything was taken back."""
    if any(state in TAKEN_BACK for state in states.values()):
        return ()
    waiting = [each for each in members if states[each.target] is MemberState.WAITING]
    return tuple(each.target for each in waiting if all(states[name] in PASSED for name in each.after))


def next_backs(members: Sequence[Member], states: States, refused: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return the targets to take back now: those that started, each once every member that waited for it is out of the way.

    `refused` are those whose way back could not begin: they hold up nobody and are not begun again by themselves.
    """
    found = []
    for each in reversed(members):
        waited = [other.target for other in members if each.target in other.after]
        if states[each.target] not in FORWARD or each.target in refused:
            continue
        if all(states[name] in _OUT_OF_THE_WAY or name in refused for name in waited):
            found.append(each.target)
    return tuple(found)


def phase_now(phase: TrainPhase, members: Sequence[Member], states: States, refused: frozenset[str] = frozenset()) -> TrainPhase:
    """Return the phase that a train comes to by how its members stand."""
    values = set(states.values())
    if phase in {TrainPhase.RUNNING, TrainPhase.HELD}:
        if values & TAKEN_BACK:
            return TrainPhase.GOING_BACK
        return TrainPhase.DONE if values <= {MemberState.DONE, MemberState.LEFT} else phase
    if phase.over:
        return phase
    if next_backs(members, states, refused) or MemberState.GOING_BACK in values:
        return phase
    stopped = MemberState.BACK_STOPPED in values or bool(refused)
    return TrainPhase.STOPPED if stopped else TrainPhase.ROLLED_BACK


def waits_for(member: Member, states: States) -> str:
    """Return what a waiting member waits for, in words; "" when for nothing."""
    left = [name for name in member.after if states[name] not in PASSED]
    return f"waits for {' and '.join(left)}" if left else ""


def stop_words(members: Sequence[Member], states: States, why: Mapping[str, str]) -> str:
    """Return where a way back stopped and what a person can do; `why` is what is known of a target's trouble, by its name."""
    names = [each.target for each in members]
    stuck = [name for name in names if states[name] is MemberState.BACK_STOPPED or (name in why and states[name] in FORWARD)]
    words = " ".join(f"{name}: {why[name].rstrip('.')}." for name in stuck if why.get(name))
    places = " and ".join(f"member {names.index(name) + 1} of {len(names)}, {name}" for name in stuck)
    rest = [name for name in names if states[name] is MemberState.BACK]
    back = f" Back on stable: {', '.join(rest)}." if rest else ""
    return f"Stopped at {places}. {words}{back} Mend it there (retry, skip, sign), or roll the train back again.".replace("  ", " ")
