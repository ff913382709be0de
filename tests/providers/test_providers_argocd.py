"""Argo CD, against a stand-in made after its API's description: auto-sync comes back as it was, and a rollback is asked for once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from faults.proxy import Fault, fault_proxy
from faults.scripted import Answer, scripted_server
from servers.argocd_stand_in import BAD, OLD, TOKEN, ArgoCdStandIn, argocd_stand_in

from console.model.clock import SystemClock
from console.model.errors import ConsoleError, Malformed, OutcomeUnknown, Refused, Unreachable, WrongSystem
from console.model.systems import ArgoCdUndo
from console.providers.clients.http import HttpClient
from console.providers.undo.argocd import BACK, PAUSED, ArgoCdStep

pytestmark = pytest.mark.anyio

Make = Callable[..., ArgoCdStep]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    client = HttpClient()

    async def fetch() -> str:
        return TOKEN

    def made(url: str, action: str, *, timeout_s: float = 2.0, application: str = "shop") -> ArgoCdStep:
        spec = ArgoCdUndo(url, application, action, timeout_s=timeout_s)
        return ArgoCdStep(spec, client, SystemClock(), lambda: asyncio.ensure_future(fetch()))

    yield made
    await client.aclose()


@pytest.fixture
async def argo() -> AsyncIterator[ArgoCdStandIn]:
    async with argocd_stand_in() as made:
        yield made


async def test_auto_sync_is_paused_and_comes_back_as_it_was(argo: ArgoCdStandIn, make: Make) -> None:
    before = dict(argo.automated or {})
    pause, resume = make(argo.url, "pause"), make(argo.url, "resume")
    assert not (await pause.look()).done
    for _ in range(2):  # twice does no harm
        await pause.run("step-1")
        assert (await pause.look()).done
        assert argo.automated is None
    assert not (await resume.look()).done
    for _ in range(2):
        await resume.run("step-2")
        assert (await resume.look()).done
        assert argo.automated == before
    assert len(argo.asked) == 2


async def test_an_application_without_auto_sync_stays_without(argo: ArgoCdStandIn, make: Make) -> None:
    argo.automated = {"enabled": False, "prune": True}
    await make(argo.url, "pause").run("step-1")
    await make(argo.url, "resume").run("step-2")
    assert (await make(argo.url, "pause").look()).done
    assert (await make(argo.url, "resume").look()).detail == "auto-sync is off, as it was before"
    assert argo.asked == []


async def test_auto_sync_that_somebody_let_run_again_in_a_way_of_their_own_stays_so(argo: ArgoCdStandIn, make: Make) -> None:
    await make(argo.url, "pause").run("step-1")
    argo.automated = {"prune": False}
    await make(argo.url, "resume").run("step-2")
    assert argo.automated == {"prune": False}
    assert (await make(argo.url, "resume").look()).done


async def test_a_rollback_pauses_auto_sync_and_goes_to_the_revision_before(argo: ArgoCdStandIn, make: Make) -> None:
    step = make(argo.url, "rollback")
    assert not (await step.look()).done
    await step.run("step-1")
    state = await step.look()
    assert state.done
    assert state.detail == f"{OLD[:10]} is deployed and healthy, back from {BAD[:10]}"
    assert state.since == datetime(2026, 11, 24, 11, tzinfo=UTC)
    assert argo.automated is None
    assert json.loads(argo.annotations[PAUSED]) == {"prune": True, "selfHeal": True}
    await step.run("step-1")
    assert [verb for verb, path in argo.asked] == ["PATCH", "POST"]
    await make(argo.url, "resume").run("step-2")
    assert argo.automated == {"prune": True, "selfHeal": True}


async def test_a_rollback_on_its_way_is_not_asked_for_again_and_is_not_done(argo: ArgoCdStandIn, make: Make) -> None:
    argo.quick = False
    step = make(argo.url, "rollback")
    await step.run("step-1")
    await step.run("step-1")
    state = await step.look()
    assert not state.done
    assert "running now" in state.detail
    assert [verb for verb, path in argo.asked] == ["PATCH", "POST"]
    argo.health = "Progressing"
    argo.finish()
    assert not (await step.look()).done
    argo.health = "Healthy"
    assert (await step.look()).done


async def test_a_release_after_a_rollback_is_not_taken_for_rolled_back(argo: ArgoCdStandIn, make: Make) -> None:
    step = make(argo.url, "rollback")
    await step.run("step-1")
    argo.history.append({"id": 9, "revision": "3" * 40})
    assert not (await step.look()).done
    await step.run("step-2")
    assert argo.history[-1]["revision"] == OLD
    assert (await step.look()).done


async def test_an_operation_of_somebody_else_is_not_taken_for_the_rollback(argo: ArgoCdStandIn, make: Make) -> None:
    argo.operation, argo.state = {"sync": {"revision": BAD}}, {"phase": "Running"}
    with pytest.raises(Refused, match="in the middle of another operation"):
        await make(argo.url, "rollback").run("step-1")
    assert argo.asked == []


async def test_there_must_be_something_to_roll_back_to(argo: ArgoCdStandIn, make: Make) -> None:
    del argo.history[0]
    with pytest.raises(Refused, match="no earlier revision"):
        await make(argo.url, "rollback").run("step-1")
    assert argo.automated is not None


async def test_a_rollback_that_is_refused_once_auto_sync_is_paused_says_so(make: Make) -> None:
    async with scripted_server() as server:
        server.script(Answer(body=json.dumps(ArgoCdStandIn().value()).encode()), Answer(), Answer(403))
        with pytest.raises(OutcomeUnknown, match="Auto-sync is paused"):
            await make(server.url, "rollback").run("step-1")


async def test_a_sync_is_done_when_it_is_synced_and_healthy(argo: ArgoCdStandIn, make: Make) -> None:
    argo.synced = "OutOfSync"
    step = make(argo.url, "sync")
    assert not (await step.look()).done
    await step.run("step-1")
    assert (await step.look()).done


async def test_health_is_what_argo_cd_calls_healthy(argo: ArgoCdStandIn, make: Make) -> None:
    step = make(argo.url, "healthy")
    assert (await step.look()).done
    argo.health, argo.state = "Degraded", {"phase": "Failed", "message": "the hook failed \x1b[31m"}
    state = await step.look()
    assert not state.done
    assert state.detail == f"{BAD[:10]} deployed, Synced, Degraded; the hook failed"


@pytest.mark.parametrize("action", ["pause", "resume", "rollback", "sync"])
@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HANG_BEFORE, Fault.HANG_AFTER])
async def test_a_change_that_is_cut_or_hangs_may_have_been_done(argo: ArgoCdStandIn, make: Make, fault: Fault, action: str) -> None:
    if action == "resume":
        argo.automated, argo.annotations = None, {PAUSED: "{}"}
    argo.synced = "OutOfSync"
    async with fault_proxy(argo.url) as proxy:
        proxy.set(fault, lambda asked, number: not asked.startswith(b"GET"))
        with pytest.raises(Unreachable) as caught:
            await make(proxy.url, action, timeout_s=0.4).run("step-1")
    assert caught.value.sent
    assert bool(argo.asked) == (fault in {Fault.CUT_AFTER, Fault.HANG_AFTER})
    await make(argo.url, action).run("step-1")
    assert (await make(argo.url, action).look()).done


async def test_nothing_was_sent_when_the_application_cannot_be_read(argo: ArgoCdStandIn, make: Make) -> None:
    async with fault_proxy(argo.url) as proxy:
        proxy.set(Fault.CUT_AFTER)
        with pytest.raises(Unreachable) as caught:
            await make(proxy.url, "pause").run("step-1")
    assert not caught.value.sent
    assert argo.asked == []


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"metadata": {"name": "other"}}, WrongSystem),
        ({"metadata": {}}, Malformed),
        ({"spec": None}, Malformed),
        ({"status": {"history": {}}}, Malformed),
        ({"status": {"history": [1]}}, Malformed),
        ({"status": {"operationState": {"finishedAt": "yesterday"}}}, Malformed),
        ({"metadata": {"name": "shop", "annotations": {BACK: "{}"}}}, Malformed),
        ({"metadata": {"name": "shop", "annotations": {BACK: "no"}}}, Malformed),
    ],
)
async def test_a_state_that_is_none_is_an_error(make: Make, change: dict[str, object], wanted: type[ConsoleError]) -> None:
    async with scripted_server() as server:
        server.script(Answer(body=json.dumps(ArgoCdStandIn().value() | change).encode()))
        with pytest.raises(wanted) as caught:
            await make(server.url, "rollback").look()
    assert caught.value.advice


async def test_a_no_is_told_in_argo_cd_s_words_and_no_token_is_shown(argo: ArgoCdStandIn, make: Make) -> None:
    with pytest.raises(Refused, match="not found"):
        await make(argo.url, "healthy", application="shelf").look()
    async with scripted_server() as server:
        server.script(Answer(403, body=f"permission denied for {TOKEN}".encode()))
        with pytest.raises(Refused, match="permission denied") as caught:
            await make(server.url, "healthy").look()
    assert TOKEN not in str(caught.value)
