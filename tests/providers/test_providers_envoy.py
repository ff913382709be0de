"""Envoy's oddities: weights that were never set, sums that are not 100, routes that do not exist."""

import json

import pytest
from faults.scripted import Answer, ScriptedServer, scripted_server
from servers.envoy_process import EnvoyServer

from console.model.clock import SystemClock
from console.model.errors import Malformed, OutcomeUnknown, Refused
from console.model.readings import SplitChange
from console.model.systems import EnvoyTraffic
from console.providers.clients.http import HttpClient
from console.providers.traffic.envoy import EnvoyRouter

pytestmark = pytest.mark.anyio

HALF = SplitChange({"blue": 50, "green": 50}, key="step-1", backward=False)


@pytest.fixture
async def http():
    client = HttpClient()
    yield client
    await client.aclose()


@pytest.fixture
async def scripted():
    async with scripted_server() as server:
        yield server


def spec_of(server: ScriptedServer) -> EnvoyTraffic:
    return EnvoyTraffic(server.url, "routing.shop", {"blue": "blue", "green": "green"}, timeout_s=1.0)


def runtime(**weights: object) -> Answer:
    return Answer(
        body=json.dumps({"entries": {f"routing.shop.{name}": {"final_value": value} for name, value in weights.items()}}).encode()
    )


@pytest.mark.envoy
async def test_configured_weights_are_named_as_such(envoy_server: EnvoyServer, http: HttpClient) -> None:
    split = await EnvoyRouter(envoy_server.spec, http, SystemClock()).split()
    assert split.weights == {"blue": 100.0, "green": 0.0}
    assert "configured" in split.note


@pytest.mark.envoy
async def test_one_side_set_and_the_other_configured_is_read_as_what_holds(envoy_server: EnvoyServer, http: HttpClient) -> None:
    envoy_server.modify("routing.shop.green=25")
    split = await EnvoyRouter(envoy_server.spec, http, SystemClock()).split()
    assert split.weights == {"blue": 80.0, "green": 20.0}
    assert "add up to 125, not 100" in split.note
    assert "configured weight of blue" in split.note


@pytest.mark.envoy
async def test_no_weight_at_all_is_said_to_answer_nobody(envoy_server: EnvoyServer, http: HttpClient) -> None:
    envoy_server.modify("routing.shop.blue=0&routing.shop.green=0")
    split = await EnvoyRouter(envoy_server.spec, http, SystemClock()).split()
    assert split.weights == {"blue": 0.0, "green": 0.0}
    assert "404" in split.note


@pytest.mark.envoy
async def test_a_prefix_that_no_route_has_is_refused_even_when_its_keys_were_set(envoy_server: EnvoyServer, http: HttpClient) -> None:
    spec = EnvoyTraffic(envoy_server.admin, "routing.other", envoy_server.clusters)
    envoy_server.modify("routing.other.blue=95&routing.other.green=5")
    with pytest.raises(Refused, match="runtime_key_prefix"):
        await EnvoyRouter(spec, http, SystemClock()).split()


@pytest.mark.envoy
async def test_a_cluster_that_is_not_in_the_route_is_malformed(envoy_server: EnvoyServer, http: HttpClient) -> None:
    spec = EnvoyTraffic(envoy_server.admin, "routing.shop", {"blue": "blue", "green": "violet"})
    with pytest.raises(Malformed, match="violet"):
        await EnvoyRouter(spec, http, SystemClock()).split()


@pytest.mark.envoy
async def test_both_weights_are_sent_in_one_request(http: HttpClient, scripted: ScriptedServer) -> None:
    scripted.script(Answer(body=b"OK\n"))
    await EnvoyRouter(spec_of(scripted), http, SystemClock()).set_split(HALF)
    (request,) = scripted.requests
    assert request.startswith(b"POST /runtime_modify?routing.shop.blue=50&routing.shop.green=50 ")


@pytest.mark.parametrize("body", [b"", b"No admin layer specified", b"<html>", b"OKAY"])
async def test_anything_but_ok_is_no_acceptance(http: HttpClient, scripted: ScriptedServer, body: bytes) -> None:
    scripted.script(Answer(body=body))
    with pytest.raises(OutcomeUnknown):
        await EnvoyRouter(spec_of(scripted), http, SystemClock()).set_split(HALF)


async def test_an_envoy_without_an_admin_layer_refuses_for_sure(http: HttpClient, scripted: ScriptedServer) -> None:
    scripted.script(Answer(503, body=b"No admin layer specified", headers={"content-type": "text/plain"}))
    with pytest.raises(Refused) as caught:
        await EnvoyRouter(spec_of(scripted), http, SystemClock()).set_split(HALF)
    assert caught.value.means == "Nothing was changed."
    assert "admin_layer" in caught.value.advice


@pytest.mark.parametrize(
    "answer",
    [
        runtime(blue="abc", green="5"),
        runtime(blue="-5", green="5"),
        runtime(blue="5.5", green="5"),
        runtime(blue="NaN", green="5"),
        runtime(blue=95, green=5),
        runtime(blue=None, green="5"),
        runtime(blue="", green="5"),
        runtime(blue="1" * 30, green="5"),
        Answer(body=b'{"entries": []}'),
        Answer(body=b'{"entries": {"routing.shop.blue": "95"}}'),
        Answer(body=b"{}"),
        Answer(body=b"[]"),
    ],
)
async def test_weights_that_are_no_whole_numbers_are_never_read_as_some(http: HttpClient, scripted: ScriptedServer, answer: Answer) -> None:
    scripted.script(answer)
    with pytest.raises(Malformed):
        await EnvoyRouter(spec_of(scripted), http, SystemClock()).split()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_a_no_is_told_with_its_status(http: HttpClient, scripted: ScriptedServer, status: int) -> None:
    scripted.script(Answer(status))
    router = EnvoyRouter(spec_of(scripted), http, SystemClock())
    for reading in (router.split, router.identity, router.measured):
        with pytest.raises(Refused) as caught:
            await reading()
        assert caught.value.status == status
    with pytest.raises((Refused, OutcomeUnknown)):
        await router.set_split(HALF)


@pytest.mark.parametrize(
    "body", [b'{"stats": []}', b'{"stats": [{"name": "cluster.blue.upstream_rq_total", "value": -1}]}', b'{"stats": 5}', b"{}"]
)
async def test_request_counters_that_are_missing_or_no_counts_are_malformed(
    http: HttpClient, scripted: ScriptedServer, body: bytes
) -> None:
    scripted.script(Answer(body=body))
    with pytest.raises(Malformed):
        await EnvoyRouter(spec_of(scripted), http, SystemClock()).measured()


async def test_an_answer_that_does_not_introduce_itself_is_no_envoy(http: HttpClient, scripted: ScriptedServer) -> None:
    scripted.script(Answer(body=b'{"version": "1"}'))
    with pytest.raises(Malformed):
        await EnvoyRouter(spec_of(scripted), http, SystemClock()).identity()


@pytest.mark.envoy
async def test_another_envoy_at_the_same_address_has_another_fingerprint(
    envoy_server: EnvoyServer, http: HttpClient, scripted: ScriptedServer
) -> None:
    import urllib.request

    info = json.loads(urllib.request.urlopen(f"{envoy_server.admin}/server_info").read())
    info["node"]["id"] = "another-shop"
    clusters = urllib.request.urlopen(f"{envoy_server.admin}/config_dump?resource=static_clusters&mask=cluster.name").read()
    boot = urllib.request.urlopen(f"{envoy_server.admin}/config_dump?mask=last_updated").read()
    scripted.script(Answer(body=json.dumps(info).encode()), Answer(body=clusters), Answer(body=boot))
    real = await EnvoyRouter(envoy_server.spec, http, SystemClock()).identity()
    other = await EnvoyRouter(spec_of(scripted), http, SystemClock()).identity()
    assert other.fingerprint != real.fingerprint
    assert other.incarnation == real.incarnation
