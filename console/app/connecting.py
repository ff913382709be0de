"""Makes the providers of a target: a new target system is one line here."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from console.app.channels import notifiers
from console.app.clusters import Clusters
from console.app.databases import Database, database_of
from console.app.flags import flag_service
from console.app.runners import pipeline_runner
from console.app.sources import alert_source, metric_source
from console.model.clock import Clock
from console.model.kubernetes import KubeTraffic
from console.model.ports import Connections, TrafficRouter, Undo, Workloads
from console.model.systems import (
    AlbTraffic,
    ArgoCdUndo,
    CommandUndo,
    EnvoyTraffic,
    HttpUndo,
    HttpWorkloads,
    MigrationUndo,
    SecretRef,
    TraefikTraffic,
    UndoSpec,
)
from console.model.target import Target

if TYPE_CHECKING:
    from console.providers.clients.http import HttpClient, Token
    from console.store.secrets import Secrets

Tokens = Callable[[SecretRef | None], "Token | None"]
"""Makes what fetches a secret when it is needed."""


def connect(target: Target, clock: Clock, secrets: "Secrets", trusted: Callable[[], bool]) -> Connections:
    """Return the providers of one target, with a transport of its own; nothing is sent yet.

    `trusted` tells whether a person allowed the commands of the file as it was read; it is asked each time before one would run.
    """
    from console.providers.clients.http import HttpClient  # noqa: PLC0415
    from console.providers.undo.command import CommandUndoStep  # noqa: PLC0415
    from console.providers.undo.http import HttpUndoStep  # noqa: PLC0415

    http, folder = HttpClient(clock), Path(target.path).parent

    def fetch(ref: SecretRef) -> "Token":
        return lambda: asyncio.ensure_future(secrets.resolve_async(ref, allow_commands=trusted()))

    def token(ref: SecretRef | None) -> "Token | None":
        return None if ref is None else fetch(ref)

    def undo(spec: HttpUndo | CommandUndo | ArgoCdUndo) -> Undo:
        if isinstance(spec, HttpUndo):
            return HttpUndoStep(spec, http, clock, token(spec.token))
        if isinstance(spec, ArgoCdUndo):
            from console.providers.undo.argocd import ArgoCdStep  # noqa: PLC0415

            return ArgoCdStep(spec, http, clock, token(spec.token))
        return CommandUndoStep(spec, folder, clock, trusted)

    database = database_of(target, folder, clock, token, trusted)
    runner, clusters = pipeline_runner(target, http, clock, token), Clusters(target, clock, trusted)
    return Connections(
        router=_router(target, http, clock, token, clusters),
        workloads=_workloads(target, http, clock, clusters),
        metrics=metric_source(target, http, clock, token),
        alerts=alert_source(target, http, clock, token),
        pipeline=runner,
        flags=flag_service(target, http, clock, token),
        undo={**_undos(target, undo, database), **({} if database is None else database.forward())},
        schema=None if database is None else database.schema,
        closers=(*(() if runner is None else (runner,)), clusters, http),  # what listens is stopped before its connections are closed
        notifiers=notifiers(target, clock, fetch),
        ahead_s=http.ahead_s,
        work=clusters.work(),
    )


def _undos(target: Target, undo: Callable[[HttpUndo | CommandUndo | ArgoCdUndo], Undo], database: Database | None) -> dict[str, Undo]:
    found: dict[str, Undo] = {}
    for name, spec in undo_specs(target).items():
        if not isinstance(spec, MigrationUndo):
            found[name] = undo(spec)
        elif database is not None:
            found[name] = database.back(spec)
    return found


def _router(target: Target, http: "HttpClient", clock: Clock, token: Tokens, clusters: Clusters) -> TrafficRouter:
    traffic = target.traffic
    if isinstance(traffic, KubeTraffic):
        return clusters.router(traffic)
    if isinstance(traffic, EnvoyTraffic):
        from console.providers.traffic.envoy import EnvoyRouter  # noqa: PLC0415

        return EnvoyRouter(traffic, http, clock)
    if isinstance(traffic, AlbTraffic):
        from console.providers.clients.aws import AwsClient  # noqa: PLC0415
        from console.providers.traffic.alb import AlbRouter  # noqa: PLC0415

        return AlbRouter(traffic, AwsClient(traffic.region, traffic.profile, traffic.timeout_s), clock)
    if isinstance(traffic, TraefikTraffic):
        from console.providers.traffic.traefik import TraefikRouter  # noqa: PLC0415

        return TraefikRouter(traffic, Path(target.path).parent, http, clock, token(traffic.token))
    from console.providers.traffic.haproxy import HaproxyRouter  # noqa: PLC0415

    return HaproxyRouter(traffic, clock)


def _workloads(target: Target, http: "HttpClient", clock: Clock, clusters: Clusters) -> Workloads:
    if not isinstance(target.workloads, HttpWorkloads):
        return clusters.workloads(target.workloads)
    from console.providers.workloads.http import HttpWorkloadVersions  # noqa: PLC0415

    return HttpWorkloadVersions(target.workloads, http, clock)


def undo_specs(target: Target) -> Mapping[str, UndoSpec]:
    """Return all that a way back does and asks outside, by the names under which `Connections.undo` has it."""
    specs: dict[str, UndoSpec | None] = {step.name: step.spec for step in target.undo}
    specs |= {f"snapshot {step.name}": step.snapshot.check for step in target.undo if step.snapshot is not None}
    specs |= {f"ready {check.name}": check.spec for check in target.ready}
    for each in target.reconcilers:
        specs |= {f"pause {each.name}": each.pause, f"resume {each.name}": each.resume}
    return {name: spec for name, spec in specs.items() if spec is not None}
