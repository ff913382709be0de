"""Two processes on a real Envoy: one is killed or stopped at 25 %, the other alarms, takes the wheel, and sees what the first left."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from journeys.armed import Armed
from journeys.kit import Shell, Traffic, Watched, prepare
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream

from console.app import Console, opened
from console.model.audit import AuditFilter, RecordKind
from console.model.commands import Answer, Command
from console.model.rollout import Phase
from console.model.verbs import State, Verb
from console.model.views import RolloutView

pytestmark = [pytest.mark.anyio, pytest.mark.envoy, pytest.mark.journey]

STAGES = "  - {weight: 25 %, wait: 1 h}"


def slow_home(home: Path, wire: str, upstreams: Mapping[str, Upstream]) -> Shell:
    """Make a home whose release stands at 25 % for an hour."""
    prepare(home, wire, upstreams)
    file = home / "shop.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("  - {weight: 5 %, wait: 1 s}", STAGES), encoding="utf-8")
    return Shell(home)


def start(shell: Shell) -> "subprocess.Popen[str]":
    """Start a release in a process of its own, as a person at a terminal does."""
    planned = shell("release", "plan", "shop", "--version", "18.0.0", "--json")
    assert planned.code == 0, planned.err
    return shell.start("release", "start", str(planned.document["plan_hash"])[:16], "--reason", "a quiet Tuesday")


def read(envoy: EnvoyServer) -> str:
    return envoy.runtime().get("routing.shop.green", "0")


async def at_25(watched: Watched, envoy: EnvoyServer) -> RolloutView:
    await watched.until(lambda: any(view.asked() for view in map(Seen, watched.rollouts.values())), "25 % are asked and read back")
    assert read(envoy) == "25"
    return next(iter(watched.rollouts.values()))


class Seen:
    """A picture of a rollout, asked whether its first stage stands."""

    def __init__(self, view: RolloutView) -> None:
        self._view = view

    def asked(self) -> bool:
        lease = self._view.wheel.lease
        return lease is not None and any(stage.running for stage in self._view.stages) and self._view.weight.read_back.value == 25


async def renewed_at(console: Console, rollout: str) -> datetime:
    """Return when the driver gave its last sign, by the records' clock."""
    lease = (await console.store.wheel.seen(rollout)).lease
    assert lease is not None
    return lease.renewed_at


async def act(console: Console, verb: Verb, rollout: str) -> Answer:
    return await console.act(Command(verb, "shop", console.actor, "the other console is lost", rollout=rollout))


@pytest.fixture
def shell(armed: Armed, upstream_processes: Mapping[str, Upstream], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    home = tmp_path / "wheel"
    shell = slow_home(home, armed.wire.proxy.url, upstream_processes)
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(home))
    return shell


async def test_a_killed_driver_is_missed_within_12_s_and_its_wheel_is_taken_within_30_s(
    shell: Shell, envoy_server: EnvoyServer, upstreams: Mapping[str, Upstream], record_property
) -> None:
    driver = start(shell)
    try:
        with Traffic(upstreams):
            async with opened(watch=None) as console:
                # As if the driver ran on another computer: nothing but its silence tells that it is gone.
                console.engine._parts.alive = lambda _: True
                watched = Watched(console)
                rollout = (await at_25(watched, envoy_server)).id
                os.kill(driver.pid, signal.SIGKILL)
                killed, last = time.monotonic(), await renewed_at(console, rollout)
                await watched.until(lambda: watched.rollouts[rollout].lost_holder != "", "the alarm")
                alarm_s = time.monotonic() - killed
                assert watched.rollouts[rollout].lost_since == last
                answer = await console.take_wheel(rollout, "the laptop is dead")
                takeover_s = time.monotonic() - killed
                assert answer.decision.allowed, answer.decision
                assert answer.detail == "Read back: 25 % on the canary."
                await watched.until(lambda: watched.rollouts[rollout].wheel.mine, "the wheel is here")
                view = watched.rollouts[rollout]
                assert view.wheel.lease is not None
                assert (view.phase, view.wheel.lease.token) == (Phase.HELD, 2)
                quiet = view.wheel.lease.renewed_at - last
                assert quiet >= timedelta(seconds=20), "a lease and a margin after the last sign"
                assert read(envoy_server) == "25"
                assert (await act(console, Verb.ROLLBACK, rollout)).decision.allowed
                await watched.until(lambda: watched.rollouts[rollout].phase is Phase.ROLLED_BACK, "it is back")
                report = await console.audit_verify(None)
                assert (report.ok, report.open_intents) == (True, ())
    finally:
        driver.kill()
        driver.communicate()
    print(f"alarm after {alarm_s:.1f} s, takeover after {takeover_s:.1f} s")
    record_property("alarm_s", round(alarm_s, 1))
    record_property("takeover_s", round(takeover_s, 1))
    assert alarm_s <= 12
    assert takeover_s <= 30


async def test_a_stopped_driver_that_wakes_moves_nothing_and_its_late_write_is_shown(
    shell: Shell, envoy_server: EnvoyServer, armed: Armed, upstreams: Mapping[str, Upstream], record_property
) -> None:
    driver = start(shell)
    try:
        with Traffic(upstreams):
            async with opened(watch=None) as console:
                watched = Watched(console)
                rollout = (await at_25(watched, envoy_server)).id
                os.kill(driver.pid, signal.SIGSTOP)
                await watched.until(lambda: watched.rollouts[rollout].lost_holder != "", "the alarm")
                assert (await console.take_wheel(rollout, "the laptop sleeps")).decision.allowed
                assert (await act(console, Verb.STEP_DOWN, rollout)).decision.allowed
                await watched.until(lambda: watched.rollouts[rollout].weight.read_back.value == 1, "stepped down")
                sent = len(armed.wire.sent)
                os.kill(driver.pid, signal.SIGCONT)
                await _ended(driver)  # it finds its wheel taken, and has nothing left to drive
                assert len(armed.wire.sent) == sent, "the woken process sends nothing"
                assert watched.rollouts[rollout].wheel.mine
                entries = [each.entry for each in await console.store.audit.all(AuditFilter(kinds=frozenset({RecordKind.TAKEOVER})))]
                assert [entry.detail.get("token") for entry in entries if entry.verb == "take the wheel"] == [1, 2]
                # What was on the wire when it was stopped: written past every console, as the old process would have.
                envoy_server.modify("routing.shop.blue=75&routing.shop.green=25")
                written = time.monotonic()
                await watched.until(lambda: watched.rollouts[rollout].state is State.DRIFT, "the late write is seen")
                drift_s = time.monotonic() - written
                headline = watched.rollouts[rollout].headline
                assert "blue 75 %, green 25 % read back" in headline
                assert "had asked at" in headline
                assert "that wheel is over" in headline
                assert len(armed.wire.sent) == sent, "nothing is raised or lowered by itself"
    finally:
        driver.kill()
        driver.communicate()
    print(f"late write seen after {drift_s:.2f} s")
    record_property("drift_s", round(drift_s, 2))
    assert drift_s <= 2


async def _ended(process: "subprocess.Popen[str]") -> None:
    """Wait until a driver that was overtaken ends by itself."""
    async with asyncio.timeout(20):
        while process.poll() is None:
            await asyncio.sleep(0.1)


def test_an_agent_goes_on_with_what_a_terminal_hands_over_and_hands_it_back_when_it_is_stopped(
    shell: Shell, envoy_server: EnvoyServer, upstreams: Mapping[str, Upstream]
) -> None:
    agent = shell.start("agent", "--json")
    driver = start(shell)
    again = driver
    try:
        with Traffic(upstreams):
            assert agent.stdout is not None
            assert json.loads(agent.stdout.readline())["event"] == "watching"
            _until(lambda: read(envoy_server) == "25")
            rollout = "R-1"
            given = _until(lambda: _done(shell, "wheel", "hand-over", rollout, "--note", "for the night", "--json"))
            assert given.document == {"handed_over": True, "to": "", "note": "for the night"}
            driver.communicate(timeout=30)
            shown = _until(lambda: _held_by_agent(shell, rollout))
            assert shown["card"]["note"] == "" or "night" in shown["card"]["note"]
            assert [each["kind"] for each in shown["consoles"]].count("agent") == 1
            assert read(envoy_server) == "25"
            agent.send_signal(signal.SIGTERM)
            out, err = agent.communicate(timeout=40)
            assert "Traceback" not in err
            assert '"handed over"' in out
            after = shell("wheel", "show", rollout, "--json").document
            assert after["held"] is False
            assert "The agent was stopped." in after["card"]["note"]  # type: ignore[index]
            taken = shell("wheel", "take", rollout, "--reason", "morning", "--json")
            assert taken.code == 0, taken.err
            assert taken.document["taken"] is True
            again = shell.start("wheel", "take", rollout, "--reason", "go on", "--drive")
            _until(lambda: shell("wheel", "show", rollout, "--json").document["held"])
            assert shell("release", "abort", rollout).code == 0
            out, _ = again.communicate(timeout=30)
            assert (again.returncode, "R-1: the wheel is here. Read back: 25 % on the canary." in out) == (1, True), out
            assert shell("wheel", "take", rollout).code == 3
    finally:
        for process in (driver, agent, again):
            process.kill()
            process.communicate()


def _done(shell: Shell, *words: str):
    said = shell(*words)
    return said if said.code == 0 else None


def _held_by_agent(shell: Shell, rollout: str):
    shown = shell("wheel", "show", rollout, "--json").document
    agents = {each["console"] for each in shown["consoles"] if each["kind"] == "agent"}  # type: ignore[attr-defined]
    return shown if shown["held"] and shown["lease"]["holder"]["console"] in agents else None  # type: ignore[index]


def _until(found, limit_s: float = 40.0):
    ends = time.monotonic() + limit_s
    while time.monotonic() < ends:
        result = found()
        if result:
            return result
        time.sleep(0.2)
    raise AssertionError("not in time")
