"""A TCP proxy that goes wrong on request, between a provider and the real system.

`async with fault_proxy(address) as proxy:` gives a client `proxy.url` or `proxy.address`; `proxy.set(Fault.CUT_AFTER)` makes every
connection from then on go wrong, and `applies` chooses which: by the request's first bytes, or by its number, so that
`lambda request, number: number == 2` breaks the second of three changes and leaves a half-applied one behind. `seen` counts them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from faults.accepting import accepting


class Fault(Enum):
    """What the proxy does to a connection."""

    NONE = "passes everything on"
    CUT_BEFORE = "reads the request and closes, without passing it on"
    CUT_AFTER = "passes the request on and closes before the answer"
    HANG_BEFORE = "reads the request and never answers, without passing it on"
    HANG_AFTER = "passes the request on and never answers"
    DRIP = "passes the request on and gives the answer one byte at a time, slowly"
    GARBAGE = "answers bytes that are no protocol"
    OVERSIZE = "answers without end"


@dataclass
class FaultProxy:
    """A proxy on loopback. `fault` holds for each connection made from now on that `applies` to, by its first bytes and its number."""

    port: int = 0
    fault: Fault = Fault.NONE
    applies: Callable[[bytes, int], bool] = lambda request, number: True
    seen: int = 0
    drip_s: float = 0.05
    oversize: bytes = b"x" * 65536
    garbage: bytes = b"\x00\xff\xfe garbage \x1b[31m\n\n"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def set(self, fault: Fault, applies: Callable[[bytes, int], bool] = lambda request, number: True) -> None:
        """Go wrong from now on, and count connections from 1 again."""
        self.fault, self.applies, self.seen = fault, applies, 0


@asynccontextmanager
async def fault_proxy(upstream: str) -> AsyncIterator[FaultProxy]:
    """Run a proxy before `HOST:PORT` or an http address."""
    host, _, port = (urlsplit(upstream).netloc if "//" in upstream else upstream).rpartition(":")
    proxy = FaultProxy()
    async with accepting(lambda reader, writer: _handle(proxy, (host, int(port)), reader, writer)) as proxy.port:
        yield proxy


async def _handle(proxy: FaultProxy, upstream: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while first := await reader.read(65536):
        first += await reader.readexactly(_missing(first))
        proxy.seen += 1
        fault = proxy.fault if proxy.applies(first, proxy.seen) else Fault.NONE
        if fault is Fault.CUT_BEFORE:
            return
        if fault is Fault.HANG_BEFORE:
            await asyncio.Event().wait()
        if fault is Fault.GARBAGE:
            writer.write(proxy.garbage)
            await writer.drain()
            return
        if fault is Fault.OVERSIZE:
            await _endless(proxy, first, writer)
            return
        await _forward(proxy, fault, upstream, first, writer)
        return


def _missing(first: bytes) -> int:
    """Return how much of an HTTP request's body is still on its way: a client may send its head alone first."""
    head, split, body = first.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return max(0, int(lengths[0]) - len(body)) if split and lengths else 0


async def _forward(proxy: FaultProxy, fault: Fault, upstream: tuple[str, int], first: bytes, writer: asyncio.StreamWriter) -> None:
    """Pass one request on in a connection of its own; the client's connection ends after it, so that every request is counted."""
    up_reader, up_writer = await asyncio.open_connection(*upstream)
    try:
        up_writer.write(_closing(first))
        await up_writer.drain()
        if fault is Fault.HANG_AFTER:
            await asyncio.Event().wait()
        while part := await up_reader.read(65536):
            if fault is Fault.CUT_AFTER:
                return
            if fault is Fault.DRIP:
                await _drip(part, writer, proxy.drip_s)
                continue
            writer.write(part)
            await writer.drain()
    finally:
        up_writer.close()
        with contextlib.suppress(OSError):
            await up_writer.wait_closed()


def _closing(request: bytes) -> bytes:
    """Ask an HTTP upstream to close after its answer; other protocols pass unchanged."""
    head, split, body = request.partition(b"\r\n\r\n")
    if not split or b" HTTP/1.1\r\n" not in head:
        return request
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]  # some heed only the first of two
    return b"\r\n".join([*lines, b"connection: close"]) + split + body


async def _drip(part: bytes, writer: asyncio.StreamWriter, pause_s: float) -> None:
    for byte in part:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(pause_s)


async def _endless(proxy: FaultProxy, first: bytes, writer: asyncio.StreamWriter) -> None:
    if b" HTTP/1.1\r\n" in first:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
    while True:
        writer.write(proxy.oversize)
        await writer.drain()
