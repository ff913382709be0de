"""The replies of Prometheus's HTTP API, read strictly: what is not understood whole is refused whole."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from console.model.errors import Malformed
from console.model.text import clean
from console.providers.clients.strict import field, load_json, malformed

# Source: prometheus.io "HTTP API", expression queries; the values of samples are text so that NaN and infinities can be told.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_NO_NUMBERS = {"NaN": math.nan, "+Inf": math.inf, "-Inf": -math.inf}

MOST_NOTES = 5
"""More warnings of one reply are not shown."""

Sample = tuple[float, float]
"""The instant in seconds since the epoch, and the value; NaN and infinities as they came."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a reply: its labels and its samples, oldest first."""

    labels: Mapping[str, str]
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """What a query gave, with the warnings and notes of the API in words."""

    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()


def read_answer(body: bytes, system: str) -> Answered:
    """Return the series of a reply to an instant query. Raises Malformed, naming `system`."""
    reply = load_json(body, system)
    if field(reply, "status", str, system) != "success":
        raise malformed(system, f"It reports no success: {clean(str(reply.get('error', '')), 120)}")
    found = field(reply, "data", dict, system)
    kind, result = field(found, "resultType", str, system), field(found, "result", list, system)
    if kind == "scalar":
        return Answered((Series({}, (_sample(result, system),)),), _notes(reply))
    if kind not in {"vector", "matrix"}:
        raise malformed(system, f"A {clean(kind, 20)} is no set of series.")
    series = tuple(each for item in result if (each := _series(item, kind, system)) is not None)
    if len({tuple(sorted(each.labels.items())) for each in series}) != len(series):
        raise malformed(system, "A series is given a second time.")
    left_out = len(result) - len(series)
    notes = (f"{left_out} native histograms were left out: they have no edges that the console reads",) if left_out else ()
    return Answered(series, (*_notes(reply), *notes))


def read_names(body: bytes, system: str) -> list[str]:
    """Return the texts of a reply that lists labels, values or names. Raises Malformed."""
    reply = load_json(body, system)
    if field(reply, "status", str, system) != "success":
        raise malformed(system, f"It reports no success: {clean(str(reply.get('error', '')), 120)}")
    names = field(reply, "data", list, system)
    if not all(isinstance(name, str) for name in names):
        raise malformed(system, "A list of texts was expected.")
    return list(names)


def error_words(body: bytes) -> bytes:
    """Return what the body of an error says: kind and text of Prometheus's own errors, anything else as it is."""
    try:
        reply = load_json(body, "")
        return f"{field(reply, 'errorType', str, '')}: {field(reply, 'error', str, '')}".encode()
    except Malformed:
        return body


def _series(item: Any, kind: str, system: str) -> Series | None:
    """Return one series; None for a native histogram."""
    labels = field(item, "metric", dict, system)
    if not all(isinstance(value, str) for value in labels.values()):
        raise malformed(system, "A label's value is no text.")
    if kind == "vector":
        return Series(labels, (_sample(field(item, "value", list, system), system),)) if "histogram" not in item else None
    if "values" not in item and "histograms" in item:
        return None
    samples = tuple(_sample(each, system) for each in field(item, "values", list, system))
    if not samples or any(later[0] <= earlier[0] for earlier, later in pairwise(samples)):
        raise malformed(system, "The samples of a series are not in order.")
    return Series(labels, samples)


def _sample(item: Any, system: str) -> Sample:
    if not isinstance(item, list) or len(item) != 2 or not isinstance(item[1], str):
        raise malformed(system, "A sample is an instant and a text.")
    at, text = item
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < 1e11:
        raise malformed(system, "The instant of a sample is no number of seconds.")
    if text in _NO_NUMBERS:
        return float(at), _NO_NUMBERS[text]
    if len(text) > 64 or not _NUMBER.fullmatch(text):
        raise malformed(system, f"{clean(text, 40)!r} is no number.")
    return float(at), float(text)


def _notes(reply: Mapping[str, Any]) -> tuple[str, ...]:
    found = [each for key in ("warnings", "infos") for each in (reply.get(key) or ()) if isinstance(each, str)]
    return tuple(clean(each) for each in found[:MOST_NOTES])
