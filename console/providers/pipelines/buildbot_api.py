"""The few calls of Buildbot's data API (version 2) that a release needs, with its own login where it has one."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from console.model.errors import OutcomeUnknown, Refused
from console.model.pipelines import BuildbotPipeline
from console.model.text import clean
from console.providers.clients.http import Call, HttpClient, Token
from console.providers.clients.strict import field, malformed

SYSTEM = "Buildbot"

LOG_LIMIT = 8 * 1024 * 1024
"""Decoded bytes of one piece of a log: 500 lines, which Buildbot's worker cuts at 4096 bytes unless told otherwise."""

_SESSION = re.compile(r"(?:^|[\s,;])(TWISTED_SESSION\w*=[^;,\s]+)")


class BuildbotApi:
    """Asks one Buildbot."""

    def __init__(self, spec: BuildbotPipeline, http: HttpClient, token: Token | None) -> None:
        self._spec, self._http, self._token = spec, http, token
        self._base = spec.url.rstrip("/")
        self._session = ""

    def page(self, path: str) -> str:
        """Return the address of a page for people."""
        return f"{self._base}/#/{path}"

    async def rows(self, path: str, kind: str, **query: str | int) -> Sequence[Mapping[str, Any]]:
        """Return the objects of an endpoint, which stand under its kind's name. Raises as `HttpClient.send` does."""
        asked = f"?{urlencode(query)}" if query else ""
        reply = await self._send(Call(SYSTEM, f"{self._base}/api/v2/{path}{asked}", limit=LOG_LIMIT))
        found: list[Mapping[str, Any]] = field(reply, kind, list, SYSTEM)
        if not all(isinstance(each, dict) for each in found):
            raise malformed(SYSTEM, f"Field {kind!r} holds something that is no object.")
        return found

    async def control(self, path: str, method: str, params: Mapping[str, str]) -> Any:
        """Have something done and return its result. Raises Refused with Buildbot's words, and as `HttpClient.send` does."""
        content = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": dict(params)}).encode()
        headers = {"content-type": "application/json"}
        call = Call(SYSTEM, f"{self._base}/api/v2/{path}", "POST", content=content, headers=headers, says=_said)
        reply = await self._send(call)
        if not isinstance(reply, dict) or ("result" not in reply and "error" not in reply):
            raise OutcomeUnknown(f"{SYSTEM} answered something that is no JSON-RPC.", means="What was asked may have been done.")
        if reply.get("error") is not None:
            raise Refused(f"{SYSTEM} answered no. It says: {clean(str(reply['error']), 160)}", means="Nothing was changed.")
        return reply.get("result")

    async def listen(self, take: Callable[[bytes], None]) -> None:
        """Give the stream of all events to `take` until it ends. Raises as `HttpClient.stream` does."""
        call = Call(SYSTEM, f"{self._base}/sse/listen/*/*/*", headers={"accept": "text/event-stream"})
        await self._http.stream(await self._signed(call), take)

    async def _send(self, call: Call) -> Any:
        try:
            return (await self._http.send(await self._signed(call))).json()
        except Refused as error:
            if error.status not in {401, 403} or not self._session:
                raise
        self._session = ""  # it ran out, or the master was started anew
        return (await self._http.send(await self._signed(call))).json()

    async def _signed(self, call: Call) -> Call:
        if self._token is not None and self._spec.user and not self._session:
            await self._log_in()
        signed = replace(call, timeout_s=self._spec.timeout_s, token=self._token, user=self._spec.user)
        if not self._session:
            return signed
        hide = (self._session, self._session.partition("=")[2])
        return replace(signed, headers={**call.headers, "cookie": self._session}, hide=hide)

    async def _log_in(self) -> None:
        """Get a session by Buildbot's own login, which answers with a cookie and sends a browser on; a proxy's login needs none."""
        found: list[str] = []

        def heed(status: int, headers: Mapping[str, str]) -> None:
            if status < 400:
                found.extend(_SESSION.findall(headers.get("set-cookie", "")))

        address = f"{self._base}/auth/login"
        try:
            await self._http.send(Call(SYSTEM, address, timeout_s=self._spec.timeout_s, token=self._token, user=self._spec.user, heed=heed))
        except Refused as error:
            if error.status in {401, 403}:
                raise
        self._session = found[-1] if found else ""


def _said(body: bytes) -> bytes:
    """Return what a JSON-RPC error says, the whole body where it is none."""
    try:
        said = json.loads(body)["error"]
        said = said["message"] if isinstance(said, dict) else said
    except (ValueError, KeyError, TypeError, RecursionError):
        return body
    return (said if isinstance(said, str) else json.dumps(said)).encode()


def part(name: str) -> str:
    """Return a name as one part of a path."""
    return quote(name, safe="")
