"""The judge: seven verdicts from what a session gate has seen; only `pass` advances, and doubt is never a pass."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.analysis.evidence import Evidence, TestName, limit_means
from console.analysis.feeds import Feed, gap
from console.analysis.frozen_rate import FROM_WEIGHT
from console.analysis.tally import NEVER_PASSES, Rules, Tally
from console.model.verbs import Verdict

BASELINE_WITHOUT_HISTORY = 100
"""Baseline sessions without which nothing passes when nothing was measured before the release."""

MOST_E = 1_000_000.0
"""More evidence is told as more than this: its digits would say nothing, and fill a line."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where a gate is judged: the stage's weight, begin and wait, and what feeds the gate.

    `asked_since` is when the gate began to be asked. At 100 % weight the baseline's feed is left out. `speed` is how much faster than
    real the target's time runs (the practice shop's): spans are told in its time.
    """

    now: datetime
    weight: float
    stage_since: datetime
    wait_s: float
    asked_since: datetime
    feeds: Sequence[Feed]
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with what it rests on.

    `acts` tells whether a fail may take traffic back by itself. `needs_more` sessions are missing for a pass, about `needs_about_s`
    seconds at the current rate. `alarm` is the frozen-rate alarm, also where it stands beside another verdict.
    """

    verdict: Verdict
    sentence: str
    evidence: Evidence
    acts: bool = False
    needs_more: int | None = None
    needs_about_s: float | None = None
    alarm: str = ""


def judge(rules: Rules, tally: Tally, moment: Moment) -> Judgement:
    """Judge a session gate now.

    A fail absorbs for the rollout; then blind, misconfigured, no data and stale; then `watching` until the wait has elapsed, n_pass
    canary sessions of this stage are resolved, at least one of them succeeded, and without history 100 baseline sessions are in.
    """
    alarm = _alarm(tally)
    if tally.concurrent_failed_at is not None:
        sentence = f"{_counts(tally)}. E {_rounded(tally.concurrent.e)} reached the limit {rules.share.limits[0]:,.0f}."
        return Judgement(Verdict.FAIL, sentence, evidence_of(rules, tally, TestName.CONCURRENT), acts=True, alarm=alarm)
    if tally.frozen_failed_at is not None:
        card = evidence_of(rules, tally, TestName.FROZEN_RATE)
        return Judgement(Verdict.FAIL, f"{alarm} {_counts(tally)}.", card, acts=rules.frozen_rate_acts, alarm=alarm)
    test = TestName.FROZEN_RATE if _leads(rules, tally, moment.weight) else TestName.CONCURRENT
    card = evidence_of(rules, tally, test)
    if not math.isfinite(card.limit):
        return Judgement(Verdict.MISCONFIGURED, f"No test of this gate can judge at {moment.weight:g} %.", card)
    missing = gap(moment.feeds, moment.asked_since, moment.now, rules.interval_s)
    if missing is not None:
        return Judgement(missing.verdict, missing.sentence, card)
    return _passing(rules, tally, moment, card)


def _rounded(e: float) -> str:
    return f"{e:,.0f}" if e <= MOST_E else f"above {MOST_E:,.0f}"


def evidence_of(rules: Rules, tally: Tally, test: TestName) -> Evidence:
    """Return the evidence card of one of the two sequential tests."""
    frozen = test is TestName.FROZEN_RATE
    limit = rules.share.limits[1 if frozen else 0]
    return Evidence(
        test=test,
        query=rules.query,
        canary_ok=tally.all.canary_ok,
        canary_total=tally.all.canary,
        baseline_ok=tally.all.baseline_ok,
        baseline_total=tally.all.baseline,
        evidence=tally.frozen.e if frozen else tally.concurrent.e,
        limit=limit,
        limit_means=limit_means(test, limit, resolved=rules.resolved),
        samples=tally.samples,
        at=tally.last_at,
        history=rules.history,
        path=tally.frozen_path if frozen else tally.concurrent_path,
        canary_counting=tally.stage.canary,
    )


def _passing(rules: Rules, tally: Tally, moment: Moment, card: Evidence) -> Judgement:
    """Return pass, or watching with what is missing."""
    stage, elapsed_s = tally.stage, (moment.now - moment.stage_since).total_seconds()
    if rules.n_pass >= NEVER_PASSES:
        return Judgement(
            Verdict.WATCHING, f"{_counts(tally)}. No number of sessions would show {rules.harm} here: it does not pass by itself.", card
        )
    more = max(rules.n_pass - stage.canary, 0 if stage.canary_ok else 1)
    if more > 0:
        about_s = moment.speed * more * elapsed_s / stage.canary if stage.canary and elapsed_s > 0 else None
        return _watching(tally, card, (more, "canary session"), about_s, _left_out(tally))
    more = 0 if rules.history.total else BASELINE_WITHOUT_HISTORY - tally.all.baseline
    if more > 0:
        about_s = moment.speed * more * elapsed_s / stage.baseline if stage.baseline and elapsed_s > 0 else None
        return _watching(tally, card, (more, "baseline session"), about_s)
    rest_s = (moment.wait_s - elapsed_s) * moment.speed
    if not rest_s <= 0:
        return Judgement(Verdict.WATCHING, f"{_counts(tally)}. The stage's wait ends in {span(rest_s)}.", card, needs_about_s=rest_s)
    sentence = f"{_counts(tally)}. {rules.harm[:1].upper()}{rules.harm[1:]} would have been seen; that is no proof of health."
    return Judgement(Verdict.PASS, sentence, card)


def _left_out(tally: Tally) -> str:
    """Say which canary sessions do not count for the stage, so that `5 of 5, needs 1 more` is no riddle; "" where all do."""
    before, counting = tally.all.canary - tally.stage.canary, tally.stage.canary
    if before <= 0:
        return ""
    kept = (
        f"{counting:,} of the {tally.all.canary:,} counts" if counting == 1 else f"{counting or 'none'} of the {tally.all.canary:,} count"
    )
    return f"; {kept} for this stage, {before:,} came before its first reading"


def _watching(tally: Tally, card: Evidence, missing: tuple[int, str], about_s: float | None, left_out: str = "") -> Judgement:
    more, what = missing
    rate = "" if about_s is None else f", about {span(about_s)} at the current rate"
    sentence = f"{_counts(tally)}. Needs {more} more {what}{'' if more == 1 else 's'}{rate}{left_out}."
    return Judgement(Verdict.WATCHING, sentence, card, needs_more=more, needs_about_s=about_s)


def _leads(rules: Rules, tally: Tally, weight: float) -> bool:
    """Tell whether the frozen-rate test is the nearer to its limit, or the only one."""
    concurrent_limit, frozen_limit = rules.share.limits
    if weight < FROM_WEIGHT:
        return False
    return weight >= 100 or tally.frozen.e / frozen_limit > tally.concurrent.e / concurrent_limit


def _alarm(tally: Tally) -> str:
    """Return the frozen-rate alarm in words, empty when there is none."""
    if tally.frozen_failed_at is None or tally.frozen.rate is None:
        return ""
    return f"Canary or site: fewer sessions are ok than the {tally.frozen.rate:.1%} that stable had at least before the release."


def _counts(tally: Tally) -> str:
    """Return the counts since the rollout began, in words."""
    seen = tally.all
    return f"{seen.canary_ok:,} of {seen.canary:,} canary sessions ok, baseline {seen.baseline_ok:,} of {seen.baseline:,}"


def span(seconds: float) -> str:
    """Return a span of time in words: seconds below 90 s, else minutes."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"
