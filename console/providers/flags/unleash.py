"""A flag in one environment of an Unleash, by its gradual rollout."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from console.model.clock import Clock
from console.model.errors import BadFile, ConsoleError, OutcomeUnknown, Refused, RemoteError, Unreachable, WrongSystem
from console.model.readings import FlagState
from console.model.systems import UnleashFlag
from console.model.text import clean
from console.providers.clients.http import Call, HttpClient, Token, place
from console.providers.clients.strict import field, malformed

ROLLOUT = "flexibleRollout"
EVERYBODY = "default"
_EVENTS = 20


@dataclass(frozen=True, slots=True)
class _Strategy:
    """One activation strategy: `id` is "" where the client API tells of it; `narrowed` by constraints or segments."""

    id: str
    kind: str
    percent: float
    narrowed: bool
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """A flag as one of the two APIs tells it."""

    on: bool
    strategies: tuple[_Strategy, ...]

    @property
    def driven(self) -> _Strategy | None:
        """Return the gradual rollout that the percentage is set by: the one for everybody, else the only one there is."""
        rollouts = [each for each in self.strategies if each.kind == ROLLOUT]
        wide = [each for each in rollouts if not each.narrowed]
        return wide[0] if len(wide) == 1 else rollouts[0] if len(rollouts) == 1 else None

    @property
    def beside(self) -> tuple[_Strategy, ...]:
        """Return the strategies that give the flag to everybody, or a part of everybody, past the driven one."""
        wide = [each for each in self.strategies if not each.narrowed and not each.disabled and each.kind in {ROLLOUT, EVERYBODY}]
        return tuple(each for each in wide if each is not self.driven)

    @property
    def percent(self) -> float:
        """Return the widest percentage; a flag without strategies is given to everybody while it is on."""
        if not self.strategies:
            return 100.0 if self.on else 0.0
        wide = [each.percent for each in (self.driven, *self.beside) if each is not None and not each.disabled]
        return max(wide, default=0.0)


class UnleashFlags:
    """The flag as the admin API has it, and as SDKs are told.

    Unleash accepts a change at once and tells the SDKs when it next looks for changes, about a second later: `in_effect` is asked as an
    SDK asks, by the ETag of what it saw last. Turning on and setting the percentage are two calls; raising sets the percentage first, so
    that nobody meets an old one, and a kill does both, so that turning the flag on elsewhere raises nothing. Protocol: docs.getunleash.io,
    "Admin API" and "Client API".
    """

    def __init__(
        self, spec: UnleashFlag, http: HttpClient, clock: Clock, token: Token | None = None, client_token: Token | None = None
    ) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._token = token
        self._client_token = client_token
        self._system = f"Unleash at {place(spec.url)}"
        base = spec.url.rstrip("/")
        project, name, environment = (quote(each, safe="") for each in (spec.project, spec.name, spec.environment))
        self._flag = f"{base}/api/admin/projects/{project}/features/{name}/environments/{environment}"
        self._events = f"{base}/api/admin/search/events?{urlencode({'feature': f'IS:{spec.name}', 'limit': _EVENTS})}"
        self._client = f"{base}/api/client/features?{urlencode({'namePrefix': spec.name})}"
        self._etag = ""
        self._told: tuple[_Found | None, str] = (None, "")
        self._changed = ""
        self._last: _Found | None = None

    async def state(self) -> FlagState:
        """Return the flag as the admin API says, and whether SDKs are told so. Raises WrongSystem when another flag answers."""
        at = self._clock.now()
        found = await self._read()
        if found != self._last:
            self._changed = await self._who()
            self._last = found
        in_effect, why = await self._in_effect(found)
        notes = [self._changed, why, *self._remarks(found)]
        return FlagState(self._spec.name, found.on, found.percent, in_effect, at, "; ".join(filter(None, notes)))

    async def set_flag(self, *, on: bool, percent: int, key: str) -> None:
        """Ask for an absolute state; accepted, not yet in effect. Unleash takes no `key`: asking twice does no harm."""
        del key
        if not 0 <= percent <= 100:
            raise BadFile(f"{percent} is no per cent.", means="Nothing was sent.")
        if on:
            await self._raise(percent)
        else:
            await self._kill(percent)

    async def _raise(self, percent: int) -> None:
        try:
            found = await self._read()
        except Unreachable as error:
            raise Unreachable(error.message, sent=False, means="Nothing was changed.", advice=error.advice) from None
        if found.beside:
            raise Refused(
                f"{self._spec.name} has {len(found.beside) + 1} strategies for everybody at {self._system}.",
                means="The flag would not be on for the share that is asked, so nothing was changed.",
                advice="Leave one gradual rollout for everybody; strategies with constraints or segments may stay.",
            )
        await self._set_percent(found, percent)
        if not found.on:
            await self._turn("on")

    async def _kill(self, percent: int) -> None:
        """Turn the flag off and take its percentage down, each whatever happens to the other: either takes it from everybody."""
        off, lowered = await asyncio.gather(self._turn("off"), self._lower(percent), return_exceptions=True)
        failed = [each for each in (off, lowered) if isinstance(each, BaseException)]
        if bugs := [each for each in failed if not isinstance(each, ConsoleError)]:
            raise bugs[0]
        if off is None and lowered is not None:
            raise OutcomeUnknown(
                f"{self._spec.name} was turned off, and its percentage could not be set. {lowered}",
                means="Nobody has it now; whoever turns it on at Unleash may give it to as many as before.",
                advice="Set its gradual rollout to 0 % at Unleash, or kill it again.",
            )
        if failed:
            raise failed[0]

    async def _lower(self, percent: int) -> None:
        found = await self._read()
        if found.driven is not None and found.driven.percent != percent:
            await self._set_percent(found, percent)

    async def _set_percent(self, found: _Found, percent: int) -> None:
        strategy = found.driven
        if strategy is None:
            parameters = {"rollout": str(percent), "stickiness": "default", "groupId": self._spec.name}
            await self._change("POST", "/strategies", {"name": ROLLOUT, "parameters": parameters, "constraints": [], "segments": []})
        elif strategy.percent != percent or strategy.disabled:
            patch: list[Mapping[str, object]] = [{"op": "replace", "path": "/parameters/rollout", "value": str(percent)}]
            if strategy.disabled and percent:
                patch.append({"op": "replace", "path": "/disabled", "value": False})
            await self._change("PATCH", f"/strategies/{quote(strategy.id, safe='')}", patch)

    async def _turn(self, way: str) -> None:
        await self._change("POST", f"/{way}", None)

    async def _change(self, method: str, path: str, body: object) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        await self._http.send(self._call(f"{self._flag}{path}", method=method, content=content, headers=headers))

    async def _read(self) -> _Found:
        value = (await self._http.send(self._call(self._flag))).json()
        for key, wanted in (("name", self._spec.name), ("environment", self._spec.environment)):
            if (got := field(value, key, str, self._system)) != wanted:
                raise WrongSystem(
                    f"{self._system} answers for the {key} {clean(got, 60)!r}, not {clean(wanted, 60)!r}.",
                    means="The flag's state is not known now.",
                    advice="Correct the flag in the target file.",
                )
        return _Found(bool(field(value, "enabled", bool, self._system)), self._strategies(value))

    def _strategies(self, value: Any) -> tuple[_Strategy, ...]:
        return tuple(self._strategy(each) for each in field(value, "strategies", list, self._system))

    def _strategy(self, value: Any) -> _Strategy:
        kind = field(value, "name", str, self._system)
        narrowed = any(isinstance(value.get(key), Sequence) and bool(value[key]) for key in ("constraints", "segments"))
        percent = 100.0
        if kind == ROLLOUT:
            percent = self._percent(field(field(value, "parameters", dict, self._system), "rollout", (str, int), self._system))
        own = value.get("id")
        return _Strategy(own if isinstance(own, str) else "", kind, percent, narrowed, value.get("disabled") is True)

    def _percent(self, rollout: str | int) -> float:
        text = str(rollout)
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 100):
            raise malformed(self._system, f"{clean(text, 20)!r} is no per cent.")
        return float(text)

    async def _in_effect(self, found: _Found) -> tuple[bool | None, str]:
        """Return whether SDKs are told the same as the admin API says, and why that is not known."""
        if self._client_token is None:
            return None, ""
        try:
            told, environment = await self._as_an_sdk()
        except RemoteError as error:
            return None, f"what SDKs see cannot be read: {clean(error.message, 160)}"
        if environment != self._spec.environment:
            return None, f"the client token is for {clean(environment, 40) or 'another environment'}, not {self._spec.environment}"
        if told is None:
            return (None, "the client token does not show this flag") if found.on else (True, "")
        return told.on == found.on and (not found.on or told.percent == found.percent), ""

    async def _as_an_sdk(self) -> tuple[_Found | None, str]:
        seen: dict[str, str] = {}

        def heed(status: int, headers: Mapping[str, str]) -> None:
            if status == 200:
                seen["etag"] = headers.get("etag", "")

        headers = {"if-none-match": self._etag} if self._etag else {}
        call = Call(
            self._system,
            self._client,
            timeout_s=self._spec.timeout_s,
            token=self._client_token,
            scheme="",
            headers=headers,
            heed=heed,
        )
        try:
            value = (await self._http.send(call)).json()
        except Refused as error:
            if error.status == 304 and self._etag:
                return self._told
            raise
        environment = field(field(value, "query", dict, self._system), "environment", str, self._system)
        flags = field(value, "features", list, self._system)
        told = next((each for each in flags if field(each, "name", str, self._system) == self._spec.name), None)
        found = None if told is None else _Found(bool(field(told, "enabled", bool, self._system)), self._strategies(told))
        self._etag, self._told = seen.get("etag", ""), (found, environment)
        return self._told

    async def _who(self) -> str:
        """Return who changed the flag here last, "" where the token may not know or nobody did."""
        try:
            events = field((await self._http.send(self._call(self._events))).json(), "events", list, self._system)
            for event in events:
                if event.get("environment") == self._spec.environment:
                    label = event.get("label") or field(event, "type", str, self._system)
                    by, at = field(event, "createdBy", str, self._system), field(event, "createdAt", str, self._system)
                    return f"{clean(str(label), 60)} by {clean(by, 60)} at {clean(at, 30)}"
        except (RemoteError, AttributeError):
            return ""
        return ""

    def _remarks(self, found: _Found) -> list[str]:
        others = [each.kind for each in found.strategies if each is not found.driven and not each.disabled and each not in found.beside]
        remarks = [f"also on for those whom {', '.join(clean(kind, 40) for kind in others)} names"] if others else []
        if found.beside:
            remarks.append(f"{len(found.beside) + 1} strategies give it to everybody: its percentage cannot be set from here")
        return remarks

    def _call(self, url: str, **more: Any) -> Call:
        return Call(self._system, url, timeout_s=self._spec.timeout_s, token=self._token, scheme="", **more)
