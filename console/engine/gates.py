"""What the gates of one rollout have seen, fed from metric readings and rebuilt from stored samples."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from console.analysis import tally as tallies
from console.analysis.counts import Totals, increase, totals_of
from console.analysis.feeds import Feed
from console.analysis.history import NO_HISTORY, History
from console.analysis.numbers import finite
from console.analysis.shares import share_alpha
from console.analysis.tally import LONGEST_POLL, NEVER_PASSES, Rules, Sides, Tally
from console.analysis.threshold import judge_threshold
from console.analysis.verdicts import Moment, judge
from console.model.errors import Malformed
from console.model.plan import Plan
from console.model.readings import MetricReading
from console.model.rollout import GateSample
from console.model.systems import Side
from console.model.target import SessionGate, ThresholdGate
from console.model.verbs import Verdict
from console.model.views import EvidenceView


@dataclass(frozen=True, slots=True)
class Judged:
    """A gate's verdict with what a screen shows of it; `acts` says that a fail may take traffic back by itself."""

    gate: str
    verdict: Verdict
    sentence: str
    at: datetime
    acts: bool = False
    needs_more: int | None = None
    needs_about_s: float | None = None
    alarm: str = ""
    evidence: EvidenceView | None = None
    sample_at: datetime | None = None
    stage_counts: Sides | None = None


@dataclass(slots=True)
class _Series:
    """The counters of one gate on one side: the last totals, and whether the newest answer held them."""

    last: Totals | None = None
    at: datetime | None = None
    present: bool = True
    error: str = ""


@dataclass(slots=True)
class _Threshold:
    """A threshold gate's sums since the stage began, and its last value."""

    part: float = 0.0
    whole: float = 0.0
    before: tuple[float, float] | None = None
    value: float | None = None


class GateWatch:
    """The gates of one plan: counters come in as readings, verdicts go out."""

    def __init__(
        self, plan: Plan, interval_s: float, history: Mapping[str, tuple[int, int]] | None, asked_since: datetime, *, speed: float = 1.0
    ) -> None:
        self._plan, self._interval_s, self._asked_since, self._speed = plan, interval_s, asked_since, speed
        sessions = [gate for gate in plan.gates if isinstance(gate, SessionGate)]
        share = share_alpha(plan.alpha, max(1, len(sessions)))
        self._rules = {
            gate.name: Rules(
                n_pass=NEVER_PASSES,
                share=share,
                history=_history((history or {}).get(gate.name)),
                interval_s=interval_s,
                frozen_rate_acts=gate.frozen_rate_acts,
                resolved=gate.resolved,
                query=f"increase({gate.ok}), increase({gate.failed}) by side",
                harm="a total failure" if gate.harm_to <= 0 else f"a drop to {gate.harm_to:.0%} of normal",
            )
            for gate in sessions
        }
        self._tallies = {name: tallies.begin(rules) for name, rules in self._rules.items()}
        self._thresholds = {gate.name: _Threshold() for gate in plan.gates if isinstance(gate, ThresholdGate)}
        self._series = {(gate.name, side): _Series() for gate in plan.gates for side in (plan.stable, plan.canary)}
        self._opened: datetime | None = None
        """Since when the stage is counted that was rebuilt."""

    def rebuild(self, samples: Iterable[GateSample], stage_since: datetime | None) -> None:
        """Bring the session gates to where a live judge would be after the stored samples."""
        by_gate: dict[str, list[GateSample]] = {name: [] for name in self._rules}
        for sample in samples:
            if sample.gate in by_gate:
                by_gate[sample.gate].append(sample)
        for name, own in by_gate.items():
            self._tallies[name] = tallies.replay(self._rules[name], own, stage_since)
            for side in (self._plan.stable, self._plan.canary):
                self._series[name, side].at = own[-1].at if own else None
        self._opened = stage_since

    def follow(self, samples: Sequence[GateSample], stage_since: datetime | None) -> bool:
        """Take in what another console stored after what was rebuilt; False where only a rebuild from all of it would be right.

        That is so when a stage has begun before increments that are counted already.
        """
        counted = max((series.at for series in self._series.values() if series.at is not None), default=None)
        begins = stage_since != self._opened
        if begins and (stage_since is None or (counted is not None and counted > stage_since)):
            return False
        for name in self._rules:
            own = [sample for sample in samples if sample.gate == name]
            waits = begins
            for sample in own:
                if waits and stage_since is not None and sample.at > stage_since:
                    self._tallies[name], waits = tallies.open_stage(self._tallies[name], stage_since), False
                self._tallies[name] = tallies.observe(self._rules[name], self._tallies[name], sample)
            if waits and stage_since is not None:
                self._tallies[name] = tallies.open_stage(self._tallies[name], stage_since)
            for side in (self._plan.stable, self._plan.canary):
                if own:  # counted by another console from here on: should this one count again, its own last totals are too old
                    self._series[name, side].at, self._series[name, side].last = own[-1].at, None
        self._opened = stage_since
        return True

    def open_stage(self, since: datetime) -> None:
        """Count anew for a stage that begins; evidence is carried on."""
        for (name, _), series in self._series.items():
            tally = self._tallies.get(name)
            if tally is not None and tally.last_at is None and series.at is not None and self._long_before(series.at, since):
                series.last = None  # an origin from well before the first stage: its first increment would be mostly of other traffic
        self._tallies = {name: tallies.open_stage(tally, since) for name, tally in self._tallies.items()}
        self._thresholds = {name: _Threshold(before=held.before) for name, held in self._thresholds.items()}

    def take(self, reading: MetricReading, rollout: str, weight: int) -> list[GateSample]:
        """Take a reading in and return the increments of the session gates, for the store."""
        samples = []
        for gate in self._plan.gates:
            if isinstance(gate, SessionGate):
                sample = self._session(gate, reading, rollout, weight)
                if sample is not None:
                    samples.append(sample)
            else:
                self._threshold(gate, reading)
        return samples

    def origin(self, reading: MetricReading) -> None:
        """Note the counters before the first stage, so that its first increments count from there."""
        for gate in self._plan.gates:
            if isinstance(gate, ThresholdGate):
                self._threshold(gate, reading)
                continue
            for side in (self._plan.stable, self._plan.canary):
                series = self._series[gate.name, side]
                now = self._totals(series, reading, side, gate)
                if now is not None:
                    series.last, series.at = now, reading.at_of(side)

    def blind(self, error: str) -> None:
        """Note that the source as a whole could not be asked."""
        for series in self._series.values():
            series.error = error

    def counts(self, gate: str) -> Sides | None:
        """Return the sessions that a gate has seen since the rollout began; None for a threshold."""
        tally = self._tallies.get(gate)
        return None if tally is None else tally.all

    def judge(self, number: int, since: datetime, now: datetime, *, skip_wait: bool = False) -> dict[str, Judged]:
        """Judge the gates of a stage, by its number, now; `skip_wait` leaves the stage's wait out."""
        stage, judged = self._plan.stages[number], {}
        wait_s = 0.0 if skip_wait else stage.wait_s
        for gate in self._plan.gates:
            if gate.name in stage.gates:
                sides = [("canary", self._plan.canary)]
                if stage.weight < 100 and isinstance(gate, SessionGate):
                    sides.append(("baseline", self._plan.stable))
                moment = Moment(now, stage.weight, since, wait_s, self._asked_since, self._feeds(gate.name, sides), self._speed)
                judged[gate.name] = (
                    self._judge_session(gate, number, moment) if isinstance(gate, SessionGate) else self._judge_value(gate, moment)
                )
        for name in stage.gates:
            if name not in judged:
                judged[name] = Judged(name, Verdict.MISCONFIGURED, "The plan names this gate, but does not hold it.", now)
        return judged

    def _session(self, gate: SessionGate, reading: MetricReading, rollout: str, weight: int) -> GateSample | None:
        grown = {}
        for side in (self._plan.stable, self._plan.canary):
            series = self._series[gate.name, side]
            now = self._totals(series, reading, side, gate)
            if now is None:
                continue
            grown[side] = increase(series.last, now)
            series.last, series.at = now, reading.at_of(side)
        if not grown:
            return None
        stable, canary = grown.get(self._plan.stable), grown.get(self._plan.canary)
        sample = GateSample(
            rollout=rollout,
            gate=gate.name,
            at=reading.at,
            weight=weight,
            baseline_ok=stable.ok if stable else 0,
            baseline_failed=stable.failed if stable else 0,
            canary_ok=canary.ok if canary else 0,
            canary_failed=canary.failed if canary else 0,
        )
        rules = self._rules[gate.name]
        self._tallies[gate.name] = tallies.observe(rules, self._tallies[gate.name], sample)
        return sample

    def _totals(self, series: _Series, reading: MetricReading, side: Side, gate: SessionGate) -> Totals | None:
        """Return the counters of one side, and keep why there are none."""
        series.error = reading.errors.get(side, "")
        values = reading.values.get(side)
        if values is None:
            return None
        try:
            now = totals_of(values, gate.ok, gate.failed)
        except Malformed as error:
            series.error = error.message
            return None
        series.present = now is not None
        return now

    def _long_before(self, at: datetime, since: datetime) -> bool:
        return (since - at).total_seconds() > LONGEST_POLL * self._interval_s

    def _threshold(self, gate: ThresholdGate, reading: MetricReading) -> None:
        held, series = self._thresholds[gate.name], self._series[gate.name, self._plan.canary]
        series.error = reading.errors.get(self._plan.canary, "")
        values = reading.values.get(self._plan.canary)
        if values is None:
            return
        names = (gate.numerator,) if gate.denominator is None else (gate.numerator, gate.denominator)
        series.present = all(name in values for name in names)
        if not series.present:
            return
        now = (values[gate.numerator], values[gate.denominator] if gate.denominator is not None else 0.0)
        if finite(now[0]) is None or finite(now[1]) is None:
            series.error = f"{gate.name} is counted in numbers that are none."
            return
        series.at = reading.at_of(self._plan.canary)
        held.value = now[0]
        if held.before is not None:
            again = now[0] < held.before[0] or now[1] < held.before[1]  # one that fell shows that the process of both began again
            held.part += now[0] if again else now[0] - held.before[0]
            held.whole += now[1] if again else now[1] - held.before[1]
        held.before = now

    def _feeds(self, gate: str, sides: Sequence[tuple[str, Side]]) -> tuple[Feed, ...]:
        found = []
        for role, side in sides:
            series = self._series[gate, side]
            found.append(Feed(role, series.at, present=series.present, error=series.error))
        return tuple(found)

    def _judge_session(self, gate: SessionGate, number: int, moment: Moment) -> Judged:
        tally: Tally = self._tallies[gate.name]
        needed = (self._plan.needed or {}).get(gate.name, ())
        rules = replace(self._rules[gate.name], n_pass=needed[number] if number < len(needed) else NEVER_PASSES)
        verdict = judge(rules, tally, moment)
        return Judged(
            gate=gate.name,
            verdict=verdict.verdict,
            sentence=verdict.sentence,
            at=moment.now,
            acts=verdict.acts,
            needs_more=verdict.needs_more,
            needs_about_s=verdict.needs_about_s,
            alarm=verdict.alarm,
            evidence=replace(verdict.evidence.view(), speed=self._speed),
            sample_at=tally.last_at,
            stage_counts=tally.stage,
        )

    def _judge_value(self, gate: ThresholdGate, moment: Moment) -> Judged:
        series, held = self._series[gate.name, self._plan.canary], self._thresholds[gate.name]
        numbers = (held.value, None) if gate.denominator is None else (held.part, held.whole)
        query = gate.numerator if gate.denominator is None else f"increase({gate.numerator}) / increase({gate.denominator})"
        verdict = judge_threshold(gate, numbers, moment, query, self._interval_s)
        return Judged(
            gate=gate.name,
            verdict=verdict.verdict,
            sentence=verdict.sentence,
            at=moment.now,
            acts=verdict.acts,
            needs_more=verdict.needs_more,
            needs_about_s=verdict.needs_about_s,
            evidence=verdict.evidence.view(),
            sample_at=series.at,
        )


def _history(counts: tuple[int, int] | None) -> History:
    """Return the baseline before the start from (ok, failed), scaled to the last 2,000 sessions."""
    if counts is None:
        return NO_HISTORY
    ok, total = History(counts[0], counts[0] + counts[1]).at_most(2000)
    return History(round(ok), round(total))
