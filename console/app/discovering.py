"""Looks around in a system that no target file names yet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from console.model.clock import Clock
from console.model.systems import PrometheusSource

if TYPE_CHECKING:
    from console.providers.metrics.catalog import PrometheusCatalog
    from console.store.secrets import Secrets


@asynccontextmanager
async def prometheus_catalog(source: PrometheusSource, clock: Clock, secrets: "Secrets") -> "AsyncIterator[PrometheusCatalog]":
    """Give the catalog of a Prometheus by its address, secret and user, for the length of a block; a `cmd:` secret is not run."""
    from console.providers.clients.http import HttpClient  # noqa: PLC0415
    from console.providers.metrics.catalog import PrometheusCatalog  # noqa: PLC0415

    http, ref = HttpClient(clock), source.token
    token = None if ref is None else lambda: asyncio.ensure_future(secrets.resolve_async(ref, allow_commands=False))
    try:
        yield PrometheusCatalog(source, http, clock, token)
    finally:
        await http.aclose()
