"""Metrics scraped from each side, in the text formats of Prometheus and OpenMetrics."""

import asyncio

from console.model.clock import Clock
from console.model.errors import ConsoleError
from console.model.readings import MetricReading
from console.model.systems import OpenMetricsSource, Side
from console.model.text import clean
from console.providers.clients.http import METRICS_LIMIT, Call, HttpClient, Token, place
from console.providers.clients.strict import malformed
from console.providers.metrics.exposition import BadExposition, Samples, parse

_IN_PLACE = 64 * 1024
"""Bytes up to which a reply is parsed where it arrives; a larger one would keep other targets waiting."""

_ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
_MEDIA = frozenset({"application/openmetrics-text", "text/plain", ""})


class OpenMetricsScrape:
    """Reads both sides at the same time, so that their counts belong to the same span."""

    def __init__(self, spec: OpenMetricsSource, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._token = token

    async def read(self) -> MetricReading:
        """Return all samples now; a side that could not be read stands in `errors`. Raises the first side's error when none could be."""
        at = self._clock.now()
        sides = list(self._spec.urls)
        results = await asyncio.gather(*(self._side(side) for side in sides))
        read = {side: each for side, each in zip(sides, results, strict=True) if isinstance(each, Samples)}
        failed = {side: each for side, each in zip(sides, results, strict=True) if isinstance(each, ConsoleError)}
        if not read and failed:
            raise next(iter(failed.values()))
        return MetricReading(
            values={side: each.values for side, each in read.items()},
            buckets={side: each.buckets for side, each in read.items()},
            at=at,
            query="; ".join(f"{side}: GET {_shown(url)}" for side, url in self._spec.urls.items()),
            errors={side: str(error) for side, error in failed.items()},
        )

    async def _side(self, side: Side) -> Samples | ConsoleError:
        try:
            return await self._scrape(side)
        except ConsoleError as error:
            return error

    async def _scrape(self, side: Side) -> Samples:
        url = self._spec.urls[side]
        system = f"Metrics of {clean(side, 40)} at {place(url)}"
        reply = await self._http.send(
            Call(
                system,
                url,
                timeout_s=self._spec.timeout_s,
                limit=METRICS_LIMIT,
                token=self._token,
                headers={"accept": _ACCEPT},
            )
        )
        if reply.media not in _MEDIA:
            raise malformed(system, f"The reply is {clean(reply.media, 40)!r}, not metrics text.")
        text, ends = reply.text(), reply.media == "application/openmetrics-text"
        try:
            return parse(text, needs_end=ends) if len(reply.body) <= _IN_PLACE else await asyncio.to_thread(parse, text, needs_end=ends)
        except BadExposition as error:
            raise malformed(system, f"Not metrics text: {error}.") from None


def _shown(url: str) -> str:
    """Return an address as it was sent, without what may be a secret in its query."""
    return clean(url.partition("?")[0], 300) + ("?…" if "?" in url else "")
