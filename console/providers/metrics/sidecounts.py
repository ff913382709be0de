"""What a Prometheus knows of one side, from reply to reply: totals that only grow, values as they stand, histograms, and their age."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from console.model.readings import MetricNames
from console.providers.metrics import growing
from console.providers.metrics.growing import Total
from console.providers.metrics.promreply import Series

RESTART_SHOWN_S = 300.0
"""That counters began again is told for so long."""

Edges = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """The numbers of one side: `at` is when they were true, None where there are none; `notes` are in words."""

    values: Mapping[str, float]
    buckets: Mapping[str, Edges]
    at: datetime | None
    notes: tuple[str, ...]


class SideCounts:
    """One side's numbers by the names of the target's file."""

    def __init__(self, names: MetricNames, scrape_s: float) -> None:
        self._names, self._scrape_s = names, scrape_s
        self._counters = {name: Total() for name in names.counters}
        self._values: dict[str, tuple[float, float]] = {}
        self._buckets: dict[str, dict[float, Total]] = {name: {} for name in names.histograms}
        self._mixed: set[str] = set()
        self._restarts: dict[str, tuple[float, float]] = {}
        self._taking = Lock()  # a large reply that was given up on may still be added up in its thread when the next one comes

    def take(self, found: Mapping[str, Sequence[Series]], ages: Mapping[str, float], now_s: float) -> None:
        """Take in the series of a reply by name; `ages` has the instants of answers whose samples do not tell theirs."""
        with self._taking:
            self._take(found, ages, now_s)

    def _take(self, found: Mapping[str, Sequence[Series]], ages: Mapping[str, float], now_s: float) -> None:
        restarts = {name: growing.falls(total, found.get(name, ())) for name, total in self._counters.items()}
        for one, other in self._names.pairs * 2:  # twice, for counters that stand in several pairs
            restarts[one] = restarts[other] = restarts[one] | restarts[other]
        for name, total in self._counters.items():
            growing.take(total, found.get(name, ()), restarts[name], now_s, ages.get(name))
            if restarts[name]:
                self._restarts[name] = (max(at for _, at in restarts[name]), now_s)
        for name in self._names.values:
            self._value(name, found.get(name, ()), ages.get(name))
        for name in self._names.histograms:
            self._histogram(name, found.get(name, ()), now_s)

    def told(self, now_s: float) -> Told:
        """Return the numbers as they stand now."""
        known = {name: total for name, total in self._counters.items() if growing.is_known(total, now_s)}
        values = {name: total.value for name, total in known.items()} | {name: value for name, (value, _) in self._values.items()}
        ages = {name: total.at for name, total in known.items()} | {name: at for name, (_, at) in self._values.items()}
        buckets = {name: edges for name in self._buckets if (edges := self._edges(name, now_s))}
        oldest = min((at for name, at in ages.items() if name in self._names.judged), default=None)
        if oldest is None:
            drawn = [total.at for each in self._buckets.values() for total in each.values() if growing.is_known(total, now_s)]
            oldest = max((*ages.values(), *drawn), default=None)
        return Told(values, buckets, None if oldest is None else datetime.fromtimestamp(oldest, UTC), self._notes(now_s))

    def _value(self, name: str, series: Sequence[Series], age: float | None) -> None:
        """Keep the sum of what the series say now; one that gave nothing for two scrapes is gone."""
        newest = max((each.samples[-1][0] for each in series), default=0.0)
        alive = [each.samples[-1] for each in series if newest - each.samples[-1][0] < 2 * self._scrape_s]
        value = sum(sample[1] for sample in alive)
        if alive and math.isfinite(value):
            self._values[name] = (value, newest if age is None else age)
        else:
            self._values.pop(name, None)

    def _histogram(self, name: str, series: Sequence[Series], now_s: float) -> None:
        edges: dict[float, list[Series]] = {}
        processes: dict[growing.Key, set[float]] = {}
        for each in series:
            edge = _edge(each.labels.get("le", ""))
            edges.setdefault(edge, []).append(each)
            processes.setdefault(growing.key_of(each.labels, "le"), set()).add(edge)
        self._mixed.discard(name)
        if any(map(math.isnan, edges)) or len({frozenset(each) for each in processes.values()}) > 1:
            self._mixed.add(name)
            return
        held = self._buckets[name]
        found = set().union(*(growing.falls(held.setdefault(edge, Total()), own) for edge, own in edges.items())) if edges else set()
        for edge, own in edges.items():
            growing.take(held[edge], own, found, now_s)

    def _edges(self, name: str, now_s: float) -> Edges:
        """Return the buckets of a histogram, cumulative; nothing where the processes have different edges or a count is no number."""
        held = self._buckets[name]
        if not held or name in self._mixed or not all(growing.is_known(total, now_s) for total in held.values()):
            return ()
        return tuple((edge, held[edge].value) for edge in sorted(held))

    def _notes(self, now_s: float) -> tuple[str, ...]:
        self._restarts = {name: (at, seen_s) for name, (at, seen_s) in self._restarts.items() if now_s - seen_s <= RESTART_SHOWN_S}
        notes = [
            f"{name} began again at {datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC: a process restarted"
            for name, (at, _) in self._restarts.items()
        ]
        notes += [f"the processes count {name} in different buckets, so it cannot be drawn" for name in sorted(self._mixed)]
        return tuple(notes)


def _edge(text: str) -> float:
    """Return a bucket's upper edge; NaN when it is none."""
    if text in {"+Inf", "Inf"}:
        return math.inf
    try:
        edge = float(text) if len(text) <= 64 and not set(text) & {"_", " "} else math.nan
    except ValueError:
        return math.nan
    return edge if math.isfinite(edge) else math.nan
