"""The one style sheet, in the colours of a theme; what changes with state is painted instead."""

from collections.abc import Mapping
from functools import cache
from string import Template

from console.model.places import resource


@cache
def _rules() -> Template:
    return Template(resource("style.qss").read_text(encoding="utf-8"))


def sheet(colours: Mapping[str, str], radii: Mapping[str, int]) -> str:
    """Return the application's style sheet with colours, radii and the folder of icons filled in."""
    named: dict[str, object] = {token.replace(".", "_"): value for token, value in colours.items()}
    return _rules().substitute(named | dict(radii), icons=resource("icons").as_posix(), check=_check(colours["accent"]))


def _check(ground: str) -> str:
    """Return the icon of a check that can be read on a colour: dark on a light one, light on a dark one."""
    red, green, blue = (int(ground[at : at + 2], 16) for at in (1, 3, 5))
    return "check-dark.svg" if 0.3 * red + 0.59 * green + 0.11 * blue > 128 else "check-light.svg"
