"""A real Prometheus tells what a target file can name: labels, values, metrics, what a query gives now, and how often it scrapes."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

import pytest
from faults.scripted import Answer, scripted_server
from servers.fixtures import Upstream
from servers.prometheus_process import SCRAPE_S, PrometheusServer

from console.app.discovering import prometheus_catalog
from console.model.clock import SystemClock
from console.model.errors import BadFile, Malformed, Refused
from console.model.systems import SecretRef
from console.providers.metrics.catalog import MOST, PrometheusCatalog

pytestmark = pytest.mark.anyio


class KnownSecrets:
    """Secrets that are known to the test."""

    async def resolve_async(self, ref: SecretRef, *, allow_commands: bool) -> str:
        assert not allow_commands
        return f"secret of {ref.name}"


@pytest.fixture
async def catalog(prometheus_server: PrometheusServer):
    async with prometheus_catalog(prometheus_server.spec, SystemClock(), KnownSecrets()) as found:
        yield found


async def test_labels_values_and_metrics_are_listed(catalog: PrometheusCatalog) -> None:
    assert {"deployment", "instance", "job", "le"} <= set((await catalog.labels()).names)
    assert (await catalog.values("deployment")).names == ("shop-blue", "shop-green")
    assert (await catalog.values("deployment", 'deployment=~".*green"')).names == ("shop-green",)
    assert (await catalog.metrics("resolved", 'deployment="shop-blue"')).names == ("resolved_failed_total", "resolved_ok_total")
    assert (await catalog.metrics('none"}', 'job="shop"')).names == ()


async def test_a_query_is_shown_with_what_it_gives_for_each_side_now(
    catalog: PrometheusCatalog, prometheus_server: PrometheusServer, upstreams: Mapping[str, Upstream]
) -> None:
    await asyncio.to_thread(upstreams["blue"].count, ok=5)
    wanted, ends = float(upstreams["blue"].get("/metrics").split("resolved_ok_total ")[1].split("\n")[0]), time.monotonic() + 10.0
    while True:
        blue, green = await catalog.preview("sum(resolved_ok_total{$side})", prometheus_server.sides)
        if blue.value == wanted:
            break
        assert time.monotonic() < ends
        await asyncio.sleep(0.05)
    assert (blue.side, blue.series, blue.problem) == ("blue", 1, "")
    assert blue.query == 'sum(resolved_ok_total{deployment="shop-blue"})'
    assert blue.at is not None
    assert abs((SystemClock().now() - blue.at).total_seconds()) < 10
    assert green.problem == ""
    by_name, _ = await catalog.preview("resolved_ok", prometheus_server.sides)
    assert by_name.value == wanted


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("nothing_of_this_name{$side}", "Nothing matches"),
        ("nothing_of_this_name", "Nothing matches"),
        ("resolved_ok_total{$side} / 0 * 0", "no number"),
        ("nonsense(resolved_ok_total{$side})", "unknown function"),
        ("resolved_ok_total{$side", "closed"),
        ("rate(x[5m])", "with $side among its matchers"),
    ],
)
async def test_a_query_that_gives_nothing_says_why(
    catalog: PrometheusCatalog, prometheus_server: PrometheusServer, query: str, problem: str
) -> None:
    for found in await catalog.preview(query, prometheus_server.sides):
        assert problem in found.problem
        assert found.value is None


async def test_how_often_it_scrapes_is_seen_from_its_samples(catalog: PrometheusCatalog, prometheus_server: PrometheusServer) -> None:
    found, ends = None, time.monotonic() + 10.0
    while found is None:
        assert time.monotonic() < ends
        found = await catalog.scrape_s('deployment="shop-blue"')
    assert found == pytest.approx(SCRAPE_S, rel=0.5)
    assert await catalog.scrape_s('deployment="none"') is None


async def test_what_is_no_label_and_no_matcher_is_not_sent(catalog: PrometheusCatalog) -> None:
    with pytest.raises(BadFile):
        await catalog.values("../query")
    with pytest.raises(BadFile):
        await catalog.labels('a="b"} or up{c="d"')


async def test_the_secret_goes_along_and_what_comes_back_is_bounded_plain_text(prometheus_server: PrometheusServer) -> None:
    async with scripted_server() as server:
        spec = replace(prometheus_server.spec, url=server.url, token=SecretRef("keyring", "prom"), user="rita")
        async with prometheus_catalog(spec, SystemClock(), KnownSecrets()) as catalog:
            names = ",".join(f'"{number:04} \\u202e<b>"' for number in range(MOST + 3))
            server.script(Answer(body=f'{{"status": "success", "data": [{names}]}}'.encode()))
            found = await catalog.labels()
            assert (len(found.names), found.more) == (MOST, 3)
            assert found.names[0] == "0000 \\u202e<b>"
            assert b"Basic " in server.requests[0]
            server.script(Answer(403))
            with pytest.raises(Refused):
                await catalog.labels()
            server.script(Answer(body=b'{"status": "success", "data": [1]}'))
            with pytest.raises(Malformed):
                await catalog.labels()
