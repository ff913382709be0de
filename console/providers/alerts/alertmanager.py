"""The alerts and silences of an Alertmanager, by its HTTP API version 2."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from console.model import promql
from console.model.alerts import MOST, Alert, AlertmanagerAlerts, AlertsNow, Silence, SilenceWanted, worst_first
from console.model.clock import Clock
from console.model.errors import ConsoleError, OutcomeUnknown, Refused, Unreachable
from console.model.text import clean
from console.providers.clients.http import METRICS_LIMIT, Call, HttpClient, Token, place
from console.providers.clients.strict import field, malformed

# Source: the project's api/v2/openapi.yaml.
_FIRING = {"active": "true", "silenced": "true", "inhibited": "false", "unprocessed": "true"}
_SUMMARIES = ("summary", "message", "description")


class Alertmanager:
    """Reads what fires and keeps silences; a silence that is asked for twice is one."""

    def __init__(self, spec: AlertmanagerAlerts, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec, self._clock, self._http = spec, clock, http
        self._system = f"Alertmanager at {place(spec.url)}"
        self._call = Call(self._system, spec.url, timeout_s=spec.timeout_s, limit=METRICS_LIMIT, token=token, user=spec.user)

    async def alerts(self) -> AlertsNow:
        """Return what fires now for the target, the worst first."""
        at = self._clock.now()
        found = await self._get("alerts", [*_FIRING.items(), *(("filter", each) for each in _filters(self._spec.match))])
        if not isinstance(found, list):
            raise malformed(self._system, "A list of alerts was expected.")
        alerts = worst_first([each for item in found if (each := self._alert(item, at)) is not None])
        return AlertsNow(alerts[:MOST], at, max(0, len(alerts) - MOST))

    async def silence(self, wanted: SilenceWanted) -> Silence:
        """Silence alerts, or let the silence with this comment last longer. Raises OutcomeUnknown where it may be kept."""
        kept = await self._kept(wanted)
        begins = field(kept, "startsAt", str, self._system) if kept is not None else self._clock.now().isoformat()
        body: dict[str, Any] = {
            "matchers": [
                {"name": each.label, "value": each.value, "isRegex": "~" in each.sign, "isEqual": not each.sign.startswith("!")}
                for each in promql.read_matchers(wanted.matchers)
            ],
            "startsAt": begins,
            "endsAt": wanted.until.astimezone(UTC).isoformat(),
            "createdBy": wanted.author,
            "comment": wanted.comment,
        }
        if kept is not None:
            body |= {"id": field(kept, "id", str, self._system), "matchers": kept["matchers"]}  # in another order it would be another one
        call = self._to("silences", method="POST", content=json.dumps(body).encode(), headers={"content-type": "application/json"})
        reply = await self._http.send(call)
        return Silence(_id(field(reply.json(), "silenceID", str, self._system), self._system), wanted.matchers, wanted.until)

    async def end_silence(self, id_: str) -> None:
        """End a silence now. What the server says is asked again where it refuses: an ended silence cannot be ended."""
        path = f"silence/{quote(id_, safe='')}"
        try:
            await self._http.send(self._to(path, method="DELETE"))
        except (Refused, OutcomeUnknown, Unreachable) as error:
            if not await self._is_over(path):
                raise error from None

    async def _is_over(self, path: str) -> bool:
        try:
            status = field(await self._get(path), "status", dict, self._system)
            return bool(field(status, "state", str, self._system) == "expired")
        except Refused as error:
            return error.status == 404
        except ConsoleError:
            return False

    async def _kept(self, wanted: SilenceWanted) -> Mapping[str, Any] | None:
        """Return the silence with the same comment and matchers that is not over; the server narrows down by plain matchers only."""
        found = await self._get("silences", [("filter", each) for each in _filters(wanted.matchers, "=")])
        if not isinstance(found, list):
            raise malformed(self._system, "A list of silences was expected.")
        for each in found:
            state = field(field(each, "status", dict, self._system), "state", str, self._system)
            if state != "expired" and field(each, "comment", str, self._system) == wanted.comment and self._fits(each, wanted):
                return dict(each)
        return None

    def _fits(self, found: Any, wanted: SilenceWanted) -> bool:
        signs = {(True, False): "=", (True, True): "=~", (False, False): "!=", (False, True): "!~"}
        kept = {
            promql.Matcher(
                field(each, "name", str, self._system),
                signs[bool(each.get("isEqual", True)), field(each, "isRegex", bool, self._system)],
                field(each, "value", str, self._system),
            )
            for each in field(found, "matchers", list, self._system)
        }
        return kept == set(promql.read_matchers(wanted.matchers))

    def _alert(self, item: Any, now: datetime) -> Alert | None:
        labels, notes = field(item, "labels", dict, self._system), field(item, "annotations", dict, self._system)
        status = field(item, "status", dict, self._system)
        if field(status, "state", str, self._system) == "suppressed" and not field(status, "silencedBy", list, self._system):
            return None
        return Alert(
            name=clean(str(labels.get("alertname", "")), 80) or "unnamed alert",
            severity=clean(str(labels.get("severity", "")), 20),
            summary=clean(next((str(notes[key]) for key in _SUMMARIES if notes.get(key)), ""), 200),
            since=min(now, _instant(field(item, "startsAt", str, self._system), self._system)),
            silenced=bool(field(status, "silencedBy", list, self._system)),
            id=clean(field(item, "fingerprint", str, self._system), 40),
        )

    async def _get(self, path: str, parameters: Sequence[tuple[str, str]] = ()) -> Any:
        return (await self._http.send(self._to(path, parameters))).json()

    def _to(self, path: str, parameters: Sequence[tuple[str, str]] = (), **what: Any) -> Call:
        parts = urlsplit(self._spec.url)
        query = "&".join(text for text in (parts.query, urlencode(parameters)) if text)
        return replace(
            self._call, url=urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/api/v2/{path}", query, "")), **what
        )


def _filters(matchers: str, *signs: str) -> list[str]:
    """Return matchers as the API takes them, one by one; where signs are named, those with another are left out."""
    found = [each for each in promql.read_matchers(matchers) if not signs or each.sign in signs]
    return [f"{each.label}{each.sign}{json.dumps(each.value, ensure_ascii=False)}" for each in found]


def _id(text: str, system: str) -> str:
    if not 0 < len(text) <= 64 or not text.isascii() or not text.isprintable():
        raise malformed(system, "The silence has no usable id.")
    return text


def _instant(text: str, system: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise malformed(system, f"{clean(text, 40)!r} is no instant.") from None
    if moment.tzinfo is None:
        raise malformed(system, f"{clean(text, 40)!r} names no zone.")
    return moment
