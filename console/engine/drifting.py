"""Tells that a target's weights are not what was asked: since when, and whose order they look like."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from console.engine.parts import Parts
from console.engine.state import LiveRollout, LiveTarget
from console.engine.systems import fits, words
from console.model.events import DriftSeen
from console.model.plan import StepKind
from console.model.readings import Split
from console.model.rollout import Phase
from console.model.verbs import Direction

NEAR = 1.0
"""Per cent by which the weights may be off before it is drift; routers round."""

LATE = timedelta(minutes=2)
"""A write of a former holder that was held up on its way is looked for so long after a release is done."""

_STANDS = frozenset({Phase.RUNNING, Phase.HELD, Phase.STOPPED})
_WENT_BACK = frozenset({Phase.ROLLED_BACK, Phase.ABORTED})


class Drifts:
    """Compares each reading of a router with what was asked last."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._since: dict[str, tuple[str, datetime]] = {}

    def look(self, live: LiveTarget, split: Split) -> None:
        """Take in a reading; what is found is told once, and a rollout under way holds for it."""
        record = live.rollout
        if record is None or record.backward is not None or record.moving:
            return
        stands = record.rollout.phase in _STANDS
        if not stands and not _raised_late(live, record, split, self._parts.around.clock.now()):
            if record.rollout.phase.over:
                self._set(live, record, "")
            return
        asked = _asked(record)
        seen = words(StepKind.WEIGHT, split.weights)
        off = any(abs(split.weights.get(side, 0.0) - weight) > NEAR for side, weight in asked.items())
        drift = self._in_words(live, record, split, asked) if off else ""
        if live.restarted:
            drift = f"{drift or seen + ' read back'}; {live.restarted}"
        if drift and not live.drift:
            self._parts.outbox.tell(DriftSeen(split.at, live.name, record.id, words(StepKind.WEIGHT, asked), seen))
        self._set(live, record, drift)

    def _set(self, live: LiveTarget, record: LiveRollout, drift: str) -> None:
        if drift != live.drift:
            live.drift = drift
            record.wake.set()

    def _in_words(self, live: LiveTarget, record: LiveRollout, split: Split, asked: Mapping[str, Any]) -> str:
        seen = words(StepKind.WEIGHT, split.weights)
        known, since = self._since.get(live.name, ("", split.at))
        since = since if known == seen and live.drift else split.at
        self._since[live.name] = (seen, since)
        return f"{seen} read back, {words(StepKind.WEIGHT, asked)} asked; since {since:%H:%M:%S} UTC, {_whose(self._parts, record, split)}"


def _asked(record: LiveRollout) -> Mapping[str, Any]:
    """Return the weights that were asked last."""
    rollout = record.rollout
    if rollout.stage < 0 and rollout.asked_weight == 0:
        return dict(next((row.step.want for row in reversed(record.rows_in_order()) if row.step.kind is StepKind.WEIGHT), {}))
    return {rollout.plan.canary: rollout.asked_weight, rollout.plan.stable: 100 - rollout.asked_weight}


def _raised_late(live: LiveTarget, record: LiveRollout, split: Split, now: datetime) -> bool:
    """Tell whether a release that is over was moved again: raised after it went back, or split soon after it was done."""
    rollout = record.rollout
    weight = split.weights.get(rollout.plan.canary, 0.0)
    if live.sending:
        return False
    if rollout.phase in _WENT_BACK:
        return weight > rollout.asked_weight + NEAR
    late = rollout.ended_at is not None and now - rollout.ended_at < LATE
    return rollout.phase is Phase.DONE and late and weight < rollout.asked_weight - NEAR


def _whose(parts: Parts, record: LiveRollout, split: Split) -> str:
    """Say whose order the weights look like: the newest step forward that wanted them, else nobody's here."""
    holder = record.lease.holder.console if record.lease is not None else parts.around.actor.console
    for row in reversed(record.rows_in_order()):
        step = row.step
        if step.kind is StepKind.WEIGHT and step.direction is Direction.FORWARD and fits(StepKind.WEIGHT, step.want, split.weights):
            over = "; that wheel is over" if row.actor.console != holder else ""
            return f"as {row.actor.name} had asked at {row.sent_at:%H:%M:%S} UTC{over}"
    return "not by a console"
