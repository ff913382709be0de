"""An HTTP server whose answers a function gives by request: for stand-ins of systems that cannot run beside the tests."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from faults.accepting import accepting
from faults.scripted import Answer


@dataclass(frozen=True)
class Asked:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> Mapping[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass
class RoutedServer:
    """Answers by `route`; keeps what it was asked. The last path that `meddle` answers for wins over `route`."""

    route: Callable[[Asked], Answer]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    meddle: Callable[[Asked], Answer | None] = lambda asked: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def told(value: Any, status: int = 200, **headers: str) -> Answer:
    """Return an answer with a JSON body; `x_y` becomes the header x-y."""
    named = {"content-type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    return Answer(status, json.dumps(value).encode(), named)


@asynccontextmanager
async def routed_server(route: Callable[[Asked], Answer]) -> AsyncIterator[RoutedServer]:
    """Run such a server on loopback."""
    routed = RoutedServer(route)
    async with accepting(lambda reader, writer: _serve(routed, reader, writer)) as routed.port:
        yield routed


async def _serve(routed: RoutedServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = first.split(" ")
        parts = urlsplit(target)
        asked = Asked(method, parts.path, dict(parse_qsl(parts.query)), headers, body)
        routed.asked.append(asked)
        answer = routed.meddle(asked) or routed.route(asked)
        if answer.raw is not None:
            writer.write(answer.raw)
            await writer.drain()
            return
        size = {} if answer.status in {204, 304} else {"content-length": str(len(answer.body))}
        lines = [f"{name}: {value}\r\n" for name, value in {**answer.headers, **size}.items()]
        writer.write(f"HTTP/1.1 {answer.status} Routed\r\n{''.join(lines)}\r\n".encode() + (answer.body if size else b""))
        await writer.drain()
