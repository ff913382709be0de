"""Makes what reads and changes a target's feature flag: a new flag service is one branch here."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from console.model.clock import Clock
from console.model.ports import Flags
from console.model.systems import LaunchDarklyFlag, SecretRef, UnleashFlag
from console.model.target import Target

if TYPE_CHECKING:
    from console.providers.clients.http import HttpClient, Token


def flag_service(target: Target, http: "HttpClient", clock: Clock, token: "Callable[[SecretRef | None], Token | None]") -> Flags | None:
    """Return the flag's service, None where the target has no flag; nothing is sent yet."""
    flag = target.flag
    if flag is None:
        return None
    if isinstance(flag, UnleashFlag):
        from console.providers.flags.unleash import UnleashFlags  # noqa: PLC0415

        return UnleashFlags(flag, http, clock, token(flag.token), token(flag.client_token))
    if isinstance(flag, LaunchDarklyFlag):
        from console.providers.flags.launchdarkly import LaunchDarklyFlags  # noqa: PLC0415

        return LaunchDarklyFlags(flag, http, clock, token(flag.token))
    from console.providers.flags.httpflag import HttpFlags  # noqa: PLC0415

    return HttpFlags(flag, http, clock, token(flag.token))
