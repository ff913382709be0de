"""Releases on a real Kubernetes API by command, there and back, with kubectl as the witness of each effect."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from faults.proxy import Fault
from journeys.kit import Shell, Traffic, target_text, wire_to
from servers.fixtures import Upstream
from servers.kubernetes_process import KubeServer, kubectl_proxy
from servers.kubernetes_shop import ArgoStandIn, KubeShop, open_shop, roll_out

pytestmark = [pytest.mark.journey, pytest.mark.kubernetes]

SERVICE = "provider: kubernetes-service\n  service: shop\n  label: version\n  values: {blue: blue, green: green}"
ROUTE = "provider: kubernetes-httproute\n  route: shop\n  backends: {blue: shop-blue, green: shop-green}"
LOGIN = "client.authentication.k8s.io/v1"
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


def file_text(
    shop: KubeShop, upstreams: Mapping[str, Upstream], router: str, stages: str, workloads: str = DEPLOYMENTS, account: str = "releaser"
) -> str:
    """Return a target file on the shop in the cluster."""
    text = target_text("http://127.0.0.1:1", upstreams, stages=stages)
    where = f"  context: {account}\n  kubeconfig: {shop.server.kubeconfig}\n  namespace: {shop.namespace}\n"
    head, tail = text[: text.index("traffic:")], text[text.index("metrics:") :]
    return f"{head}traffic:\n  {router}\n{where}workloads:\n  {workloads}\n{where}{tail}"


def armed(tmp_path: Path, text: str) -> Shell:
    """Return a terminal whose console knows a target file, armed."""
    file = tmp_path / "shop.yaml"
    file.write_text(text, encoding="utf-8")
    shell = Shell(tmp_path / "home")
    for words in (("target", "add", str(file)), ("target", "arm", "shop", "--reason", "test")):
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


def take_back(shell: Shell) -> None:
    """Roll the release back, with every word of it read back."""
    back = shell("rollback", "shop", "--reason", "customers call")
    assert back.code == 0, back
    assert "back on blue, read back" in back.out


def test_a_release_on_a_service_moves_its_selector_and_the_rollback_moves_it_back(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    shell = armed(tmp_path, file_text(shop, upstreams, SERVICE, "  - {weight: 100 %, wait: 1 s}"))
    release(shell)
    assert shop.selected() == "green"
    take_back(shell)
    assert shop.selected() == "blue"
    assert shell("audit", "verify").code == 0
    kept = b"".join(path.read_bytes() for path in shell.home.rglob("*") if path.is_file())
    assert shop.server.tokens["releaser"].encode() not in kept, "the token is nowhere in what the console keeps"


def test_a_canary_on_a_route_goes_up_by_its_stages_and_is_taken_back_whole(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    shell = armed(tmp_path, file_text(shop, upstreams, ROUTE, "  - {weight: 5 %, wait: 1 s}"))
    said = release(shell)
    assert "5 %" in said
    assert shop.weights() == {"shop-blue": 0, "shop-green": 100}
    take_back(shell)
    assert shop.weights() == {"shop-blue": 100, "shop-green": 0}


def test_an_account_without_rights_is_told_before_anything_starts(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    shell = armed(tmp_path, file_text(shop, upstreams, SERVICE, "  - {weight: 100 %, wait: 1 s}", account="viewer"))
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
        shell = armed(tmp_path, file_text(shop, upstreams, ARGO, stages, ARGO))
        release(shell)
        promoted = shop.kubectl("get", "rollout", "shop", "-o", "jsonpath={.status.stableRS} {.status.phase}")
        assert promoted == "18-0-0 Healthy"
        take_back(shell)
        argo.until(lambda status: status.get("stableRS") == "17-4-0")


def test_a_login_command_runs_only_once_the_file_is_trusted(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    script, ran = tmp_path / "login.py", tmp_path / "ran"
    status = {"apiVersion": LOGIN, "kind": "ExecCredential", "status": {"token": shop.server.tokens["releaser"]}}
    script.write_text(f"open({str(ran)!r}, 'a').write('x')\nprint({json.dumps(status)!r})\n")
    config = json.loads(shop.server.kubeconfig.read_text())
    config["users"] = [{"name": "releaser", "user": {"exec": {"apiVersion": LOGIN, "command": sys.executable, "args": [str(script)]}}}]
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    text = file_text(shop, upstreams, SERVICE, "  - {weight: 100 %, wait: 1 s}")
    text = text.replace(f"kubeconfig: {shop.server.kubeconfig}", f"kubeconfig: kubeconfig\n  login: [{sys.executable}, {script}]")
    (tmp_path / "shop.yaml").write_text(text)
    shell = Shell(tmp_path / "home")
    assert shell("target", "add", str(tmp_path / "shop.yaml")).code == 0
    before = shell("target", "status", "shop")
    assert "the target file is not trusted" in before.out + before.err
    assert not ran.exists()
    trusted = shell("target", "trust", "shop", stdin="y\n")
    assert (trusted.code, f"{sys.executable} {script}" in trusted.out) == (0, True), trusted
    assert shell("target", "arm", "shop", "--reason", "test").code == 0
    assert ran.exists()
    there = shell("switch", "shop", "--to", "green", "--reason", "try")
    assert there.code == 0, there
    assert shop.selected() == "green"


def test_a_write_that_comes_too_late_says_who_was_first_and_overwrites_nothing(
    shop: KubeShop, upstreams: dict[str, Upstream], tmp_path: Path, traffic: Traffic
) -> None:
    with kubectl_proxy(shop.server, tmp_path) as plain, wire_to(plain) as wire:
        late: list[object] = []

        def meanwhile(asked: bytes, number: int) -> bool:
            if asked.startswith(b"PATCH") and not late:
                late.append(shop.server.merge(shop.service, {"spec": {"sessionAffinity": "ClientIP"}}))
            return False

        wire.proxy.set(Fault.CUT_BEFORE, meanwhile)
        text = file_text(shop, upstreams, SERVICE, "  - {weight: 100 %, wait: 1 s}")
        config = {
            "clusters": [{"name": "c", "cluster": {"server": wire.proxy.url}}],
            "contexts": [{"name": "releaser", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        shell = armed(tmp_path, text.replace(str(shop.server.kubeconfig), "kubeconfig"))
        refused = shell("switch", "shop", "--to", "green", "--reason", "try")
        assert late, "somebody was first"
        assert refused.code != 0, refused
        assert "was changed by Python-urllib at 20" in refused.err + refused.out
        assert "spec.sessionAffinity from None to ClientIP" in refused.err + refused.out
        assert shop.selected() == "blue"
