"""Logs of pods, from a scripted fake of the API: no kubelet runs in the tests, so what a log holds is by contract only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from clock import FakeClock
from faults.scripted import Answer, ScriptedServer, scripted_server

from console.model.errors import Refused
from console.model.kubernetes import KubeCluster, KubeDeployments
from console.model.workloads import LogAsked
from console.providers.clients.kubernetes import KubeClient
from console.providers.workloads import kubernetes_pods
from console.providers.workloads.kubernetes_work import KubeWork

pytestmark = pytest.mark.anyio

TEXT = {"content-type": "text/plain"}


@asynccontextmanager
async def fake(folder: Path) -> AsyncIterator[tuple[ScriptedServer, KubeWork]]:
    async with scripted_server() as server:
        config = (
            '{"clusters": [{"name": "c", "cluster": {"server": "' + server.url + '"}}],'
            '"contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": {}}]}'
        )
        (folder / "config").write_text(config)
        kube = KubeClient(KubeCluster("prod", kubeconfig="config"), folder, FakeClock(), lambda: False)
        spec = KubeDeployments(KubeCluster("prod"), "shop", {"blue": "shop-blue", "green": "shop-green"})
        try:
            yield server, KubeWork(spec, ("blue", "green"), kube, FakeClock())
        finally:
            await kube.aclose()


async def read(work: KubeWork, **asked) -> list[str]:
    return [line async for line in work.log(LogAsked("shop-1", **asked))]


@pytest.mark.parametrize("follow", [False, True])
async def test_the_lines_of_one_container_come_cleaned_and_the_container_before_is_asked_for(tmp_path: Path, follow: bool) -> None:
    async with fake(tmp_path) as (server, work):
        raw = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n" + b"paid \x1b[31m12\x1b[0m\nfailed\xff\nlast"
        server.script(Answer(raw=raw))
        assert await read(work, container="web", previous=True, follow=follow, lines=3) == ["paid 12", "failed\\xff", "last"]
        asked = server.requests[0].split(b"\r\n")[0].decode()
        assert asked.startswith("GET /api/v1/namespaces/shop/pods/shop-1/log?")
        assert all(each in asked for each in ("tailLines=3", "container=web", "previous=true"))
        assert ("follow=true" in asked, "limitBytes=" in asked) == (follow, not follow)


async def test_a_log_without_an_end_is_cut_at_a_bound_and_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(kubernetes_pods, "FOLLOWED_BYTES", 100)
    async with fake(tmp_path) as (server, work):
        server.script(Answer(body=b"a line of text\n" * 1000, headers=TEXT))
        lines = await read(work, follow=True)
        assert lines[-1].startswith("… cut at")


async def test_a_line_without_an_end_is_cut_into_bounded_ones(tmp_path: Path) -> None:
    async with fake(tmp_path) as (server, work):
        server.script(Answer(body=b"x" * 100_000, headers=TEXT))
        lines = await read(work, follow=True)
        assert len(lines) == 7
        assert max(map(len, lines)) <= kubernetes_pods.LINE


async def test_a_container_that_did_not_start_is_told_in_the_servers_words(tmp_path: Path) -> None:
    async with fake(tmp_path) as (server, work):
        body = b'{"kind": "Status", "message": "container \\"web\\" in pod \\"shop-1\\" is waiting to start: ContainerCreating"}'
        server.script(Answer(400, body))
        for follow in (False, True):
            with pytest.raises(Refused, match="is waiting to start: ContainerCreating"):
                await read(work, follow=follow)
