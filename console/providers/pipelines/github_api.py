"""GitHub's REST API as a release needs it: pages, answers kept by their ETag, and its limits respected and told."""

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from console.model.clock import Clock
from console.model.errors import Refused
from console.model.pipelines import GithubPipeline
from console.providers.clients.http import Call, HttpClient, Token
from console.providers.clients.replies import wait_asked
from console.providers.clients.strict import field, load_json, malformed

SYSTEM = "GitHub"
API_VERSION = "2022-11-28"
REPLY_LIMIT = 8 * 1024 * 1024
LOG_LIMIT = 32 * 1024 * 1024
PAGES = 5
"""So many pages of a list are read at most, of 100 each."""

KEPT = 64
"""Answers kept for their ETag."""

SECONDARY_WAIT_S = 60.0
"""GitHub's documentation asks for at least so long after a secondary limit that names no time."""

LOW = 0.1
"""Below this share of the hour's requests left, runs are looked at more seldom, and the run says so."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What GitHub said last of the hour's requests (its headers x-ratelimit-…)."""

    limit: int
    remaining: int
    reset_at: datetime

    @property
    def low(self) -> bool:
        """Tell whether few are left."""
        return self.remaining < self.limit * LOW

    @property
    def words(self) -> str:
        """Return it in words."""
        return f"{self.remaining} of {self.limit} requests are left until {self.reset_at:%H:%M} UTC"


class GithubApi:
    """Asks one repository."""

    def __init__(self, spec: GithubPipeline, http: HttpClient, clock: Clock, token: Token | None) -> None:
        self._spec, self._http, self._clock, self._token = spec, http, clock, token
        self._base = spec.url.rstrip("/")
        self._kept: OrderedDict[str, tuple[str, bytes, Mapping[str, str]]] = OrderedDict()
        self.limits: Limits | None = None

    def address(self, path: str, **query: str | int) -> str:
        """Return the address of something in the repository."""
        return f"{self._base}/repos/{self._spec.repository}/{path}" + (f"?{urlencode(query)}" if query else "")

    async def get(self, path: str, **query: str | int) -> Any:
        """Return an object. Raises as `HttpClient.send` does; a limit is a Refused that says how long to wait."""
        return (await self._read(self.address(path, **query)))[0]

    async def rows(self, path: str, kind: str, **query: str | int) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the objects of a list, page after page as its Link header leads, as long as they are wanted."""
        address: str | None = self.address(path, per_page=100, **query)
        for _ in range(PAGES):
            if address is None:
                return
            reply, headers = await self._read(address)
            found = reply if not kind and isinstance(reply, list) else field(reply, kind, list, SYSTEM)
            for each in found:
                if not isinstance(each, dict):
                    raise malformed(SYSTEM, "A list holds something that is no object.")
                yield each
            address = self._next(headers)

    async def post(self, path: str, content: Mapping[str, Any] | None = None) -> Any:
        """Have something done and return the answer, None where it has no body. Raises as `HttpClient.send` does."""
        call = self._call(self.address(path))
        body = b"" if content is None else json.dumps(content).encode()
        headers = call.headers if content is None else {**call.headers, "content-type": "application/json"}
        reply, _, _ = await self._send(replace(call, method="POST", content=body, headers=headers))
        return load_json(reply, SYSTEM) if reply else None

    async def log(self, path: str) -> bytes:
        """Return a job's log, which lies elsewhere: GitHub answers with an address that is good for a minute and needs no login."""
        found: list[str] = []

        def heed(status: int, headers: Mapping[str, str]) -> None:
            self._heed(status, headers)
            if status == 302:
                found.append(headers.get("location", ""))

        try:
            return (await self._http.send(replace(self._call(self.address(path)), heed=heed))).body
        except Refused as error:
            if not found or urlsplit(found[0]).scheme != urlsplit(self._base).scheme:
                raise self._told(error, {}) from None
        return (await self._http.send(Call(f"{SYSTEM}'s log store", found[0], timeout_s=self._spec.timeout_s, limit=LOG_LIMIT))).body

    def every_s(self, usual_s: float) -> float:
        """Return how often to look: the usual, or so seldom that what is left of the hour's requests lasts until they are given anew."""
        limits = self.limits
        if limits is None or not limits.low:
            return usual_s
        left_s = (limits.reset_at - self._clock.now()).total_seconds()
        return min(600.0, max(usual_s, 3 * left_s / max(1, limits.remaining)))

    async def _read(self, address: str) -> tuple[Any, Mapping[str, str]]:
        kept = self._kept.get(address)
        call = self._call(address)
        if kept is not None:
            call = replace(call, headers={**call.headers, "if-none-match": kept[0]})
        body, headers, status = await self._send(call)
        if status == 304 and kept is not None:
            self._kept.move_to_end(address)
            body, headers = kept[1], kept[2]
        elif etag := headers.get("etag", ""):
            self._kept[address] = (etag, body, {"link": headers.get("link", "")})
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return load_json(body, SYSTEM), headers

    async def _send(self, call: Call) -> tuple[bytes, Mapping[str, str], int]:
        told: list[tuple[int, Mapping[str, str]]] = []

        def heed(status: int, headers: Mapping[str, str]) -> None:
            self._heed(status, headers)
            told.append((status, headers))

        try:
            reply = await self._http.send(replace(call, heed=heed))
        except Refused as error:
            headers = told[-1][1] if told else {}
            if error.status == 304:
                return b"", headers, 304
            raise self._told(error, headers) from None
        return reply.body, told[-1][1], told[-1][0]

    def _call(self, address: str) -> Call:
        headers = {"accept": "application/vnd.github+json, application/json", "x-github-api-version": API_VERSION}
        return Call(SYSTEM, address, timeout_s=self._spec.timeout_s, limit=REPLY_LIMIT, token=self._token, headers=headers, says=_said)

    def _heed(self, status: int, headers: Mapping[str, str]) -> None:
        del status
        numbers = [headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining", "reset")]
        if all(number.isascii() and number.isdigit() and len(number) < 12 for number in numbers):
            limit, remaining, reset = map(int, numbers)
            self.limits = Limits(limit, remaining, datetime.fromtimestamp(reset, UTC))

    def _told(self, error: Refused, headers: Mapping[str, str]) -> Refused:
        """Return a refusal for what it is: a limit says how long to wait, anything else stays as it is."""
        if error.status not in {403, 429}:
            return error
        limits = self.limits
        wait_s = wait_asked(headers.get("retry-after", ""), headers.get("date", ""))
        if wait_s is None and limits is not None and limits.remaining == 0:
            wait_s = max(1.0, (limits.reset_at - self._clock.now()).total_seconds())
        if wait_s is None and (error.status == 429 or "secondary rate limit" in error.message.lower()):
            wait_s = SECONDARY_WAIT_S
        if wait_s is None:
            return error
        left = f" {limits.words}." if limits is not None else ""
        return Refused(
            f"{SYSTEM} asks us to wait {wait_s:.0f} s: too many requests.{left}",
            status=error.status,
            retry_after_s=wait_s,
            means=error.means,
            advice="The console waits as long as it was asked to. Other programs with the same token take from the same limit.",
        )

    def _next(self, headers: Mapping[str, str]) -> str | None:
        """Return the address of the next page; one that leads elsewhere gets no token of ours and is not followed."""
        links = httpx.Response(200, headers={"link": headers.get("link", "")}).links
        address = links.get("next", {}).get("url", "")
        ours, theirs = urlsplit(self._base), urlsplit(address)
        return address if address and (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc) else None


def _said(body: bytes) -> bytes:
    try:
        said = json.loads(body)
        return " ".join([str(said["message"]), *(str(each) for each in said.get("errors") or ())]).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return body
