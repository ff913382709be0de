"""The one module that builds HTTP clients, so that deadlines, limits and secrets are kept in one place."""

import asyncio
import base64
import importlib.util
import logging
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import h11
import httpx

from console import __version__
from console.model.clock import Clock
from console.model.errors import BadFile, ConsoleError, Malformed, OutcomeUnknown, Refused, RemoteError, TooLarge, Unreachable
from console.providers.clients.dates import Dates
from console.providers.clients.replies import BadStatus, refusal
from console.providers.clients.strict import load_json, malformed
from console.providers.clients.tls import computer_trust
from console.providers.clients.unpack import Unpacker
from console.providers.clients.wire import Address, Begun, Feed, Wires

API_LIMIT = 1024 * 1024
"""Decoded bytes of an API's reply."""

METRICS_LIMIT = 8 * 1024 * 1024
"""Decoded bytes of a metrics reply."""

Token = Callable[[], Awaitable[str]]
"""Fetches a secret when it is needed; may raise SecretsUnavailable."""

_SAID = 16 * 1024
_CLOSED = ("disconnected", "closed", "reset")
_AGENT = f"release-console/{__version__}"
_BODIED = frozenset({"POST", "PUT", "PATCH"})
_ADDRESSES = 256
_LIMITS = httpx.Limits(max_connections=16, max_keepalive_connections=8, keepalive_expiry=60.0)

if importlib.util.find_spec("sniffio") is None:
    # httpcore asks for this module at each lock of each request, and a search that fails reads every folder of sys.path again: a third
    # of the cost of polling. None in its place is the documented way to say that it is not there.
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]

for _noisy in ("httpx", "httpcore"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)  # their INFO and DEBUG lines carry addresses with their queries


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `system` is how messages name what is asked; `timeout_s` is the deadline for all of it, to the last byte.

    `limit` caps the reply in decoded bytes. `token` is sent as a bearer token, in a header and nowhere else; with `user` it is sent as
    that user's password (RFC 7617). `heed` is told the status and headers (names in lower case) of every answer, of a refusal too.
    `hide` are other secrets in it, such as a session's, that no message may show.
    """

    system: str
    url: str
    method: str = "GET"
    timeout_s: float = 5.0
    limit: int = API_LIMIT
    token: Token | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    scheme: str = "Bearer"
    """The word that stands before the token; "" sends it alone."""
    heed: Callable[[int, Mapping[str, str]], None] | None = None
    hide: tuple[str, ...] = ()
    says: Callable[[bytes], bytes] = bytes
    """Picks from the body of an error what a message shall quote."""

    @property
    def changes(self) -> bool:
        """Tell whether this request may change something at the other end."""
        return self.method not in {"GET", "HEAD"}


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer: its decoded body, and its media type in lower case."""

    system: str
    body: bytes
    media: str

    def text(self) -> str:
        """Return the body as text. Raises Malformed when it is not UTF-8."""
        try:
            return self.body.decode("utf-8")
        except UnicodeDecodeError:
            raise malformed(self.system, "The reply is not UTF-8 text.") from None

    def json(self) -> Any:
        """Return the body's value. Raises Malformed when it is not strict JSON."""
        return load_json(self.body, self.system)


class HttpClient:
    """The HTTP connections of one target: a pool of its own, so that a target that hangs delays no other."""

    def __init__(self, clock: Clock | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        """Make a pool; `tls` is for systems with certificates of their own, else this computer's trust store is used."""
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._wires, self._addresses = Wires(), dict[str, Address]()
        self._tls, self._closed = tls, False
        if tls is not None:
            tls.set_alpn_protocols(["http/1.1"])
        self._dates = Dates(clock) if clock is not None else None

    def ahead_s(self) -> float | None:
        """Return how far the clock of who answered last is ahead of ours, by its Date header; None where none came."""
        return None if self._dates is None else self._dates.ahead_s

    async def send(self, call: Call) -> Reply:
        """Send a request and return its answer, when that is a success.

        Raises Unreachable, whose `sent` tells whether the request may have reached the system; Refused for a no; Malformed and TooLarge.
        A request that may change something and got no clear answer (5xx, garbage, too large) raises OutcomeUnknown.
        """
        progress = _Progress()
        try:
            async with asyncio.timeout(call.timeout_s):
                return await self._try(call, progress)
        except TimeoutError:
            raise _no_answer(call, sent=progress.sent) from None
        except (Malformed, TooLarge) as error:
            raise _unsure(call, error) if call.changes else error from None

    async def stream(self, call: Call, take: Callable[[bytes], None]) -> None:
        """Send a request that reads, and give `take` the answer's bytes as they come, until the other end closes it.

        The call's deadline holds until the answer begins; after that silence is no error. Raises as `send` does, and what `take` raises.
        """
        progress = _Progress()
        secret = await _secret(call)
        request = self._streamed(replace(call, headers={**call.headers, "accept-encoding": "identity"}), secret, progress)
        try:
            async with asyncio.timeout(call.timeout_s):
                answer = await self._client(call.url).send(request, stream=True)
        except TimeoutError:
            raise _no_answer(call, sent=progress.sent) from None
        except httpx.HTTPError as error:
            raise _translated(call, error) from None
        try:
            if not answer.is_success:
                async with asyncio.timeout(call.timeout_s):
                    body = await _begin(answer)
                raise refusal(call.system, BadStatus(answer.status_code, body), secret, changes=False)
            self._check_open(call)
            async for chunk in answer.aiter_raw():
                take(chunk)
        except TimeoutError:
            raise _no_answer(call, sent=True) from None
        except httpx.HTTPError as error:
            raise _translated(call, error) from None
        finally:
            await answer.aclose()
            if self._closed:  # the pool does not know a connection any more that was being opened when the others were closed
                await answer.extensions["network_stream"].aclose()

    async def aclose(self) -> None:
        """Let go of all connections; nothing is sent any more."""
        self._closed = True
        await self._wires.aclose()
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()
        await asyncio.sleep(0)  # connections that a stream left close in the loop's next turn, which may be its last

    async def _try(self, call: Call, progress: "_Progress") -> Reply:
        secret = await _secret(call)
        try:
            return await self._exchange(call, secret, progress)
        except Unreachable as error:
            if call.changes or not progress.sent or not error.sent:
                raise
        # An idle connection that the server closed meanwhile looks like a cut; a read may be asked again.
        return await self._exchange(call, secret, progress)

    def _check_open(self, call: Call) -> None:
        if self._closed:
            raise Unreachable(f"The console has let go of {call.system}.", sent=False, means=_means(call, sent=False))

    async def _exchange(self, call: Call, secret: str, progress: "_Progress") -> Reply:
        self._check_open(call)
        address, answer = self._address(call), _Answer(call)
        tls = (self._tls or computer_trust()) if address.scheme == "https" else None
        try:
            request = h11.Request(method=call.method, target=address.target, headers=_headers(call, secret, address))
            await self._wires.ask(address, request, call.content or b"", answer.begun, progress.leaves, tls)
        except (httpx.HTTPError, h11.LocalProtocolError) as error:
            raise _translated(call, error) from None
        body, headers = answer.body(), answer.headers
        if self._dates is not None:
            self._dates.note(headers.get("date", ""), cached="age" in headers)
        if call.heed is not None:
            call.heed(answer.status, headers)
        if 200 <= answer.status < 300:
            return Reply(call.system, body, headers.get("content-type", "").partition(";")[0].strip().lower())
        for hidden in filter(None, (*call.hide, call.user and _basic(call, secret))):
            body = body.replace(hidden.encode(), b"***")
        bad = BadStatus(answer.status, call.says(body), headers.get("retry-after", ""), headers.get("date", ""))
        raise refusal(call.system, bad, secret, changes=call.changes)

    def _address(self, call: Call) -> Address:
        """Take an address apart; those asked again and again only once."""
        known = self._addresses.get(call.url)
        if known is not None:
            return known
        try:
            url = _checked(call.url)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise _bad_address(call, "is not an http or https address") from None
        if len(self._addresses) >= _ADDRESSES:
            self._addresses.clear()
        return self._addresses.setdefault(call.url, Address.of(url))

    def _streamed(self, call: Call, secret: str, progress: "_Progress") -> httpx.Request:
        self._check_open(call)
        headers = {"accept-encoding": "gzip", "user-agent": _AGENT, **call.headers, **_authorization(call, secret)}
        try:
            request = self._client(call.url).build_request(call.method, call.url, headers=headers, content=call.content)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise _bad_address(call, "is not an http or https address") from None
        request.extensions["trace"] = progress.note
        return request

    def _client(self, url: str) -> httpx.AsyncClient:
        scheme = _checked(url).scheme
        if scheme not in self._clients:
            # The trust store is read only when a target has an https address: it costs time that plain targets need not pay.
            trust: ssl.SSLContext = self._tls or (computer_trust() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
            transport = httpx.AsyncHTTPTransport(verify=trust, trust_env=False, limits=_LIMITS)
            made = httpx.AsyncClient(transport=transport, trust_env=False, timeout=None, follow_redirects=False)  # noqa: S113
            # What one system asks us to keep would go to the next one on the same host too: a port is no part of a cookie's place.
            made.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
            self._clients[scheme] = made
        return self._clients[scheme]


class _Progress:
    """Watches a request on its way, to know whether it may have left."""

    def __init__(self) -> None:
        self.sent = False

    def leaves(self) -> None:
        """Note that the first byte goes out."""
        self.sent = True

    async def note(self, name: str, info: Mapping[str, Any]) -> None:
        del info
        if name.endswith("send_request_headers.started"):
            self.sent = True


class _Answer:
    """Takes an answer in as it comes; a body that is too large or damaged raises from the feed, and ends the connection."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._unpacker: Unpacker | None = None
        self.status = 0
        self.headers: dict[str, str] = {}
        self.begun: Begun = self._begin

    def body(self) -> bytes:
        """Return the whole body. Raises Malformed when a packed body ended too early."""
        return b"" if self._unpacker is None else self._unpacker.finish()

    def _begin(self, status: int, headers: dict[str, str]) -> Feed:
        self.status, self.headers = status, headers
        self._unpacker = Unpacker(headers.get("content-encoding", ""), self._call.limit, self._call.system)
        return self._unpacker.feed


def _checked(url: str) -> httpx.URL:
    address = httpx.URL(url)
    if address.userinfo:
        raise BadFile("An address carries a password.", advice="Take it out of the address and name a secret in the target file.")
    if address.scheme not in {"http", "https"} or not address.host:
        raise httpx.UnsupportedProtocol("unknown scheme")
    return address


def _authorization(call: Call, secret: str) -> dict[str, str]:
    if not secret:
        return {}
    return {"authorization": f"Basic {_basic(call, secret)}" if call.user else f"{call.scheme} {secret}".strip()}


def _headers(call: Call, secret: str, address: Address) -> list[tuple[bytes, bytes]]:
    found = {"accept": "*/*", "accept-encoding": "gzip", "connection": "keep-alive", "user-agent": _AGENT}
    found |= {name.lower(): value for name, value in call.headers.items()}
    found |= _authorization(call, secret)
    if call.content or call.method in _BODIED:
        found["content-length"] = str(len(call.content or b""))
    return [(b"host", address.origin), *((name.encode("ascii"), value.encode("ascii")) for name, value in found.items())]


def place(url: str) -> str:
    """Return an address as a message may show it: host and port, without path, query and password."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        return "an address that is none"
    return f"{address.host}:{address.port or (443 if address.scheme == 'https' else 80)}"


async def _secret(call: Call) -> str:
    if call.token is None:
        return ""
    secret = (await call.token()).strip()
    if not secret or not secret.isascii() or not secret.isprintable():
        raise Refused(
            f"The secret for {call.system} cannot be sent: it is empty or holds characters that no header can carry.",
            means="Nothing was sent.",
            advice="Store the secret again, without line breaks.",
        )
    return secret


def _basic(call: Call, secret: str) -> str:
    return base64.b64encode(f"{call.user}:{secret}".encode()).decode()


async def _begin(answer: httpx.Response) -> bytes:
    """Return the begin of the body of an answer that is not wanted, to say what it says."""
    body = b""
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > _SAID:
            break
    return body[:_SAID]


def _translated(call: Call, error: httpx.HTTPError | h11.LocalProtocolError) -> RemoteError | ConsoleError:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return _not_connected(call, error)
    if isinstance(error, httpx.UnsupportedProtocol):
        return _bad_address(call, "is not an http or https address")
    if isinstance(error, httpx.RemoteProtocolError) and not any(word in str(error).lower() for word in _CLOSED):
        return malformed(call.system, "It does not speak HTTP.")
    return Unreachable(
        f"{call.system} closed the connection before its answer was complete.",
        sent=True,
        means=_means(call, sent=True),
        advice="Look whether it is restarting, or whether something between here and there cuts connections.",
    )


def _not_connected(call: Call, error: httpx.HTTPError) -> Unreachable:
    reason, advice = "it refused the connection", "Check that it is running and that the address is right."
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = f"its certificate was not accepted ({cause.verify_message})"
            advice = "Renew the certificate, or add its authority to this computer's trust store."
        elif isinstance(cause, ssl.SSLError):
            reason, advice = "no encrypted connection could be made", "Check whether the address needs http instead of https."
        elif type(cause).__name__ == "gaierror":
            reason, advice = "its name could not be resolved", "Check the name in the target file, and this computer's network."
        cause = cause.__cause__ or cause.__context__
    return Unreachable(
        f"{call.system} at {place(call.url)} cannot be reached: {reason}.", sent=False, means=_means(call, sent=False), advice=advice
    )


def _no_answer(call: Call, *, sent: bool) -> Unreachable:
    return Unreachable(
        f"{call.system} at {place(call.url)} gave no complete answer in {call.timeout_s:g} s.",
        sent=sent,
        means=_means(call, sent=sent),
        advice="It may be overloaded or stopped; the console goes on asking.",
    )


def _means(call: Call, *, sent: bool) -> str:
    if not call.changes:
        return "Its state is not known now."
    return "The change may have taken effect; reading back will tell." if sent else "Nothing was changed."


def _unsure(call: Call, error: ConsoleError) -> OutcomeUnknown:
    return OutcomeUnknown(error.message, means=_means(call, sent=True), advice=error.advice)


def _bad_address(call: Call, what: str) -> BadFile:
    return BadFile(f"The address of {call.system} {what}.", means="Nothing was sent.", advice="Correct it in the target file.")
