"""What every metric source promises: both sides at once, errors per side, and no value that was not read whole."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import pytest
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, bomb, scripted_server
from servers.fixtures import Upstream
from servers.prometheus_process import PrometheusServer

from console.model.clock import SystemClock
from console.model.errors import Malformed, Refused, RemoteError, TooLarge, Unreachable
from console.model.ports import MetricSource
from console.model.readings import MetricNames, MetricReading
from console.model.systems import OpenMetricsSource, PrometheusSource
from console.providers.clients.http import HttpClient, Token
from console.providers.metrics.openmetrics import OpenMetricsScrape
from console.providers.metrics.prometheus import PrometheusMetrics

pytestmark = pytest.mark.anyio

NAMES = MetricNames(
    counters=("resolved_ok", "resolved_failed", "http_requests"),
    histograms=("latency_seconds",),
    judged=frozenset({"resolved_ok", "resolved_failed"}),
    pairs=(("resolved_ok", "resolved_failed"),),
)
LARGE = 60_000
"""What the counters of a reply of several megabytes add up to."""

TEXT = {"content-type": "text/plain"}


@dataclass(frozen=True)
class Kind:
    """A kind of source over a real system: `base` is the address to put a proxy before, `greens` tells a request for green's numbers."""

    base: str
    greens: Callable[[bytes, int], bool]
    over: Callable[..., MetricSource]
    """Makes a source of both sides, with green read at the address given."""
    scripted: Callable[..., MetricSource]
    """Makes a source of blue alone at an address."""
    good: Answer
    empty: Answer
    large: Answer
    bad: tuple[Answer, ...]
    query: str


def _openmetrics(http: HttpClient, upstreams: Mapping[str, Upstream]) -> Kind:
    blue = f"{upstreams['blue'].url}/metrics"

    def over(base: str, *, timeout_s: float = 1.0) -> MetricSource:
        return OpenMetricsScrape(OpenMetricsSource({"blue": blue, "green": f"{base}/metrics"}, timeout_s=timeout_s), http, SystemClock())

    def scripted(url: str, *, timeout_s: float = 1.0, token: Token | None = None) -> MetricSource:
        return OpenMetricsScrape(OpenMetricsSource({"blue": f"{url}/m?key=private"}, timeout_s=timeout_s), http, SystemClock(), token)

    return Kind(
        base=upstreams["green"].url,
        greens=lambda request, number: True,
        over=over,
        scripted=scripted,
        good=Answer(body=b"a 1", headers=TEXT),
        empty=Answer(body=b"", headers=TEXT),
        large=Answer(body=b"\n".join(b'http_requests_total{code="%d"} 1' % n for n in range(LARGE)), headers=TEXT),
        bad=(
            Answer(body=b"resolved_ok NaNaNaN", headers=TEXT),
            Answer(body=b"<html>login</html>", headers={"content-type": "text/html"}),
            Answer(body=b"\xff\xff 1", headers=TEXT),
            Answer(body=b"a_total 1", headers={"content-type": "application/openmetrics-text; version=1.0.0"}),
        ),
        query=f"blue: GET {blue}; green: GET {upstreams['green'].url}/metrics",
    )


def matrix(*series: tuple[Mapping[str, str], list[list[object]]], **more: object) -> Answer:
    result = [{"metric": labels, "values": samples} for labels, samples in series]
    return Answer(body=json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}, **more}).encode())


def one(text: object, at: object = 1700000000.5) -> Answer:
    return matrix(({"__name__": "http_requests", "a": "1"}, [[at, text]]))


@cache
def _large_matrix() -> Answer:
    return matrix(*(({"__name__": "http_requests_total", "code": f"{n:0400}"}, [[1700000000, "12"]]) for n in range(LARGE // 12)))


def _prometheus(http: HttpClient, server: PrometheusServer) -> Kind:
    def over(base: str, *, timeout_s: float = 1.0) -> MetricSource:
        return PrometheusMetrics(replace(server.spec, url=base, timeout_s=timeout_s), NAMES, http, SystemClock())

    def scripted(url: str, *, timeout_s: float = 1.0, token: Token | None = None) -> MetricSource:
        spec = PrometheusSource(f"{url}/prefix?key=private", {"blue": 'side="blue"'}, timeout_s=timeout_s)
        return PrometheusMetrics(spec, NAMES, http, SystemClock(), token)

    names = "resolved_ok|resolved_ok_total|resolved_failed|resolved_failed_total|http_requests|http_requests_total|latency_seconds_bucket"
    return Kind(
        base=server.url,
        greens=lambda request, number: b"shop-green" in request,
        over=over,
        scripted=scripted,
        good=one("1"),
        empty=matrix(),
        large=_large_matrix(),
        bad=(
            one("NaNaN"),
            one("1_000"),
            one("0x10"),
            one(1),
            one("1", at="now"),
            one("1", at=True),
            one("1", at=1e300),
            matrix(({"__name__": "a"}, [[2, "1"], [1, "2"]])),
            matrix(({"__name__": "a"}, [[1, "1"]]), ({"__name__": "a"}, [[1, "1"]])),
            Answer(body=b'{"status": "success", "data": {"resultType": "string", "result": [1, "a"]}}'),
            Answer(body=b'{"status": "error", "errorType": "internal", "error": "broken"}'),
            Answer(body=b'{"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {"a": 1}, "values": []}]}}'),
            Answer(body=b"<html>login</html>", headers={"content-type": "text/html"}),
            Answer(body=b"null"),
        ),
        query="; ".join(f'{side}: {{__name__=~"{names}",deployment="shop-{side}"}}[2500ms]' for side in ("blue", "green")),
    )


@pytest.fixture
async def http():
    client = HttpClient()
    yield client
    await client.aclose()


@pytest.fixture(params=["openmetrics", "prometheus"])
def kind(request: pytest.FixtureRequest, http: HttpClient, upstreams: Mapping[str, Upstream]) -> Kind:
    if request.param == "openmetrics":
        return _openmetrics(http, upstreams)
    return _prometheus(http, request.getfixturevalue("prometheus_server"))


async def read_until(source: MetricSource, holds: Callable[[MetricReading], bool]) -> MetricReading:
    """Read until a reading shows what was counted: at once where the service is asked itself, after a scrape where it is not."""
    reading, ends = await source.read(), time.monotonic() + 10.0
    while not holds(reading):
        assert time.monotonic() < ends, reading
        await asyncio.sleep(0.05)
        reading = await source.read()
    return reading


async def test_counts_of_both_sides_are_read(kind: Kind, upstreams: Mapping[str, Upstream]) -> None:
    source = kind.over(kind.base)
    begun = SystemClock().now()
    before = await read_until(source, lambda reading: all(reading.at_of(side) >= begun for side in ("blue", "green")))
    await asyncio.to_thread(upstreams["blue"].count, ok=97, failed=3)
    await asyncio.to_thread(upstreams["green"].count, failed=3)

    def grown(reading: MetricReading) -> dict[str, tuple[float, ...]]:
        return {
            side: tuple(reading.values[side][name] - before.values[side][name] for name in ("resolved_ok", "resolved_failed"))
            for side in ("blue", "green")
        }

    after = await read_until(source, lambda reading: grown(reading) == {"blue": (97, 3), "green": (0, 3)})
    assert after.errors == {}
    assert after.buckets["blue"]["latency_seconds"][-1][0] == float("inf")
    assert after.query == kind.query


async def test_a_side_that_cannot_be_read_has_an_error_and_no_values(kind: Kind) -> None:
    async with fault_proxy(kind.base) as proxy:
        proxy.set(Fault.HANG_BEFORE, kind.greens)
        reading = await kind.over(proxy.url, timeout_s=0.5).read()
    assert set(reading.values) == {"blue"}
    assert set(reading.buckets) == {"blue"}
    assert "no complete answer" in reading.errors["green"]


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HANG_AFTER, Fault.DRIP, Fault.GARBAGE, Fault.OVERSIZE])
async def test_whatever_goes_wrong_on_the_way_is_that_side_s_error(kind: Kind, fault: Fault) -> None:
    async with fault_proxy(kind.base) as proxy:
        proxy.set(fault, kind.greens)
        reading = await kind.over(proxy.url, timeout_s=0.5).read()
    assert set(reading.errors) == {"green"}
    assert set(reading.values) == {"blue"}


async def test_when_no_side_can_be_read_it_is_an_error(kind: Kind) -> None:
    async with scripted_server() as gone:
        pass
    with pytest.raises(Unreachable):
        await kind.scripted(gone.url).read()


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (Answer(401), Refused),
        (Answer(403), Refused),
        (Answer(404), Refused),
        (Answer(422), Refused),
        (Answer(429, headers={"retry-after": "3"}), Refused),
        (Answer(500), Refused),
        (Answer(503), Refused),
        (Answer(raw=b"garbage\r\n\r\n"), Malformed),
        (bomb(100_000_000), TooLarge),
        (Answer(body=b"# " + b"x" * (9 * 1024 * 1024), headers=TEXT), TooLarge),
    ],
)
async def test_each_kind_of_bad_answer_is_its_own_error(kind: Kind, answer: Answer, wanted: type[RemoteError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted) as caught:
            await kind.scripted(server.url, timeout_s=5.0).read()
    assert caught.value.advice


async def test_nothing_is_read_from_an_answer_that_is_not_understood_whole(kind: Kind) -> None:
    async with scripted_server() as server:
        for answer in kind.bad:
            server.script(answer)
            with pytest.raises(Malformed) as caught:
                await kind.scripted(server.url, timeout_s=5.0).read()
            assert caught.value.advice, answer


async def test_a_metrics_reply_of_several_megabytes_is_read_without_holding_up_others(kind: Kind) -> None:
    async with scripted_server() as server:
        server.script(kind.large)
        reading = asyncio.create_task(kind.scripted(server.url, timeout_s=10.0).read())
        longest, last = 0.0, asyncio.get_running_loop().time()
        while not reading.done():
            await asyncio.sleep(0.005)
            now = asyncio.get_running_loop().time()
            longest, last = max(longest, now - last), now
    assert (await reading).values["blue"]["http_requests"] == LARGE
    assert longest < 0.5


async def test_an_empty_reply_is_no_evidence_and_no_error(kind: Kind) -> None:
    async with scripted_server() as server:
        server.script(kind.empty)
        reading = await kind.scripted(server.url).read()
    assert reading.values == {"blue": {}}


async def test_the_secret_is_sent_in_its_header_and_shown_nowhere(kind: Kind) -> None:
    async def token() -> str:
        return "canary-metrics-77"

    async with scripted_server() as server:
        server.script(kind.good)
        reading = await kind.scripted(server.url, token=token).read()
        assert b"Bearer canary-metrics-77" in server.requests[0]
        assert b"private" in server.requests[0]
        server.script(Answer(403, body=b"canary-metrics-77 may not read this"))
        with pytest.raises(Refused) as caught:
            await kind.scripted(server.url, token=token).read()
    assert "canary" not in repr(reading)
    assert "private" not in reading.query
    assert "canary" not in str(caught.value)


async def test_a_reading_tells_when_its_numbers_were_true(kind: Kind, upstreams: Mapping[str, Upstream]) -> None:
    source = kind.over(kind.base)
    before = SystemClock().now()
    await asyncio.to_thread(upstreams["green"].count, ok=1)
    reading = await read_until(source, lambda reading: all(reading.at_of(side) >= before for side in ("blue", "green")))
    assert before <= reading.at <= SystemClock().now()


def test_a_source_can_be_described_by_a_target_file() -> None:
    assert replace(OpenMetricsSource({"blue": "http://x/"}), poll_s=1.0).poll_s == 1.0
