"""What every workload provider promises: a version is a version, and never a login page."""

import json

import pytest
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, bomb, scripted_server

from console.model.clock import SystemClock
from console.model.errors import BadFile, ConsoleError, Malformed, Refused, TooLarge, Unreachable
from console.model.ports import Workloads
from console.model.systems import HttpWorkloads
from console.providers.clients.http import HttpClient
from console.providers.workloads.http import HttpWorkloadVersions

pytestmark = pytest.mark.anyio

TEXT = {"content-type": "text/plain"}


@pytest.fixture(params=["http"])
async def workloads(request: pytest.FixtureRequest):
    """Make the provider under test for blue at an address."""
    client = HttpClient()

    def make(url: str, *, timeout_s: float = 1.0) -> Workloads:
        return HttpWorkloadVersions(HttpWorkloads({"blue": url}, timeout_s), client, SystemClock())

    yield make
    await client.aclose()


async def test_each_side_tells_its_version(workloads, upstreams) -> None:
    for each in upstreams.values():
        seen = await workloads(f"{each.url}/version").version("blue")
        assert (seen.version, seen.healthy) == (each.version, True)


@pytest.mark.parametrize(
    ("answer", "version", "healthy"),
    [
        (Answer(body=b'{"version": "18.0.0"}'), "18.0.0", True),
        (Answer(body=b'{"version": "18.0.0", "healthy": false, "more": [1]}'), "18.0.0", False),
        (Answer(body=b'{"version": "18.0.0"}', headers=TEXT), "18.0.0", True),
        (Answer(body=b"v18.0.0-rc.1+build.5\n", headers=TEXT), "v18.0.0-rc.1+build.5", True),
    ],
)
async def test_json_and_plain_text_both_do(workloads, answer: Answer, version: str, *, healthy: bool) -> None:
    async with scripted_server() as server:
        server.script(answer)
        seen = await workloads(server.url).version("blue")
    assert (seen.version, seen.healthy) == (version, healthy)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (Answer(body=b"<html>login</html>", headers=TEXT), Malformed),
        (Answer(body=b"", headers=TEXT), Malformed),
        (Answer(body=b"two words", headers=TEXT), Malformed),
        (Answer(body="18\u202e".encode(), headers=TEXT), Malformed),
        (Answer(body=b"1" * 200, headers=TEXT), Malformed),
        (Answer(body=b'{"version": 18}'), Malformed),
        (Answer(body=b'{"version": "1", "healthy": "yes"}'), Malformed),
        (Answer(body=b'{"version": "1", "version": "2"}'), Malformed),
        (Answer(body=json.dumps([1]).encode()), Malformed),
        (Answer(302, headers={"location": "/login"}), Refused),
        (Answer(401), Refused),
        (Answer(503), Refused),
        (bomb(9_000_000), TooLarge),
    ],
)
async def test_each_kind_of_bad_answer_is_its_own_error(workloads, answer: Answer, wanted: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted) as caught:
            await workloads(server.url).version("blue")
    assert caught.value.advice


@pytest.mark.parametrize("fault", [Fault.CUT_AFTER, Fault.HANG_AFTER, Fault.DRIP])
async def test_a_side_that_does_not_answer_whole_is_unreachable(workloads, upstreams, fault: Fault) -> None:
    async with fault_proxy(upstreams["blue"].url) as proxy:
        proxy.set(fault)
        with pytest.raises(Unreachable):
            await workloads(f"{proxy.url}/version", timeout_s=0.3).version("blue")


async def test_a_side_without_an_address_is_a_mistake_in_the_file(workloads) -> None:
    with pytest.raises(BadFile):
        await workloads("http://127.0.0.1:1/").version("violet")
