"""A release on a real HAProxy: the way back moves customers held by cookies, and nobody raises a weight behind somebody's back."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from journeys.kit import LONG_S, ROOT, Shell, Traffic, Watched, Wire, target_text, wire_to
from servers.customer import Customer
from servers.fixtures import Upstream
from servers.haproxy_process import BACKEND, HaproxyServer

from console.app import opened
from console.model.audit import AuditFilter, RecordKind
from console.model.commands import Command
from console.model.rollout import Phase
from console.model.verbs import State, Verb

pytestmark = [pytest.mark.journey, pytest.mark.haproxy]


def haproxy_text(server: HaproxyServer, upstreams: Mapping[str, Upstream], address: str = "", stages: str = "") -> str:
    """Return the target file of the test Envoy with a HAProxy in its place; `address` is where its runtime API is reached."""
    text = target_text("http://127.0.0.1:1", upstreams, stages=stages)
    begin, end = text.index("traffic:"), text.index("workloads:")
    servers = ", ".join(f"{side}: [{', '.join(names)}]" for side, names in server.servers.items())
    traffic = (
        f"traffic:\n  provider: haproxy\n  address: {address or f'127.0.0.1:{server.port}'}\n  backend: shop\n  servers: {{{servers}}}\n"
    )
    return text[:begin] + traffic + text[end:]


@pytest.fixture
def shell(haproxy_server: HaproxyServer, upstreams: Mapping[str, Upstream], tmp_path: Path) -> Shell:
    file = tmp_path / "shop.yaml"
    file.write_text(haproxy_text(haproxy_server, upstreams), encoding="utf-8")
    shell = Shell(tmp_path / "home")
    assert shell("target", "add", str(file)).code == 0
    assert shell("target", "arm", "shop", "--reason", "test").code == 0
    return shell


def test_a_customer_with_the_canarys_cookie_is_on_stable_right_after_roll_back(shell: Shell, haproxy_server: HaproxyServer) -> None:
    there = shell("switch", "shop", "--to", "green", "--reason", "try it")
    assert there.code == 0, there.err
    customer = Customer(haproxy_server.url)
    assert [customer.side() for _ in range(5)] == ["green"] * 5
    assert shell("freeze", "stop-the-line", "--reason", "peak").code == 0
    back = shell("rollback", "shop", "--reason", "customers call")
    assert back.code == 0, back.err
    assert [customer.side() for _ in range(5)] == ["blue"] * 5
    refused = shell("switch", "shop", "--to", "green")
    assert (refused.code, "stop" in refused.err.lower()) == (3, True)
    assert shell("audit", "verify").code == 0


def test_weights_changed_by_hand_are_no_obstacle_on_the_way_back(shell: Shell, haproxy_server: HaproxyServer) -> None:
    assert shell("switch", "shop", "--to", "green").code == 0
    for name in haproxy_server.servers["blue"]:
        haproxy_server.ask(f"set weight shop/{name} 37")
    back = shell("rollback", "shop")
    assert back.code == 0, back.err
    assert [Customer(haproxy_server.url, "SIDE=green1").side() for _ in range(3)] == ["blue"] * 3


class Desk:
    """A console in a process of its own, that can be stopped where it stands and told moves meanwhile."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("desk_child.py"))]
        environment = {**os.environ, "RELEASE_CONSOLE_HOME": str(home)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment)

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    async def said(self) -> dict[str, object]:
        assert self.process.stdout is not None
        async with asyncio.timeout(LONG_S):
            found: dict[str, object] = json.loads(await asyncio.to_thread(self.process.stdout.readline))
        return found

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def end(self) -> str:
        """Close its input, at which it ends by itself, and return what it complained about."""
        self.signal(signal.SIGCONT)
        _, complaints = self.process.communicate(timeout=LONG_S)
        return complaints


@pytest.fixture
def wire(haproxy_server: HaproxyServer) -> Iterator[Wire]:
    """A counted wire to the HAProxy's runtime API."""
    with wire_to(f"127.0.0.1:{haproxy_server.port}") as counted:
        yield counted


def sets(wire: Wire) -> list[str]:
    """Return the commands that change something, as they went over the wire."""
    return [line for _, line in wire.requests if line.startswith("set ")]


def weights(server: HaproxyServer) -> dict[str, str]:
    """Return each server's weight, read past every console."""
    names = [name for each in server.servers.values() for name in each]
    return {name: server.ask(f"get weight {BACKEND}/{name}").split()[0] for name in names}


def write(server: HaproxyServer, wanted: Mapping[str, str]) -> None:
    """Write weights past every console."""
    for name, weight in wanted.items():
        server.ask(f"set weight {BACKEND}/{name} {weight}")


@pytest.fixture
def desk_home(
    haproxy_server: HaproxyServer, wire: Wire, upstreams: Mapping[str, Upstream], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A home that knows the shop behind the counted wire, armed; its release stands at 25 % for six seconds, then goes to 50 %."""
    home, file = tmp_path / "home", tmp_path / "shop.yaml"
    stages = "  - {weight: 25 %, wait: 6 s}\n  - {weight: 50 %, wait: 1 h}"
    file.write_text(haproxy_text(haproxy_server, upstreams, wire.proxy.address, stages), encoding="utf-8")
    shell = Shell(home)
    assert shell("target", "add", str(file)).code == 0
    assert shell("target", "arm", "shop", "--reason", "test").code == 0
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(home))
    return home


@pytest.mark.anyio
async def test_a_stopped_drivers_late_write_is_shown_within_2_s_and_its_queued_promote_is_refused_with_its_old_token(
    desk_home: Path, haproxy_server: HaproxyServer, wire: Wire, upstreams: Mapping[str, Upstream], record_property
) -> None:
    first = Desk(desk_home)
    try:
        driver = (await first.said())["console"]
        with Traffic(upstreams):
            async with opened(watch=None) as console:
                watched = Watched(console)
                first.tell("start 18.0.0")
                started = await first.said()
                assert started["allowed"], started
                rollout = str(started["rollout"])
                await watched.until(lambda: rollout in watched.rollouts and watched.rollouts[rollout].weight.read_back.value == 25, "25 %")
                first.signal(signal.SIGSTOP)
                late = weights(haproxy_server)
                first.tell(f"promote {rollout}")  # it lies in the pipe until the process wakes
                await watched.until(lambda: watched.rollouts[rollout].lost_holder != "", "the alarm")
                answer = await console.take_wheel(rollout, "the laptop sleeps")
                assert answer.decision.allowed, answer.decision
                down = Command(Verb.STEP_DOWN, "shop", console.actor, "while nobody looks", rollout=rollout)
                assert (await console.act(down)).decision.allowed
                await watched.until(lambda: watched.rollouts[rollout].weight.read_back.value == 1, "stepped down")
                sent = len(sets(wire))
                assert sent > 0
                write(haproxy_server, late)
                written = time.monotonic()
                await watched.until(lambda: watched.rollouts[rollout].state is State.DRIFT, "the late write is seen")
                drift_s = time.monotonic() - written
                headline = watched.rollouts[rollout].headline
                assert "blue 75 %, green 25 % read back" in headline
                assert f"as {console.actor.name} had asked at" in headline
                assert "that wheel is over" in headline
                first.signal(signal.SIGCONT)
                refused = await first.said()
                assert not refused["allowed"], refused
                assert any(words in str(refused["reasons"]) for words in ("You were away for", "(token 1) is over")), refused
                assert len(sets(wire)) == sent, "neither console raises or lowers anything by itself"
                assert watched.rollouts[rollout].wheel.mine
                told = [each.entry for each in await console.store.audit.all(AuditFilter(kinds=frozenset({RecordKind.REFUSAL})))]
                mine = [(each.verb, each.detail.get("token")) for each in told if each.actor.console == driver]
                assert ("promote", 1) in mine, told
                assert "Traceback" not in await asyncio.to_thread(first.end)
                assert len(sets(wire)) == sent, "nor does the woken one when it ends"
                assert weights(haproxy_server) == late
                assert (await console.audit_verify(None)).ok
    finally:
        first.process.kill()
        first.process.communicate()
    print(f"late write seen after {drift_s:.2f} s")
    record_property("drift_s", round(drift_s, 2))
    assert drift_s <= 2


@pytest.mark.anyio
async def test_a_holder_never_raises_a_weight_that_somebody_lowered_by_hand(
    desk_home: Path, haproxy_server: HaproxyServer, wire: Wire, upstreams: Mapping[str, Upstream]
) -> None:
    with Traffic(upstreams):
        async with opened(watch=None) as console:
            watched = Watched(console)
            await console.read("shop", 20.0)
            plan = await console.plan("shop", "18.0.0")
            start = Command(Verb.START, "shop", console.actor, "go", release="18.0.0", plan_hash=plan.plan_hash)
            rollout = (await console.act(start)).rollout
            await watched.until(lambda: rollout in watched.rollouts and watched.rollouts[rollout].weight.read_back.value == 25, "25 %")
            assert watched.rollouts[rollout].wheel.mine
            (canary,) = haproxy_server.servers["green"]
            by_hand = weights(haproxy_server) | {canary: "1"}
            assert sets(wire), "what the console sends is counted"
            wire.forget()
            write(haproxy_server, {canary: "1"})
            await watched.until(lambda: watched.rollouts[rollout].phase is Phase.HELD, "held")
            assert "Somebody else changed it" in watched.rollouts[rollout].note
            seen = watched.rollouts[rollout].weight.read_back
            assert seen.at is not None
            ends = seen.at + timedelta(seconds=7)  # past the wait after which the stage would have gone to 50 %
            await watched.until(lambda: (watched.rollouts[rollout].weight.read_back.at or ends) > ends, "a later reading")
            assert sets(wire) == []
            assert weights(haproxy_server) == by_hand
