"""A real HAProxy with two servers on the stable side, one on the canary's, and cookies that hold customers to a server."""

import os
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from servers.children import Child, free_ports, require

from console.model.systems import HaproxyTraffic

INSTALL = "apt-get install -y --no-install-recommends haproxy"
BACKEND = "shop"


@dataclass
class HaproxyServer:
    """Where the HAProxy listens, and its process. `port` is the runtime API on TCP, `socket_path` the same on a Unix socket."""

    url: str
    port: int
    socket_path: str
    servers: Mapping[str, tuple[str, ...]]
    child: Child

    @property
    def spec(self) -> HaproxyTraffic:
        return HaproxyTraffic(address=f"127.0.0.1:{self.port}", backend=BACKEND, servers=self.servers)

    def ask(self, command: str) -> str:
        """Send one command past the console and return the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5.0) as link:
            link.sendall(f"{command}\n".encode())
            parts = []
            while part := link.recv(65536):
                parts.append(part)
        return b"".join(parts).decode()

    def reset(self) -> None:
        """Go back to the configured weights, with every server ready."""
        if self.child.process is None:
            self.child.start()
        self.child.thaw()
        for side, names in self.servers.items():
            for name in names:
                self.ask(f"set weight {BACKEND}/{name} {100 if side == next(iter(self.servers)) else 0}")
                self.ask(f"set server {BACKEND}/{name} state ready")


def boot_haproxy(folder: Path, upstream_ports: Mapping[str, int]) -> HaproxyServer:
    """Start a HAProxy in front of two upstreams, the first with all the traffic."""
    binary = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    require(binary is not None, INSTALL)
    api, listener = free_ports(2)
    stable, canary = upstream_ports
    config = folder / "haproxy.cfg"
    socket_path = str(folder / "h.sock")
    config.write_text(f"""
global
  stats socket {socket_path} mode 600 level admin
  stats socket 127.0.0.1:{api} level admin
  node test-lb
  maxconn 2000
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  option redispatch
frontend {BACKEND}
  bind 127.0.0.1:{listener}
  default_backend {BACKEND}
backend {BACKEND}
  balance random
  cookie SIDE insert indirect nocache
  server {stable}1 127.0.0.1:{upstream_ports[stable]} weight 100 cookie {stable}1
  server {stable}2 127.0.0.1:{upstream_ports[stable]} weight 100 cookie {stable}2
  server {canary}1 127.0.0.1:{upstream_ports[canary]} weight 0 cookie {canary}1
""")
    child = Child([str(binary), "-db", "-f", str(config)], folder / "haproxy.log", lambda: _answers(api))
    child.start()
    servers = {stable: (f"{stable}1", f"{stable}2"), canary: (f"{canary}1",)}
    return HaproxyServer(f"http://127.0.0.1:{listener}", api, socket_path, servers, child)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as link:
            link.sendall(b"show info\n")
            return link.recv(64).startswith(b"Name: HAProxy")
    except OSError:
        return False
