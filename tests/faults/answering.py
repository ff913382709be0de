"""An HTTP server on loopback whose answers a function gives, for stand-ins of systems that are not to be had."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from faults.accepting import accepting

Answering = Callable[[str, str, Mapping[str, str], bytes], tuple[int, object]]
"""Method, target, headers in lower case and body in; status and the JSON value out."""


@asynccontextmanager
async def answering(answer: Answering) -> AsyncIterator[int]:
    """Serve and give the port."""
    async with accepting(lambda reader, writer: _serve(answer, reader, writer)) as port:
        yield port


async def _serve(answer: Answering, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = first.split(" ", 2)
        status, value = answer(method, target, headers, body)
        said = json.dumps(value).encode()
        close = headers.get("connection", "") == "close"
        more = "connection: close\r\n" if close else ""
        writer.write(f"HTTP/1.1 {status} S\r\ncontent-type: application/json\r\n{more}content-length: {len(said)}\r\n\r\n".encode() + said)
        await writer.drain()
        if close:
            return
