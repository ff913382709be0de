"""The `flag` section: the feature flag that hides the change."""

from typing import Any, Literal

from console.files.fields import Secret, Section, Span, Text, Url, YesNo, usual
from console.files.sections.spelled import given, written_secret
from console.files.spelling import write_span
from console.model.systems import FlagSpec, HttpFlag


class HttpFlagSection(Section):
    """A feature flag behind a small HTTP interface."""

    provider: Literal["http"]
    url: Url
    name: Text
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""
    token: Secret | None = None
    """Where the bearer token is found: keyring:NAME, env:NAME or cmd:COMMAND."""
    raise_at_start: YesNo = usual(False, "false")
    """Raise the flag when a rollout starts."""


FlagSection = HttpFlagSection


def flag_of(section: HttpFlagSection) -> FlagSpec:
    """Return the flag."""
    return HttpFlag(section.url, section.name, section.timeout, section.token, section.raise_at_start)


def written_flag(spec: FlagSpec) -> dict[str, Any]:
    """Return a flag as the file spells it."""
    return given(
        {
            "provider": "http",
            "url": spec.url,
            "name": spec.name,
            "timeout": write_span(spec.timeout_s),
            "token": written_secret(spec.token),
            "raise_at_start": spec.raise_at_start,
        }
    )
