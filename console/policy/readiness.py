"""Whether the way back is open: a light with reasons and a clock, from what was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from console.model.plan import Step
from console.model.readiness import Light, Readiness, ReadyItem, Rehearsal, Then
from console.model.readings import SideVersion, UndoState
from console.model.target import ReadyCheck, Reversibility, Snapshot, Target, UndoStep
from console.policy.nextstage import is_needed, next_change, not_needed
from console.policy.wayback import predicted_s

OLD_REHEARSAL = timedelta(days=30)
"""A rehearsal that is older turns the light amber."""

SOON = 0.25
"""With less than this part of a snapshot's time left, the light turns amber."""

SOON_S = 300.0
"""With less time than this until a check ceases to hold, the light turns amber."""

WORST = (Light.SHUT, Light.UNKNOWN, Light.CLOSING, Light.READY)


@dataclass(frozen=True, slots=True)
class Look:
    """What was read last of one check, and why it cannot be read now; `state` None was never read."""

    state: UndoState | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about the way back now.

    `wanted_version` is what the stable side has to run, "" where it is not fixed. `old` is what that side said last, `old_problem` why it
    cannot be asked. `looks` are the checks by the names that `Connections.undo` has. `seconds` are measured, by step; `signed` tells that
    a person has signed that what has no snapshot has no way back. `stage` is the number, from 1, of the stage that is open, 0 before the
    first, None where no later stage changes anything; `opens` is when each later one may open at the earliest, where that is known.
    """

    now: datetime
    wanted_version: str = ""
    old: SideVersion | None = None
    old_problem: str = ""
    looks: Mapping[str, Look] = field(default_factory=dict)
    rehearsal: Rehearsal | None = None
    can_rehearse: bool = False
    more: tuple[ReadyItem, ...] = ()
    """Further reasons, each judged where it was read."""
    seconds: Mapping[int, float] = field(default_factory=dict)
    stage: int | None = None
    opens: Mapping[int, datetime] = field(default_factory=dict)


def readiness(target: Target, steps: Sequence[Step], standing: Standing) -> Readiness:
    """Return the light over a way back: the worst of its reasons, which stand first. What cannot be read is never taken for ready."""
    now_s = _now_s(target, steps, standing)
    by_stage = _by_stage(target, steps, standing, now_s)
    found = [] if by_stage is None or by_stage.predicted_s is None else [_slower(by_stage, by_stage.predicted_s, standing)]
    found += [_old_version(standing)]
    found += [item for step in target.undo for item in _of_step(step, standing)]
    found += [_checked(check, standing.looks.get(f"ready {check.name}", Look()), standing.now) for check in target.ready]
    found += _rehearsed(standing)
    found += standing.more
    items = tuple(sorted(found, key=lambda item: WORST.index(item.light)))
    by_time = min(_closings(target, standing, now_s), key=lambda then: then.at or standing.now, default=None)
    found_now = Readiness(items[0].light, items, now_s, standing.now, rehearsal=standing.rehearsal)
    if found_now.light is Light.SHUT:
        return found_now
    return replace(found_now, closes_at=_closes_at(by_time, by_stage, standing), then=_first(by_time, by_stage, standing))


def no_snapshot(snapshot: Snapshot, state: UndoState, now: datetime) -> str:
    """Return why a snapshot does not count, in words; "" when it does. Where its age is not told, its check vouches for it."""
    if not state.done:
        return f"there is no snapshot{_said(state)}"
    if state.since is not None and (now - state.since).total_seconds() > snapshot.max_age_s:
        age, most = (now - state.since).total_seconds(), snapshot.max_age_s
        return f"the snapshot is {_span(age)} old, and only one of at most {_span(most)} counts"
    return ""


def losses(target: Target, looks: Mapping[str, Look]) -> tuple[str, ...]:
    """Return what going back would lose, for each one-way step that was read to be past; what cannot be read is not taken for past."""
    found = []
    for step in target.undo:
        look = looks.get(step.name, Look())
        if step.reversibility is Reversibility.ONE_WAY and not look.problem and look.state is not None and not look.state.done:
            found.append(f"{step.name} cannot be undone{_said(look.state)}. Going back would lose {step.loses or 'what it changed'}.")
    return tuple(found)


def _old_version(standing: Standing) -> ReadyItem:
    name, old = "old version", standing.old
    if old is None or standing.old_problem:
        return ReadyItem(name, Light.UNKNOWN, f"Whether it still runs cannot be read: {standing.old_problem or 'not read yet'}.", _at(old))
    if standing.wanted_version and old.version != standing.wanted_version:
        sentence = f"{standing.wanted_version} is gone: {old.version} runs in its place."
        return ReadyItem(name, Light.SHUT, sentence, old.at)
    if not old.healthy:
        why = f": {old.detail}" if old.detail else ""
        return ReadyItem(name, Light.SHUT, f"{old.version} runs and says that it is not healthy{why}.", old.at)
    return ReadyItem(name, Light.READY, f"{old.version} {f'is {old.detail}' if old.detail else 'runs and is healthy'}.", old.at)


def _now_s(target: Target, steps: Sequence[Step], standing: Standing) -> float:
    """Return how long the way back takes now: without what a later stage needs, and with what a check that does not hold costs."""
    plain = predicted_s(steps, {**standing.seconds, **not_needed(target, steps, standing.stage)})
    looks = ((check, standing.looks.get(f"ready {check.name}", Look())) for check in target.ready)
    without = [check.then_s for check, look in looks if check.then_s is not None and look.state is not None and not look.state.done]
    return round(max([plain, *without]), 1)


def _by_stage(target: Target, steps: Sequence[Step], standing: Standing, now_s: float) -> Then | None:
    """Return what the next stage that changes the way back makes of it; None where it makes it no worse."""
    then = next_change(target, steps, standing.seconds, standing.stage)
    return replace(then, at=standing.opens.get(then.stage)) if then is not None and _is_worse(then.predicted_s, now_s) else None


def _is_worse(then_s: float | None, now_s: float) -> bool:
    return then_s is None or then_s > now_s


def _is_next(number: int, standing: Standing) -> bool:
    return standing.stage is not None and number == standing.stage + 1


def _first(by_time: Then | None, by_stage: Then | None, standing: Standing) -> Then | None:
    """Return which of both comes first; what has no clock comes after what has one."""
    if by_time is None or by_stage is None:
        return by_time or by_stage
    return by_stage if by_stage.at is not None and by_stage.at < (by_time.at or standing.now) else by_time


def _closes_at(by_time: Then | None, by_stage: Then | None, standing: Standing) -> datetime | None:
    """Return the clock of the light: the nearest instant that time alone brings, or the opening of a next stage past which hold is left."""
    ends = [] if by_time is None or by_time.at is None else [by_time.at]
    if by_stage is not None and by_stage.predicted_s is None and by_stage.at is not None and _is_next(by_stage.stage, standing):
        ends.append(by_stage.at)
    return min(ends, default=None)


def _slower(then: Then, then_s: float, standing: Standing) -> ReadyItem:
    """Return the reason that says how long the way back takes after a stage; the one-way step of a stage says it itself."""
    sentence = f"{_opens(then.stage, standing)} brings {then.name}: from then on the way back takes {_span(then_s)}."
    return ReadyItem("later", Light.READY, sentence)


def _opens(number: int, standing: Standing) -> str:
    at = standing.opens.get(number)
    return f"Stage {number}" if at is None else f"Stage {number}, in {_span((at - standing.now).total_seconds())} at the earliest,"


def _of_step(step: UndoStep, standing: Standing) -> list[ReadyItem]:
    if step.reversibility is Reversibility.ONE_WAY:
        return [_one_way(step, standing.looks.get(step.name, Look()), standing)]
    if step.reversibility is Reversibility.LOSSY:
        return [_lossy(step, standing)]
    return []


def _one_way(step: UndoStep, look: Look, standing: Standing) -> ReadyItem:
    if look.state is None or look.problem:
        return _unread(step.name, look)
    if look.state.done and not is_needed(step, standing.stage):
        passes = f"{_opens(step.from_stage, standing)} passes it; then hold is what is left."
        light = Light.CLOSING if _is_next(step.from_stage, standing) else Light.READY
        return ReadyItem(step.name, light, f"Not past yet{_said(look.state)}. {passes}", look.state.at)
    if look.state.done:
        return ReadyItem(step.name, Light.READY, f"Not past yet{_said(look.state)}; past it, hold is what is left.", look.state.at)
    sentence = (
        f"Past, and cannot be undone{_said(look.state)}: going back would lose {step.loses or 'what it changed'}. Hold is what is left."
    )
    return ReadyItem(step.name, Light.SHUT, sentence, look.state.at)


def _lossy(step: UndoStep, standing: Standing) -> ReadyItem:
    if step.snapshot is None:
        return ReadyItem(step.name, Light.CLOSING, f"Undoing it loses {step.loses}, and no snapshot restores it.")
    look = standing.looks.get(f"snapshot {step.name}", Look())
    if look.state is None or look.problem:
        return _unread(f"snapshot of {step.name}", look)
    missing = no_snapshot(step.snapshot, look.state, standing.now)
    if missing and not is_needed(step, standing.stage):
        sentence = f"{_opens(step.from_stage, standing)} brings it, and undoing it then loses {step.loses}: {missing}."
        return ReadyItem(step.name, Light.CLOSING, sentence, look.state.at)
    if missing:
        return ReadyItem(step.name, Light.SHUT, f"Undoing it loses {step.loses}: {missing}.", look.state.at)
    left_s = _left_s(step.snapshot, look.state, standing.now)
    if left_s is not None and left_s <= SOON * step.snapshot.max_age_s:
        return ReadyItem(step.name, Light.CLOSING, f"Its snapshot counts for {_span(left_s)} more.", look.state.at)
    more = "" if left_s is None else f", and counts for {_span(left_s)} more"
    return ReadyItem(step.name, Light.READY, f"There is a snapshot{more}.", look.state.at)


def _checked(check: ReadyCheck, look: Look, now: datetime) -> ReadyItem:
    name = check.name
    if look.state is None or look.problem:
        return _unread(name, look)
    takes = "" if check.then_s is None else f"the way back takes {_span(check.then_s)}"
    if look.state.done and look.state.until is not None:
        left_s = (look.state.until - now).total_seconds()
        then = "; then there is no way back" if check.closes else f"; then {takes}" if takes else ""
        light = Light.CLOSING if left_s < SOON_S else Light.READY
        return ReadyItem(name, light, f"Holds for {_span(left_s)} more{_said(look.state)}{then}.", look.state.at)
    if look.state.done:
        return ReadyItem(name, Light.READY, f"Holds{_said(look.state)}.", look.state.at)
    end = ": without it there is no way back." if check.closes else f": {takes}." if takes else "."
    return ReadyItem(name, Light.SHUT if check.closes else Light.CLOSING, f"Does not hold{_said(look.state)}{end}", look.state.at)


def _rehearsed(standing: Standing) -> list[ReadyItem]:
    last = standing.rehearsal
    if last is None:
        sentence = "The way back was never rehearsed here: its seconds are estimates."
        return [ReadyItem("rehearsal", Light.CLOSING, sentence)] if standing.can_rehearse else []
    age = standing.now - last.at
    ago = f"{_span(age.total_seconds())} ago"
    if not last.ok:
        return [ReadyItem("rehearsal", Light.CLOSING, f"The last rehearsal, {ago}, did not come through.", last.at)]
    if age > OLD_REHEARSAL:
        return [ReadyItem("rehearsal", Light.CLOSING, f"The last rehearsal is {age.days} days old.", last.at)]
    return [ReadyItem("rehearsal", Light.READY, f"Rehearsed {ago} in {last.took_s:.1f} s.", last.at)]


def _unread(name: str, look: Look) -> ReadyItem:
    why = look.problem or "not read yet"
    return ReadyItem(name, Light.UNKNOWN, f"Cannot be read: {why.rstrip('.')}.", None if look.state is None else look.state.at)


def _closings(target: Target, standing: Standing, now_s: float) -> list[Then]:
    """Return when each snapshot ceases to count, for those that do now, and when each check ceases to hold; with what is left then."""
    found = []
    for check in target.ready:
        state = standing.looks.get(f"ready {check.name}", Look()).state
        if state is not None and state.done and state.until is not None and (check.closes or _is_worse(check.then_s or 0.0, now_s)):
            found.append(Then(check.name, None if check.closes else check.then_s, state.until))
    for step in target.undo:
        look = standing.looks.get(f"snapshot {step.name}", Look())
        if step.snapshot is None or look.state is None or look.state.since is None:
            continue
        if not no_snapshot(step.snapshot, look.state, standing.now):
            found.append(Then(step.name, None, look.state.since + timedelta(seconds=step.snapshot.max_age_s)))
    return found


def _left_s(snapshot: Snapshot, state: UndoState, now: datetime) -> float | None:
    return None if state.since is None else snapshot.max_age_s - (now - state.since).total_seconds()


def _said(state: UndoState) -> str:
    return f" ({state.detail.rstrip('.')})" if state.detail else ""


def _at(old: SideVersion | None) -> datetime | None:
    return None if old is None else old.at


def _span(seconds: float) -> str:
    """Return a span of time in words: `9 s`, `4 min`, `2 h 5 min`, `3 days`."""
    if seconds < 90:
        return f"{max(0.0, seconds):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 2880 else f"{minutes // 1440} days"
