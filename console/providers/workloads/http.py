"""Sides that tell their version at an HTTP address."""

import re

from console.model.clock import Clock
from console.model.errors import BadFile
from console.model.readings import SideVersion
from console.model.systems import HttpWorkloads, Side
from console.model.text import clean
from console.providers.clients.http import Call, HttpClient, Token, place
from console.providers.clients.strict import field, malformed

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~:@/-]{0,99}")


class HttpWorkloadVersions:
    """Reads `{"version": "18.0.0", "healthy": true}`, or the version alone as plain text; what answers without `healthy` is healthy."""

    def __init__(self, spec: HttpWorkloads, http: HttpClient, clock: Clock, token: Token | None = None) -> None:
        self._spec = spec
        self._http = http
        self._clock = clock
        self._token = token

    async def version(self, side: Side) -> SideVersion:
        """Return which version a side runs now. Raises Malformed for anything that cannot be a version, such as a login page."""
        url = self._spec.urls.get(side)
        if url is None:
            raise BadFile(f"No version address is known for {clean(side, 40)}.", advice="Add it under workloads in the target file.")
        at = self._clock.now()
        system = f"{clean(side, 40)} at {place(url)}"
        reply = await self._http.send(Call(system, url, timeout_s=self._spec.timeout_s, token=self._token))
        text, healthy = reply.text().strip(), True
        if reply.media.endswith("json") or text.startswith("{"):
            value = reply.json()
            text = field(value, "version", str, system).strip()
            healthy = bool(field(value, "healthy", bool, system)) if "healthy" in value else True
        if not _VERSION.fullmatch(text):
            raise malformed(system, f"{clean(text, 40)!r} is no version.")
        return SideVersion(text, healthy, at)
