"""What verbs on Deployments and Argo Rollouts do to a real API, with kubectl as witness: nobody is overwritten, rights are asked first."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from servers.kubernetes_process import NEVER_READY, KubeServer
from servers.kubernetes_shop import ArgoStandIn, KubeShop, open_shop, roll_out

from console.model.clock import SystemClock
from console.model.errors import BadFile, Refused
from console.model.kubernetes import ArgoWorkloads, KubeDeployments
from console.model.verbs import Verb
from console.model.workloads import LogAsked, WorkloadNow
from console.providers.clients.kubernetes import KubeClient
from console.providers.workloads.kubernetes_work import KubeWork

pytestmark = [pytest.mark.anyio, pytest.mark.kubernetes]

SIDES = {"blue": "shop-blue", "green": "shop-green"}
NEW = "registry:5000/shop:18.1.0"


@pytest.fixture
def shop(kubernetes_server: KubeServer) -> KubeShop:
    shop = open_shop(kubernetes_server)
    shop.wait_ready()
    return shop


@asynccontextmanager
async def work_of(shop: KubeShop, account: str) -> AsyncIterator[KubeWork]:
    kube = KubeClient(shop.server.cluster(account), Path(), SystemClock(), lambda: False)
    try:
        yield KubeWork(KubeDeployments(shop.server.cluster(account), shop.namespace, SIDES), ("blue", "green"), kube, SystemClock())
    finally:
        await kube.aclose()


@pytest.fixture
async def work(shop: KubeShop, kubernetes_server: KubeServer) -> AsyncIterator[KubeWork]:
    async with work_of(shop, "releaser") as made:
        yield made


async def green(work: KubeWork) -> WorkloadNow:
    found = (await work.look()).named("shop-green")
    assert found is not None
    return found


def field(shop: KubeShop, path: str, kind: str = "deployment", name: str = "shop-green") -> str:
    return shop.kubectl("get", kind, name, "-o", f"jsonpath={{{path}}}")


def pods_of(shop: KubeShop, side: str) -> set[str]:
    return set(shop.kubectl("get", "pods", "-l", f"version={side}", "-o", "name").split())


async def test_everything_that_runs_is_told_with_its_revisions_and_pods(work: KubeWork, shop: KubeShop) -> None:
    seen = await work.look()
    assert [(each.name, each.sides, each.version) for each in seen.workloads] == [
        ("shop-blue", ("blue",), "17.4.0"),
        ("shop-green", ("green",), "18.0.0"),
    ]
    blue = seen.workloads[0]
    assert (blue.current is not None, blue.previous, blue.replicas, blue.problem) == (True, None, "2 of 2 available", "")
    assert set(blue.verbs.values()) == {""}
    assert Verb.RETRY_WORKLOAD not in blue.verbs
    pods = [pod for pod in seen.pods if pod.workload == "shop-blue"]
    assert sorted(pod.name for pod in pods) == sorted(
        shop.kubectl("get", "pods", "-l", "version=blue", "-o", "name").replace("pod/", "").split()
    )
    assert {(pod.problem, pod.restarts, pod.containers) for pod in pods} == {("", 0, ("web",))}
    assert "ScalingReplicaSet" in {event.reason for event in seen.events if event.about == "shop-blue"}


async def test_pause_and_resume_are_what_kubectl_sees(work: KubeWork, shop: KubeShop) -> None:
    uid = (await green(work)).state.values["uid"]
    await work.change("shop-green", Verb.PAUSE_WORKLOAD, {"uid": uid, "paused": True}, backward=True)
    assert field(shop, ".spec.paused") == "true"
    seen = await work.state("shop-green")
    assert (seen.values["paused"], "release-console at 20" in seen.changed) == (True, True), seen.changed
    await work.change("shop-green", Verb.RESUME_WORKLOAD, {"uid": uid, "paused": False}, backward=False)
    assert field(shop, ".spec.paused") in {"", "false"}


async def test_an_image_that_is_set_is_undone_to_the_template_before_whole(work: KubeWork, shop: KubeShop) -> None:
    before = await green(work)
    extra = {"spec": {"template": {"metadata": {"annotations": {"note": "new"}}, "spec": {"nodeSelector": {"disk": "fast"}}}}}
    shop.server.merge(shop.deployment("green"), extra)
    await work.state("shop-green")
    await work.change("shop-green", Verb.SET_IMAGE, {"image web": NEW}, backward=False)
    assert field(shop, ".spec.template.spec.containers[0].image") == NEW
    async with asyncio.timeout(20):
        while (now := await green(work)).current is None or now.current.version != "18.1.0":
            await asyncio.sleep(0.05)
    old = next(each for each in now.revisions if each.template == before.state.values["template"])
    assert (old.version, old.current) == ("18.0.0", False)
    await work.change("shop-green", Verb.UNDO_WORKLOAD, {"template": old.template, "paused": False}, backward=True)
    template = json.loads(field(shop, ".spec.template"))
    assert template["spec"]["containers"][0]["image"] == "registry:5000/shop:18.0.0"
    assert ("nodeSelector" in template["spec"], "note" in template["metadata"].get("annotations", {})) == (False, False)
    assert (await work.state("shop-green")).values["template"] == before.state.values["template"]


async def test_a_restart_makes_new_pods_and_says_when(work: KubeWork, shop: KubeShop) -> None:
    before = pods_of(shop, "green")
    await work.change("shop-green", Verb.RESTART_WORKLOAD, {"restarted_at": "2026-11-24T18:00:00Z"}, backward=False)
    assert (await work.state("shop-green")).values["restarted_at"] == "2026-11-24T18:00:00Z"
    shop.wait_ready("green")
    assert not before & set(
        shop.kubectl("get", "pods", "-l", "version=green", "--field-selector=status.phase=Running", "-o", "name").split()
    )


@pytest.mark.parametrize(
    ("verb", "want"),
    [
        (Verb.SET_IMAGE, {"image web": "registry:5000/shop:18.2.0"}),
        (Verb.RESTART_WORKLOAD, {"restarted_at": "2026-11-24T19:00:00Z"}),
    ],
)
async def test_a_late_write_says_who_was_first_and_overwrites_nothing(work: KubeWork, shop: KubeShop, verb: Verb, want) -> None:
    await work.state("shop-green")
    first = f"registry:5000/shop:18.0.{len(verb)}"
    shop.kubectl("set", "image", "deployment/shop-green", f"web={first}", "--field-manager=rita")
    with pytest.raises(Refused) as caught:
        await work.change("shop-green", verb, want, backward=False)
    assert caught.value.status == 409
    assert "was changed by rita at 20" in caught.value.message
    assert f"to {first}" in caught.value.message
    assert caught.value.means.startswith("Nothing was overwritten")
    assert field(shop, ".spec.template.spec.containers[0].image") == first


async def test_going_back_is_made_on_top_of_what_somebody_changed(work: KubeWork, shop: KubeShop) -> None:
    await work.state("shop-green")
    shop.server.merge(shop.deployment("green"), {"spec": {"minReadySeconds": 1}})
    await work.change("shop-green", Verb.PAUSE_WORKLOAD, {"paused": True}, backward=True)
    assert (field(shop, ".spec.paused"), field(shop, ".spec.minReadySeconds")) == ("true", "1")
    shop.server.merge(shop.deployment("green"), {"spec": {"paused": False, "minReadySeconds": 0}})


async def test_another_object_under_the_same_name_is_not_written_to(work: KubeWork, shop: KubeShop) -> None:
    with pytest.raises(Refused, match="was deleted and made anew"):
        await work.change("shop-green", Verb.PAUSE_WORKLOAD, {"uid": "another", "paused": True}, backward=True)
    assert field(shop, ".spec.paused") in {"", "false"}
    with pytest.raises(BadFile, match="no workload shop-red"):
        await work.state("shop-red")


async def test_an_account_that_may_only_look_is_told_so_before_a_verb_is_offered(shop: KubeShop, kubernetes_server: KubeServer) -> None:
    async with work_of(shop, "viewer") as viewer:
        seen = await green(viewer)
        said = "Our account may not change Deployment shop-green in Kubernetes viewer: it needs the verb patch on deployments there."
        assert set(seen.verbs.values()) == {said}
        with pytest.raises(Refused) as caught:
            await viewer.change("shop-green", Verb.PAUSE_WORKLOAD, {"paused": True}, backward=True)
        assert caught.value.status == 403


async def test_pods_that_cannot_start_stand_first_with_why(kubernetes_server: KubeServer) -> None:
    shop = KubeShop(kubernetes_server, kubernetes_server.new_namespace())
    shop.deploy("blue", "registry:5000/shop:17.4.0")
    shop.deploy("green", "registry:5000/shop:9.9.9", 1, **{NEVER_READY: "ImagePullBackOff"})
    async with work_of(shop, "releaser") as work:
        async with asyncio.timeout(20):
            while not (pods := (await work.look()).pods) or "ImagePullBackOff" not in pods[0].problem:
                await asyncio.sleep(0.05)
        assert (pods[0].workload, pods[0].problem.startswith("ImagePullBackOff (Back-off pulling")) == ("shop-green", True)


@pytest.mark.parametrize("follow", [False, True])
async def test_a_log_that_no_node_gives_is_refused_in_the_servers_own_words(work: KubeWork, shop: KubeShop, follow: bool) -> None:
    made = {"metadata": {"name": "lost"}, "spec": {"nodeName": "gone", "containers": [{"name": "web", "image": "shop:1"}]}}
    shop.server.ask("POST", f"/api/v1/namespaces/{shop.namespace}/pods", made)
    with pytest.raises(Refused) as caught:
        [line async for line in work.log(LogAsked("lost", follow=follow))]
    assert "It says: " in caught.value.message
    assert '"gone" not found' in caught.value.message
    with pytest.raises(Refused, match='"missing" not found'):
        [line async for line in work.log(LogAsked("missing", follow=follow))]


# Argo Rollouts: the real resource, moved by a stand-in for its controller.


@pytest.fixture
async def argo(kubernetes_server: KubeServer) -> AsyncIterator[tuple[KubeShop, ArgoStandIn, KubeWork]]:
    shop = KubeShop(kubernetes_server, await asyncio.to_thread(kubernetes_server.new_namespace))
    roll_out(shop)
    kube = KubeClient(kubernetes_server.cluster(), Path(), SystemClock(), lambda: False)
    with ArgoStandIn(shop) as stand_in:
        yield shop, stand_in, KubeWork(ArgoWorkloads(shop.server.cluster(), shop.namespace, "shop"), ("blue", "green"), kube, SystemClock())
    await kube.aclose()


async def the_rollout(work: KubeWork) -> WorkloadNow:
    return (await work.look()).workloads[0]


async def test_an_argo_rollout_is_paused_restarted_retried_and_undone(argo) -> None:
    shop, stand_in, work = argo
    first = await the_rollout(work)
    assert (first.kind, first.sides, first.version) == ("Rollout", ("blue", "green"), "17.4.0")
    assert set(first.verbs) >= {Verb.RETRY_WORKLOAD, Verb.UNDO_WORKLOAD}
    shop.kubectl("patch", "rollout", "shop", "--type=merge", "-p", json.dumps(_image("18.0.0")))
    stand_in.until(lambda status: status.get("currentPodHash") == "18-0-0" and status.get("phase") == "Paused")
    trial = await the_rollout(work)
    assert trial.previous is not None
    assert (trial.previous.version, trial.previous.number) == ("17.4.0", 1)
    uid = trial.state.values["uid"]
    await work.change("shop", Verb.PAUSE_WORKLOAD, {"uid": uid, "paused": True}, backward=True)
    assert field(shop, ".spec.paused", "rollout", "shop") == "true"
    await work.change("shop", Verb.RESUME_WORKLOAD, {"uid": uid, "paused": False}, backward=False)
    await work.change("shop", Verb.RESTART_WORKLOAD, {"uid": uid, "restarted_at": "2026-11-24T18:00:00Z"}, backward=False)
    assert field(shop, ".spec.restartAt", "rollout", "shop") == "2026-11-24T18:00:00Z"
    shop.server.merge(f"{shop.rollout}/status", {"status": {"abort": True}})
    stand_in.until(lambda status: status.get("phase") == "Degraded")
    assert (await work.state("shop")).values["aborted"] is True
    await work.change("shop", Verb.RETRY_WORKLOAD, {"uid": uid, "aborted": False}, backward=False)
    stand_in.until(lambda status: not status.get("abort") and status.get("phase") != "Degraded")
    await work.change("shop", Verb.UNDO_WORKLOAD, {"uid": uid, "template": trial.previous.template, "paused": False}, backward=True)
    assert field(shop, ".spec.template.spec.containers[0].image", "rollout", "shop") == "registry:5000/shop:17.4.0"
    assert (await work.state("shop")).values["template"] == trial.previous.template
    stand_in.until(lambda status: status.get("currentPodHash") == "17-4-0" and status.get("phase") == "Healthy")


async def test_the_analysis_runs_of_a_rollout_are_told_with_their_metrics(argo) -> None:
    shop, _, work = argo
    uid = (await the_rollout(work)).state.values["uid"]
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "shop", "uid": uid}
    metrics = [{"name": "success-rate", "provider": {"job": {"spec": {"template": {"spec": {"containers": []}}}}}}]
    made = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": "shop-2-1", "ownerReferences": [owner]},
        "spec": {"metrics": metrics},
        "status": {
            "phase": "Failed",
            "message": "metric success-rate failed",
            "metricResults": [{"name": "success-rate", "phase": "Failed", "failed": 3, "successful": 1}],
        },
    }
    shop.server.ask("POST", f"/apis/argoproj.io/v1alpha1/namespaces/{shop.namespace}/analysisruns", made)
    (run,) = (await work.look()).analyses
    assert (run.name, run.phase, run.message) == ("shop-2-1", "Failed", "metric success-rate failed")
    assert run.metrics == ("success-rate: Failed (1 successful, 3 failed)",)


def _image(version: str) -> object:
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": f"registry:5000/shop:{version}"}]}}}}
