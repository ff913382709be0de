"""Changes on a real Kubernetes API are told by a watch that goes on where it broke off, so that they are read at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from servers.kubernetes_process import KubeServer
from servers.kubernetes_shop import KubeShop, open_shop

from console.model.clock import SystemClock
from console.model.kubernetes import KubeDeployments, KubeService
from console.providers.clients import kubewatch
from console.providers.clients.kubernetes import SERVICES, KubeClient
from console.providers.clients.kubewatch import Changes
from console.providers.traffic.kubernetes_service import KubeServiceRouter
from console.providers.workloads.kubernetes import KubeDeploymentVersions

pytestmark = [pytest.mark.anyio, pytest.mark.kubernetes]


@pytest.fixture(scope="module")
def shop(kubernetes_process: KubeServer) -> KubeShop:
    return open_shop(kubernetes_process)


@pytest.fixture
async def kube(kubernetes_server: KubeServer) -> AsyncIterator[KubeClient]:
    client = KubeClient(kubernetes_server.cluster(), Path(), SystemClock(), lambda: False)
    yield client
    await client.aclose()


@pytest.fixture
async def changes(kube: KubeClient, shop: KubeShop) -> Changes:
    return kube.changes(SERVICES.path(shop.namespace), "shop")


async def begun(changes: Changes, times: int) -> None:
    async with asyncio.timeout(20):
        while changes.begun < times:
            await asyncio.sleep(0.01)


async def label(shop: KubeShop, name: str = "shop") -> None:
    path = f"{shop.service.rpartition('/')[0]}/{name}"
    await asyncio.to_thread(shop.server.merge, path, {"metadata": {"labels": {"at": f"{time.monotonic_ns()}"}}})


async def told(changes: Changes, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        await changes.next()


async def test_a_change_by_anybody_is_told_and_that_of_another_object_is_not(shop: KubeShop, changes: Changes) -> None:
    waiting = asyncio.create_task(told(changes))
    await begun(changes, 1)
    await label(shop, "shop-blue")
    await label(shop)
    await waiting
    with pytest.raises(TimeoutError):
        await told(changes, 0.3)


async def test_a_watch_that_the_server_ends_goes_on_from_the_version_seen_last(shop: KubeShop, changes: Changes, monkeypatch) -> None:
    monkeypatch.setattr(kubewatch, "LASTS_S", 1)
    waiting = asyncio.create_task(told(changes))
    await begun(changes, 1)
    await label(shop)
    await waiting
    seen = changes._version
    await begun(changes, 3)
    assert changes._version == seen
    waiting = asyncio.create_task(told(changes))
    await label(shop)
    await waiting


async def test_a_version_that_is_too_old_begins_the_watch_anew_and_counts_as_a_change(shop: KubeShop, changes: Changes) -> None:
    changes._version, changes.begun = "1", 1
    await told(changes)
    assert int(changes._version) > 1


async def test_nobody_who_may_not_watch_is_told_and_nothing_breaks(kubernetes_server: KubeServer, shop: KubeShop) -> None:
    client = KubeClient(kubernetes_server.cluster("nobody"), Path(), SystemClock(), lambda: False)
    changes = client.changes(SERVICES.path(shop.namespace), "shop")
    with pytest.raises(TimeoutError):
        await told(changes, 0.5)
    await client.aclose()


async def test_providers_tell_of_changes_within_a_second(kube: KubeClient, shop: KubeShop, record_property) -> None:
    cluster, sides = shop.server.cluster(), {"blue": "shop-blue", "green": "shop-green"}
    router = KubeServiceRouter(KubeService(cluster, shop.namespace, "shop", "version", sides), kube, SystemClock())
    workloads = KubeDeploymentVersions(KubeDeployments(cluster, shop.namespace, sides), kube, SystemClock())
    for system, path in ((router, shop.service), (workloads, shop.deployment("green"))):
        waiting = asyncio.create_task(system.changed())
        watches = [system._changes] if isinstance(system._changes, Changes) else list(system._changes)
        for each in watches:
            await begun(each, 1)
        began = time.monotonic()
        await asyncio.to_thread(shop.server.merge, path, {"metadata": {"labels": {"at": f"{time.monotonic_ns()}"}}})
        async with asyncio.timeout(10):
            await waiting
        took = time.monotonic() - began
        record_property("told_s", round(took, 3))
        print(f"told after {took * 1000:.0f} ms")
        assert took < 1
