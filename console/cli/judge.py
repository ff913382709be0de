"""`judge`: back-test the concurrent test on recorded counts."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from console.analysis.feeds import Feed
from console.analysis.history import History
from console.analysis.planner import Setting, n_pass
from console.analysis.shares import share_alpha
from console.analysis.simulate import POLL_S
from console.analysis.tally import NEVER_PASSES, Rules, begin, observe
from console.analysis.verdicts import Judgement, Moment
from console.analysis.verdicts import judge as judge_gate
from console.cli.recorded import Row, parse_baseline, read_rows
from console.model.rollout import GateSample
from console.model.verbs import Verdict

ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)


def judge(
    file: Annotated[Path, typer.Argument(help="CSV: time_s,baseline_attempts,baseline_ok,canary_attempts,canary_ok per interval.")],
    baseline: Annotated[str, typer.Option(help="Sessions measured before the release: so many ok of N.", metavar="OK/N")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Back-test a gate on recorded counts: evidence and verdict after each row; exit 1 when it stops the release."""
    history = parse_baseline(baseline)
    rows = read_rows(file)
    judged = list(backtest(rows, history))
    stopped_at_s = next((each.row.time_s for each in judged if each.judgement.verdict is Verdict.FAIL), None)
    if as_json:
        print(json.dumps(document(judged, stopped_at_s), allow_nan=False))
    else:
        for line in table(judged, stopped_at_s):
            print(line)
    if stopped_at_s is not None:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with what the judge said after it."""

    row: Row
    judgement: Judgement

    @property
    def evidence(self) -> float:
        """Return E after the row."""
        return self.judgement.evidence.evidence


def backtest(rows: Sequence[Row], history: History) -> Iterator[Judged]:
    """Yield what the live judge would have said after each row, with all of a = 0.001 for the concurrent test."""
    rules = Rules(n_pass=sessions_needed(rows, history), share=share_alpha(whole=True), history=history, interval_s=POLL_S)
    tally, since = begin(rules), ORIGIN + timedelta(seconds=rows[0].time_s)
    for row in rows:
        at = ORIGIN + timedelta(seconds=row.time_s)
        counts = row.counts
        sample = GateSample("", "", at, 1, counts.baseline_ok, counts.baseline_failed, counts.canary_ok, counts.canary_failed)
        tally = observe(rules, tally, sample)
        moment = Moment(now=at, weight=1, stage_since=since, wait_s=0, asked_since=since, feeds=(Feed("canary", at), Feed("baseline", at)))
        yield Judged(row, judge_gate(rules, tally, moment))


def sessions_needed(rows: Sequence[Row], history: History) -> int:
    """Return n_pass for a total failure at the file's own mean counts per row."""
    canary = sum(row.counts.canary_ok + row.counts.canary_failed for row in rows)
    baseline = sum(row.counts.baseline_ok + row.counts.baseline_failed for row in rows)
    if not canary or not baseline:
        return NEVER_PASSES
    weight = min(99.9, max(0.1, 100 * canary / (canary + baseline)))
    setting = Setting(
        stages=((weight, 0.0),),
        sessions_per_min=(canary + baseline) / len(rows) * 60 / POLL_S,
        history=history,
        share=share_alpha(whole=True),
    )
    return n_pass(setting, 0) or NEVER_PASSES


def document(judged: Sequence[Judged], stopped_at_s: float | None) -> dict[str, object]:
    """Return the JSON document."""
    return {
        "verdict": judged[-1].judgement.verdict.value,
        "stopped_at_s": stopped_at_s,
        "evidence": judged[-1].evidence,
        "rows": [
            {
                "time_s": each.row.time_s,
                "baseline_ok": each.judgement.evidence.baseline_ok,
                "baseline_total": each.judgement.evidence.baseline_total,
                "canary_ok": each.judgement.evidence.canary_ok,
                "canary_total": each.judgement.evidence.canary_total,
                "evidence": each.evidence,
                "verdict": each.judgement.verdict.value,
            }
            for each in judged
        ],
    }


def table(judged: Sequence[Judged], stopped_at_s: float | None) -> Iterator[str]:
    """Yield the lines that a person reads: sums since the first row, E and the verdict."""
    yield f"{'time s':>12}  {'baseline ok':>17}  {'canary ok':>17}  {'E':>10}  verdict"
    for each in judged:
        card = each.judgement.evidence
        baseline = f"{card.baseline_ok} of {card.baseline_total}"
        canary = f"{card.canary_ok} of {card.canary_total}"
        yield f"{each.row.time_s:>12g}  {baseline:>17}  {canary:>17}  {each.evidence:>10.4g}  {each.judgement.verdict}"
    last = judged[-1]
    yield ""
    yield last.judgement.sentence
    if stopped_at_s is not None:
        yield f"It stops the release at {stopped_at_s:g} s."
    yield f"Limit {last.judgement.evidence.limit:,.0f}. {last.judgement.evidence.limit_means}"
