"""The `metrics` section: where each side's counters are read."""

from typing import Any, Literal

from console.files.fields import Poll, Secret, Section, SideName, Span, Url, usual
from console.files.sections.spelled import given, written_secret
from console.files.spelling import write_span
from console.model.systems import MetricsSpec, OpenMetricsSource


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


MetricsSection = OpenMetricsSection


def metrics_of(section: OpenMetricsSection) -> MetricsSpec:
    """Return the source of the counters."""
    return OpenMetricsSource(section.urls, section.poll, section.timeout, section.token)


def written_metrics(spec: MetricsSpec) -> dict[str, Any]:
    """Return the source of the counters as the file spells it."""
    return given(
        {
            "provider": "openmetrics",
            "urls": dict(spec.urls),
            "poll": write_span(spec.poll_s),
            "timeout": write_span(spec.timeout_s),
            "token": written_secret(spec.token),
        }
    )
