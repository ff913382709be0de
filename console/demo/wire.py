"""HTTP/1.1 on asyncio streams, as much of it as the practice shop's own processes need."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

COOKIE = "shop_session"
"""The cookie that names a customer's session; the router picks a side by it."""

HEAD_LIMIT = 16_384
BODY_LIMIT = 65_536
DEADLINE_S = 10.0
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 423: "Locked", 502: "Bad Gateway"}
OVERLAPS = hasattr(socket, "SO_REUSEPORT")
"""Whether two processes may listen on one port, so that the next can begin before the former ends."""


class WireError(Exception):
    """The other side did not speak HTTP as we know it, or hung up in the middle."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked; header names are in lower case, `query` keeps the last of equal names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def cookie(self, name: str) -> str:
        """Return a cookie's value, "" when the client did not send it."""
        for part in self.headers.get("cookie", "").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered."""

    status: int = 200
    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the bytes to send."""
        lines = [
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}",
            f"content-type: {self.kind}",
            f"content-length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


Answer = Callable[[Request], Awaitable[Reply]]


def answer_json(status: int, **facts: object) -> Reply:
    """Return an answer whose body is a JSON object."""
    return Reply(status, json.dumps(facts).encode(), "application/json")


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    """Return the first line and the headers of a message; None when the other side hung up between two messages."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise WireError("hung up in the middle of a head") from error
    except asyncio.LimitOverrunError as error:
        raise WireError(f"a head of more than {HEAD_LIMIT} bytes") from error
    first, *rest = raw[:-4].decode("latin-1").split("\r\n")
    headers = {}
    for line in rest:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return first, headers


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isascii() or not length.isdigit() or int(length) > BODY_LIMIT:
        raise WireError("a body that is chunked, too long or of unknown length")
    try:
        return await reader.readexactly(int(length))
    except asyncio.IncompleteReadError as error:
        raise WireError("hung up in the middle of a body") from error


async def _request(reader: asyncio.StreamReader) -> Request | None:
    head = await _head(reader)
    if head is None:
        return None
    first, headers = head
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise WireError(f"a first line that is not HTTP: {first[:80]!r}")
    parts = urlsplit(words[1])
    return Request(words[0], parts.path, dict(parse_qsl(parts.query)), headers, await _body(reader, headers))


async def serve(answer: Answer, port: int | None = None) -> tuple[asyncio.Server, int]:
    """Listen on 127.0.0.1 and return the server with its port; connections are kept open until the client leaves.

    Without `port` it is a free one that nobody else gets; with it, 0 for a free one, another process may listen there too, where
    the system allows that (`OVERLAPS`). An answer with the header `connection: close` ends its connection.
    """

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _request(reader)) is not None:
                reply = await answer(request)
                writer.write(reply.encode())
                await writer.drain()
                if "close" in {reply.headers.get("connection"), request.headers.get("connection")}:
                    return
        except WireError as error:
            writer.write(Reply(400, str(error).encode(), "text/plain", {"connection": "close"}).encode())
        except (ConnectionError, asyncio.CancelledError):
            return  # the client left, or this process does; nobody waits for this task
        finally:
            writer.close()

    shared = True if port is not None and OVERLAPS else None
    server = await asyncio.start_server(converse, "127.0.0.1", port or 0, limit=HEAD_LIMIT, backlog=512, reuse_port=shared)
    return server, int(server.sockets[0].getsockname()[1])


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Caller:
    """A client of one server on loopback that keeps its connections for the next call."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Line] = []

    async def call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """Ask once, never twice, and return the answer.

        Raises WireError when there is none that can be used, within 10 s.
        """
        lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{self._port}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        try:
            async with asyncio.timeout(DEADLINE_S):
                keep = (headers or {}).get("connection") != "close"
                return await self._converse("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body, keep=keep)
        except TimeoutError as error:
            raise WireError(f"{method} {path}: no answer in {DEADLINE_S:g} s") from error
        except OSError as error:
            raise WireError(f"{method} {path}: {error}") from error

    async def _converse(self, message: bytes, *, keep: bool) -> Reply:
        reader, writer = await self._line()
        kept = False
        try:
            writer.write(message)
            head = await _head(reader)
            if head is None:
                raise WireError("hung up without an answer")
            first, headers = head
            status = first.split(" ")[1:2]
            if not first.startswith("HTTP/1.") or not status or not status[0].isdigit():
                raise WireError(f"an answer that is not HTTP: {first[:80]!r}")
            body = await _body(reader, headers)
            kept = keep and headers.get("connection", "").lower() != "close"
            return Reply(int(status[0]), body, headers.get("content-type", ""), headers)
        finally:
            if kept:
                self._idle.append((reader, writer))
            else:
                writer.close()

    async def _line(self) -> Line:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port, limit=HEAD_LIMIT)
