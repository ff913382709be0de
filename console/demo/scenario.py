"""What can happen in the practice shop: the scenarios that ship with the program."""

import json
from dataclasses import dataclass

from console.model.errors import BadFile
from console.model.places import resource

NAMES = ("healthy", "silent-payment", "site-wide", "stuck-rollback")
SPEEDS = (1.0, 100.0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One course of events: the release's migration and its way back, and what goes wrong.

    `provider_accepts`, the share of charges that the payment provider still takes, holds for both versions from shortly after the canary's
    first charge; None leaves the provider well. `cache_locked` lets the token cache refuse to be purged until a person mends it.
    """

    name: str
    title: str
    story: str
    migration: tuple[str, ...]
    undo: tuple[str, ...]
    provider_accepts: float | None
    cache_locked: bool


def load(name: str) -> Scenario:
    """Return a scenario by name. Raises BadFile when there is none of that name."""
    if name not in NAMES:
        raise BadFile(f"There is no scenario {name!r}.", advice=f"Choose one of: {', '.join(NAMES)}.")
    facts = json.loads(resource("scenarios", f"{name}.json").read_text(encoding="utf-8"))
    facts |= {key: tuple(facts[key]) for key in ("migration", "undo")}
    return Scenario(name, **facts)


def checked_speed(speed: float) -> float:
    """Return a speed that the practice shop can keep up with. Raises BadFile for others."""
    slowest, fastest = SPEEDS
    if not slowest <= speed <= fastest:
        raise BadFile(f"The practice shop cannot run at speed {speed:g}.", advice=f"Choose a speed from {slowest:g} to {fastest:g}.")
    return speed
