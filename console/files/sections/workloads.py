"""The `workloads` section: where each side tells its version."""

from typing import Annotated, Any, Literal

from pydantic import Field

from console.files.fields import Section, SideName, Span, Url, usual
from console.files.sections.kubernetes import KubeWorkloadsSection, written_kube_workloads
from console.files.sections.kubernetes import workloads_of as kube_workloads_of
from console.files.spelling import write_span
from console.model.systems import HttpWorkloads, WorkloadsSpec


class HttpWorkloadsSection(Section):
    """Sides that tell their version at an HTTP address."""

    provider: Literal["http"]
    urls: dict[SideName, Url]
    """The version address of each side."""
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""


WorkloadsSection = Annotated[HttpWorkloadsSection | KubeWorkloadsSection, Field(discriminator="provider")]


def workloads_of(section: HttpWorkloadsSection | KubeWorkloadsSection) -> WorkloadsSpec:
    """Return what runs on each side."""
    if isinstance(section, HttpWorkloadsSection):
        return HttpWorkloads(section.urls, section.timeout)
    return kube_workloads_of(section)


def written_workloads(spec: WorkloadsSpec) -> dict[str, Any]:
    """Return what runs on each side as the file spells it."""
    if isinstance(spec, HttpWorkloads):
        return {"provider": "http", "urls": dict(spec.urls), "timeout": write_span(spec.timeout_s)}
    return written_kube_workloads(spec)
