"""Envoy as a router: weighted clusters whose weights are runtime keys, driven by its admin interface."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from console.model.clock import Clock
from console.model.errors import OutcomeUnknown, Refused
from console.model.readings import Identity, RequestCounts, Split, SplitChange
from console.model.systems import EnvoyTraffic, Side
from console.model.text import clean
from console.providers.clients.http import Call, HttpClient, Reply, place
from console.providers.clients.strict import field, malformed
from console.providers.traffic.shares import shares

_NO_LAYER = "No admin layer"  # the one 5xx of this interface that says for sure that nothing was done
_WEIGHT = re.compile(r"[0-9]{1,9}")


class EnvoyRouter:
    """One weighted route of an Envoy.

    Runtime weights live in memory: a restart drops them and the configured weights hold again. They pick per request, unless the route
    hashes on a session cookie. Protocol: envoyproxy.io, "Administration interface" and "Runtime".
    """

    def __init__(self, spec: EnvoyTraffic, http: HttpClient, clock: Clock) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._route_seen = False  # weights set for a route that does not exist would be read back as if they moved traffic
        self._admin = spec.admin.rstrip("/")
        self._system = f"Envoy at {place(spec.admin)}"

    async def identity(self) -> Identity:
        """Return the node's name with a digest of what its start fixes; the incarnation is the instant at which it read its bootstrap."""
        info = (await self._get("/server_info")).json()
        clusters = (await self._get("/config_dump?resource=static_clusters&mask=cluster.name")).json()
        boot = (await self._get("/config_dump?mask=last_updated")).json()
        node = field(info, "node", dict, self._system)
        options = field(info, "command_line_options", dict, self._system)
        names = sorted(str(each["name"]) for each in _objects(clusters) if set(each) >= {"@type", "name"})
        fixed = [node.get("id"), node.get("cluster"), options.get("config_path"), options.get("config_yaml"), names]
        digest = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:16]
        label = "/".join(clean(str(node.get(part) or "-"), 60) for part in ("cluster", "id"))
        started = next((str(each["last_updated"]) for each in _objects(boot) if "last_updated" in each), "")
        if not started:
            raise malformed(self._system, "It does not say when it was started.")
        return Identity(
            fingerprint=f"envoy {label} {digest}",
            incarnation=f"{clean(started, 40)} epoch {clean(str(options.get('restart_epoch', 0)), 12)}",
        )

    async def split(self) -> Split:
        """Return the runtime weights; where a side has none, its configured weight, which is what holds then."""
        at = self._clock.now()
        runtime = field((await self._get("/runtime")).json(), "entries", dict, self._system)
        found = {side: self._runtime_weight(runtime, cluster) for side, cluster in self._spec.clusters.items()}
        missing = [side for side, weight in found.items() if weight is None]
        if not missing and self._route_seen:
            return _as_split({side: weight or 0 for side, weight in found.items()}, at, "")
        configured = await self._configured()
        self._route_seen = True
        weights = {side: configured[side] if weight is None else weight for side, weight in found.items()}
        note = f"configured weight of {' and '.join(missing)}: none was set since the start" if missing else ""
        return _as_split(weights, at, note)

    async def set_split(self, change: SplitChange) -> None:
        """Ask for both weights in one call, so that no request meets one of them alone."""
        asked = {self._key(self._spec.clusters[side]): weight for side, weight in change.weights.items()}
        url = f"{self._admin}/runtime_modify?{urlencode(asked)}"
        try:
            reply = await self._http.send(Call(self._system, url, method="POST", timeout_s=self._spec.timeout_s, content=b""))
        except OutcomeUnknown as error:
            raise self._no_layer() if _NO_LAYER in error.message else error from None
        said = reply.text().strip()
        if said != "OK":
            raise OutcomeUnknown(
                f"{self._system} did not confirm the weights: {clean(said, 120)}",
                means="They may have changed; reading back will tell.",
                advice="Look at its own log, and at its runtime page.",
            )

    def _no_layer(self) -> Refused:
        return Refused(
            f"{self._system} takes no runtime weights: it has no admin layer.",
            means="Nothing was changed.",
            advice="Add a layer with `admin_layer: {}` to the layered_runtime of its configuration, and restart it.",
        )

    async def measured(self) -> RequestCounts:
        """Return the requests that each side's cluster was given since this Envoy started."""
        at = self._clock.now()
        names = "|".join(re.escape(cluster) for cluster in self._spec.clusters.values())
        wanted = quote(rf"^cluster\.({names})\.upstream_rq_total$", safe="")
        stats = field((await self._get(f"/stats?format=json&filter={wanted}")).json(), "stats", list, self._system)
        values = {each["name"]: each["value"] for each in stats if isinstance(each, dict) and set(each) >= {"name", "value"}}
        counts: dict[Side, float] = {}
        for side, cluster in self._spec.clusters.items():
            value = field(values, f"cluster.{cluster}.upstream_rq_total", int, self._system)
            if value < 0:
                raise malformed(self._system, "A request counter is negative.")
            counts[side] = float(value)
        return RequestCounts(counts, at)

    def _runtime_weight(self, runtime: Mapping[str, Any], cluster: str) -> int | None:
        entry = runtime.get(self._key(cluster))
        if entry is None:
            return None
        value = field(entry, "final_value", str, self._system)
        if not _WEIGHT.fullmatch(value):
            raise malformed(self._system, f"The weight of {cluster} is {clean(value, 40)!r}, which is no whole number.")
        return int(value)

    async def _configured(self) -> Mapping[Side, int]:
        for resource in ("static_route_configs", "dynamic_route_configs"):
            dump = (await self._get(f"/config_dump?resource={resource}")).json()
            for each in _objects(dump):
                if each.get("runtime_key_prefix") == self._spec.runtime_prefix and isinstance(each.get("clusters"), list):
                    return self._weights_of(each["clusters"])
        raise Refused(
            f"{self._system} has no route whose runtime_key_prefix is {clean(self._spec.runtime_prefix, 80)!r}.",
            means="Weights set under that name would move no traffic.",
            advice="Check runtime_prefix in the target file against the Envoy's route.",
        )

    def _weights_of(self, clusters: list[Any]) -> Mapping[Side, int]:
        weights = {each["name"]: each.get("weight", 0) for each in clusters if isinstance(each, dict) and "name" in each}
        return {side: int(field(weights, cluster, int, self._system)) for side, cluster in self._spec.clusters.items()}

    def _key(self, cluster: str) -> str:
        return f"{self._spec.runtime_prefix}.{cluster}"

    async def _get(self, path: str) -> Reply:
        return await self._http.send(Call(self._system, f"{self._admin}{path}", timeout_s=self._spec.timeout_s))


def _as_split(weights: Mapping[Side, int], at: datetime, note: str) -> Split:
    total = sum(weights.values())
    notes = [note] if note else []
    if total == 0:
        notes.append("both weights are 0: every request is answered 404")
    elif total != 100:
        notes.append(f"the weights {', '.join(f'{side} {weight}' for side, weight in weights.items())} add up to {total}, not 100")
    return Split(shares(weights), at, "; ".join(notes))


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object in a JSON value, outermost first."""
    todo = [value]
    while todo:
        item = todo.pop(0)
        if isinstance(item, dict):
            yield item
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
