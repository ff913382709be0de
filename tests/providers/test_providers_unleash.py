"""Unleash's oddities: accepted is not yet told to SDKs, off keeps its percentage, and strategies stand beside the one that is driven."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, scripted_server
from servers.unleash_process import ADMIN, CLIENTS, UnleashServer

from console.model.clock import SystemClock
from console.model.errors import Malformed, OutcomeUnknown, Refused, Unreachable, WrongSystem
from console.model.systems import UnleashFlag
from console.providers.clients.http import HttpClient
from console.providers.flags.unleash import UnleashFlags

pytestmark = [pytest.mark.anyio, pytest.mark.unleash]

TESTERS = ({"contextName": "userId", "operator": "IN", "values": ["rita"], "inverted": False, "caseInsensitive": False},)


def token(text: str) -> Callable[[], "asyncio.Future[str]"]:
    async def fetch() -> str:
        return text

    return lambda: asyncio.ensure_future(fetch())


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


def flags_of(spec: UnleashFlag, http: HttpClient, client_token: str | None = CLIENTS["development"]) -> UnleashFlags:
    return UnleashFlags(replace(spec, timeout_s=3.0), http, SystemClock(), token(ADMIN), client_token and token(client_token))


async def test_a_change_is_accepted_before_the_sdks_are_told(unleash_server: UnleashServer, http: HttpClient) -> None:
    flags = flags_of(unleash_server.spec(unleash_server.new_flag(percent=100)), http)
    seen: list[bool | None] = []
    async with asyncio.timeout(20):
        while False not in seen:  # now and then Unleash looks for changes in the very moment after one
            on = not (await flags.state()).on
            await flags.set_flag(on=on, percent=100, key="step-1")
            seen = []
            while not seen or not seen[-1]:
                state = await flags.state()
                assert state.on == on
                seen.append(state.in_effect)
                await asyncio.sleep(0.02)
    assert seen[-1] is True


async def test_a_killed_flag_that_somebody_turns_on_again_is_on_for_nobody(unleash_server: UnleashServer, http: HttpClient) -> None:
    name = unleash_server.new_flag(percent=40)
    await flags_of(unleash_server.spec(name), http).set_flag(on=False, percent=0, key="step-1")
    unleash_server.ask("POST", f"{unleash_server.here(name)}/on", {})
    assert unleash_server.flag(name) == (True, ["0"])


async def test_a_flag_is_raised_at_its_new_percentage_and_never_at_its_old_one(unleash_server: UnleashServer, http: HttpClient) -> None:
    """The percentage is set first: when turning on is what fails, nobody has met anything."""
    name = unleash_server.new_flag(percent=100, on=False)
    async with fault_proxy(unleash_server.url) as proxy:
        proxy.set(Fault.CUT_BEFORE, lambda asked, number: asked.startswith(b"POST"))
        with pytest.raises(Unreachable):
            await flags_of(replace(unleash_server.spec(name), url=proxy.url), http).set_flag(on=True, percent=5, key="step-1")
    assert unleash_server.flag(name) == (False, ["5"])


async def test_a_flag_without_strategies_is_given_one_before_it_is_on(unleash_server: UnleashServer, http: HttpClient) -> None:
    """Unleash itself would add one for everybody."""
    name = unleash_server.new_flag(percent=None, on=False)
    flags = flags_of(unleash_server.spec(name), http)
    assert (await flags.state()).percent == 0
    await flags.set_flag(on=True, percent=5, key="step-1")
    assert unleash_server.flag(name) == (True, ["5"])


@pytest.mark.parametrize("lost", [b"/off ", b"/strategies/"])
async def test_half_a_kill_takes_it_from_everybody_and_is_told(unleash_server: UnleashServer, http: HttpClient, lost: bytes) -> None:
    name = unleash_server.new_flag(percent=40)
    async with fault_proxy(unleash_server.url) as proxy:
        proxy.set(Fault.CUT_BEFORE, lambda asked, number: lost in asked.split(b"\r\n")[0])
        with pytest.raises((Unreachable, OutcomeUnknown)) as caught:
            await flags_of(replace(unleash_server.spec(name), url=proxy.url), http).set_flag(on=False, percent=0, key="step-1")
    assert unleash_server.flag(name) == ((True, ["0"]) if lost == b"/off " else (False, ["40"]))
    assert lost == b"/off " or "as many as before" in caught.value.means


async def test_what_stands_beside_the_rollout_stays_and_is_told(unleash_server: UnleashServer, http: HttpClient) -> None:
    name = unleash_server.new_flag(percent=5)
    unleash_server.add_strategy(name, "flexibleRollout", TESTERS, rollout="100", stickiness="default", groupId=name)
    flags = flags_of(unleash_server.spec(name), http)
    state = await flags.state()
    assert state.percent == 5
    assert "also on for those whom flexibleRollout names" in state.note
    await flags.set_flag(on=True, percent=25, key="step-1")
    assert unleash_server.flag(name) == (True, ["25", "100"])


async def test_a_second_strategy_for_everybody_stops_a_raise_and_no_kill(unleash_server: UnleashServer, http: HttpClient) -> None:
    name = unleash_server.new_flag(percent=5)
    unleash_server.add_strategy(name, "default")
    flags = flags_of(unleash_server.spec(name), http)
    state = await flags.state()
    assert state.percent == 100
    assert "2 strategies give it to everybody" in state.note
    with pytest.raises(Refused, match="2 strategies for everybody"):
        await flags.set_flag(on=True, percent=25, key="step-1")
    await flags.set_flag(on=False, percent=0, key="step-2")
    assert unleash_server.flag(name) == (False, ["0"])


async def test_who_changed_it_last_is_told(unleash_server: UnleashServer, http: HttpClient) -> None:
    name = unleash_server.new_flag(percent=5, on=False)
    flags = flags_of(unleash_server.spec(name), http)
    await flags.state()
    await flags.set_flag(on=True, percent=5, key="step-1")
    note = (await flags.state()).note
    assert note.startswith("Flag enabled by ")
    assert " at 20" in note


async def test_nobody_can_tell_what_is_in_effect_without_a_client_token_or_with_another_environment_s(
    unleash_server: UnleashServer, http: HttpClient
) -> None:
    spec = unleash_server.spec(unleash_server.new_flag(percent=5))
    assert (await flags_of(spec, http, None).state()).in_effect is None
    state = await flags_of(spec, http, CLIENTS["production"]).state()
    assert state.in_effect is None
    assert "the client token is for production, not development" in state.note
    state = await flags_of(spec, http, "default:development.no-such-token").state()
    assert state.in_effect is None
    assert "what SDKs see cannot be read" in state.note
    assert "no-such-token" not in state.note


@pytest.mark.parametrize("field", ["name", "project", "environment"])
async def test_a_flag_that_is_not_there_is_named_in_unleash_s_words(unleash_server: UnleashServer, http: HttpClient, field: str) -> None:
    spec = replace(unleash_server.spec(unleash_server.new_flag()), **{field: "nowhere"})
    for act in (lambda flags: flags.state(), lambda flags: flags.set_flag(on=True, percent=5, key="step-1")):
        with pytest.raises(Refused, match="nowhere") as caught:
            await act(flags_of(spec, http))
        assert caught.value.status == 404


def flag(**fields: object) -> Answer:
    value = {"name": "f", "environment": "development", "enabled": True, "strategies": [], **fields}
    return Answer(body=json.dumps(value).encode())


def rollout(percent: object) -> dict[str, object]:
    return {"id": "1", "name": "flexibleRollout", "parameters": {"rollout": percent}}


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (flag(name="other"), WrongSystem),
        (flag(environment="production"), WrongSystem),
        (flag(enabled="yes"), Malformed),
        (flag(strategies={}), Malformed),
        (flag(strategies=["x"]), Malformed),
        (flag(strategies=[{"name": "flexibleRollout"}]), Malformed),
        *((flag(strategies=[rollout(percent)]), Malformed) for percent in ("101", "-1", "1.5", "", None, True, "٣")),
    ],
)
async def test_a_state_that_is_none_is_an_error(http: HttpClient, answer: Answer, wanted: type[Exception]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted):
            await flags_of(UnleashFlag(server.url, "f", "development"), http, None).state()


async def test_no_token_is_shown_in_any_error(http: HttpClient) -> None:
    async with scripted_server() as server:
        for status in (401, 403, 409, 422, 500):
            server.script(Answer(status, body=f"not with {ADMIN}".encode()))
            with pytest.raises((Refused, OutcomeUnknown)) as caught:
                await flags_of(UnleashFlag(server.url, "f", "development"), http, None).set_flag(on=False, percent=0, key="step-1")
            assert ADMIN not in str(caught.value)
    assert all(f"authorization: {ADMIN}".encode() in asked.lower() for asked in server.requests)
