"""HTTP/1.1 as polling needs it: kept-alive connections that cost little per request; TLS, parsing and framing are asyncio's and h11's.

Polling a thousand targets spends most of its time here. A request through httpx costs three to four times as much as through this, for
redirects, cookies, proxies and authentication that a provider must not have; what streams without end still goes through httpx.
"""

import asyncio
import ipaddress
import itertools
import select
import socket
import ssl
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import h11
import httpx

KEEP_S = 60.0
"""A connection that nobody used for so long is closed."""

KEPT = 8
"""Connections to one place that are kept for later."""

HEADERS_LIMIT = 100 * 1024
"""Bytes of a status line with its headers."""

EYEBALLS_S = 0.25
"""How long a host's first address is tried before its next one, beside it (RFC 8305)."""

Headers = Sequence[tuple[bytes, bytes]]
Feed = Callable[[bytes], None]
Begun = Callable[[int, dict[str, str]], Feed]
"""Told the status and the headers (names in lower case); returns what takes the body as it comes."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a URL leads: `host` and `port` to connect to, `origin` as the Host header has it, and `target` of the request line."""

    scheme: str
    host: str
    port: int
    origin: bytes
    target: bytes

    @classmethod
    def of(cls, url: httpx.URL) -> "Address":
        """Take an http or https address apart."""
        return cls(url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80), url.netloc, url.raw_path)


class Wires:
    """The connections of one client, on the loop that uses them. Errors are raised as httpx has them: HTTPError."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, str, int], list[_Wire]] = {}
        self._open: set[_Wire] = set()
        self._closed = False

    async def ask(
        self, address: Address, request: h11.Request, content: bytes, begun: Begun, leaves: Callable[[], None], tls: ssl.SSLContext | None
    ) -> None:
        """Send a request and take its answer in to the last byte; `leaves` is called right before the first byte goes out.

        What `begun` and its feed raise ends the connection and is raised here. Raises httpx.ConnectError when no connection could be made,
        so that nothing was sent, httpx.ReadError when it ended before the answer did, and httpx.RemoteProtocolError for what is no HTTP.
        """
        place = address.scheme, address.host, address.port
        wire = self._take(place, changes=request.method not in {b"GET", b"HEAD"}) or await self._connect(address, tls)
        try:
            leaves()
            await wire.ask(request, content, begun)
        except BaseException:  # whatever it was, another answer may still be on its way there
            wire.abort()
            raise
        if wire.again():
            self._idle.setdefault(place, []).append(wire)

    async def aclose(self) -> None:
        """Close every connection, and wait until they are; one that is just being opened is closed as soon as it is."""
        self._closed = True
        for wire in tuple(self._open):
            wire.abort()
        self._idle.clear()
        for _ in range(100):
            if not self._open:
                return
            await asyncio.sleep(0)

    def _take(self, place: tuple[str, str, int], *, changes: bool) -> "_Wire | None":
        """Return the connection that was used last, and close those that were not used for long.

        One that the other end has closed meanwhile may not be told from one that it has not. A read is asked again; before a change the
        socket itself is asked.
        """
        idle, old = self._idle.get(place, []), time.monotonic() - KEEP_S
        while idle and (len(idle) > KEPT or idle[0].used_at < old or idle[0].ended):
            idle.pop(0).abort()
        while idle:
            wire = idle.pop()
            if not wire.ended and not (changes and wire.has_news()):
                return wire
            wire.abort()
        return None

    async def _connect(self, address: Address, tls: ssl.SSLContext | None) -> "_Wire":
        loop, name = asyncio.get_running_loop(), address.host if tls is not None else None

        async def connect(host: str) -> _Wire:
            made = await loop.create_connection(lambda: _Wire(self._open), host, address.port, ssl=tls, server_hostname=name)
            return made[1]

        try:
            hosts = await _numbers(address)
            wire = await (connect(hosts[0]) if len(hosts) == 1 else _first([partial(connect, host) for host in hosts]))
        except (OSError, UnicodeError) as error:  # a TLS error is an OSError; a host name may be one that no name service can have
            raise httpx.ConnectError(str(error)) from error
        if self._closed:
            wire.abort()
            raise httpx.ReadError("closed")
        return wire


class _Wire(asyncio.Protocol):
    """One connection, and one exchange at a time on it."""

    def __init__(self, known: "set[_Wire]") -> None:
        self._known = known
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADERS_LIMIT)
        self._answered: asyncio.Future[None] | None = None
        self._begun: Begun | None = None
        self._feed: Feed | None = None
        self._transport: asyncio.Transport | None = None
        self.used_at = 0.0
        self.ended = False

    async def ask(self, request: h11.Request, content: bytes, begun: Begun) -> None:
        """Send a request and wait for the end of its answer."""
        if self._transport is None or self.ended:
            raise httpx.ReadError("closed")
        self._answered, self._begun, self._feed = asyncio.get_running_loop().create_future(), begun, None
        out = self._http.send(request) or b""
        if content:
            out += self._http.send(h11.Data(data=content)) or b""
        out += self._http.send(h11.EndOfMessage()) or b""
        self._transport.write(out)
        await self._answered

    def again(self) -> bool:
        """Make ready for the next exchange; False, and closed, where the connection is not to be used again."""
        self._answered = self._begun = self._feed = None
        whole = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if self.ended or not whole or self._http.trailing_data[0]:  # what follows an answer unasked would be taken for the next one
            self.abort()
            return False
        self._http.start_next_cycle()
        self.used_at = time.monotonic()
        return True

    def abort(self) -> None:
        """Close the connection at once."""
        self.ended = True
        if self._transport is not None:
            self._transport.abort()

    def has_news(self) -> bool:
        """Tell whether something came on an idle connection, which can only be its end."""
        found: Any = None if self._transport is None else self._transport.get_extra_info("socket")
        if found is None or found.fileno() < 0:
            return True
        if not hasattr(select, "poll"):
            return bool(select.select([found.fileno()], [], [], 0)[0])
        looked = select.poll()
        looked.register(found.fileno(), select.POLLIN)
        return bool(looked.poll(0))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what bytes are written to."""
        self._transport = transport  # type: ignore[assignment]  # a stream's is one that writes
        self._known.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail what waits for an answer."""
        self.ended = True
        self._known.discard(self)
        self._fail(httpx.ReadError(str(error or "closed")))

    def eof_received(self) -> None:
        """Take the end of what comes: the end of an answer that has no length, else of all."""
        self.data_received(b"")
        self.ended = True

    def data_received(self, data: bytes) -> None:
        """Take in what came; what nobody asked for ends the connection."""
        if self._answered is None or self._answered.done():
            self.abort()
            return
        try:
            self._http.receive_data(data)
            self._take_events()
        except h11.RemoteProtocolError as error:
            self._fail(httpx.RemoteProtocolError(str(error)) if data else httpx.ReadError(f"closed: {error}"))
        except Exception as error:  # noqa: BLE001 - what takes the body raises what it likes, and who asked is to get it
            self._fail(error)

    def _take_events(self) -> None:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.Data):
                if self._feed is not None:
                    self._feed(bytes(event.data))
            elif isinstance(event, h11.Response):
                if self._begun is not None:
                    self._feed = self._begun(event.status_code, _joined(event.headers))
            elif isinstance(event, h11.EndOfMessage):
                if self._answered is not None and not self._answered.done():
                    self._answered.set_result(None)
                return
            elif isinstance(event, h11.ConnectionClosed):
                self._fail(httpx.ReadError("closed"))
                return

    def _fail(self, error: Exception) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)


async def _numbers(address: Address) -> list[str]:
    """Return the numeric addresses of a host, its families by turns (RFC 8305, section 4). Raises OSError, UnicodeError."""
    with suppress(ValueError):
        return [str(ipaddress.ip_address(address.host))]
    found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    families: dict[int, list[str]] = {}
    for family, _, _, _, place in found:
        families.setdefault(family, []).append(str(place[0]))
    return [host for each in itertools.zip_longest(*families.values()) for host in each if host is not None]


async def _first(ways: Sequence[Callable[[], Coroutine[Any, Any, _Wire]]]) -> _Wire:
    """Return what connects first; each way is begun when the one before failed, or EYEBALLS_S after it. Raises what the first one raises.

    Whoever is cancelled here leaves no connection behind, which asyncio's own race does.
    """
    begun: list[asyncio.Task[_Wire]] = []
    won: _Wire | None = None
    try:
        while won is None and (len(begun) < len(ways) or not all(each.done() for each in begun)):
            if more := len(begun) < len(ways):
                begun.append(asyncio.create_task(ways[len(begun)]()))
            waiting = [each for each in begun if not each.done()]
            await asyncio.wait(waiting, timeout=EYEBALLS_S if more else None, return_when=asyncio.FIRST_COMPLETED)
            won = next((each.result() for each in begun if each.done() and each.exception() is None), None)
    finally:
        for each in begun:
            each.cancel()
        ended = await asyncio.gather(*begun, return_exceptions=True)
        for wire in ended:
            if isinstance(wire, _Wire) and wire is not won:
                wire.abort()
    return begun[0].result() if won is None else won


def _joined(headers: Any) -> dict[str, str]:
    """Return headers by name; one that comes twice is one with both values (RFC 9110, section 5.3)."""
    found: dict[str, str] = {}
    for name, value in headers:
        known, text = name.decode("ascii"), value.decode("latin-1")
        found[known] = f"{found[known]}, {text}" if known in found else text
    return found
