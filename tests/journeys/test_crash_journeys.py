"""A console killed at each hook of a switch and of a rollback on a real Envoy: nothing is lost, nothing is sent twice blindly."""

import signal

import pytest
from journeys.armed import Armed
from journeys.kit import Watched, let_leases_run_out, seen
from servers.envoy_process import EnvoyServer

from console.app import Console, opened
from console.model.commands import Answer, Command
from console.model.rollout import Phase, StepState
from console.model.verbs import Verb
from console.model.views import RolloutView

pytestmark = [pytest.mark.anyio, pytest.mark.envoy]

SWITCH = [
    ("phase-before-commit", 0, ""),
    ("phase-after-commit", 0, "planned"),
    ("plan-opened", 0, "planned"),
    ("wheel-taken", 0, "planned"),
    ("intent-before-commit", 0, "planned"),
    ("intent-after-commit", 0, "unknown"),
    ("before-read", 0, "unknown"),
    ("before-send", 0, "unknown"),
    ("after-send", 1, "confirmed"),
    ("after-read-back", 1, "confirmed"),
    ("outcome-before-commit", 1, "confirmed"),
    ("outcome-after-commit", 1, "confirmed"),
]
"""Hook, changes sent until then, and what is known of the step after the restart; "" where there is no rollout yet."""

ROLLBACK = [
    ("intent-before-commit", 0),
    ("intent-after-commit", 0),
    ("before-send", 0),
    ("after-send", 1),
    ("after-read-back", 1),
    ("outcome-before-commit", 1),
    ("outcome-after-commit", 1),
    ("phase-before-commit", None),
    ("phase-after-commit", None),
    ("phase-before-commit:2", 1),
    ("phase-after-commit:2", 1),
]
"""Hook and changes sent until then; None where the record is written while the change is on its way."""


def weights(envoy: EnvoyServer) -> tuple[str, str]:
    runtime = envoy.runtime()
    return runtime.get("routing.shop.blue", "100"), runtime.get("routing.shop.green", "0")


async def act(console: Console, verb: Verb, view: RolloutView | None = None) -> Answer:
    return await console.act(Command(verb, "shop", console.actor, "after the crash", rollout=view.id if view else ""))


async def back_on_screen(console: Console) -> tuple[Watched, RolloutView]:
    """Return what a window shows once everything that was left open was read back."""
    watched = Watched(console)
    await watched.until(
        lambda: any(view.verbs and view.phase not in {Phase.PLANNED, Phase.RUNNING} for view in watched.rollouts.values()),
        "the rollout that was left behind",
    )
    return watched, next(view for view in watched.rollouts.values() if view.verbs)


async def crash(armed: Armed, hook: str, *words: str) -> None:
    said = armed.shell(*words, crash_at=hook)
    assert said.code == -signal.SIGKILL, said
    let_leases_run_out(armed.home)


async def audit_holds(console: Console) -> None:
    report = await console.audit_verify(None)
    assert (report.ok, report.problem, report.open_intents) == (True, "", ())


@pytest.mark.parametrize(("hook", "sent", "known"), SWITCH)
async def test_a_switch_that_was_killed_goes_on_without_sending_twice(
    armed: Armed, envoy_server: EnvoyServer, hook: str, sent: int, known: str
) -> None:
    await crash(armed, hook, "switch", "shop", "--to", "green")
    assert len(armed.wire.sent) == sent
    async with opened(watch=None, keeps_watch=True) as console:
        if not known:
            await seen(console)
            assert not await console.store.journal.rollouts(live=False)
            await audit_holds(console)
            return
        watched, view = await back_on_screen(console)
        assert len(armed.wire.sent) == sent, "a restart sends nothing"
        states = {row.state for row in await console.store.journal.steps(view.id)}
        assert states == ({StepState(known)} if known != "planned" else set())
        assert view.phase is (Phase.UNKNOWN if known == "unknown" else Phase.HELD)
        assert [unknown.what for unknown in view.unknowns] == ([f"switch on {view.next_sends[0].system}"] if known == "unknown" else [])
        assert "nothing advanced" in view.note
        await watched.until(lambda: watched.rollouts[view.id].verbs[Verb.RESUME].enabled, "resume is offered")
        assert watched.rollouts[view.id].verbs[Verb.ROLLBACK].enabled
        answer = await act(console, Verb.RESUME, view)
        assert answer.decision.allowed, answer.decision
        await watched.until(lambda: watched.rollouts[view.id].phase is Phase.DONE, "the switch is done")
        await audit_holds(console)
    assert len(armed.wire.sent) == 1, "once in all, before the crash or after it"
    assert weights(envoy_server) == ("0", "100")


@pytest.mark.parametrize(("hook", "sent", "known"), SWITCH[2:11:2])
async def test_a_switch_that_was_killed_rolls_back(armed: Armed, envoy_server: EnvoyServer, hook: str, sent: int, known: str) -> None:
    await crash(armed, hook, "switch", "shop", "--to", "green")
    async with opened(watch=None, keeps_watch=True) as console:
        watched, view = await back_on_screen(console)
        answer = await act(console, Verb.ROLLBACK, view)
        assert answer.decision.allowed, answer.decision
        await watched.until(lambda: watched.rollouts[view.id].phase is Phase.ROLLED_BACK, "it is rolled back")
        steps = await console.store.journal.steps(view.id)
        assert {row.state for row in steps} <= {StepState.CONFIRMED, StepState.UNKNOWN, StepState.FAILED}
        report = await console.audit_verify(None)
        assert report.ok
    assert len(armed.wire.sent) == sent + 1
    assert weights(envoy_server) == ("100", "0")


@pytest.mark.parametrize(("hook", "sent"), ROLLBACK)
async def test_a_rollback_that_was_killed_is_told_and_goes_through(
    armed: Armed, envoy_server: EnvoyServer, hook: str, sent: int | None
) -> None:
    await crash(armed, "after-send", "switch", "shop", "--to", "green")
    async with opened(watch=None) as console:
        await back_on_screen(console)
    armed.wire.forget()
    assert weights(envoy_server) == ("0", "100")
    await crash(armed, hook, "rollback", "shop")
    begun = len(armed.wire.sent)
    assert begun in ((0, 1) if sent is None else (sent,))
    async with opened(watch=None, keeps_watch=True) as console:
        found = await console.store.journal.rollouts(live=True)
        if found:
            watched, view = await back_on_screen(console)
            assert len(armed.wire.sent) == begun, "a restart sends nothing"
            assert {row.state for row in await console.store.journal.steps(view.id)} <= {StepState.CONFIRMED, StepState.UNKNOWN}
            assert bool(view.unknowns) is (begun == 0 and hook != "intent-before-commit")
            assert view.verbs[Verb.ROLLBACK].enabled
            answer = await act(console, Verb.ROLLBACK, view)
            assert answer.decision.allowed, answer.decision
            await watched.until(lambda: watched.rollouts[view.id].phase is Phase.ROLLED_BACK, "it is rolled back")
        else:
            assert begun == 1, "nothing is left to do only where the traffic was sent, and read back after the restart"
            assert {row.phase for row in await console.store.journal.rollouts(live=False, limit=1)} == {Phase.ROLLED_BACK}
        assert (await console.audit_verify(None)).ok
    assert weights(envoy_server) == ("100", "0")
