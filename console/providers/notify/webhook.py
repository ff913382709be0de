"""Notes as signed JSON for a receiver of one's own, as Standard Webhooks have it.

The headers `webhook-id`, `webhook-timestamp` (seconds since 1970) and `webhook-signature` go with each body. The signature is
`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body` (standardwebhooks.com, specification 1.0). A receiver computes it over the
bytes it got, compares in constant time, refuses a timestamp more than five minutes off, and ignores an id that it has seen: a note that
is sent again keeps its id and gets a new timestamp and signature.
"""

import base64
import binascii
import hmac
from datetime import UTC
from typing import Any

from console.model.clock import Clock
from console.model.errors import BadFile
from console.model.notes import Note, WebhookChannel
from console.providers.clients.http import Call, HttpClient, Token
from console.providers.notify.posting import encoded, post_to_secret

FORMAT = 1
KEY_LEAST = 24
"""Bytes that a signing key has at least (Standard Webhooks: 24 to 64)."""

_PREFIX = "whsec_"


class WebhookNotifier:
    """Posts the note as it is, signed anew for each attempt."""

    def __init__(self, channel: WebhookChannel, name: str, http: HttpClient, clock: Clock, address: Token, key: Token) -> None:
        self._channel, self._name, self._http, self._clock = channel, name, http, clock
        self._address, self._key = address, key

    async def tell(self, note: Note) -> None:
        """Post the note; accepted when the receiver answers with a success."""
        system = f"The channel {self._name}"
        secret = (await self._key()).strip()
        body, timestamp = encoded(content_of(note)), int(self._clock.now().timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": note.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(key_of(secret, system), note.id, timestamp, body),
        }
        call = Call(system, "", timeout_s=self._channel.timeout_s, content=body, headers=headers, hide=(secret,))
        await post_to_secret(self._http, self._address, call)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()


def signature(key: bytes, note_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a body under an id at a time."""
    signed = f"{note_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def key_of(secret: str, system: str) -> bytes:
    """Return the signing key that a secret spells: base64 after `whsec_`, else its own bytes. Raises BadFile for a weak one."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True) if secret.startswith(_PREFIX) else secret.encode()
    except binascii.Error:
        key = b""
    if len(key) < KEY_LEAST:
        raise BadFile(
            f"The signing key of {system} is shorter than {KEY_LEAST} bytes, or not base64 after {_PREFIX}.",
            means="Nothing was sent.",
            advice="Make one of 32 random bytes, and store it here and at the receiver.",
        )
    return key


def content_of(note: Note) -> dict[str, Any]:
    """Return the body: every field of the note under a stable key, and the headline as `text`."""
    return {
        "format": FORMAT,
        "id": note.id,
        "kind": note.kind.value,
        "at": note.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "text": note.headline,
        "target": note.target,
        "title": note.title,
        "environment": note.environment,
        "rollout": note.rollout,
        "what": note.what,
        "version": note.version,
        "before": note.before,
        "phase": note.phase,
        "weight": note.weight,
        "verdict": note.verdict,
        "why": note.why,
        "who": note.who,
        "by_person": note.by_person,
        "next": note.next,
    }
