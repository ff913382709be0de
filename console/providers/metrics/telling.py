"""Finds what tells two sides apart in a Prometheus, and which of its counters tell customers' success."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace

from console.model.errors import ConsoleError
from console.model.promql import SIDE
from console.model.systems import PrometheusSource, Side
from console.model.wizard import MetricsFound, Progress, Success, Telling
from console.policy.drafting import words_of
from console.providers.metrics.catalog import PrometheusCatalog

_IGNORED = frozenset({"__name__", "le", "quantile", "code", "status", "method", "path", "handler", "uid", "id"})
_MOST_LABELS, _MOST_TRIED, _AT_ONCE = 60, 6, 8
_PREFERRED = ("version", "deployment", "side", "color", "colour", "track", "role", "workload", "service", "job", "instance")
_OK = ("ok", "success", "successful", "succeeded", "succeed", "completed", "paid")
_FAILED = ("failed", "failure", "failures", "error", "errors", "fail")
_SESSIONS = frozenset({"resolved", "session", "sessions", "journey", "journeys", "checkout", "checkouts", "order", "orders"})
_STATUS = ("code", "status", "status_code", "response_code", "http_status_code")
_REQUESTS = re.compile(r".*requests?(_total|_seconds_count|_duration_seconds_count|_duration_count)?")


async def look_prometheus(
    catalog: PrometheusCatalog, source: PrometheusSource, hints: Mapping[Side, Sequence[str]], label: str, progress: Progress
) -> MetricsFound:
    """Return the labels that tell the sides apart, the likeliest first, and what tells success by the first; `label` chooses one.

    `hints` are by what names each side is known elsewhere. Raises RemoteError.
    """
    progress("Reading its labels")
    names = [name for name in (await catalog.labels()).names if name not in _IGNORED][:_MOST_LABELS]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def telling(name: str) -> Telling | None:
        async with gate:
            sides = _matchers(name, (await catalog.values(name)).names, hints)
        return None if sides is None else Telling(name, sides, 0)

    told = [each for each in await asyncio.gather(*(telling(name) for name in names)) if each is not None]
    told.sort(key=lambda each: _PREFERRED.index(each.label) if each.label in _PREFERRED else len(_PREFERRED))
    progress("Looking which metrics both sides have")
    tried = [each for each in told if not label or each.label == label][:_MOST_TRIED]
    metrics = {each.label: await _common(catalog, each.sides) for each in tried}
    told = sorted((replace(each, metrics=len(metrics.get(each.label, ()))) for each in told), key=lambda each: -each.metrics)
    chosen = next((each for each in told if each.metrics and (not label or each.label == label)), None)
    if chosen is None:
        return MetricsFound(source, tuple(told), problem=_none(hints))
    progress(f"Reading what its counters say by {chosen.label}")
    scrape_s = await catalog.scrape_s(next(iter(chosen.sides.values())))
    filled = replace(source, sides=chosen.sides, scrape_s=scrape_s or source.scrape_s)
    successes = [each async for each in _successes(catalog, metrics[chosen.label], chosen.sides)]
    told = [chosen, *(each for each in told if each is not chosen)]
    return MetricsFound(filled, tuple(told), tuple(successes))


def _none(hints: Mapping[Side, Sequence[str]]) -> str:
    names = " and ".join(hints)
    return f"No label tells {names} apart there: none of its values has these names or the addresses of their servers."


def _matchers(label: str, values: Sequence[str], hints: Mapping[Side, Sequence[str]]) -> Mapping[Side, str] | None:
    """Return the matchers of each side by a label, None where it does not tell them apart."""
    found = {side: _mine(values, each) for side, each in hints.items()}
    first, second = found.values()
    if not first or not second or set(first) & set(second):
        return None
    return {side: _matcher(label, each) for side, each in found.items()}


def _mine(values: Sequence[str], hints: Sequence[str]) -> list[str]:
    """Return the values that are one of the hints; or else those that have the side's name, which is the last hint, as a word."""
    exact = [value for value in values if value in hints]
    return exact or [value for value in values if hints and hints[-1].lower() in words_of(value)]


def _matcher(label: str, values: Sequence[str]) -> str:
    if len(values) == 1:
        return f'{label}="{_quoted(values[0])}"'
    return f'{label}=~"{"|".join(_quoted(re.escape(value)) for value in values)}"'


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


async def _common(catalog: PrometheusCatalog, sides: Mapping[Side, str]) -> tuple[str, ...]:
    """Return the metrics that both sides have."""
    first, second = [set((await catalog.metrics(matchers=matchers)).names) for matchers in sides.values()]
    return tuple(sorted(first & second))


async def _successes(catalog: PrometheusCatalog, metrics: Sequence[str], sides: Mapping[Side, str]) -> AsyncIterator[Success]:
    candidates = [*_pairs(metrics), *[each async for each in _by_status(catalog, metrics, sides)]]
    for each in candidates[:_MOST_TRIED]:
        asked = [each.queries.get(name, name) for name in (each.ok, each.failed)]
        ok, failed = [await catalog.preview(query, sides) for query in asked]
        yield replace(each, previews=tuple(zip(ok, failed, strict=True)))


def _pairs(metrics: Sequence[str]) -> Iterator[Success]:
    """Yield pairs of counters whose names differ in a word for success and one for failure, whole sessions first."""
    bare = {name.removesuffix("_total"): name for name in metrics}
    found = []
    for name in bare:
        words = name.split("_")
        for at, word in enumerate(words):
            others = ("_".join((*words[:at], other, *words[at + 1 :])) for other in _FAILED) if word in _OK else ()
            failed = next((other for other in others if other in bare), "")
            if failed:
                sessions = bool(_SESSIONS & set(words))
                found.append(Success(f"{name} against {failed}", name, failed, sessions=sessions))
    yield from sorted(found, key=lambda each: (not each.sessions, "resolved" not in each.ok, each.ok))


async def _by_status(catalog: PrometheusCatalog, metrics: Sequence[str], sides: Mapping[Side, str]) -> AsyncIterator[Success]:
    """Yield counters of requests whose answers can be told by a label for the status."""
    for name in [each for each in metrics if _REQUESTS.fullmatch(each)][:3]:
        matchers = f'__name__="{name}",{next(iter(sides.values()))}'
        try:
            labels = (await catalog.labels(matchers)).names
        except ConsoleError:
            continue
        status = next((each for each in _STATUS if each in labels), "")
        if status:
            queries = {"requests_ok": f'{name}{{{status}!~"5..",{SIDE}}}', "requests_failed": f'{name}{{{status}=~"5..",{SIDE}}}'}
            yield Success(f"{name}, answers 5xx count as failed", "requests_ok", "requests_failed", queries)
