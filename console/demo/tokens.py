"""The practice shop's token cache: what a customer pays with, kept between two tries, in the format of the version that made it."""

import argparse
import asyncio
import json
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from console.demo import leash
from console.demo.wire import Caller, Reply, Request, WireError, answer_json, serve

OLD, NEW = 1, 2
"""The format that both versions know, and the one that came with 5.2b."""

MOST = 20_000
SHOWN = 5
PROBE = "probe"
LOCKED = "Locked by a repair that nobody ended. End it with: curl -X POST http://127.0.0.1:{port}/repair"


@dataclass(frozen=True, slots=True)
class Token:
    """A payment token: `handle` is what names it outside, `reference` what the payment provider is given."""

    handle: str
    format: int
    session: str
    reference: str


class Cache:
    """Tokens by customer session and by handle; the oldest fall out beyond 20,000. What was purged stays known by its handle, as a witness.

    A cache begins with one token of the new format that no customer has, so that a purge has something to show for itself on a quiet day.
    """

    def __init__(self, *, locked: bool = False) -> None:
        self.locked = locked
        self._sessions: dict[str, Token] = {}
        self._handles: dict[str, Token] = {}
        self._purged: deque[str] = deque(maxlen=SHOWN)
        self.settle(PROBE, NEW, PROBE)

    def settle(self, session: str, form: int, reference: str) -> Token:
        """Return a customer's token: the one from before, in whatever format, else a new one."""
        if session in self._sessions:
            return self._sessions[session]
        token = Token(f"t{form}-{secrets.token_hex(8)}", form, session, reference)
        self._sessions[session] = self._handles[token.handle] = token
        while len(self._sessions) > MOST:
            self._drop(next(iter(self._sessions.values())))
        return token

    def find(self, handle: str) -> Token | None:
        """Return a token by its handle, None when there is none (any more)."""
        return self._handles.get(handle)

    def purge(self) -> int:
        """Drop every token of the new format and return how many there were; doing it twice does no harm."""
        found = self._of_new_format()
        for token in found:
            self._drop(token)
            self._purged.append(token.handle)
        return len(found)

    def stale(self) -> list[str]:
        """Return the newest handles that the old version must not take: those of the new format, and those that were purged."""
        return [*(token.handle for token in self._of_new_format()[-SHOWN:]), *self._purged]

    def fit(self) -> Mapping[str, object]:
        """Tell whether the old version could pay with every token that is kept: `done`, and `detail` in words."""
        bad = sum(not token.reference for token in self._of_new_format())
        if bad:
            names = "1 token of format 2 carries" if bad == 1 else f"{bad} tokens of format 2 carry"
            return {"done": False, "detail": f"{names} no reference: 5.1 cannot take these payments until the cache is purged"}
        return {"done": True, "detail": f"{len(self._sessions)} tokens, and 5.1 can pay with each of them"}

    def _of_new_format(self) -> list[Token]:
        return [token for token in self._sessions.values() if token.format == NEW]

    def _drop(self, token: Token) -> None:
        del self._sessions[token.session]
        del self._handles[token.handle]


class CacheClient:
    """A version's way to the cache. A cache that does not answer costs nobody a payment: it is as good as an empty one."""

    def __init__(self, port: int) -> None:
        self._caller = Caller(port)

    async def settle(self, session: str, form: int, reference: str) -> str:
        """Return the reference to pay with: that of the customer's kept token, else the one given, which is kept from now on."""
        body = json.dumps({"session": session, "format": form, "reference": reference}).encode()
        try:
            reply = await self._caller.call("PUT", "/token", body=body)
            return str(json.loads(reply.body)["reference"])
        except (WireError, ValueError, KeyError, TypeError):
            return reference

    async def knows(self, handle: str) -> bool:
        """Tell whether a handle is good for a payment. Raises WireError when the cache does not answer."""
        return (await self._caller.call("GET", f"/token?handle={handle}")).status == 200


def respond(cache: Cache, request: Request, port: int) -> Reply:
    """Answer `PUT` and `GET /token`, `POST /purge`, `GET /stale`, `GET /fit` and `POST /repair`."""
    asked = (request.method, request.path)
    if asked == ("PUT", "/token"):
        return _settle(cache, request)
    if asked == ("GET", "/token"):
        token = cache.find(request.query.get("handle", ""))
        return answer_json(404, error="no such token") if token is None else _told(token)
    if asked == ("POST", "/purge"):
        return Reply(423, LOCKED.format(port=port).encode(), "text/plain") if cache.locked else answer_json(200, purged=cache.purge())
    if asked == ("GET", "/stale"):
        return answer_json(200, handles=cache.stale())
    if asked == ("GET", "/fit"):
        return answer_json(200, **cache.fit())
    if asked == ("POST", "/repair"):
        cache.locked = False
        return Reply(200, b"The repair has ended; the cache can be purged.\n", "text/plain")
    return answer_json(404, error="there is /token, /purge, /stale, /fit and /repair")


def _settle(cache: Cache, request: Request) -> Reply:
    try:
        asked = json.loads(request.body)
        session, form, reference = str(asked["session"]), int(asked["format"]), str(asked["reference"])
    except (ValueError, KeyError, TypeError):
        return answer_json(400, error="wanted: {session, format, reference}")
    if not session or form not in {OLD, NEW}:
        return answer_json(400, error="a token has a session and format 1 or 2")
    return _told(cache.settle(session, form, reference))


def _told(token: Token) -> Reply:
    return answer_json(200, handle=token.handle, format=token.format, reference=token.reference)


async def run(*, locked: bool) -> None:
    """Serve the cache until the program that started us is gone."""
    cache, where = Cache(locked=locked), [0]

    async def answer(request: Request) -> Reply:
        return respond(cache, request, where[0])

    server, where[0] = await serve(answer)
    leash.tell(port=where[0])
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the command line, then serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--locked", action="store_true", help="refuse to be purged until somebody posts to /repair")
    options = parser.parse_args()
    leash.hold()
    asyncio.run(run(locked=options.locked))


if __name__ == "__main__":
    main()
