"""Starts release-console: without arguments the desktop, with a verb that command."""

import logging
import os
import sys
import threading
from contextlib import suppress

ASKING = ("secrets", "audit-key")
"""The threads that may wait for a person at the keyring; nobody waits for them at the end."""


def main() -> int:
    """Start what the arguments ask for and return the exit code; all is closed by then."""
    code = _start()
    if any(thread.name in ASKING for thread in threading.enumerate()):
        _leave(code)
    return code


def _leave(code: int) -> None:
    """End at once: the interpreter would tear such a thread down, and in the keyring's cryptography that aborts the process."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):  # whoever read it is gone
                stream.flush()
    os._exit(code)


def _start() -> int:
    if len(sys.argv) == 1:
        from console.desktop.start import run as desktop  # noqa: PLC0415  # commands must not load Qt

        return desktop()
    from console.cli.main import run  # noqa: PLC0415  # the desktop's first paint must not wait for the commands

    return run(sys.argv[1:], open_practice)


def open_practice(practice: tuple[str, float, bool]) -> int:
    """Open the window on the practice shop: scenario, speed, and whether its rollout starts at once."""
    from console.desktop.start import run as desktop  # noqa: PLC0415  # commands must not load Qt

    return desktop(practice=practice)


if __name__ == "__main__":
    sys.exit(main())
