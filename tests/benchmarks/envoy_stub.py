"""Many Envoy admin interfaces in one small process, for benchmarks: `/tN/…` answers as the N-th; each change is kept with its instant.

Run as `python envoy_stub.py RECORDS_FILE`; prints its port, and ends when its standard input closes. At each change it looks first whether
the intent is in the records file already, as another process sees it.
"""

import asyncio
import json
import sqlite3
import sys
import time
from urllib.parse import parse_qs, urlsplit

STARTED = "2026-01-01T00:00:00Z"


class Stub:
    """The weights of every interface, and what was changed when."""

    def __init__(self, records: str) -> None:
        self.records = records
        self.weights: dict[str, dict[str, str]] = {}
        self.changes: list[dict[str, object]] = []
        self.requests = 0

    def answer(self, method: str, target: str, came: float) -> bytes:
        parts = urlsplit(target)
        name, _, path = parts.path.removeprefix("/").partition("/")
        self.requests += 1
        if name == "log":
            found, self.changes = {"changes": self.changes, "requests": self.requests}, []
            return json.dumps(found).encode()
        if method == "POST" and path == "runtime_modify":
            return self._modify(name, {key: value[0] for key, value in parse_qs(parts.query).items()}, came)
        return self._read(name, path, parts.query)

    def _modify(self, name: str, asked: dict[str, str], came: float) -> bytes:
        own = self.weights.setdefault(name, {"r.blue": "100", "r.green": "0"})
        own.update(asked)
        self.changes.append({"name": name, "came": came, "changed": time.monotonic(), "durable": self._intents(), "asked": asked})
        return b"OK\n"

    def _intents(self) -> int:
        link = sqlite3.connect(f"file:{self.records}?mode=ro", uri=True, timeout=1)
        try:
            return int(link.execute("SELECT count(*) FROM steps WHERE state = 'sent'").fetchone()[0])
        finally:
            link.close()

    def _read(self, name: str, path: str, query: str) -> bytes:
        if path.endswith("version"):
            return json.dumps({"version": "5.1" if "blue" in path else "5.2", "healthy": True}).encode()
        if path.endswith("metrics"):
            return b"# TYPE http_requests counter\nhttp_requests_total 1\n# EOF\n"
        if path == "runtime":
            own = self.weights.get(name, {"r.blue": "100", "r.green": "0"})
            return json.dumps({"entries": {key: {"final_value": value} for key, value in own.items()}}).encode()
        if path == "stats":
            stats = [{"name": f"cluster.{side}.upstream_rq_total", "value": self.requests} for side in ("blue", "green")]
            return json.dumps({"stats": stats}).encode()
        if path == "server_info":
            return json.dumps({"node": {"id": name, "cluster": "stub"}, "command_line_options": {"config_path": "x"}}).encode()
        if "static_clusters" in query:
            return json.dumps({"configs": [{"@type": "c", "name": side} for side in ("blue", "green")]}).encode()
        if "route_configs" in query:
            clusters = [{"name": "blue", "weight": 100}, {"name": "green", "weight": 0}]
            return json.dumps({"configs": [{"runtime_key_prefix": "r", "clusters": clusters}]}).encode()
        return json.dumps({"configs": [{"last_updated": STARTED}]}).encode()


class Connection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection; requests have no bodies."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        came = time.monotonic()
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            body = self.stub.answer(method, target, came)
            media = "application/openmetrics-text; version=1.0.0" if target.endswith("metrics") else "application/json"
            self.transport.write(f"HTTP/1.1 200 OK\r\ncontent-type: {media}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)


async def main(records: str) -> None:
    loop = asyncio.get_running_loop()
    stub = Stub(records)
    server = await loop.create_server(lambda: Connection(stub), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
