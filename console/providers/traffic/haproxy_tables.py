"""What HAProxy's runtime API prints, read strictly: servers with their state, counters, and who it is."""

import csv
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from console.model.errors import Refused
from console.model.text import clean
from console.providers.clients.strict import malformed

_RUNNING = frozenset({1, 2})  # srv_op_state: 0 stopped, 1 starting (slow start), 2 running, 3 stopping (soft stop)
_MAINT_BITS = 0x01 | 0x02 | 0x04 | 0x20
_FORCED_MAINT = 0x01
_DRAIN_BITS = 0x08 | 0x10
_SERVER_ROW = "2"  # `show stat` type: 0 frontend, 1 backend, 2 server, 3 listener


@dataclass(frozen=True, slots=True)
class Server:
    """A server of a backend: `weight` 0 to 256 as set now; `takes_new` is False in maintenance, in drain and while it is down."""

    name: str
    weight: int
    takes_new: bool
    held: bool
    """Kept out by a state that `state ready` lifts: forced maintenance or drain."""


def read_servers(text: str, backend: str, system: str) -> tuple[str, Mapping[str, Server]]:
    """Return a backend's id and its servers from `show servers state` (management guide 9.3, format version 1).

    Raises Refused when there is no such backend, Malformed for anything that is not this table.
    """
    lines = text.splitlines()
    if len(lines) < 2 or lines[0].strip() != "1" or not lines[1].startswith("# "):
        if text.startswith("Can't find backend") or "No such" in text:
            raise no_backend(backend, system)
        raise malformed(system, f"No table of servers: {clean(text, 80)!r}.")
    names = lines[1][2:].split(" ")
    servers, backend_id = {}, ""
    for line in lines[2:]:
        row = dict(zip(names, line.split(" "), strict=False))
        if row.get("be_name") != backend:
            continue
        backend_id = row.get("be_id", "")
        operating, admin, weight = (_whole(row, key, system) for key in ("srv_op_state", "srv_admin_state", "srv_uweight"))
        free = not admin & (_MAINT_BITS | _DRAIN_BITS)
        servers[row.get("srv_name", "")] = Server(
            name=row.get("srv_name", ""),
            weight=weight,
            takes_new=free and operating in _RUNNING,
            held=bool(admin & (_FORCED_MAINT | 0x08)),
        )
    if not servers:
        raise no_backend(backend, system)
    return backend_id, servers


def read_sessions(text: str, backend: str, system: str) -> Mapping[str, int]:
    """Return the sessions that each server of a backend was given so far (`stot`), from `show stat` (management guide 9.1)."""
    if not text.startswith("# pxname,"):
        raise malformed(system, f"No table of counters: {clean(text, 80)!r}.")
    try:
        rows = [row for row in csv.DictReader(text[2:].splitlines()) if row.get("pxname") == backend and row.get("type") == _SERVER_ROW]
    except csv.Error:
        raise malformed(system, "Its table of counters cannot be read.") from None
    return {row.get("svname") or "": _whole(row, "stot", system) for row in rows}


def read_info(text: str, system: str) -> Mapping[str, str]:
    """Return the fields of `show info`. Raises Malformed when it is not a HAProxy that answers."""
    fields = {key.strip(): value.strip() for key, found, value in (line.partition(":") for line in text.splitlines()) if found}
    if fields.get("Name") != "HAProxy" or not fields.get("Pid", "").isdigit():
        raise malformed(system, "It does not introduce itself as HAProxy.")
    return fields


def missing_servers(wanted: Sequence[str], found: Container[str], backend: str, system: str) -> Refused | None:
    """Return the error for servers that the target file names and the backend lacks, if there are any."""
    lacking = [name for name in wanted if name not in found]
    if not lacking:
        return None
    return Refused(
        f"Backend {clean(backend, 60)} of {system} has no server {clean(', '.join(lacking), 120)}.",
        means="Nothing was changed.",
        advice="Correct the servers in the target file.",
    )


def no_backend(backend: str, system: str) -> Refused:
    """Return the error for a backend that is not there."""
    return Refused(f"{system} has no backend {clean(backend, 60)}.", means="Nothing was changed.", advice="Correct it in the target file.")


def _whole(row: Mapping[str, str], key: str, system: str) -> int:
    text = row.get(key) or ""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise malformed(system, f"{key} is {clean(text, 40)!r}, which is no whole number.")
    return int(text)
