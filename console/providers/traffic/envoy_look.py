"""Looks around in an Envoy that no target file names yet: routes with weighted clusters, where their hosts are, and what may be changed."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.model.text import clean
from console.model.wizard import Found, Part, Right, Route
from console.policy.drafting import guessed
from console.providers.clients.http import Call, HttpClient, place
from console.providers.clients.strict import field

_DUMPS = ("static_route_configs", "dynamic_route_configs")


async def look_envoy(admin: str, http: HttpClient, timeout_s: float = 5.0) -> Found:
    """Return the weighted routes of an Envoy whose weights are runtime keys. Raises RemoteError."""
    system = f"Envoy at {place(admin)}"

    async def get(path: str) -> Any:
        return (await http.send(Call(system, f"{admin.rstrip('/')}{path}", timeout_s=timeout_s))).json()

    version = field(await get("/server_info"), "version", str, system).split("/")
    hosts = _hosts(await get("/clusters?format=json"))
    found: dict[str, Route] = {}
    unprefixed = 0
    for resource in _DUMPS:
        for each in _objects(await get(f"/config_dump?resource={resource}")):
            clusters = each.get("clusters")
            if not isinstance(clusters, list) or len(clusters) < 2:
                continue
            prefix = each.get("runtime_key_prefix")
            if not isinstance(prefix, str) or not prefix:
                unprefixed += 1
                continue
            found.setdefault(prefix, _route(prefix, clusters, hosts))
    notes = [f"Envoy {clean(version[min(1, len(version) - 1)], 20)}"]  # commit/number/state/kind/TLS library
    if unprefixed:
        notes.append(f"{unprefixed} weighted routes have no runtime_key_prefix: their weights cannot be changed at run time.")
    return Found(system, tuple(found.values()), await envoy_rights(admin, http, timeout_s), notes=tuple(notes))


async def envoy_rights(admin: str, http: HttpClient, timeout_s: float = 5.0) -> tuple[Right, ...]:
    """Return whether an Envoy takes runtime weights."""
    call = Call(f"Envoy at {place(admin)}", f"{admin.rstrip('/')}/config_dump?mask=bootstrap.layered_runtime", timeout_s=timeout_s)
    dump = (await http.send(call)).json()
    told = [each["layered_runtime"] for each in _objects(dump) if isinstance(each.get("layered_runtime"), dict)]
    # Without `layered_runtime` Envoy makes an admin layer by itself (envoyproxy.io, "Runtime", "Layering").
    layered = not told or any("admin_layer" in layer for layer in _objects(told))
    how = "" if layered else "Add a layer with `admin_layer: {}` to layered_runtime in its configuration, and restart it."
    return (
        Right("read its routes, weights and counters", True),
        Right("change runtime weights (its admin interface asks nobody who they are)", layered, how),
    )


def _route(prefix: str, clusters: list[Any], hosts: Mapping[str, str]) -> Route:
    parts = []
    for each in clusters:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            name, weight = clean(each["name"], 80), clean(str(each.get("weight", 0)), 8)
            address = hosts.get(name, "")
            parts.append(Part(name, detail=" · ".join(one for one in (address, f"configured weight {weight}") if one), address=address))
    return Route("envoy", clean(prefix, 80), guessed(parts), f"{len(parts)} clusters", label=clean(prefix, 80))


def _hosts(reply: object) -> Mapping[str, str]:
    """Return the address of the first host of each cluster."""
    found: dict[str, str] = {}
    for cluster in _objects(reply):
        name = cluster.get("name")
        if not isinstance(name, str) or not isinstance(cluster.get("host_statuses"), list):
            continue
        for each in _objects(cluster["host_statuses"]):
            if isinstance(each.get("address"), str) and isinstance(each.get("port_value"), int):
                host = f"[{each['address']}]" if ":" in each["address"] else each["address"]
                found.setdefault(name, f"{clean(host, 60)}:{each['port_value']}")
    return found


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object inside a JSON value, outermost first."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)
