"""What every flag service promises: asked and in effect are two things, and an answer for another flag is none."""

import asyncio
import json

import pytest
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, bomb, scripted_server
from servers.fixtures import FlagServer

from console.model.clock import SystemClock
from console.model.errors import BadFile, ConsoleError, Malformed, OutcomeUnknown, Refused, TooLarge, Unreachable, WrongSystem
from console.model.ports import Flags
from console.model.systems import HttpFlag
from console.providers.clients.http import HttpClient
from console.providers.flags.httpflag import HttpFlags

pytestmark = pytest.mark.anyio

NAME = "new-checkout"


@pytest.fixture(params=["http"])
async def flags(request: pytest.FixtureRequest):
    """Make the provider under test for the flag at an address."""
    client = HttpClient()

    def make(url: str, *, timeout_s: float = 1.0, name: str = NAME) -> Flags:
        return HttpFlags(HttpFlag(url, name, timeout_s), client, SystemClock())

    yield make
    await client.aclose()


async def test_a_flag_is_killed_and_read_back(flags, flag_server: FlagServer) -> None:
    service = flags(f"{flag_server.url}/flag")
    state = await service.state()
    assert (state.name, state.on, state.percent, state.in_effect) == (NAME, True, 100, True)
    await service.set_flag(on=False, percent=0, key="step-7")
    state = await service.state()
    assert (state.on, state.percent, state.in_effect) == (False, 0, True)


async def test_the_step_s_id_is_sent_as_idempotency_key(flags, flag_server: FlagServer) -> None:
    await flags(f"{flag_server.url}/flag").set_flag(on=True, percent=25, key="step-8")
    assert (await asyncio.to_thread(flag_server.seen))["keys"] == ["step-8"]


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HANG_BEFORE, Fault.HANG_AFTER])
async def test_a_kill_that_is_cut_or_hangs_is_perhaps_applied_and_reading_back_tells(flags, flag_server: FlagServer, fault: Fault) -> None:
    async with fault_proxy(flag_server.url) as proxy:
        proxy.set(fault)
        with pytest.raises(Unreachable) as caught:
            await flags(f"{proxy.url}/flag", timeout_s=0.4).set_flag(on=False, percent=0, key="step-9")
    assert caught.value.sent
    state = await flags(f"{flag_server.url}/flag").state()
    assert state.on == (fault in {Fault.CUT_BEFORE, Fault.HANG_BEFORE})


async def test_nothing_was_sent_when_nobody_listens(flags) -> None:
    async with scripted_server() as gone:
        pass
    with pytest.raises(Unreachable) as caught:
        await flags(f"{gone.url}/flag").set_flag(on=False, percent=0, key="step-1")
    assert not caught.value.sent


def state_of(**fields: object) -> Answer:
    return Answer(body=json.dumps({"name": NAME, "on": True, "percent": 5, "in_effect": None, **fields}).encode())


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (state_of(name="other"), WrongSystem),
        (state_of(percent=101), Malformed),
        (state_of(percent="5"), Malformed),
        (state_of(percent=True), Malformed),
        (state_of(on="yes"), Malformed),
        (state_of(in_effect="yes"), Malformed),
        (Answer(body=b'{"name": "new-checkout", "on": true, "on": false, "percent": 5}'), Malformed),
        (Answer(body=b"<html>"), Malformed),
        (Answer(raw=b"garbage\r\n\r\n"), Malformed),
        (Answer(401), Refused),
        (Answer(404), Refused),
        (Answer(500), Refused),
        (bomb(10_000_000), TooLarge),
    ],
)
async def test_each_kind_of_bad_state_is_its_own_error(flags, answer: Answer, wanted: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted) as caught:
            await flags(f"{server.url}/flag").state()
    assert caught.value.advice


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (Answer(401), Refused),
        (Answer(409), Refused),
        (Answer(422), Refused),
        (Answer(429), Refused),
        (Answer(500), OutcomeUnknown),
        (bomb(9_000_000), OutcomeUnknown),
    ],
)
async def test_each_kind_of_no_to_a_kill_is_its_own_error(flags, answer: Answer, wanted: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted):
            await flags(f"{server.url}/flag").set_flag(on=False, percent=0, key="step-1")


async def test_a_service_that_cannot_tell_what_is_in_effect_is_not_believed_to(flags) -> None:
    async with scripted_server() as server:
        server.script(state_of())
        assert (await flags(f"{server.url}/flag").state()).in_effect is None


async def test_more_than_all_is_never_asked_for(flags, flag_server: FlagServer) -> None:
    with pytest.raises(BadFile):
        await flags(f"{flag_server.url}/flag").set_flag(on=True, percent=101, key="step-1")
    assert (await asyncio.to_thread(flag_server.seen))["keys"] == []
