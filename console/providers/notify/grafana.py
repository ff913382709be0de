"""Notes as annotations of Grafana: what happened stands on the graphs at its time."""

import html
from datetime import UTC
from typing import Any
from urllib.parse import urlencode

from console.model.errors import ConsoleError, OutcomeUnknown, Unreachable
from console.model.notes import GrafanaChannel, Note
from console.providers.clients.http import Call, HttpClient, Token
from console.providers.clients.strict import field, load_json, malformed
from console.providers.notify.posting import encoded, facts, post

# Source: grafana.com, "Annotations HTTP API": POST and GET /api/annotations.
TAG = "release-console"
KEPT = 200
"""So much of what was tried is remembered."""


class GrafanaNotifier:
    """Writes an annotation for a note, on each of the channel's dashboards or for the whole organization."""

    def __init__(self, channel: GrafanaChannel, name: str, http: HttpClient, token: Token) -> None:
        self._channel, self._http, self._token = channel, http, token
        self._system = f"The channel {name}"
        self._tried: dict[tuple[str, str], bool] = {}
        """Dashboards of notes that are not told whole yet: True where the note was accepted, False where nobody knows."""

    async def tell(self, note: Note) -> None:
        """Annotate; a note that may have been written already is looked for first, for Grafana would write it a second time."""
        places = self._channel.dashboards or ("",)
        for dashboard in places:
            tried = self._tried.get((note.id, dashboard))
            if tried or (tried is False and await self._is_there(note, dashboard)):
                continue
            try:
                await self._write(note, dashboard)
            except (OutcomeUnknown, Unreachable) as error:
                if isinstance(error, OutcomeUnknown) or error.sent:
                    self._keep(note, dashboard, accepted=False)
                raise
            self._keep(note, dashboard, accepted=True)
        for dashboard in places:
            self._tried.pop((note.id, dashboard), None)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    def _keep(self, note: Note, dashboard: str, *, accepted: bool) -> None:
        self._tried[note.id, dashboard] = accepted
        for old in list(self._tried)[:-KEPT]:
            del self._tried[old]

    async def _write(self, note: Note, dashboard: str) -> None:
        answer = (await post(self._http, self._call(method="POST", content=encoded(annotation(note, dashboard))))).json()
        if not isinstance(answer, dict) or "id" not in answer:
            raise malformed(self._system, "Its answer names no annotation.")

    async def _is_there(self, note: Note, dashboard: str) -> bool:
        """Tell whether an annotation of this note is kept; where that cannot be read it is written again: twice is better than never."""
        wanted = [("tags", TAG), ("tags", note.id), *([("dashboardUID", dashboard)] if dashboard else [])]
        try:
            found = (await self._http.send(self._call(f"?{urlencode(wanted)}"))).json()
            return isinstance(found, list) and any(note.id in field(each, "tags", list, self._system) for each in found)
        except ConsoleError:
            return False

    def _call(self, query: str = "", method: str = "GET", content: bytes | None = None) -> Call:
        return Call(
            self._system,
            f"{self._channel.url.rstrip('/')}/api/annotations{query}",
            method=method,
            timeout_s=self._channel.timeout_s,
            token=self._token,
            content=content,
            headers={"content-type": "application/json", "accept": "application/json"},
            says=_said,
        )


def annotation(note: Note, dashboard: str = "") -> dict[str, Any]:
    """Return the body of an annotation; Grafana shows its text as HTML, so nothing in it acts."""
    lines = [note.headline, *(f"{name}: {text}" for name, text in facts(note) if name != "When")]
    return {
        **({"dashboardUID": dashboard} if dashboard else {}),
        "time": round(note.at.astimezone(UTC).timestamp() * 1000),
        "tags": [TAG, *dict.fromkeys(each for each in (note.target, note.environment, note.kind.value, note.rollout, note.id) if each)],
        "text": "<br>".join(html.escape(line, quote=False) for line in lines),
    }


def _said(body: bytes) -> bytes:
    """Return the words of an error that Grafana explains, nothing of any other text."""
    try:
        answer = load_json(body, "Grafana")
    except ConsoleError:
        return b""
    message = answer.get("message") if isinstance(answer, dict) else None
    return message.encode() if isinstance(message, str) else b""
