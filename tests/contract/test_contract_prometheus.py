"""A real Prometheus gives the verdicts that the services themselves give, shows how old its numbers are, and names a query it refuses."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from engine.engine_fakes import SHOP
from servers.fixtures import Upstream
from servers.prometheus_process import PrometheusServer

from console.engine.gates import GateWatch, Judged
from console.model.clock import SystemClock
from console.model.errors import Refused
from console.model.ports import MetricSource
from console.model.readings import MetricNames, MetricReading
from console.model.systems import OpenMetricsSource
from console.model.target import Panel, PanelKind, SessionGate, ThresholdGate
from console.model.verbs import Verdict
from console.policy.metering import names_of
from console.policy.planning import SidesNow, make_rollout_plan
from console.providers.clients.http import HttpClient
from console.providers.metrics.openmetrics import OpenMetricsScrape
from console.providers.metrics.prometheus import PrometheusMetrics

pytestmark = pytest.mark.anyio

SESSIONS, FAILURES, QUEUE = "Payments", "Failures", "Failed so far"
TARGET = replace(
    SHOP,
    gates=(
        SessionGate(SESSIONS),
        ThresholdGate(FAILURES, "resolved_failed", "resolved_ok", 0.5, 10),
        ThresholdGate(QUEUE, "resolved_failed", None, 400.0),
    ),
    stages=tuple(replace(stage, gates=(SESSIONS, FAILURES, QUEUE)) for stage in SHOP.stages),
    panels=(Panel("Requests", PanelKind.RATE, "http_requests"), Panel("p95", PanelKind.QUANTILE, "latency_seconds")),
)
PLAN = make_rollout_plan(TARGET, "18.0.0", SidesNow("blue", "17.4.0", "18.0.0", {"blue": 95.0, "green": 5.0}), {SESSIONS: (8,) * 5})
RESTART = "green restarts"
Step = tuple[int, int, int, int] | str
"""Sessions of blue and green that ended well and that failed, or that green's process restarts."""

TRAFFIC: Mapping[str, tuple[Step, ...]] = {
    "healthy": ((40, 1, 4, 0), (38, 0, 0, 0), (41, 2, 5, 1), RESTART, (40, 1, 2, 2), (39, 1, 6, 0)),
    "broken": ((40, 1, 0, 3), (38, 1, 0, 2), RESTART, (40, 0, 0, 4), (30, 1, 0, 5)),
}


@pytest.fixture
async def http():
    client = HttpClient()
    yield client
    await client.aclose()


def prometheus(server: PrometheusServer, http: HttpClient, names: MetricNames | None = None, **changes: object) -> PrometheusMetrics:
    return PrometheusMetrics(replace(server.spec, **changes), names or names_of(TARGET), http, SystemClock())


async def read_until(source: MetricSource, holds: Callable[[MetricReading], bool]) -> MetricReading:
    reading, ends = await source.read(), time.monotonic() + 15.0
    while not holds(reading):
        assert time.monotonic() < ends, reading
        await asyncio.sleep(0.05)
        reading = await source.read()
    return reading


async def fresh(source: MetricSource) -> MetricReading:
    """Return a reading whose numbers are younger than this call."""
    begun = SystemClock().now()
    return await read_until(source, lambda reading: all(reading.at_of(side) >= begun for side in ("blue", "green")))


class Watched:
    """A source with the gates that rest on it."""

    def __init__(self, source: MetricSource) -> None:
        self.source, self.since = source, SystemClock().now()
        self.gates = GateWatch(PLAN, 10.0, {SESSIONS: (1940, 60)}, self.since)

    def judged(self, reading: MetricReading, now: datetime) -> dict[str, Judged]:
        self.gates.take(reading, "R-1", 5)
        return self.gates.judge(0, self.since, now, skip_wait=True)


@pytest.mark.parametrize("traffic", TRAFFIC.values(), ids=TRAFFIC.keys())
async def test_prometheus_and_scrape_give_the_same_verdicts_on_the_same_traffic(
    upstreams: Mapping[str, Upstream], prometheus_server: PrometheusServer, http: HttpClient, traffic: tuple[Step, ...]
) -> None:
    urls = {side: f"{each.url}/metrics" for side, each in upstreams.items()}
    scraped, asked = Watched(OpenMetricsScrape(OpenMetricsSource(urls), http, SystemClock())), Watched(prometheus(prometheus_server, http))
    first = await fresh(asked.source)
    for watched, reading in ((scraped, await scraped.source.read()), (asked, first)):
        watched.judged(reading, SystemClock().now())
    grown = [0, 0, 0, 0]
    verdicts = []
    for step in traffic:
        if isinstance(step, str):
            await asyncio.to_thread(upstreams["green"].child.restart)
            continue
        await asyncio.to_thread(upstreams["blue"].count, ok=step[0], failed=step[1])
        await asyncio.to_thread(upstreams["green"].count, ok=step[2], failed=step[3])
        grown = [before + more for before, more in zip(grown, step, strict=True)]
        by_scrape = await scraped.source.read()
        by_query = await read_until(asked.source, lambda reading, grown=grown: _since(first, reading) == grown)
        now = SystemClock().now()
        found, wanted = asked.judged(by_query, now), scraped.judged(by_scrape, now)
        assert _shown(found) == _shown(wanted)
        assert asked.gates.counts(SESSIONS) == scraped.gates.counts(SESSIONS)
        verdicts.append(found[SESSIONS].verdict)
    assert verdicts[0] is Verdict.WATCHING
    assert verdicts[-1] is (Verdict.FAIL if traffic is TRAFFIC["broken"] else Verdict.PASS)


def _since(first: MetricReading, reading: MetricReading) -> list[float]:
    return [
        reading.values[side][name] - first.values[side][name] for side in ("blue", "green") for name in ("resolved_ok", "resolved_failed")
    ]


def _shown(judged: Mapping[str, Judged]) -> dict[str, object]:
    """Return all that a verdict rests on, but for the instants of the samples."""
    found: dict[str, object] = {}
    for name in (SESSIONS, FAILURES):
        each = judged[name]
        assert each.evidence is not None
        path = tuple(e for _, e in each.evidence.path)
        found[name] = (each.verdict, each.sentence, each.acts, each.needs_more, replace(each.evidence, at=None, path=()), path)
    return found


async def test_a_service_that_is_no_longer_read_is_seen_to_be_stale_although_prometheus_answers(
    upstreams: Mapping[str, Upstream], prometheus_server: PrometheusServer, http: HttpClient
) -> None:
    source = prometheus(prometheus_server, http)
    gates = GateWatch(PLAN, prometheus_server.spec.interval_s, {SESSIONS: (1940, 60)}, SystemClock().now())
    gates.take(await fresh(source), "R-1", 5)
    last = await fresh(source)
    upstreams["green"].child.freeze()
    verdict, ends = None, time.monotonic() + 15.0
    while verdict is not Verdict.STALE:
        assert time.monotonic() < ends, verdict
        await asyncio.sleep(0.1)
        reading = await source.read()
        gates.take(reading, "R-1", 5)
        verdict = gates.judge(0, last.at, SystemClock().now())[SESSIONS].verdict
    assert reading.values["green"]["resolved_ok"] == last.values["green"]["resolved_ok"]
    assert SystemClock().now() - reading.at_of("green") > timedelta(seconds=2 * prometheus_server.spec.interval_s)
    assert reading.at_of("blue") > reading.at_of("green")


async def test_a_restart_between_two_readings_loses_nothing_and_is_told(
    upstreams: Mapping[str, Upstream], prometheus_server: PrometheusServer, http: HttpClient
) -> None:
    source, green = prometheus(prometheus_server, http, poll_s=10.0), upstreams["green"]
    await asyncio.to_thread(green.count, ok=30, failed=2)
    before = await fresh(source)
    await asyncio.to_thread(green.child.restart)
    await fresh(prometheus(prometheus_server, http))  # the Prometheus has seen the counters at 0
    await asyncio.to_thread(green.count, ok=100, failed=1)
    after = await read_until(source, lambda reading: reading.values["green"]["resolved_ok"] - before.values["green"]["resolved_ok"] == 100)
    assert after.values["green"]["resolved_failed"] - before.values["green"]["resolved_failed"] == 1
    assert any(note.startswith("green: resolved_ok began again at ") for note in after.notes)


async def test_queries_of_the_file_stand_for_metrics_and_have_their_age(
    upstreams: Mapping[str, Upstream], prometheus_server: PrometheusServer, http: HttpClient
) -> None:
    names = MetricNames(("paid", "failed"), ("depth",), ("took",), frozenset({"paid", "failed"}), (("paid", "failed"),))
    queries = {
        "paid": "sum(resolved_ok_total{$side})",
        "failed": "resolved_failed_total{$side}",
        "depth": 'max(resolved_ok_total{job="shop",$side}) - min(resolved_ok_total{$side})',
        "took": "sum by (le) (latency_seconds_bucket{$side})",
    }
    source = prometheus(prometheus_server, http, names, queries=queries)
    plain = prometheus(prometheus_server, http)
    begun = await fresh(plain)
    before = await fresh(source)
    await asyncio.to_thread(upstreams["blue"].count, ok=7, failed=2)
    after = await read_until(source, lambda reading: reading.values["blue"]["failed"] - before.values["blue"]["failed"] == 2)
    assert after.values["blue"]["paid"] - before.values["blue"]["paid"] == 7
    assert after.values["blue"]["depth"] == 0
    assert [edge for edge, _ in after.buckets["blue"]["took"]] == [0.1, float("inf")]
    assert begun.at <= after.at <= SystemClock().now()
    assert "failed = resolved_failed_total{deployment=" in after.query


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("nonsense(resolved_ok_total{$side})", "unknown function"),
        ("resolved_ok_total{$side} * on (job) group_left () up", "duplicate series"),
        ("scalar(resolved_ok_total{$side})", "expected type instant vector"),
    ],
)
async def test_an_error_names_the_query_and_what_prometheus_says(
    prometheus_server: PrometheusServer, http: HttpClient, query: str, says: str
) -> None:
    source = prometheus(prometheus_server, http, queries={"resolved_ok": query, "resolved_failed": "resolved_failed_total{$side}"})
    with pytest.raises(Refused) as caught:
        await source.read()
    filled = query.replace("$side", 'deployment="shop-blue"')
    assert filled in caught.value.message
    assert says in caught.value.message
    assert "queries" in caught.value.advice


async def test_a_chart_s_bad_query_is_noted_and_blinds_no_gate(prometheus_server: PrometheusServer, http: HttpClient) -> None:
    source = prometheus(prometheus_server, http, queries={"http_requests": "nonsense(http_requests_total{$side})"})
    reading = await fresh(source)
    assert {"resolved_ok", "resolved_failed"} <= set(reading.values["green"])
    assert "http_requests" not in reading.values["green"]
    assert any("http_requests cannot be drawn" in note and "unknown function" in note for note in reading.notes)


def test_the_metrics_of_a_target_are_read_once_each() -> None:
    names = names_of(TARGET)
    assert names.counters == ("resolved_ok", "resolved_failed", "http_requests")
    assert names.values == ()
    assert names.histograms == ("latency_seconds",)
    assert names.judged == {"resolved_ok", "resolved_failed"}
    assert names.pairs == (("resolved_ok", "resolved_failed"), ("resolved_failed", "resolved_ok"))
