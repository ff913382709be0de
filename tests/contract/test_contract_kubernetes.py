"""What the providers on Kubernetes promise, on a real API server with kubectl as witness: a stale write overwrites nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from servers.kubernetes_process import NEVER_READY, KubeServer
from servers.kubernetes_shop import KubeShop, open_shop

from console.model.clock import SystemClock
from console.model.errors import Refused
from console.model.kubernetes import KubeCluster, KubeDeployments, KubeRoute, KubeService
from console.model.ports import TrafficRouter
from console.model.readings import SplitChange
from console.providers.clients.kubernetes import KubeClient
from console.providers.traffic.kubernetes_route import KubeRouteRouter
from console.providers.traffic.kubernetes_service import KubeServiceRouter
from console.providers.workloads.kubernetes import KubeDeploymentVersions

pytestmark = [pytest.mark.anyio, pytest.mark.kubernetes]

SIDES = {"blue": "shop-blue", "green": "shop-green"}


@pytest.fixture(scope="module")
def shop(kubernetes_process: KubeServer) -> KubeShop:
    shop = open_shop(kubernetes_process)
    shop.wait_ready()
    return shop


@pytest.fixture
def reset(shop: KubeShop, kubernetes_server: KubeServer) -> KubeShop:
    shop.server.merge(shop.service, {"spec": {"selector": {"app": "shop", "version": "blue"}, "sessionAffinity": "None"}})
    backends = [{"name": "shop-blue", "port": 80, "weight": 100}, {"name": "shop-green", "port": 80, "weight": 0}]
    shop.server.merge(shop.route, {"spec": {"hostnames": ["shop.example"], "rules": [{"backendRefs": backends}]}})
    return shop


@asynccontextmanager
async def connected(cluster: KubeCluster) -> AsyncIterator[KubeClient]:
    client = KubeClient(cluster, Path(), SystemClock(), lambda: False)
    try:
        yield client
    finally:
        await client.aclose()


def service_spec(shop: KubeShop, account: str = "releaser") -> KubeService:
    return KubeService(shop.server.cluster(account), shop.namespace, "shop", "version", {"blue": "blue", "green": "green"}, 5.0)


def route_spec(shop: KubeShop, account: str = "releaser") -> KubeRoute:
    return KubeRoute(shop.server.cluster(account), shop.namespace, "shop", SIDES, 5.0)


@pytest.fixture(params=["service", "route"])
async def router(request: pytest.FixtureRequest, reset: KubeShop) -> AsyncIterator[TrafficRouter]:
    async with connected(reset.server.cluster()) as kube:
        if request.param == "service":
            yield KubeServiceRouter(service_spec(reset), kube, SystemClock())
        else:
            yield KubeRouteRouter(route_spec(reset), kube, SystemClock())


def change(green: int, *, backward: bool = False) -> SplitChange:
    return SplitChange({"blue": 100 - green, "green": green}, f"step-{green}", backward)


def weights_of(router: TrafficRouter, shop: KubeShop) -> Mapping[str, float]:
    """Return the weights as kubectl sees them."""
    if isinstance(router, KubeServiceRouter):
        return {side: 100 if shop.selected() == side else 0 for side in SIDES}
    found = shop.weights()
    return {side: found[name] for side, name in SIDES.items()}


def by_hand(router: TrafficRouter, shop: KubeShop) -> None:
    """Change the spec as a person at a terminal would, and not its weights."""
    if isinstance(router, KubeServiceRouter):
        shop.kubectl("patch", "service", "shop", "--type=merge", "-p", '{"spec":{"sessionAffinity":"ClientIP"}}')
    else:
        shop.kubectl("patch", "httproute", "shop", "--type=merge", "-p", '{"spec":{"hostnames":["other.example"]}}')


async def test_weights_are_set_and_read_back_and_kubectl_sees_the_same(router: TrafficRouter, reset: KubeShop) -> None:
    for green in (100, 0) if isinstance(router, KubeServiceRouter) else (5, 95, 100, 0):
        await router.set_split(change(green))
        assert dict((await router.split()).weights) == {"blue": 100 - green, "green": green}
        assert weights_of(router, reset) == {"blue": 100 - green, "green": green}


async def test_a_stale_write_is_a_conflict_that_says_who_when_and_what_and_overwrites_nothing(router, reset: KubeShop) -> None:
    await router.split()
    before = weights_of(router, reset)
    by_hand(router, reset)
    with pytest.raises(Refused) as caught:
        await router.set_split(change(100))
    assert caught.value.status == 409
    assert "kubectl-patch at 20" in caught.value.message
    assert "spec.sessionAffinity from None to ClientIP" in caught.value.message or (
        "spec.hostnames[0] from shop.example to other.example" in caught.value.message
    )
    assert "Nothing was overwritten" in caught.value.means
    assert weights_of(router, reset) == before


async def test_the_poll_of_another_task_does_not_hide_a_change_from_the_step_that_was_held_against_the_state_before(router, reset) -> None:
    await router.split()
    by_hand(router, reset)
    await asyncio.create_task(router.split())
    with pytest.raises(Refused) as caught:
        await router.set_split(change(100))
    assert caught.value.status == 409


async def test_going_back_is_never_blocked_by_a_conflict(router, reset: KubeShop) -> None:
    await router.set_split(change(100))
    by_hand(router, reset)
    await router.set_split(change(0, backward=True))
    assert weights_of(router, reset) == {"blue": 100, "green": 0}


async def test_a_change_of_labels_alone_is_no_conflict(router, reset: KubeShop) -> None:
    await router.split()
    kind = "service" if isinstance(router, KubeServiceRouter) else "httproute"
    reset.kubectl("label", kind, "shop", "team=checkout", "--overwrite")
    await router.set_split(change(100))
    assert weights_of(router, reset) == {"blue": 0, "green": 100}


async def test_two_consoles_that_read_the_same_state_do_not_both_write(router, reset: KubeShop) -> None:
    async with connected(reset.server.cluster()) as kube:
        other = type(router)(router._spec, kube, SystemClock())
        await router.split()
        await other.split()
        green = 100 if isinstance(router, KubeServiceRouter) else 25
        await router.set_split(change(green))
        if isinstance(router, KubeServiceRouter):
            await other.set_split(change(100))  # it is already as wanted
            return
        with pytest.raises(Refused) as caught:
            await other.set_split(change(50))
        assert "another console (release-console)" in caught.value.message
        assert weights_of(router, reset)["green"] == 25


async def test_an_object_made_anew_under_the_same_name_is_another_one(reset: KubeShop) -> None:
    async with connected(reset.server.cluster()) as kube:
        router = KubeServiceRouter(service_spec(reset), kube, SystemClock())
        before = await router.identity()
        found = reset.server.ask("GET", reset.service)
        reset.server.ask("DELETE", reset.service)
        made = {"metadata": {"name": "shop"}, "spec": {"selector": found["spec"]["selector"], "ports": [{"port": 80, "name": "http"}]}}
        reset.server.ask("POST", reset.service.rpartition("/")[0], made)
        after = await router.identity()
    assert before.fingerprint != after.fingerprint
    assert before.fingerprint.split()[1] == after.fingerprint.split()[1]


async def test_a_service_takes_no_weight_between_nothing_and_all(reset: KubeShop) -> None:
    async with connected(reset.server.cluster()) as kube:
        with pytest.raises(Refused, match="gives all its traffic to one side"):
            await KubeServiceRouter(service_spec(reset), kube, SystemClock()).set_split(change(5))
    assert reset.selected() == "blue"


async def test_a_selector_that_names_no_side_is_shown_and_not_guessed(reset: KubeShop) -> None:
    reset.kubectl("patch", "service", "shop", "--type=merge", "-p", '{"spec":{"selector":{"version":"purple"}}}')
    async with connected(reset.server.cluster()) as kube:
        split = await KubeServiceRouter(service_spec(reset), kube, SystemClock()).split()
    assert dict(split.weights) == {"blue": 0, "green": 0}
    assert "'purple', which is no side" in split.note


async def test_all_rules_that_name_both_sides_are_split_and_no_other(reset: KubeShop) -> None:
    both = [{"name": name, "port": 80, "weight": 1} for name in SIDES.values()]
    alone = [{"name": "shop-blue", "port": 80}]
    rules = [{"backendRefs": both}, {"backendRefs": alone}, {"backendRefs": both}]
    reset.server.merge(reset.route, {"spec": {"rules": rules}})
    async with connected(reset.server.cluster()) as kube:
        router = KubeRouteRouter(route_spec(reset), kube, SystemClock())
        assert (await router.split()).weights["green"] == 50
        await router.set_split(change(5))
        assert (await router.split()).weights["green"] == 5
    found = reset.server.ask("GET", reset.route)["spec"]["rules"]
    weights = [[each["weight"] for each in rule["backendRefs"]] for rule in found]
    assert weights == [[95, 5], [1], [95, 5]]


async def test_a_route_that_no_gateway_takes_says_so(reset: KubeShop) -> None:
    async with connected(reset.server.cluster()) as kube:
        assert "no gateway has said" in (await KubeRouteRouter(route_spec(reset), kube, SystemClock()).split()).note


async def test_missing_rights_are_told_beforehand_and_a_write_says_which(reset: KubeShop) -> None:
    async with connected(reset.server.cluster("viewer")) as kube:
        for router in (
            KubeServiceRouter(service_spec(reset, "viewer"), kube, SystemClock()),
            KubeRouteRouter(route_spec(reset, "viewer"), kube, SystemClock()),
        ):
            said = (await router.foresee([100])).obstacles
            assert len(said) == 1, said
            assert "needs the verb patch on" in said[0]
            with pytest.raises(Refused) as caught:
                await router.set_split(change(100))
            assert caught.value.status == 403
            assert 'User "viewer" cannot patch resource' in caught.value.message
    async with connected(reset.server.cluster()) as kube:
        assert (await KubeServiceRouter(service_spec(reset), kube, SystemClock()).foresee([100])).obstacles == ()


async def test_a_side_without_a_ready_pod_is_told_beforehand(kubernetes_server: KubeServer) -> None:
    shop = KubeShop(kubernetes_server, kubernetes_server.new_namespace())
    shop.deploy("blue", "shop:1")
    shop.deploy("green", "shop:2", **{NEVER_READY: "ImagePullBackOff"})
    spec = {"selector": {"app": "shop", "version": "blue"}, "ports": [{"port": 80}]}
    kubernetes_server.ask("POST", shop.service.rpartition("/")[0], {"metadata": {"name": "shop"}, "spec": spec})
    shop.wait_ready("blue")
    async with connected(kubernetes_server.cluster()) as kube:
        said = (await KubeServiceRouter(service_spec(shop), kube, SystemClock()).foresee([100])).obstacles
    assert said == ("No pod of green is ready (app=shop,version=green): its traffic would be refused.",)


async def test_a_route_to_a_service_without_a_ready_pod_or_to_none_is_told_beforehand(reset: KubeShop) -> None:
    path = f"{reset.service.rpartition('/')[0]}/shop-green"
    async with connected(reset.server.cluster()) as kube:
        router = KubeRouteRouter(route_spec(reset), kube, SystemClock())
        assert (await router.foresee([5])).obstacles == ()
        before = reset.server.ask("GET", path)["spec"]["selector"]
        reset.server.merge(path, {"spec": {"selector": {"version": "purple"}}})
        assert "No pod of green is ready" in (await router.foresee([5])).obstacles[0]
        reset.server.merge(path, {"spec": {"selector": before}})
        gone = KubeRouteRouter(replace(route_spec(reset), backends={"blue": "shop-blue", "green": "shop-gone"}), kube, SystemClock())
        with pytest.raises(Refused, match="no rule that names both"):
            await gone.split()


def workloads_spec(shop: KubeShop, version: str = "image") -> KubeDeployments:
    return KubeDeployments(shop.server.cluster(), shop.namespace, SIDES, version, "", 5.0)


@pytest.mark.parametrize("where", ["image", "label release"])
async def test_each_side_tells_its_version_and_is_healthy_once_all_replicas_are(reset: KubeShop, where: str) -> None:
    async with connected(reset.server.cluster()) as kube:
        workloads = KubeDeploymentVersions(workloads_spec(reset, where), kube, SystemClock())
        found = {side: await workloads.version(side) for side in SIDES}
    assert {side: (each.version, each.healthy, each.detail) for side, each in found.items()} == {
        "blue": ("17.4.0", True, ""),
        "green": ("18.0.0", True, ""),
    }


async def test_a_side_that_cannot_start_says_why_in_words(kubernetes_server: KubeServer) -> None:
    shop = KubeShop(kubernetes_server, kubernetes_server.new_namespace())
    shop.deploy("green", "shop:18.0.0", **{NEVER_READY: "ImagePullBackOff"})
    async with connected(kubernetes_server.cluster()) as kube:
        workloads = KubeDeploymentVersions(workloads_spec(shop), kube, SystemClock())
        async with asyncio.timeout(20):
            while "ImagePullBackOff" not in (seen := await workloads.version("green")).detail:
                await asyncio.sleep(0.05)
    assert (seen.version, seen.healthy) == ("18.0.0", False)
    assert "0 of 2 replicas are available" in seen.detail
    assert "Back-off pulling image shop:18.0.0" in seen.detail
