"""Counts failed requests while all traffic is switched to and fro under load.

Run as `python tests/benchmarks/switch_load.py envoy --switches 300`, or with `haproxy` or `traefik`; exits 1 when a request failed.
"""

# ruff: noqa: E402 - the two folders must be on the path before what is in them is imported

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from servers.envoy_process import boot_envoy
from servers.fixtures import SIDES, boot_upstream
from servers.haproxy_process import boot_haproxy
from servers.load import under_load
from servers.traefik_process import boot_traefik

from console.model.clock import SystemClock
from console.model.ports import TrafficRouter
from console.model.readings import SplitChange
from console.providers.clients.http import HttpClient
from console.providers.traffic.envoy import EnvoyRouter
from console.providers.traffic.haproxy import HaproxyRouter
from console.providers.traffic.traefik import TraefikRouter

PATIENCE_S = 5.0
BOOT = {"envoy": boot_envoy, "haproxy": boot_haproxy, "traefik": boot_traefik}


def router_of(kind: str, spec: Any, http: HttpClient) -> TrafficRouter:
    if kind == "haproxy":
        return HaproxyRouter(spec, SystemClock())
    if kind == "traefik":
        return TraefikRouter(spec, Path(), http, SystemClock())
    return EnvoyRouter(spec, http, SystemClock())


async def measure(url: str, router: TrafficRouter, switches: int, requests: int) -> dict[str, object]:
    took: list[float] = []

    async def switch(number: int) -> None:
        green = 0 if number % 2 else 100
        began = time.perf_counter()
        await router.set_split(SplitChange({"blue": 100 - green, "green": green}, key=f"step-{number}", backward=green == 0))
        while (seen := (await router.split()).weights["green"]) != green:
            if time.perf_counter() - began > PATIENCE_S:
                raise AssertionError(f"asked for {green}, read back {seen}")
            await asyncio.sleep(0.005)
        took.append(time.perf_counter() - began)

    began = time.perf_counter()
    load = await under_load(url, switch, switches=switches, requests=requests)
    return {
        "switches": switches,
        "requests": load.requests,
        "failed": load.failed,
        "failures": dict(load.failures),
        "sides": dict(load.sides),
        "seconds": round(time.perf_counter() - began, 1),
        "switch_and_read_back_ms": {"median": round(1000 * statistics.median(took), 1), "max": round(1000 * max(took), 1)},
    }


async def main(kind: str, switches: int, requests: int) -> int:
    folder = Path(tempfile.mkdtemp(prefix="switch-load-"))
    upstreams = {side: boot_upstream(folder, side, version) for side, version in SIDES.items()}
    ports = {side: each.port for side, each in upstreams.items()}
    server = BOOT[kind](folder, ports)
    http = HttpClient()
    router = router_of(kind, server.spec, http)
    try:
        result = await measure(server.url, router, switches, requests)
    finally:
        await http.aclose()
        for child in (server.child, *(each.child for each in upstreams.values())):
            child.stop()
    print(json.dumps({"router": kind, **result}))
    return 1 if result["failed"] else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("router", choices=sorted(BOOT))
    parser.add_argument("--switches", type=int, default=None)
    parser.add_argument("--requests", type=int, default=100_000)
    chosen = parser.parse_args()
    sys.exit(asyncio.run(main(chosen.router, chosen.switches or (300 if chosen.router == "envoy" else 50), chosen.requests)))
