"""Releases on a real Kubernetes API by command, there and back, with kubectl as the witness of each effect."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from journeys.kit import Shell, Traffic, target_text
from servers.fixtures import Upstream
from servers.kubernetes_process import KubeServer
from servers.kubernetes_shop import ArgoStandIn, KubeShop, open_shop, roll_out

pytestmark = [pytest.mark.journey, pytest.mark.kubernetes]

SERVICE = "provider: kubernetes-service\n  service: shop\n  label: version\n  values: {blue: blue, green: green}"
ROUTE = "provider: kubernetes-httproute\n  route: shop\n  backends: {blue: shop-blue, green: shop-green}"
ARGO = "provider: argo-rollout\n  rollout: shop"
DEPLOYMENTS = "provider: kubernetes\n  deployments: {blue: shop-blue, green: shop-green}"


@pytest.fixture
def shop(kubernetes_server: KubeServer) -> KubeShop:
    shop = open_shop(kubernetes_server)
    shop.wait_ready()
    return shop


@pytest.fixture
def traffic(upstreams: dict[str, Upstream]) -> Iterator[Traffic]:
    with Traffic(upstreams) as running:
        yield running


def shell_on(
    shop: KubeShop,
    upstreams: Mapping[str, Upstream],
    tmp_path: Path,
    router: str,
    stages: str,
    workloads: str = DEPLOYMENTS,
    account: str = "releaser",
) -> Shell:
    """Return a terminal whose console knows the shop in the cluster, armed."""
    text = target_text("http://127.0.0.1:1", upstreams, stages=stages)
    where = f"  context: {account}\n  kubeconfig: {shop.server.kubeconfig}\n  namespace: {shop.namespace}\n"
    head, tail = text[: text.index("traffic:")], text[text.index("metrics:") :]
    file = tmp_path / "shop.yaml"
    file.write_text(f"{head}traffic:\n  {router}\n{where}workloads:\n  {workloads}\n{where}{tail}", encoding="utf-8")
    shell = Shell(tmp_path / "home")
    for words in (("target", "check", str(file)), ("target", "add", str(file)), ("target", "arm", "shop", "--reason", "test")):
        said = shell(*words)
        assert said.code == 0, said
    return shell


def release(shell: Shell) -> str:
    """Plan a release and drive it to its end; returns what was said."""
    planned = shell("release", "plan", "shop", "--version", "18.0.0", "--json")
    assert planned.code == 0, planned
    started = shell("release", "start", str(planned.document["plan_hash"]), "--reason", "a quiet Tuesday")
    assert started.code == 0, started
    assert " is done" in started.out
    return started.out


def stable(shell: Shell) -> str:
    return str(json.loads(shell("target", "list", "--json").out)["targets"][0]["stable"])


def test_a_release_on_a_service_moves_its_selector_and_the_rollback_moves_it_back(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    shell = shell_on(shop, upstreams, tmp_path, SERVICE, "  - {weight: 100 %, wait: 1 s}")
    release(shell)
    assert (shop.selected(), stable(shell)) == ("green", "green")
    assert shell("freeze", "stop-the-line", "--reason", "peak").code == 0
    back = shell("rollback", "shop", "--reason", "customers call")
    assert back.code == 0, back
    assert (shop.selected(), stable(shell)) == ("blue", "blue")
    assert shell("audit", "verify").code == 0


def test_a_canary_on_a_route_goes_up_by_its_stages_and_is_taken_back_whole(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    shell = shell_on(shop, upstreams, tmp_path, ROUTE, "  - {weight: 5 %, wait: 1 s}\n  - {weight: 50 %, wait: 1 s}")
    said = release(shell)
    assert "5 %" in said
    assert shop.weights() == {"shop-blue": 0, "shop-green": 100}
    back = shell("rollback", "shop", "--reason", "customers call")
    assert back.code == 0, back
    assert (shop.weights(), stable(shell)) == ({"shop-blue": 100, "shop-green": 0}, "blue")


def test_a_failing_gate_takes_a_canary_on_a_route_back(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    shell = shell_on(shop, upstreams, tmp_path, ROUTE, "  - {weight: 5 %, wait: 1 h}\nafter_a_fail: {roll_back_after: 1 s}")
    traffic.canary_fails = True
    planned = shell("release", "plan", "shop", "--version", "18.0.0", "--json")
    said = shell("release", "start", str(planned.document["plan_hash"]), "--reason", "a bad day")
    assert said.code == 1, said
    assert shop.weights() == {"shop-blue": 100, "shop-green": 0}


def test_an_account_without_rights_is_told_before_anything_starts(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    shell = shell_on(shop, upstreams, tmp_path, SERVICE, "  - {weight: 100 %, wait: 1 s}", account="viewer")
    planned = shell("release", "plan", "shop", "--version", "18.0.0")
    assert "it needs the verb patch on services" in planned.out + planned.err
    refused = shell("switch", "shop", "--to", "green", "--reason", "try")
    assert refused.code == 3, refused
    assert "it needs the verb patch on services" in refused.err
    assert shop.selected() == "blue"


def test_a_rollout_of_argo_goes_from_pause_to_pause_and_back_after_its_promotion(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    roll_out(shop)
    with ArgoStandIn(shop) as argo:
        image = '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"registry:5000/shop:18.0.0"}]}}}}'
        shop.kubectl("patch", "rollout", "shop", "--type=merge", "-p", image)
        argo.until(lambda status: status.get("phase") == "Paused" and status.get("currentPodHash") == "18-0-0")
        stages = "  - {weight: 5 %, wait: 1 s}\n  - {weight: 50 %, wait: 1 s}\n  - {weight: 100 %, wait: 1 s, bake: true}"
        shell = shell_on(shop, upstreams, tmp_path, ARGO, stages, ARGO)
        release(shell)
        promoted = shop.kubectl("get", "rollout", "shop", "-o", "jsonpath={.status.stableRS} {.status.phase}")
        assert (promoted, stable(shell)) == ("18-0-0 Healthy", "green")
        back = shell("rollback", "shop", "--reason", "customers call")
        assert back.code == 0, back
        argo.until(lambda status: status.get("stableRS") == "17-4-0")
        assert stable(shell) == "blue"
