"""Makes every view from the live state, for the outbox."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from console.engine import judging
from console.engine.asking import Asking
from console.engine.fleet import Fleet
from console.engine.outbox import Pictures
from console.engine.parts import Parts
from console.engine.readiness import readiness_of
from console.engine.state import LiveRollout, LiveTarget
from console.engine.views.calendar import calendar_view
from console.engine.views.rollout import rollout_view
from console.engine.views.row import row_view, substance
from console.engine.views.target import broken_view, target_view
from console.model.commands import Decision
from console.model.rollout import Actor, Phase
from console.model.verbs import Verb
from console.model.views import CalendarView, Problem, RolloutView, TargetView

WHOLE_S = 30.0
"""A view of one of a crowd of targets is drawn whole again after about so long, whatever was read: ages shut things too."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A target drawn whole: what it was made of, and until when it may be shown with newer readings in it."""

    live: LiveTarget
    of: tuple[Any, ...]
    view: TargetView
    until: float


@dataclass(frozen=True, slots=True)
class _DrawnRollout:
    """A finished rollout as it was drawn: after how many changes of its target, and until when it may be shown so."""

    record: LiveRollout
    changes: int
    view: RolloutView
    until: float


class Painter:
    """The views of one engine. `parts` and `fleet` come after the outbox that asks for the views, so they are set later."""

    def __init__(self) -> None:
        self.parts: Parts
        self.fleet: Fleet
        self._off_since: dict[str, datetime] = {}
        self._drawn: dict[str, _Drawn] = {}
        self._drawn_rollouts: dict[str, _DrawnRollout] = {}

    def pictures(self) -> Pictures:
        """Return what the outbox asks."""
        return Pictures(self._target, self._rollout, self._calendar, self._names, self._first, self._store_problem)

    def decide(self, live: LiveTarget, actor: Actor) -> Callable[[Verb], Decision]:
        """Return the question whether a verb may act on a target now; a promotion also needs the stage's gates to pass."""

        def ask(verb: Verb) -> Decision:
            decision = self.parts.asking.decide(live, verb, actor)
            record = live.rollout
            if verb is not Verb.PROMOTE or not decision.allowed or record is None:
                return decision
            if record.rollout.stage < 0:
                return Decision(False, ("The first stage has not begun.",))
            lacking = judging.missing(record, record.rollout.stage, self.parts.around.clock.now(), skip_wait=True)
            return Decision(False, lacking) if lacking else decision

        return ask

    def _target(self, name: str) -> TargetView | None:
        live = self.parts.targets.get(name)
        if live is not None:
            return self._row(live) if self.parts.in_crowd(live) else self._whole(live)
        self._drawn.pop(name, None)
        broken = self.fleet.broken.get(name)
        return None if broken is None else broken_view(broken[0], broken[1], self.parts.around.clock.now())

    def _row(self, live: LiveTarget) -> TargetView:
        """Return a target of a crowd: drawn whole only when something changed but ages, and now and then."""
        around, of = self.parts.around, substance(live, self.parts.asking)
        drawn, now_s = self._drawn.get(live.name), around.clock.elapsed()
        if drawn is not None and drawn.live is live and drawn.of == of and now_s < drawn.until:
            return row_view(live, drawn.view, self.parts.notes.views(live.name))
        view = self._whole(live)
        self._drawn[live.name] = _Drawn(live, of, view, now_s + self._whole_s())
        return view

    def _whole(self, live: LiveTarget) -> TargetView:
        now = self.parts.around.clock.now()
        view = target_view(live, self.decide(live, self.parts.around.actor), self.parts.notes.views(live.name))
        under_way = live.rollout if live.rollout is not None and not live.rollout.rollout.phase.over else None
        return replace(view, readiness=readiness_of(live, under_way, now), problem=view.problem or self._clocks(live, now))

    def _whole_s(self) -> float:
        """Return how long a view drawn whole may stand; spread, so that those of many targets do not fall due together."""
        return WHOLE_S * (0.5 + self.parts.around.chance())

    def _first(self, name: str) -> bool:
        """Tell whether a target or rollout is drawn before others: what is looked at, and what is under way."""
        record = self.parts.records.get(name)
        live = self.parts.targets.get(name if record is None else record.rollout.plan.target)
        return live is not None and not self.parts.in_crowd(live)

    def _clocks(self, live: LiveTarget, now: datetime) -> Problem | None:
        """Say that a clock is off, and what that means."""
        skew = self.parts.asking.skew(live)
        if not skew.warn:
            self._off_since.pop(live.name, None)
            return None
        means = "Nothing goes forward until they agree; going back is open." if skew.held else "Ages and waits may be off by as much."
        since = self._off_since.setdefault(live.name, now)
        return Problem(f"Clocks disagree: {skew.text}.", means, "Let a time server set the clocks.", since)

    def _rollout(self, rollout: str) -> RolloutView | None:
        record = self.parts.records.get(rollout)
        live = None if record is None else self.parts.targets.get(record.rollout.plan.target)
        if record is None or live is None:
            self._drawn_rollouts.pop(rollout, None)
            return None
        if not self.parts.in_crowd(live):
            return self._whole_rollout(live, record)
        drawn, now_s = self._drawn_rollouts.get(rollout), self.parts.around.clock.elapsed()
        if drawn is not None and drawn.record is record and drawn.changes == live.changes and now_s < drawn.until:
            return drawn.view
        view = self._whole_rollout(live, record)
        self._drawn_rollouts[rollout] = _DrawnRollout(record, live.changes, view, now_s + self._whole_s())
        return view

    def _whole_rollout(self, live: LiveTarget, record: LiveRollout) -> RolloutView:
        view = rollout_view(live, record, self.decide(live, self.parts.around.actor))
        if live.rollout is not record or record.rollout.phase in {Phase.ROLLED_BACK, Phase.ABORTED}:
            return view
        under_way = None if record.rollout.phase.over else record
        return replace(view, readiness=readiness_of(live, under_way, self.parts.around.clock.now()))

    def _calendar(self) -> CalendarView | None:
        asking: Asking = self.parts.asking
        lives = list(self.parts.targets.values())
        own = tuple(window for live in lives for window in asking.own_windows(live))
        blackouts = {live.name: live.traffic for live in lives if live.traffic is not None}
        view = calendar_view((*own, *asking.windows), asking.stops, blackouts, self.parts.targets, self.parts.around.clock.now())
        return view if not asking.calendar_problem else _broken(view, asking.calendar_problem)

    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        self._forget()
        return (*self.parts.targets, *self.fleet.broken), tuple(self.parts.records)

    def _forget(self) -> None:
        """Let go of what was drawn of targets and rollouts that are gone."""
        targets, records = self.parts.targets, self.parts.records
        if len(self._drawn) > len(targets):
            self._drawn = {name: drawn for name, drawn in self._drawn.items() if name in targets}
        if len(self._drawn_rollouts) > len(records):
            self._drawn_rollouts = {name: drawn for name, drawn in self._drawn_rollouts.items() if name in records}

    def _store_problem(self) -> Problem | None:
        error = self.parts.asking.store_problem
        return None if error is None else Problem(error.message, error.means, error.advice, self.parts.asking.store_problem_since)


def _broken(view: CalendarView, problem: str) -> CalendarView:
    return CalendarView(view.rows, view.stops, view.week, view.blackouts, view.at, problem)
