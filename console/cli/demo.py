"""The `demo` command: the practice shop with the desktop."""

import os
from collections.abc import Callable
from typing import Annotated

import typer

from console.model.errors import BadFile
from console.model.places import OWN_RECORDS, STORE_VARIABLE

OpenDesktop = Callable[[tuple[str, float, bool]], int]
"""Opens the window on the practice shop, (scenario, speed, whether its rollout starts), and returns the exit code when it closed.

It comes from above: commands do not know windows.
"""

SCENARIOS = ("healthy", "silent-payment", "site-wide", "stuck-rollback")


def demo(
    context: typer.Context,
    *,
    scenario: Annotated[str, typer.Option("--scenario", help=f"One of {', '.join(SCENARIOS)}; its rollout starts with the window.")] = "",
    speed: Annotated[float, typer.Option("--speed", min=1.0, max=100.0, help="How many times faster than a real shop.")] = 20.0,
) -> None:
    """Open the practice shop: real processes and real traffic on this computer, nothing else to install."""
    if scenario and scenario not in SCENARIOS:
        raise BadFile(f"--scenario: found {scenario!r}, wanted one of {', '.join(SCENARIOS)}.")
    open_desktop: OpenDesktop | None = context.obj
    if open_desktop is None:
        raise BadFile("demo opens a window, and this program was started without one.", advice="Start it as release-console demo.")
    os.environ[STORE_VARIABLE] = OWN_RECORDS  # practice never touches a team's records
    raise typer.Exit(open_desktop((scenario or "silent-payment", speed, bool(scenario))))
