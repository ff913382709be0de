"""Who sits at this console, until the engine says so itself."""

import getpass
import os
import platform

from console.model.rollout import Actor


def this_person() -> Actor:
    """Return the account's name and this process."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return Actor(name, f"{platform.node()}:{os.getpid()}")
