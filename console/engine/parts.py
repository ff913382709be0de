"""The engine's parts as they know each other: what is around, who may, what is told, and the live targets and rollouts."""

from collections.abc import Callable
from dataclasses import dataclass, field

from console.engine.asking import Asking
from console.engine.notifying import Notifications
from console.engine.outbox import Outbox
from console.engine.state import LiveRollout, LiveTarget
from console.engine.surroundings import Surroundings
from console.model.errors import NotAllowed
from console.model.rollout import Actor

CROWD = 50
"""With more targets than this, those that nobody looks at and on which nothing happens are read and drawn with less effort."""

KEPT = 30
"""Finished rollouts of a target that are kept at hand; older ones stand in the records."""


@dataclass(slots=True)
class Parts:
    """Shared by drive, backward moves and recovery; `alive` tells whether another console's process still runs, as far as can be known."""

    around: Surroundings
    asking: Asking
    outbox: Outbox
    alive: Callable[[Actor], bool]
    notes: Notifications
    targets: dict[str, LiveTarget] = field(default_factory=dict)
    records: dict[str, LiveRollout] = field(default_factory=dict)
    looked_at: str = ""
    """The target that the window is for now."""

    def in_crowd(self, live: LiveTarget) -> bool:
        """Tell whether a target is one of many that nobody looks at, with nothing under way on it."""
        return len(self.targets) > CROWD and not live.under_way and live.name != self.looked_at

    def target(self, name: str) -> LiveTarget:
        """Return a live target. Raises NotAllowed when there is none of that name."""
        live = self.targets.get(name)
        if live is None:
            raise NotAllowed(f"There is no target named {name}.", advice="Add its file first.")
        return live

    def keep(self, live: LiveTarget, record: LiveRollout) -> None:
        """Take a rollout in as the target's newest."""
        self.records[record.id] = live.rollouts[record.id] = record
        if live.rollout is None or live.rollout.rollout.started_at <= record.rollout.started_at:
            live.rollout = record
        self.touch(live, record)
        over = [each.id for each in live.rollouts.values() if each.rollout.phase.over]
        for old in over[: max(0, len(over) - KEPT)]:
            self.records.pop(old, None)
            del live.rollouts[old]
            self.outbox.forget_rollout(old)

    def touch(self, live: LiveTarget, record: LiveRollout) -> None:
        """Note that both changed."""
        self.outbox.touch_rollout(record.id)
        live.touch()
