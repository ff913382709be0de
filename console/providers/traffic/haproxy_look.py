"""Looks around in a HAProxy that no target file names yet: its backends with their servers, and what its runtime API lets us do."""

import re

from console.model.errors import Refused
from console.model.text import clean
from console.model.wizard import Found, Part, Right, Route
from console.policy.drafting import guessed
from console.providers.clients.haproxy import HaproxyClient
from console.providers.clients.strict import malformed
from console.providers.traffic.haproxy_tables import read_info

_MOST = 200
_ADDRESS = re.compile(r"[0-9a-fA-F.:]{2,45}")


async def look_haproxy(address: str, timeout_s: float = 5.0) -> Found:
    """Return the backends of a HAProxy that have two servers or more. Raises RemoteError, and BadFile for what is no address."""
    client = HaproxyClient(address, timeout_s)
    info = read_info(await client.ask("show info"), client.system)
    rights = await haproxy_rights(address, timeout_s)
    text = await client.ask("show servers state")
    if "ermission denied" in text:
        raise Refused(
            f"{client.system} does not let us list its servers.",
            means="Its backends are not known.",
            advice="Give its stats socket `level admin` in haproxy.cfg, and reload it.",
        )
    return Found(client.system, _routes(text, client.system), rights, notes=(f"HAProxy {clean(info.get('Version', ''), 40)}",))


async def haproxy_rights(address: str, timeout_s: float = 5.0) -> tuple[Right, ...]:
    """Return what the level of a stats socket allows (management guide 9.3, `show cli level`)."""
    client = HaproxyClient(address, timeout_s)
    level = (await client.ask("show cli level")).strip()
    known = level in {"admin", "operator", "user"}
    advice = "" if level == "admin" else "Give the stats socket `level admin` in haproxy.cfg, and reload it."
    return (
        Right("read its servers and counters", True),
        Right(f"set weights and states (its level is {clean(level, 20)})", level == "admin" if known else None, advice),
    )


def _routes(text: str, system: str) -> tuple[Route, ...]:
    lines = text.splitlines()
    if len(lines) < 2 or lines[0].strip() != "1" or not lines[1].startswith("# "):
        raise malformed(system, f"No table of servers: {clean(text, 80)!r}.")
    names, backends = lines[1][2:].split(" "), dict[str, list[Part]]()
    for line in lines[2:]:
        row = dict(zip(names, line.split(" "), strict=False))
        backend, server = clean(row.get("be_name", ""), 80), clean(row.get("srv_name", ""), 80)
        if backend and server:
            backends.setdefault(backend, []).append(_part(server, row))
    found = [
        Route("haproxy", name, guessed(parts), f"{len(parts)} servers") for name, parts in backends.items() if 2 <= len(parts) <= _MOST
    ]
    return tuple(sorted(found, key=lambda route: (not route.sure, route.name)))


def _part(server: str, row: dict[str, str]) -> Part:
    host, port, weight = row.get("srv_addr", ""), row.get("srv_port", ""), clean(row.get("srv_uweight", ""), 8)
    shown = f"[{host}]" if ":" in host else host
    address = f"{shown}:{port}" if _ADDRESS.fullmatch(host) and port.isascii() and port.isdigit() and port != "0" else ""
    return Part(server, detail=" · ".join(each for each in (address, f"weight {weight}") if each), address=address)
