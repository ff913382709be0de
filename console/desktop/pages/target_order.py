"""Sorts targets into the four groups of the table, worst first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.model.verbs import State
from console.model.views import ConnectionView, TargetView


class Group(StrEnum):
    """What a person has to do about the targets in it."""

    PERSON = "Needs a person"
    MOVING = "Moving"
    FROZEN = "Frozen"
    CALM = "Calm"


WORST_FIRST = (
    State.FAILED,
    State.UNKNOWN,
    State.HANGING,
    State.DRIFT,
    State.BLIND,
    State.MISCONFIGURED,
    State.STALE,
    State.ROLLING_BACK,
    State.HELD,
    State.WAIVED,
    State.WATCHING,
    State.IN_ROLLOUT,
    State.FROZEN,
    State.NO_DATA,
    State.PLANNED,
    State.HEALTHY,
)
_RANK = {state: rank for rank, state in enumerate(WORST_FIRST)}
_PERSON = frozenset(WORST_FIRST[: WORST_FIRST.index(State.ROLLING_BACK)])
_MOVING = frozenset({State.ROLLING_BACK, State.HELD, State.WAIVED, State.WATCHING, State.IN_ROLLOUT})


def moving(view: TargetView) -> bool:
    """Tell whether a rollout is on its way on a target; `rollout` alone may name one that is over."""
    return bool(view.rollout and view.release)


def group_of(view: TargetView) -> Group:
    """Return the group that a target belongs to now."""
    if view.state in _PERSON or view.problem is not None:
        return Group.PERSON
    if view.state in _MOVING or moving(view):
        return Group.MOVING
    return Group.FROZEN if view.state is State.FROZEN or view.freeze.frozen else Group.CALM


@dataclass(frozen=True, slots=True)
class Head:
    """The line above a group, with how many targets stand under it."""

    group: Group
    count: int


Line = Head | TargetView


def lines(views: Iterable[TargetView], text: str = "", states: frozenset[State] = frozenset()) -> tuple[Line, ...]:
    """Return heads and targets as the table shows them: groups in order, worst first within, then by name.

    `text` keeps targets whose name, title, versions or owner hold every word of it; `states` keeps only those states.
    """
    words = text.casefold().split()
    groups: dict[Group, list[TargetView]] = {group: [] for group in Group}
    for view in views:
        if (not states or view.state in states) and _has(view, words):
            groups[group_of(view)].append(view)
    shown: list[Line] = []
    for group, members in groups.items():
        if members:
            members.sort(key=lambda view: (_RANK[view.state], view.name))
            shown.append(Head(group, len(members)))
            shown.extend(members)
    return tuple(shown)


@dataclass(frozen=True, slots=True)
class Place:
    """What decides where a target stands in the table, and whether it passes a filter; most readings change nothing of it."""

    group: Group
    state: State
    text: str


def place_of(view: TargetView) -> Place:
    """Return what decides about a target's row."""
    return Place(group_of(view), view.state, _text(view))


def _has(view: TargetView, words: list[str]) -> bool:
    if not words:
        return True
    text = _text(view)
    return all(word in text for word in words)


def _text(view: TargetView) -> str:
    return f"{view.name} {view.title} {view.stable_version} {view.canary_version} {view.owner} {view.environment}".casefold()


def counts(views: Iterable[TargetView]) -> tuple[tuple[State, int], ...]:
    """Return how many targets are in each state, worst first, without states that nothing is in."""
    found: dict[State, int] = {}
    for view in views:
        found[view.state] = found.get(view.state, 0) + 1
    return tuple((state, found[state]) for state in WORST_FIRST if state in found)


def oldest(connections: Iterable[ConnectionView], now: datetime) -> tuple[float | None, bool]:
    """Return the age in seconds of the oldest reading among a target's systems, and whether it is past its limit.

    None means that at least one of them was never read.
    """
    age: float | None = 0.0
    late = False
    for connection in connections:
        if connection.last_at is None:
            return None, True
        seconds = max(0.0, (now - connection.last_at).total_seconds())
        late = late or seconds > connection.limit_s
        age = max(age or 0.0, seconds)
    return age, late
