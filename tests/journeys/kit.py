"""What journeys share: target files on real test servers, a home with that target armed, commands as processes, and a counted wire."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from faults.proxy import Fault, FaultProxy, fault_proxy
from servers.envoy_process import PREFIX
from servers.fixtures import Upstream

from console.app import Console, view_when
from console.engine.thread import EngineThread
from console.model.hooks import CRASH_VARIABLE
from console.model.views import RolloutView, TargetView, Update

ROOT = Path(__file__).parents[2]
LONG_S = 60.0


@dataclass
class Wire:
    """A wire to an Envoy's admin that keeps each request with the instant at which it came; `proxy` can make it go wrong."""

    proxy: FaultProxy
    requests: list[tuple[float, str]] = field(default_factory=list)

    @property
    def sent(self) -> list[str]:
        """Return the changes of weights that went over it."""
        return [line for _, line in self.requests if "runtime_modify" in line]

    @property
    def sent_at(self) -> list[float]:
        return [at for at, line in self.requests if "runtime_modify" in line]

    def fail(self, fault: Fault, only: str = "") -> None:
        """Go wrong from now on, with requests that hold a text only."""

        def applies(request: bytes, _number: int) -> bool:
            self.requests.append((time.monotonic(), request.split(b"\r\n", 1)[0].decode()))
            return only.encode() in request

        self.proxy.set(fault, applies)

    def mend(self) -> None:
        self.fail(Fault.NONE)

    def forget(self) -> None:
        self.requests.clear()


@contextmanager
def wire_to(admin: str) -> Iterator[Wire]:
    """Run a wire in a loop of its own, so that it works whatever the test's own loop does."""
    thread = EngineThread("wire")
    thread.start()
    context = fault_proxy(admin)
    try:
        wire = Wire(thread.submit(context.__aenter__()).result(10))
        wire.mend()
        try:
            yield wire
        finally:
            thread.submit(context.__aexit__(None, None, None)).result(10)
    finally:
        thread.stop()


def target_text(admin: str, upstreams: Mapping[str, Upstream], more: str = "", stages: str = "") -> str:
    """Return a target file on test servers: two short stages, one gate on sessions."""
    urls = "\n".join(f"    {side}: {each.url}/PATH" for side, each in upstreams.items())
    return f"""
format: 1
name: shop
title: Shop
environment: staging
owner: tests
sides: [blue, green]
traffic:
  provider: envoy
  admin: {admin}
  runtime_prefix: {PREFIX}
  clusters: {{blue: blue, green: green}}
  timeout: 2 s
workloads:
  provider: http
  urls:
{urls.replace("PATH", "version")}
metrics:
  provider: openmetrics
  poll: 1 s
  urls:
{urls.replace("PATH", "metrics")}
gates:
  - {{name: Payments, kind: sessions, must_see: total failure}}
stages:
{stages or "  - {weight: 5 %, wait: 1 s}"}
rollback: [traffic]
{more}
"""


@dataclass
class Shell:
    """Runs commands as a person at a terminal does: each a process of its own, on one home."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    patience_s: float = LONG_S * 2

    def start(self, *words: str, crash_at: str = "", **more: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, "RELEASE_CONSOLE_HOME": str(self.home), CRASH_VARIABLE: crash_at, **self.environment, **more}
        environment.pop("PYTHONWARNINGS", None)
        command = [sys.executable, "-m", "console", *words]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        )

    def __call__(self, *words: str, crash_at: str = "", stdin: str = "", **more: str) -> "Said":
        with self.start(*words, crash_at=crash_at, **more) as process:
            try:
                out, err = process.communicate(stdin, timeout=self.patience_s)
            except subprocess.TimeoutExpired:
                process.kill()  # else the end of the block would wait for it for ever
                raise
        said = Said(process.returncode, out, err)
        assert "Traceback" not in said.err, said.err
        assert "Traceback" not in said.out, said.out
        return said


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.out)
        return found


def records(home: Path) -> sqlite3.Connection:
    """Open the records file past the console."""
    return sqlite3.connect(home / "data" / "records.db", timeout=10)


def let_leases_run_out(home: Path) -> None:
    """Make it as if fifteen seconds had gone by since the last renewal of every wheel."""
    connection = records(home)
    with connection:
        long_ago = ("2020-01-01T00:00:00.000000+00:00", "2020-01-01T00:00:15.000000+00:00")
        connection.execute("UPDATE leases SET renewed_at = ?, expires_at = ?", long_ago)
    connection.close()


def copied(home: Path, to: Path) -> Path:
    """Return a copy of a home."""
    shutil.copytree(home, to, dirs_exist_ok=True)
    return to


@dataclass
class Watched:
    """What a console tells, as a window sees it; `until` waits for a picture that fits."""

    console: Console
    targets: dict[str, TargetView] = field(default_factory=dict)
    rollouts: dict[str, RolloutView] = field(default_factory=dict)
    _told: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.console.listen(self._take)

    def _take(self, update: Update) -> None:
        self.targets.update({view.name: view for view in update.targets})
        self.rollouts.update({view.id: view for view in update.rollouts})
        self._told.set()

    async def until(self, holds: Callable[[], bool], what: str, timeout_s: float = LONG_S) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    self._told.clear()
                    await self._told.wait()
        except TimeoutError:
            raise AssertionError(f"{what} did not come true: {self.rollouts or self.targets}") from None


async def seen(console: Console, name: str = "shop") -> TargetView:
    """Return a target's view once its weights were read."""
    return await view_when(console, name, lambda view: view.weight.read_back.at is not None, 20.0)


class Traffic:
    """Lets sessions be counted on both sides until it is told to stop, in a thread, so that a judge in another process has evidence."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams
        self._stop = threading.Event()
        self.canary_fails = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            with suppress(OSError):  # on a busy computer an answer may come too late; the next round counts again
                self._upstreams["blue"].count(ok=20)
                self._upstreams["green"].count(**({"failed": 5} if self.canary_fails else {"ok": 5}))


def prepare(home: Path, admin: str, upstreams: Mapping[str, Upstream], more: str = "") -> Path:
    """Make a home whose console knows the target `shop`, armed; returns the home."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "shop.yaml").write_text(target_text(admin, upstreams, more), encoding="utf-8")
    shell = Shell(home)
    for words in (("target", "add", str(home / "shop.yaml")), ("target", "arm", "shop")):
        said = shell(*words)
        assert said.code == 0, said.err
    return home
