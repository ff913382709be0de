"""A boolean flag in one environment of LaunchDarkly, by the percentage of its default rule."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from console.model.clock import Clock, iso
from console.model.errors import BadFile, ConsoleError, OutcomeUnknown, Refused, RemoteError, Unreachable, WrongSystem
from console.model.readings import FlagState
from console.model.systems import LaunchDarklyFlag
from console.model.text import clean
from console.providers.clients.http import Call, HttpClient, Token, place
from console.providers.clients.strict import field, malformed

WHOLE = 100_000
"""LaunchDarkly's weights are thousandths of a per cent."""

_VERSION = {"ld-api-version": "20240415"}
_PATCH = {**_VERSION, "content-type": "application/json; domain-model=launchdarkly.semanticpatch"}


@dataclass(frozen=True, slots=True)
class _Found:
    """The flag in its environment: the ids of its two variations, its default rule, and what stands beside that."""

    on: bool
    percent: float
    off_gives: bool | None
    """What those get for whom it is off: True would be everybody; None is the fallback in the code."""
    yes: str
    no: str
    bucket: Mapping[str, str]
    version: int
    beside: tuple[str, ...]


class LaunchDarklyFlags:
    """The flag as LaunchDarkly's API has it; a change of state and percentage is one semantic patch, so that none of it comes alone.

    SDKs are told within a second, and nothing tells whether they were: `in_effect` is not known. Protocol: launchdarkly.com/docs/api,
    "Get feature flag", "Update feature flag: semantic patch" and "Audit log".
    """

    def __init__(self, spec: LaunchDarklyFlag, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._token = token
        self._system = f"LaunchDarkly at {place(spec.url)}"
        base = spec.url.rstrip("/")
        self._flag = f"{base}/api/v2/flags/{quote(spec.project, safe='')}/{quote(spec.name, safe='')}"
        scope = f"proj/{spec.project}:env/{spec.environment}:flag/{spec.name}"
        self._log = f"{base}/api/v2/auditlog?{urlencode({'spec': scope, 'limit': 1})}"
        self._last: _Found | None = None
        self._changed = ""

    async def state(self) -> FlagState:
        """Return the flag as LaunchDarkly says now. A flag whose off variation is true is on for everybody, also while it is off."""
        at = self._clock.now()
        found = await self._read()
        if self._last is None or self._last.version != found.version or not self._changed:
            self._changed = await self._who()
        self._last = found
        notes = [self._changed]
        on, percent = found.on, found.percent
        if not on and found.off_gives:
            on, percent = True, 100.0
            notes.append("off gives it to everybody: its off variation is true")
        if not on and found.off_gives is None:
            notes.append("off gives what the code falls back to: it has no off variation")
        if found.beside:
            notes.append(f"beside its default rule: {', '.join(found.beside)}")
        return FlagState(self._spec.name, on, percent, None, at, "; ".join(filter(None, notes)))

    async def set_flag(self, *, on: bool, percent: int, key: str) -> None:
        """Ask for an absolute state; accepted, not yet in effect. `key` goes along as the change's comment."""
        if not 0 <= percent <= 100:
            raise BadFile(f"{percent} is no per cent.", means="Nothing was sent.")
        if on:
            await self._raise(percent, key)
        else:
            await self._kill(percent, key)

    async def _raise(self, percent: int, key: str) -> None:
        try:
            found = await self._read()
        except Unreachable as error:
            raise Unreachable(error.message, sent=False, means="Nothing was changed.", advice=error.advice) from None
        await self._change([self._rule(found, percent), {"kind": "turnFlagOn"}], key)

    async def _kill(self, percent: int, key: str) -> None:
        """Turn the flag off, and in the same change its percentage down where the flag was read before: a kill waits for no reading."""
        off = {"kind": "turnFlagOff"}
        if self._last is not None:
            await self._change([off, *self._lowered(self._last, percent)], key)
            return
        await self._change([off], key)
        try:
            await self._change(self._lowered(await self._read(), percent), key)
        except ConsoleError as error:
            raise OutcomeUnknown(
                f"{self._spec.name} was turned off, and its percentage could not be set. {error}",
                means="Whoever turns it on at LaunchDarkly may give it to as many as before.",
                advice="Look at its default rule and off variation at LaunchDarkly, or kill it again.",
            ) from None

    def _lowered(self, found: _Found, percent: int) -> list[Mapping[str, object]]:
        mended = [{"kind": "updateOffVariation", "variationId": found.no}] if found.off_gives is not False else []
        return [self._rule(found, percent), *mended]

    def _rule(self, found: _Found, percent: int) -> Mapping[str, object]:
        rule: dict[str, object] = {"kind": "updateFallthroughVariationOrRollout"}
        if percent in {0, 100}:
            return rule | {"variationId": found.yes if percent else found.no}
        part = percent * WHOLE // 100
        return rule | {"rolloutWeights": {found.yes: part, found.no: WHOLE - part}} | dict(found.bucket)

    async def _change(self, instructions: Sequence[Mapping[str, object]], key: str) -> None:
        body = {"environmentKey": self._spec.environment, "comment": f"release-console {key}", "instructions": list(instructions)}
        await self._http.send(self._call(self._flag, method="PATCH", content=json.dumps(body).encode(), headers=_PATCH))

    async def _read(self) -> _Found:
        url = f"{self._flag}?{urlencode({'env': self._spec.environment})}"
        value = (await self._http.send(self._call(url, headers=_VERSION))).json()
        if (key := field(value, "key", str, self._system)) != self._spec.name:
            raise WrongSystem(
                f"{self._system} answers for the flag {clean(key, 60)!r}, not {clean(self._spec.name, 60)!r}.",
                means="The flag's state is not known now.",
                advice="Correct the flag in the target file.",
            )
        variations = field(value, "variations", list, self._system)
        values = [each.get("value") if isinstance(each, dict) else None for each in variations]
        if sorted(map(repr, values)) != ["False", "True"]:
            raise Refused(
                f"{self._spec.name} is no boolean flag at {self._system}.",
                means="It has no percentage that could be raised or lowered.",
                advice="Name a boolean flag in the target file.",
            )
        here = field(field(value, "environments", dict, self._system), self._spec.environment, dict, self._system)
        return self._found(here, values, [field(each, "_id", str, self._system) for each in variations])

    def _found(self, here: Mapping[str, Any], values: Sequence[Any], ids: Sequence[str]) -> _Found:
        rule = field(here, "fallthrough", dict, self._system)
        rollout = rule.get("rollout")
        bucket: dict[str, str] = {}
        if isinstance(rollout, dict):
            parts = field(rollout, "variations", list, self._system)
            shares = [(self._value(each, "variation", values), field(each, "weight", int, self._system)) for each in parts]
            percent = 100.0 * sum(weight for value, weight in shares if value) / WHOLE
            names = {"bucketBy": "rolloutBucketBy", "contextKind": "rolloutContextKind"}
            bucket = {ours: rollout[theirs] for theirs, ours in names.items() if isinstance(rollout.get(theirs), str)}
        else:
            percent = 100.0 if self._value(rule, "variation", values) else 0.0
        if not 0 <= percent <= 100:
            raise malformed(self._system, f"{percent:g} is no per cent.")
        off = None if here.get("offVariation") is None else self._value(here, "offVariation", values)
        return _Found(
            on=bool(field(here, "on", bool, self._system)),
            percent=percent,
            off_gives=off,
            yes=ids[values.index(True)],
            no=ids[values.index(False)],
            bucket=bucket,
            version=field(here, "version", int, self._system),
            beside=tuple(word for word in ("targets", "contextTargets", "rules", "prerequisites") if here.get(word)),
        )

    def _value(self, holder: Any, name: str, values: Sequence[Any]) -> bool:
        index = field(holder, name, int, self._system)
        if not 0 <= index < len(values):
            raise malformed(self._system, f"{index} is no variation.")
        return bool(values[index])

    async def _who(self) -> str:
        """Return who changed the flag here last, "" where the token may not know."""
        try:
            items = field((await self._http.send(self._call(self._log, headers=_VERSION))).json(), "items", list, self._system)
            if not items:
                return ""
            at = datetime.fromtimestamp(field(items[0], "date", int, self._system) / 1000, UTC)
            member = items[0].get("member")
            by = member.get("email") if isinstance(member, dict) else None
        except (RemoteError, OverflowError, ValueError, OSError):
            return ""
        verb = items[0].get("titleVerb")
        return f"{clean(verb, 60) if isinstance(verb, str) else 'changed'} by {clean(str(by or 'somebody'), 60)} at {iso(at)}"

    def _call(self, url: str, **more: Any) -> Call:
        return Call(self._system, url, timeout_s=self._spec.timeout_s, token=self._token, scheme="", **more)
