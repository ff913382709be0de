"""The `alerts` section: the alerts that stand beside a release, and those that a rollout is expected to raise."""

from typing import Any, Literal

from console.files.fields import Matchers, Poll, Secret, Section, Span, Text, Url, usual
from console.files.sections.spelled import given, written_secret
from console.files.spelling import write_span
from console.model.alerts import AlertmanagerAlerts


class AlertmanagerSection(Section):
    """An Alertmanager."""

    provider: Literal["alertmanager"]
    url: Url
    """Its address, with the path before `/api/v2` where it has one."""
    match: Matchers
    """The label matchers of the alerts that concern this target."""
    silence: Matchers | None = None
    """Matchers of those among them that a rollout is expected to raise: they are silenced from its start to its end, and no longer."""
    poll: Poll = usual(5.0, "5 s")
    """How often to ask."""
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""
    token: Secret | None = None
    """Where the bearer token is found: keyring:NAME, env:NAME or cmd:COMMAND."""
    user: Text | None = None
    """The user whose password the token is, where the server wants one."""


AlertsSection = AlertmanagerSection


def alerts_of(section: AlertmanagerSection) -> AlertmanagerAlerts:
    """Return where alerts are read."""
    return AlertmanagerAlerts(
        url=section.url,
        match=section.match,
        silence=section.silence or "",
        poll_s=section.poll,
        timeout_s=section.timeout,
        token=section.token,
        user=section.user or "",
    )


def written_alerts(spec: AlertmanagerAlerts) -> dict[str, Any]:
    """Return where alerts are read as the file spells it."""
    return given(
        {
            "provider": "alertmanager",
            "url": spec.url,
            "match": spec.match,
            "silence": spec.silence or None,
            "poll": write_span(spec.poll_s),
            "timeout": write_span(spec.timeout_s),
            "token": written_secret(spec.token),
            "user": spec.user or None,
        }
    )
