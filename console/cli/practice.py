"""`practice`: judge and planner on a virtual clock, beside the article's incident."""

import json
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Annotated

import typer

from console.analysis.history import History
from console.analysis.loss import ARTICLE_CUSTOMERS, ARTICLE_LOST, ARTICLE_MINUTES, ARTICLE_PRICE
from console.analysis.numbers import finite
from console.analysis.planner import Setting, detectability
from console.analysis.shares import ALPHA, AlphaShare, share_alpha
from console.analysis.simulate import POLL_S, RAMP_WAIT_MIN, SESSIONS_PER_MIN, Case, Outcome, Scenario, simulate
from console.analysis.summary import Spread, Summary, summarise
from console.model.errors import BadFile

POLLS_PER_MIN = 60 / POLL_S
HISTORY = 2000
MOST_RUNS = 1_000_000
MOST_HOURS = 24 * 31
WORTH_PROCESSES = 400_000
"""Simulated polls below which starting processes costs more than it saves."""


def practice(
    scenario: Annotated[Scenario, typer.Argument(help="What happens to the release.")],
    seeds: Annotated[str, typer.Option(help="How many releases, or A:B for seeds A up to B - 1.", metavar="N or A:B")] = "1000",
    base: Annotated[float, typer.Option(help="Success share before the onset.")] = 0.97,
    to: Annotated[float, typer.Option(help="Success share after it: the canary's, or both sides' in site-wide.")] = 0.0,
    weight: Annotated[float, typer.Option(help="The canary's share of traffic, in per cent.")] = 5.0,
    ramp: Annotated[str, typer.Option(help="Weights one after the other, 15 min each, the last to the end.", metavar="5,25,50,95")] = "",
    onset: Annotated[float, typer.Option(help="Minutes from the start to the fault.")] = 0.0,
    hours: Annotated[float, typer.Option(help="How long each release is watched.")] = 24.0,
    alpha: Annotated[float, typer.Option(help="The whole chance of a false stop in one release.")] = ALPHA,
    whole_alpha: Annotated[bool, typer.Option("--whole-alpha", help="All of it to the concurrent test, the other one off.")] = False,
    jobs: Annotated[int, typer.Option(help="Processes; 0 takes one per core when it pays.", min=0, max=256)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Simulate releases on a virtual clock, judged by the code that judges live."""
    chosen = parse_seeds(seeds)
    share = parse_alpha(alpha, whole=whole_alpha)
    case = Case(
        scenario=scenario,
        base=within(base, "--base", 0, 1),
        to=within(to, "--to", 0, 1),
        stages=parse_stages(weight, ramp),
        onset_polls=round(within(onset, "--onset", 0, MOST_HOURS * 60) * POLLS_PER_MIN),
        polls=max(1, round(within(hours, "--hours", 1 / 240, MOST_HOURS) * 60 * POLLS_PER_MIN)),
        limits=share.limits,
        history=HISTORY,
    )
    summary = summarise(case, run(case, chosen, jobs))
    if as_json:
        print(json.dumps(summary.document(scenario.value, f"{chosen.start}:{chosen.stop}"), allow_nan=False))
        return
    for line in table(case, summary, share):
        print(line)


def parse_seeds(text: str) -> range:
    """Return the seeds that `N` or `A:B` names (B itself is left out).

    Raises BadFile when the text names none, or more than a million.
    """
    first, colon, last = text.partition(":")
    parts = (first, last) if colon else ("0", first)
    if all(part.isascii() and part.isdigit() and len(part) <= 15 for part in parts):
        seeds = range(int(parts[0]), int(parts[1]))
        if 0 < len(seeds) <= MOST_RUNS:
            return seeds
    raise BadFile(f"--seeds is {text[:40]!r}.", advice=f"Give a number from 1 to {MOST_RUNS:,}, or A:B with A below B.")


def parse_alpha(alpha: float, *, whole: bool) -> AlphaShare:
    """Return what each test may spend. Raises BadFile when alpha is no chance."""
    try:
        return share_alpha(alpha, whole=whole)
    except ValueError as error:
        raise BadFile(f"--alpha is {alpha:g}.", advice="Give a chance above 0 and below 1, such as 0.001.") from error


def parse_stages(weight: float, ramp: str) -> tuple[tuple[float, int], ...]:
    """Return the stages as (weight in per cent, polls). Raises BadFile when a weight is none."""
    texts = ramp.split(",") if ramp else [str(weight)]
    weights = [finite(text) for text in texts]
    if len(weights) > 100 or any(each is None or not 0 < each <= 100 for each in weights):
        option = f"--ramp is {ramp[:40]!r}" if ramp else f"--weight is {weight:g}"
        raise BadFile(f"{option}.", advice="Give per cents above 0 and at most 100, such as 5 or 5,25,50,95.")
    return tuple((each, round(RAMP_WAIT_MIN * POLLS_PER_MIN)) for each in weights if each is not None)


def within(value: float, option: str, low: float, high: float) -> float:
    """Return an option's number. Raises BadFile when it is not between the bounds."""
    if not low <= value <= high:
        raise BadFile(f"{option} is {value:g}.", advice=f"Give a number from {low:g} to {high:g}.")
    return value


@dataclass(frozen=True, slots=True)
class _Chunk:
    case: Case
    seeds: range


def run(case: Case, seeds: range, jobs: int = 0) -> list[Outcome]:
    """Return each seed's outcome, in the order of the seeds; the number of processes changes nothing else."""
    processes = jobs or ((os.cpu_count() or 1) if len(seeds) * case.polls >= WORTH_PROCESSES and _long(case) else 1)
    if processes == 1:
        return [simulate(case, seed) for seed in seeds]
    size = max(1, -(-len(seeds) // (processes * 8)))
    chunks = [_Chunk(case, seeds[at : at + size]) for at in range(0, len(seeds), size)]
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        return [outcome for outcomes in pool.map(_simulate_chunk, chunks) for outcome in outcomes]


def _long(case: Case) -> bool:
    """Tell whether most releases of a case are watched to the end, not stopped in minutes."""
    return case.scenario is not Scenario.SILENT_PAYMENT or case.to > 0.5 * case.base or case.onset_polls > 0


def _simulate_chunk(chunk: _Chunk) -> list[Outcome]:
    return [simulate(chunk.case, seed) for seed in chunk.seeds]


def table(case: Case, summary: Summary, share: AlphaShare) -> Sequence[str]:
    """Return the lines that a person reads, with the article's incident beside ours."""
    weights = " -> ".join(f"{weight:g}" for weight, _ in case.stages)
    change = "" if case.scenario is Scenario.HEALTHY else f" -> {case.to:g} from minute {case.onset_polls / POLLS_PER_MIN:g}"
    hit, minutes = summary.customers_hit, summary.minutes_to_verdict
    lost = "-" if summary.loss is None else f"EUR {summary.loss:,.0f}"
    rows = [
        ("", "this judge", "the article's incident"),
        ("stopped", f"{summary.stopped:,} of {summary.runs:,} releases", "by hand"),
        ("customers hit", _spread(hit, "p50", "p99"), f"{ARTICLE_CUSTOMERS:,}"),
        ("minutes to verdict", _spread(minutes, "p50", "p95", "p99"), f"{ARTICLE_MINUTES}"),
        ("lost", lost, f"EUR {ARTICLE_LOST:,.0f}"),
        ("false stops", f"{summary.false_stops:,} ({summary.false_stops / summary.runs:.2%})", ""),
        ("alarms 'canary or site'", f"{summary.site_alarms:,} ({summary.site_alarms / summary.runs:.2%})", ""),
    ]
    unseen = summary.runs - summary.stopped if case.scenario is Scenario.SILENT_PAYMENT else 0
    return [
        f"{case.scenario}: success share {case.base:g}{change}, weight {weights} %",
        f"{SESSIONS_PER_MIN:.1f} sessions a minute, polls of {POLL_S:.0f} s, {case.polls / POLLS_PER_MIN / 60:g} h",
        f"stops at {_limit(share.limits[0])} (concurrent test) or {_limit(share.limits[1])} (frozen-rate test, from 50 %)",
        "",
        *(f"{name:<25}{ours:<42}{article}".rstrip() for name, ours, article in rows),
        "",
        *([f"{unseen:,} releases were not stopped by the end; they are not in these figures."] if unseen else []),
        f"EUR {ARTICLE_PRICE:.2f} a customer; customers are failed canary sessions from the onset to the verdict.",
        *_forecast(case, share),
    ]


def _forecast(case: Case, share: AlphaShare) -> list[str]:
    """Return the planner's sentence on each stage; the last is taken as long as the ones before."""
    stages = tuple((weight, RAMP_WAIT_MIN * 60) for weight, _ in case.stages)
    setting = Setting(stages, history=History(round(case.base * HISTORY), HISTORY), share=share)
    return ["", "The planner, before the start:", *(detectability(setting, stage).sentence for stage in range(min(len(stages), 10)))]


def _limit(limit: float) -> str:
    return f"E >= {limit:,.0f}" if limit < float("inf") else "never: switched off"


def _spread(values: Spread, *names: str) -> str:
    if values.mean is None:
        return "-"
    return f"{values.mean:,.1f}  (" + ", ".join(f"{name} {getattr(values, name):,.4g}" for name in names) + ")"
