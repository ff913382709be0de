"""Verbs on Deployments and Argo Rollouts by command, on a real Kubernetes API, with kubectl as the witness and the audit as the record."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.proxy import Fault
from journeys.kit import Shell, Traffic, wire_to
from journeys.test_kubernetes_journey import ARGO, SERVICE, armed, file_text
from servers.fixtures import Upstream
from servers.kubernetes_process import KubeServer, kubectl_proxy
from servers.kubernetes_shop import ArgoStandIn, KubeShop, open_shop, roll_out

pytestmark = [pytest.mark.journey, pytest.mark.kubernetes]

STAGES = "  - {weight: 100 %, wait: 1 s}"


@pytest.fixture
def shop(kubernetes_server: KubeServer) -> KubeShop:
    shop = open_shop(kubernetes_server)
    shop.wait_ready()
    return shop


@pytest.fixture
def traffic(upstreams: dict[str, Upstream]) -> Iterator[Traffic]:
    with Traffic(upstreams) as running:
        yield running


@pytest.fixture
def shell(shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic) -> Shell:
    return armed(tmp_path, file_text(shop, upstreams, SERVICE, STAGES))


def done(shell: Shell, *words: str) -> str:
    said = shell("workload", *words)
    assert said.code == 0, said
    assert "done, read back" in said.out
    return said.out


def image_of(shop: KubeShop, side: str = "green") -> str:
    return shop.kubectl("get", "deployment", f"shop-{side}", "-o", "jsonpath={.spec.template.spec.containers[0].image}")


def test_an_image_is_set_and_undone_and_the_version_that_was_undone_comes_back_by_no_undo(shell: Shell, shop: KubeShop) -> None:
    shown = shell("workload", "show", "shop")
    assert shown.code == 0, shown
    assert "Deployment shop-green (green): 18.0.0, 2 of 2 available" in shown.out
    assert "ready" in shown.out
    done(shell, "image", "shop", "green", "registry:5000/shop:18.1.0", "--reason", "the fix")
    assert image_of(shop) == "registry:5000/shop:18.1.0"
    shop.wait_ready("green")
    assert shell("freeze", "stop-the-line", "--reason", "sale").code == 0
    refused = shell("workload", "restart", "shop", "green", "--reason", "try")
    assert (refused.code, "stop" in refused.err.lower()) == (3, True), refused
    done(shell, "undo", "shop", "green", "--reason", "payments fail")
    assert image_of(shop) == "registry:5000/shop:18.0.0"
    shop.wait_ready("green")
    again = shell("workload", "undo", "shop", "green", "--reason", "try")
    assert again.code == 3, again
    assert "18.1.0 is quarantined" in again.err + again.out
    assert image_of(shop) == "registry:5000/shop:18.0.0"
    told = json.dumps(shell("audit", "list", "--json").document)
    assert "undo workload" in told
    assert "set image" in told
    assert shell("audit", "verify").code == 0


def test_a_workload_is_paused_in_a_freeze_resumed_after_it_and_restarted(shell: Shell, shop: KubeShop) -> None:
    assert shell("freeze", "stop-the-line", "--reason", "sale").code == 0
    done(shell, "pause", "shop", "shop-green", "--reason", "look first")
    paused = ("get", "deployment", "shop-green", "-o", "jsonpath={.spec.paused}")
    assert shop.kubectl(*paused) == "true"
    refused = shell("workload", "resume", "shop", "shop-green")
    assert refused.code == 3, refused
    twice = shell("workload", "pause", "shop", "shop-green")
    assert (twice.code, "is paused already" in twice.err) == (3, True), twice
    assert shell("freeze", "lift", "--reason", "over").code == 0
    done(shell, "resume", "shop", "shop-green")
    assert shop.kubectl(*paused) in {"", "false"}
    done(shell, "restart", "shop", "shop-green")
    restarted = r"jsonpath={.spec.template.metadata.annotations.kubectl\.kubernetes\.io/restartedAt}"
    assert shop.kubectl("get", "deployment", "shop-green", "-o", restarted).endswith("Z")


def test_an_account_that_may_only_look_is_refused_before_anything_is_sent(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    shell = armed(tmp_path, file_text(shop, upstreams, SERVICE, STAGES, account="viewer"))
    refused = shell("workload", "pause", "shop", "green")
    assert refused.code == 3, refused
    assert "it needs the verb patch on deployments there" in refused.err
    unknown = shell("workload", "pause", "shop", "red")
    assert (unknown.code, "no workload red" in unknown.err, "shop-blue and shop-green" in unknown.err) == (2, True, True), unknown


def test_a_late_write_by_command_says_who_was_first_when_and_what(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    with kubectl_proxy(shop.server, tmp_path) as plain, wire_to(plain) as wire:
        late: list[str] = []

        def meanwhile(asked: bytes, number: int) -> bool:
            if asked.startswith(b"PATCH") and not late:
                late.append(shop.kubectl("set", "image", "deployment/shop-green", "web=registry:5000/shop:9.9.9", "--field-manager=rita"))
            return False

        wire.proxy.set(Fault.CUT_BEFORE, meanwhile)
        config = {
            "clusters": [{"name": "c", "cluster": {"server": wire.proxy.url}}],
            "contexts": [{"name": "releaser", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        text = file_text(shop, upstreams, SERVICE, STAGES)
        shell = armed(tmp_path, text.replace(str(shop.server.kubeconfig), "kubeconfig"))
        refused = shell("workload", "image", "shop", "green", "registry:5000/shop:18.1.0", "--reason", "the fix")
        assert late, "somebody was first"
        assert refused.code == 3, refused
        assert "was changed by rita at 20" in refused.err
        assert "image from registry:5000/shop:18.0.0 to registry:5000/shop:9.9.9" in refused.err
        assert image_of(shop) == "registry:5000/shop:9.9.9"
        wire.mend()
        assert shell("workload", "pause", "shop", "green").code == 0, "nothing stays behind that blocks the next verb"


def test_an_argo_rollout_is_paused_retried_and_undone_by_command(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    roll_out(shop)
    with ArgoStandIn(shop) as argo:
        image = '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"registry:5000/shop:18.0.0"}]}}}}'
        shop.kubectl("patch", "rollout", "shop", "--type=merge", "-p", image)
        argo.until(lambda status: status.get("phase") == "Paused" and status.get("currentPodHash") == "18-0-0")
        shell = armed(tmp_path, file_text(shop, upstreams, ARGO, STAGES, ARGO))
        done(shell, "pause", "shop")
        assert shop.kubectl("get", "rollout", "shop", "-o", "jsonpath={.spec.paused}") == "true"
        done(shell, "resume", "shop")
        shop.server.merge(f"{shop.rollout}/status", {"status": {"abort": True}})
        argo.until(lambda status: status.get("phase") == "Degraded")
        done(shell, "retry", "shop")
        argo.until(lambda status: not status.get("abort") and status.get("phase") != "Degraded")
        done(shell, "undo", "shop", "--revision", "1")
        argo.until(lambda status: status.get("currentPodHash") == "17-4-0" and status.get("phase") == "Healthy")
        undone = ("get", "rollout", "shop", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
        assert shop.kubectl(*undone) == "registry:5000/shop:17.4.0"
