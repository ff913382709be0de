"""How every channel posts: to an address that is a secret and stands in no message, with a body of JSON."""

import ipaddress
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from console.model.errors import BadFile
from console.model.notes import Note
from console.providers.clients.http import Call, HttpClient, Reply, Token
from console.providers.clients.strict import malformed

_REPLY_LIMIT = 64 * 1024
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
    """Send a note and return the answer. Raises as `HttpClient.send` does, and Malformed for a page where an answer should be."""
    answer = await http.send(call)
    if answer.media == "text/html":
        raise malformed(call.system, "A web page came back, as from a login or a proxy.")
    return answer


async def post_to_secret(http: HttpClient, address: Token, call: Call) -> Reply:
    """Send a note to an address that is fetched only now, and of which no message shows more than its host.

    Raises BadFile for an address that is none, or over which the secret in it would go in the clear, and as `post` does.
    """
    url = (await address()).strip()
    _check(url, call.system)
    hidden = (*call.hide, *parts_of(url))
    return await post(
        http,
        Call(
            call.system,
            url,
            method="POST",
            timeout_s=call.timeout_s,
            limit=_REPLY_LIMIT,
            content=call.content,
            headers=call.headers,
            hide=hidden,
            says=call.says,
        ),
    )


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
