"""Simulate the judge over the whole grid and print the results as Markdown tables.

python tests/benchmarks/judge_grid.py --seeds 0:4000 [--jobs 2] [--only design,onsets,false-stops,alarms] [--hours 24]
    [--bases 0.5,0.7] [--scenarios healthy,site-wide]      only these rows of false-stops and alarms

false-stops  the concurrent test alone, whole a = 0.05, base x weight, healthy and in a shared drop to 0.80 x base
alarms       frozen-rate alarms at its half of a = 0.05, alone, from 50 % up, healthy and in a shared drop
design       the cases of the design's table, a = 0.001 shared by both tests
onsets       base x weight x onset, total failure, a = 0.001 shared by both tests
"""

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

from console.analysis.shares import share_alpha
from console.analysis.simulate import Case, Scenario
from console.analysis.summary import Spread, Summary, summarise
from console.cli.practice import parse_seeds, parse_stages, run

BASES = (0.5, 0.7, 0.9, 0.97, 0.999)
WEIGHTS = (1, 5, 25, 50, 95)
ONSETS_MIN = (0, 15, 60)
SHARED_DROP = 0.8
DESIGN = (
    ("0.97 -> 0 at 5 %", "--"),
    ("base 0.999 at 5 %", "base=0.999"),
    ("base 0.9 at 5 %", "base=0.9"),
    ("base 0.8 at 5 %", "base=0.8"),
    ("base 0.5 at 5 %", "base=0.5"),
    *((f"0.97 -> 0 at {weight} %", f"weight={weight}") for weight in (1, 10, 25, 50, 95, 100)),
    ("fault after 15 min at 5 %", "onset=15"),
    ("fault after 60 min at 5 %", "onset=60"),
    *((f"fault after {onset} min of the ramp 5 -> 25 -> 50 -> 95 %", f"ramp onset={onset}") for onset in (30, 45, 120)),
    ("0.97 -> 0.80 at 5 %", "to=0.8"),
    ("0.97 -> 0.80 at 25 %", "to=0.8 weight=25"),
)


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="4000")
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--only", default="design,onsets,false-stops,alarms")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--bases", default="")
    parser.add_argument("--scenarios", default="healthy,site-wide")
    given = parser.parse_args()
    rows = Rows(
        bases=tuple(float(base) for base in given.bases.split(",")) if given.bases else BASES,
        scenarios=tuple(Scenario(name) for name in given.scenarios.split(",")),
    )
    seeds, polls = parse_seeds(given.seeds), round(given.hours * 240)
    for part in given.only.split(","):
        began = perf_counter()
        for line in PARTS[part](How(seeds, polls, given.jobs, rows)):
            print(line, flush=True)
        print(f"\n{part}: seeds {given.seeds}, {given.hours:g} h, {perf_counter() - began:,.0f} s\n", flush=True)


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows of a grid to simulate."""

    bases: tuple[float, ...]
    scenarios: tuple[Scenario, ...]


@dataclass(frozen=True, slots=True)
class How:
    """With which seeds, how long, in how many processes, and which rows."""

    seeds: range
    polls: int
    jobs: int
    rows: Rows


def grid_case(scenario: Scenario, base: float, weight: float, polls: int, limits: tuple[float, float]) -> Case:
    """Return a healthy release, or one in a drop that both sides share."""
    stages = parse_stages(weight, "")
    return Case(scenario, base=base, to=SHARED_DROP * base, stages=stages, polls=polls, limits=limits)


def false_stops(how: How) -> Iterator[str]:
    """Yield how many healthy canaries the concurrent test stops."""
    return _grid(WEIGHTS, share_alpha(0.05, whole=True).limits, lambda summary: summary.false_stops, how)


def alarms(how: How) -> Iterator[str]:
    """Yield how often the frozen-rate test says "canary or site"."""
    return _grid((50, 95, 100), (math.inf, share_alpha(0.05).limits[1]), lambda summary: summary.site_alarms, how)


def _grid(weights: tuple[int, ...], limits: tuple[float, float], what: Callable[[Summary], int], how: How) -> Iterator[str]:
    for scenario in how.rows.scenarios:
        yield f"\n| {'healthy' if scenario is Scenario.HEALTHY else 'shared drop to 0.80 x base'} | " + _row(f"{w} %" for w in weights)
        yield "|" + "---|" * (len(weights) + 1)
        for base in how.rows.bases:
            summaries = [
                summarise(case, run(case, how.seeds, how.jobs))
                for case in (grid_case(scenario, base, w, how.polls, limits) for w in weights)
            ]
            yield f"| base {base} | " + _row(f"{100 * what(summary) / summary.runs:.2f} %" for summary in summaries)


def design(how: How) -> Iterator[str]:
    """Yield the cases of the design's table."""
    yield "| case | stopped | min to verdict, mean / p95 | customers hit, mean / p99 | false stops | alarms |"
    yield "|---|---|---|---|---|---|"
    for name, words in DESIGN:
        options = dict(word.split("=") for word in words.split() if "=" in word)
        case = Case(
            Scenario.SILENT_PAYMENT,
            base=float(options.get("base", 0.97)),
            to=float(options.get("to", 0.0)),
            stages=parse_stages(float(options.get("weight", 5)), "5,25,50,95" if "ramp" in words else ""),
            onset_polls=4 * int(options.get("onset", 0)),
            polls=how.polls,
            limits=share_alpha().limits,
        )
        yield _detected(name, summarise(case, run(case, how.seeds, how.jobs)))


def onsets(how: How) -> Iterator[str]:
    """Yield how soon a total failure is found, by base, weight and onset."""
    yield "| case | stopped | min to verdict, mean / p95 | customers hit, mean / p99 | false stops | alarms |"
    yield "|---|---|---|---|---|---|"
    for base in BASES:
        for weight in WEIGHTS:
            for onset in ONSETS_MIN:
                stages = parse_stages(weight, "")
                case = Case(Scenario.SILENT_PAYMENT, base, 0.0, stages, 4 * onset, how.polls, share_alpha().limits)
                yield _detected(f"{base} -> 0 at {weight} %, after {onset} min", summarise(case, run(case, how.seeds, how.jobs)))


def _detected(name: str, summary: Summary) -> str:
    minutes, hit = summary.minutes_to_verdict, summary.customers_hit
    figures = (_pair(minutes, "p95"), _pair(hit, "p99"), str(summary.false_stops), str(summary.site_alarms))
    return f"| {name} | {summary.stopped} of {summary.runs} | " + _row(figures)


def _pair(values: Spread, percentile: str) -> str:
    return "-" if values.mean is None else f"{values.mean:.2f} / {getattr(values, percentile):g}"


def _row(cells: Iterator[str] | tuple[str, ...]) -> str:
    return " | ".join(cells) + " |"


PARTS = {"false-stops": false_stops, "alarms": alarms, "design": design, "onsets": onsets}

if __name__ == "__main__":
    main()
