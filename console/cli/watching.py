"""Who judges a held canary once a command ends, said plainly; and the wheel of who only watches, for the person who resumes."""

import asyncio

from console.app import Console
from console.engine.watched import JUDGED, watcher_of
from console.model.errors import NotAllowed, StoreError
from console.model.rollout import Phase

TAKES_S = 3.0
"""So long is waited for the console that drove until now to take the wheel again, to watch."""

LOOK_S = 0.25

NOBODY = "nobody is watching this"

_STANDS = frozenset({Phase.HELD, Phase.UNKNOWN})


async def driver_of(console: Console, rollout: str) -> str:
    """Return which other console has the wheel of a rollout now, "" when none has, or it is not known."""
    try:
        lease = (await console.store.wheel.seen(rollout)).live
    except StoreError:
        return ""
    return "" if lease is None or lease.holder.console == console.actor.console else lease.holder.console


async def watch_words(console: Console, rollout: str, drove: str = "") -> str:
    """Say who watches a rollout that this command leaves, and how to have it watched where nobody does; "" where nothing is to watch.

    `drove` is the console that drove it before: it may be about to take the wheel again.
    """
    try:
        row = await console.store.journal.rollout(rollout)
        if row.phase not in JUDGED:
            return ""
        who = await _watcher(console, rollout, TAKES_S if drove else 0.0)
    except StoreError as error:
        return f"Whether anybody watches {rollout} is not known: {error.message}"
    if who:
        return f"{who} watches it and judges on."
    return (
        f"Nobody watches {rollout} now: its gates are not judged, and nothing goes back by itself. "
        f"Have it watched with release-console agent or the desktop, or go on here with release-console release resume {rollout}."
    )


async def _watcher(console: Console, rollout: str, patience_s: float) -> str:
    for _ in range(round(patience_s / LOOK_S)):
        seen = (await console.store.wheel.seen(rollout)).live
        if seen is not None and seen.holder.console != console.actor.console:
            break
        await asyncio.sleep(LOOK_S)
    return await watcher_of(console.store, rollout, besides=console.actor.console)


async def take_from_a_watcher(console: Console, rollout: str, reason: str) -> None:
    """Get the wheel of a rollout that stands from who only watches it, so that its resume is one command.

    It is a handover: the target is read back, and the next token counts. Raises NotAllowed where somebody keeps the wheel.
    """
    row = await console.store.journal.rollout(rollout)
    if row.phase not in _STANDS or not await driver_of(console, rollout):
        return
    answer = await console.take_wheel(rollout, reason)
    if answer.decision.allowed:
        print(f"{rollout}: the wheel is here. {answer.detail}", flush=True)
        return
    reasons = answer.decision.reasons or ("the wheel could not be taken",)
    raise NotAllowed(
        f"{rollout} was not resumed: {reasons[0]}",
        means=" ".join(reasons[1:]),
        advice=f"Whoever has the wheel gives it with: release-console wheel hand-over {rollout}. Then resume again; going back is open.",
    )
