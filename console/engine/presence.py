"""Which process this is among all consoles, and whether another one's still runs, as far as this computer can tell."""

import hashlib
import os
import secrets as randomness
import socket
import sys
import uuid
from pathlib import Path

from console.model.rollout import Actor

PROC = Path("/proc")
LINUX = sys.platform == "linux"
_MULTICAST = 1 << 40
"""Set in what `uuid.getnode` makes up where it finds no network card."""


def this_console() -> str:
    """Return what tells this process from every other console, as `host:pid:place.start.random`; place and start are "" where unknown."""
    return f"{socket.gethostname()}:{os.getpid()}:{place()}.{start_of(os.getpid())}.{randomness.token_hex(4)}"


def still_runs(actor: Actor) -> bool:
    """Tell whether the process behind a console may be alive.

    Only one that was started where this one runs, and is gone, is known to be dead: two containers of one host name count their processes
    apart, and so do a computer before and after its restart.
    """
    host, _, rest = actor.console.partition(":")
    pid, _, mark = rest.partition(":")
    theirs, _, more = mark.partition(".")
    start, dot, _ = more.partition(".")
    if not dot or not theirs or host != socket.gethostname() or theirs != place() or not pid.isdigit():
        return True
    return _runs(int(pid), start)


def place() -> str:
    """Return where process ids mean the same as here: one boot of one kernel and one pid namespace; "" where that cannot be told."""
    if LINUX:
        return _linux_place()
    node = uuid.getnode()  # elsewhere processes have one namespace, and the network card tells computers apart
    return "" if os.name != "posix" or node & _MULTICAST else _short(f"{sys.platform} {node:x}")


def start_of(pid: int) -> str:
    """Return when a process was started, in ticks since the boot, so that a later one with its id is told apart; "" where unknown."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # the name before it may hold anything; see proc_pid_stat(5), field 22
    return fields[19] if len(fields) > 19 else ""


def _linux_place() -> str:
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        spaces = [(PROC / "self/ns/pid").stat()]
        if (PROC / "self/ns/time").exists():  # from Linux 5.6 on; it moves the ticks of a start
            spaces.append((PROC / "self/ns/time").stat())
    except (OSError, ValueError):
        return ""
    return _short(" ".join([boot, *(f"{each.st_dev}:{each.st_ino}" for each in spaces)])) if boot else ""


def _runs(pid: int, start: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    now = start_of(pid)
    return not start or not now or start == now


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
