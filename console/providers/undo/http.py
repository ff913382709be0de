"""A step of the way back behind a small HTTP interface."""

from datetime import datetime

from console.model.clock import Clock, from_iso
from console.model.readings import UndoState
from console.model.systems import HttpUndo
from console.model.text import clean
from console.providers.clients.http import Call, HttpClient, Token, place
from console.providers.clients.strict import field, malformed

_DETAIL = 200


class HttpUndoStep:
    """GET of `check` gives `{"done": bool}`, and `detail`, `since` and `until` where there is something to tell.

    POST to `run` does it, with an Idempotency-Key header and no body; any 2xx is taken as accepted.
    """

    def __init__(self, spec: HttpUndo, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._token = token

    async def look(self) -> UndoState:
        """Return whether it is done, as the system says now; an answer that does not say so clearly is an error, never a yes."""
        at, system = self._clock.now(), _system(self._spec.check)
        call = Call(system, self._spec.check, timeout_s=self._spec.timeout_s, token=self._token)
        value = (await self._http.send(call)).json()
        done = bool(field(value, "done", bool, system))
        detail = "" if value.get("detail") is None else clean(str(field(value, "detail", str, system)), _DETAIL)
        since, until = (
            None if value.get(name) is None else _instant(str(field(value, name, str, system)), system) for name in ("since", "until")
        )
        return UndoState(done, at, detail, since, until)

    async def run(self, key: str) -> None:
        """Ask for it; accepted, not yet observed. Unreachable with `sent` True and OutcomeUnknown mean that it may have been done."""
        headers = {"idempotency-key": key}
        spec = self._spec
        await self._http.send(Call(_system(spec.run), spec.run, "POST", spec.timeout_s, token=self._token, content=b"", headers=headers))


def _system(url: str) -> str:
    return f"The system at {place(url)}"


def _instant(text: str, system: str) -> datetime:
    try:
        return from_iso(text)
    except ValueError:
        raise malformed(system, f"{clean(text, 60)!r} is no instant with a zone.") from None
