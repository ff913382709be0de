"""Finds out about systems that no target file names yet, tries a draft with the providers that it will have, and writes its file."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from console.app.connecting import connect
from console.app.discovering import prometheus_catalog
from console.app.files import load_libraries
from console.app.trying import attempt
from console.model.clock import Clock
from console.model.errors import BadFile, ConsoleError, Refused
from console.model.kubernetes import KubeCluster
from console.model.ports import Connections
from console.model.systems import HttpWorkloads, PrometheusSource, WorkloadsSpec
from console.model.target import Target
from console.model.wizard import Found, MetricsFound, Progress, Reach, Route, TargetDraft, Tried, Written
from console.policy.drafting import cluster_of, hints_of, missing, target_of

if TYPE_CHECKING:
    from console.providers.clients.http import HttpClient
    from console.providers.clients.kubernetes import KubeClient
    from console.store.secrets import Secrets

T = TypeVar("T")
VERSION_PATHS = ("/version", "/api/version", "/healthz", "/health", "/info", "/-/version")
"""Where services usually tell their version."""


class ConnectWizard:
    """The wizard's side of the desk (`console.model.wizard.Wizard`).

    `take_in` takes a written file in as a target; `observe` makes the target of a file observe-only before that file is written anew, or
    raises NotAllowed where a rollout is on its way on it.
    """

    def __init__(
        self, clock: Clock, secrets: "Secrets", take_in: Callable[[Path], Awaitable[str]], observe: Callable[[Path], Awaitable[None]]
    ) -> None:
        self._clock, self._secrets, self._take_in, self._observe = clock, secrets, take_in, observe
        self._tasks: set[asyncio.Task[Any]] = set()

    async def contexts(self, kubeconfig: str) -> Sequence[str]:
        """Return the contexts of a kubeconfig."""
        from console.providers.clients.kubeconfig import contexts_in  # noqa: PLC0415

        return await asyncio.to_thread(contexts_in, KubeCluster(kubeconfig=kubeconfig), Path.cwd())

    async def namespaces(self, reach: Reach) -> Found | tuple[str, ...]:
        """Return the namespaces of a cluster, or the command that has to be allowed first."""
        return await self._stoppable(self._namespaces(reach))

    async def look(self, reach: Reach, progress: Progress) -> Found:
        """Return where traffic can be split."""
        return await self._stoppable(self._look(reach, progress))

    async def versions(self, route: Route, draft: TargetDraft, progress: Progress) -> WorkloadsSpec | None:
        """Return where each side tells its version, by the addresses of its servers; None where none of the usual places answers."""
        return await self._stoppable(self._versions(route, draft, progress))

    async def metrics(
        self, source: PrometheusSource, draft: TargetDraft, route: Route | None, label: str, progress: Progress
    ) -> MetricsFound:
        """Return what tells the sides apart, and what tells customers' success."""
        return await self._stoppable(self._metrics(source, draft, route, label, progress))

    async def attempt(self, draft: TargetDraft, ports: Sequence[str], progress: Progress) -> Sequence[Tried]:
        """Read what a draft names, once; `ports` reads only these. Raises BadFile where something is missing."""
        return await self._stoppable(attempt(draft, self._connect, self._clock, ports, progress))

    async def write_up(self, draft: TargetDraft, path: Path) -> Written:
        """Return the file as it would be written."""
        await asyncio.to_thread(load_libraries)
        from console.files.draftfile import drafted  # noqa: PLC0415

        if told := missing(draft):
            raise BadFile(told[0], advice="Go back to that step and answer it.")
        return await asyncio.to_thread(drafted, target_of(draft), path)

    async def write(self, written: Written) -> str:
        """Write a file and take its target in, observe-only."""
        await asyncio.to_thread(load_libraries)
        from console.files.draftfile import keep  # noqa: PLC0415

        if written.replaces:
            await self._observe(written.path)
        await asyncio.to_thread(keep, written)
        return await self._take_in(written.path)

    async def stop(self) -> None:
        """End what looks around now."""
        for task in tuple(self._tasks):
            task.cancel()

    async def _stoppable(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await task

    def _connect(self, target: Target) -> Connections:
        # A person allowed the login's command in the wizard; a draft names no other command.
        return connect(target, self._clock, self._secrets, lambda: True)

    async def _namespaces(self, reach: Reach) -> Found | tuple[str, ...]:
        from console.providers.clients import kubelook  # noqa: PLC0415
        from console.providers.clients.kubeconfig import access_of  # noqa: PLC0415

        words = kubelook.login_of(await asyncio.to_thread(access_of, cluster_of(reach), Path.cwd()))
        if words and reach.login != words:
            return Found(reach.context, login=words)
        async with self._kube(reach) as kube:
            try:
                return await kubelook.namespaces(kube)
            except Refused as refused:
                if refused.status == 403:
                    return ()
                raise

    async def _look(self, reach: Reach, progress: Progress) -> Found:
        progress(f"Asking {reach.address or reach.context}")
        if reach.kind == "haproxy":
            from console.providers.traffic.haproxy_look import look_haproxy  # noqa: PLC0415

            return await look_haproxy(reach.address)
        if reach.kind == "envoy":
            from console.providers.traffic.envoy_look import look_envoy  # noqa: PLC0415

            async with self._http() as http:
                return await look_envoy(reach.address, http)
        from console.providers.clients.kubelook import look_kubernetes  # noqa: PLC0415

        progress(f"Listing Services, Deployments, HTTPRoutes and Rollouts in {reach.namespace}")
        async with self._kube(reach) as kube:
            return await look_kubernetes(kube, reach.namespace)

    async def _versions(self, route: Route, draft: TargetDraft, progress: Progress) -> WorkloadsSpec | None:
        from console.providers.workloads.http import HttpWorkloadVersions  # noqa: PLC0415

        addresses = {side: next((part.address for part in route.parts if part.side == at), "") for at, side in enumerate(draft.sides)}
        if not all(addresses.values()):
            return None
        async with self._http() as http:
            for path in VERSION_PATHS:
                progress(f"Asking {path}")
                spec = HttpWorkloads({side: f"http://{address}{path}" for side, address in addresses.items()}, timeout_s=2.0)
                found = HttpWorkloadVersions(spec, http, self._clock)
                with suppress(ConsoleError):
                    await asyncio.gather(*(found.version(side) for side in draft.sides))
                    return HttpWorkloads(spec.urls)
        return None

    async def _metrics(
        self, source: PrometheusSource, draft: TargetDraft, route: Route | None, label: str, progress: Progress
    ) -> MetricsFound:
        from console.providers.metrics.telling import look_prometheus  # noqa: PLC0415

        async with prometheus_catalog(source, self._clock, self._secrets) as catalog:
            return await look_prometheus(catalog, source, hints_of(draft, route), label, progress)

    @asynccontextmanager
    async def _http(self) -> "AsyncIterator[HttpClient]":
        from console.providers.clients.http import HttpClient  # noqa: PLC0415

        http = HttpClient(self._clock)
        try:
            yield http
        finally:
            await http.aclose()

    @asynccontextmanager
    async def _kube(self, reach: Reach) -> "AsyncIterator[KubeClient]":
        from console.providers.clients.kubernetes import KubeClient  # noqa: PLC0415

        # The login's command runs only where it is the very one in `reach.login`, which a person was shown and allowed.
        kube = KubeClient(cluster_of(reach), Path.cwd(), self._clock, lambda: bool(reach.login))
        try:
            yield kube
        finally:
            await kube.aclose()
