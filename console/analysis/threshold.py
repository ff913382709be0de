"""Plain thresholds: the canary's own number against a fixed limit."""

from dataclasses import dataclass

from console.analysis.evidence import Evidence, TestName
from console.analysis.feeds import gap
from console.analysis.numbers import finite
from console.analysis.verdicts import Judgement, Moment, span
from console.model.target import ThresholdGate
from console.model.verbs import Verdict


@dataclass(frozen=True, slots=True)
class ThresholdResult:
    """What a threshold says: `value` is None when there is no number; `needs_more` is what the denominator lacks."""

    verdict: Verdict
    value: float | None
    sentence: str
    needs_more: int = 0


def judge_threshold(gate: ThresholdGate, numbers: tuple[object, object], moment: Moment, query: str, interval_s: float) -> Judgement:
    """Judge a plain threshold at a stage; `numbers` are the canary's numerator and denominator (not used without one in the gate).

    A fail counts at once and acts; no data, stale and the like are never a pass; nothing passes before the stage's wait has elapsed.
    """
    numerator, denominator = numbers
    ratio = gate.denominator is not None
    result = judge_ratio(numerator, denominator, gate.limit, gate.min_count) if ratio else judge_value(numerator, gate.limit)
    counted = (finite(denominator) or 0.0) if ratio else 0.0
    card = _card(gate, result, moment, query, counted)
    missing = gap(moment.feeds, moment.asked_since, moment.now, interval_s)
    if missing is not None:
        return Judgement(missing.verdict, missing.sentence, card)
    elapsed_s = (moment.now - moment.stage_since).total_seconds()
    rest_s = (moment.wait_s - elapsed_s) * moment.speed
    if result.verdict is Verdict.PASS and not rest_s <= 0:
        return Judgement(Verdict.WATCHING, f"{result.sentence} The stage's wait ends in {span(rest_s)}.", card, needs_about_s=rest_s)
    return Judgement(
        result.verdict,
        result.sentence,
        card,
        acts=result.verdict is Verdict.FAIL,
        needs_more=result.needs_more or None,
        needs_about_s=_about_s(result, counted, elapsed_s * moment.speed),
    )


def _card(gate: ThresholdGate, result: ThresholdResult, moment: Moment, query: str, counted: float) -> Evidence:
    fresh = [feed.sample_at for feed in moment.feeds if feed.sample_at is not None]
    return Evidence(
        test=TestName.THRESHOLD,
        query=query,
        canary_ok=0,
        canary_total=int(counted),
        baseline_ok=0,
        baseline_total=0,
        evidence=result.value if result.value is not None else 0.0,
        limit=gate.limit,
        limit_means="Above the limit the gate fails. A plain threshold has no bound on false stops.",
        samples=int(result.value is not None),
        at=min(fresh, default=None),
    )


def _about_s(result: ThresholdResult, counted: float, elapsed_s: float) -> float | None:
    """Return in how many seconds of the shop's time what is lacking comes at the pace until now, None where that cannot be told."""
    return elapsed_s * result.needs_more / counted if result.needs_more and counted and elapsed_s > 0 else None


def judge_ratio(numerator: object, denominator: object, limit: float, min_count: int) -> ThresholdResult:
    """Judge a share of two counts since the stage began: above the limit is `fail`, too few is `watching`, no number is `no data`."""
    part, all_ = finite(numerator), finite(denominator)
    if part is None or all_ is None or part < 0 or all_ < 0:
        return ThresholdResult(Verdict.NO_DATA, None, "No number came, so there is nothing to judge.")
    if all_ < max(1, min_count):
        missing = -int(-(max(1, min_count) - all_) // 1)
        return ThresholdResult(Verdict.WATCHING, None, f"{all_:g} counted. Needs {missing} more.", missing)
    return _against(part / all_, limit, f"{part:g} of {all_:g}")


def judge_value(value: object, limit: float) -> ThresholdResult:
    """Judge the last value: above the limit is `fail`, no number is `no data`."""
    number = finite(value)
    if number is None:
        return ThresholdResult(Verdict.NO_DATA, None, "No number came, so there is nothing to judge.")
    return _against(number, limit, f"{number:g}")


def _against(value: float, limit: float, shown: str) -> ThresholdResult:
    if finite(limit) is None:
        return ThresholdResult(Verdict.MISCONFIGURED, value, f"{shown}, but the limit is no number.")
    if value <= limit:
        return ThresholdResult(Verdict.PASS, value, f"{shown} is within the limit {limit:g}.")
    return ThresholdResult(Verdict.FAIL, value, f"{shown} is over the limit {limit:g}.")
