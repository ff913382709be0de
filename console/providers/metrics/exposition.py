"""The Prometheus and OpenMetrics text formats, read strictly: what is not understood whole is refused whole."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from console.model.text import clean

# Sources: prometheus.io "Exposition formats" 0.0.4; OpenMetrics 1.0 (ABNF).
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*[ \t]*=[ \t]*"(?:[^"\\\n]|\\.)*"'
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:[Ii]nf|[Ii]nfinity)|[Nn]a[Nn]"
_SAMPLE = re.compile(
    rf"(?P<name>{_NAME})[ \t]*(?:\{{[ \t]*(?P<labels>{_LABEL}(?:[ \t]*,[ \t]*{_LABEL})*)?[ \t]*,?[ \t]*\}})?"
    rf"[ \t]+(?P<value>{_NUMBER})(?:[ \t]+[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)?"
    r"(?P<exemplar>[ \t]+# \{.*)?[ \t]*"
)
_PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\\n]|\\.)*)"')
_COUNTER_ENDS = ("_total", "_count", "_bucket")
_LINE_LIMIT = 16_384

Edges = tuple[tuple[float, float], ...]


class BadExposition(ValueError):
    """Text that is not of this format; the message names the line."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Values by name with labels summed, and histograms by name as (upper edge, cumulative count), both without NaN."""

    values: Mapping[str, float]
    buckets: Mapping[str, Edges]


@dataclass(slots=True)
class _Found:
    """What the lines read so far have given."""

    values: dict[str, float] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)
    kinds: dict[str, str] = field(default_factory=dict)
    histograms: defaultdict[str, defaultdict[str, dict[float, float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    ended: bool = False


def _series() -> defaultdict[str, dict[float, float]]:
    return defaultdict(dict)


def parse(text: str, *, needs_end: bool = False) -> Samples:
    """Return all samples of an exposition.

    A name with a NaN or infinite value among its series has no value at all: leaving one series out of a sum would make a counter seem
    to fall. Counters stand under their name with and without `_total`. `needs_end` is for OpenMetrics, where a missing `# EOF` means
    that the reply was cut. Raises BadExposition for a line that is not of this format, a series given twice, or a negative counter.
    """
    found = _Found()
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if not line.strip():
            continue
        if found.ended:
            raise BadExposition(f"line {number} stands after # EOF")
        if line.startswith("#"):
            _comment(line, found)
        else:
            _sample(line, number, found)
    if needs_end and not found.ended:
        raise BadExposition("# EOF is missing: the reply was cut")
    return Samples(_named(found), {name: edges for name, each in found.histograms.items() if (edges := _merged(name, each))})


def _comment(line: str, found: _Found) -> None:
    words = line.split(None, 3)
    if line.strip() == "# EOF":
        found.ended = True
    elif len(words) == 4 and words[0] == "#" and words[1] == "TYPE":
        found.kinds[words[2]] = words[3].strip()


def _sample(line: str, number: int, found: _Found) -> None:
    match = _SAMPLE.fullmatch(line) if len(line) <= _LINE_LIMIT else None
    if match is None:
        raise BadExposition(f"line {number} is no sample: {clean(line, 60)!r}")
    name, labels = match["name"], match["labels"] or ""
    pairs = _PAIR.findall(labels)
    series = f"{name}{sorted(pairs)}"
    if series in found.series:
        raise BadExposition(f"line {number} gives {name} with the same labels a second time")
    found.series.add(series)
    value = float(match["value"])
    if value < 0 and _is_counter(name, found.kinds):
        raise BadExposition(f"line {number}: counter {name} is negative")
    edge = next((text for label, text in pairs if label == "le"), None)
    if edge is not None and name.endswith("_bucket"):
        others = str(sorted(pair for pair in pairs if pair[0] != "le"))
        found.histograms[name.removesuffix("_bucket")][others][_edge(edge, number)] = value
    elif not any(label == "quantile" for label, _ in pairs) and not name.endswith("_created"):
        _add(name, value, found)


def _add(name: str, value: float, found: _Found) -> None:
    if math.isfinite(value):
        found.values[name] = found.values.get(name, 0.0) + value
    else:
        found.unusable.add(name)


def _is_counter(name: str, kinds: Mapping[str, str]) -> bool:
    kind = kinds.get(name) or kinds.get(name.removesuffix("_total"))
    if kind in {"gauge", "unknown", "untyped"}:
        return False
    return kind == "counter" or name.endswith(_COUNTER_ENDS)


def _named(found: _Found) -> Mapping[str, float]:
    values = {name: value for name, value in found.values.items() if name not in found.unusable and math.isfinite(value)}
    for name in list(values):
        plain = name.removesuffix("_total")
        if plain not in found.values and plain not in found.unusable:
            values[plain] = values[name]
        if found.kinds.get(name) == "counter" and not name.endswith("_total"):
            values.setdefault(f"{name}_total", values[name])
    return values


def _edge(text: str, number: int) -> float:
    try:
        edge = float(text) if len(text) <= 64 and not set(text) & {"_", " "} else math.nan
    except ValueError:
        edge = math.nan
    if math.isnan(edge):
        raise BadExposition(f"line {number}: {clean(text, 40)!r} is no bucket edge")
    return edge


def _merged(name: str, series: Mapping[str, Mapping[float, float]]) -> Edges:
    """Return the sum of histograms that differ in labels; nothing where their edges differ or a count is no number."""
    edges = sorted(next(iter(series.values())))
    if any(sorted(each) != edges for each in series.values()):
        return ()
    counts = [sum(each[edge] for each in series.values()) for edge in edges]
    if not all(math.isfinite(count) for count in counts):
        return ()
    if any(later < earlier for earlier, later in pairwise(counts)):
        raise BadExposition(f"the buckets of {name} fall: they are not cumulative")
    return tuple(zip(edges, counts, strict=True))
