"""Customers without number: kept-alive loopback clients that count what fails while the traffic is switched under them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

CLIENTS = 16
FRESH_EVERY = 50
"""Requests after which a client comes back on a new connection."""


@dataclass
class Load:
    """What the customers met so far: requests, how many each side answered, and failures in words."""

    requests: int = 0
    sides: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    stop: bool = False
    progress: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def failed(self) -> int:
        return self.failures.total()

    async def reach(self, requests: int) -> None:
        """Wait until so many requests were made."""
        while self.requests < requests:
            self.progress.clear()
            await asyncio.wait_for(self.progress.wait(), 30)


async def under_load(url: str, switch: Callable[[int], Awaitable[None]], *, switches: int, requests: int) -> Load:
    """Make `switches` switches spread over at least `requests` requests, and return what the customers met."""
    load = Load()
    host, _, port = url.removeprefix("http://").partition(":")
    clients = [asyncio.create_task(_customer(load, host, int(port))) for _ in range(CLIENTS)]
    try:
        for number in range(switches):
            await load.reach(requests * (number + 1) // (switches + 1))
            await switch(number)
        await load.reach(requests)
    finally:
        load.stop = True
        await asyncio.gather(*clients)
    return load


async def _customer(load: Load, host: str, port: int) -> None:
    while not load.stop:
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            load.failures[f"connect: {type(error).__name__}"] += 1
            await asyncio.sleep(0.01)
            continue
        try:
            for number in range(FRESH_EVERY):
                if load.stop:
                    break
                last = b"connection: close\r\n" if number == FRESH_EVERY - 1 else b""
                writer.write(b"GET /pay HTTP/1.1\r\nhost: shop\r\n" + last + b"\r\n")
                _note(load, await _answer(reader))
        except (OSError, asyncio.IncompleteReadError) as error:
            _note(load, f"cut: {type(error).__name__}")
        finally:
            writer.close()


async def _answer(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.split("content-length:", 1)[1].split("\r\n", 1)[0]) if "content-length:" in head else 0
    body = await reader.readexactly(length)
    status = head.split(" ", 2)[1]
    return body.split(b" ", 1)[0].decode() if status == "200" else f"status {status}"


def _note(load: Load, what: str) -> None:
    load.requests += 1
    if what.startswith(("status", "cut")):
        load.failures[what] += 1
    else:
        load.sides[what] += 1
    load.progress.set()
