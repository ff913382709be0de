"""The `flag` section: the feature flag that hides the change."""

from typing import Annotated, Any, Literal

from pydantic import Field

from console.files.fields import Secret, Section, Span, Text, Url, YesNo, usual
from console.files.sections.spelled import given, written_secret
from console.files.spelling import write_span
from console.model.systems import FlagSpec, HttpFlag, LaunchDarklyFlag, UnleashFlag


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


class UnleashSection(Section):
    """A flag in one environment of an Unleash, by its gradual rollout."""

    provider: Literal["unleash"]
    url: Url
    """The server's address, without /api."""
    project: Text = "default"
    environment: Text
    """The environment at Unleash, such as production."""
    name: Text
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""
    token: Secret
    """Where a token is found that may change the flag: keyring:NAME, env:NAME or cmd:COMMAND."""
    client_token: Secret | None = None
    """Where a client token of the environment is found; without it nobody can tell whether the SDKs have seen a change."""
    raise_at_start: YesNo = usual(False, "false")
    """Raise the flag when a rollout starts."""


class LaunchDarklySection(Section):
    """A boolean flag in one environment of LaunchDarkly, by the percentage of its default rule."""

    provider: Literal["launchdarkly"]
    url: Url = "https://app.launchdarkly.com"
    """Another one for the federal and the EU instance."""
    project: Text
    """The project's key."""
    environment: Text
    """The environment's key."""
    name: Text
    """The flag's key."""
    timeout: Span = usual(5.0, "5 s")
    """How long to wait for an answer."""
    token: Secret
    """Where an access token is found that may change the flag: keyring:NAME, env:NAME or cmd:COMMAND."""
    raise_at_start: YesNo = usual(False, "false")
    """Raise the flag when a rollout starts."""


FlagSection = Annotated[HttpFlagSection | UnleashSection | LaunchDarklySection, Field(discriminator="provider")]


def flag_of(section: HttpFlagSection | UnleashSection | LaunchDarklySection) -> FlagSpec:
    """Return the flag."""
    if isinstance(section, UnleashSection):
        return UnleashFlag(
            section.url,
            section.name,
            section.environment,
            section.project,
            section.timeout,
            section.token,
            section.client_token,
            section.raise_at_start,
        )
    if isinstance(section, LaunchDarklySection):
        return LaunchDarklyFlag(
            section.name, section.project, section.environment, section.url, section.timeout, section.token, section.raise_at_start
        )
    return HttpFlag(section.url, section.name, section.timeout, section.token, section.raise_at_start)


def written_flag(spec: FlagSpec) -> dict[str, Any]:
    """Return a flag as the file spells it."""
    kind = {HttpFlag: "http", UnleashFlag: "unleash", LaunchDarklyFlag: "launchdarkly"}[type(spec)]
    where = {} if isinstance(spec, HttpFlag) else {"project": spec.project, "environment": spec.environment}
    return given(
        {
            "provider": kind,
            "url": spec.url,
            **where,
            "name": spec.name,
            "timeout": write_span(spec.timeout_s),
            "token": written_secret(spec.token),
            "client_token": written_secret(spec.client_token) if isinstance(spec, UnleashFlag) else None,
            "raise_at_start": spec.raise_at_start,
        }
    )
