"""Notes as messages to an incoming webhook of Slack, or of a chat that takes the same."""

from console.model.notes import Note, SlackChannel
from console.providers.clients.http import Call, HttpClient, Token
from console.providers.notify.posting import encoded, facts, post_to_secret, vendor_word

_HEADER = 150
_SECTION = 3000
"""Slack's own limits of a header and of a section's text (docs.slack.dev, Block Kit)."""

_BREAK = "\u200b"
"""Stands where a chat would begin to act on what it reads, and is not seen."""


class SlackNotifier:
    """Posts plain text: nothing in it mentions anybody, links anywhere or is formatted, whoever wrote it."""

    def __init__(self, channel: SlackChannel, name: str, http: HttpClient, address: Token) -> None:
        self._channel, self._name, self._http, self._address = channel, name, http, address

    async def tell(self, note: Note) -> None:
        """Post a message; accepted when the webhook answers with a success."""
        content = encoded(message(note))
        headers = {"content-type": "application/json; charset=utf-8"}
        call = Call(f"The channel {self._name}", "", timeout_s=self._channel.timeout_s, content=content, headers=headers, says=vendor_word)
        await post_to_secret(self._http, self._address, call)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()


def message(note: Note) -> dict[str, object]:
    """Return the webhook's body: blocks of plain text for Slack, and `text` for notifications and for chats without blocks."""
    lines = "\n".join(f"{name}: {text}" for name, text in facts(note))
    head = note.headline
    return {
        "text": harmless(f"{head}\n{lines}"),
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": _plain(head, _HEADER)},
            {"type": "section", "text": _plain(lines, _SECTION)},
        ],
    }


def harmless(text: str) -> str:
    """Return text in which Slack's `&`, `<` and `>` are escaped, and a mention or a Markdown link of another chat is none."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("@", "@" + _BREAK).replace("](", "]" + _BREAK + "(")


def _plain(text: str, limit: int) -> dict[str, object]:
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return {"type": "plain_text", "text": cut, "emoji": False}
