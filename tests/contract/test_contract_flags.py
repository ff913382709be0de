"""What every flag service promises: asked and in effect are two things, and an answer for another flag is none."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, bomb, scripted_server
from servers.fixtures import FlagServer
from servers.launchdarkly_stand_in import TOKEN, launchdarkly_stand_in
from servers.unleash_process import ADMIN, CLIENTS, UnleashServer

from console.model.clock import SystemClock
from console.model.errors import BadFile, ConsoleError, Malformed, OutcomeUnknown, Refused, TooLarge, Unreachable, WrongSystem
from console.model.ports import Flags
from console.model.systems import HttpFlag, LaunchDarklyFlag, UnleashFlag
from console.providers.clients.http import HttpClient
from console.providers.flags.httpflag import HttpFlags
from console.providers.flags.launchdarkly import LaunchDarklyFlags
from console.providers.flags.unleash import UnleashFlags

pytestmark = pytest.mark.anyio

NAME = "new-checkout"


@dataclass
class Rig:
    """A real flag service with one flag that is on for everybody; `make` gives its provider at another address too."""

    kind: str
    url: str
    name: str
    make: Callable[..., Flags]

    @property
    def flags(self) -> Flags:
        return self.make(self.url)


def token(text: str) -> Callable[[], "asyncio.Future[str]"]:
    async def fetch() -> str:
        return text

    return lambda: asyncio.ensure_future(fetch())


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient()
    yield made
    await made.aclose()


@pytest.fixture
def http_flag(client: HttpClient) -> Callable[..., Flags]:
    def make(url: str, *, timeout_s: float = 2.0, name: str = NAME) -> Flags:
        return HttpFlags(HttpFlag(f"{url}/flag", name, timeout_s), client, SystemClock())

    return make


@pytest.fixture
def unleash_flag(client: HttpClient) -> Callable[..., Flags]:
    def make(url: str, *, timeout_s: float = 2.0, name: str = NAME) -> Flags:
        spec = UnleashFlag(url, name, "development", timeout_s=timeout_s)
        return UnleashFlags(spec, client, SystemClock(), token(ADMIN), token(CLIENTS["development"]))

    return make


@pytest.fixture
def launchdarkly_flag(client: HttpClient) -> Callable[..., Flags]:
    def make(url: str, *, timeout_s: float = 2.0, name: str = NAME) -> Flags:
        return LaunchDarklyFlags(LaunchDarklyFlag(name, "shop", "production", url, timeout_s), client, SystemClock(), token(TOKEN))

    return make


KINDS = ["http", "unleash", "launchdarkly"]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Callable[..., Flags]:
    """Make the provider under test for a flag at an address."""
    return request.getfixturevalue(f"{request.param}_flag")


@pytest.fixture(params=["http", pytest.param("unleash", marks=pytest.mark.unleash), "launchdarkly"])
async def rig(request: pytest.FixtureRequest, http_flag, unleash_flag, launchdarkly_flag) -> AsyncIterator[Rig]:
    """Real services; LaunchDarkly is a stand-in, so that its provider is held to the API's description only."""
    made: Callable[..., Flags] = {"http": http_flag, "unleash": unleash_flag, "launchdarkly": launchdarkly_flag}[request.param]
    if request.param == "unleash":
        server: UnleashServer = request.getfixturevalue("unleash_server")
        name = server.new_flag()
        yield Rig("unleash", server.url, name, lambda url, **more: made(url, name=name, **more))
    elif request.param == "launchdarkly":
        async with launchdarkly_stand_in(NAME) as stand_in:
            yield Rig("launchdarkly", stand_in.url, NAME, made)
    else:
        yield Rig("http", request.getfixturevalue("flag_server").url, NAME, made)


async def in_effect(flags: Flags, *, on: bool, percent: float) -> None:
    """Wait until those who evaluate the flag have seen it so."""
    async with asyncio.timeout(10):
        while True:
            state = await flags.state()
            assert (state.on, state.percent) == (on, percent)
            if state.in_effect or state.in_effect is None:  # LaunchDarkly does not tell
                return
            await asyncio.sleep(0.05)


async def test_a_flag_is_killed_and_read_back(rig: Rig) -> None:
    state = await rig.flags.state()
    assert (state.name, state.on, state.percent) == (rig.name, True, 100)
    await rig.flags.set_flag(on=False, percent=0, key="step-7")
    await in_effect(rig.flags, on=False, percent=0)


async def test_a_flag_goes_up_and_down_as_it_is_told(rig: Rig) -> None:
    for on, percent in ((True, 25), (True, 100), (False, 0), (True, 5), (False, 0)):
        await rig.flags.set_flag(on=on, percent=percent, key="step-1")
        await in_effect(rig.flags, on=on, percent=percent)
        await rig.flags.set_flag(on=on, percent=percent, key="step-1")  # twice does no harm
        state = await rig.flags.state()
        assert (state.on, state.percent) == (on, percent)


async def test_the_step_s_id_is_sent_as_idempotency_key(http_flag: Callable[..., Flags], flag_server: FlagServer) -> None:
    await http_flag(flag_server.url).set_flag(on=True, percent=25, key="step-8")
    assert (await asyncio.to_thread(flag_server.seen))["keys"] == ["step-8"]


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HANG_BEFORE, Fault.HANG_AFTER])
async def test_a_kill_that_is_cut_or_hangs_is_perhaps_applied_and_reading_back_tells(rig: Rig, fault: Fault) -> None:
    async with fault_proxy(rig.url) as proxy:
        proxy.set(fault)
        with pytest.raises(Unreachable) as caught:
            await rig.make(proxy.url, timeout_s=0.4).set_flag(on=False, percent=0, key="step-9")
    assert caught.value.sent
    state = await rig.flags.state()
    assert state.on == (fault in {Fault.CUT_BEFORE, Fault.HANG_BEFORE})


async def test_nothing_was_sent_when_nobody_listens(make: Callable[..., Flags]) -> None:
    async with scripted_server() as gone:
        pass
    for on in (False, True):
        with pytest.raises(Unreachable) as caught:
            await make(gone.url).set_flag(on=on, percent=0, key="step-1")
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
    ],
)
async def test_a_state_that_the_small_interface_does_not_know_is_an_error(
    http_flag: Callable[..., Flags], answer: Answer, wanted: type[ConsoleError]
) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted) as caught:
            await http_flag(server.url).state()
    assert caught.value.advice


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (Answer(body=b'{"name": "new-checkout", "on": true, "on": false, "percent": 5}'), Malformed),
        (Answer(body=b"<html>"), Malformed),
        (Answer(body=b"[]"), Malformed),
        (Answer(raw=b"garbage\r\n\r\n"), Malformed),
        (Answer(401), Refused),
        (Answer(403), Refused),
        (Answer(404), Refused),
        (Answer(500), Refused),
        (bomb(10_000_000), TooLarge),
    ],
)
async def test_each_kind_of_bad_state_is_its_own_error(make: Callable[..., Flags], answer: Answer, wanted: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted) as caught:
            await make(server.url).state()
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
async def test_each_kind_of_no_to_a_kill_is_its_own_error(make: Callable[..., Flags], answer: Answer, wanted: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted):
            await make(server.url).set_flag(on=False, percent=0, key="step-1")


async def test_a_wait_that_the_service_asks_for_is_told(make: Callable[..., Flags]) -> None:
    async with scripted_server() as server:
        server.script(Answer(429, headers={"retry-after": "7"}))
        with pytest.raises(Refused) as caught:
            await make(server.url).set_flag(on=False, percent=0, key="step-1")
    assert caught.value.retry_after_s == 7


async def test_a_service_that_cannot_tell_what_is_in_effect_is_not_believed_to(http_flag: Callable[..., Flags]) -> None:
    async with scripted_server() as server:
        server.script(state_of())
        assert (await http_flag(server.url).state()).in_effect is None


async def test_more_than_all_is_never_asked_for(make: Callable[..., Flags]) -> None:
    async with scripted_server() as server:
        for percent in (101, -1):
            with pytest.raises(BadFile):
                await make(server.url).set_flag(on=True, percent=percent, key="step-1")
        assert server.requests == []
