"""Makes the notifiers of a target's channels: a new kind of channel is one branch here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from console.model.clock import Clock
from console.model.notes import CdeventsChannel, Channel, GrafanaChannel, Note, Notifier, PagerDutyChannel, SlackChannel, TeamsChannel
from console.model.systems import SecretRef
from console.model.target import Target

if TYPE_CHECKING:
    from console.providers.clients.http import Token


class Masked:
    """A notifier that is told nothing that looks like a secret, whatever people and systems wrote (I9)."""

    def __init__(self, inner: Notifier, mask: Callable[[str], str]) -> None:
        self._inner, self._mask = inner, mask

    async def tell(self, note: Note) -> None:
        """Tell a note with its free texts masked."""
        await self._inner.tell(replace(note, verdict=self._mask(note.verdict), why=self._mask(note.why), next=self._mask(note.next)))

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._inner.aclose()


def notifiers(target: Target, clock: Clock, token: Callable[[SecretRef], "Token"]) -> Mapping[str, Notifier]:
    """Return the notifier of each channel by the channel's name; each has connections of its own: one that hangs delays no other."""
    if not target.notify:
        return {}
    from console.store.redact import redact_text  # noqa: PLC0415

    return {channel.name: Masked(_notifier(channel, clock, token), redact_text) for channel in target.notify}


def _notifier(channel: Channel, clock: Clock, token: Callable[[SecretRef], "Token"]) -> Notifier:
    from console.providers.clients.http import HttpClient  # noqa: PLC0415

    spec, name, http = channel.spec, channel.name, HttpClient()
    if isinstance(spec, SlackChannel):
        from console.providers.notify.slack import SlackNotifier  # noqa: PLC0415

        return SlackNotifier(spec, name, http, token(spec.address))
    if isinstance(spec, TeamsChannel):
        from console.providers.notify.teams import TeamsNotifier  # noqa: PLC0415

        return TeamsNotifier(spec, name, http, token(spec.address))
    if isinstance(spec, PagerDutyChannel):
        from console.providers.notify.pagerduty import PagerDutyNotifier  # noqa: PLC0415

        return PagerDutyNotifier(spec, name, http, token(spec.key))
    if isinstance(spec, CdeventsChannel):
        from console.providers.notify.cdevents import CdeventsNotifier  # noqa: PLC0415

        return CdeventsNotifier(spec, name, http, token(spec.token) if spec.token is not None else None)
    if isinstance(spec, GrafanaChannel):
        from console.providers.notify.grafana import GrafanaNotifier  # noqa: PLC0415

        return GrafanaNotifier(spec, name, http, token(spec.token))
    from console.providers.notify.webhook import WebhookNotifier  # noqa: PLC0415

    return WebhookNotifier(spec, name, http, clock, token(spec.address), token(spec.key))
