"""Two consoles of a team, and everything gone at once: the way back is on the wire within two seconds, and in the team's log afterwards."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import keyring
import psycopg
import pytest
from faults.proxy import Fault
from journeys.kit import LONG_S, ROOT, Traffic, Watched, Wire, target_text, wire_to
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream
from servers.keyring_process import KeyringServer
from servers.postgres_process import ADMIN, PASSWORD, PostgresServer

from console.app import Console, opened
from console.model.audit import AuditFilter
from console.model.clock import SystemClock
from console.model.commands import Command
from console.model.errors import StoreError
from console.model.rollout import Actor
from console.model.stores import Store
from console.model.verbs import Verb
from console.store.postgres.address import address_of
from console.store.postgres.connecting import TO_WRITE, Door
from console.store.postgres.setup import Person, add_person, set_up
from console.store.secrets import SERVICE

pytestmark = [pytest.mark.anyio, pytest.mark.envoy, pytest.mark.keyring, pytest.mark.postgres, pytest.mark.journey]
PEOPLE = (Person("jo_driver", ("operator", "admin")), Person("jo_other", ("operator", "approver")))


@dataclass(frozen=True)
class Desk:
    """Where a person of the team works."""

    folder: Path
    url: str


@dataclass
class Metrics:
    """Wires to both sides' metrics; once they are dead, blue's refuses connections and green's never answers."""

    green: Wire
    urls: Mapping[str, str]
    _blue: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def of(cls, upstreams: Mapping[str, Upstream], stack: ExitStack) -> "Metrics":
        blue = stack.enter_context(ExitStack())
        wires = {"blue": blue.enter_context(wire_to(upstreams["blue"].url)), "green": stack.enter_context(wire_to(upstreams["green"].url))}
        return cls(wires["green"], {side: wire.proxy.url for side, wire in wires.items()}, blue)

    def die(self) -> None:
        self._blue.close()
        self.green.forget()
        self.green.fail(Fault.HANG_BEFORE)


@pytest.fixture
def shop_secret(keyring_server: KeyringServer) -> KeyringServer:
    """Give the shop's metrics a secret in a real keyring."""
    keyring.set_password(SERVICE, "shop", "k3y-of-the-shop")
    return keyring_server


@pytest.fixture
def desks(postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Desk, Desk]]:
    monkeypatch.setenv("TEAM_SECRET", PASSWORD)
    monkeypatch.setenv("RELEASE_CONSOLE_STORE_PASSWORD", "env:TEAM_SECRET")
    name, now = postgres_server.new_database(), SystemClock().now()
    address = address_of(postgres_server.url(name))
    set_up(psycopg.connect(postgres_server.url(name)), address, now)
    with Door(address, lambda: None).engine(10.0, TO_WRITE).connect() as conn:
        conn.info["person"] = ADMIN
        for person in PEOPLE:
            add_person(conn, person, by=Actor(ADMIN, "setup"), at=now, password=PASSWORD)
        conn.commit()
    made = [Desk(tmp_path / person.login, postgres_server.url(name, person.login)) for person in PEOPLE]
    yield made[0], made[1]
    postgres_server.thaw()
    postgres_server.drop_database(name)


def sit_down(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEASE_CONSOLE_HOME", str(desk.folder))
    monkeypatch.setenv("RELEASE_CONSOLE_STORE", desk.url)


async def until_recorded(store: Store) -> None:
    async with asyncio.timeout(LONG_S):
        while True:
            try:
                await store.ready()
                if any("origin" in record.entry.detail for record in await store.audit.page(AuditFilter(), None, 20)):
                    report = await store.audit.verify()
                    if not report.open_intents:
                        return
            except StoreError:
                pass
            await asyncio.sleep(0.1)


async def started(driver: Console, watched: Watched, path: Path) -> str:
    """Add the target, start a release on it and return the rollout once 5 % were read back."""
    await driver.add_target(path)
    await driver.arm("shop", armed=True, reason="tests")
    await driver.read("shop", 20.0)
    plan = await driver.plan("shop", "18.0.0")
    answer = await driver.act(Command(Verb.START, "shop", driver.actor, "go", release="18.0.0", plan_hash=plan.plan_hash))
    assert answer.decision.allowed, answer.decision
    await watched.until(lambda: watched.targets["shop"].weight.read_back.value == 5, "5 % runs")
    return answer.rollout


def shop_text(admin: str, upstreams: Mapping[str, Upstream], metrics: Metrics) -> str:
    """Return the shop's file: its metrics behind wires that can die, and with a secret from the keyring."""
    text = target_text(admin, upstreams, stages="  - {weight: 5 %, wait: 10 min}")
    for side, url in metrics.urls.items():
        text = text.replace(f"{upstreams[side].url}/metrics", f"{url}/metrics", 1)
    return text.replace("  poll: 1 s\n", "  poll: 1 s\n  token: keyring:shop\n", 1)


async def verified_outside(console: Console, file: Path) -> None:
    """Export the audit and let the verifier that shares no code with the program check it."""
    assert await console.audit_export(file, AuditFilter()) > 0
    command = [sys.executable, str(ROOT / "resources" / "verify_audit.py"), str(file)]
    said = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("trouble", ["stopped", "hanging"])
async def test_with_everything_gone_the_way_back_is_on_the_wire_and_merged_later(
    desks: tuple[Desk, Desk],
    postgres_server: PostgresServer,
    shop_secret: KeyringServer,
    envoy_server: EnvoyServer,
    upstreams: Mapping[str, Upstream],
    monkeypatch: pytest.MonkeyPatch,
    record_property,
    trouble: str,
) -> None:
    driver_desk, other_desk = desks
    with Traffic(upstreams), wire_to(envoy_server.admin) as wire, ExitStack() as stack:
        metrics = Metrics.of(upstreams, stack)
        driver_desk.folder.mkdir()
        path = driver_desk.folder / "shop.yaml"
        path.write_text(shop_text(wire.proxy.url, upstreams, metrics), encoding="utf-8")
        sit_down(driver_desk, monkeypatch)
        async with opened(watch=None) as driver:
            rollout = await started(driver, Watched(driver), path)
            sit_down(other_desk, monkeypatch)
            async with opened(watch=None) as other:
                there = Watched(other)
                await there.until(lambda: rollout in there.rollouts and "shop" in there.targets, "the other console sees it")
                assert (driver.actor.name, other.actor.name) == ("jo_driver", "jo_other")
                lease = there.rollouts[rollout].wheel.lease
                assert lease is not None
                assert lease.holder.name == "jo_driver"
                await other.stop_the_line("customers call", None, ())
                metrics.die()
                await asyncio.to_thread(shop_secret.lock)
                await there.until(lambda: bool(metrics.green.requests), "metrics hang")
                postgres_server.stop() if trouble == "stopped" else postgres_server.freeze()
                wire.forget()
                asked = time.monotonic()
                back = await other.act(Command(Verb.ROLLBACK, "shop", other.actor, "customers call", rollout=rollout))
                assert back.decision.allowed, back.decision
                await there.until(lambda: there.targets["shop"].weight.read_back.value == 0, "0 % read back")
                to_wire = wire.sent_at[0] - asked
                record_property("to_wire_s", round(to_wire, 3))
                print(f"{trouble}: on the wire after {to_wire:.3f} s")
                assert to_wire <= 2
                assert envoy_server.runtime()["routing.shop.green"] == "0"
                if trouble == "stopped":
                    postgres_server.child.start()
                postgres_server.thaw()
                await until_recorded(other.store)
                report = await other.audit_verify(None)
                assert (report.ok, report.open_intents) == (True, ())
                kept = [record.entry for record in await other.store.audit.all(AuditFilter(rollout=rollout))]
                assert {told.actor.name for told in kept if "origin" in told.detail} == {"jo_other"}
                await verified_outside(other, other_desk.folder / "audit.jsonl")
    assert envoy_server.runtime()["routing.shop.green"] == "0"
