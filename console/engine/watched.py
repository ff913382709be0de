"""Who judges a rollout now, or would within seconds, as far as the records tell."""

from collections.abc import Callable, Sequence

from console.engine.lost import ALARM_S
from console.engine.others import ACTING, ALIVE_S
from console.engine.presence import still_runs
from console.model.rollout import Actor, Phase
from console.model.stores import ConsoleSeen, Store, WheelSeen

JUDGED = frozenset({Phase.PLANNED, Phase.RUNNING, Phase.HELD, Phase.STOPPED, Phase.UNKNOWN})
"""Phases in which somebody has to look at the canary."""


async def watcher_of(store: Store, rollout: str, *, besides: str = "") -> str:
    """Return who watches a rollout, in words, "" when nobody does; `besides` is a console that ends now. Raises StoreError."""
    seen, alive = await store.wheel.seen(rollout), await store.consoles.alive(ALIVE_S)
    return watcher(seen, alive, lambda actor: actor.console != besides and still_runs(actor))


def watcher(seen: WheelSeen, alive: Sequence[ConsoleSeen], counts: Callable[[Actor], bool]) -> str:
    """Return who has the wheel and gave a sign lately, else a desktop or an agent, which takes a wheel that nobody has; "" for neither."""
    lease = seen.live
    if lease is not None and seen.silent_s < ALARM_S and counts(lease.holder):
        return _words(lease.holder, next((each.kind for each in alive if each.console == lease.holder.console), ""))
    other = next((each for each in alive if each.kind in ACTING and counts(Actor(each.person, each.console))), None)
    return "" if other is None else _words(Actor(other.person, other.console), other.kind)


def _words(actor: Actor, kind: str) -> str:
    host = actor.console.partition(":")[0]
    what = {"desktop": "desktop", "agent": "agent"}.get(kind, "terminal")
    return f"{actor.name}'s {what} on {host}"
