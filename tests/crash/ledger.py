"""Real systems that write down every effect at the instant at which it arrives, with the steps that were on record as sent then."""

import json
import sqlite3
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from faults.proxy import Fault, FaultProxy, fault_proxy

from console.engine.thread import EngineThread
from console.model.verbs import Direction

FLAG = "new-checkout"

CALL = """\
import os, socket, sys
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
key = os.environ.get("RELEASE_STEP_KEY", "")
link.sendall(f"{sys.argv[2]} HTTP/1.0\\r\\nidempotency-key: {key}\\r\\ncontent-length: 0\\r\\n\\r\\n".encode())
answer = link.makefile().read()
print("as the ledger has it")
sys.exit(0 if '"done": true' in answer else 1)
"""
"""What a declared command runs: it asks the ledger over a socket, and exits as a check does."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One change that reached a system: what it set to which value, for which step, and whether it was so already.

    `step` is "" where no step of that kind (or of that key) was on record as sent when it arrived.
    """

    what: str
    value: str
    step: str
    already: bool


@dataclass
class Ledger:
    """The systems' own memory: what they are set to, and every effect in the order of arrival."""

    url: str = ""
    records: Path = Path()
    team: str = ""
    """The administrator's address of the team's database that holds the records; "" where a file does."""
    effects: list[Effect] = field(default_factory=list)
    stands: dict[str, str] = field(default_factory=dict)
    busy: int = 0
    """How many connections to the services are open."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _quiet: threading.Condition = field(default_factory=threading.Condition)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def reset(self, home: Path, stands: Mapping[str, str], team: str = "") -> None:
        """Begin anew for the records of a home, or of a team."""
        self.records, self.team = home / "data" / "records.db", team
        self.stands = dict(stands)
        self.effects.clear()

    def drain(self) -> None:
        """Return when everything that was on its way to the services has arrived: what a killed process sent may come after its end."""
        with urllib.request.urlopen(f"{self.url}/flag", timeout=10.0) as reply:
            reply.read()  # it stands behind all that came before it
        with self._quiet:
            assert self._quiet.wait_for(lambda: self.busy == 0, 10.0), "a connection to the services stays open"

    def opens(self, change: int) -> None:
        """Count a connection that opens (1) or ends (-1)."""
        with self._quiet:
            self.busy += change
            self._quiet.notify_all()

    def saw(self, what: str, value: str, kind: str, key: str = "") -> None:
        """Write an effect down; `kind` is that of its step, `key` what the system was given to know it by."""
        with self._lock:
            sent = self._sent()
            known = key if key in sent else "" if key else next((each for each in reversed(sent) if sent[each] == kind), "")
            self.effects.append(Effect(what, value, known, self.stands.get(what) == value))
            self.stands[what] = value

    def _sent(self) -> dict[str, str]:
        """Return the steps that are on record as sent at this instant, with their kinds."""
        rows = self.asked("SELECT id, step FROM steps WHERE state = 'sent' ORDER BY number")
        return {name: str(json.loads(step)["kind"]) for name, step in rows}

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the records past the console."""
        if self.team:
            with psycopg.connect(self.team, options="-c search_path=release_console", connect_timeout=10) as raw:
                return raw.execute(query.encode()).fetchall()
        with closing(sqlite3.connect(self.records, timeout=10)) as connection:
            return connection.execute(query).fetchall()


def compared(ledger: Ledger) -> list[str]:
    """Hold every effect against the journal: it has an intent before it, and none was sent again blindly."""
    found = {name: (json.loads(step), state) for name, step, state in ledger.asked("SELECT id, step, state FROM steps")}
    intents = {name for (name,) in ledger.asked("SELECT step FROM audit WHERE kind = 'intent'")}
    wrong = [f"{name} is lost: {state}" for name, (_, state) in found.items() if state not in {"confirmed", "failed", "unknown", "skipped"}]
    once: set[Effect] = set()
    for effect in ledger.effects:
        if not effect.step or effect.step not in intents:
            wrong.append(f"an effect without an intent: {effect}")
            continue
        step, _ = found[effect.step]
        absolute = step["direction"] == Direction.BACKWARD.value and step["kind"] in {"weight", "flag"}
        if absolute:
            continue
        if replace(effect, already=False) in once:
            wrong.append(f"sent twice for one step: {effect}")
        if effect.already and step["kind"] != "pipeline":
            wrong.append(f"sent blindly, it was so already: {effect}")
        if effect.already and any(found[old.step][1] == "confirmed" for old in once if old.what == effect.what):
            wrong.append(f"run again although it was confirmed: {effect}")
        once.add(replace(effect, already=False))
    return wrong


class _Door(BaseHTTPRequestHandler):
    """The flag service, the service that takes a release back, and what declared commands talk to."""

    ledger: ClassVar[Ledger]
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        self.ledger.opens(1)
        try:
            with suppress(ConnectionError):  # whoever asked was killed
                super().handle()
        finally:
            self.ledger.opens(-1)

    def do_GET(self) -> None:
        self._say()

    def do_PUT(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.ledger.saw("flag", f"{asked['on']} {asked['percent']}", "flag", self.headers.get("idempotency-key", ""))
        self._say()

    def do_POST(self) -> None:
        key = self.headers.get("idempotency-key", "")
        self.rfile.read(int(self.headers.get("content-length", "0")))
        self.ledger.saw(self.path, "done", "pipeline" if self.path == "/pipeline" else "declared", key)
        self._say()

    def _say(self) -> None:
        done = self.ledger.stands.get(self.path) == "done"
        on, percent = self.ledger.stands.get("flag", "False 0").split()
        flag: dict[str, Any] = {"name": FLAG, "on": on == "True", "percent": int(percent), "in_effect": True}
        body = json.dumps(flag if self.path == "/flag" else {"done": done, "detail": "as the ledger has it"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet: the ledger is what is looked at."""


@contextmanager
def ledger_kept() -> Iterator[Ledger]:
    """Run the services of a ledger on loopback."""
    ledger = Ledger()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Door", (_Door,), {"ledger": ledger}))
    server.daemon_threads = True
    ledger.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield ledger
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@contextmanager
def wire(upstream: str, on_request: Callable[[str], None]) -> Iterator[FaultProxy]:
    """Run a wire to a router that tells the first line of each request before it is passed on."""
    thread = EngineThread("wire")
    thread.start()
    context = fault_proxy(upstream)
    try:
        proxy = thread.submit(context.__aenter__()).result(10)

        def tell(request: bytes, _number: int) -> bool:
            on_request(request.split(b"\n", 1)[0].decode().strip())
            return True

        proxy.set(Fault.NONE, tell)
        try:
            yield proxy
        finally:
            thread.submit(context.__aexit__(None, None, None)).result(10)
    finally:
        thread.stop()


def envoy_told(ledger: Ledger) -> Callable[[str], None]:
    """Return what writes down a change of both weights at an Envoy's admin."""

    def tell(line: str) -> None:
        if "runtime_modify" in line:
            ledger.saw("envoy", line.split()[1].partition("?")[2], "weight")

    return tell


def haproxy_told(ledger: Ledger) -> Callable[[str], None]:
    """Return what writes down each command that changes a HAProxy's servers."""

    def tell(line: str) -> None:
        if line.startswith("set "):
            what, _, value = line.rpartition(" ")
            ledger.saw(what, value, "weight")

    return tell
