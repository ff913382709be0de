"""Who changes a rollout, by what verb, and why."""

from dataclasses import dataclass

from console.model.rollout import Actor


@dataclass(frozen=True, slots=True)
class By:
    """Who changes a rollout, by what verb, and why; `person` says that somebody asked for it, not the console by itself."""

    actor: Actor
    verb: str
    reason: str = ""
    person: bool = False
