"""A keyring that is locked while traffic is split, and one that a new console finds locked: the way back goes, in clear words."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from journeys.kit import Shell, Traffic, Watched, target_text, wire_to
from servers.envoy_process import EnvoyServer
from servers.fixtures import FlagServer, Upstream
from servers.keyring_process import KeyringServer

from console.app import opened
from console.model.audit import AuditFilter
from console.model.commands import Command
from console.model.rollout import Phase
from console.model.verbs import Verb
from console.store.secrets import SERVICE

pytestmark = [pytest.mark.anyio, pytest.mark.envoy, pytest.mark.keyring, pytest.mark.journey]

SECRET = "k3y-of-the-shop"


def locked_text(admin: str, upstreams: Mapping[str, Upstream], flags: FlagServer) -> str:
    """Return a target whose metrics and flag need a secret from the keyring."""
    more = f"flag:\n  provider: http\n  name: new-checkout\n  url: {flags.url}/flag\n  token: keyring:shop\n"
    text = target_text(admin, upstreams, more, "  - {weight: 5 %, wait: 10 min}")
    text = text.replace("  poll: 1 s\n", "  poll: 1 s\n  token: keyring:shop\n", 1)
    return text.replace("rollback: [traffic]", "rollback: [traffic, flag]", 1)


@pytest.fixture
def home(tmp_path: Path, keyring_server: KeyringServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    import keyring

    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(tmp_path / "home"))
    keyring.set_password(SERVICE, "shop", SECRET)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


async def test_a_keyring_locked_during_a_rollout_does_not_hold_the_way_back(
    home: Path, keyring_server: KeyringServer, envoy_server: EnvoyServer, upstreams: Mapping[str, Upstream], flag_server: FlagServer
) -> None:
    with Traffic(upstreams), wire_to(envoy_server.admin) as wire:
        (home / "shop.yaml").write_text(locked_text(wire.proxy.url, upstreams, flag_server), encoding="utf-8")
        shell = Shell(home)
        for words in (("target", "add", str(home / "shop.yaml")), ("target", "arm", "shop")):
            said = await asyncio.to_thread(shell, *words)
            assert said.code == 0, said.err
        async with opened(watch=None) as console:
            watched = Watched(console)
            await console.read("shop", 20.0)
            plan = await console.plan("shop", "18.0.0")
            start = Command(Verb.START, "shop", console.actor, "go", release="18.0.0", plan_hash=plan.plan_hash)
            answer = await console.act(start)
            assert answer.decision.allowed, answer.decision
            await watched.until(lambda: watched.targets["shop"].weight.read_back.value == 5, "5 % runs")
            await asyncio.to_thread(keyring_server.lock)
            wire.forget()
            asked = time.monotonic()
            back = await console.act(Command(Verb.ROLLBACK, "shop", console.actor, "the keyring is locked", rollout=answer.rollout))
            assert back.decision.allowed, back.decision
            await watched.until(lambda: watched.rollouts[answer.rollout].phase is Phase.ROLLED_BACK, "rolled back")
            assert wire.sent_at[0] - asked <= 2
            report = await console.audit_verify(None)
            assert (report.ok, report.open_intents) == (True, ())
        assert flag_server.seen()["on"] is False
    assert envoy_server.runtime()["routing.shop.green"] == "0"


async def test_a_console_that_finds_the_keyring_locked_moves_traffic_back_and_says_what_it_could_not_do(
    home: Path, keyring_server: KeyringServer, envoy_server: EnvoyServer, upstreams: Mapping[str, Upstream], flag_server: FlagServer
) -> None:
    (home / "shop.yaml").write_text(locked_text(envoy_server.admin, upstreams, flag_server), encoding="utf-8")
    shell = Shell(home)
    for words in (("target", "add", str(home / "shop.yaml")), ("target", "arm", "shop")):
        said = await asyncio.to_thread(shell, *words)
        assert said.code == 0, said.err
    await asyncio.to_thread(envoy_server.modify, "routing.shop.blue=0&routing.shop.green=100")
    await asyncio.to_thread(keyring_server.lock)
    back = await asyncio.to_thread(shell, "rollback", "shop", "--reason", "customers call")
    assert envoy_server.runtime()["routing.shop.green"] == "0"
    assert back.code in {4, 5}, back
    assert "Nothing was sent. The keyring is locked." in back.err, back
    assert "confirmed" in back.out, "what did go back is said too"
    assert SECRET not in back.err + back.out
    async with opened(watch=()) as console:
        kept = await console.store.audit.all(AuditFilter(text="customers"))
        assert kept
        assert (await console.audit_verify(None)).ok
