"""What the routers on Kubernetes promise when the way to a real API server goes wrong, and on Argo Rollouts with a stand-in."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.proxy import Fault, FaultProxy, fault_proxy
from servers.kubernetes_process import KubeServer, kubectl_proxy
from servers.kubernetes_shop import ArgoStandIn, KubeShop, open_shop, roll_out

from console.model.clock import SystemClock
from console.model.errors import ConsoleError, Malformed, NotAllowed, OutcomeUnknown, Refused, RemoteError, TooLarge, Unreachable
from console.model.kubernetes import ArgoRollout, ArgoWorkloads, KubeCluster, KubeDeployments, KubeRoute, KubeService
from console.model.ports import TrafficRouter
from console.model.readings import SplitChange
from console.providers.clients.kubernetes import KubeClient
from console.providers.traffic.argo_rollout import ArgoRouter
from console.providers.traffic.kubernetes_route import KubeRouteRouter
from console.providers.traffic.kubernetes_service import KubeServiceRouter
from console.providers.workloads.kubernetes import ArgoVersions, KubeDeploymentVersions

pytestmark = [pytest.mark.anyio, pytest.mark.kubernetes]

SIDES = ("blue", "green")
BACKENDS = {"blue": "shop-blue", "green": "shop-green"}


@pytest.fixture(scope="module")
def shop(kubernetes_process: KubeServer) -> KubeShop:
    return open_shop(kubernetes_process)


@pytest.fixture(scope="module")
def plain(kubernetes_process: KubeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real API without encryption, so that a fault can be put between."""
    with kubectl_proxy(kubernetes_process, tmp_path_factory.mktemp("kubectl")) as url:
        yield url


@dataclass
class Rig:
    """A router on the real API, the same one through a proxy that can go wrong, and the proxy."""

    shop: KubeShop
    router: TrafficRouter
    faulty: TrafficRouter
    proxy: FaultProxy
    faulty_kube: KubeClient

    def break_changes(self, fault: Fault) -> None:
        self.proxy.set(fault, lambda asked, number: asked.startswith(b"PATCH"))


def kubeconfig(folder: Path, url: str) -> KubeCluster:
    config = {
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "contexts": [{"name": "faulty", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": ""}}],
    }
    (folder / "config").write_text(json.dumps(config))
    return KubeCluster("faulty", kubeconfig="config")


def made(kind: str, shop: KubeShop, cluster: KubeCluster, kube: KubeClient, timeout_s: float) -> TrafficRouter:
    if kind == "service":
        spec = KubeService(cluster, shop.namespace, "shop", "version", {side: side for side in SIDES}, timeout_s)
        return KubeServiceRouter(spec, kube, SystemClock())
    return KubeRouteRouter(KubeRoute(cluster, shop.namespace, "shop", BACKENDS, timeout_s), kube, SystemClock())


@pytest.fixture(params=["service", "route"])
async def rig(request: pytest.FixtureRequest, shop: KubeShop, plain: str, tmp_path: Path) -> AsyncIterator[Rig]:
    clock, direct = SystemClock(), shop.server.cluster()
    kube = KubeClient(direct, Path(), clock, lambda: False)
    async with fault_proxy(plain) as proxy:
        cluster = kubeconfig(tmp_path, proxy.url)
        faulty = KubeClient(cluster, tmp_path, clock, lambda: False)
        router = made(request.param, shop, direct, kube, 5.0)
        await router.set_split(change(0, backward=True))
        yield Rig(shop, router, made(request.param, shop, cluster, faulty, 0.6), proxy, faulty)
        await faulty.aclose()
    await kube.aclose()


def change(green: int, *, backward: bool = False) -> SplitChange:
    return SplitChange({"blue": 100 - green, "green": green}, "step-1", backward)


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.HANG_BEFORE, Fault.HANG_AFTER])
@pytest.mark.parametrize("backward", [False, True])
async def test_a_change_that_is_cut_or_hangs_is_told_as_perhaps_applied_and_reading_back_tells(rig: Rig, fault: Fault, *, backward) -> None:
    if backward:
        await rig.router.set_split(change(100))
    await rig.faulty.split()
    rig.break_changes(fault)
    with pytest.raises((Unreachable, OutcomeUnknown)) as caught:
        await rig.faulty.set_split(change(0 if backward else 100, backward=backward))
    assert not isinstance(caught.value, Unreachable) or caught.value.sent
    assert caught.value.advice
    applied = fault in {Fault.CUT_AFTER, Fault.HANG_AFTER}
    assert (await rig.router.split()).weights["green"] == (100 if applied is not backward else 0)


@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.OVERSIZE])
async def test_a_change_that_gets_nonsense_for_an_answer_is_never_taken_for_done(rig: Rig, fault: Fault) -> None:
    await rig.faulty.split()
    rig.break_changes(fault)
    with pytest.raises((OutcomeUnknown, Unreachable)):
        await rig.faulty.set_split(change(100))


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (Fault.GARBAGE, (Malformed, Unreachable)),
        (Fault.DRIP, Unreachable),
        (Fault.OVERSIZE, (TooLarge, Unreachable)),
        (Fault.CUT_AFTER, Unreachable),
    ],
)
async def test_a_reading_that_goes_wrong_is_an_error_with_advice_and_never_a_value(
    rig: Rig, fault: Fault, wanted: type[RemoteError] | tuple[type[RemoteError], ...]
) -> None:
    spec = KubeDeployments(KubeCluster(), rig.shop.namespace, BACKENDS, timeout_s=0.6)
    workloads = KubeDeploymentVersions(spec, rig.faulty_kube, SystemClock())
    rig.proxy.set(fault)
    for reading in (rig.faulty.split, rig.faulty.identity, lambda: workloads.version("blue")):
        with pytest.raises(wanted) as caught:
            await reading()
        assert caught.value.message
        assert caught.value.advice


async def test_an_api_server_that_stands_still_is_given_up_at_the_deadline(rig: Rig, kubernetes_server: KubeServer) -> None:
    server = kubernetes_server.children[1]
    server.freeze()
    began = time.monotonic()
    try:
        with pytest.raises(Unreachable) as caught:
            await rig.faulty.split()
    finally:
        server.thaw()
    assert time.monotonic() - began < 2.5
    assert caught.value.means


# Argo Rollouts: the real resource, moved by a stand-in for its controller.


@pytest.fixture
async def argo(kubernetes_server: KubeServer) -> AsyncIterator[tuple[KubeShop, ArgoStandIn, ArgoRouter, ArgoVersions]]:
    shop = KubeShop(kubernetes_server, await asyncio.to_thread(kubernetes_server.new_namespace))
    roll_out(shop)
    kube = KubeClient(kubernetes_server.cluster(), Path(), SystemClock(), lambda: False)
    router = ArgoRouter(ArgoRollout(KubeCluster(), shop.namespace, "shop"), SIDES, kube, SystemClock())
    versions = ArgoVersions(ArgoWorkloads(KubeCluster(), shop.namespace, "shop"), SIDES, kube, SystemClock())
    with ArgoStandIn(shop) as stand_in:
        yield shop, stand_in, router, versions
    await kube.aclose()


def deploy(shop: KubeShop, argo: ArgoStandIn, version: str) -> None:
    containers = [{"name": "web", "image": f"registry:5000/shop:{version}"}]
    shop.server.merge(shop.rollout, {"spec": {"template": {"spec": {"containers": containers}}}})
    argo.until(lambda status: status.get("currentPodHash") == version.replace(".", "-") and status.get("phase") in {"Paused", "Healthy"})


async def becomes(router: ArgoRouter, green: float) -> None:
    async with asyncio.timeout(10):
        while (await router.split()).weights["green"] != green:
            await asyncio.sleep(0.02)


async def test_a_rollout_goes_from_step_to_step_is_promoted_and_taken_back_by_an_undo(argo) -> None:
    shop, stand_in, router, versions = argo
    with pytest.raises(Refused, match="has no canary"):
        await router.set_split(change(5))
    await asyncio.to_thread(deploy, shop, stand_in, "18.0.0")
    assert [(await versions.version(side)).version for side in SIDES] == ["17.4.0", "18.0.0"]
    for green in (5, 50, 100):
        await router.set_split(change(green))
        await becomes(router, green)
    await asyncio.to_thread(stand_in.until, lambda status: status.get("stableRS") == "18-0-0")
    before = await versions.version("blue")
    assert (before.version, before.healthy) == ("17.4.0", True)
    assert "an undo starts it again" in before.detail
    await router.set_split(change(0, backward=True))
    await becomes(router, 0)
    assert shop.kubectl("get", "rollout", "shop", "-o", "jsonpath={.status.stableRS}") == "17-4-0"


async def test_a_rollout_is_aborted_at_once_and_its_next_try_is_a_retry(argo) -> None:
    shop, stand_in, router, _ = argo
    await asyncio.to_thread(deploy, shop, stand_in, "18.0.0")
    await router.set_split(change(5))
    await becomes(router, 5)
    await router.set_split(change(0, backward=True))
    await becomes(router, 0)
    assert shop.kubectl("get", "rollout", "shop", "-o", "jsonpath={.status.abort}") == "true"
    assert "aborted" in (await router.split()).note
    await router.retry()
    await asyncio.to_thread(stand_in.until, lambda status: status.get("phase") == "Paused")


@pytest.mark.parametrize(
    ("green", "backward", "said"),
    [(50, False, "its next step is 5 %"), (7, False, "its next step is 5 %"), (3, True, "steps down to 0 % only")],
)
async def test_a_weight_that_no_next_step_has_is_refused_in_words(argo, green: int, backward: bool, said: str) -> None:
    shop, stand_in, router, _ = argo
    await asyncio.to_thread(deploy, shop, stand_in, "18.0.0")
    with pytest.raises(Refused) as caught:
        await router.set_split(change(green, backward=backward))
    assert said in caught.value.message
    assert "Nothing was changed" in caught.value.means


async def test_what_the_steps_cannot_give_is_told_before_a_start(argo) -> None:
    _, _, router, _ = argo
    assert (await router.foresee([5, 50, 100])).obstacles == ()
    said = " ".join((await router.foresee([10, 50])).obstacles)
    assert "no step with 10 %" in said
    assert "a step with 5 % between the plan's stages" in said


async def test_a_rollout_is_paused_resumed_and_restarted(argo) -> None:
    shop, _, router, _ = argo
    await router.pause()
    assert shop.kubectl("get", "rollout", "shop", "-o", "jsonpath={.spec.paused}") == "true"
    await router.pause(paused=False)
    assert shop.kubectl("get", "rollout", "shop", "-o", "jsonpath={.spec.paused}") == "false"
    await router.restart()
    assert shop.kubectl("get", "rollout", "shop", "-o", "jsonpath={.spec.restartAt}").startswith("20")


async def test_a_version_that_is_kept_no_more_cannot_be_put_back(argo) -> None:
    _, _, router, _ = argo
    with pytest.raises(NotAllowed, match="does not keep the version"):
        await router.undo("gone")


async def test_a_rollout_that_somebody_changed_after_it_was_read_is_not_promoted(argo) -> None:
    shop, stand_in, router, _ = argo
    await asyncio.to_thread(deploy, shop, stand_in, "18.0.0")
    read = router._document.read

    async def read_and_be_late() -> object:
        found = await read()
        await asyncio.to_thread(shop.kubectl, "patch", "rollout", "shop", "--type=merge", "-p", '{"spec":{"replicas":9}}')
        router._document.read = read  # type: ignore[method-assign]
        return found

    router._document.read = read_and_be_late  # type: ignore[method-assign, assignment]
    with pytest.raises(ConsoleError) as caught:
        await router.set_split(change(5))
    assert "spec.replicas from 4 to 9" in caught.value.message
    assert (await router.split()).weights["green"] == 0
