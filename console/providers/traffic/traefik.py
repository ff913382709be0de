"""Traefik as a router: a weighted service in a file that its file provider watches, read back by its API."""

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from console.model.clock import Clock, iso
from console.model.errors import Malformed, Refused, TooLarge, Unreachable
from console.model.readings import Identity, RequestCounts, Split, SplitChange
from console.model.systems import Side, TraefikTraffic
from console.model.text import clean
from console.providers.clients.http import API_LIMIT, METRICS_LIMIT, Call, HttpClient, Reply, Token, place
from console.providers.clients.sharedfile import ChangedMeanwhile, SharedText, keep_beside, read_shared, replace_shared, why_not_writable
from console.providers.clients.strict import field, malformed
from console.providers.traffic.shares import shares
from console.providers.traffic.traefik_file import NotWeighted, change_weights, read_weights

_COUNTED = re.compile(r'traefik_service_requests_total\{(?:[^}"]|"(?:[^"\\]|\\.)*")*?\bservice="((?:[^"\\]|\\.)*)"[^}]*\}\s+([0-9.eE+]+)')
_TRIES = 5
"""Ways back that meet somebody else writing at the same moment read and write again so often; a weight is absolute."""


class TraefikRouter:
    """One weighted service of a Traefik.

    What is asked stands in the file, what Traefik took up stands in its API: it may take up a change late (two changes within its
    `providersThrottleDuration`, 2 s unless told otherwise) or not at all (it does not watch the file, or another part of it is broken).
    Weights survive a restart. A sticky customer leaves a side whose weight is 0 (measured on Traefik 3.7). Protocol: doc.traefik.io,
    "File" provider, "API", "Weighted Round Robin".
    """

    def __init__(self, spec: TraefikTraffic, folder: Path, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._token = token
        self._path = folder / spec.file
        self._api = spec.api.rstrip("/")
        self._system = f"Traefik at {place(spec.api)}"
        self._seen: SharedText | None = None
        """The file as it was when the weights were last read: a change forward is made to this and to nothing else."""
        self._good: SharedText | None = None
        """The file as it was last with weights that could be read."""
        self._mended = ""
        self._backs = 0
        """Ways back that were begun: a change forward that began before one must not write over it."""

    async def identity(self) -> Identity:
        """Return the service with its sides, entry points and file; the incarnation is the version with the instant of its start."""
        version = (await self._get("/api/version")).json()
        points = (await self._get("/api/entrypoints")).json()
        if not isinstance(points, list):
            raise malformed(self._system, "A list of entry points was expected.")
        listens = sorted((field(each, "name", str, self._system), field(each, "address", str, self._system)) for each in points)
        names = ",".join(self._spec.services.values())
        fixed = [listens, self._spec.service, names, self._spec.file]
        digest = hashlib.sha256(json.dumps(fixed).encode()).hexdigest()[:16]
        label = clean(" ".join(f"{name}={address}" for name, address in listens), 120)
        return Identity(
            fingerprint=clean(f"traefik {self._spec.service} [{names}] {label} {digest}", 400),
            incarnation=clean(
                f"{field(version, 'Version', str, self._system)} start {field(version, 'startDate', str, self._system)}",
                80,
            ),
        )

    async def split(self) -> Split:
        """Return the weights that Traefik has taken up; `note` tells where its file asks for others, and what else is amiss."""
        at = self._clock.now()
        weights, status = await self._running()
        notes = [self._mended] if self._mended else []
        asked = None
        try:
            self._seen = await self._file()
            asked = self._asked(self._seen)
            self._good = self._seen
        except (Refused, TooLarge) as error:  # the weights that hold are known all the same
            notes.append(error.message)
        shared = shares(weights)
        if asked is not None and {name: asked.get(name) for name in weights} != weights:
            notes.append(f"the file asks for {_words(self._by_side(asked))}, which Traefik has not taken up")
        if others := [name for name, weight in weights.items() if weight and name not in self._spec.services.values()]:
            notes.append(f"{', '.join(clean(name, 60) for name in others)} takes traffic too, and is no side of this target")
        if not sum(weights.values()):
            notes.append("no side has any weight: every request is answered 503")
        if status != "enabled":
            notes.append(f"Traefik calls the service {clean(status, 40)}")
        if why := await asyncio.to_thread(why_not_writable, self._path):
            notes.append(why)
        return Split({side: shared[name] for side, name in self._spec.services.items()}, at, "; ".join(notes))

    async def set_split(self, change: SplitChange) -> None:
        """Write both weights into the file at once; every other byte of it stays.

        Forward only where file and Traefik agree, nobody changed the file since the weights were read, and a side that is to have traffic
        has a server. Backward waits for no answer of Traefik, also when that is gone: it finds the weights when it comes up. Where
        somebody's edit left no weights to change, the file goes back to what it was last, and the edit is kept beside it.
        """
        if change.backward:
            await self._back(change)
        else:
            await self._forward(change)

    async def measured(self) -> RequestCounts:
        """Return the requests that each side's service was given since Traefik started, by its own Prometheus metrics."""
        at = self._clock.now()
        url = self._spec.metrics or f"{self._api}/metrics"
        call = self._call(url, limit=METRICS_LIMIT)
        counts = dict.fromkeys(self._spec.services, 0.0)
        text = (await self._http.send(call)).text()
        if "traefik_" not in text:
            raise malformed(self._system, "It gives no metrics of Traefik: metrics.prometheus needs addServicesLabels.")
        sides = {_with_provider(name): side for side, name in self._spec.services.items()}
        for service, value in _COUNTED.findall(text):
            if service in sides:
                counts[sides[service]] += _count(value, self._system)
        return RequestCounts(counts, at)

    async def _forward(self, change: SplitChange) -> None:
        backs, seen = self._backs, self._seen
        try:
            file, (weights, _) = await asyncio.gather(self._file(), self._running())
            await self._check_servers(change)
        except Unreachable as error:
            raise Unreachable(error.message, sent=False, means="Nothing was changed.", advice=error.advice) from None
        except (Malformed, TooLarge) as error:
            raise Refused(error.message, means="Nothing was changed.", advice=error.advice) from None
        asked = self._asked(file)
        if others := [name for name, weight in weights.items() if weight and name not in self._spec.services.values()]:
            raise self._unusable(f"{', '.join(others)} takes traffic too, and is no side of this target")
        if {name: asked.get(name) for name in weights} != weights:
            raise self._conflict(file, f"It asks for {_words(asked)}, and Traefik runs {_words(weights)}.")
        if seen is not None and seen.digest != file.digest:
            raise self._conflict(file, self._difference(seen, asked))
        wanted = {self._spec.services[side]: weight for side, weight in change.weights.items()}
        if backs != self._backs:
            raise Refused("The way back came first.", means="Nothing was changed.")
        self._seen, self._mended = await self._write(file, wanted), ""

    async def _back(self, change: SplitChange) -> None:
        self._backs += 1
        wanted = {self._spec.services[side]: weight for side, weight in change.weights.items()}
        for tries in range(1, _TRIES + 1):
            try:
                file = await self._file()
                self._seen = await (self._write if self._usable(file) else self._mend)(file, wanted)
            except ChangedMeanwhile:
                if tries == _TRIES:
                    raise
            else:
                return

    def _usable(self, file: SharedText) -> bool:
        try:
            change_weights(file.text, self._spec.service, dict.fromkeys(self._spec.services.values(), 0))
        except NotWeighted:
            return self._good is None  # there is nothing better: say why
        return True

    async def _mend(self, file: SharedText, wanted: Mapping[str, int]) -> SharedText:
        """Put the file as it was last in place of one without usable weights, with what that held kept beside it."""
        good = file if self._good is None else self._good
        text = change_weights(good.text, self._spec.service, wanted)
        kept = await asyncio.to_thread(keep_beside, self._path, file.text)
        written = await asyncio.to_thread(replace_shared, self._path, file, text)
        when = iso(self._clock.now())
        self._mended = f"at {when} the way back put the file back to what it was; somebody's edit is kept in {clean(str(kept), 120)}"
        return written

    async def _write(self, file: SharedText, wanted: Mapping[str, int]) -> SharedText:
        try:
            text = change_weights(file.text, self._spec.service, wanted)
        except NotWeighted as why:
            raise self._unusable(str(why)) from None
        return file if text == file.text else await asyncio.to_thread(replace_shared, self._path, file, text)

    async def _file(self) -> SharedText:
        return await asyncio.to_thread(read_shared, self._path)

    def _asked(self, file: SharedText) -> Mapping[str, int]:
        """Return the weights that the file asks for. Raises Refused where they cannot be read."""
        try:
            return read_weights(file.text, self._spec.service)
        except NotWeighted as why:
            raise self._unusable(str(why)) from None

    def _difference(self, before: SharedText, now: Mapping[str, int]) -> str:
        with suppress(Refused):
            if (asked := self._asked(before)) != now:
                return f"Its weights were {_words(asked)} and are {_words(now)}."
        return "The weights are the same, other lines are not."

    async def _running(self) -> tuple[Mapping[str, int], str]:
        """Return the weights that Traefik has taken up, by service, and what it says of the weighted service."""
        name = _with_provider(self._spec.service)
        try:
            service = (await self._get(f"/api/http/services/{quote(name, safe='@')}")).json()
        except Refused as error:
            raise self._no_service(error, name) if error.status == 404 else error from None
        entries = field(field(service, "weighted", dict, self._system), "services", list, self._system)
        weights: dict[str, int] = {}
        for entry in entries:
            weight = 1 if isinstance(entry, dict) and entry.get("weight") is None else field(entry, "weight", int, self._system)
            if weight < 0:
                raise malformed(self._system, "A weight is negative.")
            weights[field(entry, "name", str, self._system)] = weight
        if missing := [each for each in self._spec.services.values() if each not in weights]:
            raise Refused(
                f"{self._system} leads {clean(name, 80)} not to {', '.join(missing)}, only to {clean(', '.join(weights), 120)}.",
                means="Its weights are not those of this target.",
                advice="Check `services` in the target file against the weighted service in Traefik's file.",
            )
        return weights, field(service, "status", str, self._system)

    def _no_service(self, error: Refused, name: str) -> Refused:
        return Refused(
            f"{self._system} has no service {clean(name, 80)}.",
            status=error.status,
            means="There is nothing here to split traffic with.",
            advice="Check `service` in the target file, that api is on in Traefik, and in its log whether it took up its file.",
        )

    async def _check_servers(self, change: SplitChange) -> None:
        """Refuse to send traffic where every server is down by Traefik's own health checks."""
        for side, share in change.weights.items():
            name = _with_provider(self._spec.services[side])
            if not share:
                continue
            found: Any = (await self._get(f"/api/http/services/{quote(name, safe='@')}")).json()
            servers = found.get("serverStatus") if isinstance(found, dict) else None
            if isinstance(servers, dict) and servers and "UP" not in servers.values():
                raise Refused(
                    f"No server of {side} is up at {self._system}.",
                    means=f"{side} could not take its share, so nothing was changed.",
                    advice="Look why its servers are down.",
                )

    def _conflict(self, file: SharedText, difference: str) -> Refused:
        return Refused(
            f"Somebody else changed {clean(str(self._path), 120)} at {iso(file.changed_at)}. {difference}",
            means="Nothing was written, so that their change is not lost.",
            advice="Look at the file and at Traefik's log; once both agree, decide again.",
        )

    def _unusable(self, why: str) -> Refused:
        return Refused(
            f"The weights cannot be changed in {clean(str(self._path), 120)}: {clean(why, 160)}.",
            means="Nothing was changed.",
            advice="Write a weighted service with plain numbers there; templates and aliases at its weights cannot be changed.",
        )

    def _by_side(self, weights: Mapping[str, int]) -> Mapping[Side, int]:
        return {side: weights.get(name, 0) for side, name in self._spec.services.items()}

    async def _get(self, path: str) -> Reply:
        return await self._http.send(self._call(f"{self._api}{path}"))

    def _call(self, url: str, limit: int = API_LIMIT) -> Call:
        return Call(self._system, url, timeout_s=self._spec.timeout_s, limit=limit, token=self._token, user=self._spec.user)


def _with_provider(name: str) -> str:
    """Return a service's name as the API and the metrics have it: one without a provider is the file's own."""
    return name if "@" in name else f"{name}@file"


def _words(weights: Mapping[str, int]) -> str:
    return ", ".join(f"{clean(name, 60)} {weight}" for name, weight in weights.items())


def _count(text: str, system: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise malformed(system, "A request counter is no number.") from None
