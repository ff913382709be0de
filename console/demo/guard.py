"""Runs a program that knows nothing of leashes, and ends it when the one that asked for it is gone."""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable

from console.demo import leash

SET_PDEATHSIG = 1
"""PR_SET_PDEATHSIG, prctl(2): the kernel sends a signal when the parent ends, so that the program goes even when this guard is killed."""


def _tied() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: nothing but the call itself happens after it
    return lambda: prctl(SET_PDEATHSIG, signal.SIGKILL)


def main() -> int:
    """Run the command line given, without input, and return its exit code."""
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, preexec_fn=_tied())  # noqa: PLW1509 - no thread runs yet
    leash.hold(program.kill)
    return program.wait()


if __name__ == "__main__":
    sys.exit(main())
