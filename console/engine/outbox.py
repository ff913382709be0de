"""What listeners are told: events at once, and what changed in batches, at most one every 100 ms."""

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from console.engine.surroundings import Surroundings
from console.model.desk import Cancel
from console.model.events import Event
from console.model.views import CalendarView, Notice, Problem, RolloutView, TargetView, TrainView, Update

LOG = logging.getLogger(__name__)

BATCH_S = 0.1

DRAW_S = 0.05
"""No longer than this does a batch draw, so that a change of a thousand targets holds up nothing; the rest comes with the next ones."""

CALENDAR_PAUSE = 20.0
"""The calendar is drawn again after so many times as long as it took: traffic that is measured changes it again and again."""

V = TypeVar("V")

_NOTHING = Update()

OnUpdate = Callable[[Update], None]
OnEvent = Callable[[Event], None]


@dataclass(slots=True)
class _Listener:
    """Somebody who listens; the first update brings everything."""

    on_update: OnUpdate | None
    on_event: OnEvent | None
    fresh: bool = True


@dataclass(slots=True)
class Pictures:
    """How to make the views: `None` means that there is no such target or rollout any more."""

    target: Callable[[str], TargetView | None]
    rollout: Callable[[str], RolloutView | None]
    calendar: Callable[[], CalendarView | None]
    names: Callable[[], tuple[tuple[str, ...], tuple[str, ...]]]
    first: Callable[[str], bool]
    """Whether a target or rollout is drawn before the others."""
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
        self._targets: dict[str, None] = {}
        self._rollouts: dict[str, None] = {}
        self._notices: list[Notice] = []
        self._trains: dict[str, TrainView] = {}
        self._fresh_trains: dict[str, TrainView] = {}
        self._calendar, self._calendar_from = True, 0.0
        self._told = _Told()
        self._dirty = asyncio.Event()

    def listen(self, on_update: OnUpdate | None, on_event: OnEvent | None) -> Cancel:
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
        self._targets[name] = None
        self._dirty.set()

    def touch_rollout(self, rollout: str) -> None:
        """Note that a rollout changed."""
        self._rollouts[rollout] = None
        self._dirty.set()

    def forget_rollout(self, rollout: str) -> None:
        """Tell a rollout no more, also not to a new listener."""
        self._rollouts.pop(rollout, None)
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
                self.flush(self._around.clock.elapsed() + DRAW_S)
            except Exception:
                LOG.exception("telling what changed broke")
            await self._around.sleep(BATCH_S)

    def flush(self, until: float = math.inf) -> None:
        """Tell now what changed since the last batch; what was not drawn when the clock passed `until` is told with the next one."""
        listeners = [listener for listener in self._listeners if listener.on_update is not None]
        if not listeners:
            self._notices.clear()
            return  # what changed meanwhile is told to whoever comes, and nothing is drawn for nobody
        told, (targets, rollouts) = self._told, map(frozenset, self._pictures.names())
        fresh = any(listener.fresh for listener in listeners)
        if fresh:
            self._targets, self._rollouts = dict.fromkeys(sorted(targets)), dict.fromkeys(sorted(rollouts))
            self._calendar, self._calendar_from, until = True, 0.0, math.inf
        gone = tuple(name for name in told.targets if name not in targets)
        for name in gone:
            del told.targets[name]
        changed = Update(
            rollouts=self._changed(self._rollouts, self._pictures.rollout, told.rollouts, until),
            targets=self._changed(self._targets, self._pictures.target, told.targets, until),
            calendar=self._changed_calendar(),
            notices=tuple(self._notices),
            gone=gone,
            store_problem=self._pictures.store_problem(),
            trains=tuple(self._fresh_trains.values()),
        )
        self._notices.clear()
        self._fresh_trains.clear()
        self._give(changed, self._whole(changed) if fresh else changed)
        if self._targets or self._rollouts or self._calendar:
            self._dirty.set()

    def _changed_calendar(self) -> CalendarView | None:
        """Return the calendar where it changed; with a thousand windows it is not looked at in every batch."""
        began = self._around.clock.elapsed()
        if not self._calendar or began < self._calendar_from:
            return None
        self._calendar, calendar = False, self._pictures.calendar()
        ended = self._around.clock.elapsed()
        self._calendar_from = ended + CALENDAR_PAUSE * (ended - began)
        if calendar == self._told.calendar:
            return None
        self._told.calendar = calendar
        return calendar

    def _whole(self, changed: Update) -> Update:
        """Return everything that is known, for somebody who was told nothing yet."""
        told = self._told
        known = tuple(told.targets.values()), tuple(told.rollouts.values())
        return Update(*known, told.calendar, changed.notices, (), changed.store_problem, tuple(self._trains.values()))

    def _give(self, changed: Update, whole: Update) -> None:
        """Tell each listener what is new to it; nothing where that is nothing."""
        empty = replace(changed, store_problem=None) == _NOTHING and changed.store_problem == self._told.store_problem
        self._told.store_problem = changed.store_problem
        for listener in tuple(self._listeners):
            update, first = (whole, True) if listener.fresh else (changed, False)
            listener.fresh = False
            if listener.on_update is not None and (first or not empty):
                self._call(partial(listener.on_update, update))

    def _changed(self, names: dict[str, None], picture: Callable[[str], V | None], told: dict[str, V], until: float) -> tuple[V, ...]:
        """Draw the views of these names and return those that changed; names that were not reached in time stay, before what comes."""
        found = []
        for name in sorted(names, key=lambda each: not self._pictures.first(each)):
            del names[name]
            view = self._drawn(name, picture)
            if view is not None and told.get(name) != view:
                told[name] = view
                found.append(view)
            if self._around.clock.elapsed() >= until:
                break
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
