"""The `notify` section: who is told of what happens, and through which channels."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from console.files.fields import Secret, Section, Span, Text, UriPart, Url, usual
from console.files.sections.spelled import given, written_secret
from console.files.spelling import write_span
from console.model.notes import (
    USUAL,
    CdeventsChannel,
    Channel,
    ChannelSpec,
    GrafanaChannel,
    NoteKind,
    PagerDutyChannel,
    SlackChannel,
    TeamsChannel,
    WebhookChannel,
)

Kind = Literal[
    "started",
    "stage passed",
    "gate failed",
    "held",
    "resumed",
    "step unknown",
    "going back",
    "rollback stopped",
    "rolled back",
    "done",
    "driver lost",
    "refused",
]
_SPELLED = [kind.value for kind in USUAL]
_WAIT_S = 10.0
_WAIT = "10 s"


class ChannelSection(Section):
    """A channel."""

    name: Text
    """How screens and messages name it."""
    on: Annotated[list[Kind], Field(min_length=1, max_length=12)] = usual(_SPELLED, _SPELLED)
    """What is told; left out: everything but refused moves."""
    timeout: Span = usual(_WAIT_S, _WAIT)
    """How long to wait for an answer; what was not accepted is sent again for 15 minutes."""


class SlackSection(ChannelSection):
    """An incoming webhook of Slack, or of a chat that takes the same."""

    provider: Literal["slack"]
    address: Secret
    """Where the webhook's address is found, which is a secret: keyring:NAME, env:NAME or cmd:COMMAND."""


class TeamsSection(ChannelSection):
    """A workflow of Microsoft Teams that posts what its webhook gets."""

    provider: Literal["teams"]
    address: Secret
    """Where the webhook's address is found, which is a secret: keyring:NAME, env:NAME or cmd:COMMAND."""


class WebhookSection(ChannelSection):
    """A receiver of JSON of your own, signed so that it can tell who sent it and refuse what is sent a second time."""

    provider: Literal["webhook"]
    address: Secret
    """Where the address is found: keyring:NAME, env:NAME or cmd:COMMAND."""
    key: Secret
    """Where the signing key is found: whsec_ and base64, or a text of at least 24 characters."""


class PagerDutySection(ChannelSection):
    """A PagerDuty service: incidents for what needs a person, change events for what moved."""

    provider: Literal["pagerduty"]
    key: Secret
    """Where the integration key (Events API v2) is found: keyring:NAME, env:NAME or cmd:COMMAND."""
    url: Url = "https://events.pagerduty.com"
    """For an account in Europe: https://events.eu.pagerduty.com."""


class CdeventsSection(ChannelSection):
    """A sink of CDEvents (0.4.1), sent as structured CloudEvents."""

    provider: Literal["cdevents"]
    url: Url
    token: Secret | None = None
    """Where the bearer token is found: keyring:NAME, env:NAME or cmd:COMMAND."""
    source: UriPart = "/release-console"
    """How this producer names itself: a URI or a part of one."""


class GrafanaSection(ChannelSection):
    """A Grafana: what happens is an annotation on its graphs."""

    provider: Literal["grafana"]
    url: Url
    """Its address, with the path before `/api` where it has one."""
    token: Secret
    """Where a service account's token is found, which may create annotations: keyring:NAME, env:NAME or cmd:COMMAND."""
    dashboards: Annotated[list[Text], Field(max_length=20)] = Field(default_factory=list)
    """The UIDs of the dashboards to annotate; left out: the organization, for every dashboard that shows the tag release-console."""


AnyChannel = SlackSection | TeamsSection | WebhookSection | PagerDutySection | CdeventsSection | GrafanaSection
NotifySection = Annotated[AnyChannel, Field(discriminator="provider")]


def channels_of(sections: Sequence[AnyChannel]) -> tuple[Channel, ...]:
    """Return the channels."""
    return tuple(Channel(each.name, _spec(each), tuple(dict.fromkeys(NoteKind(kind) for kind in each.on))) for each in sections)


def written_channel(channel: Channel) -> dict[str, Any]:
    """Return a channel as the file spells it."""
    spec = channel.spec
    more: dict[str, Any] = {}
    if isinstance(spec, SlackChannel | TeamsChannel | WebhookChannel):
        more["address"] = written_secret(spec.address)
    if isinstance(spec, WebhookChannel | PagerDutyChannel):
        more["key"] = written_secret(spec.key)
    if isinstance(spec, PagerDutyChannel | CdeventsChannel):
        more["url"] = spec.url
    if isinstance(spec, CdeventsChannel):
        more |= {"token": written_secret(spec.token), "source": spec.source}
    if isinstance(spec, GrafanaChannel):
        more |= {"url": spec.url, "token": written_secret(spec.token), "dashboards": list(spec.dashboards) or None}
    on = [kind.value for kind in channel.on]
    timeout = write_span(spec.timeout_s)
    return given({"name": channel.name, "provider": channel.system, **more, "on": on if channel.on != USUAL else None, "timeout": timeout})


def _spec(section: AnyChannel) -> ChannelSpec:
    if isinstance(section, SlackSection):
        return SlackChannel(section.address, section.timeout)
    if isinstance(section, TeamsSection):
        return TeamsChannel(section.address, section.timeout)
    if isinstance(section, WebhookSection):
        return WebhookChannel(section.address, section.key, section.timeout)
    if isinstance(section, PagerDutySection):
        return PagerDutyChannel(section.key, section.url, section.timeout)
    if isinstance(section, GrafanaSection):
        return GrafanaChannel(section.url, section.token, tuple(section.dashboards), section.timeout)
    return CdeventsChannel(section.url, section.token, section.source, section.timeout)
