"""What every metric source promises: both sides at once, errors per side, and no value that was not read whole."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, bomb, scripted_server
from servers.fixtures import Upstream

from console.model.clock import SystemClock
from console.model.errors import Malformed, Refused, RemoteError, TooLarge, Unreachable
from console.model.ports import MetricSource
from console.model.systems import OpenMetricsSource
from console.providers.clients.http import HttpClient, Token
from console.providers.metrics.openmetrics import OpenMetricsScrape

pytestmark = pytest.mark.anyio


@pytest.fixture
async def http():
    client = HttpClient()
    yield client
    await client.aclose()


@pytest.fixture(params=["openmetrics"])
def source(request: pytest.FixtureRequest, http: HttpClient):
    """Make a source of the kind under test that reads these addresses."""

    def make(urls: Mapping[str, str], *, timeout_s: float = 1.0, token: Token | None = None) -> MetricSource:
        return OpenMetricsScrape(OpenMetricsSource(urls, timeout_s=timeout_s), http, SystemClock(), token)

    return make


def urls(upstreams: Mapping[str, Upstream]) -> dict[str, str]:
    return {side: f"{each.url}/metrics" for side, each in upstreams.items()}


async def test_counts_of_both_sides_are_read(source, upstreams: Mapping[str, Upstream]) -> None:
    before = await source(urls(upstreams)).read()
    await asyncio.to_thread(upstreams["blue"].count, ok=97, failed=3)
    await asyncio.to_thread(upstreams["green"].count, failed=3)
    after = await source(urls(upstreams)).read()
    grown = {
        side: {name: after.values[side][name] - before.values[side][name] for name in ("resolved_ok", "resolved_failed")}
        for side in urls(upstreams)
    }
    assert grown == {"blue": {"resolved_ok": 97, "resolved_failed": 3}, "green": {"resolved_ok": 0, "resolved_failed": 3}}
    assert after.errors == {}
    assert after.buckets["blue"]["latency_seconds"][-1][0] == float("inf")
    assert after.query == f"blue: GET {upstreams['blue'].url}/metrics; green: GET {upstreams['green'].url}/metrics"


async def test_a_side_that_cannot_be_read_has_an_error_and_no_values(source, upstreams: Mapping[str, Upstream]) -> None:
    async with fault_proxy(upstreams["green"].url) as proxy:
        proxy.set(Fault.HANG_BEFORE)
        reading = await source({**urls(upstreams), "green": f"{proxy.url}/metrics"}, timeout_s=0.3).read()
    assert set(reading.values) == {"blue"}
    assert set(reading.buckets) == {"blue"}
    assert "no complete answer" in reading.errors["green"]


async def test_when_no_side_can_be_read_it_is_an_error(source) -> None:
    async with scripted_server() as gone:
        pass
    with pytest.raises(Unreachable):
        await source({"blue": f"{gone.url}/m", "green": f"{gone.url}/m"}).read()


TEXT = {"content-type": "text/plain"}


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (Answer(401), Refused),
        (Answer(403), Refused),
        (Answer(404), Refused),
        (Answer(429, headers={"retry-after": "3"}), Refused),
        (Answer(500), Refused),
        (Answer(503), Refused),
        (Answer(body=b"resolved_ok NaNaNaN", headers=TEXT), Malformed),
        (Answer(body=b"<html>login</html>", headers={"content-type": "text/html"}), Malformed),
        (Answer(body=b"\xff\xff 1", headers=TEXT), Malformed),
        (Answer(body=b"a_total 1", headers={"content-type": "application/openmetrics-text; version=1.0.0"}), Malformed),
        (Answer(raw=b"garbage\r\n\r\n"), Malformed),
        (bomb(100_000_000), TooLarge),
        (Answer(body=b"# " + b"x" * (9 * 1024 * 1024), headers=TEXT), TooLarge),
    ],
)
async def test_each_kind_of_bad_answer_is_its_own_error(source, answer: Answer, wanted: type[RemoteError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted) as caught:
            await source({"blue": f"{server.url}/m"}, timeout_s=5.0).read()
    assert caught.value.advice


async def test_a_metrics_reply_of_several_megabytes_is_read_without_holding_up_others(source) -> None:
    lines = b"\n".join(b'http_requests_total{code="%d"} 1' % n for n in range(60_000))
    async with scripted_server() as server:
        server.script(Answer(body=lines, headers=TEXT))
        reading = asyncio.create_task(source({"blue": f"{server.url}/m"}, timeout_s=10.0).read())
        longest, last = 0.0, asyncio.get_running_loop().time()
        while not reading.done():
            await asyncio.sleep(0.005)
            now = asyncio.get_running_loop().time()
            longest, last = max(longest, now - last), now
    assert (await reading).values["blue"]["http_requests"] == 60_000
    assert longest < 0.5


async def test_an_empty_reply_is_no_evidence_and_no_error(source) -> None:
    async with scripted_server() as server:
        server.script(Answer(body=b"", headers=TEXT))
        reading = await source({"blue": f"{server.url}/m"}).read()
    assert reading.values == {"blue": {}}


async def test_the_secret_is_sent_in_its_header_and_shown_nowhere(source) -> None:
    async def token() -> str:
        return "canary-metrics-77"

    async with scripted_server() as server:
        server.script(Answer(body=b"a 1", headers=TEXT))
        reading = await source({"blue": f"{server.url}/m?key=private"}, token=token).read()
    assert b"Bearer canary-metrics-77" in server.requests[0]
    assert "canary" not in repr(reading)
    assert "private" not in reading.query


async def test_the_reading_is_as_old_as_its_request(source, upstreams: Mapping[str, Upstream]) -> None:
    before = SystemClock().now()
    reading = await source(urls(upstreams)).read()
    assert before <= reading.at <= SystemClock().now()


def test_a_source_can_be_described_by_a_target_file() -> None:
    assert replace(OpenMetricsSource({"blue": "http://x/"}), poll_s=1.0).poll_s == 1.0
