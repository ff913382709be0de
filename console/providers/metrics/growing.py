"""Totals of counters that many processes keep: each is followed by itself, so that one that begins again or goes takes nothing away."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from console.providers.metrics.promreply import Sample, Series

FORGET_S = 3600.0
"""A series that was not seen for so long is forgotten; should it come back, all that it shows counts as new."""

KEPT_S = 300.0
"""Totals of a name without any series are told, with their age, for so long; Prometheus itself looks back as far."""

Key = tuple[tuple[str, str], ...]


def key_of(labels: Mapping[str, str], *without: str) -> Key:
    """Return labels as a key, without the metric's name and the labels named."""
    return tuple(sorted(item for item in labels.items() if item[0] != "__name__" and item[0] not in without))


def process_of(labels: Mapping[str, str]) -> Key:
    """Return what tells the process that a series comes from: its job and instance, or all its labels where it has none."""
    if "instance" in labels:
        return tuple((name, labels.get(name, "")) for name in ("job", "instance"))
    return key_of(labels)


@dataclass(slots=True)
class Total:
    """What the series of one name have counted together since the first reading, which is the origin as it stands."""

    value: float = 0.0
    last: dict[Key, Sample] = field(default_factory=dict)
    usable: bool = True
    at: float = 0.0
    """When its newest sample was taken, in seconds since the epoch; 0 before the first."""
    seen_s: float = 0.0
    """When it had a series last, on the clock of this process that never jumps."""


def falls(total: Total, series: Iterable[Series]) -> set[tuple[Key, float]]:
    """Return which processes began again, with the instant of the sample that shows it."""
    found = set()
    for each in series:
        before = total.last.get(key_of(each.labels))
        for at, value in _new(each.samples, before):
            if before is not None and value < before[1]:
                found.add((process_of(each.labels), at))
            before = (at, value)
    return found


def take(total: Total, series: Sequence[Series], restarts: set[tuple[Key, float]], now_s: float, at: float | None = None) -> None:
    """Take in the series of one name at `now_s`. `restarts` are those of its processes; `at` is its age where the samples do not tell it.

    A name with a NaN or infinite last value among its series is not usable now: leaving one series out would make a counter seem to fall.
    A series that was never seen counts whole, as a process that began to count.
    """
    if not series:
        return
    total.usable = all(math.isfinite(each.samples[-1][1]) for each in series)
    for each in series:
        key, process = key_of(each.labels), process_of(each.labels)
        before = total.last.get(key)
        if before is None and not total.at:
            if math.isfinite(each.samples[-1][1]):  # the first reading of all
                total.value, total.last[key] = total.value + each.samples[-1][1], each.samples[-1]
            continue
        for sample in _new(each.samples, before):
            again = before is None or sample[1] < before[1] or (process, sample[0]) in restarts
            total.value += sample[1] if again or before is None else sample[1] - before[1]
            before = sample
        if before is not None:
            total.last[key] = before
    total.at, total.seen_s = max(total.at, max(each.samples[-1][0] for each in series) if at is None else at), now_s
    newest = max((sample[0] for sample in total.last.values()), default=0.0)
    total.last = {key: sample for key, sample in total.last.items() if newest - sample[0] <= FORGET_S}


def is_known(total: Total, now_s: float) -> bool:
    """Tell whether a total can be told: usable, and not without any series for too long."""
    return total.usable and total.at > 0 and now_s - total.seen_s <= KEPT_S


def _new(samples: Sequence[Sample], before: Sample | None) -> list[Sample]:
    """Return the samples that are numbers and newer than what was seen."""
    return [each for each in samples if math.isfinite(each[1]) and (before is None or each[0] > before[0])]
