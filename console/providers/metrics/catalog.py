"""What a Prometheus knows, for those who write a target file: labels, their values, metrics, and what a query gives now."""

import asyncio
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from urllib.parse import quote

from console.model import promql
from console.model.clock import Clock
from console.model.discovery import Listing, Preview
from console.model.errors import BadFile, ConsoleError
from console.model.readings import MetricNames
from console.model.systems import PrometheusSource, Side
from console.model.text import clean
from console.providers.clients.http import HttpClient, Token, place
from console.providers.metrics.prometheus import Prometheus, PrometheusMetrics
from console.providers.metrics.promreply import read_names

MOST = 500
"""More names than this are not listed; a part of the name narrows them down."""

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,199}")
_SPACING_S = 300


class PrometheusCatalog:
    """Asks a Prometheus by its address alone. Every method raises RemoteError; nothing is changed there."""

    def __init__(self, source: PrometheusSource, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._source, self._http, self._clock, self._token = source, http, clock, token
        self._api = Prometheus(source.url, http, token, user=source.user, timeout_s=source.timeout_s)

    async def labels(self, matchers: str = "") -> Listing:
        """Return the names of labels, of the series that match."""
        return await self._list("labels", matchers)

    async def values(self, label: str, matchers: str = "") -> Listing:
        """Return the values of a label, of the series that match. Raises BadFile when it is no label."""
        if not _LABEL.fullmatch(label):
            raise BadFile(f"{clean(label, 40)!r} is no label.", advice="A label is letters, digits and underscores.")
        return await self._list(f"label/{quote(label)}/values", matchers)

    async def metrics(self, contains: str = "", matchers: str = "") -> Listing:
        """Return the names of metrics that have `contains` in them, of the series that match."""
        part = re.sub(r"[^a-zA-Z0-9_:]", "", contains)
        wanted = f'__name__=~".*{part}.*"' if part else ""
        return await self._list("label/__name__/values", ",".join(each for each in (wanted, matchers) if each))

    async def preview(self, query: str, sides: Mapping[Side, str]) -> tuple[Preview, ...]:
        """Return what a query of a target file (`$side` for the matchers), or a metric by its name, gives for each side now."""
        return tuple(await asyncio.gather(*(self._preview(query, side, matchers) for side, matchers in sides.items())))

    async def scrape_s(self, matchers: str) -> float | None:
        """Return how often the Prometheus reads what matches, from the samples of late; None where there are too few."""
        answered = await self._api.query(promql.by_name(("up",), matchers, _SPACING_S * 1000))
        gaps = [later[0] - earlier[0] for each in answered.series for earlier, later in zip(each.samples, each.samples[1:], strict=False)]
        return round(median(gaps), 1) if gaps else None

    async def _list(self, path: str, matchers: str) -> Listing:
        if matchers and not promql.are_matchers(matchers):
            raise BadFile(f"{clean(matchers, 80)!r} are no matchers.", advice='Write them as deployment="checkout-blue".')
        system = f"Prometheus at {place(self._source.url)}"
        body = await self._api.get(path, {"match[]": f"{{{matchers}}}"} if matchers else {}, system)
        names = sorted(set(read_names(body, system)))
        return Listing(tuple(clean(name) for name in names[:MOST]), max(0, len(names) - MOST))

    async def _preview(self, query: str, side: Side, matchers: str) -> Preview:
        own = promql.SIDE in query
        name = "preview" if own else query.strip()
        shown = promql.filled(query, matchers) if own else f"{name}{{{matchers}}}"
        try:
            if own:
                promql.check_query(query)
            elif not re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name):
                raise promql.BadQuery(f"a metric's name, or a query with {promql.SIDE} among its matchers")
            answered = await self._api.query(shown if own else f'{{__name__=~"{name}|{name}_total",{matchers}}}')
            spec = replace(self._source, sides={side: matchers}, queries={name: query} if own else {})
            reading = await PrometheusMetrics(
                spec, MetricNames(values=(name,), judged=frozenset({name})), self._http, self._clock, self._token
            ).read()
        except promql.BadQuery as error:
            return Preview(side, shown, None, 0, None, f"Wanted is {error}.")
        except ConsoleError as error:
            return Preview(side, shown, None, 0, None, str(error))
        return _previewed(side, shown, reading.values[side].get(name), len(answered.series), reading.at, answered.notes)


def _previewed(side: Side, shown: str, value: float | None, series: int, at: datetime, notes: tuple[str, ...]) -> Preview:
    problem = ""
    if not series:
        problem = "Nothing matches: no series has this name and these labels now."
    elif value is None or not math.isfinite(value):
        problem = "There is a series, but its value is no number."
    return Preview(side, shown, value, series, at.astimezone(UTC) if series else None, problem, notes)
