"""The `metrics` section: where each side's counters are read."""

from typing import Annotated, Any, Literal

from pydantic import Field

from console.files.fields import Matchers, Metric, Poll, Query, Scrape, Secret, Section, SideName, Span, Text, Url, usual
from console.files.sections.spelled import given, written_secret
from console.files.spelling import write_span
from console.model.systems import MetricsSpec, OpenMetricsSource, PrometheusSource


class OpenMetricsSection(Section):
    """Sides that expose OpenMetrics text."""

    provider: Literal["openmetrics"]
    urls: dict[SideName, Url]
    """The metrics address of each side."""
    poll: Poll = usual(5.0, "5 s")
    """How often to read."""
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""
    token: Secret | None = None
    """Where the bearer token is found: keyring:NAME, env:NAME or cmd:COMMAND."""


class PrometheusSection(Section):
    """A Prometheus, or what speaks its HTTP API, that reads both sides."""

    provider: Literal["prometheus"]
    url: Url
    """Its address, with the path before `/api/v1` where it has one."""
    sides: dict[SideName, Matchers]
    """The label matchers that tell each side from the other."""
    queries: Annotated[dict[Metric, Query], Field(max_length=50)] = Field(default_factory=dict)
    """PromQL for metrics that are named otherwise there, by the name that gates and panels use; $side stands for the side's matchers."""
    poll: Poll = usual(5.0, "5 s")
    """How often to ask."""
    scrape: Scrape = usual(15.0, "15 s")
    """How often the Prometheus itself reads the service; after two polls and one of these a number is stale."""
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""
    token: Secret | None = None
    """Where the bearer token is found: keyring:NAME, env:NAME or cmd:COMMAND."""
    user: Text | None = None
    """The user whose password the token is, where the server wants one."""


MetricsSection = Annotated[OpenMetricsSection | PrometheusSection, Field(discriminator="provider")]


def metrics_of(section: OpenMetricsSection | PrometheusSection) -> MetricsSpec:
    """Return the source of the counters."""
    if isinstance(section, OpenMetricsSection):
        return OpenMetricsSource(section.urls, section.poll, section.timeout, section.token)
    return PrometheusSource(
        url=section.url,
        sides=section.sides,
        queries=section.queries,
        poll_s=section.poll,
        scrape_s=section.scrape,
        timeout_s=section.timeout,
        token=section.token,
        user=section.user or "",
    )


def written_metrics(spec: MetricsSpec) -> dict[str, Any]:
    """Return the source of the counters as the file spells it."""
    asked = {"poll": write_span(spec.poll_s), "timeout": write_span(spec.timeout_s), "token": written_secret(spec.token)}
    if isinstance(spec, OpenMetricsSource):
        return given({"provider": "openmetrics", "urls": dict(spec.urls), **asked})
    return given(
        {
            "provider": "prometheus",
            "url": spec.url,
            "sides": dict(spec.sides),
            "queries": dict(spec.queries) or None,
            "scrape": write_span(spec.scrape_s),
            **asked,
            "user": spec.user or None,
        }
    )
