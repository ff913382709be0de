"""1,000 targets at 1 Hz with 50 of them hanging, dripping or failing: the age of what the healthy ones show, the cost, and what grows.

Run as `python tests/benchmarks/many_targets.py [--targets 1000] [--bad 50] [--seconds 60]`. The systems are processes of their own;
the engine is the headless one. Excess staleness is the age of a target's weights beyond one poll, looked at 20 times a second. Exits 1
when a goal is missed: p99 of the excess 100 ms, 60 % of a core, growth of memory 5 %, no descriptor more.
"""

# ruff: noqa: E402 - the project must be on the path before what is below is imported

import argparse
import asyncio
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2])]

from console.app import Console, opened
from console.engine.watch import ROUTER_S
from console.model.clock import SystemClock
from console.model.stores import TargetRow

EXCESS_MS, CORE, GROWTH = 100.0, 0.60, 0.05
LOOK_S = 0.05
WARM_S = 15.0

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


async def watch(console: Console, bad: set[str], seconds: float) -> tuple[list[float], int]:
    """Return the excess ages of the healthy targets' weights in ms, and how many readings came."""
    excess, seen, readings = [], {}, 0
    targets = console.engine._parts.targets
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        now = SystemClock().now()
        for name, live in targets.items():
            if name in bad or live.split.at is None:
                continue
            excess.append(max(0.0, (now - live.split.at).total_seconds() - ROUTER_S) * 1000)
            if seen.get(name) != live.split.at:
                seen[name], readings = live.split.at, readings + 1
        await asyncio.sleep(LOOK_S)
    return excess, readings


async def measure(home: Path, count: int, bad: set[str], seconds: float) -> bool:
    """Open the console over all targets, measure twice, and tell whether every goal is met."""
    async with opened(watch=[], kind="agent") as console:
        for number in range(count):
            row = TargetRow(f"t{number}", str(home / "targets" / f"t{number}.yaml"), stable="blue")
            await console.store.targets.put(row, console.actor, "add", SystemClock().now())
        begun = time.monotonic()
        await console.watch_new()
        print(f"{len(console.engine._parts.targets)} targets connected in {time.monotonic() - begun:.1f} s", flush=True)
        await asyncio.sleep(WARM_S)
        held, files, cpu, wall = resident_mib(), descriptors(), time.process_time(), time.monotonic()
        excess, readings = await watch(console, bad, seconds)
        share = (time.process_time() - cpu) / (time.monotonic() - wall)
        growth, more = resident_mib() / held - 1, descriptors() - files
        never = [name for name, live in console.engine._parts.targets.items() if name not in bad and live.split.at is None]
    p99 = statistics.quantiles(excess, n=100)[98] if excess else float("inf")
    print(
        f"healthy targets: {readings / seconds:.0f} readings a second, {len(never)} never read; excess staleness median "
        f"{statistics.median(excess):.0f} ms, p99 {p99:.0f} ms (goal {EXCESS_MS:.0f}); {share:.0%} of a core (goal {CORE:.0%}); "
        f"memory {held:.0f} MiB {growth:+.1%} (goal {GROWTH:.0%}); {more:+d} descriptors of {files}"
    )
    return p99 <= EXCESS_MS and share <= CORE and growth <= GROWTH and more <= 0 and not never


def main() -> int:
    """Serve, open, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--bad", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--serve-the-bad", action="store_true")
    chosen = parser.parse_args()
    if chosen.serve_the_bad:
        asyncio.run(serve_the_bad())
        return 0
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["RELEASE_CONSOLE_HOME"] = str(home)
        stub = [sys.executable, str(Path(__file__).with_name("envoy_stub.py")), str(home / "none.db")]
        bad = [sys.executable, __file__, "--serve-the-bad"]
        servers = [subprocess.Popen(each, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for each in (stub, bad)]
        try:
            (good_port,), bad_ports = ([int(port) for port in server.stdout.readline().split()] for server in servers)
            names = write_files(home, chosen.targets, chosen.bad, good_port, bad_ports)
            return 0 if asyncio.run(measure(home, chosen.targets, names, chosen.seconds)) else 1
        finally:
            for server in servers:
                server.communicate()


if __name__ == "__main__":
    sys.exit(main())
