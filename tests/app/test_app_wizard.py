"""What the wizard finds in real systems, and the file that it makes of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from servers.envoy_process import EnvoyServer
from servers.fixtures import Upstream
from servers.haproxy_process import HaproxyServer
from servers.kubernetes_process import KubeServer
from servers.kubernetes_shop import open_shop
from servers.prometheus_process import PrometheusServer

from console.app import Console, opened
from console.files.targetfile import load_target
from console.model.errors import Malformed, RemoteError, StaleWrite
from console.model.kubernetes import KubeDeployments, KubeRoute, KubeService
from console.model.systems import PrometheusSource
from console.model.target import Environment
from console.model.wizard import Found, Reach, TargetDraft
from console.policy.drafting import kube_workloads_of, sides_of, swapped, traffic_of, usual_stages, with_success

pytestmark = pytest.mark.anyio


def quiet(_words: str) -> None:
    pass


@pytest.fixture
async def console() -> AsyncIterator[Console]:
    async with opened(watch=None) as made:
        yield made


async def haproxy_draft(console: Console, server: HaproxyServer) -> TargetDraft:
    """Answer the first two questions as the wizard would."""
    reach = Reach("haproxy", address=f"127.0.0.1:{server.port}")
    found = await console.wizard.look(reach, quiet)
    (route,) = found.routes
    draft = TargetDraft(name="shop", environment=Environment.STAGING, sides=sides_of(route))
    draft = replace(draft, traffic=traffic_of(reach, route, draft.sides))
    workloads = await console.wizard.versions(route, draft, quiet)
    return replace(draft, workloads=workloads, stages=usual_stages(draft.environment, draft.traffic))


@pytest.mark.haproxy
async def test_a_haproxy_and_a_prometheus_become_a_target_without_a_query(
    console: Console, haproxy_server: HaproxyServer, prometheus_server: PrometheusServer, upstreams: Mapping[str, Upstream], tmp_path: Path
) -> None:
    upstreams["blue"].count(ok=7, failed=1)
    reach = Reach("haproxy", address=f"127.0.0.1:{haproxy_server.port}")
    found = await console.wizard.look(reach, quiet)
    assert [route.name for route in found.routes] == ["shop"]
    assert [right.allowed for right in found.rights] == [True, True]
    draft = await haproxy_draft(console, haproxy_server)
    assert draft.traffic == haproxy_server.spec
    assert draft.workloads is not None
    metrics = await console.wizard.metrics(PrometheusSource(prometheus_server.url, {}), draft, found.routes[0], "", quiet)
    assert not metrics.problem
    assert metrics.source.sides == prometheus_server.sides
    best = metrics.successes[0]
    assert (best.ok, best.failed, best.sessions) == ("resolved_ok", "resolved_failed", True)
    assert all(each.value is not None for pair in best.previews for each in pair)
    draft = with_success(draft, metrics.source, best)
    tried = await console.wizard.attempt(draft, (), quiet)
    assert {each.port: each.problem for each in tried} == {"traffic": "", "workloads": "", "metrics": ""}
    assert tried[0].identity.startswith("haproxy test-lb shop")
    assert tried[1].facts == ("blue runs 17.4.0", "green runs 18.0.0")
    written = await console.wizard.write_up(draft, tmp_path / "new" / "shop.yaml")
    assert "# Where traffic is split." in written.text
    assert await console.wizard.write(written) == "shop"
    assert load_target(written.path).gates == draft.gates
    (row,) = await console.store.targets.rows()
    assert not row.armed


@pytest.mark.haproxy
async def test_a_file_that_is_there_keeps_its_comments_and_is_written_only_as_it_was_compared(
    console: Console, haproxy_server: HaproxyServer, tmp_path: Path
) -> None:
    draft = await haproxy_draft(console, haproxy_server)
    path = tmp_path / "shop.yaml"
    await console.wizard.write(await console.wizard.write_up(draft, path))
    kept = path.read_text(encoding="utf-8").replace("format: 1", "# Ask Rita before you change this.\nformat: 1") + "rehearse: true\n"
    path.write_text(kept, encoding="utf-8")
    await console.arm("shop", armed=True, reason="test")
    again = await console.wizard.write_up(replace(draft, title="Shop EU", environment=Environment.PRODUCTION), path)
    assert again.replaces
    changed = [line for line in again.difference if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
    assert changed == ["-title: shop", "-environment: staging", "+title: Shop EU", "+environment: production"]
    (armed,) = await console.store.targets.rows()
    assert armed.armed
    assert "# Ask Rita before you change this." in again.text
    assert "rehearse: true" in again.text
    path.write_text(kept + "# somebody was here\n", encoding="utf-8")
    with pytest.raises(StaleWrite):
        await console.wizard.write(again)
    assert path.read_text(encoding="utf-8").endswith("# somebody was here\n")
    again = await console.wizard.write_up(replace(draft, title="Shop EU"), path)
    await console.wizard.write(again)
    (row,) = await console.store.targets.rows()
    assert not row.armed, "a target that was written anew is observe-only"


async def test_an_envoy_tells_its_weighted_routes_and_their_hosts(console: Console, envoy_server: EnvoyServer) -> None:
    reach = Reach("envoy", address=envoy_server.spec.admin)
    found = await console.wizard.look(reach, quiet)
    route = next(each for each in found.routes if each.label == envoy_server.spec.runtime_prefix)
    assert [right.allowed for right in found.rights] == [True, True]
    draft = TargetDraft(name="shop", sides=sides_of(route))
    spec = traffic_of(reach, route, draft.sides)
    assert spec == envoy_server.spec
    draft = replace(draft, traffic=spec)
    assert await console.wizard.versions(route, draft, quiet) is not None
    (tried,) = await console.wizard.attempt(draft, ("traffic",), quiet)
    assert tried.ok, tried
    other = swapped(route)
    assert traffic_of(reach, other, draft.sides) != spec


async def test_what_does_not_answer_or_is_something_else_is_said_in_words(console: Console, upstreams: Mapping[str, Upstream]) -> None:
    with pytest.raises(RemoteError, match="cannot be reached"):
        await console.wizard.look(Reach("haproxy", address="127.0.0.1:9"), quiet)
    with pytest.raises(Malformed, match="unexpected"):
        await console.wizard.look(Reach("envoy", address=upstreams["blue"].url), quiet)


async def test_looking_around_can_be_stopped(console: Console) -> None:
    begun = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reach = Reach("haproxy", address=f"127.0.0.1:{silent.getsockname()[1]}")
        asked = asyncio.ensure_future(console.wizard.look(reach, lambda _words: begun.set()))
        await begun.wait()
        await console.wizard.stop()
        with pytest.raises(asyncio.CancelledError):
            await asked


@pytest.mark.kubernetes
async def test_a_kubernetes_namespace_tells_its_service_and_its_route_and_what_an_account_may_do(
    console: Console, kubernetes_server: KubeServer, tmp_path: Path
) -> None:
    shop = await asyncio.to_thread(open_shop, kubernetes_server)
    assert "releaser" in await console.wizard.contexts(str(kubernetes_server.kubeconfig))
    reach = Reach("kubernetes", kubeconfig=str(kubernetes_server.kubeconfig), context="admin")
    names = await console.wizard.namespaces(reach)
    assert not isinstance(names, Found)
    assert shop.namespace in names
    reach = replace(reach, namespace=shop.namespace)
    found = await console.wizard.look(reach, quiet)
    by_kind = {route.kind: route for route in found.routes}
    assert set(by_kind) == {"kubernetes-service", "kubernetes-httproute"}
    service, route = by_kind["kubernetes-service"], by_kind["kubernetes-httproute"]
    spec = traffic_of(reach, service, sides_of(service))
    assert isinstance(spec, KubeService)
    assert (spec.label, spec.values) == ("version", {"blue": "blue", "green": "green"})
    workloads = kube_workloads_of(reach, route, sides_of(route))
    assert isinstance(workloads, KubeDeployments)
    assert workloads.deployments == {"blue": "shop-blue", "green": "shop-green"}
    spec = traffic_of(reach, route, sides_of(route))
    assert isinstance(spec, KubeRoute)
    draft = TargetDraft(name="shop", traffic=spec, workloads=workloads, stages=usual_stages(Environment.STAGING, spec))
    tried = await console.wizard.attempt(draft, (), quiet)
    assert [each.problem for each in tried] == ["", ""]
    viewer = replace(spec, cluster=replace(spec.cluster, context="viewer"))
    (tried_by_viewer,) = await console.wizard.attempt(replace(draft, traffic=viewer), ("traffic",), quiet)
    rights = {right.what: right.allowed for right in tried_by_viewer.rights}
    assert rights["read httproutes"] is True
    assert rights["change httproute shop"] is False
    assert any("verb patch on httproutes" in right.advice for right in tried_by_viewer.rights)
