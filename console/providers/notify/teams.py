"""Notes as adaptive cards for a workflow of Microsoft Teams."""

from typing import Any

from console.model.notes import Note, NoteKind, TeamsChannel
from console.providers.clients.http import Call, HttpClient, Token
from console.providers.notify.posting import encoded, facts, post_to_secret, vendor_word

CARD_LIMIT = 28 * 1024
"""Bytes that Teams takes in one message (Microsoft's connector reference)."""

_GOOD = frozenset({NoteKind.DONE, NoteKind.STAGE_PASSED, NoteKind.RESUMED})
_CARE = frozenset({NoteKind.HELD, NoteKind.GOING_BACK, NoteKind.ROLLED_BACK, NoteKind.REFUSED})


class TeamsNotifier:
    """Posts a card whose every text is a run, in which Markdown means nothing."""

    def __init__(self, channel: TeamsChannel, name: str, http: HttpClient, address: Token) -> None:
        self._channel, self._name, self._http, self._address = channel, name, http, address

    async def tell(self, note: Note) -> None:
        """Post a card; a workflow accepts with 202 before it posts, so accepted is not yet shown."""
        call = Call(
            f"The channel {self._name}",
            "",
            timeout_s=self._channel.timeout_s,
            content=encoded(message(note)),
            headers={"content-type": "application/json"},
            says=vendor_word,
        )
        await post_to_secret(self._http, self._address, call)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()


def message(note: Note) -> dict[str, Any]:
    """Return the workflow's body: one adaptive card of version 1.4."""
    card = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "body": [
            _block(_run(note.headline, weight="Bolder", size="Medium", color=_colour(note))),
            *(_block(_run(f"{name}: ", weight="Bolder"), _run(text)) for name, text in facts(note)),
        ],
        "msteams": {"width": "Full"},
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}],
    }


def _block(*runs: dict[str, str]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **look: str) -> dict[str, str]:
    return {"type": "TextRun", "text": text, **look}


def _colour(note: Note) -> str:
    if note.serious:
        return "Attention"
    return "Good" if note.kind in _GOOD else "Warning" if note.kind in _CARE else "Default"
