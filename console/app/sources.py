"""Makes what watches a target beside its traffic: the sources of its counters and alerts."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from console.model.clock import Clock
from console.model.ports import Alerts, MetricSource
from console.model.systems import PrometheusSource, SecretRef
from console.model.target import Target
from console.policy.metering import names_of

if TYPE_CHECKING:
    from console.providers.clients.http import HttpClient, Token


Tokens = Callable[[SecretRef | None], "Token | None"]


def alert_source(target: Target, http: "HttpClient", clock: Clock, token: Tokens) -> Alerts | None:
    """Return where a target's alerts are read, None where its file names nothing."""
    if target.alerts is None:
        return None
    from console.providers.alerts.alertmanager import Alertmanager  # noqa: PLC0415

    return Alertmanager(target.alerts, http, clock, token(target.alerts.token))


def metric_source(target: Target, http: "HttpClient", clock: Clock, token: Tokens) -> MetricSource | None:
    """Return where a target's counters are read, None where its file names nothing."""
    source = target.metrics
    if source is None:
        return None
    if isinstance(source, PrometheusSource):
        from console.providers.metrics.prometheus import PrometheusMetrics  # noqa: PLC0415

        return PrometheusMetrics(source, names_of(target), http, clock, token(source.token))
    from console.providers.metrics.openmetrics import OpenMetricsScrape  # noqa: PLC0415

    return OpenMetricsScrape(source, http, clock, token(source.token))
