"""Traefik's oddities: a change is a file that others write too, and what Traefik makes of it is another thing."""

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, ScriptedServer, scripted_server
from servers.customer import Customer
from servers.traefik_process import TraefikServer

from console.model.clock import SystemClock
from console.model.errors import Malformed, Refused, Unreachable
from console.model.readings import SplitChange
from console.model.systems import TraefikTraffic
from console.providers.clients.http import HttpClient
from console.providers.traffic.traefik import TraefikRouter

pytestmark = [pytest.mark.anyio, pytest.mark.traefik]


def change(green: int, *, backward: bool = False) -> SplitChange:
    return SplitChange({"blue": 100 - green, "green": green}, key="step-1", backward=backward)


@pytest.fixture
async def http():
    client = HttpClient()
    yield client
    await client.aclose()


@pytest.fixture
async def scripted():
    async with scripted_server() as server:
        yield server


def router_of(spec: TraefikTraffic, http: HttpClient, **options: object) -> TraefikRouter:
    return TraefikRouter(replace(spec, timeout_s=1.0), Path(), http, SystemClock(), **options)


async def takes_up(server: TraefikServer, green: int) -> None:
    await asyncio.to_thread(server.takes_up, {"blue": 100 - green, "green": green})


async def test_only_the_two_numbers_of_the_file_change(traefik_server: TraefikServer, http: HttpClient) -> None:
    os.chmod(traefik_server.file, 0o640)
    await router_of(traefik_server.spec, http).set_split(change(5))
    wanted = traefik_server.configured.replace("weight: 100", "weight: 95").replace("weight: 0 ", "weight: 5 ")
    assert traefik_server.file.read_text() == wanted
    assert traefik_server.file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in traefik_server.file.parent.iterdir()] == ["shop.yaml"]


async def test_a_sticky_customer_leaves_a_side_whose_weight_is_nothing(traefik_server: TraefikServer, http: HttpClient) -> None:
    router = router_of(traefik_server.spec, http)
    await router.set_split(change(100))
    await takes_up(traefik_server, 100)
    customer = Customer(traefik_server.url)
    assert customer.side() == "green"
    await router.set_split(change(50, backward=True))
    await takes_up(traefik_server, 50)
    assert {customer.side() for _ in range(10)} == {"green"}
    await router.set_split(change(0, backward=True))
    await takes_up(traefik_server, 0)
    assert customer.side() == "blue"


async def test_an_edit_of_the_file_since_it_was_read_is_a_conflict_and_stays(traefik_server: TraefikServer, http: HttpClient) -> None:
    router = router_of(traefik_server.spec, http)
    await router.split()
    edited = traefik_server.configured + "# kept by Rita\n"
    traefik_server.write(edited)
    with pytest.raises(Refused, match=r"Somebody else changed .*other lines are not") as caught:
        await router.set_split(change(5))
    assert caught.value.means
    assert traefik_server.file.read_text() == edited
    await router.split()
    await router.set_split(change(5))  # once it was read again
    assert "# kept by Rita" in traefik_server.file.read_text()


async def test_weights_that_somebody_else_wrote_are_named_in_the_conflict(traefik_server: TraefikServer, http: HttpClient) -> None:
    router = router_of(traefik_server.spec, http)
    await router.split()
    await asyncio.to_thread(traefik_server.set, 50, 50)
    with pytest.raises(Refused, match="were blue 100, green 0 and are blue 50, green 50"):
        await router.set_split(change(5))
    assert traefik_server.weights() == {"blue": 50, "green": 50}


async def test_going_back_writes_over_the_weights_of_an_edit_and_keeps_its_other_lines(
    traefik_server: TraefikServer, http: HttpClient
) -> None:
    router = router_of(traefik_server.spec, http)
    await router.split()
    traefik_server.write(traefik_server.configured.replace("weight: 0 ", "weight: 70 ") + "# kept by Rita\n")
    await router.set_split(change(0, backward=True))
    assert traefik_server.file.read_text() == traefik_server.configured + "# kept by Rita\n"


async def test_a_file_that_traefik_did_not_take_up_is_told_and_stops_what_goes_forward(
    traefik_server: TraefikServer, http: HttpClient
) -> None:
    """Another part of the file is wrong to Traefik, so that it goes on with what it had."""
    router = router_of(traefik_server.spec, http)
    traefik_server.write(traefik_server.configured.replace("weight: 0 ", "weight: 30 ") + "tcp: [wrong, for, Traefik]\n")
    refused = traefik_server.child.log
    async with asyncio.timeout(10):
        while "tcp" not in refused.read_text().partition("Error occurred during watcher callback")[2]:
            await asyncio.sleep(0.01)
    split = await router.split()
    assert split.weights == {"blue": 100, "green": 0}
    assert "the file asks for blue 100, green 30, which Traefik has not taken up" in split.note
    with pytest.raises(Refused, match="It asks for blue 100, green 30, and Traefik runs blue 100, green 0"):
        await router.set_split(change(5))


@pytest.mark.parametrize("text", ["http: [", "{{ range $i := .Things }}\nhttp: {}\n", "", "http: {services: {shop: {loadBalancer: {}}}}\n"])
async def test_a_file_without_the_weights_is_told_and_never_written(traefik_server: TraefikServer, http: HttpClient, text: str) -> None:
    """A console that never read it with weights has nothing to put in its place."""
    router = router_of(traefik_server.spec, http)
    traefik_server.file.write_text(text)
    with pytest.raises(Refused) as caught:
        await router.set_split(change(0, backward=True))
    assert caught.value.advice
    assert traefik_server.file.read_text() == text


async def test_going_back_is_not_stopped_by_an_edit_that_broke_the_file_and_keeps_the_edit(
    traefik_server: TraefikServer, http: HttpClient
) -> None:
    router = router_of(traefik_server.spec, http)
    await router.set_split(change(50))
    await takes_up(traefik_server, 50)
    await router.split()
    broken = traefik_server.configured + "  half an edi"
    traefik_server.write(broken)
    with pytest.raises(Refused, match="no YAML"):
        await router.set_split(change(95))
    await router.set_split(change(0, backward=True))
    await takes_up(traefik_server, 0)
    assert traefik_server.file.read_text() == traefik_server.configured
    (kept,) = traefik_server.file.parent.glob("*.kept")
    assert kept.read_text() == broken
    assert f"somebody's edit is kept in {kept}" in (await router.split()).note
    await router.set_split(change(5))
    assert "edit is kept" not in (await router.split()).note


async def test_weights_are_read_although_the_file_is_not_to_be_had_here(traefik_server: TraefikServer, http: HttpClient) -> None:
    router = router_of(replace(traefik_server.spec, file="/nowhere/shop.yaml"), http)
    split = await router.split()
    assert split.weights == {"blue": 100, "green": 0}
    assert "/nowhere/shop.yaml cannot be read" in split.note
    assert "may not write in the folder /nowhere" in split.note
    for backward in (False, True):
        with pytest.raises(Refused, match="cannot be read"):
            await router.set_split(change(0, backward=backward))


async def test_going_back_is_written_while_traefik_is_gone_and_found_when_it_comes_up(
    traefik_server: TraefikServer, http: HttpClient
) -> None:
    router = router_of(traefik_server.spec, http)
    await router.set_split(change(50))
    await takes_up(traefik_server, 50)
    await asyncio.to_thread(traefik_server.child.stop)
    await router.set_split(change(0, backward=True))
    await asyncio.to_thread(traefik_server.child.start)
    assert (await router.split()).weights == {"blue": 100, "green": 0}


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HANG_BEFORE, Fault.GARBAGE, Fault.OVERSIZE, Fault.DRIP])
async def test_going_forward_writes_nothing_when_traefik_does_not_answer_for_itself(
    traefik_server: TraefikServer, http: HttpClient, fault: Fault
) -> None:
    async with fault_proxy(traefik_server.api) as proxy:
        proxy.set(fault)
        router = TraefikRouter(replace(traefik_server.spec, api=proxy.url, timeout_s=0.4), Path(), http, SystemClock())
        with pytest.raises((Unreachable, Refused)) as caught:
            await router.set_split(change(5))
        await router.set_split(change(0, backward=True))  # and going back needs no answer
    assert not isinstance(caught.value, Unreachable) or not caught.value.sent
    assert caught.value.means == "Nothing was changed."
    assert traefik_server.file.read_text() == traefik_server.configured


async def test_a_change_forward_that_began_before_a_way_back_is_not_written_over_it(
    traefik_server: TraefikServer, http: HttpClient
) -> None:
    await asyncio.to_thread(traefik_server.set, 50, 50)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def token() -> str:
        asked.set()
        await go_on.wait()
        return "a-token"

    router = router_of(traefik_server.spec, http, token=token)
    forward = asyncio.create_task(router.set_split(change(95)))
    await asked.wait()
    await router.set_split(change(0, backward=True))
    go_on.set()
    with pytest.raises(Refused):
        await forward
    await takes_up(traefik_server, 0)


async def test_metrics_that_are_not_there_are_an_error_and_never_nothing(traefik_server: TraefikServer, http: HttpClient) -> None:
    elsewhere = replace(traefik_server.spec, metrics=f"{traefik_server.url}/version")
    with pytest.raises(Malformed, match="no metrics of Traefik"):
        await router_of(elsewhere, http).measured()


async def test_another_file_or_service_is_another_system(traefik_server: TraefikServer, http: HttpClient) -> None:
    spec = traefik_server.spec
    prints = {
        (await router_of(each, http).identity()).fingerprint
        for each in (
            spec,
            replace(spec, file="other.yaml"),
            replace(spec, service="other"),
            replace(spec, services={"blue": "a", "green": "b"}),
        )
    }
    assert len(prints) == 4


async def test_a_service_that_is_not_there_is_named(traefik_server: TraefikServer, http: HttpClient) -> None:
    with pytest.raises(Refused, match="has no service shelf@file"):
        await router_of(replace(traefik_server.spec, service="shelf"), http).split()
    with pytest.raises(Refused, match="not to violet"):
        await router_of(replace(traefik_server.spec, services={"blue": "blue", "green": "violet"}), http).split()


async def test_an_api_behind_a_password_is_asked_with_it_and_never_tells_it(
    scripted: ScriptedServer, tmp_path: Path, http: HttpClient
) -> None:
    async def token() -> str:
        return "open-sesame"

    spec = TraefikTraffic(scripted.url, str(tmp_path / "shop.yaml"), "shop", {"blue": "blue", "green": "green"}, user="rita")
    scripted.script(Answer(403, body=b"no cml0YTpvcGVuLXNlc2FtZQ== open-sesame"))
    with pytest.raises(Refused) as caught:
        await router_of(spec, http, token=token).split()
    assert b"authorization: Basic cml0YTpvcGVuLXNlc2FtZQ==" in scripted.requests[0].replace(b"Authorization", b"authorization")
    assert not any(secret in str(caught.value) for secret in ("open-sesame", "cml0YTpvcGVuLXNlc2FtZQ"))


def answer(body: object) -> Answer:
    return Answer(body=json.dumps(body).encode())


def weighted(**weights: object) -> Answer:
    services = [{"name": name, "weight": weight} for name, weight in weights.items()]
    return answer({"weighted": {"services": services}, "status": "enabled"})


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text("http: {services: {shop: {weighted: {services: [{name: blue, weight: 100}, {name: green, weight: 0}]}}}}\n")
    return path


def scripted_router(server: ScriptedServer, file: Path, http: HttpClient) -> TraefikRouter:
    return router_of(TraefikTraffic(server.url, str(file), "shop", {"blue": "blue", "green": "green"}), http)


async def test_traffic_is_not_sent_where_every_server_is_down(scripted: ScriptedServer, routes: Path, http: HttpClient) -> None:
    before = routes.read_text()
    up = answer({"serverStatus": {"http://blue": "UP"}})
    scripted.script(weighted(blue=100, green=0), up, answer({"serverStatus": {"http://green": "DOWN"}}))
    with pytest.raises(Refused, match="No server of green is up"):
        await scripted_router(scripted, routes, http).set_split(change(5))
    assert routes.read_text() == before


async def test_a_service_beside_the_two_sides_is_told_and_stops_what_goes_forward(
    scripted: ScriptedServer, routes: Path, http: HttpClient
) -> None:
    scripted.script(weighted(blue=50, green=25, violet=25))
    router = scripted_router(scripted, routes, http)
    split = await router.split()
    assert split.weights == {"blue": 50, "green": 25}
    assert "violet takes traffic too" in split.note
    with pytest.raises(Refused, match="violet takes traffic too"):
        await router.set_split(change(5))


async def test_what_is_amiss_stands_in_the_note(scripted: ScriptedServer, routes: Path, http: HttpClient) -> None:
    scripted.script(
        answer({"weighted": {"services": [{"name": "blue", "weight": 0}, {"name": "green", "weight": 0}]}, "status": "disabled"})
    )
    note = (await scripted_router(scripted, routes, http).split()).note
    assert "every request is answered 503" in note
    assert "Traefik calls the service disabled" in note


@pytest.mark.parametrize(
    "body",
    [
        {"weighted": {"services": [{"name": "blue", "weight": -1}, {"name": "green", "weight": 1}]}, "status": "enabled"},
        {},
        [],
        {"weighted": 1},
    ],
)
async def test_a_reading_that_is_no_weighted_service_is_an_error(
    scripted: ScriptedServer, routes: Path, http: HttpClient, body: object
) -> None:
    scripted.script(answer(body))
    with pytest.raises(Malformed):
        await scripted_router(scripted, routes, http).split()
