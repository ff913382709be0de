"""Gathers what is known when a move is asked for, and asks the policy: the same for windows, commands and every step."""

from dataclasses import replace
from datetime import timedelta

from console.engine import systems
from console.engine.readiness import losses_now
from console.engine.state import LiveRollout, LiveTarget
from console.engine.surroundings import Surroundings
from console.engine.versions import forward_versions
from console.model.commands import Decision
from console.model.errors import StoreError
from console.model.freeze import FreezeState, FreezeWindow, StopTheLine
from console.model.plan import Step
from console.model.rollout import Actor, Lease, Phase
from console.model.stores import Authority, Guard
from console.model.systems import Side
from console.model.verbs import Verb
from console.policy.calendar import Calendar, compiled
from console.policy.clocks import HOLD_S, WARN_S, ClockSkew, clock_skew
from console.policy.freezing import CalendarHealth, Restraints, freeze_state
from console.policy.may import may
from console.policy.request import Request, RolloutNow, SystemSeen, TargetNow
from console.policy.workloads import Wanted


class Asking:
    """What the store says of windows and stops, as last read, and the questions to the policy that need it."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.windows: tuple[FreezeWindow, ...] = ()
        self.stops: tuple[StopTheLine, ...] = ()
        self.store_problem: StoreError | None = None
        self.store_problem_since = around.clock.now()
        self._health = CalendarHealth()
        self._calendars: dict[str, Calendar] = {}
        self._records_ahead_s: float | None = None

    async def refresh(self) -> bool:
        """Read windows and stops anew and tell whether they changed; a calendar that cannot be read counts as frozen."""
        try:
            windows, stops = tuple(await self._around.store.freezes.windows()), tuple(await self._around.store.freezes.stops())
        except StoreError as error:
            self._health = CalendarHealth(f"the freeze windows cannot be read: {error.message}")
            return True
        changed = (windows, stops) != (self.windows, self.stops) or bool(self._health.problem)
        self.windows, self.stops, self._health = windows, stops, CalendarHealth()
        return changed

    @property
    def freezes_known(self) -> bool:
        """Tell whether windows and stops could be read when they were last."""
        return not self._health.problem

    def records_are_ahead(self, seconds: float) -> None:
        """Keep how far the clock of the records is ahead of this computer's."""
        self._records_ahead_s = seconds

    def skew(self, live: LiveTarget) -> ClockSkew:
        """Return how far this computer's clock is off those of the records and of the target, as far as they were read."""
        now = self._around.clock.now()
        ahead = [None if seconds is None else now + timedelta(seconds=seconds) for seconds in (self._records_ahead_s, live.clock_ahead_s)]
        return clock_skew(now, *ahead)

    def clocks_differ(self, live: LiveTarget) -> tuple[bool, bool]:
        """Return of `skew` whether it warns and whether it holds, without its words: asked at every reading."""
        seconds = max(abs(self._records_ahead_s or 0.0), abs(live.clock_ahead_s or 0.0))
        return seconds > WARN_S, seconds > HOLD_S

    def state_of_records(self, live: LiveTarget) -> tuple[bool, str, Actor]:
        """Return what a decision on a target takes from the records: whether they can be written, why not signed, and by whom."""
        around = self._around
        return self.store_problem is None, around.store.audit.cannot_sign(practice=live.row.practice), around.actor

    @property
    def calendar_problem(self) -> str:
        """Return why the freeze windows cannot be read, in words; "" when they can."""
        return self._health.problem

    def trouble(self, error: StoreError | None) -> None:
        """Keep what is wrong with the records, since when; None when nothing is."""
        if error is not None and self.store_problem is None:
            self.store_problem_since = self._around.clock.now()
        self.store_problem = error

    def losses(self, live: LiveTarget) -> tuple[str, ...]:
        """Return what going back would lose now, by one-way steps that were read to be past."""
        return losses_now(live, self._around.clock.now())

    def own_windows(self, live: LiveTarget) -> tuple[FreezeWindow, ...]:
        """Return the windows that a target's own file declares, made to cover it alone."""
        return tuple(window if window.targets else replace(window, targets=(live.name,)) for window in live.target.freezes)

    def freeze(self, live: LiveTarget) -> FreezeState:
        """Return whether a target is frozen now."""
        return self._freeze(live, self.windows, self.stops)

    def holds_in_flight(self, live: LiveTarget) -> FreezeState | None:
        """Return the freeze that a rollout under way has to heed; traffic that was not measured only keeps it from advancing."""
        state = self.freeze(live)
        unknown = state.kind == "blackout" and (live.traffic is None or live.traffic.share is None)
        return state if state.frozen and not unknown else None

    def decide(
        self,
        live: LiveTarget,
        verb: Verb,
        actor: Actor,
        *,
        side: Side = "",
        weight: int | None = None,
        plan_hash: str = "",
        release: str = "",
        found: Wanted | None = None,
    ) -> Decision:
        """Return whether a person's move may happen now; `release` is what a start would bring, `found` what a verb on a workload does."""
        record = live.rollout
        on_its_way = record.rollout.plan if record is not None and not record.rollout.phase.over else None
        versions = forward_versions(live, on_its_way, release)
        asked = self._request(live, verb, actor, self.freeze(live), record.lease if record else None)
        if found is not None:
            stale = (found.stale,) if found.stale else ()
            return may(replace(asked, cannot=found.cannot, versions=found.versions, obstacles=stale))
        return may(replace(asked, side=side, weight=weight, plan_hash=plan_hash, versions=versions))

    def guard(self, live: LiveTarget, record: LiveRollout, step: Step, token: int) -> Guard:
        """Return the question that the store asks inside the transaction of a forward intent."""

        def ask(authority: Authority) -> Decision:
            self.records_are_ahead((authority.now - self._around.clock.now()).total_seconds())
            freeze = self._freeze(live, authority.windows, authority.stops)
            asked = self._request(live, step.verb, self._around.actor, freeze, authority.lease)
            rollout = RolloutNow(record.id, record.rollout.phase, record.rollout.plan.hash, authority.lease, token)
            side = live.canary if step.verb is Verb.SWITCH else ""
            weight = int(step.want[live.canary]) if live.canary in step.want else None
            versions = forward_versions(live, record.rollout.plan, "")
            asked = replace(asked, rollout=rollout, in_plan=True, plan_hash=rollout.plan_hash, side=side, weight=weight)
            return may(replace(asked, versions=versions))

        return ask

    def goes_on(self, live: LiveTarget, record: LiveRollout, verb: Verb) -> Decision:
        """Return whether something of a rollout's own plan, which this console drives, may go on now."""
        lease = record.lease
        asked = self._request(live, verb, self._around.actor, self.freeze(live), lease)
        rollout = RolloutNow(record.id, record.rollout.phase, record.rollout.plan.hash, lease, lease.token if lease else 0)
        versions = forward_versions(live, record.rollout.plan, "")
        return may(replace(asked, rollout=rollout, in_plan=True, plan_hash=rollout.plan_hash, versions=versions))

    def _freeze(self, live: LiveTarget, windows: tuple[FreezeWindow, ...], stops: tuple[StopTheLine, ...]) -> FreezeState:
        now = self._around.clock.now()
        calendar = compiled((*self.own_windows(live), *windows), now, self._calendars.get(live.name))
        self._calendars[live.name] = calendar
        return freeze_state(live.name, now, Restraints(calendar, stops, live.traffic, self._health))

    def _request(self, live: LiveTarget, verb: Verb, actor: Actor, freeze: FreezeState, lease: Lease | None) -> Request:
        record = live.rollout
        rollout = None if record is None else _rollout_now(record, lease)
        return Request(
            verb=verb,
            target=replace(target_now(live), losses=self.losses(live)),
            actor=actor,
            at=self._around.clock.now(),
            freeze=freeze,
            rollout=rollout,
            recordable=self.store_problem is None,
            unsigned=self._around.store.audit.cannot_sign(practice=live.row.practice),
            skew=self.skew(live),
            loss_confirmed=bool(live.confirmed_loss) and live.confirmed_loss == self.losses(live),
            identity_confirmed=bool(live.confirmed_other) and live.confirmed_other == systems.other_system(live),
        )


def _rollout_now(record: LiveRollout, lease: Lease | None) -> RolloutNow:
    """Return a rollout as the policy wants to know it when a person asks."""
    rollout, absence = record.rollout, record.absence
    away = "" if absence is None or rollout.phase.over else absence.sentence
    counts_down = rollout.auto_back_at is not None and rollout.phase in {Phase.HELD, Phase.UNKNOWN}
    return RolloutNow(record.id, rollout.phase, rollout.plan.hash, lease, away=away, counts_down=counts_down)


def target_now(live: LiveTarget) -> TargetNow:
    """Return a target as the policy wants to know it."""
    split, flag = live.split.value, live.flag.value
    declared = live.target.commands
    return TargetNow(
        name=live.name,
        armed=live.row.armed,
        trusted=not declared or live.row.trusted_digest == live.target.digest,
        stable=live.stable,
        weight=None if split is None else split.weights.get(live.canary),
        can_go_back=goes_back_to(live) != "",
        has_flag=live.target.flag is not None,
        flag_on=None if flag is None else flag.on,
        seen=_seen(live),
        quarantined=live.quarantined,
    )


def goes_back_to(live: LiveTarget) -> Side:
    """Return the side to which a finished release can be rolled back: stable before it, and healthy with the same version; "" if none."""
    done, versions = live.last_done, live.workloads.value or {}
    if done is None or live.stable != done.plan.canary:
        return ""
    if any(row.version == done.plan.stable_version and not row.lifted for row in live.quarantined):
        return ""
    there = versions.get(done.plan.stable)
    return done.plan.stable if there is not None and there.healthy and there.version == done.plan.stable_version else ""


def _seen(live: LiveTarget) -> SystemSeen:
    if systems.other_system(live):
        return SystemSeen.DIFFERENT
    if live.identity.value is None or live.identity.error is not None:
        return SystemSeen.UNREADABLE
    return SystemSeen.SAME if live.row.fingerprint else SystemSeen.NOT_PINNED
