"""What can go wrong around the console: no keyring, a full disk, dead metrics, weights changed by hand. Going back still goes."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from journeys.armed import Armed
from journeys.kit import Fault, Shell, Traffic, Watched, prepare, seen, wire_to
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream

from console.app import opened
from console.model.audit import AuditFilter
from console.model.commands import Command
from console.model.rollout import Phase
from console.model.verbs import Verb

pytestmark = [pytest.mark.anyio, pytest.mark.envoy]

NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
TOKEN = "\n  token: keyring:shop-metrics\ngates:"


def weight(envoy: EnvoyServer) -> str:
    return envoy.runtime().get("routing.shop.green", "0")


def wants_a_secret(home: Path) -> None:
    path = home / "shop.yaml"
    path.write_text(path.read_text().replace("\ngates:", TOKEN, 1), encoding="utf-8")


def test_without_a_keyring_the_reason_is_told_and_a_rollback_goes(
    tmp_path: Path, envoy_server: EnvoyServer, upstreams: dict[str, Upstream]
) -> None:
    shell = Shell(prepare(tmp_path / "home", envoy_server.admin, upstreams), NO_KEYRING)
    wants_a_secret(shell.home)
    said = shell("target", "status", "shop")
    assert said.code == 0, said
    metrics = next(line for line in said.out.splitlines() if line.strip().startswith("metrics"))
    assert "keyring" in metrics.lower(), metrics
    envoy_server.modify("routing.shop.blue=0&routing.shop.green=100")
    back = shell("rollback", "shop")
    assert (back.code, weight(envoy_server)) == (0, "0"), back


async def test_without_a_keyring_the_desk_says_so_with_advice(armed: Armed, monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring.backends.null

    monkeypatch.setattr("keyring.get_keyring", keyring.backends.null.Keyring)
    async with opened(watch=()) as console:
        state = await console.secrets()
    assert not state.usable
    assert state.problem
    assert "env:" in state.advice or "keyring" in state.advice.lower()


async def test_with_metrics_dead_and_weights_changed_by_hand_a_rollback_goes(
    tmp_path: Path, envoy_server: EnvoyServer, upstreams: dict[str, Upstream], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Traffic(upstreams), wire_to(upstreams["blue"].url) as metrics, wire_to(upstreams["green"].url) as others:
        home = await asyncio.to_thread(prepare, tmp_path / "home", envoy_server.admin, upstreams)
        text = (home / "shop.yaml").read_text()
        for side, wire in (("blue", metrics), ("green", others)):
            text = text.replace(f"{upstreams[side].url}/metrics", f"{wire.proxy.url}/metrics")
        (home / "shop.yaml").write_text(text.replace("wait: 1 s", "wait: 10 min"), encoding="utf-8")
        monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(home))
        async with opened(watch=None) as console:
            watched = Watched(console)
            await console.read("shop", 20.0)
            plan = await console.plan("shop", "18.0.0")
            start = Command(Verb.START, "shop", console.actor, "go", release="18.0.0", plan_hash=plan.plan_hash)
            answer = await console.act(start)
            assert answer.decision.allowed, answer.decision
            await watched.until(lambda: watched.targets["shop"].weight.read_back.value == 5, "5 % runs")
            metrics.fail(Fault.CUT_BEFORE)
            others.fail(Fault.CUT_BEFORE)
            await asyncio.to_thread(envoy_server.modify, "routing.shop.blue=60&routing.shop.green=40")
            await watched.until(lambda: watched.targets["shop"].weight.drift, "drift is shown")
            await watched.until(lambda: watched.rollouts[answer.rollout].phase is Phase.HELD, "nothing goes on by itself")
            await watched.until(
                lambda: any(c.port == "metrics" and not c.ok for c in watched.targets["shop"].connections), "metrics are dead"
            )
            back = await console.act(Command(Verb.ROLLBACK, "shop", console.actor, "back", rollout=answer.rollout))
            assert back.decision.allowed, back.decision
            await watched.until(lambda: watched.rollouts[answer.rollout].phase is Phase.ROLLED_BACK, "rolled back")
    assert weight(envoy_server) == "0"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of a few MiB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a small disk can be mounted by root on Linux only")
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip("no small disk can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Leave not a byte free."""
    stuffing = disk / "stuffing"
    with stuffing.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return stuffing


async def test_on_a_full_disk_forward_is_refused_in_words_and_a_rollback_goes_and_is_recorded_later(
    small_disk: Path, envoy_server: EnvoyServer, upstreams: dict[str, Upstream], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = await asyncio.to_thread(prepare, small_disk / "home", envoy_server.admin, upstreams)
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(home))
    async with opened(watch=None) as console:
        watched = Watched(console)
        await console.read("shop", 20.0)
        await asyncio.to_thread(envoy_server.modify, "routing.shop.blue=0&routing.shop.green=100")
        await watched.until(lambda: watched.targets["shop"].weight.read_back.value == 100, "the weights changed by hand")
        stuffing = await asyncio.to_thread(fill, small_disk)
        back = await console.act(Command(Verb.ROLLBACK, "shop", console.actor, "the disk is full"))
        assert back.decision.allowed, back.decision
        await watched.until(
            lambda: back.rollout in watched.rollouts and watched.rollouts[back.rollout].phase is Phase.ROLLED_BACK, "rolled back"
        )
        assert "recorded" in watched.rollouts[back.rollout].note
        assert {row.recorded for row in watched.rollouts[back.rollout].steps} == {"emergency"}
        assert weight(envoy_server) == "0"
        stuffing.unlink()
    async with opened(watch=None) as console:
        await seen(console)
        report = await console.audit_verify(None)
        assert (report.ok, report.open_intents) == (True, ())
        kept = await console.store.audit.all(AuditFilter(text="full"))
        assert any(record.entry.reason == "the disk is full" for record in kept)


def test_a_command_on_a_full_disk_says_so_and_a_rollback_goes(
    small_disk: Path, envoy_server: EnvoyServer, upstreams: dict[str, Upstream]
) -> None:
    shell = Shell(prepare(small_disk / "home", envoy_server.admin, upstreams))
    envoy_server.modify("routing.shop.blue=0&routing.shop.green=100")
    stuffing = fill(small_disk)
    refused = shell("freeze", "stop-the-line", "--reason", "x")
    assert (refused.code, "free space" in refused.err) == (4, True), refused
    back = shell("rollback", "shop", "--reason", "the disk is full")
    assert weight(envoy_server) == "0", back
    assert back.code == 0, back
    stuffing.unlink()
    assert shell("audit", "verify").code == 0
    assert "the disk is full" in shell("audit", "list").out
