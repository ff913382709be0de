"""Whether another console's process still runs, as far as this computer can tell."""

import os
import socket

from console.model.rollout import Actor


def still_runs(actor: Actor) -> bool:
    """Tell whether the process behind `host:pid:random` may be alive; only a process of this computer that is gone is known to be dead."""
    host, _, rest = actor.console.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdigit() or os.name != "posix":
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
