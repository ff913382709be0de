"""1,000 targets at 1 Hz with 50 of them hanging, dripping or failing: the age of what the healthy ones show, the cost, and what grows.

Run as `python tests/benchmarks/many_targets.py [--targets 1000] [--bad 50] [--seconds 60] [--ticks 100000]`. The systems are processes of
their own. The engine tells one listener, as it tells a window, which looks at one target; `--nobody` leaves both out, as an agent does.
Excess staleness is the age of a target's weights beyond one poll, looked at 20 times a second.

The second part counts what grows over 100,000 ticks: readings of healthy targets' weights, by the same engine and providers over the same
connections, in a process of its own. It ticks faster than real time: the clock and the sleeping that the engine is given run `SPEED`
times as fast, only the 5 s deadline of a reading stays real; there are so few targets that one core keeps up, and a crowd counts from
fewer on, so that they are read and drawn as those of 1,000 are. It begins once everything that is bounded by a number of points is full.

Exits 1 when a goal is missed: p99 of the excess 100 ms, 60 % of a core, growth of memory 5 %, no descriptor more.
"""

# ruff: noqa: E402 - the project must be on the path before what is below is imported

import argparse
import asyncio
import gc
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

sys.path[:0] = [str(Path(__file__).parents[2])]

from console.app import Console, collect_rarely, opened
from console.engine.rings import SPARKLINE
from console.engine.watch import ROUTER_S, Watch
from console.model.clock import SystemClock
from console.model.stores import TargetRow

EXCESS_MS, CORE, GROWTH = 100.0, 0.60, 0.05
LOOK_S = 0.05
WARM_S = 15.0
SPEED, TICKING, TICKING_BAD, TICKING_CROWD = 60.0, 20, 3, 10
FULL = 3 * SPARKLINE
"""Readings of each target after which what it keeps of them is full: its requests are counted at every other one."""

TARGET = """
format: 1
name: t{number}
environment: staging
sides: [blue, green]
traffic: {{provider: envoy, admin: http://127.0.0.1:{port}/t{number}, runtime_prefix: r, clusters: {{blue: blue, green: green}}}}
workloads:
  provider: http
  urls: {{blue: "http://127.0.0.1:{port}/t{number}/blue/version", green: "http://127.0.0.1:{port}/t{number}/green/version"}}
stages:
  - {{weight: 5 %, wait: 2 h}}
rollback: [traffic]
"""


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    try:
        while True:
            writer.write(b"{")
            await writer.drain()
            await asyncio.sleep(0.2)
    except ConnectionError:
        writer.close()


async def _fail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    writer.close()


async def serve_the_bad() -> None:
    """Print the ports of three servers: one that hangs, one that drips, one that fails; end with the standard input."""
    servers = [await asyncio.start_server(each, "127.0.0.1", 0, backlog=1024) for each in (_hang, _drip, _fail)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)  # its connections end with it


def write_files(home: Path, count: int, bad: int, good_port: int, bad_ports: list[int]) -> set[str]:
    """Write a file for each target and return the names of the bad ones."""
    chosen = set(random.Random(1).sample(range(count), bad))
    (home / "targets").mkdir()
    for number in range(count):
        port = bad_ports[number % len(bad_ports)] if number in chosen else good_port
        (home / "targets" / f"t{number}.yaml").write_text(TARGET.format(number=number, port=port))
    return {f"t{number}" for number in chosen}


def resident_mib() -> float:
    """Return the memory that this process holds now; its peak where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 2**20


def descriptors() -> int:
    """Return how many descriptors this process has open; 0 where the system does not tell."""
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0


@dataclass(slots=True)
class Ticks:
    """How many readings of weights there were, all targets together, the good ones alone."""

    taken: int = 0


@contextmanager
def counted(ticks: Ticks):
    """Count every reading of weights that succeeds."""
    read = Watch._router

    async def counting(self) -> None:
        await read(self)
        ticks.taken += 1

    with patch.object(Watch, "_router", counting):
        yield


class QuickClock:
    """The computer's clock, `SPEED` times as fast from the moment it was made."""

    def __init__(self) -> None:
        self._began, self._from = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=(time.monotonic() - self._from) * SPEED)

    def elapsed(self) -> float:
        return self._from + (time.monotonic() - self._from) * SPEED


async def quick_sleep(seconds: float) -> None:
    """Wait as long as `QuickClock` needs to pass so many seconds."""
    await asyncio.sleep(seconds / SPEED)


class Screen:
    """What a window keeps: the newest view of each target."""

    def __init__(self) -> None:
        self.views, self.told, self.batches = {}, 0, 0

    def take(self, update) -> None:
        self.views.update((view.name, view) for view in update.targets)
        self.told, self.batches = self.told + len(update.targets), self.batches + 1


Ages = Counter[int]
"""How often an excess age was seen, by its whole milliseconds: a list of them all would be what grows."""


async def watch(console: Console, bad: set[str], seconds: float, screen: Screen | None) -> tuple[Ages, Ages, int]:
    """Return the excess ages of the healthy targets' weights, as read and as told to a screen, and how many readings came."""
    excess, shown, seen, readings = Ages(), Ages(), {}, 0
    targets = console.engine._parts.targets
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        now = SystemClock().now()
        for name, live in targets.items():
            if name in bad or live.split.at is None:
                continue
            excess[excess_ms(now, live.split.at)] += 1
            view = None if screen is None else screen.views.get(name)
            if view is not None and view.weight.read_back.at is not None:
                shown[excess_ms(now, view.weight.read_back.at)] += 1
            if seen.get(name) != live.split.at:
                seen[name], readings = live.split.at, readings + 1
        await asyncio.sleep(LOOK_S)
    return excess, shown, readings


def excess_ms(now: datetime, at: datetime) -> int:
    """Return by how much a reading is older than one poll, in ms."""
    return max(0, round(((now - at).total_seconds() - ROUTER_S) * 1000))


async def connect_all(console: Console, home: Path, count: int) -> None:
    """Take every target in and watch it."""
    for number in range(count):
        row = TargetRow(f"t{number}", str(home / "targets" / f"t{number}.yaml"), stable="blue")
        await console.store.targets.put(row, console.actor, "add", SystemClock().now())
    begun = time.monotonic()
    await console.watch_new()
    print(f"{len(console.engine._parts.targets)} targets connected in {time.monotonic() - begun:.1f} s", flush=True)


def quantile(ages: Ages, share: float) -> float:
    """Return a quantile of ages; infinite where there are none."""
    left = share * ages.total()
    for age in sorted(ages):
        left -= ages[age]
        if left <= 0:
            return age
    return float("inf")


async def measure(home: Path, count: int, bad: set[str], seconds: float, *, nobody: bool) -> bool:
    """Open the console over all targets, measure for a while, and tell whether every goal is met."""
    async with opened(watch=[], kind="agent") as console:
        screen = None if nobody else Screen()
        if screen is not None:
            console.listen(screen.take)
            await console.look_at(next(f"t{number}" for number in range(count) if f"t{number}" not in bad))
        await connect_all(console, home, count)
        await asyncio.sleep(WARM_S)
        gc.collect()
        held, files, cpu, wall = resident_mib(), descriptors(), time.process_time(), time.monotonic()
        told, batches = (0, 0) if screen is None else (screen.told, screen.batches)
        excess, shown, readings = await watch(console, bad, seconds, screen)
        share = (time.process_time() - cpu) / (time.monotonic() - wall)
        gc.collect()
        growth, more = resident_mib() / held - 1, descriptors() - files
        never = [name for name, live in console.engine._parts.targets.items() if name not in bad and live.split.at is None]
    print(
        f"healthy targets: {readings / seconds:.0f} readings a second, {len(never)} never read; excess staleness "
        f"median {quantile(excess, 0.5):.0f} ms, p99 {quantile(excess, 0.99):.0f} ms (goal {EXCESS_MS:.0f}); "
        f"{share:.0%} of a core (goal {CORE:.0%}); memory {held:.0f} MiB {growth:+.1%} (goal {GROWTH:.0%}); "
        f"{more:+d} descriptors of {files}"
    )
    if screen is not None:
        views, times = (screen.told - told) / seconds, (screen.batches - batches) / seconds
        print(f"told: {views:.0f} views a second in {times:.1f} batches; excess staleness on the screen p99 {quantile(shown, 0.99):.0f} ms")
    return quantile(excess, 0.99) <= EXCESS_MS and share <= CORE and growth <= GROWTH and more <= 0 and not never


async def tick(home: Path, count: int, bad: set[str], wanted: int) -> bool:
    """Let the engine's time run fast, and tell whether nothing grows over so many ticks."""
    ticks = Ticks()
    with (
        counted(ticks),
        patch("console.app.opening.SystemClock", QuickClock),
        patch("console.engine.parts.CROWD", TICKING_CROWD),
        patch("console.engine.watch.CROWD", TICKING_CROWD),
    ):
        async with opened(watch=[], kind="agent") as console:
            console.engine._parts.around.sleep = quick_sleep
            screen = Screen()
            console.listen(screen.take)
            await connect_all(console, home, count)
            await until(lambda: ticks.taken >= FULL * (count - len(bad)))
            gc.collect()
            held, files, before, began, cpu = resident_mib(), descriptors(), ticks.taken, time.monotonic(), time.process_time()
            await until(lambda: ticks.taken - before >= wanted)
            gc.collect()
            growth, more, took = resident_mib() / held - 1, descriptors() - files, time.monotonic() - began
            share, done = (time.process_time() - cpu) / took, ticks.taken - before
    print(
        f"{done:,} ticks of {count - len(bad)} healthy targets beside {len(bad)} bad ones in {took:.0f} s, {done / took:.0f} a second, "
        f"{share / done * took * 1000:.2f} ms of a core each: memory {held:.0f} MiB {growth:+.1%} (goal {GROWTH:.0%}); "
        f"{more:+d} descriptors of {files}"
    )
    return growth <= GROWTH and more <= 0


async def until(done: Callable[[], bool]) -> None:
    """Wait until something holds."""
    while not done():
        await asyncio.sleep(LOOK_S)


def run(chosen: argparse.Namespace) -> bool:
    """Start the systems and run one part beside them."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["RELEASE_CONSOLE_HOME"] = str(home)
        stub = [sys.executable, str(Path(__file__).with_name("envoy_stub.py")), str(home / "none.db")]
        bad = [sys.executable, __file__, "--serve-the-bad"]
        servers = [subprocess.Popen(each, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for each in (stub, bad)]
        try:
            (good_port,), bad_ports = ([int(port) for port in server.stdout.readline().split()] for server in servers)
            names = write_files(home, chosen.targets, chosen.bad, good_port, bad_ports)
            if chosen.tick:
                return asyncio.run(tick(home, chosen.targets, names, chosen.ticks))
            return asyncio.run(measure(home, chosen.targets, names, chosen.seconds, nobody=chosen.nobody))
        finally:
            for server in servers:
                server.communicate()


def main() -> int:
    """Measure at real speed, then tick fast in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--bad", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--ticks", type=int, default=100_000, help="0 leaves the second part out")
    parser.add_argument("--nobody", action="store_true", help="nobody listens")
    parser.add_argument("--tick", action="store_true", help="the second part alone, with the targets given")
    parser.add_argument("--serve-the-bad", action="store_true")
    chosen = parser.parse_args()
    if chosen.serve_the_bad:
        asyncio.run(serve_the_bad())
        return 0
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    collect_rarely()
    good = run(chosen)
    if chosen.ticks and not chosen.tick:
        few = ["--tick", f"--targets={TICKING}", f"--bad={TICKING_BAD}", f"--ticks={chosen.ticks}"]
        good &= subprocess.run([sys.executable, __file__, *few], check=False).returncode == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
