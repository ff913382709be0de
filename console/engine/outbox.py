"""What listeners are told: events at once, and what changed in batches, at most one every 100 ms."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from console.engine.surroundings import Surroundings
from console.model.desk import Cancel
from console.model.events import Event
from console.model.views import CalendarView, Notice, Problem, RolloutView, TargetView, TrainView, Update

LOG = logging.getLogger(__name__)

BATCH_S = 0.1

V = TypeVar("V")

OnUpdate = Callable[[Update], None]
OnEvent = Callable[[Event], None]


@dataclass(slots=True)
class _Listener:
    """Somebody who listens; the first update brings everything."""

    on_update: OnUpdate
    on_event: OnEvent | None
    fresh: bool = True


@dataclass(slots=True)
class Pictures:
    """How to make the views: `None` means that there is no such target or rollout any more."""

    target: Callable[[str], TargetView | None]
    rollout: Callable[[str], RolloutView | None]
    calendar: Callable[[], CalendarView | None]
    names: Callable[[], tuple[tuple[str, ...], tuple[str, ...]]]
    store_problem: Callable[[], Problem | None]


@dataclass(slots=True)
class _Told:
    """What was told last, to tell only what changed."""

    targets: dict[str, TargetView] = field(default_factory=dict)
    rollouts: dict[str, RolloutView] = field(default_factory=dict)
    calendar: CalendarView | None = None
    store_problem: Problem | None = None


class Outbox:
    """Gathers what was touched and tells it; only the engine's loop touches it."""

    def __init__(self, around: Surroundings, pictures: Pictures) -> None:
        self._around, self._pictures = around, pictures
        self._listeners: list[_Listener] = []
        self._targets: set[str] = set()
        self._rollouts: set[str] = set()
        self._notices: list[Notice] = []
        self._trains: dict[str, TrainView] = {}
        self._fresh_trains: dict[str, TrainView] = {}
        self._calendar = True
        self._told = _Told()
        self._dirty = asyncio.Event()

    def listen(self, on_update: OnUpdate, on_event: OnEvent | None) -> Cancel:
        """Add a listener; may be called from any thread, and so may what it returns."""
        listener = _Listener(on_update, on_event)
        self._listeners.append(listener)

        def cancel() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return cancel

    def wake(self) -> None:
        """Tell a new listener everything with the next batch."""
        self._dirty.set()

    def touch_target(self, name: str) -> None:
        """Note that a target changed."""
        self._targets.add(name)
        self._dirty.set()

    def touch_rollout(self, rollout: str) -> None:
        """Note that a rollout changed."""
        self._rollouts.add(rollout)
        self._dirty.set()

    def forget_rollout(self, rollout: str) -> None:
        """Tell a rollout no more, also not to a new listener."""
        self._rollouts.discard(rollout)
        self._told.rollouts.pop(rollout, None)

    def show_train(self, view: TrainView) -> None:
        """Tell a train with the next batch, unless it was told so."""
        if self._trains.get(view.id) != view:
            self._trains[view.id] = self._fresh_trains[view.id] = view
            self._dirty.set()

    def touch_calendar(self) -> None:
        """Note that windows, stops or blackouts changed."""
        self._calendar = True
        self._dirty.set()

    def tell(self, event: Event) -> None:
        """Tell an event at once."""
        for listener in tuple(self._listeners):
            if listener.on_event is not None:
                self._call(partial(listener.on_event, event))

    def notice(self, notice: Notice) -> None:
        """Tell something that a person should notice, with the next batch."""
        self._notices.append(notice)
        self._dirty.set()

    async def run(self) -> None:
        """Tell batches for ever; an outer door: a view that cannot be made must not leave every screen as it is, and is logged."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                self.flush()
            except Exception:
                LOG.exception("telling what changed broke")
            await self._around.sleep(BATCH_S)

    def flush(self) -> None:
        """Tell now what changed since the last batch."""
        known_targets, known_rollouts = self._pictures.names()
        fresh = any(listener.fresh for listener in self._listeners)
        targets = self._changed(set(known_targets) if fresh else self._targets, self._pictures.target, self._told.targets)
        rollouts = self._changed(set(known_rollouts) if fresh else self._rollouts, self._pictures.rollout, self._told.rollouts)
        gone = tuple(name for name in self._told.targets if name not in known_targets)
        for name in gone:
            del self._told.targets[name]
        calendar = self._pictures.calendar() if self._calendar or fresh else self._told.calendar
        changed_calendar = calendar if calendar != self._told.calendar else None
        problem = self._pictures.store_problem()
        trains = tuple(self._fresh_trains.values())
        changed = Update(targets, rollouts, changed_calendar, tuple(self._notices), gone, problem, trains)
        told_problem, self._told.store_problem, self._told.calendar = self._told.store_problem, problem, calendar
        self._targets.clear()
        self._rollouts.clear()
        self._notices.clear()
        self._fresh_trains.clear()
        self._calendar = False
        known = tuple(self._told.targets.values()), tuple(self._told.rollouts.values())
        whole = Update(*known, calendar, changed.notices, (), problem, tuple(self._trains.values()))
        empty = not (targets or rollouts or changed_calendar or changed.notices or gone or trains) and problem == told_problem
        for listener in tuple(self._listeners):
            update, first = (whole, True) if listener.fresh else (changed, False)
            listener.fresh = False
            if first or not empty:
                self._call(partial(listener.on_update, update))

    def _changed(self, names: set[str], picture: Callable[[str], V | None], told: dict[str, V]) -> tuple[V, ...]:
        found = []
        for name in sorted(names):
            view = self._drawn(name, picture)
            if view is not None and told.get(name) != view:
                told[name] = view
                found.append(view)
        return tuple(found)

    def _drawn(self, name: str, picture: Callable[[str], V | None]) -> V | None:
        """Make a view; an outer door: one that cannot be made is logged, and must not keep the others from being told."""
        try:
            return picture(name)
        except Exception:
            LOG.exception("the view of %s broke", name)
            return None

    def _call(self, call: Callable[[], None]) -> None:
        """Call a listener; an outer door: its bug must not stop the engine, and is logged."""
        try:
            call()
        except Exception:
            LOG.exception("a listener broke")
