"""LaunchDarkly, against a stand-in made after its public API description: one patch for state and percentage, and an off that is no off."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
from faults.scripted import Answer, scripted_server
from servers.launchdarkly_stand_in import NO, TOKEN, YES, LaunchDarklyStandIn, launchdarkly_stand_in

from console.model.clock import SystemClock
from console.model.errors import ConsoleError, Malformed, OutcomeUnknown, Refused, WrongSystem
from console.model.systems import LaunchDarklyFlag
from console.providers.clients.http import HttpClient
from console.providers.flags.launchdarkly import LaunchDarklyFlags

pytestmark = pytest.mark.anyio


def token(text: str) -> Callable[[], "asyncio.Future[str]"]:
    async def fetch() -> str:
        return text

    return lambda: asyncio.ensure_future(fetch())


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


@pytest.fixture
async def stand_in() -> AsyncIterator[LaunchDarklyStandIn]:
    async with launchdarkly_stand_in("new-checkout") as made:
        yield made


def flags_of(url: str, http: HttpClient) -> LaunchDarklyFlags:
    return LaunchDarklyFlags(LaunchDarklyFlag("new-checkout", "shop", "production", url, 2.0), http, SystemClock(), token(TOKEN))


async def test_a_raise_is_one_change_with_the_step_in_its_comment(stand_in: LaunchDarklyStandIn, http: HttpClient) -> None:
    stand_in.here["fallthrough"] = {
        "rollout": {
            "variations": [{"variation": 0, "weight": 5_000}, {"variation": 1, "weight": 95_000}],
            "bucketBy": "region",
            "contextKind": "user",
        }
    }
    flags = flags_of(stand_in.url, http)
    assert (await flags.state()).percent == 5
    await flags.set_flag(on=True, percent=25, key="step-8")
    (asked,) = stand_in.asked
    assert asked["comment"] == "release-console step-8"
    rule, on = asked["instructions"]
    assert on == {"kind": "turnFlagOn"}
    assert rule["rolloutWeights"] == {YES: 25_000, NO: 75_000}
    assert (rule["rolloutBucketBy"], rule["rolloutContextKind"]) == ("region", "user")
    assert (await flags.state()).percent == 25


async def test_a_kill_after_a_reading_is_one_change_of_both(stand_in: LaunchDarklyStandIn, http: HttpClient) -> None:
    flags = flags_of(stand_in.url, http)
    await flags.state()
    await flags.set_flag(on=False, percent=0, key="step-9")
    (asked,) = stand_in.asked
    assert [each["kind"] for each in asked["instructions"]] == ["turnFlagOff", "updateFallthroughVariationOrRollout"]
    assert stand_in.here["fallthrough"] == {"variation": 1}


async def test_a_kill_waits_for_no_reading_and_lowers_the_percentage_after_it(stand_in: LaunchDarklyStandIn, http: HttpClient) -> None:
    await flags_of(stand_in.url, http).set_flag(on=False, percent=0, key="step-9")
    first, second = stand_in.asked
    assert first["instructions"] == [{"kind": "turnFlagOff"}]
    assert [each["kind"] for each in second["instructions"]] == ["updateFallthroughVariationOrRollout"]


async def test_half_a_kill_is_told(http: HttpClient) -> None:
    async with scripted_server() as server:
        server.script(Answer(), Answer(503))
        with pytest.raises(OutcomeUnknown, match="was turned off") as caught:
            await flags_of(server.url, http).set_flag(on=False, percent=0, key="step-9")
    assert "as many as before" in caught.value.means


async def test_an_off_that_gives_it_to_everybody_is_read_as_on_and_mended_by_a_kill(
    stand_in: LaunchDarklyStandIn, http: HttpClient
) -> None:
    stand_in.here |= {"on": False, "offVariation": 0}
    flags = flags_of(stand_in.url, http)
    state = await flags.state()
    assert (state.on, state.percent) == (True, 100)
    assert "its off variation is true" in state.note
    await flags.set_flag(on=False, percent=0, key="step-9")
    state = await flags.state()
    assert (state.on, state.percent) == (False, 0)


async def test_what_the_percentage_does_not_tell_is_told(stand_in: LaunchDarklyStandIn, http: HttpClient) -> None:
    stand_in.here |= {"on": False, "offVariation": None, "rules": [{"clauses": []}], "targets": []}
    state = await flags_of(stand_in.url, http).state()
    assert "turned off by rita@example.com at 2025-11-24T16:00:00.000Z" in state.note
    assert "no off variation" in state.note
    assert "beside its default rule: rules" in state.note
    assert state.in_effect is None


def flag(here: object = None, **fields: object) -> Answer:
    variations = [{"_id": YES, "value": True}, {"_id": NO, "value": False}]
    base = {"on": True, "version": 1, "offVariation": 1, "fallthrough": {"variation": 0}}
    value = {"key": "new-checkout", "variations": variations, "environments": {"production": base | (here or {})}, **fields}
    return Answer(body=json.dumps(value).encode())


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (flag(key="other"), WrongSystem),
        (flag(variations=[{"_id": "a", "value": "x"}, {"_id": "b", "value": "y"}]), Refused),
        (flag(variations=[]), Refused),
        (flag(environments={}), Malformed),
        (flag({"fallthrough": {}}), Malformed),
        (flag({"fallthrough": {"variation": 2}}), Malformed),
        (flag({"fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 100_001}]}}}), Malformed),
        (flag({"on": 1}), Malformed),
        (flag({"version": "1"}), Malformed),
    ],
)
async def test_a_state_that_is_none_is_an_error(http: HttpClient, answer: Answer, wanted: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(answer)
        with pytest.raises(wanted) as caught:
            await flags_of(server.url, http).state()
    assert caught.value.advice


async def test_no_token_is_shown_in_any_error(http: HttpClient) -> None:
    async with scripted_server() as server:
        server.script(Answer(403, body=f"not with {TOKEN}".encode()))
        with pytest.raises(Refused) as caught:
            await flags_of(server.url, http).state()
    assert TOKEN not in str(caught.value)
