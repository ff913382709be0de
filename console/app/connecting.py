"""Makes the providers of a target: a new target system is one line here."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from console.model.clock import Clock
from console.model.ports import Connections
from console.model.stores import TargetRow
from console.model.target import EnvoyTraffic, SecretRef, Target

if TYPE_CHECKING:
    from console.store.secrets import Secrets


def connect(target: Target, row: TargetRow, clock: Clock, secrets: "Secrets") -> Connections:
    """Return the providers of one target, with a transport of its own; nothing is sent yet."""
    from console.providers.clients.http import HttpClient  # noqa: PLC0415
    from console.providers.flags.httpflag import HttpFlags  # noqa: PLC0415
    from console.providers.metrics.openmetrics import OpenMetricsScrape  # noqa: PLC0415
    from console.providers.pipelines.command import CommandRunner  # noqa: PLC0415
    from console.providers.traffic.envoy import EnvoyRouter  # noqa: PLC0415
    from console.providers.traffic.haproxy import HaproxyRouter  # noqa: PLC0415
    from console.providers.workloads.http import HttpWorkloadVersions  # noqa: PLC0415

    http = HttpClient()
    trusted = row.trusted_digest == target.digest

    def token(ref: SecretRef | None) -> "Callable[[], asyncio.Future[str]] | None":
        return None if ref is None else lambda: asyncio.ensure_future(secrets.resolve_async(ref, allow_commands=trusted))

    traffic, metrics, flag, pipeline = target.traffic, target.metrics, target.flag, target.pipeline
    runner = CommandRunner(pipeline, Path(target.path).parent, clock) if pipeline else None
    return Connections(
        router=EnvoyRouter(traffic, http, clock) if isinstance(traffic, EnvoyTraffic) else HaproxyRouter(traffic, clock),
        workloads=HttpWorkloadVersions(target.workloads, http, clock),
        metrics=OpenMetricsScrape(metrics, http, clock, token(metrics.token)) if metrics else None,
        pipeline=runner,
        flags=HttpFlags(flag, http, clock, token(flag.token)) if flag else None,
        closers=(http,) if runner is None else (http, runner),
    )
