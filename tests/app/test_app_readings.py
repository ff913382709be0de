"""A command that is about to act waits until it knows which system it would act on."""

import asyncio
from pathlib import Path

import pytest
from journeys.kit import Fault, prepare, wire_to
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream

from console.app import opened
from console.model.commands import Command
from console.model.verbs import Verb

pytestmark = [pytest.mark.anyio, pytest.mark.envoy]


async def test_a_slow_answer_to_who_are_you_delays_a_switch_instead_of_refusing_it(
    envoy_server: EnvoyServer, upstreams: dict[str, Upstream], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wire_to(envoy_server.admin) as wire:
        home = await asyncio.to_thread(prepare, tmp_path / "home", wire.proxy.url, upstreams)
        monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(home))
        wire.proxy.drip_s = 0.0005
        wire.fail(Fault.DRIP, only="mask=last_updated")
        async with opened(watch=["shop"]) as console:
            await console.read("shop", 30.0)
            decision, _ = await console.preview(Command(Verb.SWITCH, "shop", console.actor, side="green"))
        assert decision.allowed, decision.reasons
