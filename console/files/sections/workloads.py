"""The `workloads` section: where each side tells its version."""

from typing import Any, Literal

from console.files.fields import Section, SideName, Span, Url, usual
from console.files.spelling import write_span
from console.model.systems import HttpWorkloads, WorkloadsSpec


class HttpWorkloadsSection(Section):
    """Sides that tell their version at an HTTP address."""

    provider: Literal["http"]
    urls: dict[SideName, Url]
    """The version address of each side."""
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""


WorkloadsSection = HttpWorkloadsSection


def workloads_of(section: HttpWorkloadsSection) -> WorkloadsSpec:
    """Return what runs on each side."""
    return HttpWorkloads(section.urls, section.timeout)


def written_workloads(spec: WorkloadsSpec) -> dict[str, Any]:
    """Return what runs on each side as the file spells it."""
    return {"provider": "http", "urls": dict(spec.urls), "timeout": write_span(spec.timeout_s)}
