"""The practice shop's flag service: one flag, which both versions watch, with an answer to whether they have seen its last change."""

import argparse
import asyncio
import json
import time
from collections.abc import Callable

from console.demo import leash
from console.demo.wire import Reply, Request, serve

WATCH_S = 3.0
"""How long a watch waits for a change before it is answered anyway; a shop that has not asked for three of these counts as gone."""


class Flag:
    """A flag with a revision that grows with each change. Must be used within one event loop."""

    def __init__(self, name: str, now: Callable[[], float]) -> None:
        self.name = name
        self._on = True
        self._percent = 100
        self._revision = 1
        self._seen: dict[str, tuple[int, float]] = {}
        self._now = now
        self._changed = asyncio.Event()

    def put(self, *, on: bool, percent: int) -> None:
        """Set the flag; the same state again changes nothing."""
        if (on, percent) == (self._on, self._percent):
            return
        self._on, self._percent = on, percent
        self._revision += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def state(self) -> dict[str, object]:
        """Return the flag, with `in_effect` true when every shop that watches it has seen its last change."""
        now = self._now()
        living = [revision for revision, at in self._seen.values() if now - at < 3 * WATCH_S]
        in_effect = bool(living) and all(revision == self._revision for revision in living)
        return {"name": self.name, "on": self._on, "percent": self._percent, "in_effect": in_effect}

    async def watch(self, shop: str, seen: int, wait_s: float) -> dict[str, object]:
        """Return the flag with its revision as soon as it differs from the one that a shop has seen, at the latest after `wait_s`."""
        self._seen[shop] = (seen, self._now())
        if seen == self._revision:
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                pass
        return {"on": self._on, "percent": self._percent, "revision": self._revision}


def _wanted(body: bytes) -> tuple[bool, int] | None:
    """Return the wanted state in a PUT's body, None when there is none in it."""
    try:
        wanted = json.loads(body)
    except ValueError:
        return None
    if not isinstance(wanted, dict) or not isinstance(wanted.get("on"), bool):
        return None
    percent = wanted.get("percent", 100)
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        return None
    return wanted["on"], round(percent)


def _answer_json(status: int, facts: object) -> Reply:
    return Reply(status, json.dumps(facts).encode(), "application/json")


async def respond(flag: Flag, request: Request) -> Reply:
    """Answer `GET /flag`, `PUT /flag` and a shop's `GET /watch?shop=…&seen=…`."""
    if request.path == "/watch" and request.method == "GET":
        seen = request.query.get("seen", "")
        shop = request.query.get("shop", "")
        if not shop or not seen.isascii() or not seen.isdigit():
            return _answer_json(400, {"error": "a watch needs shop and seen"})
        return _answer_json(200, await flag.watch(shop, int(seen), WATCH_S))
    if request.path != "/flag":
        return _answer_json(404, {"error": "the flag is at /flag"})
    if request.method == "PUT":
        wanted = _wanted(request.body)
        if wanted is None:
            return _answer_json(400, {"error": "wanted: {on: true or false, percent: 0 to 100}"})
        flag.put(on=wanted[0], percent=wanted[1])
    elif request.method != "GET":
        return _answer_json(405, {"error": "GET or PUT"})
    return _answer_json(200, flag.state())


async def run(name: str) -> None:
    """Serve the flag until the program that started us is gone."""
    flag = Flag(name, time.monotonic)

    async def answer(request: Request) -> Reply:
        return await respond(flag, request)

    server, port = await serve(answer)
    leash.tell(port=port)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the command line, then serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    options = parser.parse_args()
    leash.hold()
    asyncio.run(run(options.name))


if __name__ == "__main__":
    main()
