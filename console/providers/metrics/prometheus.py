"""Metrics that a Prometheus, or what speaks its HTTP API, keeps: each side's counters by the matchers that tell it from the other."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from console.model import promql
from console.model.clock import Clock
from console.model.errors import ConsoleError, Refused
from console.model.readings import MetricNames, MetricReading
from console.model.systems import PrometheusSource, Side
from console.model.text import clean
from console.providers.clients.http import METRICS_LIMIT, Call, HttpClient, Token, place
from console.providers.metrics.promreply import Answered, Series, error_words, read_answer
from console.providers.metrics.sidecounts import SideCounts, Told

_IN_PLACE = 64 * 1024
"""Bytes up to which a reply is parsed where it arrives; a larger one would keep other targets waiting."""

_AT_ONCE = 1000
"""Series up to which a reply is added up where it arrives."""

_TAG = "release_console"
_MOST_NOTES = 10
_NOT_TAKEN = frozenset({400, 422})
_QUOTED = 160


@dataclass(frozen=True, slots=True)
class _Found:
    """The series of one side by name, the ages of those whose samples do not tell theirs, and what the API said beside."""

    series: Mapping[str, Sequence[Series]]
    ages: Mapping[str, float]
    notes: tuple[str, ...] = ()


class Prometheus:
    """The HTTP API: instant queries by GET, so that one that is cut may be asked again. An error names the query."""

    def __init__(self, url: str, http: HttpClient, token: Token | None = None, *, user: str = "", timeout_s: float = 5.0) -> None:
        self._url, self._http, self._token, self._user, self._timeout_s = url, http, token, user, timeout_s

    async def query(self, query: str) -> Answered:
        """Return what an instant query gives now. Raises RemoteError."""
        system = f"Prometheus at {place(self._url)}, asked for {clean(query, _QUOTED)},"
        try:
            body = await self.get("query", {"query": query}, system)
        except Refused as error:
            raise _explained(error) from None
        return read_answer(body, system) if len(body) <= _IN_PLACE else await asyncio.to_thread(read_answer, body, system)

    async def get(self, path: str, parameters: Mapping[str, str], system: str) -> bytes:
        """Return the body of a GET below `/api/v1/`. Raises RemoteError."""
        call = Call(
            system,
            api_url(self._url, path, parameters),
            timeout_s=self._timeout_s,
            limit=METRICS_LIMIT,
            token=self._token,
            user=self._user,
            says=error_words,
        )
        return (await self._http.send(call)).body


class PrometheusMetrics:
    """Reads both sides at the same time: one query for all plain names of a side, one for all its queries of their own."""

    def __init__(self, spec: PrometheusSource, names: MetricNames, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec, self._names, self._clock = spec, names, clock
        self._api = Prometheus(spec.url, http, token, user=spec.user, timeout_s=spec.timeout_s)
        self._sides = {side: SideCounts(names, spec.scrape_s) for side in spec.sides}
        wanted = (*names.counters, *names.values, *names.histograms)
        self._own = {name: query for name, query in spec.queries.items() if name in wanted}
        plain = [name for name in wanted if name not in self._own]
        asked = [each for name in plain for each in _spellings(name, bucket=name in names.histograms)]
        self._plain = tuple(plain)
        self._asked = tuple(dict.fromkeys(asked)) or (("up",) if not self._own else ())
        self._window_ms = round(1000 * (spec.poll_s + 2 * spec.scrape_s + 1.0))

    async def read(self) -> MetricReading:
        """Return all samples of late; a side that could not be read stands in `errors`. Raises the first side's error when none could be.

        Totals are those of all processes of a side together and never fall; what is gone or restarted goes on counting from there.
        """
        now = self._clock.now()
        sides = list(self._spec.sides)
        results = await asyncio.gather(*(self._side(side) for side in sides))
        told = {side: each for side, each in zip(sides, results, strict=True) if isinstance(each, Told)}
        failed = {side: each for side, each in zip(sides, results, strict=True) if isinstance(each, ConsoleError)}
        if not told and failed:
            raise next(iter(failed.values()))
        ages = {side: each.at for side, each in told.items() if each.at is not None}
        at = max(ages.values(), default=now)
        return MetricReading(
            values={side: each.values for side, each in told.items()},
            buckets={side: each.buckets for side, each in told.items()},
            at=at,
            query="; ".join(f"{side}: {clean(self._shown(side), 300)}" for side in sides),
            errors={side: str(error) for side, error in failed.items()},
            since={side: age for side, age in ages.items() if age != at},
            notes=tuple(dict.fromkeys(f"{side}: {note}" for side, each in told.items() for note in each.notes))[:_MOST_NOTES],
        )

    async def _side(self, side: Side) -> Told | ConsoleError:
        matchers, counts = self._spec.sides[side], self._sides[side]
        try:
            plain, own = await asyncio.gather(self._read_plain(matchers), self._read_own(matchers))
        except ConsoleError as error:
            return error
        now_s = self._clock.elapsed()
        found = {**plain.series, **own.series}
        if sum(map(len, found.values())) <= _AT_ONCE:
            counts.take(found, own.ages, now_s)
        else:
            await asyncio.to_thread(counts.take, found, own.ages, now_s)
        told = counts.told(now_s)
        return Told(told.values, told.buckets, told.at, (*plain.notes, *own.notes, *told.notes))

    async def _read_plain(self, matchers: str) -> _Found:
        """Read all metrics without a query of their own: the raw samples of late, which tell their age and each restart."""
        if not self._asked:
            return _Found({}, {})
        answered = await self._api.query(promql.by_name(self._asked, matchers, self._window_ms))
        by_name: dict[str, list[Series]] = {}
        for each in answered.series:
            by_name.setdefault(each.labels.get("__name__", ""), []).append(each)
        found: dict[str, Sequence[Series]] = {}
        for name in self._plain:
            spelled = _spellings(name, bucket=name in self._names.histograms)
            found[name] = next((by_name[each] for each in spelled if each in by_name), [])
        return _Found(found, {}, answered.notes)

    async def _read_own(self, matchers: str) -> _Found:
        """Read the metrics that have queries of their own, all in one; when that is not taken, each by itself to tell which one it is."""
        if not self._own:
            return _Found({}, {})
        try:
            return _untagged(await self._api.query(promql.tagged(self._own, matchers, _TAG)))
        except Refused as error:
            if error.status not in _NOT_TAKEN:
                raise
        names = list(self._own)
        tries = await asyncio.gather(*(self._read_one(name, matchers) for name in names))
        notes: list[str] = []
        for name, tried in zip(names, tries, strict=True):
            if isinstance(tried, ConsoleError):
                if name in self._names.judged:
                    raise tried
                notes.append(f"{name} cannot be drawn: {tried.message}")
        good = [tried for tried in tries if isinstance(tried, _Found)]
        return _Found(
            {name: series for each in good for name, series in each.series.items()},
            {name: age for each in good for name, age in each.ages.items()},
            (*notes, *(note for each in good for note in each.notes)),
        )

    async def _read_one(self, name: str, matchers: str) -> _Found | ConsoleError:
        try:
            await self._api.query(promql.filled(self._own[name], matchers))  # as the file has it, so that an error names it
            return _untagged(await self._api.query(promql.tagged({name: self._own[name]}, matchers, _TAG)))
        except ConsoleError as error:
            return error

    def _shown(self, side: Side) -> str:
        matchers = self._spec.sides[side]
        plain = [promql.by_name(self._asked, matchers, self._window_ms)] if self._asked else []
        return ", ".join([*plain, *(f"{name} = {promql.filled(query, matchers)}" for name, query in self._own.items())])


def api_url(url: str, path: str, parameters: Mapping[str, str]) -> str:
    """Return the address of a part of the API; a path before it, as behind a proxy, and parameters of the file's address are kept."""
    parts = urlsplit(url)
    query = "&".join(text for text in (parts.query, urlencode(parameters)) if text)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/api/v1/{path}", query, ""))


def _spellings(name: str, *, bucket: bool) -> tuple[str, ...]:
    """Return the names under which a metric may be kept: counters with and without `_total`, histograms as their buckets."""
    if bucket:
        return (f"{name}_bucket",)
    return (name, name.removesuffix("_total")) if name.endswith("_total") else (name, f"{name}_total")


def _untagged(answered: Answered) -> _Found:
    """Return the answers to several queries that were sent as one."""
    series: dict[str, list[Series]] = {}
    ages: dict[str, float] = {}
    for each in answered.series:
        name, aged, _ = each.labels.get(_TAG, "").partition("@")
        if aged:
            at = each.samples[-1][1]
            ages[name] = min(ages.get(name, at), at)
        else:
            labels = {label: value for label, value in each.labels.items() if label != _TAG}
            series.setdefault(name, []).append(Series(labels, each.samples))
    return _Found(series, ages, answered.notes)


def _explained(error: Refused) -> Refused:
    """Return a refusal of a query with what it means for a release."""
    if error.status not in _NOT_TAKEN:
        return error
    return Refused(
        error.message,
        status=error.status,
        retry_after_s=error.retry_after_s,
        means="Nothing is judged on it, so the release does not go forward.",
        advice="Try the query in Prometheus itself, then mend `sides` or `queries` in the target file.",
    )
