"""A tiny service that stands behind the routers in tests: a version, metrics, a flag, and an answer that names its side.

Run as `python upstream_app.py SIDE VERSION PORT`; it prints `ready PORT` and ends when its standard input closes.
"""

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlsplit


class Shop:
    """What this process knows and counts."""

    def __init__(self, side: str, version: str) -> None:
        self.side = side
        self.version = version
        self.healthy = True
        self.requests = 0
        self.resolved = {"ok": 0, "failed": 0}
        self.flag = {"name": "new-checkout", "on": True, "percent": 100, "in_effect": True}
        self.keys: list[str] = []
        self.undone = {"first": False, "second": False}
        self.undo_keys: list[str] = []

    def metrics(self) -> str:
        return (
            "# TYPE http_requests counter\n"
            f'http_requests_total{{side="{self.side}"}} {self.requests}\n'
            "# TYPE resolved_ok counter\n"
            f"resolved_ok_total {self.resolved['ok']}\n"
            "# TYPE resolved_failed counter\n"
            f"resolved_failed_total {self.resolved['failed']}\n"
            "# TYPE latency_seconds histogram\n"
            f'latency_seconds_bucket{{le="0.1"}} {self.requests}\n'
            f'latency_seconds_bucket{{le="+Inf"}} {self.requests}\n'
            f"latency_seconds_count {self.requests}\n"
            f"latency_seconds_sum {self.requests * 0.01}\n"
            "# EOF\n"
        )

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if path == "/version":
            return 200, "application/json", json.dumps({"version": self.version, "healthy": self.healthy}).encode()
        if path == "/metrics":
            return 200, "application/openmetrics-text; version=1.0.0", self.metrics().encode()
        if path == "/flag":
            return self._flag(method, headers, body)
        if path == "/undo":
            return self._undo(method, headers, half="half" in query)
        if path == "/deploy":
            self._deploy(query["version"][0])
            return 200, "text/plain", b"deployed\n"
        if path == "/count":
            for name in self.resolved:
                self.resolved[name] += int(query.get(name, ["0"])[0])
            return 200, "text/plain", b"counted\n"
        self.requests += 1
        return 200, "text/plain", f"{self.side} {self.version}\n".encode()

    def _deploy(self, version: str) -> None:
        """Be another version from now on, as a new process in this place: its counters begin anew."""
        self.version, self.requests, self.resolved = version, 0, {"ok": 0, "failed": 0}

    def _flag(self, method: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        if method == "PUT":
            asked = json.loads(body)
            self.flag.update(on=asked["on"], percent=asked["percent"], in_effect=True)
            self.keys.append(headers.get("idempotency-key", ""))
        return 200, "application/json", json.dumps({**self.flag, "keys": self.keys}).encode()

    def _undo(self, method: str, headers: dict[str, str], *, half: bool) -> tuple[int, str, bytes]:
        """Do a piece of work in two parts; with `half` the first part only, and then fail."""
        if method == "POST":
            self.undo_keys.append(headers.get("idempotency-key", ""))
            self.undone["first"] = True
            if half:
                return 500, "text/plain", b"the second part failed\n"
            self.undone["second"] = True
            return 202, "text/plain", b""
        done = all(self.undone.values())
        state = {"done": done, "detail": "both parts are done" if done else f"{sum(self.undone.values())} of 2 parts are done"}
        more = {"since": "2026-11-24T10:00:00Z", "keys": self.undo_keys}
        return 200, "application/json", json.dumps({**state, **more}).encode()


class Connection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, rest = self.buffer.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            asked = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(asked.get("content-length", "0"))
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            method, target, _ = first.split(" ", 2)
            status, media, body = self.shop.answer(method, target, asked, rest[:length])
            headers = f"content-type: {media}\r\ncontent-length: {len(body)}\r\nx-side: {self.shop.side}"
            self.transport.write(f"HTTP/1.1 {status} OK\r\n{headers}\r\n\r\n".encode() + body)


async def main(side: str, version: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    shop = Shop(side, version)
    server = await loop.create_server(lambda: Connection(shop), "127.0.0.1", port, backlog=1024)
    print(f"ready {server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)  # ends when whoever started us is gone


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
