"""How a train's members stand now, by what this console drives and by the records; with the records gone, by what is known here."""

import logging
from collections.abc import Mapping

from console.engine.parts import Parts
from console.engine.views.train import Standing
from console.model.errors import StoreError
from console.model.plan import PlanKind
from console.model.rollout import Rollout
from console.model.train import Train
from console.model.verbs import Direction
from console.policy.train import member_state

LOG = logging.getLogger(__name__)

NEWEST = 10
"""So many rollouts of a target are looked through for the way back of a member that is done."""

_MOVES = frozenset({PlanKind.ROLLOUT, PlanKind.SWITCH, PlanKind.ROLLBACK})


async def stand_of(parts: Parts, train: Train, refused: Mapping[str, str]) -> Standing:
    """Return how each member of a train stands; `refused` says why a target's way back could not begin."""
    states, rollouts, backs = {}, {}, {}
    for member in train.plan.members:
        name = member.target
        found = await _rollouts_of(parts, name, train.rollouts[name]) if name in train.rollouts else {}
        rollout = found.get(train.rollouts.get(name, ""))
        later = tuple(each for each in found.values() if rollout is not None and _moves_after(each, rollout))
        states[name] = member_state(member, rollout, later)
        if rollout is not None:
            rollouts[name] = rollout
        later = tuple(each for each in later if rollout is not None and each.plan.stable == rollout.plan.stable)
        if later and all(step.direction is Direction.BACKWARD for step in later[0].plan.steps):
            backs[name] = later[0]
    return Standing(states, rollouts, backs, refused)


def _moves_after(each: Rollout, rollout: Rollout) -> bool:
    return each.started_at >= rollout.started_at and each.id != rollout.id and each.plan.kind in _MOVES


async def _rollouts_of(parts: Parts, target: str, own: str) -> dict[str, Rollout]:
    """Return a target's newest rollouts and its own of the train by id, oldest first; what this console knows of one is as new or newer."""
    journal, found = parts.around.store.journal, dict[str, Rollout]()
    try:
        found = {each.id: each for each in await journal.rollouts(live=False, target=target, limit=NEWEST)}
        if own not in found:
            found[own] = await journal.rollout(own)
    except StoreError as error:
        LOG.info("the rollouts of %s cannot be read now: %s", target, error.message)
    for record in parts.records.values():
        mine = record.rollout
        if mine.plan.target == target and (mine.id not in found or found[mine.id].revision <= mine.revision):
            found[mine.id] = mine
    return dict(sorted(found.items(), key=lambda item: item[1].started_at))
