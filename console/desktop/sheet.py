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
    return _rules().substitute(named | dict(radii), icons=resource("icons").as_posix())
