"""Makes every view from the live state, for the outbox."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from console.engine import judging
from console.engine.asking import Asking
from console.engine.fleet import Fleet
from console.engine.outbox import Pictures
from console.engine.parts import Parts
from console.engine.readiness import readiness_of
from console.engine.state import LiveTarget
from console.engine.views.calendar import calendar_view
from console.engine.views.rollout import rollout_view
from console.engine.views.target import broken_view, target_view
from console.model.commands import Decision
from console.model.rollout import Actor, Phase
from console.model.verbs import Verb
from console.model.views import CalendarView, Problem, RolloutView, TargetView


class Painter:
    """The views of one engine. `parts` and `fleet` come after the outbox that asks for the views, so they are set later."""

    def __init__(self) -> None:
        self.parts: Parts
        self.fleet: Fleet
        self._off_since: dict[str, datetime] = {}

    def pictures(self) -> Pictures:
        """Return what the outbox asks."""
        return Pictures(self._target, self._rollout, self._calendar, self._names, self._store_problem)

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
        now = self.parts.around.clock.now()
        live = self.parts.targets.get(name)
        if live is not None:
            view = target_view(live, self.decide(live, self.parts.around.actor), self.parts.notes.views(name))
            under_way = live.rollout if live.rollout is not None and not live.rollout.rollout.phase.over else None
            problem = view.problem or self._clocks(live, now)
            return replace(view, readiness=readiness_of(live, under_way, now), problem=problem)
        broken = self.fleet.broken.get(name)
        return None if broken is None else broken_view(broken[0], broken[1], now)

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
            return None
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
        return (*self.parts.targets, *self.fleet.broken), tuple(self.parts.records)

    def _store_problem(self) -> Problem | None:
        error = self.parts.asking.store_problem
        return None if error is None else Problem(error.message, error.means, error.advice, self.parts.asking.store_problem_since)


def _broken(view: CalendarView, problem: str) -> CalendarView:
    return CalendarView(view.rows, view.stops, view.week, view.blackouts, view.at, problem)
