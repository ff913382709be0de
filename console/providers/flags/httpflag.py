"""One feature flag behind a small HTTP interface."""

import json

from console.model.clock import Clock
from console.model.errors import BadFile, WrongSystem
from console.model.readings import FlagState
from console.model.systems import HttpFlag
from console.model.text import clean
from console.providers.clients.http import Call, HttpClient, Token, place
from console.providers.clients.strict import field, malformed


class HttpFlags:
    """GET gives `{"name", "on", "percent", "in_effect"}`; PUT takes `{"on", "percent"}` with an Idempotency-Key header."""

    def __init__(self, spec: HttpFlag, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._token = token
        self._system = f"Flag service at {place(spec.url)}"

    async def state(self) -> FlagState:
        """Return the flag as its service says now. Raises WrongSystem when another flag answers."""
        at = self._clock.now()
        call = Call(self._system, self._spec.url, timeout_s=self._spec.timeout_s, token=self._token)
        value = (await self._http.send(call)).json()
        name = field(value, "name", str, self._system)
        if name != self._spec.name:
            raise WrongSystem(
                f"{self._system} answers for the flag {clean(name, 60)!r}, not {clean(self._spec.name, 60)!r}.",
                means="The flag's state is not known now.",
                advice="Correct the flag's address or name in the target file.",
            )
        percent = float(field(value, "percent", (int, float), self._system))
        if not 0 <= percent <= 100:
            raise malformed(self._system, f"{percent:g} is no per cent.")
        in_effect = None if value.get("in_effect") is None else bool(field(value, "in_effect", bool, self._system))
        return FlagState(name, bool(field(value, "on", bool, self._system)), percent, in_effect, at)

    async def set_flag(self, *, on: bool, percent: int, key: str) -> None:
        """Ask for an absolute state; accepted, not yet in effect. The same `key` asks for nothing a second time."""
        if not 0 <= percent <= 100:
            raise BadFile(f"{percent} is no per cent.", means="Nothing was sent.")
        await self._http.send(
            Call(
                self._system,
                self._spec.url,
                method="PUT",
                timeout_s=self._spec.timeout_s,
                token=self._token,
                content=json.dumps({"on": on, "percent": percent}).encode(),
                headers={"content-type": "application/json", "idempotency-key": key},
            )
        )
