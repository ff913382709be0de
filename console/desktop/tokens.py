"""The design tokens, read once from the file that the pictures were drawn from."""

import json
from functools import cache
from typing import Any

from console.model.places import resource


@cache
def tokens() -> dict[str, Any]:
    """Return the whole token file: colours by theme, font scale, sizes in px at 100 %, radii, motion, keys."""
    loaded: dict[str, Any] = json.loads(resource("tokens.json").read_text(encoding="utf-8"))
    return loaded


def size(name: str) -> int:
    """Return a size of one number, in px."""
    return int(tokens()["size"][name])


def pair(name: str) -> tuple[int, int]:
    """Return a size of two numbers: width and height, in px."""
    width, height = tokens()["size"][name]
    return int(width), int(height)


def radius(name: str) -> int:
    """Return a corner radius, in px."""
    return int(tokens()["radius"][name])


def state_word(state: str) -> str:
    """Return the word that stands beside a state's mark."""
    return str(tokens()["state"][state]["word"])


def state_token(state: str) -> str:
    """Return the colour family of a state, as a colour token."""
    return str(tokens()["state"][state]["colour"])
