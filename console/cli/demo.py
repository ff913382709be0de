"""The `demo` command: the practice shop with the desktop."""

from typing import Annotated

import typer

from console.model.errors import BadFile

SCENARIOS = ("healthy", "silent-payment", "site-wide")


def demo(
    *,
    scenario: Annotated[str, typer.Option("--scenario", help=f"One of {', '.join(SCENARIOS)}; its rollout starts with the window.")] = "",
    speed: Annotated[float, typer.Option("--speed", min=1.0, max=100.0, help="How many times faster than a real shop.")] = 20.0,
) -> None:
    """Open the practice shop: real processes and real traffic on this computer, nothing else to install."""
    if scenario and scenario not in SCENARIOS:
        raise BadFile(f"--scenario: found {scenario!r}, wanted one of {', '.join(SCENARIOS)}.")
    from console.desktop.start import run  # noqa: PLC0415  # Qt is loaded for windows only

    raise typer.Exit(run(practice=(scenario or "silent-payment", speed, bool(scenario))))
