"""Two consoles of a team, and everything gone at once: the way back is on the wire within two seconds, and in the team's log afterwards."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from journeys.kit import LONG_S, Traffic, Watched, target_text, wire_to
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream
from servers.keyring_process import KeyringServer
from servers.postgres_process import ADMIN, PASSWORD, PostgresServer

from console.app import opened
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


@pytest.fixture
def locked(trouble: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Give the shop's metrics a secret in a keyring, and return what locks it; one of the cases has a keyring."""
    if trouble == "hanging":
        monkeypatch.setenv("SHOP_TOKEN", "k3y")
        return lambda: None
    import keyring

    server: KeyringServer = request.getfixturevalue("keyring_server")
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)
    keyring.set_password(SERVICE, "shop", "k3y-of-the-shop")
    return server.lock


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


# The keyring's library leaves its socket to the collector when nobody unlocks.
@pytest.mark.filterwarnings("ignore:.*unclosed <socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("trouble", ["stopped", "hanging"])
async def test_with_everything_gone_the_way_back_is_on_the_wire_and_merged_later(
    desks: tuple[Desk, Desk],
    postgres_server: PostgresServer,
    locked: Callable[[], None],
    envoy_server: EnvoyServer,
    upstreams: Mapping[str, Upstream],
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
) -> None:
    driver_desk, other_desk = desks
    with Traffic(upstreams), wire_to(envoy_server.admin) as wire:
        driver_desk.folder.mkdir()
        path = driver_desk.folder / "shop.yaml"
        text = target_text(wire.proxy.url, upstreams, stages="  - {weight: 5 %, wait: 10 min}")
        token = "env:SHOP_TOKEN" if trouble == "hanging" else "keyring:shop"
        path.write_text(text.replace("  poll: 1 s\n", f"  poll: 1 s\n  token: {token}\n", 1), encoding="utf-8")
        sit_down(driver_desk, monkeypatch)
        async with opened(watch=None) as driver:
            await driver.add_target(path)
            await driver.arm("shop", armed=True, reason="tests")
            watched = Watched(driver)
            await driver.read("shop", 20.0)
            plan = await driver.plan("shop", "18.0.0")
            answer = await driver.act(Command(Verb.START, "shop", driver.actor, "go", release="18.0.0", plan_hash=plan.plan_hash))
            assert answer.decision.allowed, answer.decision
            await watched.until(lambda: watched.targets["shop"].weight.read_back.value == 5, "5 % runs")
            sit_down(other_desk, monkeypatch)
            async with opened(watch=None) as other:
                there = Watched(other)
                await there.until(lambda: answer.rollout in there.rollouts and "shop" in there.targets, "the other console sees it")
                assert (driver.actor.name, other.actor.name) == ("jo_driver", "jo_other")
                await other.stop_the_line("customers call", None, ())
                await asyncio.to_thread(locked)
                postgres_server.stop() if trouble == "stopped" else postgres_server.freeze()
                wire.forget()
                asked = time.monotonic()
                back = await other.act(Command(Verb.ROLLBACK, "shop", other.actor, "customers call", rollout=answer.rollout))
                assert back.decision.allowed, back.decision
                await there.until(lambda: there.targets["shop"].weight.read_back.value == 0, "0 % read back")
                to_wire = wire.sent_at[0] - asked
                assert to_wire <= 2
                print(f"{trouble}: on the wire after {to_wire:.3f} s")
                assert envoy_server.runtime()["routing.shop.green"] == "0"
                if trouble == "stopped":
                    postgres_server.child.start()
                postgres_server.thaw()
                await until_recorded(other.store)
                report = await other.store.audit.verify()
                assert (report.ok, report.open_intents) == (True, ())
                kept = [record.entry for record in await other.store.audit.all(AuditFilter(rollout=answer.rollout))]
                assert {told.actor.name for told in kept if "origin" in told.detail} == {"jo_other"}
    assert envoy_server.runtime()["routing.shop.green"] == "0"
