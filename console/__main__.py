"""Starts release-console: without arguments the desktop, with a verb that command."""

import sys


def main() -> int:
    """Start what the arguments ask for and return the exit code."""
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
