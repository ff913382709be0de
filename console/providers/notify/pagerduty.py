"""Notes as events of PagerDuty (Events API v2): incidents for what needs a person, change events for what moved."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from console.model.errors import ConsoleError
from console.model.notes import Note, NoteKind, PagerDutyChannel
from console.providers.clients.http import Call, HttpClient, Token
from console.providers.clients.strict import field, load_json, malformed
from console.providers.notify.posting import encoded, facts, post

ALERTS, CHANGES = "v2/enqueue", "v2/change/enqueue"
SUMMARY_LIMIT, KEY_LIMIT = 1024, 255
"""Characters of a summary and of a dedup key (developer.pagerduty.com, Events API v2)."""

_TRIGGERS = {
    NoteKind.GATE_FAILED: "error",
    NoteKind.STEP_UNKNOWN: "critical",
    NoteKind.BACK_STOPPED: "critical",
    NoteKind.DRIVER_LOST: "error",
}
_SEEN_TO = frozenset({NoteKind.HELD, NoteKind.GOING_BACK})
_OVER = frozenset({NoteKind.ROLLED_BACK, NoteKind.DONE})
_CHANGES = frozenset({NoteKind.STARTED, NoteKind.STAGE_PASSED, NoteKind.DONE, NoteKind.ROLLED_BACK, NoteKind.TEST})
_REAL = frozenset({"rollout", "switch", "rollback", "flag"})
"""Kinds of plans for which somebody is called; a rehearsal wakes nobody."""

Event = tuple[str, dict[str, Any]]


class PagerDutyNotifier:
    """Sends the events of a note, one after the other; those sent twice are one there."""

    def __init__(self, channel: PagerDutyChannel, name: str, http: HttpClient, key: Token) -> None:
        self._channel, self._name, self._http, self._key = channel, name, http, key

    async def tell(self, note: Note) -> None:
        """Send what the note means there, which may be nothing; accepted when every event was."""
        for path, event in events(note):
            secret = (await self._key()).strip()
            await self._send(path, {"routing_key": secret, **event}, secret)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _send(self, path: str, event: Mapping[str, Any], secret: str) -> None:
        system = f"The channel {self._name}"
        call = Call(
            system,
            f"{self._channel.url.rstrip('/')}/{path}",
            method="POST",
            timeout_s=self._channel.timeout_s,
            content=encoded(event),
            headers={"content-type": "application/json"},
            hide=(secret,),
            says=_said,
        )
        answer = (await post(self._http, call)).json()
        if field(answer, "status", str, system) != "success":
            raise malformed(system, "Its answer does not say success.")


def events(note: Note) -> tuple[Event, ...]:
    """Return what is sent for a note: the path and the event of each, without the routing key.

    The dedup key is the rollout's. A way back that stopped has one of its own beside it: while the first incident is acknowledged, nothing
    under its key calls anybody.
    """
    real, kind = note.what in _REAL, note.kind
    found: list[Event] = []
    if real and kind in _TRIGGERS:
        found.append((ALERTS, _trigger(note, _TRIGGERS[kind])))
    elif note.by_person and kind in _SEEN_TO:
        found += [(ALERTS, _follow("acknowledge", key)) for key in _keys(note)]
    elif kind in _OVER or (kind is NoteKind.RESUMED and note.by_person):
        found += [(ALERTS, _follow("resolve", key)) for key in _keys(note)]
    if kind in _CHANGES and (real or kind is NoteKind.TEST):
        found.append((CHANGES, {"payload": _payload(note)}))
    return tuple(found)


def _keys(note: Note) -> tuple[str, str]:
    key = f"release-console/{note.target}/{note.rollout}"[: KEY_LIMIT - 10]
    return key, f"{key}/way-back"


def _trigger(note: Note, severity: str) -> dict[str, Any]:
    key, back = _keys(note)
    payload = {**_payload(note), "severity": severity, "component": note.target, "group": note.environment, "class": note.kind.value}
    return {
        "event_action": "trigger",
        "dedup_key": back if note.kind is NoteKind.BACK_STOPPED else key,
        "client": "release-console",
        "payload": payload,
    }


def _follow(action: str, key: str) -> dict[str, Any]:
    return {"event_action": action, "dedup_key": key}


def _payload(note: Note) -> dict[str, Any]:
    return {
        "summary": note.headline[:SUMMARY_LIMIT],
        "source": f"release-console/{note.target}",
        "timestamp": note.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "custom_details": {name.lower(): text for name, text in facts(note)},
    }


def _said(body: bytes) -> bytes:
    """Return the words of an error that PagerDuty explains, nothing of any other text."""
    try:
        answer = load_json(body, "PagerDuty")
    except ConsoleError:
        return b""
    if not isinstance(answer, Mapping):
        return b""
    errors = answer.get("errors")
    words = [answer.get("message"), *(errors if isinstance(errors, list) else ())]
    return " ".join(word for word in words if isinstance(word, str)).encode()
