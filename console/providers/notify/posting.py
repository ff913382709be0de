"""How every channel posts: to an address that is a secret and stands in no message, with a body of JSON."""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from console.model.errors import BadFile, ConsoleError, OutcomeUnknown, Refused
from console.model.notes import Note
from console.providers.clients.http import Call, HttpClient, Reply, Token
from console.providers.clients.replies import wait_asked
from console.providers.clients.strict import malformed

_REPLY_LIMIT = 64 * 1024
_MEANS = "Nobody may have been told by this channel. The release goes on without."
_SHORT = 6
"""A part of an address that is shorter than this is a word, not a secret."""


def encoded(value: Mapping[str, Any]) -> bytes:
    """Return a value as JSON in UTF-8; equal values give equal bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def facts(note: Note) -> tuple[tuple[str, str], ...]:
    """Return what a note tells beside its headline, as a name and a text each; what it does not tell is left out."""
    version = f"{note.before} to {note.version}" if note.before and note.version and note.before != note.version else note.version
    told = (
        ("Verdict", note.verdict),
        ("Versions", version),
        ("Traffic", "" if note.weight is None else f"{note.weight} % asked for the version on trial"),
        ("Why", note.why),
        ("Who", note.who),
        ("When", f"{note.at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Next", note.next),
    )
    return tuple((name, text) for name, text in told if text)


async def post(http: HttpClient, call: Call) -> Reply:
    """Send a note and return the answer.

    Raises as `HttpClient.send` does, but Refused for a 5xx too, with the wait that it asks for: a note may be sent twice. Raises Malformed
    for a page where an answer should be.
    """
    heard: list[tuple[int, Mapping[str, str]]] = []
    try:
        answer = await http.send(replace(call, heed=lambda status, headers: heard.append((status, headers))))
        if answer.media == "text/html":
            raise malformed(call.system, "A web page came back, as from a login or a proxy.")
    except ConsoleError as error:
        error.means = _MEANS
        if isinstance(error, OutcomeUnknown) and heard and heard[-1][0] >= 500:
            status, headers = heard[-1]
            wait_s = wait_asked(headers.get("retry-after", ""), headers.get("date", ""))
            raise Refused(error.message, status=status, retry_after_s=wait_s, means=_MEANS, advice=error.advice) from None
        raise
    return answer


async def post_to_secret(http: HttpClient, address: Token, call: Call) -> Reply:
    """Send a note to an address that is fetched only now, and of which no message shows more than its host.

    Raises BadFile for an address that is none, or over which the secret in it would go in the clear, and as `post` does.
    """
    url = (await address()).strip()
    _check(url, call.system)
    return await post(http, replace(call, url=url, method="POST", limit=_REPLY_LIMIT, hide=(*call.hide, *parts_of(url))))


def parts_of(url: str) -> tuple[str, ...]:
    """Return what of an address no message may show, the longest first: all of it, and each part that may be the secret in it."""
    parts = urlsplit(url)
    found = {url, f"{parts.path}?{parts.query}", parts.path, parts.query}
    for part in (*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))):
        found |= {part, unquote(part)}
    return tuple(sorted((each for each in found if len(each) >= _SHORT), key=len, reverse=True))


def vendor_word(body: bytes) -> bytes:
    """Return the one short word by which a webhook says what is wrong (Slack's `no_service`), nothing of any other text."""
    word = body.strip()
    return word if len(word) <= 60 and word.replace(b"_", b"").replace(b" ", b"").isalnum() else b""


def _check(url: str, system: str) -> None:
    try:
        parts = urlsplit(url)
        host, usable = parts.hostname or "", parts.port != 0
    except ValueError:
        host, usable, parts = "", False, urlsplit("")
    if not host or not usable or parts.scheme not in {"http", "https"} or not url.isascii() or not url.isprintable():
        raise BadFile(
            f"The address of {system} is none.",
            means="Nothing was sent.",
            advice="Store the webhook's whole address again, beginning with https://.",
        )
    if parts.scheme == "http" and not _own(host):
        raise BadFile(
            f"The address of {system} is not https, so the secret in it would go over the network in the clear.",
            means="Nothing was sent.",
            advice="Store the https:// address of the webhook.",
        )


def _own(host: str) -> bool:
    """Tell whether a host is this computer, by its address or the one name that always means it (RFC 6761)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
