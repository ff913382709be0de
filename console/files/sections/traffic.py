"""The `traffic` section: the router that splits traffic between the sides."""

from typing import Annotated, Any, Literal

from pydantic import Field

from console.files.fields import Secret, Section, SideName, Span, Text, Url, usual
from console.files.sections.kubernetes import KubeTrafficSection, written_kube_traffic
from console.files.sections.kubernetes import traffic_of as kube_traffic_of
from console.files.sections.spelled import given, written_secret
from console.files.spelling import write_span
from console.model.kubernetes import KubeTraffic
from console.model.systems import AlbTraffic, EnvoyTraffic, HaproxyTraffic, TraefikTraffic, TrafficSpec


class EnvoySection(Section):
    """Envoy: weighted clusters whose weights are runtime keys."""

    provider: Literal["envoy"]
    admin: Url
    """The admin interface's address."""
    runtime_prefix: Text
    """The route's `runtime_key_prefix`."""
    clusters: dict[SideName, Text]
    """The cluster of each side."""
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""


class HaproxySection(Section):
    """HAProxy: a backend driven by the runtime API."""

    provider: Literal["haproxy"]
    address: Text
    """The stats socket: unix:PATH or HOST:PORT."""
    backend: Text
    """The backend whose servers share the traffic."""
    servers: dict[SideName, Annotated[list[Text], Field(min_length=1, max_length=200)]]
    """The servers of each side."""
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""


class TraefikSection(Section):
    """Traefik: a weighted service in a file that its file provider watches."""

    provider: Literal["traefik"]
    api: Url
    """The address of Traefik's API, without /api."""
    file: Text
    """The YAML file with the weighted service, seen from this file; it is rewritten whole, with its comments kept."""
    service: Text
    """The weighted service's name in the file."""
    services: dict[SideName, Text]
    """The service of each side, as the weighted service names it."""
    metrics: Url | None = None
    """Where Traefik gives its Prometheus metrics; left out: /metrics beside the API."""
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""
    token: Secret | None = None
    """Where the bearer token of the API is found, or the password of `user`: keyring:NAME, env:NAME or cmd:COMMAND."""
    user: Text | None = None
    """The user of the API's basic authentication; `token` is then the password."""


class AlbSection(Section):
    """AWS: a rule of an Application Load Balancer that forwards to two weighted target groups."""

    provider: Literal["alb"]
    rule: Text
    """The ARN of the rule, or of the listener for its default action."""
    groups: dict[SideName, Text]
    """The ARN of the target group of each side."""
    profile: Text | None = None
    """The profile of AWS's own tools whose credentials are used; left out: what their chain finds."""
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""


TrafficSection = Annotated[
    EnvoySection | HaproxySection | TraefikSection | AlbSection | KubeTrafficSection, Field(discriminator="provider")
]


def traffic_of(section: EnvoySection | HaproxySection | TraefikSection | AlbSection | KubeTrafficSection) -> TrafficSpec:
    """Return the router that a section names."""
    if isinstance(section, KubeTrafficSection):
        return kube_traffic_of(section)
    if isinstance(section, EnvoySection):
        return EnvoyTraffic(section.admin, section.runtime_prefix, section.clusters, section.timeout)
    if isinstance(section, TraefikSection):
        return TraefikTraffic(
            section.api,
            section.file,
            section.service,
            section.services,
            section.metrics or "",
            section.timeout,
            section.token,
            section.user or "",
        )
    if isinstance(section, AlbSection):
        return AlbTraffic(section.rule, section.groups, section.profile or "", section.timeout)
    servers = {side: tuple(names) for side, names in section.servers.items()}
    return HaproxyTraffic(section.address, section.backend, servers, section.timeout)


def written_traffic(spec: TrafficSpec) -> dict[str, Any]:
    """Return a router as the file spells it."""
    if isinstance(spec, KubeTraffic):
        return written_kube_traffic(spec)
    if isinstance(spec, EnvoyTraffic):
        return {
            "provider": "envoy",
            "admin": spec.admin,
            "runtime_prefix": spec.runtime_prefix,
            "clusters": dict(spec.clusters),
            "timeout": write_span(spec.timeout_s),
        }
    if isinstance(spec, AlbTraffic):
        return given(
            {
                "provider": "alb",
                "rule": spec.rule,
                "groups": dict(spec.groups),
                "profile": spec.profile or None,
                "timeout": write_span(spec.timeout_s),
            }
        )
    if isinstance(spec, TraefikTraffic):
        return given(
            {
                "provider": "traefik",
                "api": spec.api,
                "file": spec.file,
                "service": spec.service,
                "services": dict(spec.services),
                "metrics": spec.metrics or None,
                "timeout": write_span(spec.timeout_s),
                "token": written_secret(spec.token),
                "user": spec.user or None,
            }
        )
    return {
        "provider": "haproxy",
        "address": spec.address,
        "backend": spec.backend,
        "servers": {side: list(servers) for side, servers in spec.servers.items()},
        "timeout": write_span(spec.timeout_s),
    }
